"""Colours as mixtures of others."""

from __future__ import annotations

import numpy as np

from propmat._typing import Array, Mask

RIDGE = 1e-8  # of mixtures, in squared colour units: twenty colours in three dimensions leave weights undetermined


def mixing_weights(colours: Array, others: Array, counts: Mask) -> Array:
    """Weights (n, k) that sum to one and mix `others` (n, k, d) to come nearest `colours` (n, d), short of `RIDGE`.

    Others that do not count (n, k) have weight 0.

    Of the k x k system (Z Z' + ridge) w = 1, Z the differences in colour, Woodbury's identity leaves one d x d.
    """
    differences = (others - colours[:, np.newaxis]) * counts[:, :, np.newaxis]
    across = differences.transpose(0, 2, 1)
    gram = across @ differences + RIDGE * np.eye(colours.shape[1])
    coefficients = np.linalg.solve(gram, across.sum(axis=2, keepdims=True))
    weights = counts - (differences @ coefficients)[:, :, 0]
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total != 0)  # a lone pixel has no others
