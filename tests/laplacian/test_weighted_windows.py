"""The closed form with weighted windows and edges: definition, blocks, zero weights, solves, errors."""

import numpy as np
import pytest

import propmat
from propmat import InputError, adjoint, datasets, laplacian
from propmat.solvers import CG, Direct
from tests.problems import HARD_MASKS, dense_affinity, dense_closed_form, hard_trimap, random_photo

H, W = 9, 11


def weights(rng, height=H, width=W):
    windows = rng.uniform(0.1, 2, (height - 2, width - 2))
    return windows, (rng.uniform(0.1, 2, (height, width - 1)), rng.uniform(0.1, 2, (height - 1, width)))


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("epsilon", [1e-7, 1e-2])
def test_they_are_their_definition(rng, channels, epsilon):
    image, (windows, edges) = random_photo(rng, H, W, channels), weights(rng)
    expected = dense_closed_form(image, epsilon, windows=windows)
    for given, more in ((None, 0.0), (edges, dense_affinity(*edges))):
        matrix = laplacian.weighted_windows(image, windows, given, epsilon).matrix
        # Nine windows and four edges per row, each at most 2 with a relative rounding error of 1e-16.
        np.testing.assert_allclose(matrix.toarray(), expected + more, rtol=0, atol=1e-12)
        assert matrix.has_canonical_format
        assert abs(matrix - matrix.T).max() == 0


def test_equal_weights_are_a_sum_of_laplacians(rng):
    image, (_, edges) = random_photo(rng, H, W), weights(rng)
    expected = laplacian.affinity(*edges) + 0.5 * laplacian.closed_form(image)
    for half in (0.5, np.full((H - 2, W - 2), 0.5)):
        matrix = laplacian.weighted_windows(image, half, edges).matrix
        np.testing.assert_allclose(matrix.toarray(), expected.matrix.toarray(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", HARD_MASKS)
def test_blocks_are_those_of_the_whole(rng, name):
    trimap = hard_trimap(name)
    graph = laplacian.weighted_windows(random_photo(rng, *trimap.shape), *weights(rng, *trimap.shape))
    whole, unknown = graph.matrix.toarray(), trimap.unknown.ravel()
    if not unknown.any():
        return
    split = graph.split(trimap.unknown, np.ones(trimap.shape))
    inside = whole[np.ix_(unknown, unknown)] + np.eye(np.count_nonzero(unknown))
    np.testing.assert_allclose(split.matrix.tocsr().toarray(), inside, rtol=0, atol=1e-12)
    values = rng.standard_normal(trimap.shape)
    expected = whole[np.ix_(unknown, ~unknown)] @ values.ravel()[~unknown]
    np.testing.assert_allclose(split.times_known(values), expected, rtol=0, atol=1e-11)
    rows = graph.rows(trimap.unknown, trimap.known)
    np.testing.assert_array_equal(rows.toarray(), whole[np.ix_(unknown, ~unknown)])
    np.testing.assert_array_equal(split.touches_known, np.diff(rows.indptr) > 0)


def test_multigrid_solves_as_a_factorisation_does(rng):
    scene = datasets.synthetic(1, (120, 160))
    graph = laplacian.weighted_windows(scene.image, *weights(rng, 120, 160))
    exact = propmat.solve(graph, scene.trimap, solver=Direct()).alpha
    found = propmat.solve(graph, scene.trimap, solver=CG(rtol=1e-10, strict=True))
    assert not found.notes
    assert found.iterations < 40
    np.testing.assert_allclose(found.alpha, exact, atol=1e-6)


def test_without_weight_pixels_are_tied_to_nothing(rng):
    """Windows and edges of a strip of weight 0: what lies behind it needs a label of its own."""
    image, (windows, edges) = random_photo(rng, H, W), weights(rng)
    windows[:, 3:5], edges[0][:, 4] = 0, 0
    trimap = np.full((H, W), 0.5)
    trimap[:, :2] = 1
    trimap[0, 0] = 0
    graph = laplacian.weighted_windows(image, windows, edges)
    assert not graph.ties_all_pixels
    with pytest.raises(InputError, match=r"unknown pixels are tied to no known pixel, the first at \(0, 5\)"):
        propmat.solve(graph, trimap)
    trimap[:, -1] = 0
    assert propmat.solve(graph, trimap).converged


@pytest.mark.parametrize("confidence", [None, 0.8])
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_scaling_all_weights_changes_nothing(rng, confidence, scale):
    """Nor, with the confidence, under one. And so the gradient is orthogonal to what is scaled."""
    scene = datasets.synthetic(3, (24, 32))
    windows, edges = weights(rng, 24, 32)
    options = {"solver": Direct()}
    found = []
    for factor in (1.0, scale):
        held = {} if confidence is None else {"confidence": factor * confidence}
        scaled = [factor * edge for edge in edges]
        found.append(
            adjoint.weighted_windows(scene.image, factor * windows, scene.trimap, edges=scaled, **held, **options)
        )
    (alpha, pullback), (other, _) = found
    np.testing.assert_allclose(alpha, other, rtol=0, atol=1e-9)
    gradient = pullback(alpha - scene.alpha)
    products = [
        w * vars(gradient)[name]
        for name, w in zip(("windows", "horizontal", "vertical"), (windows, *edges), strict=True)
    ]
    moved = np.concatenate([product.ravel() for product in products])
    rest = 0 if confidence is None else confidence * gradient.confidence
    assert abs(moved.sum() + rest) <= 1e-8 * np.abs(moved).sum()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"windows": np.ones((H, W))}, r"windows: takes a number or shape \(H - 2, W - 2\), \(7, 9\) for this image"),
        ({"windows": -np.ones((H - 2, W - 2))}, r"windows: takes numbers >= 0, got -1 at \(0, 0\)"),
        ({"windows": np.full((H - 2, W - 2), np.nan)}, "windows: has 63 values that are NaN or infinite"),
        ({"windows": "all"}, "windows: takes"),
        ({"edges": np.ones((H, W))}, r"edges: takes a pair \(horizontal, vertical\)"),
        ({"edges": (np.ones((3, 3)), np.ones((2, 4)))}, "edges: are of 3 x 4 pixels, the image is 9 x 11"),
        ({"edges": (np.ones((H, W - 1)), -np.ones((H - 1, W)))}, "vertical: takes numbers >= 0"),
        ({"image": np.zeros((2, 9))}, "image: is 2 x 9 pixels .*, smaller than one window"),
        ({"epsilon": 0}, "epsilon: takes a finite number > 0"),
    ],
)
def test_wrong_arguments(changes, message):
    given = {"image": np.zeros((H, W)), "windows": np.ones((H - 2, W - 2))} | changes
    with pytest.raises(InputError, match=f"^{message}"):
        laplacian.weighted_windows(**given)
