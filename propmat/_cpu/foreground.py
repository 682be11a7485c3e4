"""Multilevel estimation of foreground and background colours.

Red-black Gauss-Seidel. Rows in work are stored by colour of the checkerboard: the first index is the colour of pixel
(y, x), (y + x) mod 2, the second the row, the third x // 2 + 1, with one padding element at either end. All four
neighbours of a pixel have the other colour, so that the pixels of one colour can be updated in any order with bitwise
the same result, and loops along a row are over contiguous memory and are vectorised.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share

BAND = 64


def refine(image, alpha, rows, columns, smaller, small_rows, small_columns, layers, sweeps, weights):
    """Fill the layers of a grid: the layers of the next coarser grid, interpolated and then relaxed by sweeps.

    The grid consists of the given rows and columns of `image` and `alpha`; `small_rows` and `small_columns` are the
    indices of the coarser grid for its rows and columns. `layers` and `smaller` are (2, H, W, channels), foreground and
    background; `weights` is (regularization, gradient_weight).

    Bands of rows are computed independently: each reads the coarser grid only, and repeats the sweeps over those rows
    of the adjacent bands that it depends on.
    """
    given = image, alpha, rows, columns, smaller, small_rows, small_columns, layers, 2 * sweeps, weights
    share(_refine_bands, -(-rows.size // BAND), *given)


@compiled()
def _refine_bands(low, high, image, alpha, rows, columns, smaller, small_rows, small_columns, layers, stages, weights):
    for band in range(low, high):
        first, last = band * BAND, min((band + 1) * BAND, rows.size)
        _refine_band(
            first, last, image, alpha, rows, columns, smaller, small_rows, small_columns, layers, stages, weights
        )


@compiled()
def _refine_band(first, last, image, alpha, rows, columns, smaller, small_rows, small_columns, layers, stages, weights):
    """All half sweeps over some rows in one pass, each one row behind the previous one.

    A half sweep over row y needs the previous one on rows y - 1 to y + 1, so after row t is loaded, half sweep s
    processes row t - 1 - s. Only the most recent rows are stored, in a ring buffer indexed by y modulo its length; it
    stays in the cache.
    """
    height, width, channels = rows.size, columns.size, image.shape[2]
    slots, places = stages + 2, (width + 1) // 2 + 2
    colours = np.zeros((channels, 2, slots, places), np.float32)
    matte = np.zeros((2, slots, places), np.float32)
    estimate = np.zeros((2, channels, 2, slots, places), np.float32)
    picked = np.empty((2, 2, places), np.int32)  # columns of even and of odd pixels, in the grid and the coarser one
    for x in range(width):
        picked[0, x & 1, x // 2], picked[1, x & 1, x // 2] = columns[x], small_columns[x]
    for t in range(max(first - stages, 0), last + stages):
        if t < height:
            fine, coarse = rows[t], small_rows[t]
            _load_row(t, width, picked, image[fine], alpha[fine], smaller[:, coarse], colours, matte, estimate)
        for stage in range(stages):
            y, beyond = t - 1 - stage, stages - 1 - stage
            if max(first - beyond, 0) <= y < min(last + beyond, height):
                _relax_row(y, colours, matte, estimate, width, height, stage & 1, weights)
        if first <= t - stages:
            _store_row(t - stages, image[rows[t - stages]], columns, matte, estimate, layers)


@compiled()
def _load_row(y, width, picked, image, alpha, smaller, colours, matte, estimate):
    """Load a row; of the layers only the pixels of colour 1, which the first half sweep (over colour 0) reads."""
    channels, _, slots, _ = colours.shape
    slot = y % slots
    for shift in range(2):
        square, place, small_place = (y + shift) & 1, picked[0, shift], picked[1, shift]
        count = (width - shift + 1) // 2
        for i in range(count):
            matte[square, slot, i + 1] = alpha[place[i]]
        for c in range(channels):
            for i in range(count):
                colours[c, square, slot, i + 1] = image[place[i], c]
            if square == 1:
                for layer in range(2):
                    for i in range(count):
                        estimate[layer, c, 1, slot, i + 1] = smaller[layer, small_place[i], c]


@compiled()
def _store_row(y, image, columns, matte, estimate, layers):
    """Store a row of both layers; where alpha is 1 (0), the foreground (background) is exactly the image."""
    channels, _, slots, _ = estimate.shape[1:]
    slot = y % slots
    for layer in range(2):
        shown = np.float32(1 - layer)
        for shift in range(2):
            square = (y + shift) & 1
            count = (columns.size - shift + 1) // 2
            for c in range(channels):
                for i in range(count):
                    x = 2 * i + shift
                    alone = matte[square, slot, i + 1] == shown
                    layers[layer, y, x, c] = image[columns[x], c] if alone else estimate[layer, c, square, slot, i + 1]


@compiled()
def _relax_row(y, colours, matte, layers, width, height, square, weights):
    """One Gauss-Seidel half sweep over the pixels of one colour of the checkerboard in a row.

    Each pixel is set to the minimiser of the energy for fixed neighbours. With f and b the means of the neighbours'
    foreground and background, weighted by the edge weights, D the sum of these weights, and r = I - α f - (1 - α) b:

        F = f + α r / (D + α² + (1 - α)²),        B = b + (1 - α) r / (D + α² + (1 - α)²).

    Where α is 1 (0), the foreground (background) is known; D = 0 there sets it to I.
    """
    channels, _, slots, _ = colours.shape
    other = 1 - square
    zero, one = np.float32(0), np.float32(1)
    regularization, gradient_weight = np.float32(weights[0]), np.float32(weights[1])
    shift = (y + square) & 1  # x = 2 i + shift
    count = (width - shift + 1) // 2
    here, above, below = y % slots, (y - 1) % slots, (y + 1) % slots

    edges = np.empty((4, count), np.float32)
    up, down, left, right = edges[0], edges[1], edges[2], edges[3]
    alpha = matte[square, here, 1:]
    alpha_up, alpha_down = matte[other, above, 1:], matte[other, below, 1:]
    alpha_left, alpha_right = matte[other, here, shift:], matte[other, here, shift + 1 :]
    for i in range(count):
        up[i] = regularization + gradient_weight * abs(alpha[i] - alpha_up[i])
        down[i] = regularization + gradient_weight * abs(alpha[i] - alpha_down[i])
    for i in range(count):
        left[i] = regularization + gradient_weight * abs(alpha[i] - alpha_left[i])
        right[i] = regularization + gradient_weight * abs(alpha[i] - alpha_right[i])
    if y == 0:
        up[:] = zero
    if y == height - 1:
        down[:] = zero
    if shift == 0:
        left[:1] = zero
    if (width - 1 - shift) % 2 == 0:
        right[count - 1 :] = zero

    scale = np.empty((2, count), np.float32)
    inverse, gain = scale[0], scale[1]
    for i in range(count):
        total = up[i] + down[i] + left[i] + right[i]
        inverse[i] = one / total
        a, b = alpha[i], one - alpha[i]
        gain[i] = one / (a * a + b * b + (total if a * b > zero else zero))

    for c in range(channels):
        image = colours[c, square, here, 1:]
        foreground, background = layers[0, c, square, here, 1:], layers[1, c, square, here, 1:]
        f_up, f_down = layers[0, c, other, above, 1:], layers[0, c, other, below, 1:]
        f_left, f_right = layers[0, c, other, here, shift:], layers[0, c, other, here, shift + 1 :]
        b_up, b_down = layers[1, c, other, above, 1:], layers[1, c, other, below, 1:]
        b_left, b_right = layers[1, c, other, here, shift:], layers[1, c, other, here, shift + 1 :]
        for i in range(count):
            f = up[i] * f_up[i] + down[i] * f_down[i] + left[i] * f_left[i] + right[i] * f_right[i]
            b = up[i] * b_up[i] + down[i] * b_down[i] + left[i] * b_left[i] + right[i] * b_right[i]
            f *= inverse[i]
            b *= inverse[i]
            step = gain[i] * (image[i] - alpha[i] * f - (one - alpha[i]) * b)
            foreground[i] = f + alpha[i] * step
            background[i] = b + (one - alpha[i]) * step
