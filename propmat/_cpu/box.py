"""Sums over square windows, at a cost that does not depend on their size."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share

STRIPE = 64  # rows that one task sums; each starts its running sums anew, which keeps rounding from piling up


def box_sums(fields, side, out):
    """out[y, x] = sum of fields[y : y + side, x : x + side], for fields (H, W, m) and out (H - side + 1, ..., m)."""
    share(_sum_stripes, -(-len(out) // STRIPE), fields, side, out)


@compiled()
def _sum_stripes(low, high, fields, side, out):
    rows, columns, depth = out.shape
    width = fields.shape[1]
    for stripe in range(low, high):
        top = stripe * STRIPE
        strip = np.zeros((width, depth))
        running = np.empty(depth)
        for y in range(top, min(rows, top + STRIPE)):
            if y == top:
                for v in range(top, top + side):
                    for x in range(width):
                        for c in range(depth):
                            strip[x, c] += fields[v, x, c]
            else:
                for x in range(width):
                    for c in range(depth):
                        strip[x, c] += fields[y + side - 1, x, c] - fields[y - 1, x, c]
            running[:] = 0.0
            for x in range(side - 1):
                for c in range(depth):
                    running[c] += strip[x, c]
            for x in range(columns):
                for c in range(depth):
                    running[c] += strip[x + side - 1, c]
                    out[y, x, c] = running[c]
                    running[c] -= strip[x, c]


def fit_windows(sums, mean, inverse, count, out):
    """Slopes a and constant b of the ridge fit of p in every window, from the sums of (I p, p) over it."""
    share(_fit_rows, len(mean), sums, mean, inverse, count, out)


@compiled()
def _fit_rows(low, high, sums, mean, inverse, count, out):
    _, columns, depth = mean.shape
    moment = np.empty(depth)
    for y in range(low, high):
        for x in range(columns):
            total = sums[y, x, depth]
            for c in range(depth):
                moment[c] = sums[y, x, c] - mean[y, x, c] * total
            constant = total / count
            for c in range(depth):
                slope = 0.0
                for e in range(depth):
                    slope += inverse[y, x, c, e] * moment[e]
                slope /= count
                out[y, x, c] = slope
                constant -= slope * mean[y, x, c]
            out[y, x, depth] = constant
