"""`prepare` once and solve several times."""

import numpy as np
import pytest
import scipy.sparse as sp

import propmat
from propmat import InputError
from propmat.solvers import CG, Direct
from tests.problems import banded_trimap, random_photo

TIGHT = CG(rtol=1e-12)


@pytest.fixture
def graph(rng):
    return propmat.laplacian.closed_form(random_photo(rng, 40, 42))


@pytest.fixture
def trimap():
    return banded_trimap(40, 42)


def test_prepared_is_solve(graph, trimap):
    np.testing.assert_array_equal(propmat.prepare(graph, trimap).solve().alpha, propmat.solve(graph, trimap).alpha)


def test_layers_sum_to_one(rng, graph, trimap):
    layer = rng.integers(0, 3, trimap.shape)
    prepared = propmat.prepare(graph, trimap, solver=TIGHT)
    mattes = list(prepared.solve_all([(layer == k).astype(float) for k in range(3)]))
    unclipped = sum(matte.x for matte in mattes)
    np.testing.assert_allclose(unclipped, 1, atol=1e-7)
    for k, matte in enumerate(mattes):
        np.testing.assert_array_equal(matte.alpha[trimap != 0.5], (layer == k)[trimap != 0.5])


def test_values_on_unknown_pixels_do_not_count(rng, graph, trimap):
    prepared = propmat.prepare(graph, trimap)
    noise = np.where(trimap == 0.5, rng.random(trimap.shape), trimap)
    np.testing.assert_array_equal(prepared.solve(noise).alpha, prepared.solve().alpha)


def test_warm_start(graph, trimap):
    prepared = propmat.prepare(graph, trimap, solver=CG())
    cold = prepared.solve()
    warm = prepared.solve(x0=np.clip(cold.alpha + 1e-4, 0, 1))
    assert warm.iterations < cold.iterations
    assert propmat.solve(graph, trimap, solver=CG(), x0=cold.alpha).iterations < cold.iterations
    np.testing.assert_allclose(warm.alpha, cold.alpha, atol=1e-5)


@pytest.mark.parametrize("solver", [TIGHT, Direct()], ids=str)
def test_other_confidences_on_the_same_set_up(rng, graph, trimap, solver):
    prepared = propmat.prepare(graph, trimap, confidence=10.0, prior=(0.3, 0.01), solver=solver)
    for confidence in (1.0, rng.uniform(0, 100, trimap.shape)):
        expected = propmat.solve(graph, trimap, confidence=confidence, prior=(0.3, 0.1), solver=solver)
        again = prepared.with_confidence(confidence, 0.1).solve()
        np.testing.assert_allclose(again.alpha, expected.alpha, atol=1e-7)


def test_other_prior_values(rng, graph, trimap):
    value = rng.random(trimap.shape)
    prepared = propmat.prepare(graph, trimap, prior=(0.5, 0.1), solver=TIGHT)
    expected = propmat.solve(graph, trimap, prior=(value, 0.1), solver=TIGHT)
    np.testing.assert_allclose(prepared.solve(prior=value).alpha, expected.alpha, atol=1e-9)


def test_a_prior_needs_both_value_and_confidence(rng, graph, trimap):
    value = rng.random(trimap.shape)
    with pytest.raises(InputError, match="prior: has no confidence here"):
        propmat.prepare(graph, trimap).solve(prior=value)
    held = propmat.prepare(graph, trimap, confidence=10.0, solver=TIGHT)
    with pytest.raises(InputError, match="prior: has no confidence here"):
        held.solve(prior=value)
    with pytest.raises(InputError, match="prior: has a confidence and no value"):
        held.with_confidence(10.0, 0.1).solve()
    expected = propmat.solve(graph, trimap, confidence=10.0, prior=(value, 0.1), solver=TIGHT).alpha
    np.testing.assert_allclose(held.with_confidence(10.0, 0.1).solve(prior=value).alpha, expected, atol=1e-7)


def test_the_prior_stays_where_only_the_confidence_changes(graph, trimap):
    prepared = propmat.prepare(graph, trimap, confidence=10.0, prior=(0.3, 0.1), solver=TIGHT)
    expected = propmat.solve(graph, trimap, confidence=2.0, prior=(0.3, 0.1), solver=TIGHT).alpha
    np.testing.assert_allclose(prepared.with_confidence(2.0).solve().alpha, expected, atol=1e-7)
    without = propmat.solve(graph, trimap, confidence=2.0, solver=TIGHT).alpha
    np.testing.assert_allclose(prepared.with_confidence(2.0, 0.0).solve().alpha, without, atol=1e-7)


def test_errors(graph, trimap):
    prepared = propmat.prepare(graph, trimap)
    with pytest.raises(InputError, match="known pixels were eliminated"):
        prepared.with_confidence(1.0)
    with pytest.raises(InputError, match=r"values: shape \(3, 3\) does not fit"):
        prepared.solve(np.zeros((3, 3)))
    with pytest.raises(InputError, match="x0: has 1 values that are NaN"):
        prepared.solve(x0=np.where(np.arange(trimap.size).reshape(trimap.shape) == 5, np.nan, 0))
    with pytest.raises(InputError, match="trimap: has no unknown pixel"):
        propmat.prepare(graph, np.round(trimap))
    with pytest.raises(InputError, match="trimap: has no known pixel"):
        propmat.prepare(graph, np.full_like(trimap, 0.5))


@pytest.mark.parametrize("kind", ["csr_array", "coo_array", "csc_array", "toarray"])
def test_a_laplacian_of_a_user_may_give_rows_of_any_kind(kind):
    """Of unknown pixels that are as many as the known ones, so that shapes tell nothing."""

    class Chain(propmat.laplacian.Laplacian):
        shape = (2, 6)
        ties_all_pixels = False
        whole = propmat.laplacian.affinity(np.ones((2, 5)), np.ones((1, 6))).matrix

        def rows(self, row_mask, column_mask):
            block = self.whole[np.flatnonzero(row_mask)][:, np.flatnonzero(column_mask)]
            return block.toarray() if kind == "toarray" else getattr(sp, kind)(block)

        def near_null_space(self, mask):
            return np.ones((int(mask.sum()), 1))

    trimap = np.tile([0, 0.5, 0.5, 0.5, 1, 1], (2, 1))
    expected = propmat.solve(Chain.whole, trimap).alpha
    np.testing.assert_allclose(propmat.solve(Chain(), trimap).alpha, expected, rtol=0, atol=1e-9)


class Answering(propmat.laplacian.Laplacian):
    """A chain whose rows are changed by a function."""

    ties_all_pixels = True

    def __init__(self, change=None, shape=(1, 9)):
        self.shape, self.change = shape, change

    def rows(self, row_mask, column_mask):
        block = propmat.laplacian.affinity(np.ones((1, 8)), np.ones((0, 9))).rows(row_mask, column_mask)
        return block if self.change is None else self.change(block)

    def near_null_space(self, mask):
        return np.ones((int(mask.sum()), 1))


WRONG_ROWS = {
    "none": (lambda block: None, r"Answering\.rows returns a sparse matrix of shape \(7, 9\), got None"),
    "a list": (lambda block: [[1.0]], "Answering.rows returns a sparse matrix"),
    "few": (lambda block: block[1:], "Answering.rows returns a sparse matrix .*, got csr_array of shape"),
    "nan": (lambda block: block * np.nan, "Answering.rows: has entries that are NaN"),
    "complex": (lambda block: block * 1j, "Answering.rows: takes real numbers"),
    "one way": (lambda block: sp.csr_array(sp.triu(block, 1)), "is not symmetric"),
    "normalised": (lambda block: sp.diags_array(np.arange(1.0, 8)) @ block, "is not symmetric"),
}


@pytest.mark.parametrize(("change", "message"), WRONG_ROWS.values(), ids=WRONG_ROWS)
@pytest.mark.parametrize("solve", [propmat.solve, propmat.adjoint.solve])
@pytest.mark.parametrize("factor", [1, 0.5], ids=["alone", "weighted"])
def test_wrong_rows_of_a_laplacian_of_a_user(change, message, solve, factor):
    graph = Answering(change) if factor == 1 else factor * Answering(change)
    with pytest.raises(InputError, match=f"^laplacian: {message}"):
        solve(graph, np.array([[0, *[0.5] * 7, 1]]))


@pytest.mark.parametrize("shape", [(1, 9, 3), None, 9, ("1", 9)], ids=str)
def test_wrong_shapes_of_a_laplacian_of_a_user(shape):
    with pytest.raises(InputError, match=r"^laplacian\.shape: takes a "):
        propmat.solve(Answering(shape=shape), np.array([[0, *[0.5] * 7, 1]]))
