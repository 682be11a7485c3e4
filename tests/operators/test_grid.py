"""The grid operator compared with dense definitions."""

from __future__ import annotations

import numpy as np
import pytest

from propmat._operators import GridOperator


def closed_form_dense(image, unknown, epsilon):
    height, width, depth = image.shape
    number = np.arange(height * width).reshape(height, width)
    full = np.zeros((height * width, height * width))
    for y in range(height - 2):
        for x in range(width - 2):
            if not unknown[y : y + 3, x : x + 3].any():
                continue
            colours = image[y : y + 3, x : x + 3].reshape(9, depth)
            centred = colours - colours.mean(axis=0)
            spread = centred.T @ centred / 9 + epsilon / 9 * np.eye(depth)
            matrix = np.eye(9) - (1 + centred @ np.linalg.solve(spread, centred.T)) / 9
            pixels = number[y : y + 3, x : x + 3].ravel()
            full[np.ix_(pixels, pixels)] += matrix
    return full


def edges_dense(horizontal, vertical):
    height, width = horizontal.shape[0], vertical.shape[1]
    full = np.zeros((height * width, height * width))
    for y in range(height):
        for x in range(width):
            for dy, dx, weights in ((0, 1, horizontal), (1, 0, vertical)):
                if y + dy < height and x + dx < width:
                    i, j = y * width + x, (y + dy) * width + x + dx
                    full[[i, j], [i, j]] += weights[y, x]
                    full[[i, j], [j, i]] -= weights[y, x]
    return full


def masks(height, width):
    rng = np.random.default_rng(1)
    everything_but_two = np.ones((height, width), dtype=bool)
    everything_but_two[0, 0] = everything_but_two[-1, -1] = False
    border = np.ones((height, width), dtype=bool)
    border[1:-1, 1:-1] = False
    line = np.zeros((height, width), dtype=bool)
    line[:, width // 2] = True
    single = np.zeros((height, width), dtype=bool)
    single[height // 2, 0] = True
    return {
        "all but two": everything_but_two,
        "border": border,
        "line": line,
        "single": single,
        "scattered": rng.random((height, width)) < 0.3,
        "all": np.ones((height, width), dtype=bool),
    }


MASKS = list(masks(3, 3))
SIZES = [(3, 3), (3, 12), (11, 3), (9, 14)]


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("mask", MASKS)
def test_closed_form_equals_its_definition(mask, size, depth):
    rng = np.random.default_rng(2)
    image, unknown = rng.random((*size, depth)), masks(*size)[mask]
    full = closed_form_dense(image, unknown, 1e-4)
    matrix = GridOperator.from_image(image, unknown, epsilon=1e-4)
    check_operator(matrix, full, unknown)


@pytest.mark.parametrize("size", [*SIZES, (1, 6), (5, 1), (1, 1)])
@pytest.mark.parametrize("mask", MASKS)
def test_edges_equal_their_definition(mask, size):
    rng = np.random.default_rng(3)
    horizontal = rng.random((size[0], size[1] - 1))
    vertical = rng.random((size[0] - 1, size[1]))
    unknown = masks(*size)[mask]
    if unknown.any():
        matrix = GridOperator.from_edges(horizontal, vertical, unknown)
        check_operator(matrix, edges_dense(horizontal, vertical), unknown)


def check_operator(matrix, full, unknown):
    rng = np.random.default_rng(4)
    inside = unknown.ravel()
    expected = full[np.ix_(inside, inside)]
    x = rng.standard_normal((inside.sum(), 2))
    # Each product sums 25 terms, and each entry 9 windows: at most 300 rounding errors.
    scale = 300 * np.finfo(float).eps * max(1.0, abs(full).max())
    np.testing.assert_allclose(matrix @ x, expected @ x, rtol=0, atol=100 * scale)
    np.testing.assert_allclose(matrix.diagonal(), expected.diagonal(), rtol=0, atol=scale)
    known = rng.random(unknown.shape)
    coupling = full[np.ix_(inside, ~inside)] @ known.ravel()[~inside]
    np.testing.assert_allclose(matrix.times_known(known), coupling, rtol=0, atol=100 * scale)
    csr = matrix.tocsr()
    assert csr.has_canonical_format
    assert csr.indices.dtype == np.int32
    assert abs(csr - csr.T).max() == 0
    np.testing.assert_allclose(csr.toarray(), expected, rtol=0, atol=scale)


def test_constants_cost_nothing():
    rng = np.random.default_rng(5)
    matrix = GridOperator.from_image(rng.random((20, 30, 3)), np.ones((20, 30), dtype=bool))
    assert abs(matrix @ np.ones(600)).max() < 1e-12


def test_flat_colour_is_the_uniform_window_laplacian():
    unknown = masks(8, 9)["border"]
    image = np.full((8, 9, 3), 0.3)
    matrix = GridOperator.from_image(image, unknown)
    check_operator(matrix, closed_form_dense(image, unknown, 1e-7), unknown)


def test_diagonal_makes_the_soft_form():
    rng = np.random.default_rng(6)
    image, weights = rng.random((7, 8, 3)), rng.random((7, 8))
    unknown = np.ones((7, 8), dtype=bool)
    full = closed_form_dense(image, unknown, 1e-7) + np.diag(weights.ravel())
    matrix = GridOperator.from_image(image, unknown, diagonal=weights)
    check_operator(matrix, full, unknown)


@pytest.mark.parametrize("block", [2, 3, 5])
def test_without_what_lies_across_blocks_they_are_apart(block):
    rng = np.random.default_rng(7)
    image, unknown = rng.random((12, 13, 3)), masks(12, 13)["scattered"]
    matrix = GridOperator.from_image(image, unknown)
    between = np.empty_like(matrix.values)
    matrix.across(block, between)
    values = matrix.values - between
    part = GridOperator(matrix.support, values, matrix.assemble).tocsr().toarray()
    y, x = np.nonzero(unknown)
    same = (y[:, None] // block == y // block) & (x[:, None] // block == x // block)
    assert abs(part[~same]).max() < 1e-14
    rest = matrix.tocsr().toarray() - part
    assert np.linalg.eigvalsh(part).min() > -1e-12
    assert np.linalg.eigvalsh(rest).min() > -1e-12


def test_product_is_deterministic():
    rng = np.random.default_rng(8)
    matrix = GridOperator.from_image(rng.random((40, 50, 3)), rng.random((40, 50)) < 0.6)
    x = rng.standard_normal(matrix.shape[0])
    assert np.array_equal(matrix @ x, matrix @ x)


def test_strided_and_read_only_input():
    rng = np.random.default_rng(9)
    image = rng.random((20, 24, 3))
    unknown = rng.random((20, 24)) < 0.5
    image.flags.writeable = False
    thin = GridOperator.from_image(image[::2, ::2], unknown[::2, ::2]).tocsr()
    copied = GridOperator.from_image(image[::2, ::2].copy(), unknown[::2, ::2].copy()).tocsr()
    assert abs(thin - copied).max() == 0
