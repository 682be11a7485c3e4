"""Twin of `_cpu.multigrid`: the loops of one multigrid cycle."""

from __future__ import annotations

from typing import Any

from propmat._gpu._launch import launch, over

LANES = 16  # threads for each block, as in multigrid.cu


def relax_pixels(
    values: Any, unit: Any, runs: Any, chunks: Any, b: Any, x: Any, step: Any, old: Any, new: Any, out: Any
) -> None:
    """step = old step + new (b - A x), out = x + step."""
    number = x.dtype.type
    given = (values, number(unit), values.shape[1], runs, len(runs), b, x, step, number(old), number(new), out)
    launch("grid", f"relax_pixels_{x.dtype}", over(len(runs)), *given)


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
    number = x.dtype.type
    layout = (values, number(unit), offsets, neighbours, starts, sizes, sizes.size)
    _over_blocks(f"relax_blocks_{x.dtype}", sizes, *layout, b, x, step, number(old), number(new), out)


def restrict(
    chunks: Any, basis: Any, begins: Any, first: Any, members: Any, starts: Any, sizes: Any, residual: Any, out: Any
) -> None:
    """out = Pᵀ residual."""
    given = (basis, begins, first, members, starts, sizes, sizes.size, residual, out)
    _over_blocks(f"restrict_blocks_{out.dtype}", sizes, *given)


def restrict_squares(
    chunks: Any, basis: Any, begins: Any, first: Any, members: Any, starts: Any, sizes: Any, squares: Any, out: Any
) -> None:
    """out = (P ∘ P)ᵀ squares, with the squares of the entries of P."""
    _over_blocks("restrict_squares", sizes, basis, begins, first, members, starts, sizes, sizes.size, squares, out)


def prolong(
    chunks: Any, basis: Any, begins: Any, first: Any, members: Any, starts: Any, sizes: Any, coarse: Any, out: Any
) -> None:
    """out += P coarse."""
    _over_blocks(f"prolong_{out.dtype}", sizes, basis, begins, first, members, starts, sizes, sizes.size, coarse, out)


def multiply_dense(matrix: Any, x: Any, out: Any) -> None:
    """out = A x for a small matrix."""
    launch("multigrid", f"multiply_dense_{x.dtype}", x.size, matrix, x.size, x, out)


def begin(b: Any, factor: Any, x: Any, step: Any) -> None:
    """x = step = factor b."""
    launch("multigrid", f"begin_{b.dtype}", over(b.size), b, b.dtype.type(factor), b.size, x, step)


def scale(x: Any, diagonal: Any, factor: float, out: Any) -> None:
    """out = factor S x for a diagonal S."""
    launch("multigrid", f"scale_{x.dtype}_{out.dtype}", over(x.size), x, diagonal, float(factor), x.size, out)


def _over_blocks(kernel: str, sizes: Any, *arguments: Any) -> None:
    launch("multigrid", kernel, over(sizes.size * LANES), *arguments)
