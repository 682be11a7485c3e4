"""Multilevel estimation of foreground and background colours.

A grid of pixels is kept as a packed checkerboard: index 0 the colour of the square, (y + x) mod 2,
then the row, then the square's place x // 2 + 1 in its row, with an empty place at either end. All
four neighbours of a square are of the other colour, so the squares of one colour can be updated in
any order, by any number of threads, with the same result to the last bit; and every loop along a
row runs over consecutive numbers, which the compiler turns into vectors.
"""

import numpy as np
from numba import prange

from propmat._cpu._compiled import compiled


@compiled(parallel=True)
def enlarge(layers, rows, columns):
    """Colours of the given rows and columns of a smaller grid, for a sweep that starts with square 0.

    `layers` is (2, channels, 2, H, places): foreground and background, packed. A half sweep does
    not read what it overwrites, so only square 1 is filled.
    """
    channels, height, width = layers.shape[1], rows.size, columns.size
    larger = np.empty((2, channels, 2, height, (width + 1) // 2 + 2), np.float32)
    larger[..., 0] = 0.0
    larger[..., -2:] = 0.0
    for y in prange(height):
        row = rows[y]
        for x in range((y + 1) % 2, width, 2):
            square, place = (row + columns[x]) & 1, columns[x] // 2 + 1
            for layer in range(2):
                for c in range(channels):
                    larger[layer, c, 1, y, x // 2 + 1] = layers[layer, c, square, row, place]
    return larger


@compiled(parallel=True)
def relax(colours, matte, layers, width, square, regularization, gradient_weight):
    """One Gauss-Seidel half sweep over the squares of one colour.

    Each pixel takes the minimiser of its part of the energy. With f and b the means of the
    neighbours' foreground and background under the edge weights, D the sum of those, and r = I - α
    f - (1 - α) b, it is

        F = f + α r / (D + α² + (1 - α)²),        B = b + (1 - α) r / (D + α² + (1 - α)²).

    Where α is 0 or 1 the colour that shows is known; leaving out D there sets it to I.
    """
    for y in prange(matte.shape[1]):
        _relax_row(y, colours, matte, layers, width, square, regularization, gradient_weight)


@compiled()
def relax_small(colours, matte, layers, width, square, regularization, gradient_weight):
    """`relax` on one thread, for grids that take less time than waking another."""
    for y in range(matte.shape[1]):
        _relax_row(y, colours, matte, layers, width, square, regularization, gradient_weight)


@compiled(error_model="numpy")
def _relax_row(y, colours, matte, layers, width, square, regularization, gradient_weight):
    channels, _, height, _ = colours.shape
    other = 1 - square
    zero, one = np.float32(0), np.float32(1)
    regularization, gradient_weight = np.float32(regularization), np.float32(gradient_weight)
    shift = (y + square) & 1  # x = 2 i + shift
    count = (width - shift + 1) // 2
    above, below = max(y - 1, 0), min(y + 1, height - 1)

    weights = np.empty((4, count), np.float32)
    up, down, left, right = weights[0], weights[1], weights[2], weights[3]
    alpha = matte[square, y, 1:]
    alpha_up, alpha_down = matte[other, above, 1:], matte[other, below, 1:]
    alpha_left, alpha_right = matte[other, y, shift:], matte[other, y, shift + 1 :]
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
        image = colours[c, square, y, 1:]
        foreground, background = layers[0, c, square, y, 1:], layers[1, c, square, y, 1:]
        f_up, f_down = layers[0, c, other, above, 1:], layers[0, c, other, below, 1:]
        f_left, f_right = layers[0, c, other, y, shift:], layers[0, c, other, y, shift + 1 :]
        b_up, b_down = layers[1, c, other, above, 1:], layers[1, c, other, below, 1:]
        b_left, b_right = layers[1, c, other, y, shift:], layers[1, c, other, y, shift + 1 :]
        for i in range(count):
            f = up[i] * f_up[i] + down[i] * f_down[i] + left[i] * f_left[i] + right[i] * f_right[i]
            b = up[i] * b_up[i] + down[i] * b_down[i] + left[i] * b_left[i] + right[i] * b_right[i]
            f *= inverse[i]
            b *= inverse[i]
            step = gain[i] * (image[i] - alpha[i] * f - (one - alpha[i]) * b)
            foreground[i] = f + alpha[i] * step
            background[i] = b + (one - alpha[i]) * step
