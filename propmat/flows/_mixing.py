"""Colours as mixtures of others."""

from __future__ import annotations

import numpy as np

from propmat._typing import Array, Mask

RIDGE = 1e-8  # in squared colour units: without it the weights of twenty colours in three dimensions are not unique


def mixing_weights(colours: Array, others: Array, counts: Mask) -> Array:
    """Weights (n, k) of sum 1 for which the mixtures of `others` (n, k, d) are nearest to `colours` (n, d).

    The fit has the penalty `RIDGE`. Others that do not count (n, k) have weight 0.

    Woodbury's identity reduces the k x k system (Z Z' + ridge) w = 1, Z the differences in colour, to one of d x d.
    """
    differences = (others - colours[:, np.newaxis]) * counts[:, :, np.newaxis]
    across = differences.transpose(0, 2, 1)
    gram = across @ differences + RIDGE * np.eye(colours.shape[1])
    coefficients = np.linalg.solve(gram, across.sum(axis=2, keepdims=True))
    weights = counts - (differences @ coefficients)[:, :, 0]
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total != 0)  # a lone pixel has no others
