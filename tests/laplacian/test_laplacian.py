"""Laplacians: common properties, the closed form compared with its definition, sums, and given matrices."""

import numpy as np
import pytest
import scipy.sparse as sp

from propmat import InputError, laplacian
from propmat.laplacian import Graph
from tests.problems import HARD_MASKS, dense_closed_form, hard_trimap, random_photo

CASES = [(channels, radius) for channels in (1, 2, 3, 5) for radius in (1, 2)]


@pytest.mark.parametrize(("channels", "radius"), CASES)
def test_laws(rng, channels, radius):
    matrix = laplacian.closed_form(random_photo(rng, channels=channels), radius=radius).matrix
    assert matrix.has_canonical_format
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
    assert np.all(matrix.data != 0)
    assert abs(matrix - matrix.T).max() == 0
    # A row sums up to (2r+1)^4 terms of at most 1, each rounded to 1e-16.
    assert abs(matrix.sum(axis=1)).max() < 1e-12
    assert np.linalg.eigvalsh(matrix.toarray())[0] > -1e-12


@pytest.mark.parametrize(("channels", "radius"), CASES)
@pytest.mark.parametrize("epsilon", [1e-7, 1e-3, 1.0])
def test_closed_form_is_its_definition(rng, channels, radius, epsilon):
    image = random_photo(rng, 9, 8, channels)
    matrix = laplacian.closed_form(image, epsilon, radius).matrix.toarray()
    np.testing.assert_allclose(matrix, dense_closed_form(image, epsilon, radius), rtol=0, atol=1e-12)


@pytest.mark.parametrize("level", [0.0, 1 / 3, 1.0])
def test_flat_windows_are_its_definition(rng, level):
    image = rng.random((9, 8, 3))
    image[2:7, 2:6] = level
    # Next to the flat part are windows of rank one, whose covariance has condition number 1e7: that many digits
    # of 1e-16 are lost in its factor.
    matrix = laplacian.closed_form(image).matrix.toarray()
    np.testing.assert_allclose(matrix, dense_closed_form(image), rtol=0, atol=1e-9)


def test_affine_functions_of_colour_cost_nothing(rng):
    image = random_photo(rng)
    graph = laplacian.closed_form(image, epsilon=1e-12)
    affine = graph.near_null_space(np.ones(graph.shape, bool))
    energy = affine.T @ (graph.matrix @ affine)
    windows = (image.shape[0] - 2) * (image.shape[1] - 2)
    assert np.abs(energy).max() < 1e-12 * windows * 4 + 1e-12


@pytest.mark.parametrize("name", HARD_MASKS)
def test_blocks_are_those_of_the_whole(rng, name):
    trimap = hard_trimap(name)
    graph = laplacian.closed_form(random_photo(rng, *trimap.shape))
    unknown, known = trimap.unknown.ravel(), trimap.known.ravel()
    whole = graph.matrix.toarray()
    for columns, mask in ((unknown, trimap.unknown), (known, trimap.known)):
        block = graph.rows(trimap.unknown, mask)
        assert block.has_canonical_format
        np.testing.assert_array_equal(block.toarray(), whole[np.ix_(unknown, columns)])


def test_colours_may_turn_and_shift(rng):
    image = 0.25 + 0.5 * random_photo(rng)
    rotation, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    turned = (image - 0.5) @ rotation + 0.5
    matrices = [laplacian.closed_form(i).matrix.toarray() for i in (image, turned, image + 0.1)]
    # Rounding errors of the colours, 1e-16, divided by the smallest standard deviation, sqrt(epsilon / 9).
    np.testing.assert_allclose(matrices[1], matrices[0], atol=1e-11)
    np.testing.assert_allclose(matrices[2], matrices[0], atol=1e-11)


def test_colours_may_be_scaled_with_epsilon(rng):
    image = random_photo(rng)
    scaled = laplacian.closed_form(image / 4, 1e-5 / 16).matrix
    assert abs(scaled - laplacian.closed_form(image, 1e-5).matrix).max() < 1e-12


def test_sums(rng):
    image = random_photo(rng)
    a, b = laplacian.closed_form(image), laplacian.closed_form(image, 1e-2)
    total = 2 * a + b * 0.5 + a
    assert abs(total.matrix - (3 * a.matrix + 0.5 * b.matrix)).max() < 1e-12
    assert total.matrix.has_canonical_format
    assert total.near_null_space(np.ones((12, 14), bool)).shape == (12 * 14, 1)
    assert (2 * a).near_null_space(np.ones((12, 14), bool)).shape == (12 * 14, 4)


def test_a_matrix_from_outside(rng):
    dense = rng.random((6, 6))
    graph = Graph(sp.coo_array(dense + dense.T), (2, 3))
    mask = np.array([[True, False, True], [False, True, False]])
    block = graph.rows(mask, ~mask).toarray()
    np.testing.assert_allclose(block, (dense + dense.T)[np.ix_(mask.ravel(), ~mask.ravel())])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(6), "takes a Laplacian or a sparse matrix, got ndarray"),
        (sp.eye_array(5), r"shape \(5, 5\) does not fit 6 pixels"),
        (sp.eye_array(6) * np.nan, "NaN"),
        (sp.eye_array(6) * 1j, "complex"),
        (sp.diags_array([np.ones(5)], offsets=[1], shape=(6, 6)), r"not symmetric, max .* = 1"),
    ],
)
def test_matrix_errors(matrix, message):
    with pytest.raises(InputError, match=message):
        Graph(matrix, (2, 3))


@pytest.mark.parametrize("shape", [(2, 9), (9, 2), (1, 1)])
def test_image_smaller_than_a_window(shape):
    with pytest.raises(InputError, match=f"image: is {shape[0]} x {shape[1]} pixels.* at least 3 x 3"):
        laplacian.closed_form(np.zeros(shape))
    with pytest.raises(InputError, match="radius=4 needs at least 9 x 9"):
        laplacian.closed_form(np.zeros((8, 20)), radius=4)


def test_argument_errors():
    image = np.zeros((5, 5))
    with pytest.raises(InputError, match="epsilon: takes a finite number > 0, got -1e-07"):
        laplacian.closed_form(image, epsilon=-1e-7)
    with pytest.raises(InputError, match="radius: takes a whole number >= 1 .* got 0"):
        laplacian.closed_form(image, radius=0)
    with pytest.raises(InputError, match="shapes .* differ"):
        laplacian.closed_form(image) + laplacian.closed_form(np.zeros((5, 6)))
    with pytest.raises(InputError, match="weight: takes a finite number > 0, got -1"):
        -1 * laplacian.closed_form(image)
    with pytest.raises(TypeError):
        laplacian.closed_form(image) + 1
