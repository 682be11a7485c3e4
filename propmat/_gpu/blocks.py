"""Twin of `_cpu.blocks`: positions of the blocks of a multigrid hierarchy, and the layout of their data."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import MOST_THREADS, launch

LANES = 8  # sizes of blocks are padded to multiples of this, as on the CPU


def group(grid: Any, where: Any, sizes: Any, starts: Any, factor: int) -> tuple[Any, ...]:
    """Coarse blocks of factor x factor finer blocks, whose members are all unknowns of the children; one host sync."""
    fine, shape = sizes.size, tuple(-(-length // factor) for length in grid.shape)
    most = min(fine, shape[0] * shape[1])  # coarse blocks
    coarse, found = np.empty(shape, np.int32, like=grid), np.empty((most, 2), np.int32, like=grid)
    first, first_child = (np.empty(most + 1, np.int64, like=grid) for _ in range(2))
    parent, children, within = (np.empty(fine, np.int64, like=grid) for _ in range(3))
    totals: Any = np.empty(3, np.int64, like=grid)
    made = coarse, found, first, parent, children, first_child, within, totals
    launch("blocks", "group_blocks", 1, grid, *grid.shape, sizes, factor, *made, threads=MOST_THREADS)
    blocks, total, largest = map(int, totals.get())
    members = np.empty(total, np.int32, like=grid)
    launch("blocks", "list_members", fine, parent, within, first, starts, sizes, fine, members)
    by_block = found[:blocks], first[: blocks + 1], members, parent, children, first_child[: blocks + 1], within
    return coarse, *by_block, largest


def lay_out(counts: Any, first: Any, neighbours: Any) -> tuple[Any, ...]:
    """Padded sizes of blocks with `counts` functions, and the offsets of their data; one host sync, for the totals."""
    blocks = counts.size
    sizes, starts, begins, corners = (np.empty(blocks, np.int64, like=counts) for _ in range(4))
    offsets = np.empty((blocks, 5), np.int64, like=counts)
    totals: Any = np.empty(5, np.int64, like=counts)
    made = sizes, starts, begins, corners, offsets, totals
    launch("blocks", "lay_out", 1, counts, first, neighbours, blocks, LANES, *made, threads=MOST_THREADS)
    chunks = None  # not needed: a kernel is launched for all blocks at once
    return sizes, starts, begins, corners, offsets, chunks, tuple(map(int, totals.get()))


def locate(support: int, first: Any, members: Any, begins: Any, sizes: Any) -> tuple[Any, Any]:
    """The block of every pixel of the support and the start of its row of the basis; -1 and 0 if it is no member."""
    owner, row = np.full(support, -1, np.int32, like=first), np.zeros(support, np.int64, like=first)
    launch("blocks", "locate", sizes.size, first, members, begins, sizes, sizes.size, owner, row)
    return owner, row


def dense(stencil: Any, offsets: Any, neighbours: Any, starts: Any, sizes: Any, size: int) -> Any:
    """The matrix of a level as a dense array, size x size."""
    out = np.zeros((size, size), like=stencil)
    launch("blocks", "dense", 5 * sizes.size, stencil, offsets, neighbours, starts, sizes, sizes.size, size, out)
    return out
