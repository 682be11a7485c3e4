"""Multigrid for operators on the pixel grid, with coarse functions chosen block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from propmat.errors import UnsupportedError
from propmat.grid import GridOperator
from propmat.preconditioners._base import NearNullSpace

Array = np.ndarray[Any, Any]
EDGE = 8  # pixels across a block of the first coarse level
FACTOR = 3  # blocks across a block of the next
LANES = 8  # sizes of blocks are multiples of it
MOST = 16  # functions of a block of pixels
BOUND = 1.2  # power iteration underestimates the largest eigenvalue


@dataclass(frozen=True)
class Multigrid:
    """Settings of the hierarchy.

    A block's coarse functions are those that cost little inside it: its own part of the matrix,
    scaled to unit diagonal, is eliminated largest pivot first until every pivot left is under
    `threshold`; what is left carries one function each, extended with least energy. Blocks where
    colours vary freely get many functions, smooth ones few (spectral AMGe, Chartier et al. 2003,
    https://doi.org/10.1137/S106482750139892X, with the eigenvectors replaced by an elimination).

    Parameters
    ----------
    threshold : float
        Larger is a richer coarse space: fewer iterations, each dearer.
    degree : int
        Degree of the Chebyshev smoother.
    coarsest : int
        A level of at most so many unknowns is solved by a dense inverse.

    Examples
    --------
    >>> import numpy as np
    >>> unknown = np.ones((16, 16), dtype=bool)
    >>> unknown[0] = False
    >>> matrix = GridOperator.from_edges(np.ones((16, 15)), np.ones((15, 16)), unknown)
    >>> Multigrid().prepare(matrix)
    Multigrid hierarchy, operator complexity 1.38
    level    blocks  unknowns per block
        0                 240
        1         4        32       8.0

    Raises
    ------
    InputError
        If a setting is not as above.
    """

    threshold: float = 0.15
    pixel_threshold: float = 0.03
    degree: int = 3
    coarsest: int = 600

    def prepare(self, matrix: GridOperator, near_null_space: NearNullSpace | None = None) -> Hierarchy:
        """Build the hierarchy of a positive definite matrix.

        Raises
        ------
        UnsupportedError
            If the matrix does not lie on the pixel grid.
        """
        if not isinstance(matrix, GridOperator):
            raise UnsupportedError(
                f"Multigrid: takes a matrix on the pixel grid (closed form of radius 1), got "
                f"{type(matrix).__name__}; use SmoothedAggregation for other graphs"
            )
        return Hierarchy(matrix, self)


class Blocks:
    """One coarse level: blocks of variable size, their basis, their matrix."""

    # Of a level above the first: block of every finer block, and the way back.
    parent: Array
    children: Array
    first_child: Array
    child_begins: Array

    def __init__(self, grid: Array, where: Array, first: Array, members: Array) -> None:
        from propmat._cpu import multigrid_setup as kernels

        self.grid, self.where, self.first, self.members = grid, where, first, members
        self.neighbours = kernels.find_neighbours(grid, where)

    def take(self, functions: Array, counts: Array) -> None:
        """Keep `counts` functions of each block, padded with zeros to a multiple of LANES."""
        from propmat._cpu import multigrid_setup as kernels

        self.counts = counts
        self.sizes = (-(-counts // LANES) * LANES).astype(np.int64)
        self.starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]])
        self.size = int(self.sizes.sum())
        lengths = np.diff(self.first) * self.sizes
        self.begins = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self.basis = np.zeros(int(lengths.sum()), np.float32)
        kernels.pack(functions, self.first, counts, self.sizes, self.begins, self.basis)
        widths = np.where(self.neighbours[:, 4:] >= 0, self.sizes[self.neighbours[:, 4:]], 0) * self.sizes[:, None]
        ends = np.cumsum(widths.ravel())
        self.offsets = np.concatenate([[0], ends[:-1]]).reshape(widths.shape)
        self.entries = int(ends[-1])

    def finish(self, stencil: Array) -> None:
        """Normalise the basis, and keep the matrix in single precision for the cycle."""
        from propmat._cpu import multigrid_setup as kernels

        self.live = np.zeros(self.size, np.bool_)
        kernels.normalise(
            stencil,
            self.offsets,
            self.sizes,
            self.starts,
            self.neighbours,
            self.first,
            self.begins,
            self.basis,
            self.live,
        )
        self.values = stencil.astype(np.float32)

    def relax(self, b: Array, x: Array, step: Array, old: np.float32, new: np.float32, out: Array) -> None:
        from propmat._cpu import multigrid as kernels

        kernels.relax_blocks(
            self.values,
            self.offsets,
            self.neighbours,
            self.starts,
            self.sizes,
            b,
            x,
            step,
            old,
            new,
            out,
        )

    def restrict(self, residual: Array, out: Array) -> None:
        from propmat._cpu import multigrid as kernels

        kernels.restrict(
            self.basis,
            self.begins,
            self.first,
            self.members,
            self.starts,
            self.sizes,
            residual,
            out,
        )

    def prolong(self, coarse: Array, out: Array) -> None:
        from propmat._cpu import multigrid as kernels

        kernels.prolong(self.basis, self.begins, self.first, self.members, self.starts, self.sizes, coarse, out)


class Pixels:
    """The finest level in float32."""

    def __init__(self, matrix: GridOperator) -> None:
        self.support = matrix.support
        self.size = self.support.size
        self.values = matrix.values.astype(np.float32)
        diagonal = matrix.values[0]
        self.scale = np.zeros(self.size, np.float32)
        position = self.support.position
        self.scale[position] = 1.0 / diagonal[position]

    def relax(self, b: Array, x: Array, step: Array, old: np.float32, new: np.float32, out: Array) -> None:
        from propmat._cpu import multigrid as kernels

        kernels.relax_pixels(
            self.values,
            self.support.runs,
            self.support.chunks,
            self.scale,
            b,
            x,
            step,
            old,
            new,
            out,
        )


class Smoother:
    """Chebyshev iteration on [bound / fraction, bound], with the buffers of one level."""

    def __init__(self, level: Pixels | Blocks, degree: int, fraction: float) -> None:
        self.level, self.degree = level, degree
        self.b, self.x, self.y, self.step = (np.zeros(level.size, np.float32) for _ in range(4))
        self.bound = BOUND * self._largest_eigenvalue()
        middle, half = self.bound * (1 + 1 / fraction) / 2, self.bound * (1 - 1 / fraction) / 2
        sigma = middle / half
        rho = 1 / sigma
        self.factors = [(0.0, 1 / middle)]
        for _ in range(degree - 1):
            following = 1 / (2 * sigma - rho)
            self.factors.append((following * rho, 2 * following / half))
            rho = following

    def _largest_eigenvalue(self) -> float:
        zero = self.b
        x = np.random.default_rng(0).standard_normal(self.level.size).astype(np.float32)
        if isinstance(self.level, Pixels):
            x[self.level.scale == 0] = 0
        else:
            x[~self.level.live] = 0
        estimate = 1.0
        for _ in range(12):
            x /= np.sqrt((x * x).sum())
            self.level.relax(zero, x, self.step, np.float32(0), np.float32(-1), self.y)
            estimate = float(np.sqrt((self.step * self.step).sum()))
            x, self.step = self.step, x
            if estimate == 0:
                return 1.0
        self.step[:] = 0
        return estimate

    def smooth(self, from_zero: bool) -> None:
        """Improve x; the zero start saves a product."""
        for k, (old, new) in enumerate(self.factors):
            if k == 0 and from_zero:
                if isinstance(self.level, Pixels):
                    np.multiply(self.b, self.level.scale, out=self.x)
                    self.x *= np.float32(new)
                else:
                    np.multiply(self.b, np.float32(new), out=self.x)
                self.step[:] = self.x
                continue
            self.level.relax(self.b, self.x, self.step, np.float32(old), np.float32(new), self.y)
            self.x, self.y = self.y, self.x


class Hierarchy:
    """Levels of one matrix; `apply` is a symmetric V-cycle, `solve` conjugate gradients with it."""

    def __init__(self, matrix: GridOperator, settings: Multigrid) -> None:
        self.matrix, self.settings = matrix, settings
        self.pixels = Pixels(matrix)
        self.levels: list[Blocks] = []
        self.between = np.empty_like(matrix.values)  # of the elements that tie several blocks
        self._first_level()
        edge = EDGE
        while self._can_coarsen():
            edge *= FACTOR
            self._next_level(edge)
        self.inverse = self._dense_inverse()
        del self.between, self.stencil
        levels: list[Pixels | Blocks] = [self.pixels, *self.levels[:-1]]
        self.smoothers = [Smoother(level, settings.degree, 8.0) for level in levels]
        self.bottom = np.zeros((2, self.levels[-1].size), np.float32)
        self.residual = [np.zeros(level.size, np.float32) for level in levels]

    def _can_coarsen(self) -> bool:
        last = self.levels[-1]
        return last.live.sum() > self.settings.coarsest and len(last.counts) > 1

    def _first_level(self) -> None:
        from propmat._cpu import multigrid_setup as kernels

        matrix, support = self.matrix, self.matrix.support
        grid, where, first, members, self.cells = kernels.blocks_of_pixels(support.unknown, support.number, EDGE)
        level = Blocks(grid, where, first, members)
        matrix.across(EDGE, self.between)
        inside = np.subtract(matrix.values, self.between)
        functions = np.zeros((members.size, MOST), np.float32)
        counts = np.empty(len(where), np.int64)
        kernels.pixel_functions(
            inside,
            matrix.values[0],
            first,
            members,
            self.cells,
            EDGE,
            MOST,
            self.settings.pixel_threshold,
            functions,
            counts,
        )
        level.take(functions, counts)
        self._locate(level)
        stencil = self._galerkin_pixels(matrix.values, level)
        level.finish(stencil)
        self.levels, self.stencil = [level], stencil

    def _locate(self, level: Blocks) -> None:
        """Row of the basis and block of every pixel of the support; its shifts to other rows."""
        support = self.matrix.support
        lengths = np.diff(level.first)
        owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        rank = np.arange(level.members.size) - np.repeat(level.first[:-1], lengths)
        self.owner = np.full(support.size, -1, np.int32)
        self.owner[level.members] = owner
        self.row = np.zeros(support.size, np.int64)
        self.row[level.members] = level.begins[owner] + rank * level.sizes[owner]
        shifts = np.zeros((support.size, 4), np.int32)
        shifts[support.position] = np.repeat(support.runs[:, 2:], support.runs[:, 1], axis=0)
        self.shifts = shifts[level.members]

    def _galerkin_pixels(self, values: Array, level: Blocks, block: int = 0) -> Array:
        from propmat._cpu import multigrid_setup as kernels

        stencil = np.zeros(level.entries)
        kernels.galerkin_pixels(
            values,
            block,
            EDGE,
            level.basis,
            self.row,
            self.owner,
            level.where,
            level.first,
            level.members,
            self.cells,
            self.shifts,
            level.sizes,
            level.offsets,
            stencil,
        )
        return stencil

    def _galerkin_blocks(self, stencil: Array, fine: Blocks, coarse: Blocks) -> Array:
        from propmat._cpu import multigrid_setup as kernels

        out = np.zeros(coarse.entries)
        kernels.galerkin_blocks(
            stencil,
            fine.offsets,
            fine.sizes,
            fine.neighbours,
            coarse.parent,
            coarse.basis,
            coarse.child_begins,
            coarse.where,
            coarse.first_child,
            coarse.children,
            coarse.sizes,
            coarse.offsets,
            out,
        )
        return out

    def _local(self, edge: int) -> Array:
        """Galerkin matrices, on the last level, of the elements inside blocks of so many pixels."""
        self.matrix.across(edge, self.between)
        across = self._galerkin_pixels(self.between, self.levels[0], edge)
        for fine, coarse in zip(self.levels[:-1], self.levels[1:], strict=True):
            across = self._galerkin_blocks(across, fine, coarse)
        return np.subtract(self.stencil, across, out=across)

    def _next_level(self, edge: int) -> None:
        from propmat._cpu import multigrid_setup as kernels

        fine = self.levels[-1]
        level = group(fine)
        most = int(min(256, 64 * len(self.levels)))
        functions = np.zeros((level.members.size, most), np.float32)
        counts = np.empty(len(level.where), np.int64)
        kernels.block_functions(
            self._local(edge),
            fine.offsets,
            fine.sizes,
            fine.starts,
            fine.neighbours,
            fine.live,
            level.parent,
            level.first_child,
            level.children,
            most,
            self.settings.threshold,
            functions,
            level.first,
            counts,
        )
        level.take(functions, counts)
        parents = level.parent
        within = np.empty(len(parents), np.int64)
        sizes = fine.sizes[level.children]
        before = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        within[level.children] = before - level.first[parents[level.children]]
        level.child_begins = level.begins[parents] + within * level.sizes[parents]
        stencil = self._galerkin_blocks(self.stencil, fine, level)
        level.finish(stencil)
        self.levels.append(level)
        self.stencil = stencil

    def _dense_inverse(self) -> Array:
        last = self.levels[-1]
        dense = np.eye(last.size)
        for p in range(len(last.sizes)):
            rows = slice(last.starts[p], last.starts[p] + last.sizes[p])
            for slot in range(5, 9):
                q = last.neighbours[p, slot]
                if q < 0:
                    continue
                columns = slice(last.starts[q], last.starts[q] + last.sizes[q])
                begin = last.offsets[p, slot - 4]
                block = self.stencil[begin : begin + last.sizes[p] * last.sizes[q]]
                dense[rows, columns] = block.reshape(last.sizes[p], -1)
                dense[columns, rows] = dense[rows, columns].T
        live = np.flatnonzero(last.live)
        inverse = np.zeros_like(dense)
        inverse[np.ix_(live, live)] = _inverse(dense[np.ix_(live, live)])
        return inverse.astype(np.float32)

    def _cycle(self, k: int) -> None:
        from propmat._cpu import multigrid as kernels

        smoother, coarse = self.smoothers[k], self.levels[k]
        smoother.smooth(from_zero=True)
        residual = self.residual[k]
        # With a zero start the step is b - A x, and what is added to x is not used.
        one, none = np.float32(1), np.float32(0)
        if k == 0:
            ones, self.pixels.scale = self.pixels.scale, self.ones
            self.pixels.relax(smoother.b, smoother.x, residual, none, one, smoother.y)
            self.pixels.scale = ones
        else:
            self.levels[k - 1].relax(smoother.b, smoother.x, residual, none, one, smoother.y)
        if k + 1 < len(self.smoothers):
            below = self.smoothers[k + 1]
            coarse.restrict(residual, below.b)
            self._cycle(k + 1)
            coarse.prolong(below.x, smoother.x)
        else:
            coarse.restrict(residual, self.bottom[0])
            kernels.multiply_dense(self.inverse, self.bottom[0], self.bottom[1])
            coarse.prolong(self.bottom[1], smoother.x)
        smoother.smooth(from_zero=False)

    @property
    def ones(self) -> Array:
        if not hasattr(self, "_ones"):
            self._ones = (self.pixels.scale > 0).astype(np.float32)
        return self._ones

    def __call__(self, residual: Array) -> Array:
        """One V-cycle on a residual of the unknown pixels."""
        return self.matrix.gather(self.on_support(self.matrix.spread(residual))).astype(np.float64)

    def on_support(self, residual: Array) -> Array:
        """One V-cycle on a residual on the support; the result is overwritten by the next."""
        # Scaled, or small residuals would leave single precision.
        norm = float(np.linalg.norm(residual)) or 1.0
        np.multiply(residual, 1 / norm, out=self.smoothers[0].b, casting="same_kind")
        self._cycle(0)
        self.smoothers[0].x *= np.float32(norm)
        return self.smoothers[0].x

    def __repr__(self) -> str:
        fine = self.matrix.shape[0]
        entries = np.count_nonzero(self.pixels.values) * 2 - fine
        total = entries + sum(level.values.size + level.size for level in self.levels)
        lines = [
            f"Multigrid hierarchy, operator complexity {total / entries:.2f}",
            f"{'level':>5} {'blocks':>9} {'unknowns':>9} {'per block':>9}",
            f"{0:>5} {'':>9} {fine:>9} {'':>9}",
        ]
        for k, level in enumerate(self.levels, 1):
            live = int(level.live.sum())
            lines.append(f"{k:>5} {len(level.counts):>9} {live:>9} {live / len(level.counts):>9.1f}")
        return "\n".join(lines)


def _inverse(dense: Array) -> Array:
    """The inverse of a symmetric matrix; by eigenvalues where rounding has left some at zero."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

    try:
        return cho_solve(cho_factor(dense, lower=True), np.eye(len(dense)))
    except LinAlgError:
        eigenvalues, vectors = eigh(dense)
        keep = eigenvalues > 1e-10
        return (vectors[:, keep] / eigenvalues[keep]) @ vectors[:, keep].T


def group(fine: Blocks) -> Blocks:
    """Blocks of FACTOR x FACTOR blocks; members are all unknowns of the children."""
    where = fine.where // FACTOR
    shape = tuple(np.asarray(where.max(axis=0)) + 1)
    key = where[:, 0].astype(np.int64) * shape[1] + where[:, 1]
    unique, parent = np.unique(key, return_inverse=True)
    grid = np.full(shape, -1, np.int32)
    coarse_where = np.stack(np.divmod(unique, shape[1]), axis=1).astype(np.int32)
    grid[coarse_where[:, 0], coarse_where[:, 1]] = np.arange(len(unique))
    children = np.argsort(parent, kind="stable")
    first_child = np.concatenate([[0], np.cumsum(np.bincount(parent))])
    sizes = fine.sizes[children]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    members = np.repeat(fine.starts[children] - ends[:-1], sizes) + np.arange(ends[-1])
    level = Blocks(grid, coarse_where, ends[first_child], members.astype(np.int32))
    level.parent, level.children, level.first_child = parent, children, first_child
    return level
