"""Coarse functions that follow a change of the finer level without being chosen again."""

from __future__ import annotations

import numpy as np

from propmat.preconditioners._level import Array
from propmat.preconditioners._renewable import RenewableBlocks

SWEEPS = 4  # of relaxation, by which neighbouring blocks that have both changed take notice of each other


def adapt(level: RenewableBlocks, fine: RenewableBlocks, changed: Array) -> None:
    """Continue the functions of a level to finer blocks that have other unknowns than before, with least energy.

    Elsewhere functions stay as they are, and so do the matrices of this level and of those above. It takes a hundredth
    of the time of setting them up; once it costs about no iterations, again and again it would cost many.
    """
    parents = np.unique(level.parent[changed])
    functions = [_by_child(level, int(parent)) for parent in parents]
    level.regroup(fine)
    own = set(changed.tolist())
    for parent, rows in zip(parents.tolist(), functions, strict=True):
        size = int(level.sizes[parent])
        inside = own & rows.keys()
        rows.update({child: np.zeros((int(fine.sizes[child]), size)) for child in inside})
        for child in SWEEPS * sorted(inside):
            rows[child] = _continued(fine, child, rows)
        level.set_functions(parent, np.concatenate([rows[child] for child in rows]))
    level.place_children()


def _by_child(level: RenewableBlocks, parent: int) -> dict[int, Array]:
    """The normalised functions of a block on each of its children, in their order."""
    size, begin = int(level.sizes[parent]), int(level.begins[parent])
    count = int(level.first[parent + 1] - level.first[parent])
    functions = level.basis[begin : begin + count * size].reshape(count, size)
    children = level.children[level.first_child[parent] : level.first_child[parent + 1]]
    parts = np.split(functions, level.within[children[1:]])
    return {int(child): part.astype(np.float64) for child, part in zip(children, parts, strict=True)}


def _continued(fine: RenewableBlocks, child: int, rows: dict[int, Array]) -> Array:
    """Functions on a block that have least energy, given those on its neighbours; its own matrix is the identity."""
    total = np.zeros_like(rows[child])
    for slot, other in enumerate(fine.neighbours[child].tolist()):
        if other in rows and slot != 4:
            ahead = slot > 4
            first, second, place = (child, other, slot - 4) if ahead else (other, child, 4 - slot)
            begin, shape = int(fine.offsets[first, place]), (int(fine.sizes[first]), int(fine.sizes[second]))
            matrix = fine.stencil[begin : begin + shape[0] * shape[1]].reshape(shape)
            total -= (matrix if ahead else matrix.T) @ rows[other]
    return total
