"""Sums whose parts are kept apart, and R'R without its entries: comparison with dense matrices."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

import propmat
from propmat import Trimap
from propmat._operators import GridOperator, Stored
from propmat._operators._sum import Gram, GridSum
from propmat.laplacian import closed_form, knn, large_kernel, random_walk
from tests.problems import banded_trimap, dense_closed_form, random_photo

SHAPE = (13, 17)


@pytest.fixture
def sparse_rows(rng):
    rows = sp.random_array((40, 31), density=0.15, rng=rng, format="csr")
    rows.data -= 0.5
    return rows


@pytest.fixture
def image(rng):
    return random_photo(rng, *SHAPE)


def graphs(image):
    trimap = banded_trimap(*SHAPE)
    return {
        "closed form and knn": closed_form(image) + 0.1 * knn(image),
        "closed form and mixtures": 0.5 * closed_form(image) + 2 * propmat.flows.colour_mixture(image, trimap),
        "all": closed_form(image) + knn(image) + 0.3 * propmat.flows.colour_mixture(image, trimap) + random_walk(image),
        "no grid": knn(image) + propmat.flows.colour_mixture(image, trimap),
        "products only": closed_form(image) + large_kernel(image, radius=2),
        "one term": 3 * closed_form(image),
    }


@pytest.mark.parametrize("added", [None, 0.25])
def test_products_with_a_gram_matrix_are_those_of_its_entries(sparse_rows, rng, added):
    dense = sparse_rows.toarray().T @ sparse_rows.toarray() + (added or 0) * np.eye(31)
    matrix = Gram.of(sparse_rows, None if added is None else np.full(31, added))
    x, out = rng.standard_normal(31), np.empty(31)
    form = matrix.multiply(x, out)
    for product in (out, matrix @ x, (matrix @ np.stack([x, x], axis=1))[:, 1], matrix.tocsr() @ x):
        np.testing.assert_allclose(product, dense @ x, rtol=0, atol=1e-13)
    assert form == pytest.approx(x @ dense @ x, abs=1e-12)
    np.testing.assert_allclose(matrix.diagonal(), dense.diagonal(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(matrix.shifted(x).tocsr().toarray(), dense + np.diag(x), rtol=0, atol=1e-13)
    np.testing.assert_allclose(matrix.scaled(0.5).shifted(x) @ x, 0.5 * dense @ x + x * x, rtol=0, atol=1e-13)


def test_the_number_of_threads_has_no_effect_on_a_product(sparse_rows, rng):
    from propmat._cpu import _threads

    matrix, x, found = Gram.of(sparse_rows), rng.standard_normal(31), []
    before = _threads.used_threads()
    for count in (1, 3):
        _threads.use_threads(count)
        found.append(np.empty(31))
        matrix.multiply(x, found[-1])
    _threads.use_threads(before)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("name", list(graphs(np.zeros((*SHAPE, 3)))))
def test_a_sum_split_into_parts_is_the_sum_of_the_matrices(image, rng, name):
    graph = graphs(image)[name]
    trimap = Trimap.parse(banded_trimap(*SHAPE))
    unknown, diagonal, values = trimap.unknown, rng.random(SHAPE), rng.random(SHAPE)
    split, whole, inside = graph.split(unknown, diagonal), graph.matrix.toarray(), unknown.ravel()
    dense = whole[np.ix_(inside, inside)] + np.diag(diagonal[unknown])
    matrix, x = split.matrix, rng.standard_normal(inside.sum())
    scale = np.abs(dense).max()
    spread = matrix.spread(x)
    out = np.zeros_like(spread)  # as solvers do: products leave the margin of the grid as it is
    form = matrix.multiply(spread, out)
    for product in (matrix @ x, matrix.gather(out), matrix.tocsr() @ x, (matrix @ np.stack([x, x], axis=1))[:, 0]):
        np.testing.assert_allclose(product, dense @ x, rtol=0, atol=1e-7 * scale)
    assert form == pytest.approx(x @ dense @ x, rel=1e-7)
    np.testing.assert_allclose(matrix.diagonal(), dense.diagonal(), rtol=0, atol=1e-7 * scale)
    np.testing.assert_allclose(matrix.scaled(2.0).shifted(x) @ x, 2 * dense @ x + x * x, rtol=0, atol=2e-7 * scale)
    known = whole[np.ix_(inside, ~inside)]
    np.testing.assert_allclose(split.times_known(values), known @ values[~unknown], rtol=0, atol=1e-7 * scale)
    np.testing.assert_array_equal(split.touches_known[(np.abs(known) > 1e-9 * scale).any(axis=1)], True)


def test_only_what_couples_distant_pixels_is_kept_apart(image):
    unknown = Trimap.parse(banded_trimap(*SHAPE)).unknown
    kinds = {name: type(graph.split(unknown).matrix) for name, graph in graphs(image).items()}
    assert kinds.pop("one term") is GridOperator
    assert kinds.pop("no grid") is Stored
    assert set(kinds.values()) == {GridSum}


def test_a_sum_is_pickled(image, rng):
    matrix = graphs(image)["all"].split(Trimap.parse(banded_trimap(*SHAPE)).unknown).matrix
    x = rng.standard_normal(matrix.shape[0])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(matrix)) @ x, matrix @ x)


def test_a_multiple_of_the_closed_form_is_its_definition(image):
    matrix = (2 * closed_form(image)).split(np.ones(SHAPE, bool)).matrix
    np.testing.assert_allclose(matrix.tocsr().toarray(), 2 * dense_closed_form(image), rtol=0, atol=1e-7)
