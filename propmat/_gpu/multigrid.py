"""Twin of `_cpu.multigrid`: the loops of one multigrid cycle, in single precision."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over

LANES = 16  # threads for each block, as in multigrid.cu


def relax_pixels(
    values: Any, unit: Any, runs: Any, chunks: Any, b: Any, x: Any, step: Any, old: Any, new: Any, out: Any
) -> None:
    """step = old step + new (b - A x), out = x + step."""
    given = (values, unit, values.shape[1], runs, len(runs), b, x, step, np.float32(old), np.float32(new), out)
    launch("grid", "relax_pixels", over(len(runs)), *given)


def relax_blocks(
    values: Any,
    unit: Any,
    chunks: Any,
    offsets: Any,
    neighbours: Any,
    starts: Any,
    sizes: Any,
    b: Any,
    x: Any,
    step: Any,
    old: Any,
    new: Any,
    out: Any,
) -> None:
    """The same for matrices of blocks, whose diagonal matrices are the identity."""
    layout = (values, unit, offsets, neighbours, starts, sizes, sizes.size)
    _over_blocks("relax_blocks", sizes, *layout, b, x, step, np.float32(old), np.float32(new), out)


def restrict(
    chunks: Any, basis: Any, begins: Any, first: Any, members: Any, starts: Any, sizes: Any, residual: Any, out: Any
) -> None:
    """out = Pᵀ residual."""
    _over_blocks("restrict_blocks", sizes, basis, begins, first, members, starts, sizes, sizes.size, residual, out)


def prolong(
    chunks: Any, basis: Any, begins: Any, first: Any, members: Any, starts: Any, sizes: Any, coarse: Any, out: Any
) -> None:
    """out += P coarse."""
    _over_blocks("prolong", sizes, basis, begins, first, members, starts, sizes, sizes.size, coarse, out)


def multiply_dense(matrix: Any, x: Any, out: Any) -> None:
    """out = A x for a small matrix."""
    launch("multigrid", "multiply_dense", x.size, matrix, x.size, x, out)


def begin(b: Any, factor: Any, x: Any, step: Any) -> None:
    """x = step = factor b."""
    launch("multigrid", "begin", over(b.size), b, np.float32(factor), b.size, x, step)


def scale(x: Any, diagonal: Any, factor: float, out: Any) -> None:
    """out = factor S x for a diagonal S."""
    launch("multigrid", f"scale_{x.dtype}", over(x.size), x, diagonal, float(factor), x.size, out)


def _over_blocks(kernel: str, sizes: Any, *arguments: Any) -> None:
    launch("multigrid", kernel, over(sizes.size * LANES), *arguments)
