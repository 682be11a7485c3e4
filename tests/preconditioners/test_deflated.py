"""Deflated multigrid: comparison with its dense definition, and bounds on iterations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import propmat
from propmat import InputError, UnsupportedError
from propmat._cpu import cholesky as kernels
from propmat._solve._problem import Problem
from propmat.laplacian import closed_form, knn, random_walk
from propmat.preconditioners import Deflated, Jacobi, SmoothedAggregation, choose
from propmat.preconditioners._clusters import clusters_of, functions_on
from propmat.solvers import CG
from tests.problems import random_photo

SHAPE = (24, 32)


def system(image, graph=None):
    """The matrix of closed form, mixtures and neighbours, of which some pixels are held by a prior."""
    trimap = np.full(SHAPE, 0.5)
    trimap[:, :6], trimap[:, -6:] = 0, 1
    if graph is None:
        graph = closed_form(image) + 0.3 * knn(image) + propmat.flows.colour_mixture(image, trimap)
    confidence = np.zeros(SHAPE)
    confidence[5:9, 10:18] = 100.0
    labels = propmat.Trimap.parse(trimap)
    return Problem.posed(graph, labels, prior=(np.full(SHAPE, 0.3), confidence))


def dense_of(apply, n):
    return np.stack([apply(column).copy() for column in np.eye(n)], axis=1)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_map_is_its_definition(rng, channels):
    image = random_photo(rng, *SHAPE, channels=channels)
    matrix = system(image)._system().matrix
    n = matrix.shape[0]
    prepared = Deflated(columns=60).prepare(matrix)
    space = prepared.space
    width, count = space.functions.shape[1], space.labels.max() + 1
    columns = np.zeros((n, count * width))
    for c in range(width):
        columns[np.arange(n), space.labels * width + c] = space.functions[:, c]
    columns = columns[:, prepared.inverse > 0]
    entries = matrix.tocsr().toarray()
    coarse = columns @ np.linalg.solve(columns.T @ entries @ columns, columns.T)
    projection = np.eye(n) - entries @ coarse
    expected = projection.T @ dense_of(prepared.local, n) @ projection + coarse
    found = dense_of(prepared, n)
    size = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-5 * size)  # the cycle is in single precision
    np.testing.assert_allclose(found, found.T, rtol=0, atol=3e-6 * size)
    assert np.linalg.eigvalsh(found + found.T).min() > 0


@pytest.mark.parametrize("kind", ["flat", "two colours", "grey ramp"])
def test_functions_that_depend_on_each_other_are_left_out(kind):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = {"flat": 0 * x + 0.5, "two colours": (x + y) // 5 % 2 / 2, "grey ramp": x / SHAPE[1]}[kind]
    problem = system(np.repeat(image[:, :, np.newaxis], 3, axis=2))
    found = problem.solve(CG(rtol=1e-10, preconditioner=Deflated()))
    assert found.converged
    np.testing.assert_allclose(found.alpha, problem.solve(propmat.solvers.Direct()).alpha, rtol=0, atol=1e-5)


def test_factors_and_solutions_are_those_of_the_matrix(rng):
    rows = rng.standard_normal((90, 70))
    matrix = rows.T @ rows
    matrix /= np.sqrt(np.outer(matrix.diagonal(), matrix.diagonal()))
    lower, b = matrix.copy(), rng.standard_normal(70)
    inverse = kernels.factor(lower, 1e-12)
    np.testing.assert_allclose(np.tril(lower, -1) + np.diag(1 / inverse), np.linalg.cholesky(matrix), atol=1e-12)
    x = b.copy()
    kernels.solve(lower, inverse, x)
    np.testing.assert_allclose(x, np.linalg.solve(matrix, b), rtol=1e-9)


def test_clusters_are_of_like_colours_and_functions_are_centred(rng):
    colours = np.repeat(rng.random((6, 3)), 128, axis=0)
    labels = clusters_of(np.ones(SHAPE, bool), colours, 40)
    functions = functions_on(labels, colours)
    assert functions.shape == (768, 4)
    noisy = functions_on(labels, colours + 0.1 * rng.standard_normal(colours.shape))
    for cluster in np.unique(labels):
        inside = labels == cluster
        np.testing.assert_allclose(noisy[inside, 1:].mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(noisy[inside].std(axis=0)[1:], 1, atol=1e-12)


def test_sums_converge_in_few_iterations():
    scene = propmat.datasets.synthetic(seed=1, shape=(120, 160))
    found = propmat.matte("information_flow", scene.image, scene.trimap, solver=CG(preconditioner=Deflated()))
    many = propmat.matte("information_flow", scene.image, scene.trimap, solver=CG(preconditioner=Jacobi()))
    assert found.converged
    assert found.iterations <= 60 < many.iterations
    np.testing.assert_allclose(found.alpha, many.alpha, rtol=0, atol=1e-3)


def test_it_is_chosen_for_sums_that_reach_far_and_have_colours(rng):
    image = random_photo(rng, 60, 30)
    unknown = np.ones((60, 30), bool)
    chosen = {
        Deflated: closed_form(image) + 0.02 * knn(image),
        Jacobi: random_walk(image) + 0.1 * knn(image),
        SmoothedAggregation: closed_form(image) + 0.1 * closed_form(image, radius=2),
    }
    for kind, graph in chosen.items():
        assert isinstance(choose(graph.split(unknown).matrix), kind)


def test_it_refuses_other_matrices_and_settings():
    with pytest.raises(UnsupportedError, match="Deflated: takes the matrix of a sum"):
        Deflated().prepare(sp.eye_array(10))
    with pytest.raises(InputError, match="columns"):
        Deflated(columns=0)
