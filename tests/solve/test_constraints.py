"""Constraints: elimination, confidence, prior, and unknown pixels that are connected to no constraint."""

import numpy as np
import pytest
import scipy.sparse as sp

from propmat import InputError, Trimap, laplacian
from propmat._constraints import eliminate, weigh
from propmat.laplacian import Graph
from propmat.solvers import Direct
from tests.problems import banded_trimap, dense_closed_form, random_photo


@pytest.fixture
def image(rng):
    return random_photo(rng)


@pytest.fixture
def trimap():
    return Trimap.parse(banded_trimap(12, 14))


def solved(system, trimap, prior=0.0):
    rhs = system.rhs(trimap.labels, np.broadcast_to(prior, trimap.shape))
    return system.expand(Direct().prepare(system.matrix)(rhs).x, trimap.labels)


def test_weighed_is_the_dense_equation(rng, image, trimap):
    confidence = rng.uniform(0, 3, trimap.shape)
    c = np.where(trimap.known, confidence, 0).ravel()
    expected = np.linalg.solve(dense_closed_form(image) + np.diag(c), c * trimap.labels.ravel())
    alpha = solved(weigh(laplacian.closed_form(image), trimap, confidence), trimap)
    np.testing.assert_allclose(alpha.ravel(), expected, atol=1e-8)


@pytest.mark.parametrize("soft", [False, True])
def test_prior_is_the_dense_equation(rng, image, trimap, soft):
    value, kappa = rng.random(trimap.shape), rng.uniform(0, 2, trimap.shape)
    hold = np.where(trimap.known, 5.0 if soft else 1e12, 0)
    matrix = dense_closed_form(image) + np.diag((hold + kappa).ravel())
    expected = np.linalg.solve(matrix, (hold * trimap.labels + kappa * value).ravel())
    graph = laplacian.closed_form(image)
    system = weigh(graph, trimap, np.full(trimap.shape, 5.0), kappa) if soft else eliminate(graph, trimap, kappa)
    # A confidence of 1e12 instead of elimination gives an error of 1e-12 and a condition number of 1e13.
    np.testing.assert_allclose(solved(system, trimap, value).ravel(), expected, atol=1e-8 if soft else 1e-4)


def test_elimination_is_the_limit_of_confidence(image, trimap):
    graph = laplacian.closed_form(image)
    exact = solved(eliminate(graph, trimap), trimap)
    errors = [
        np.abs(solved(weigh(graph, trimap, np.full(trimap.shape, c)), trimap) - exact).max() for c in (1e2, 1e4, 1e6)
    ]
    assert errors[0] > 10 * errors[1] > 100 * errors[2]  # O(1/c)


def test_scaling_laplacian_and_confidence_changes_nothing(rng, image, trimap):
    graph, confidence = laplacian.closed_form(image), rng.uniform(0.1, 3, trimap.shape)
    np.testing.assert_allclose(
        solved(weigh(7 * graph, trimap, 7 * confidence), trimap),
        solved(weigh(graph, trimap, confidence), trimap),
        atol=1e-9,
    )


def chain(*weights):
    """Laplacian of a row of pixels, each tied to the next."""
    w = np.array(weights, float)
    matrix = sp.diags_array([-w, -w], offsets=[1, -1]).tocsr()
    return Graph(matrix - sp.diags_array(matrix.sum(axis=1)), (1, len(w) + 1))


def test_pixels_tied_to_nothing_are_named():
    trimap = Trimap.parse([[0, 0.5, 0.5, 0.5, 0.5, 1]])
    with pytest.raises(InputError, match=r"2 unknown pixels are tied to no known pixel, the first at \(0, 2\)"):
        eliminate(chain(1, 0, 1, 0, 1), trimap)
    with pytest.raises(InputError, match="2 unknown pixels"):
        weigh(chain(1, 0, 1, 0, 1), trimap, np.ones((1, 6)))


def test_a_prior_ties_them():
    trimap = Trimap.parse([[0, 0.5, 0.5, 0.5, 0.5, 1]])
    held = np.array([[0, 0, 1.0, 0, 0, 0]])
    alpha = solved(eliminate(chain(1, 0, 1, 0, 1), trimap, held), trimap, 0.3)
    np.testing.assert_allclose(alpha, [[0, 0, 0.3, 0.3, 1, 1]], atol=1e-12)


def test_confidence_of_zero_everywhere_is_refused(image, trimap):
    with pytest.raises(InputError, match="168 unknown pixels are tied to no known pixel"):
        weigh(laplacian.closed_form(image), trimap, np.zeros(trimap.shape))
