"""Colours as mixtures of others."""

from __future__ import annotations

import math

from propmat._backend import HOST
from propmat._typing import Array
from propmat.flows._nearest import Nearest, Pixels

RIDGE = 1e-8  # in squared colour units: without it the weights of twenty colours in three dimensions are not unique


def mixing_weights(colours: Array, own: Pixels, near: Nearest, most: float = math.inf) -> Array:
    """Weights (n, k) of sum 1 for which mixtures of the colours `near` are nearest to those of the pixels `own` (n,).

    The fit has the penalty `RIDGE`; where the squares of the weights sum to more than `most`, ten times as much, and so
    on until they do not. Others that do not count have weight 0.

    Woodbury's identity reduces the k x k system (Z Z' + ridge) w = 1, Z the differences in colour, to one of d x d.
    """
    weights: Array = HOST.kernels("mixing").weigh(colours, own, near.pixels, near.counts, RIDGE, most)
    return weights
