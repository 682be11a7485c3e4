"""Means over cells, and the matrix with a penalty on them, against dense definitions."""

import numpy as np
import pytest
import scipy.sparse as sp

from propmat._operators._averages import Averaged, cells_of, means_of, spread_means
from propmat._operators._grid import GridOperator
from propmat.errors import UnsupportedError

SHAPE = (13, 17)


def overlap(fine, coarse):
    """Lengths that equal intervals share, (coarse, fine), over the length of a coarse one."""
    ends, starts = (np.arange(fine) + 1) / fine, np.arange(fine) / fine
    high, low = (np.arange(coarse) + 1) / coarse, np.arange(coarse) / coarse
    return coarse * np.maximum(np.minimum(high[:, None], ends) - np.maximum(low[:, None], starts), 0)


@pytest.mark.parametrize("cells", [(13, 17), (1, 1), (4, 6), (12, 16), (13, 1), (7, 17)])
def test_means_of_a_map(rng, cells):
    dense = np.kron(overlap(SHAPE[0], cells[0]), overlap(SHAPE[1], cells[1]))
    plane, means = rng.random(SHAPE), rng.random(cells)
    np.testing.assert_allclose(means_of(plane, cells).ravel(), dense @ plane.ravel(), atol=1e-15)
    np.testing.assert_allclose(spread_means(means, SHAPE).ravel(), dense.T @ means.ravel(), atol=1e-15)


@pytest.fixture(params=[(4, 6), (13, 17), (2, 3)])
def averaged(request, rng):
    """The matrix, and M of all cells over the unknown pixels as a dense array."""
    unknown = rng.random(SHAPE) < 0.4
    unknown[:5, :9] = False
    base = GridOperator.from_image(rng.random((*SHAPE, 3)), unknown, epsilon=1e-3)
    matrix, held = Averaged.of(base, request.param, 0.7)
    dense = np.kron(overlap(SHAPE[0], request.param[0]), overlap(SHAPE[1], request.param[1]))[:, unknown.ravel()]
    return matrix, held, dense


def test_held_cells_are_those_with_an_unknown_pixel(averaged):
    matrix, held, dense = averaged
    np.testing.assert_array_equal(held, np.flatnonzero(dense.sum(axis=1) > 1e-12))
    entries = cells_of(matrix.base.support, (4, 6)).toarray()
    assert entries.shape == (matrix.base.support.size, 24)


def test_products_and_diagonal(averaged, rng):
    matrix, held, dense = averaged
    full = matrix.base.tocsr().toarray() + 0.7 * dense.T @ dense
    x = rng.standard_normal(matrix.shape[0])
    np.testing.assert_allclose(matrix @ x, full @ x, atol=1e-12)
    np.testing.assert_allclose(matrix.diagonal(), np.diag(full), atol=1e-13)
    np.testing.assert_allclose(matrix.means_over(x), (dense @ x)[held], atol=1e-14)
    spread, out = matrix.spread(x), np.zeros(matrix.base.support.size)
    assert matrix.multiply(spread, out) == pytest.approx(x @ full @ x)
    np.testing.assert_allclose(matrix.gather(out), full @ x, atol=1e-12)
    shift = rng.random(x.size)
    np.testing.assert_allclose(matrix.shifted(shift) @ x, full @ x + shift * x, atol=1e-12)
    np.testing.assert_allclose(matrix.scaled(3.0) @ x, 3 * (full @ x), atol=1e-12)


def test_it_has_no_entries(averaged):
    with pytest.raises(UnsupportedError, match="upsample: is multiplied, not stored"):
        averaged[0].tocsr()


def test_the_transpose_holds_the_same_numbers(averaged):
    matrix = averaged[0]
    assert sp.csr_array(matrix.means.T - matrix.transposed).nnz == 0
