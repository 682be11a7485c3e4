"""A hierarchy of a matrix with a larger diagonal has the coarse spaces of the matrix alone, and Galerkin's matrices."""

import numpy as np
import pytest

from propmat._operators._grid import GridOperator
from propmat.preconditioners import Multigrid
from propmat.preconditioners._shifted import KeptHierarchy, Shiftable
from propmat.solvers import CG
from tests.preconditioners.test_multigrid import colours

SHAPE = (60, 70)
SETTINGS = Multigrid(coarsest=1)  # so that there are three levels of blocks


def problem(kind="smooth"):
    unknown = np.ones(SHAPE, bool)
    unknown[0], unknown[20:24, 30:60] = False, False
    matrix = GridOperator.from_image(colours(kind, SHAPE), unknown, epsilon=1e-5)
    rng = np.random.default_rng(3)
    size = matrix.shape[0]
    return matrix, 0.1 * rng.random(size) ** 2 * (rng.random(size) < 0.7)


class Made:
    """A preconditioner that was prepared before."""

    def __init__(self, apply):
        self.apply = apply

    def prepare(self, matrix, near_null_space=None):
        return self.apply


def functions(hierarchy):
    """The functions (n, m) of every coarse level, on the unknown pixels."""
    found = []
    for depth in range(1, len(hierarchy.levels) + 1):
        columns = np.eye(hierarchy.levels[depth - 1].size, dtype=hierarchy.precision.vectors)
        columns = columns[hierarchy.levels[depth - 1].live]
        spread = []
        for column in columns:
            vector = column
            for k in range(depth - 1, -1, -1):
                size = hierarchy.levels[k - 1].size if k else hierarchy.pixels.size
                finer = np.zeros(size, vector.dtype)
                hierarchy.levels[k].prolong(vector, finer)
                vector = finer
            spread.append(hierarchy.matrix.gather(vector * hierarchy.pixels.scale))
        found.append(np.array(spread, float).T)
    return found


@pytest.mark.parametrize("kind", ["smooth", "spots"])
def test_spaces_stay_and_matrices_are_those_of_the_sum(kind):
    matrix, added = problem(kind)
    base = Shiftable(SETTINGS).prepare(matrix)
    shifted = base.shifted(matrix.shifted(added))
    dense = matrix.shifted(added).tocsr().toarray()
    assert len(shifted.levels) == len(base.levels) >= 3
    for level, before, after in zip(shifted.levels, functions(base), functions(shifted), strict=True):
        inside = np.linalg.lstsq(before, after, rcond=None)[0]
        assert np.abs(before @ inside - after).max() < 1e-3 * np.abs(after).max()
        galerkin = after.T @ dense @ after
        assert np.abs(galerkin.diagonal() - 1).max() < 1e-3
        numbers = np.searchsorted(np.flatnonzero(level.live), level.starts)
        for begin, end in zip(numbers, [*numbers[1:], len(galerkin)], strict=True):
            assert np.abs(galerkin[begin:end, begin:end] - np.eye(end - begin)).max(initial=0) < 1e-3


def test_a_cycle_is_symmetric_and_takes_no_more_iterations_than_a_set_up_as_a_whole():
    matrix, added = problem()
    larger = matrix.shifted(added)
    base = Shiftable(Multigrid()).prepare(matrix)
    shifted, whole = base.shifted(larger), Multigrid().prepare(larger)
    rng = np.random.default_rng(0)
    one, other, exact = rng.normal(size=(3, matrix.shape[0]))
    assert other @ shifted(one).copy() == pytest.approx(one @ shifted(other), rel=1e-4)
    counts = []
    for apply in (shifted, whole, base):
        found = CG(rtol=1e-8, preconditioner=Made(apply)).prepare(larger)(larger @ exact)
        assert found.converged
        counts.append(found.iterations)
    assert counts[0] <= counts[1] + 2
    assert 2 * counts[0] < counts[2]


def test_the_hierarchy_of_the_matrix_alone_stays():
    matrix, added = problem()
    base = Shiftable(SETTINGS).prepare(matrix)
    residual = np.random.default_rng(0).normal(size=matrix.shape[0])
    before, larger = base(residual), matrix.shifted(added)
    one, other = (base.shifted(larger)(residual) for _ in range(2))
    assert (one == other).all()
    assert (base(residual) == before).all()
    assert np.abs(one - before).max() > 0


def test_other_changes_are_set_up_as_a_whole():
    matrix, added = problem()
    base = Shiftable(SETTINGS).prepare(matrix.shifted(added))
    assert isinstance(base, KeptHierarchy)
    assert base.shifted(matrix) is None  # smaller
    unknown = matrix.support.unknown.copy()
    unknown[30] = False
    assert base.shifted(GridOperator.from_image(colours("smooth", SHAPE), unknown)) is None
