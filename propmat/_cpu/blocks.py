"""Blocks of a multigrid hierarchy: their positions, and the layout of their bases and matrices in flat arrays.

Names of arrays here and in `multigrid_setup`: `sizes` are the numbers of coarse functions of each block, padded;
`starts` the first unknown of each block; `first` and `members` list the finer unknowns of each block (block p has
members[first[p]] to members[first[p + 1] - 1]); `begins` is the start of each block's basis, stored row by row;
`offsets[p, k]` the start of the matrix between block p and its neighbour in slot 4 + k.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

PARTS = 64  # chunks of a loop over blocks, of about equal work
LANES = 8  # sizes of blocks are padded to multiples of this, the single-precision numbers of one vector instruction


def group(grid: Array, where: Array, sizes: Array, starts: Array, factor: int) -> tuple[Any, ...]:
    """Coarse blocks of factor x factor finer blocks (the children), whose members are all unknowns of the children.

    Returns the map of block numbers, the coordinates of the blocks, `first`, `members`; the parent of each finer block,
    the children ordered by parent, the first child of each block, the offset of a child's unknowns within its parent;
    and the largest number of members.
    """
    shape = tuple(-(-length // factor) for length in grid.shape)
    key = where[:, 0].astype(np.int64) // factor * shape[1] + where[:, 1] // factor
    unique, parent = np.unique(key, return_inverse=True)
    coarse = np.full(shape, -1, np.int32)
    coarse.ravel()[unique] = np.arange(len(unique), dtype=np.int32)
    coarse_where = np.stack([unique // shape[1], unique % shape[1]], axis=1).astype(np.int32)
    children = np.argsort(parent, kind="stable")
    first_child = bounds_of(np.bincount(parent))
    first, members, within, most = members_of(parent, children, first_child, sizes, starts)
    return coarse, coarse_where, first, members, parent, children, first_child, within, most


def members_of(parent: Array, children: Array, first_child: Array, sizes: Array, starts: Array) -> tuple[Any, ...]:
    """`first` and `members`, all unknowns of the children; their offsets within the parent; the most of a block."""
    ends = bounds_of(sizes[children])
    first = ends[first_child]
    within = np.empty(len(parent), np.int64)
    within[children] = ends[:-1] - first[parent[children]]
    members = indices_of(starts[children], sizes[children])
    return first, members.astype(np.int32), within, int(np.diff(first).max())


def lay_out(counts: Array, first: Array, neighbours: Array) -> tuple[Any, ...]:
    """Padded sizes of blocks with `counts` functions, and the offsets of their data in flat arrays.

    Returns sizes; offsets of unknowns, bases, diagonal matrices, matrices by slot; chunks of equal work; and five
    totals: unknowns, entries of the bases, of the diagonal matrices, of all matrices, and the largest size.
    """
    sizes = (-(-counts // LANES) * LANES).astype(np.int64)
    lengths, squares = np.diff(first) * sizes, sizes**2
    widths = np.where(neighbours[:, 4:] >= 0, sizes[neighbours[:, 4:]], 0) * sizes[:, None]
    offsets = starts_of(widths.ravel()).reshape(widths.shape)
    entries = int(widths.sum())
    chunks = np.full(PARTS + 1, len(counts), np.int64)
    chunks[:PARTS] = np.searchsorted(offsets[:, 0], np.arange(PARTS) * entries // PARTS)
    totals = int(sizes.sum()), int(lengths.sum()), int(squares.sum()), entries, int(sizes.max())
    return sizes, starts_of(sizes), starts_of(lengths), starts_of(squares), offsets, chunks, totals


def locate(support: int, first: Array, members: Array, begins: Array, sizes: Array) -> tuple[Array, Array]:
    """The block of every pixel of the support and the start of its row of the basis; -1 and 0 if it is no member."""
    counts = np.diff(first)
    members_of = np.repeat(np.arange(counts.size), counts)
    owner, row = np.full(support, -1, np.int32), np.zeros(support, np.int64)
    owner[members] = members_of
    row[members] = begins[members_of] + (np.arange(members.size) - first[members_of]) * sizes[members_of]
    return owner, row


def dense(stencil: Array, offsets: Array, neighbours: Array, starts: Array, sizes: Array, size: int) -> Array:
    """The matrix of a level as a dense array, size x size."""
    blocks, slots = np.nonzero(neighbours[:, 4:] >= 0)
    others = neighbours[blocks, slots + 4]
    widths = sizes[others]
    lengths = sizes[blocks] * widths
    entry = np.repeat(np.arange(blocks.size), lengths)
    place = np.arange(entry.size) - starts_of(lengths)[entry]
    rows, columns = starts[blocks][entry] + place // widths[entry], starts[others][entry] + place % widths[entry]
    out = np.zeros((size, size))
    out[rows, columns] = out[columns, rows] = stencil[offsets[blocks, slots][entry] + place]
    return out


def indices_of(starts: Array, lengths: Array) -> Array:
    """The numbers of all intervals of given starts and lengths, one interval after another."""
    return np.repeat(starts - starts_of(lengths), lengths) + np.arange(lengths.sum())


def starts_of(lengths: Array) -> Array:
    """The starts of consecutive intervals of given lengths."""
    return np.cumsum(lengths) - lengths


def bounds_of(lengths: Array) -> Array:
    """The starts of consecutive intervals of given lengths, and the end of the last."""
    return np.concatenate([[0], np.cumsum(lengths)])
