"""The closed form with wide windows: fits of a map to the colours of every window, by running sums.

Windows are numbered by their top left pixel. Fields are stored one after another, (fields, rows, columns), so that
inner loops run along rows. A picture is processed in tiles, rectangles with all pixels that are wanted: sums over the
rows of windows are kept while the rows of a tile are passed, and restart in each, so that rounding errors do not
accumulate.
"""

from typing import NamedTuple

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share
from propmat._cpu.box_setup import diagonal_tiles, invert_tiles
from propmat._cpu.box_tiles import add_rows, extent_of, sum_across, tiles_of


class Windows(NamedTuple):
    """The windows with an unknown pixel of a picture.

    Attributes
    ----------
    image : (d, H, W) array
        Centred colours.
    mean, inverse : arrays (d, H - side + 1, W - side + 1), (d (d + 1) / 2, H - side + 1, W - side + 1)
        Mean colour of each window, and the lower triangle of the inverse of its regularised covariance.
    number : (H, W) array of int32
        The unknown pixels numbered row by row, -1 elsewhere.
    tiles : (t, 4) array
        Tiles of unknown pixels: first row, end of the rows, first column, end of the columns.
    side : int
        Width of the windows.
    size : int
        Number of unknown pixels.
    """

    image: np.ndarray
    mean: np.ndarray
    inverse: np.ndarray
    number: np.ndarray
    tiles: np.ndarray
    side: int
    size: int


def windows_of(image, unknown, side, epsilon):
    """The `Windows` of colours (H, W, d) with a mean of 0."""
    planes = np.ascontiguousarray(np.moveaxis(image, 2, 0))
    depth, height, width = planes.shape
    shape = height - side + 1, width - side + 1
    tiles, wanted = tiles_of(unknown, 2 * side), np.zeros(shape, np.bool_)
    for top, bottom, left, right in tiles:
        wanted[max(0, top - side + 1) : bottom, max(0, left - side + 1) : right] = True
    mean, inverse = np.empty((depth, *shape)), np.empty((depth * (depth + 1) // 2, *shape))
    share(invert_tiles, *_counted(tiles_of(wanted, side)), planes, side, epsilon, mean, inverse)
    number, size = np.full(unknown.shape, -1, np.int32), np.count_nonzero(unknown)
    number[unknown] = np.arange(size, dtype=np.int32)
    return Windows(planes, mean, inverse, number, tiles, side, size)


def _counted(tiles):
    return len(tiles), tiles


def times(windows, values):
    """The product with values (H, W), at the unknown pixels, (n,)."""
    out = np.empty(windows.size)
    share(_multiply_tiles, *_counted(windows.tiles), *_given(windows), windows.number, values, out)
    return out


def diagonal(windows):
    """The diagonal at the unknown pixels, (n,)."""
    out = np.empty(windows.size)
    share(diagonal_tiles, *_counted(windows.tiles), *_given(windows), windows.number, out)
    return out


def _given(windows):
    return windows.side, windows.image, windows.mean, windows.inverse


@compiled(fastmath={"contract"})
def _add_moments(image, values, y, begin, sign, strip):
    """Add (I p, p) of row y, from column `begin` on, times a sign."""
    depth, width = strip.shape[0] - 1, strip.shape[1]
    own = values[y, begin : begin + width]
    for c in range(depth):
        colour, target = image[c, y, begin : begin + width], strip[c]
        for x in range(width):
            target[x] += sign * colour[x] * own[x]
    target = strip[depth]
    for x in range(width):
        target[x] += sign * own[x]


@compiled(fastmath={"contract"})
def _fit_row(sums, mean, inverse, y, left, count, moments, fits):
    """Slopes and constant of the ridge fit of p in the windows of a row, from the sums of (I p, p) over each."""
    depth, width = mean.shape[0], fits.shape[1]
    total, constant, part = sums[depth], fits[depth], 1.0 / count
    for x in range(width):
        constant[x] = part * total[x]
    for c in range(depth):
        centre, given, moment, slope = mean[c, y, left : left + width], sums[c], moments[c], fits[c]
        for x in range(width):
            moment[x] = part * (given[x] - centre[x] * total[x])
            slope[x] = 0.0
    k = 0
    for c in range(depth):
        moment, slope = moments[c], fits[c]
        for e in range(c + 1):
            entry, other, its = inverse[k, y, left : left + width], moments[e], fits[e]
            k += 1
            for x in range(width):
                slope[x] += entry[x] * other[x]
            if e < c:
                for x in range(width):
                    its[x] += entry[x] * moment[x]
    for c in range(depth):
        centre, slope = mean[c, y, left : left + width], fits[c]
        for x in range(width):
            constant[x] -= slope[x] * centre[x]


@compiled(fastmath={"contract"})
def _multiply_tiles(low, high, tiles, side, image, mean, inverse, number, values, out):
    depth, rows, columns = mean.shape
    for t in range(low, high):
        top, bottom, left, right = tiles[t]
        first, last, begin, end, outer = extent_of(tiles[t], mean.shape, side)
        strip, sums = np.zeros((depth + 1, end - begin + side - 1)), np.empty((depth + 1, end - begin))
        moments, recent = np.empty((depth, end - begin)), np.empty((side, depth + 1, end - begin))
        fits, around = np.zeros((depth + 1, right - outer)), np.empty((depth + 1, right - left))
        for y in range(first, first + side - 1):
            _add_moments(image, values, y, begin, 1.0, strip)
        for y in range(first, bottom):
            if y < last:
                own = recent[y % side]
                _add_moments(image, values, y + side - 1, begin, 1.0, strip)
                sum_across(strip, side, sums)
                _add_moments(image, values, y, begin, -1.0, strip)
                _fit_row(sums, mean, inverse, y, begin, side**2, moments, own)
                add_rows(own, 1.0, begin - outer, fits)
            if y < top:
                continue
            sum_across(fits, side, around)
            tall = min(y, rows - 1) - max(0, y - side + 1) + 1
            for x in range(left, right):
                if number[y, x] >= 0:
                    wide = min(x, columns - 1) - max(0, x - side + 1) + 1
                    rest = tall * wide * values[y, x] - around[depth, x - left]
                    for c in range(depth):
                        rest -= image[c, y, x] * around[c, x - left]
                    out[number[y, x]] = rest
            if y - side + 1 >= first:
                add_rows(recent[(y - side + 1) % side], -1.0, begin - outer, fits)
