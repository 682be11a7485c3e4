"""Labels that change: the mattes are those of a fresh set-up."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import propmat
from propmat import InputError
from propmat.preconditioners import SmoothedAggregation
from propmat.preconditioners._constrained import Constrained
from propmat.solvers import CG, Direct
from tests.problems import random_photo

SHAPE = (64, 70)
TIGHT = CG(tolerance=1e-7)
KNOWN = {0: 0.0, 1: 1.0, 2: 0.5}


@pytest.fixture(scope="module")
def image():
    return random_photo(np.random.default_rng(1), *SHAPE)


def two_rows():
    trimap = np.full(SHAPE, 0.5)
    trimap[0], trimap[-1] = 0, 1
    return trimap


def strokes(trimap, count, seed):
    """Trimaps after strokes that add, remove and flip labels; the corners stay known."""
    rng = np.random.default_rng(seed)
    for k in range(count):
        trimap = trimap.copy()
        y, x = rng.integers(0, SHAPE[0]), rng.integers(0, SHAPE[1])
        high, wide = rng.integers(1, 20, 2) if k % 2 else (1, 1)
        trimap[y : y + high, x : x + wide] = KNOWN[int(rng.integers(3))]
        trimap[0, 0], trimap[-1, -1] = 0, 1
        yield trimap


GRAPHS = {
    "closed form": lambda image: propmat.laplacian.closed_form(image),
    "half of it": lambda image: 0.5 * propmat.laplacian.closed_form(image),
    "learning-based": lambda image: propmat.laplacian.learning_based(image),
    "random walk": lambda image: propmat.laplacian.random_walk(image, 0.2),
    "weighted windows": lambda image: propmat.laplacian.weighted_windows(
        image, np.random.default_rng(2).random((SHAPE[0] - 2, SHAPE[1] - 2)) + 0.01
    ),
    "sum": lambda image: propmat.laplacian.closed_form(image) + propmat.laplacian.random_walk(image, 0.2),
    "matrix": lambda image: propmat.laplacian.random_walk(image, 0.2).matrix,
}
CONSTRAINTS = {
    "eliminated": {},
    "confidence": {"confidence": 10.0},
    "confidence of each": {"confidence": np.linspace(0.1, 200, SHAPE[0] * SHAPE[1]).reshape(SHAPE)},
    "prior": {"prior": (np.linspace(0, 1, SHAPE[1]) * np.ones(SHAPE), 0.01)},
    "both": {"confidence": 10.0, "prior": (0.3, np.linspace(0, 0.1, SHAPE[0])[:, None] * np.ones(SHAPE))},
}


def check(prepared, graph, trimaps, **constraints):
    """Mattes after strokes beside those of `solve`; returns the last `Prepared`."""
    for trimap in trimaps:
        alpha = prepared.solve().alpha
        prepared = prepared.relabelled(trimap)
        expected = propmat.solve(graph, trimap, solver=Direct(), **constraints)
        found = prepared.solve(x0=alpha)
        assert found.converged
        np.testing.assert_allclose(found.alpha, expected.alpha, rtol=0, atol=2e-5)
    return prepared


@pytest.mark.parametrize("name", GRAPHS)
def test_mattes_are_those_of_a_fresh_set_up(image, name):
    graph = GRAPHS[name](image)
    solver = Direct() if name in ("sum", "matrix") else TIGHT
    check(propmat.prepare(graph, two_rows(), solver=solver), graph, strokes(two_rows(), 5, 3))


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_with_confidences_and_priors(image, name):
    graph, constraints = propmat.laplacian.closed_form(image), CONSTRAINTS[name]
    first = propmat.prepare(graph, two_rows(), solver=TIGHT, **constraints)
    last = check(first, graph, strokes(two_rows(), 6, 4), **constraints)
    assert isinstance(last.solve_linear.preconditioner, Constrained)


def test_other_confidences_hold_for_labels_that_change(image):
    graph, (trimap,) = propmat.laplacian.closed_form(image), strokes(two_rows(), 1, 5)
    prepared = propmat.prepare(graph, two_rows(), confidence=1.0, solver=TIGHT).with_confidence(50.0).relabelled(trimap)
    expected = propmat.solve(graph, trimap, confidence=50.0, solver=Direct()).alpha
    np.testing.assert_allclose(prepared.solve().alpha, expected, rtol=0, atol=2e-5)


def some(trimap, where, value):
    trimap = trimap.copy()
    trimap[where] = value
    return trimap


def test_blocks_that_are_known_as_a_whole_and_come_back(image):
    start, graph = two_rows(), propmat.laplacian.closed_form(image)
    labelled = some(start, np.s_[16:48, 8:40], 1.0)
    one = some(np.ones(SHAPE), np.s_[30, 30], 0.5)
    one[0, 0] = 0.0
    same = [start, labelled, labelled, 1 - labelled, one, start, some(start, np.s_[10:60], 0.0), start]
    check(propmat.prepare(graph, start, solver=TIGHT), graph, same)


def test_pixels_that_were_known_from_the_start(image):
    """They have no place in the set-up, which is made anew once."""
    start, graph = some(two_rows(), np.s_[:30], 0.0), propmat.laplacian.closed_form(image)
    check(propmat.prepare(graph, start, solver=TIGHT), graph, [two_rows(), start, two_rows()])


@pytest.mark.parametrize("levels", [1, 2])
def test_flat_pictures(levels):
    """They take a cycle in double precision, which labels may change."""
    rng = np.random.default_rng(6)
    image = np.kron(np.round(levels * rng.random((8, 9, 3))) / levels, np.ones((8, 8, 1)))[: SHAPE[0], : SHAPE[1]]
    graph = propmat.laplacian.closed_form(image)
    check(propmat.prepare(graph, two_rows(), solver=TIGHT), graph, strokes(two_rows(), 6, 7))


def test_the_solver_is_chosen_again_unless_it_was_given(image):
    graph, narrow = propmat.laplacian.closed_form(np.kron(image, np.ones((2, 2, 1)))), np.full((128, 140), 0.5)
    narrow[:100], narrow[-2:] = 0, 1
    wide = some(narrow, np.s_[2:100], 0.5)
    chosen = propmat.prepare(graph, narrow)
    assert (type(chosen.solver), type(chosen.relabelled(wide).solver)) == (Direct, CG)
    given = propmat.prepare(graph, narrow, solver=CG(preconditioner=SmoothedAggregation()))
    assert given.relabelled(wide).solver is given.solver


def test_earlier_ones_stay_as_they_were(image):
    graph = propmat.laplacian.closed_form(image)
    ones = [propmat.prepare(graph, two_rows(), solver=TIGHT)]
    for trimap in strokes(two_rows(), 4, 8):
        ones.append(ones[-1].relabelled(trimap))
    for one in (*reversed(ones), pickle.loads(pickle.dumps(ones[2]))):
        expected = propmat.solve(graph, one.trimap, solver=Direct()).alpha
        np.testing.assert_allclose(one.solve().alpha, expected, rtol=0, atol=2e-5)


def test_errors_leave_everything_as_it_was(image):
    graph = propmat.laplacian.closed_form(image)
    prepared = propmat.prepare(graph, two_rows(), solver=TIGHT).relabelled(two_rows())
    expected = prepared.solve().alpha
    wrong = {
        r"trimap: shape \(3, 3\) does not fit image of shape \(64, 70\)": np.zeros((3, 3)),
        "trimap: has no known pixel": np.full(SHAPE, 0.5),
        "trimap: has no unknown pixel": np.zeros(SHAPE),
        "trimap: takes": np.full(SHAPE, "0"),
        "trimap: .*NaN": np.full(SHAPE, np.nan),
    }
    for message, trimap in wrong.items():
        with pytest.raises(InputError, match=f"^{message}"):
            prepared.relabelled(trimap)
        np.testing.assert_allclose(prepared.solve().alpha, expected, rtol=0, atol=1e-7)


def test_bounds_that_labels_have_made_too_low_are_raised(image):
    """Without a warning and another preconditioner; bounds of levels that change little are kept."""
    graph, (trimap,) = propmat.laplacian.closed_form(image), strokes(two_rows(), 1, 9)
    prepared = propmat.prepare(graph, two_rows(), solver=CG()).relabelled(trimap)
    apply = prepared.solve_linear.preconditioner
    for smoother in apply.shared.at(apply.matrix).smoothers:
        smoother.set_bound(0.3 * smoother.bound)
    matte = prepared.solve()
    assert not matte.notes
    assert abs(matte.alpha - propmat.solve(graph, trimap, solver=Direct()).alpha).max() < 1e-4


def test_labels_with_a_prior_may_all_go(image):
    graph, prior = propmat.laplacian.closed_form(image), (np.linspace(0, 1, SHAPE[1]) * np.ones(SHAPE), 0.01)
    prepared = propmat.prepare(graph, two_rows(), prior=prior, solver=TIGHT)
    check(prepared, graph, [np.full(SHAPE, 0.5), two_rows()], prior=prior)
