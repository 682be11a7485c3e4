"""Information flow: properties of its Laplacians and of alpha, dense references, difficult trimaps, invalid input."""

import numpy as np
import pytest

import propmat
from propmat import InputError, PropmatWarning, Trimap
from propmat._cpu import neighbours
from propmat._cpu import queries as kernels
from propmat.flows._mixing import RIDGE, mixing_weights
from propmat.flows._nearest import Nearest
from propmat.solvers import Direct
from tests.problems import HARD_MASKS, banded_trimap, dense_closed_form, hard_trimap, random_photo

LAPLACIANS = {"colour_mixture": propmat.flows.colour_mixture, "intra_unknown": propmat.flows.intra_unknown}


@pytest.fixture
def problem(rng):
    """Noise keeps distances apart, so that no two neighbours are equally near."""
    return np.clip(random_photo(rng) + 0.05 * rng.standard_normal((12, 14, 3)), 0, 1), banded_trimap(12, 14)


def coordinates(height, width):
    return np.stack(np.mgrid[:height, :width], axis=2).reshape(-1, 2) / [height, width]


def nearest(features, own, others, count):
    """The `count` pixels among `others` nearest to each of `own`, by sorting all distances."""
    apart = np.linalg.norm(features[own][:, None] - features[others], axis=2)
    apart[own[:, None] == others] = np.inf
    return others[np.argsort(apart, axis=1)[:, :count]]


def mixing(colour, others):
    """Weights from their definition: least squares under a sum of one, by Lagrange's conditions."""
    count = len(others)
    differences = others - colour
    matrix = np.ones((count + 1, count + 1))
    matrix[:count, :count] = differences @ differences.T + RIDGE * np.eye(count)
    matrix[-1, -1] = 0
    return np.linalg.solve(matrix, np.append(np.zeros(count), 1))[:count]


@pytest.mark.parametrize("name", LAPLACIANS)
def test_laplacians_are_symmetric_annihilate_constants_and_are_semidefinite(problem, name):
    matrix = LAPLACIANS[name](*problem).matrix.toarray()
    np.testing.assert_allclose(matrix, matrix.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(matrix.sum(axis=1), 0, atol=1e-6)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9


def test_colour_mixture_is_its_definition(problem):
    image, trimap = problem
    unknown = np.flatnonzero(trimap == 0.5)
    colours = image.reshape(-1, 3)
    features = np.hstack([colours, coordinates(12, 14)])
    residual = np.zeros((unknown.size, 168))
    for row, (own, others) in enumerate(zip(unknown, nearest(features, unknown, np.arange(168), 20), strict=True)):
        residual[row, own] = 1
        residual[row, others] -= mixing(colours[own], colours[others])
    graph = propmat.flows.colour_mixture(image, trimap)
    np.testing.assert_allclose(graph.matrix.toarray(), residual.T @ residual, rtol=0, atol=1e-6)


def test_intra_unknown_is_its_definition(problem):
    image, trimap = problem
    unknown = np.flatnonzero(trimap == 0.5)
    features = np.hstack([image.reshape(-1, 3), 0.05 * coordinates(12, 14)])
    weights = np.zeros((168, 168))
    for own, others in zip(unknown, nearest(features, unknown, unknown, 5), strict=True):
        weights[own, others] = np.maximum(0, 1 - np.abs(features[own] - features[others]).sum(axis=1))
    weights += weights.T
    expected = np.diag(weights.sum(axis=1)) - weights
    np.testing.assert_allclose(propmat.flows.intra_unknown(image, trimap).matrix.toarray(), expected, atol=1e-12)


def test_known_to_unknown_is_its_definition(problem):
    image, trimap = problem
    unknown, labels = np.flatnonzero(trimap == 0.5), trimap.ravel()
    colours = image.reshape(-1, 3)
    features = np.hstack([colours, 10 * coordinates(12, 14)])
    foreground, background = (nearest(features, unknown, np.flatnonzero(labels == label), 7) for label in (1, 0))
    share, confidence = labels.copy(), np.zeros(168)
    for own, f, b in zip(unknown, foreground, background, strict=True):
        here, there = np.split(mixing(colours[own], colours[np.append(f, b)]), 2)
        difference = here @ colours[f] / here.sum() - there @ colours[b] / there.sum()
        share[own], confidence[own] = np.clip(here.sum(), 0, 1), min(1, difference @ difference / 3)
    got = propmat.flows.known_to_unknown(image, trimap)
    for plane, expected in zip(got, (share, confidence), strict=True):
        np.testing.assert_allclose(plane.ravel(), expected, rtol=0, atol=1e-5)


def test_alpha_is_the_dense_equation(problem):
    image, trimap = problem
    trimmed = propmat.sampling.trimmed(image, trimap)
    mixture = propmat.flows.colour_mixture(image, trimmed).matrix.toarray()
    intra = propmat.flows.intra_unknown(image, trimmed).matrix.toarray()
    share, confidence = (plane.ravel() for plane in propmat.flows.known_to_unknown(image, trimmed))
    unknown = trimap.ravel() == 0.5
    weight = np.where(trimmed.known.ravel(), 100.0, 0.05 * confidence)[unknown]
    matrix = mixture + 0.01 * intra + dense_closed_form(image, 1e-6)
    pull = weight * share[unknown] - matrix[np.ix_(unknown, ~unknown)] @ trimap.ravel()[~unknown]
    expected = trimap.ravel().copy()
    expected[unknown] = np.linalg.solve(matrix[np.ix_(unknown, unknown)] + np.diag(weight), pull)
    alpha = propmat.information_flow(image, trimap, solver=Direct())
    np.testing.assert_allclose(alpha.ravel(), np.clip(expected, 0, 1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("known_to_unknown", [True, False])
def test_laws_of_alpha(problem, known_to_unknown):
    image, trimap = problem

    def alpha_of(image, trimap):
        return propmat.information_flow(image, trimap, known_to_unknown=known_to_unknown, solver=Direct())

    alpha = alpha_of(image, trimap)
    np.testing.assert_array_equal(alpha[trimap != 0.5], trimap[trimap != 0.5])
    for other in (
        1 - alpha_of(image, 1 - trimap),
        alpha_of(image[::-1], trimap[::-1])[::-1],
        alpha_of(image[:, ::-1], trimap[:, ::-1])[:, ::-1],
        alpha_of(image.transpose(1, 0, 2), trimap.T).T,
        alpha_of(image[:, :, ::-1], trimap),
    ):
        np.testing.assert_allclose(other, alpha, rtol=0, atol=1e-6)


def test_default_solver_converges_to_the_same(problem):
    image, trimap = problem
    expected = propmat.information_flow(image, trimap, solver=Direct())
    np.testing.assert_allclose(propmat.information_flow(image, trimap), expected, rtol=0, atol=1e-5)


def test_a_mixture_is_unmixed():
    """Foreground and background of one colour each, and all their mixtures between them."""
    share = np.tile(np.linspace(1, 0, 16), (8, 1))
    red, blue = np.array([0.8, 0.2, 0.1]), np.array([0.1, 0.3, 0.7])
    image = share[:, :, None] * red + (1 - share[:, :, None]) * blue
    trimap = np.where(share == 1, 1, np.where(share == 0, 0, 0.5))
    alpha, confidence = propmat.flows.known_to_unknown(image, trimap)
    np.testing.assert_allclose(alpha, share, atol=1e-5)
    np.testing.assert_allclose(confidence[trimap == 0.5], np.square(red - blue).mean(), rtol=1e-4)
    np.testing.assert_allclose(propmat.information_flow(image, trimap), share, atol=1e-4)


@pytest.mark.parametrize("name", HARD_MASKS)
@pytest.mark.parametrize("flat", [False, True])
def test_hard_trimaps(rng, name, flat):
    trimap = hard_trimap(name)
    image = np.full((*trimap.shape, 3), 0.4) if flat else random_photo(rng, *trimap.shape)
    alpha = propmat.information_flow(image, trimap)
    assert np.isfinite(alpha).all()
    np.testing.assert_array_equal(alpha[trimap.known], trimap.labels[trimap.known])


def test_one_channel_and_one_unknown_pixel(rng):
    image, trimap = random_photo(rng, channels=1), np.round(rng.random((12, 14)))
    trimap[4, 5] = 0.5
    alpha = propmat.information_flow(image[:, :, 0], trimap)
    np.testing.assert_array_equal(alpha[trimap != 0.5], trimap[trimap != 0.5])
    np.testing.assert_array_equal(propmat.information_flow(image, trimap), alpha)


def test_without_a_label_or_without_unknown_pixels(rng):
    image, trimap = random_photo(rng), np.full((12, 14), 0.5)
    trimap[0] = 0
    with pytest.warns(PropmatWarning, match="every known pixel is background"):
        np.testing.assert_array_equal(propmat.information_flow(image, trimap), 0)
    trimap = np.round(rng.random((12, 14)))
    with pytest.warns(PropmatWarning, match="no pixel is unknown"):
        np.testing.assert_array_equal(propmat.information_flow(image, trimap), trimap)


def test_bad_input_is_named(rng):
    image, trimap = random_photo(rng), banded_trimap(12, 14)
    with pytest.raises(InputError, match="trimap: has no known pixel"):
        propmat.information_flow(image, np.full((12, 14), 0.5))
    with pytest.raises(InputError, match="trimap: has no known background pixel for information to flow from"):
        propmat.flows.known_to_unknown(image, np.maximum(trimap, 0.5))
    for flow in (*LAPLACIANS.values(), propmat.flows.known_to_unknown):
        with pytest.raises(InputError, match="trimap: has no unknown pixel for information to flow to"):
            flow(image, np.round(trimap))
        with pytest.raises(InputError, match=r"trimap: shape \(11, 14\) does not fit image of shape \(12, 14, 3\)"):
            flow(image, trimap[1:])
    assert Trimap.parse(trimap).unknown.any()


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_all_pixels_as_near_as_the_last_neighbour_count(rng, levels):
    image = rng.integers(0, levels, (11, 13, 1)) / max(levels - 1, 1) * np.ones(3)
    trimap = banded_trimap(11, 13)
    unknown = np.flatnonzero(trimap == 0.5)
    features = np.hstack([image.reshape(-1, 3), 0.05 * coordinates(11, 13)])[unknown]
    apart = np.linalg.norm(features[:, None] - features, axis=2)
    limit = np.sort(apart, axis=1)[:, 5]  # the first is the pixel itself
    near = (apart <= limit[:, None] * (1 + 1e-9)) & ~np.eye(len(unknown), dtype=bool)
    weights = near * np.maximum(0, 1 - np.abs(features[:, None] - features).sum(axis=2))
    matrix = propmat.flows.intra_unknown(image, trimap).matrix.toarray()[np.ix_(unknown, unknown)]
    np.testing.assert_allclose(-np.tril(matrix, -1), np.tril(weights + weights.T, -1), rtol=0, atol=1e-12)
    if levels < 3:
        assert near.sum(axis=1).max() > 5


def test_a_label_without_a_share_has_its_plain_mean_colour():
    """Where all weight is on the background, rounding and its sign do not decide about the foreground's colour."""
    for image in ([[0.5, 0.5, 0.9]], [[1.0, 1.0, 0.0]], [[0.25, 0.25, 0.5]]):
        alpha, confidence = propmat.flows.known_to_unknown(image, [[0, 0.5, 1]])
        np.testing.assert_allclose(alpha, [[0, 0, 1]], rtol=0, atol=1e-6)
        np.testing.assert_allclose(confidence[0, 1], (image[0][2] - image[0][1]) ** 2, rtol=1e-3)


@pytest.mark.parametrize(("points", "queries", "count"), [(1, 3, 1), (9, 40, 9), (700, 300, 8), (5000, 300, 21)])
def test_neighbours_of_queries_are_those_of_all_distances(rng, points, queries, count):
    """Points on a coarse lattice, of which many are equally far away."""
    where = rng.integers(0, 5, (points, 4)) / 4.0
    wanted = np.concatenate([where[: queries // 2], rng.integers(-2, 8, (queries, 4)) / 4.0])
    tree = neighbours.build(where.copy())
    found, squares = kernels.nearest(tree, wanted, count)
    apart = np.square(wanted[:, np.newaxis] - where).sum(axis=2)
    order = np.lexsort((np.broadcast_to(np.arange(points), apart.shape), apart))[:, :count]
    np.testing.assert_array_equal(found, order)
    np.testing.assert_array_equal(squares, np.take_along_axis(apart, order, axis=1))
    limits = squares[:, -1]
    starts, within = kernels.within(tree, wanted, limits)
    for row, limit in enumerate(limits):
        assert sorted(within[starts[row] : starts[row + 1]]) == np.flatnonzero(apart[row] <= limit).tolist()


def test_mixtures_that_amplify_noise_have_a_larger_ridge(rng):
    colours = np.repeat(rng.random((60, 1)), 3, axis=1) + 1e-5 * rng.standard_normal((60, 3))  # nearly on a line
    own, near = np.arange(40), Nearest(rng.integers(40, 60, (40, 5)), np.ones((40, 5), bool))
    free, bounded = mixing_weights(colours, own, near), mixing_weights(colours, own, near, 1.0)
    squares = [np.square(weights).sum(axis=1) for weights in (free, bounded)]
    np.testing.assert_array_equal(bounded[squares[0] <= 1], free[squares[0] <= 1])
    assert squares[0].max() > 1 >= squares[1].max()
    np.testing.assert_allclose(bounded.sum(axis=1), 1, rtol=0, atol=1e-12)


def test_weights_of_mixtures_are_their_definition(rng):
    colours, own = rng.random((30, 4)), np.arange(10)
    near = Nearest(rng.integers(10, 30, (10, 6)), rng.random((10, 6)) < 0.8)
    for row, weights in enumerate(mixing_weights(colours, own, near)):
        counts = near.counts[row]
        np.testing.assert_allclose(weights[counts], mixing(colours[row], colours[near.pixels[row, counts]]), atol=1e-6)
        np.testing.assert_array_equal(weights[~counts], 0)
