"""Box sums: sums over square windows by running sums, at a cost independent of the size of the window."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share

STRIPE = 64  # rows of one task; running sums restart in each, so that rounding errors do not accumulate


def box_sums(fields, side, out):
    """out[y, x] = sum of fields[y : y + side, x : x + side], for fields (H, W, m) and out (H - side + 1, ..., m)."""
    share(_sum_stripes, -(-len(out) // STRIPE), fields, side, out)


@compiled()
def _sum_stripes(low, high, fields, side, out):
    rows, _, depth = out.shape
    width = fields.shape[1]
    strip = np.empty(width * depth)
    running = np.empty(depth)
    for stripe in range(low, high):
        top = stripe * STRIPE
        strip[:] = 0.0
        for v in range(top, top + side):
            row = fields[v].reshape(-1)  # contiguous, for a single loop
            for i in range(strip.size):
                strip[i] += row[i]
        for y in range(top, min(rows, top + STRIPE)):
            if y > top:
                above, below = fields[y - 1].reshape(-1), fields[y + side - 1].reshape(-1)
                for i in range(strip.size):
                    strip[i] += below[i] - above[i]
            if depth == 4:
                _sum_four(strip, side, out[y])
            else:
                _sum_across(strip, side, running, out[y])


@compiled()
def _sum_across(strip, side, running, out):
    """Sums over the windows of one row, from the sums over their columns."""
    columns, depth = out.shape
    running[:] = 0.0
    for x in range(side):
        for c in range(depth):
            running[c] += strip[x * depth + c]
    for c in range(depth):
        out[0, c] = running[c]
    for x in range(1, columns):
        for c in range(depth):
            running[c] += strip[(x + side - 1) * depth + c] - strip[(x - 1) * depth + c]
            out[x, c] = running[c]


@compiled()
def _sum_four(strip, side, out):
    """As `_sum_across` for four fields, those of three channels, whose sums stay in registers."""
    one = two = three = four = 0.0
    for x in range(side):
        one += strip[4 * x]
        two += strip[4 * x + 1]
        three += strip[4 * x + 2]
        four += strip[4 * x + 3]
    out[0, 0], out[0, 1], out[0, 2], out[0, 3] = one, two, three, four
    for x in range(1, out.shape[0]):
        after, before = 4 * (x + side - 1), 4 * (x - 1)
        one += strip[after] - strip[before]
        two += strip[after + 1] - strip[before + 1]
        three += strip[after + 2] - strip[before + 2]
        four += strip[after + 3] - strip[before + 3]
        out[x, 0], out[x, 1], out[x, 2], out[x, 3] = one, two, three, four


def moments(image, values, out):
    """out = (I p, p), (H, W, d + 1), for colours I (H, W, d) and values p (H, W)."""
    share(_moment_rows, len(image), image, values, out)


@compiled()
def _moment_rows(low, high, image, values, out):
    _, width, depth = image.shape
    for y in range(low, high):
        for x in range(width):
            for c in range(depth):
                out[y, x, c] = image[y, x, c] * values[y, x]
            out[y, x, depth] = values[y, x]


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


def residual(image, values, count, fits, out):
    """out = n p - I · a - b, (H, W), with (a, b) the sums of the fits over the n windows that contain a pixel."""
    share(_residual_rows, len(image), image, values, count, fits, out)


@compiled()
def _residual_rows(low, high, image, values, count, fits, out):
    _, width, depth = image.shape
    for y in range(low, high):
        for x in range(width):
            left = count[y, x] * values[y, x] - fits[y, x, depth]
            for c in range(depth):
                left -= image[y, x, c] * fits[y, x, c]
            out[y, x] = left
