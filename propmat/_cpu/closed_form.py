"""Closed-form Laplacian as CSR, for any radius and any number of channels.

A window with centred colours Y (n x d), covariance D = Y'Y/n + (epsilon/n) I and D = C C' adds to entry (i, j)

    [i = j] - (1 + z_i . z_j) / n,        z_i = C^-1 Y_i

(Levin et al. 2008, equation 12). The dot product of whitened colours is bitwise the same for (i, j) and (j, i), so that
the matrix is exactly symmetric.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share


def window_statistics(image, wanted, radius, epsilon, squared):
    """Mean colour μ and Cholesky factor C of every wanted window; with `squared`, for the squares of window matrices.

    Windows are indexed by their top left pixel. `whitening[y, x]` is the lower triangle of C with the reciprocals of
    its diagonal. Entries of other windows are uninitialised.
    """
    channels = image.shape[2]
    mean = np.empty((*wanted.shape, channels))
    whitening = np.empty((*wanted.shape, channels, channels))
    share(_whiten_rows, len(wanted), image, wanted, radius, float(epsilon), squared, mean, whitening)
    return mean, whitening


@compiled()
def _whiten_rows(low, high, image, wanted, radius, epsilon, squared, mean, whitening):
    channels = image.shape[2]
    side = 2 * radius + 1
    count = side * side
    for y in range(low, high):
        for x in range(wanted.shape[1]):
            if wanted[y, x]:
                centre = mean[y, x]
                factor = whitening[y, x]
                centre[:] = 0.0
                for dy in range(side):
                    for dx in range(side):
                        for c in range(channels):
                            centre[c] += image[y + dy, x + dx, c]
                for c in range(channels):
                    centre[c] /= count
                _covariance(image, y, x, side, centre, epsilon, factor)
                if squared:
                    _square(factor, epsilon / count)
                _cholesky(factor)


@compiled(inline="always")
def _covariance(image, y, x, side, centre, epsilon, out):
    """Lower triangle of the regularised covariance of one window."""
    channels = centre.size
    count = side * side
    out[:] = 0.0
    for dy in range(side):
        for dx in range(side):
            for a in range(channels):
                colour = image[y + dy, x + dx, a] - centre[a]
                for b in range(a + 1):
                    out[a, b] += colour * (image[y + dy, x + dx, b] - centre[b])
    for a in range(channels):
        for b in range(a + 1):
            out[a, b] /= count
        out[a, a] += epsilon / count


@compiled()
def _square(covariance, ridge):
    """Replace D by D (D + r)^-1 D = D - r + r^2 (D + r)^-1, r being the ridge: this squares the window matrix."""
    channels = covariance.shape[0]
    shifted = np.empty((channels, channels))
    for a in range(channels):
        for b in range(a + 1):
            shifted[a, b] = shifted[b, a] = covariance[a, b] + (ridge if a == b else 0.0)
    inverse = np.linalg.inv(shifted)
    for a in range(channels):
        for b in range(a + 1):
            covariance[a, b] += ridge * ridge * inverse[a, b] - (ridge if a == b else 0.0)


@compiled(inline="always")
def _cholesky(matrix):
    """Cholesky factor in place, with the reciprocals of its diagonal as `_whiten` needs them."""
    for a in range(matrix.shape[0]):
        for b in range(a + 1):
            pivot = matrix[a, b]
            for k in range(b):
                pivot -= matrix[a, k] * matrix[b, k]
            if a == b:
                matrix[a, a] = 1.0 / np.sqrt(pivot)
            else:
                matrix[a, b] = pivot * matrix[b, b]


@compiled(inline="always")
def _whiten(colour, centre, factor, out):
    """z = C^-1 (colour - centre)."""
    for a in range(centre.size):
        value = colour[a] - centre[a]
        for b in range(a):
            value -= factor[a, b] * out[b]
        out[a] = value * factor[a, a]


def count_entries(row_pixels, column_of, radius):
    """Number of stored entries of each row: the columns in the union of the windows that contain the pixel."""
    counts = np.zeros(row_pixels.size, np.int64)
    share(_count_rows, counts.size, row_pixels, column_of, radius, counts)
    return counts


@compiled()
def _count_rows(low, high, row_pixels, column_of, radius, counts):
    height, width = column_of.shape
    for row in range(low, high):
        y, x = divmod(row_pixels[row], width)
        top, bottom = _window_range(y, height, radius)
        left, right = _window_range(x, width, radius)
        for j in range(top, bottom + 2 * radius):
            for i in range(left, right + 2 * radius):
                if column_of[j, i] >= 0:
                    counts[row] += 1


@compiled(inline="always")
def _window_range(position, length, radius):
    """Along one axis, the half-open range of the starts of the windows that contain `position`."""
    return max(0, position - 2 * radius), min(position, length - 2 * radius - 1) + 1


def fill_rows(image, mean, whitening, row_pixels, column_of, indptr, indices, data, radius):
    """Rows of the Laplacian for `row_pixels`, columns renumbered by `column_of` (negative: omitted)."""
    given = image, mean, whitening, row_pixels, column_of, indptr, indices, data, radius
    share(_fill_rows, row_pixels.size, *given)


@compiled()
def _fill_rows(low, high, image, mean, whitening, row_pixels, column_of, indptr, indices, data, radius):
    height, width = column_of.shape
    channels = image.shape[2]
    side = 2 * radius + 1
    count = side * side
    for row in range(low, high):
        if indptr[row] == indptr[row + 1]:
            continue
        y, x = divmod(row_pixels[row], width)
        top, bottom = _window_range(y, height, radius)
        left, right = _window_range(x, width, radius)
        stencil = np.zeros((bottom - top + 2 * radius, right - left + 2 * radius))
        own = np.empty(channels)
        other = np.empty(channels)
        for v in range(top, bottom):
            for u in range(left, right):
                centre = mean[v, u]
                factor = whitening[v, u]
                _whiten(image[y, x], centre, factor, own)
                for dy in range(side):
                    for dx in range(side):
                        _whiten(image[v + dy, u + dx], centre, factor, other)
                        product = 1.0
                        for c in range(channels):
                            product += own[c] * other[c]
                        stencil[v + dy - top, u + dx - left] -= product / count
                stencil[y - top, x - left] += 1.0
        entry = indptr[row]
        for j in range(stencil.shape[0]):
            for i in range(stencil.shape[1]):
                column = column_of[top + j, left + i]
                if column >= 0:
                    indices[entry] = column
                    data[entry] = stencil[j, i]
                    entry += 1
