"""Statistics of wide windows, and the diagonal of their matrix; see `box`."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu.box_tiles import add_rows, extent_of, sum_across


@compiled(fastmath={"contract"})
def _add_products(image, y, begin, sign, strip):
    """Add the colours of row y and the lower triangle of their products, times a sign."""
    depth, width = image.shape[0], strip.shape[1]
    k = depth
    for c in range(depth):
        colour, target = image[c, y, begin : begin + width], strip[c]
        for x in range(width):
            target[x] += sign * colour[x]
        for e in range(c + 1):
            other, target = image[e, y, begin : begin + width], strip[k]
            for x in range(width):
                target[x] += sign * colour[x] * other[x]
            k += 1


@compiled()
def invert_tiles(low, high, tiles, image, side, epsilon, mean, inverse):
    depth, fields = image.shape[0], image.shape[0] + inverse.shape[0]
    covariance, factor = np.empty((depth, depth)), np.empty((depth, depth))
    for t in range(low, high):
        top, bottom, left, right = tiles[t]
        strip, sums = np.zeros((fields, right - left + side - 1)), np.empty((fields, right - left))
        for y in range(top, top + side - 1):
            _add_products(image, y, left, 1.0, strip)
        for y in range(top, bottom):
            _add_products(image, y + side - 1, left, 1.0, strip)
            sum_across(strip, side, sums)
            _add_products(image, y, left, -1.0, strip)
            for x in range(right - left):
                k = depth
                for c in range(depth):
                    mean[c, y, left + x] = sums[c, x] / side**2
                    for e in range(c + 1):
                        covariance[c, e] = sums[k, x] / side**2 - mean[c, y, left + x] * mean[e, y, left + x]
                        k += 1
                    covariance[c, c] += epsilon / side**2
                _invert(covariance, factor)
                k = 0
                for c in range(depth):
                    for e in range(c + 1):
                        inverse[k, y, left + x] = covariance[c, e]
                        k += 1


@compiled(fastmath={"contract"})
def _invert(matrix, factor):
    """Replace the lower triangle of a positive definite matrix by that of its inverse; `factor` is overwritten."""
    size = matrix.shape[0]
    for j in range(size):
        for i in range(j, size):
            left = matrix[i, j]
            for k in range(j):
                left -= factor[i, k] * factor[j, k]
            factor[i, j] = np.sqrt(left) if i == j else left / factor[j, j]
    for j in range(size):  # the inverse of the factor, in the upper triangle
        factor[j, j] = 1.0 / factor[j, j]
        for i in range(j + 1, size):
            left = 0.0
            for k in range(j, i):
                left -= factor[i, k] * factor[j, k]
            factor[j, i] = left / factor[i, i]
    for i in range(size):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, size):
                total += factor[i, k] * factor[j, k]
            matrix[i, j] = total


@compiled(fastmath={"contract"})
def diagonal_tiles(low, high, tiles, side, image, mean, inverse, number, out):
    """The quadratic form of the centred colour under the inverses, expanded into sums over windows."""
    depth, rows, columns = mean.shape
    count = inverse.shape[0]
    fields = count + depth + 1
    for t in range(low, high):
        top, bottom, left, right = tiles[t]
        first, last, begin, end, outer = extent_of(tiles[t], mean.shape, side)
        forms, around = np.empty((fields, end - begin)), np.empty((fields, right - left))
        strip = np.zeros((fields, right - outer))
        for y in range(first, bottom):
            if y < last:
                _expand_row(mean, inverse, y, begin, forms)
                add_rows(forms, 1.0, begin - outer, strip)
            if y < top:
                continue
            sum_across(strip, side, around)
            tall = min(y, rows - 1) - max(0, y - side + 1) + 1
            for x in range(left, right):
                if number[y, x] >= 0:
                    wide = min(x, columns - 1) - max(0, x - side + 1) + 1
                    form, k = around[fields - 1, x - left], 0
                    for c in range(depth):
                        form -= 2.0 * image[c, y, x] * around[count + c, x - left]
                        for e in range(c + 1):
                            twice = 1.0 if e == c else 2.0
                            form += twice * image[c, y, x] * image[e, y, x] * around[k, x - left]
                            k += 1
                    out[number[y, x]] = tall * wide * (1.0 - 1.0 / side**2) - form / side**2
            if y - side + 1 >= first:
                _expand_row(mean, inverse, y - side + 1, begin, forms)
                add_rows(forms, -1.0, begin - outer, strip)


@compiled(fastmath={"contract"})
def _expand_row(mean, inverse, y, begin, out):
    """V, V m and m' V m for the inverses V and mean colours m of the windows of a row."""
    depth, count = mean.shape[0], inverse.shape[0]
    for x in range(out.shape[1]):
        for c in range(depth):
            out[count + c, x] = 0.0
        k = 0
        for c in range(depth):
            for e in range(c + 1):
                entry = inverse[k, y, begin + x]
                out[k, x] = entry
                out[count + c, x] += entry * mean[e, y, begin + x]
                if e < c:
                    out[count + e, x] += entry * mean[c, y, begin + x]
                k += 1
        total = 0.0
        for c in range(depth):
            total += mean[c, y, begin + x] * out[count + c, x]
        out[count + depth, x] = total
