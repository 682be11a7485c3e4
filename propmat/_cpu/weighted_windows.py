"""The closed-form Laplacian with a weight κ for each window of 3 x 3 pixels.

Weights (H - 2, W - 2) are indexed by the top left pixel of their window.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share
from propmat._cpu.grid import LANES, STRIPE, straddles, window_factors


@compiled(fastmath={"contract"})
def add_windows(low, high, image, weights, unknown, centres, number, epsilon, block, values):
    """Add κ B of all windows or, if block > 0, of those with unknown pixels in several blocks.

    As `grid.assemble_windows`, which sums B without weights.
    """
    height, width, depth = image.shape
    factor = np.empty((depth, 9, LANES))
    centred = np.empty((9, depth, LANES))
    covariance = np.empty((depth, depth, LANES))
    lanes = np.empty(LANES, np.int64)
    for stripe in range(low, high):
        top, bottom = stripe * STRIPE, min(height, (stripe + 1) * STRIPE)
        for y in range(max(1, top - 1), min(height - 1, bottom + 1)):
            x = 1
            while x < width - 1:
                count = np.int64(0)
                while count < LANES and x < width - 1:
                    if centres[y, x] and (block == 0 or straddles(unknown, y - 1, x - 1, 3, 3, block)):
                        lanes[count] = x
                        count += 1
                    x += 1
                window_factors(image, y, lanes, count, epsilon, centred, covariance, factor)
                _scatter(factor, lanes, count, weights[y - 1], number, y, top, bottom, values)


@compiled(inline="always")
def _scatter(factor, lanes, count, weights, number, y, top, bottom, values):
    """Add the weighted matrices of windows around (y, lanes[t]) to rows top to bottom - 1."""
    depth = factor.shape[0]
    for a in range(9):
        row = y - 1 + a // 3
        if row < top or row >= bottom:
            continue
        for b in range(a, 9):
            dy, dx = b // 3 - a // 3, b % 3 - a % 3
            target = values[dx if dy == 0 else 5 * dy + dx]
            constant = (1.0 if a == b else 0.0) - 1.0 / 9.0
            for t in range(count):
                entry = constant
                for c in range(depth):
                    entry -= factor[c, a, t] * factor[c, b, t]
                target[number[row + 2, lanes[t] + 1 + a % 3]] += weights[lanes[t] - 1] * entry


def window_products(image, mean, wanted, adjoint, alpha, slopes, levels):
    """λᵀ B α of every wanted window, 0 elsewhere; `slopes` and `levels` are the fits of α by `ridge.fits`."""
    out = np.zeros(wanted.shape)
    share(_multiply_rows, len(out), image, mean, wanted, adjoint, alpha, slopes, levels, out)
    return out


@compiled()
def _multiply_rows(low, high, image, mean, wanted, adjoint, alpha, slopes, levels, out):
    for y in range(low, high):
        for x in range(wanted.shape[1]):
            if not wanted[y, x]:
                continue
            for a in range(9):
                v, u = y + a // 3, x + a % 3
                left = alpha[v, u] - levels[y, x]
                for c in range(image.shape[2]):
                    left -= slopes[y, x, c] * (image[v, u, c] - mean[y, x, c])
                out[y, x] += adjoint[v, u] * left
