"""Where the blocks of a multigrid hierarchy lie, and where what belongs to them is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

PARTS = 64  # parts of a loop over blocks, of about equal work
LANES = 8  # sizes of blocks are padded to multiples of it, the floats that one instruction takes


def group(grid: Array, where: Array, sizes: Array, starts: Array, factor: int) -> tuple[Any, ...]:
    """Blocks of factor x factor blocks, whose members are all unknowns of the children.

    Returns map, coordinates, first members, members; parents, children, first children, where in its parent a child's
    unknowns begin; and how many members a block has at most.
    """
    shape = tuple(-(-length // factor) for length in grid.shape)
    key = where[:, 0].astype(np.int64) // factor * shape[1] + where[:, 1] // factor
    unique, parent = np.unique(key, return_inverse=True)
    coarse = np.full(shape, -1, np.int32)
    coarse.ravel()[unique] = np.arange(len(unique), dtype=np.int32)
    coarse_where = np.stack([unique // shape[1], unique % shape[1]], axis=1).astype(np.int32)
    children = np.argsort(parent, kind="stable")
    first_child = bounds_of(np.bincount(parent))
    ends = bounds_of(sizes[children])
    first = ends[first_child]
    within = np.empty(len(parent), np.int64)
    within[children] = ends[:-1] - first[parent[children]]
    members = np.repeat(starts[children] - ends[:-1], sizes[children]) + np.arange(ends[-1])
    most = int(np.diff(first).max())
    return coarse, coarse_where, first, members.astype(np.int32), parent, children, first_child, within, most


def lay_out(counts: Array, first: Array, neighbours: Array) -> tuple[Any, ...]:
    """Sizes of blocks with so many functions, and where the numbers of each begin.

    Returns sizes; starts of unknowns, bases, own matrices, matrices by slot; chunks of equal work; and the five totals:
    unknowns, numbers of the bases, of the own matrices, of all matrices, and the largest size.
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
    """Block and row of the basis of every number of the support, -1 and 0 for those that are no member."""
    counts = np.diff(first)
    members_of = np.repeat(np.arange(counts.size), counts)
    owner, row = np.full(support, -1, np.int32), np.zeros(support, np.int64)
    owner[members] = members_of
    row[members] = begins[members_of] + (np.arange(members.size) - first[members_of]) * sizes[members_of]
    return owner, row


def dense(stencil: Array, offsets: Array, neighbours: Array, starts: Array, sizes: Array, size: int) -> Array:
    """The matrix of a level, size x size."""
    blocks, slots = np.nonzero(neighbours[:, 4:] >= 0)  # in the order of the stencil
    others = neighbours[blocks, slots + 4]
    widths = sizes[others]
    entry = np.repeat(np.arange(blocks.size), sizes[blocks] * widths)
    place = np.arange(stencil.size) - offsets[blocks, slots][entry]
    rows, columns = starts[blocks][entry] + place // widths[entry], starts[others][entry] + place % widths[entry]
    out = np.zeros((size, size))
    out[rows, columns] = out[columns, rows] = stencil
    return out


def starts_of(lengths: Array) -> Array:
    """Where intervals of such lengths begin that lie side by side."""
    return np.cumsum(lengths) - lengths


def bounds_of(lengths: Array) -> Array:
    """The same, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)])
