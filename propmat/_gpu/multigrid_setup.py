"""Twin of `_cpu.multigrid_setup`: local functions, Galerkin products, normalised bases.

The interval from `low` to `high` is always that of all items; see `_threads.share`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import MOST_THREADS, launch, over

PIXELS, WIDTH = 64, 16  # most pixels and functions of a block of the first level, as in multigrid_setup.cu
GROUPS = 1024  # groups with scratch memory; more than a device runs at once
SCRATCH = 1 << 28  # bytes of scratch memory of all groups, unless a single one needs more


def blocks_of_pixels(unknown: Any, number: Any, edge: int) -> tuple[Any, Any, Any, Any, Any]:
    """Blocks of edge x edge pixels with an unknown one: map, coordinates, first members, members, cells."""
    height, width = unknown.shape
    down, across = -(-height // edge), -(-width // edge)
    squares, shape = down * across, (height, width, edge, across, down * across)
    counts = np.empty(squares, np.int64, like=number)
    launch("blocks", "count_pixels", over(squares), unknown, *shape, counts)
    ends = np.cumsum(counts)
    blocks, pixels = divmod(int(ends[-1]), 1 << 32)
    grid, where = np.empty((down, across), np.int32, like=number), np.empty((blocks, 2), np.int32, like=number)
    first, members = np.empty(blocks + 1, np.int64, like=number), np.empty(pixels, np.int32, like=number)
    cells = np.empty(pixels, np.uint8, like=number)
    made = grid, where, first, members, cells
    launch("blocks", "blocks_of_pixels", over(squares), unknown, number, *shape, ends, *made)
    return made


def find_neighbours(grid: Any, where: Any) -> Any:
    """The number of the block in each of the nine slots, -1 for none."""
    neighbours = np.empty((len(where), 9), np.int32, like=grid)
    given = (grid, *grid.shape, where, len(where), neighbours)
    launch("blocks", "find_neighbours", over(neighbours.size), *given)
    return neighbours


def scale_pixels(low: int, high: int, values: Any, runs: Any, scale: Any, units: float, out: Any) -> None:
    """S A S times `units`, rounded, in rows of unknown pixels; `scale` (diagonal of S) is 0 elsewhere."""
    given = (values, values.shape[1], runs, len(runs), scale, units, out)
    launch("multigrid_setup", f"scale_pixels_{out.dtype}", over(len(runs)), *given)


def pixel_functions(
    low: int,
    high: int,
    values: Any,
    between: Any,
    scale: Any,
    first: Any,
    members: Any,
    cells: Any,
    edge: int,
    most: int,
    threshold: float,
    out: Any,
    counts: Any,
) -> None:
    """Local functions of every block of pixels, in the rows of `out` in the order of `members`; numbers in `counts`."""
    groups = min(counts.size, GROUPS)
    matrices = np.empty((groups, PIXELS, PIXELS), like=values)
    blocks = (values, between, scale, values.shape[1], first, members, cells, counts.size, edge, most, threshold)
    launch("multigrid_setup", "pixel_functions", groups, *blocks, matrices, out, counts, threads=64)


def block_functions(
    low: int,
    high: int,
    stencil: Any,
    offsets: Any,
    sizes: Any,
    starts: Any,
    neighbours: Any,
    live: Any,
    parent: Any,
    first: Any,
    children: Any,
    capacity: int,
    most: int,
    threshold: float,
    out: Any,
    base: Any,
    counts: Any,
) -> None:
    """Local functions of every block of blocks, of at most `capacity` unknowns; 0 on unknowns that are not `live`."""
    numbers = 2 * capacity * capacity + capacity
    groups = max(1, min(counts.size, GROUPS, SCRATCH // (8 * numbers)))
    work = np.empty(groups * numbers, like=stencil), np.empty(groups * 3 * capacity, np.int32, like=stencil)
    fine = (stencil, offsets, sizes, starts, neighbours, live)
    coarse = (parent, first, children, counts.size, most, threshold, capacity)
    launch("multigrid_setup", "block_functions", groups, *fine, *coarse, *work, out, base, counts)


def pack(low: int, high: int, functions: Any, first: Any, counts: Any, sizes: Any, begins: Any, packed: Any) -> None:
    """Copy rows of `functions`, of fixed width, to rows of the padded size of each block."""
    given = (functions, functions.shape[1], first, counts, sizes, begins, sizes.size, packed)
    launch("multigrid_setup", "pack", sizes.size, *given)


def galerkin_pixels(
    low: int,
    high: int,
    values: Any,
    scale: Any,
    block: int,
    edge: int,
    basis: Any,
    row: Any,
    owner: Any,
    where: Any,
    first: Any,
    members: Any,
    cells: Any,
    number: Any,
    sizes: Any,
    offsets: Any,
    out: Any,
) -> None:
    """Galerkin product Pᵀ S A S P for blocks of edge x edge pixels; if block > 0 only entries inside larger blocks."""
    fine = (values, values.shape[1], scale, block, edge, basis, row, owner)
    given = (*fine, where, first, members, cells, number, number.shape[1], sizes, offsets, sizes.size, out)
    launch("multigrid_setup", "galerkin_pixels", sizes.size, *given)


def galerkin_blocks(
    low: int,
    high: int,
    stencil: Any,
    offsets: Any,
    sizes: Any,
    neighbours: Any,
    parent: Any,
    basis: Any,
    begins: Any,
    where: Any,
    first: Any,
    children: Any,
    wide: Any,
    coarse_offsets: Any,
    most: int,
    capacity: int,
    fresh: Any,
    out: Any,
) -> None:
    """Galerkin product Pᵀ A P for blocks of blocks; if most > 0 only entries inside squares of most x most blocks.

    All blocks are `fresh`: a hierarchy is set up as a whole.
    """
    groups = max(1, min(5 * wide.size, GROUPS, SCRATCH // (8 * capacity)))
    products = np.empty((groups, capacity), like=stencil)
    fine = (stencil, offsets, sizes, neighbours, parent, basis, begins)
    coarse = (where, first, children, wide, coarse_offsets, wide.size, most)
    launch("multigrid_setup", "galerkin_blocks", groups, *fine, *coarse, capacity, products, out)


def factor_blocks(
    low: int,
    high: int,
    stencil: Any,
    offsets: Any,
    sizes: Any,
    starts: Any,
    where: Any,
    inverses: Any,
    live: Any,
) -> None:
    """Write L⁻ᵀ of every diagonal matrix L Lᵀ to `inverses`, from `where` on, and the identity to its place."""
    given = (stencil, offsets, sizes, starts, where, high, inverses, live)
    launch("multigrid_setup", "factor_blocks", high, *given)


def change_basis(
    low: int,
    high: int,
    stencil: Any,
    offsets: Any,
    sizes: Any,
    where: Any,
    inverses: Any,
    neighbours: Any,
    first: Any,
    begins: Any,
    basis: Any,
    fresh: Any,
    units: float,
    values: Any,
) -> None:
    """Normalise the bases: P_p ← P_p L_p⁻ᵀ, and the matrices between blocks accordingly, A_pq ← L_p⁻¹ A_pq L_q⁻ᵀ."""
    half, normalised = np.empty_like(stencil), np.empty_like(basis)
    layout = (offsets, sizes, where, inverses, neighbours, high)
    launch("multigrid_setup", "transform_right", high, stencil, *layout, first, begins, basis, normalised, half)
    launch("multigrid_setup", f"transform_left_{values.dtype}", high, stencil, *layout, half, units, values)
    basis[...] = normalised


def symmetric_inverse(matrix: Any) -> Any:
    """The inverse; unknowns that depend on the previous ones, up to rounding, are left out."""
    rows, live = np.empty_like(matrix), np.zeros(len(matrix), np.bool_, like=matrix)
    launch("multigrid_setup", "invert_dense", 1, matrix, len(matrix), rows, live, threads=MOST_THREADS)
    return rows @ rows.T
