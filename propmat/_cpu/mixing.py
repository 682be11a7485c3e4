"""Weights of mixtures of colours."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share

LADDER = 16  # at most so many ridges: the last is far above all squared differences of colour, so weights are equal


def weigh(colours, own, others, counts, ridge, most):
    """Weights (n, k) of sum 1 with which `others` (n, k) mix to the colour of each pixel of `own` (n,), by ridge fits.

    Where the sum of the squares of the weights exceeds `most`, the ridge is multiplied by 10 until it does not.
    """
    weights = np.zeros(others.shape)
    share(_weigh, len(own), colours, own, others, counts, ridge, most, weights)
    return weights


@compiled()
def _weigh(low, high, colours, own, others, counts, ridge, most, weights):
    depth, each = colours.shape[1], others.shape[1]
    gaps, gram, factor = np.empty((each, depth)), np.empty((depth, depth)), np.empty((depth, depth))
    total, fit = np.empty(depth), np.empty(depth)
    for row in range(low, high):
        _moments(colours, own[row], others[row], counts[row], gaps, gram, total)
        strength = ridge
        for _ in range(LADDER):
            _solve(gram, total, strength, factor, fit)
            if _fill(gaps, counts[row], fit, weights[row]) <= most:
                break
            strength *= 10.0


@compiled()
def _moments(colours, pixel, others, counts, gaps, gram, total):
    """Differences of colour, the sums of their products, and their sums."""
    depth = total.size
    for c in range(depth):
        total[c] = 0.0
        for e in range(depth):
            gram[c, e] = 0.0
    for k in range(others.size):
        for c in range(depth):
            gaps[k, c] = colours[others[k], c] - colours[pixel, c] if counts[k] else 0.0
        for c in range(depth):
            total[c] += gaps[k, c]
            for e in range(c + 1):
                gram[c, e] += gaps[k, c] * gaps[k, e]


@compiled()
def _solve(gram, total, strength, factor, fit):
    """fit = (gram + strength)⁻¹ total, by Cholesky's factorisation; of `gram` the lower triangle is read."""
    depth = total.size
    for c in range(depth):
        for e in range(c + 1):
            left = gram[c, e]
            for f in range(e):
                left -= factor[c, f] * factor[e, f]
            factor[c, e] = np.sqrt(left + strength) if c == e else left / factor[e, e]
        left = total[c]
        for f in range(c):
            left -= factor[c, f] * fit[f]
        fit[c] = left / factor[c, c]
    for c in range(depth - 1, -1, -1):
        left = fit[c]
        for f in range(c + 1, depth):
            left -= factor[f, c] * fit[f]
        fit[c] = left / factor[c, c]


@compiled()
def _fill(gaps, counts, fit, weights):
    """Weights 1 - gap · fit, divided by their sum; returns the sum of their squares, 0 where nothing counts."""
    total = 0.0
    for k in range(weights.size):
        left = 1.0 if counts[k] else 0.0
        for c in range(fit.size):
            left -= gaps[k, c] * fit[c]
        weights[k] = left
        total += left
    squares = 0.0
    for k in range(weights.size):
        weights[k] = weights[k] / total if total != 0.0 else 0.0
        squares += weights[k] * weights[k]
    return squares
