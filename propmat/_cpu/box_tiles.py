"""Tiles of a picture, and sums over the windows of a tile; see `box`."""

import numpy as np

from propmat._cpu._compiled import compiled

STRIPE = 64  # most rows of a tile


def tiles_of(mask, gap):
    """Rectangles that hold all pixels of a mask, disjoint; a gap of fewer columns divides none."""
    tiles = []
    for top in range(0, len(mask), STRIPE):
        columns = np.flatnonzero(mask[top : top + STRIPE].any(axis=0))
        for found in np.split(columns, np.flatnonzero(np.diff(columns) > gap) + 1) if columns.size else ():
            left, right = found[0], found[-1] + 1
            rows = top + np.flatnonzero(mask[top : top + STRIPE, left:right].any(axis=1))
            tiles.append((rows[0], rows[-1] + 1, left, right))
    return np.array(tiles, np.int64).reshape(-1, 4)


@compiled(fastmath={"contract", "reassoc"})
def sum_across(strip, side, out):
    """Sums over `side` numbers of each row; four rows at a time, for each sum has to wait for the one before."""
    fields, columns = out.shape
    whole = fields // 4 * 4
    for c in range(0, whole, 4):
        s0, s1, s2, s3 = strip[c], strip[c + 1], strip[c + 2], strip[c + 3]
        o0, o1, o2, o3 = out[c], out[c + 1], out[c + 2], out[c + 3]
        t0 = t1 = t2 = t3 = 0.0
        for x in range(side):
            t0, t1, t2, t3 = t0 + s0[x], t1 + s1[x], t2 + s2[x], t3 + s3[x]
        o0[0], o1[0], o2[0], o3[0] = t0, t1, t2, t3
        for x in range(1, columns):
            t0 += s0[x + side - 1] - s0[x - 1]
            t1 += s1[x + side - 1] - s1[x - 1]
            t2 += s2[x + side - 1] - s2[x - 1]
            t3 += s3[x + side - 1] - s3[x - 1]
            o0[x], o1[x], o2[x], o3[x] = t0, t1, t2, t3
    for c in range(whole, fields):
        row, target, total = strip[c], out[c], 0.0
        for x in range(side):
            total += row[x]
        target[0] = total
        for x in range(1, columns):
            total += row[x + side - 1] - row[x - 1]
            target[x] = total


@compiled(fastmath={"contract"})
def add_rows(rows, sign, begin, out):
    for c in range(rows.shape[0]):
        source, target = rows[c], out[c, begin : begin + rows.shape[1]]
        for x in range(rows.shape[1]):
            target[x] += sign * source[x]


@compiled()
def extent_of(tile, shape, side):
    """The first window of a tile of pixels, the end of its windows, and the first column that a window might have."""
    top, bottom, left, right = tile
    begin = left - side + 1
    return max(0, top - side + 1), min(shape[1], bottom), max(0, begin), min(shape[2], right), begin
