"""Every graph: properties, comparison with its dense definition, and tests of single graphs."""

import numpy as np
import pytest
from scipy.sparse import random_array

import propmat
from propmat import InputError, PropmatWarning, Trimap, UnsupportedError, _inputs, laplacian, preconditioners, solvers
from propmat._cpu import csr
from propmat.matting._methods import POSED
from propmat.preconditioners import IncompleteCholesky, Jacobi, Multigrid, SmoothedAggregation
from propmat.solvers import CG, Direct
from tests.problems import (
    GRAPHS,
    HARD_MASKS,
    banded_trimap,
    dense_learning_based,
    hard_trimap,
    random_photo,
)

MAXIMUM_PRINCIPLE = ["knn rgb", "knn hsv", "knn two", "random_walk"]
TIGHT = CG(rtol=1e-12)


@pytest.fixture(params=GRAPHS)
def name(request):
    return request.param


@pytest.fixture
def graph_of(name):
    return GRAPHS[name][0]


def alpha_of(graph, trimap):
    """Nearly exact; the large kernel has products only."""
    solver = TIGHT if isinstance(graph, type(laplacian.large_kernel(np.zeros((3, 3)), radius=1))) else Direct()
    return propmat.solve(graph, trimap, solver=solver).alpha


def stored(matrix):
    """A matrix as a dense array, by products if there is no other way."""
    return np.column_stack([matrix @ column for column in np.eye(matrix.shape[0])])


def test_matrix(rng, graph_of):
    matrix = graph_of(random_photo(rng)).matrix
    assert matrix.has_canonical_format
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
    assert np.all(matrix.data != 0)
    assert abs(matrix - matrix.T).max() == 0
    assert abs(matrix.sum(axis=1)).max() < 1e-12
    assert np.linalg.eigvalsh(matrix.toarray())[0] > -1e-12


def test_definition(rng, name, graph_of):
    image = random_photo(rng, 9, 8)
    np.testing.assert_allclose(graph_of(image).matrix.toarray(), GRAPHS[name][1](image), rtol=0, atol=1e-12)


@pytest.mark.parametrize("mask", HARD_MASKS)
def test_split_is_a_block_of_the_matrix(rng, graph_of, mask):
    trimap = hard_trimap(mask)
    graph = graph_of(random_photo(rng, *trimap.shape))
    whole, unknown = graph.matrix.toarray(), trimap.unknown.ravel()
    diagonal = rng.random(trimap.shape)
    split = graph.split(trimap.unknown, diagonal)
    expected = whole[np.ix_(unknown, unknown)] + np.diag(diagonal[trimap.unknown])
    np.testing.assert_allclose(stored(split.matrix), expected, rtol=0, atol=1e-10)
    coupling = whole[np.ix_(unknown, ~unknown)]
    known = rng.random(trimap.shape)
    np.testing.assert_allclose(split.times_known(known), coupling @ known[trimap.known], rtol=0, atol=1e-10)
    if not graph.ties_all_pixels:
        np.testing.assert_array_equal(split.touches_known, (coupling != 0).any(axis=1))


def test_symmetries_of_alpha(rng, graph_of):
    image, trimap = random_photo(rng), banded_trimap(12, 14)
    trimap[6] = 0.5
    alpha = alpha_of(graph_of(image), trimap)
    np.testing.assert_array_equal(alpha[trimap != 0.5], trimap[trimap != 0.5])
    for other, back in [
        (alpha_of(graph_of(image), 1 - trimap), lambda a: 1 - a),
        (alpha_of(graph_of(image[::-1]), trimap[::-1]), lambda a: a[::-1]),
        (alpha_of(graph_of(image[:, ::-1]), trimap[:, ::-1]), lambda a: a[:, ::-1]),
        (alpha_of(graph_of(image.transpose(1, 0, 2)), trimap.T), np.transpose),
    ]:
        np.testing.assert_allclose(back(other), alpha, rtol=0, atol=1e-6)


def test_channels_may_change_places(rng, name, graph_of):
    image = random_photo(rng)
    if name != "knn hsv":
        permuted = graph_of(image[:, :, [2, 0, 1]]).matrix
        assert abs(permuted - graph_of(image).matrix).max() < 1e-11


@pytest.mark.parametrize("name", MAXIMUM_PRINCIPLE)
@pytest.mark.parametrize("mask", HARD_MASKS)
@pytest.mark.filterwarnings("ignore:.* tied to no known pixel")
def test_maximum_principle(rng, name, mask):
    trimap = hard_trimap(mask)
    prepared = propmat.prepare(GRAPHS[name][0](random_photo(rng, *trimap.shape)), trimap, solver=Direct())
    values = rng.uniform(0.2, 0.9, trimap.shape)
    x, known = prepared.solve(values).x, values[trimap.known]
    assert known.min() - 1e-12 <= x.min()
    assert x.max() <= known.max() + 1e-12


@pytest.mark.parametrize("name", ["closed_form", "knn rgb", "knn two", "random_walk"])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_any_number_of_channels(rng, name, channels):
    image = random_photo(rng, 7, 8, channels)
    graph, dense = (of(image) for of in GRAPHS[name])
    np.testing.assert_allclose(graph.matrix.toarray(), dense, rtol=0, atol=1e-12)


def test_number_formats_and_layouts(rng, graph_of):
    image = (255 * random_photo(rng)).astype(np.uint8)
    expected = graph_of(image / 255).matrix
    single = (image / 255).astype(np.float32)
    for given in (image, image.astype(np.uint16) * 257, np.asfortranarray(image), image[::-1][::-1], single):
        given.flags.writeable = False
        # Single precision rounds colours by 3e-8, which is amplified in windows of nearly constant colour.
        tolerance = 1e-2 if given is single else 1e-12
        assert abs(graph_of(given).matrix - expected).max() <= tolerance


@pytest.mark.parametrize("preset", ["rgb", "two"])
@pytest.mark.parametrize("levels", [1, 2, 4])
def test_all_pixels_as_near_as_the_last_neighbour_count(rng, preset, levels):
    image = np.floor(levels * rng.random((11, 13, 3))) / max(levels - 1, 1)
    matrix = laplacian.knn(image, preset).matrix.toarray()
    _, dense = GRAPHS[f"knn {preset}"]
    np.testing.assert_allclose(matrix, dense(image), rtol=0, atol=1e-12)


@pytest.mark.parametrize("preset", ["rgb", "two"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 2), (1, 40), (40, 1), (4, 5)])
def test_small_images_and_few_pixels(rng, preset, shape):
    image = rng.random((*shape, 3))
    matrix = laplacian.knn(image, preset).matrix.toarray()
    np.testing.assert_allclose(matrix, GRAPHS[f"knn {preset}"][1](image), rtol=0, atol=1e-12)


def test_pairs_are_each_there_once(rng):
    graph = laplacian.knn(random_photo(rng))
    pairs = graph.pairs()
    assert np.all(pairs.first < pairs.second)
    assert np.all(np.diff(pairs.first.astype(np.int64) * 1000 + pairs.second) > 0)
    np.testing.assert_array_equal(-graph.matrix[pairs.first, pairs.second], pairs.weight)
    touching = rng.random(graph.shape) < 0.1
    some = graph.pairs(touching)
    kept = touching.ravel()[pairs.first] | touching.ravel()[pairs.second]
    for part, whole in zip(some, pairs, strict=True):
        np.testing.assert_array_equal(part, whole[kept])


def test_neighbours_do_not_depend_on_threads(rng):
    image = np.round(4 * rng.random((60, 70, 3))) / 4
    before = propmat.get_num_threads()
    try:
        propmat.set_num_threads(1)
        expected = laplacian.knn(image, "two").matrix
    finally:
        propmat.set_num_threads(before)
    assert (laplacian.knn(image, "two").matrix != expected).nnz == 0


@pytest.mark.parametrize("preset", ["two", "rgb"])
def test_a_cut_graph_is_the_blocks_of_its_rows(rng, preset):
    graph, unknown = laplacian.knn(np.round(8 * rng.random((14, 11, 3))) / 8, preset), rng.random((14, 11)) < 0.4
    split, strip = graph.split(unknown), graph.rows(unknown, np.ones_like(unknown))
    for found, mask in ((split.matrix.matrix, unknown), (split.times_known.matrix, ~unknown)):
        expected = strip[:, np.flatnonzero(mask)]
        assert found.has_canonical_format
        assert found.indices.dtype == found.indptr.dtype == np.int32
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_allclose(found.toarray(), expected.toarray(), rtol=0, atol=1e-13)


def test_pixels_tied_to_others_are_those_of_their_component(rng):
    from scipy.sparse import coo_array, csgraph

    ends = rng.integers(0, 300, (2, 200))
    weights = coo_array((np.ones(200), ends), (300, 300)).tocsr()
    matrix, anchored = weights + weights.T, rng.random(300) < 0.05
    _, component = csgraph.connected_components(matrix, directed=False)
    np.testing.assert_array_equal(csr.tied(matrix, anchored), np.isin(component, component[anchored]))


def test_entries_far_from_the_diagonal_are_counted(rng):
    matrix = random_array((50, 50), density=0.2, format="csr", rng=rng)
    rows, columns = matrix.nonzero()
    assert csr.far(matrix, 7.5) == pytest.approx(np.mean(np.abs(rows - columns) > 7.5))


def island():
    """Two colours, one of them nowhere labelled, and a trimap."""
    image = np.zeros((16, 20, 3))
    image[4:12, 8:16, 0] = 1
    trimap = np.full((16, 20), 0.5)
    trimap[:, :2], trimap[:, -2:] = 0, 1
    return image, trimap


def test_islands_are_tied_by_weak_edges():
    image, trimap = island()
    with pytest.warns(PropmatWarning, match=r"64 unknown pixels are tied to no known pixel, the first at \(4, 8\)"):
        alpha = propmat.knn(image, trimap)
    inside = alpha[4:12, 8:16]
    assert 0 < inside.min() < inside.max() < 1
    with pytest.warns(PropmatWarning, match="64 unknown pixels"):
        np.testing.assert_allclose(propmat.knn(image, 1 - trimap), 1 - alpha, atol=1e-9)
    with pytest.warns(PropmatWarning, match="64 unknown pixels"):
        held = propmat.solve(2 * laplacian.knn(image), trimap, confidence=1e9).alpha
    np.testing.assert_allclose(held, alpha, atol=1e-4)


def test_a_sum_ties_islands_by_its_other_graph(rng):
    image, trimap = island()
    image += 0.01 * rng.random(image.shape) * (1 - image)
    total = laplacian.knn(image) + 0.1 * laplacian.closed_form(image, 1e-4)
    exact = propmat.solve(total, trimap, solver=Direct())
    np.testing.assert_allclose(propmat.solve(total, trimap, solver=TIGHT).x, exact.x, atol=1e-6)
    dense = total.matrix.toarray()
    unknown, labels = (trimap == 0.5).ravel(), trimap.ravel()
    expected = np.linalg.solve(dense[np.ix_(unknown, unknown)], -dense[np.ix_(unknown, ~unknown)] @ labels[~unknown])
    np.testing.assert_allclose(exact.x, expected, atol=1e-8)


@pytest.mark.parametrize("epsilon", [1e-5, 1e-2])
@pytest.mark.parametrize(("channels", "radius"), [(1, 1), (2, 1), (5, 1), (1, 2), (3, 2)])
def test_learning_based_is_its_definition(rng, epsilon, channels, radius):
    image = random_photo(rng, 9, 8, channels)
    graph = laplacian.learning_based(image, epsilon, radius)
    dense = dense_learning_based(image, epsilon, radius)
    np.testing.assert_allclose(graph.matrix.toarray(), dense, rtol=0, atol=1e-10)
    everywhere = np.ones((9, 8), bool)
    np.testing.assert_allclose(graph.split(everywhere).matrix.tocsr().toarray(), dense, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("channels", "radius", "shape"), [(3, 1, (9, 8)), (1, 3, (7, 20)), (2, 4, (70, 9)), (3, 2, (5, 5))]
)
def test_products_of_the_large_kernel_are_those_of_the_matrix(rng, channels, radius, shape):
    image, trimap = random_photo(rng, *shape, channels), Trimap.parse(rng.choice([0, 0.5, 1], shape))
    diagonal, x, known = rng.random(shape), rng.standard_normal(trimap.unknown.sum()), rng.random(shape)
    split = laplacian.large_kernel(image, radius=radius).split(trimap.unknown, diagonal)
    stored = laplacian.closed_form(image, radius=radius).rows(trimap.unknown, np.ones(shape, bool))
    block = stored[:, np.flatnonzero(trimap.unknown)]
    np.testing.assert_allclose(split.matrix @ x, block @ x + diagonal[trimap.unknown] * x, rtol=0, atol=1e-9)
    np.testing.assert_allclose(split.matrix.diagonal(), block.diagonal() + diagonal[trimap.unknown], rtol=0, atol=1e-9)
    np.testing.assert_allclose(split.times_known(known), stored @ np.where(trimap.known, known, 0).ravel(), atol=1e-9)


def test_large_kernel_in_several_tiles(rng):
    """Taller than a tile, with unknown pixels far apart along rows, and others known."""
    image, unknown = random_photo(rng, 150, 60), np.zeros((150, 60), bool)
    unknown[3:140, 4:9] = unknown[70:75, 40:60] = unknown[149] = True
    unknown &= rng.random(unknown.shape) < 0.8
    got, expected = (make(image, 1e-4, 3).split(unknown) for make in (laplacian.large_kernel, laplacian.closed_form))
    values, x = rng.random(unknown.shape), rng.random(np.count_nonzero(unknown))
    np.testing.assert_allclose(got.matrix @ x, expected.matrix @ x, rtol=0, atol=1e-10)
    np.testing.assert_allclose(got.matrix.diagonal(), expected.matrix.diagonal(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(got.times_known(values), expected.times_known(values), rtol=0, atol=1e-10)


def test_large_kernel_of_radius_1_is_closed_form(rng):
    image, trimap = random_photo(rng, 30, 40), banded_trimap(30, 40)
    expected = propmat.closed_form(image, trimap, epsilon=1e-5)
    alpha = propmat.large_kernel(image, trimap, epsilon=1e-5, radius=1, solver=TIGHT)
    np.testing.assert_allclose(alpha, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("corner", [(0, 0), (0, 20), (12, 10), (25, 21)])
def test_large_kernel_looks_no_further_than_windows_reach(rng, corner):
    image, unknown = random_photo(rng, 30, 26), np.zeros((30, 26), bool)
    unknown[corner[0] : corner[0] + 4, corner[1] : corner[1] + 5] = True
    values, x = rng.random((30, 26)), rng.random(np.count_nonzero(unknown))
    got, expected = (make(image, 1e-4, 2).split(unknown) for make in (laplacian.large_kernel, laplacian.closed_form))
    np.testing.assert_allclose(got.matrix @ x, expected.matrix @ x, rtol=0, atol=1e-10)
    np.testing.assert_allclose(got.times_known(values), expected.times_known(values), rtol=0, atol=1e-10)


def test_large_kernel_with_confidence(rng):
    image, trimap = random_photo(rng, 30, 40), banded_trimap(30, 40)
    stored = laplacian.closed_form(image, 1e-4, 3)
    free = laplacian.large_kernel(image, 1e-4, 3)
    prepared = propmat.prepare(free, trimap, confidence=1.0, prior=(0.3, 0.01), solver=TIGHT)
    for confidence, alpha in ((1.0, prepared.solve().alpha), (5.0, prepared.with_confidence(5.0, 0.01).solve().alpha)):
        expected = propmat.solve(stored, trimap, confidence=confidence, prior=(0.3, 0.01), solver=Direct()).alpha
        np.testing.assert_allclose(alpha, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("solver", [Direct(), CG(preconditioner=IncompleteCholesky())])
def test_what_needs_entries_is_refused(rng, solver):
    with pytest.raises(UnsupportedError, match="large_kernel: is multiplied, not stored"):
        propmat.large_kernel(random_photo(rng), banded_trimap(12, 14), radius=2, solver=solver)


def test_a_large_kernel_is_not_stored():
    graph = laplacian.large_kernel(np.zeros((250, 250)))
    with pytest.raises(UnsupportedError, match=r"large_kernel: as a matrix it would hold 1.1e\+08 entries"):
        _ = graph.matrix


def test_default_preconditioners(rng):
    image = random_photo(rng, 60, 60)
    knn, window = laplacian.knn(image), laplacian.closed_form(image, 1e-7, 2)
    everywhere = np.ones((60, 60), bool)
    free = laplacian.large_kernel(image).split(everywhere).matrix
    for matrix, expected in [
        (knn.matrix, Jacobi()),
        ((knn + laplacian.closed_form(image)).matrix, Jacobi()),
        (window.matrix, SmoothedAggregation()),
        (laplacian.random_walk(image).split(everywhere).matrix, Multigrid()),
        (free, Jacobi()),
    ]:
        assert preconditioners.choose(matrix) == expected
    assert solvers.choose(free) == CG()


def test_sigma_has_an_effect(rng):
    image = random_photo(rng)
    narrow, wide = (laplacian.random_walk(image, sigma).matrix for sigma in (0.02, 0.2))
    assert abs(narrow - wide).max() > 0.1


def test_random_walk_crosses_what_no_weight_crosses():
    image = np.zeros((5, 7, 3))
    image[2, 3] = 1  # exp(-3 / sigma²) is 0 in double precision
    alpha = propmat.random_walk(image, np.tile([0, 0.5, 0.5, 0.5, 0.5, 0.5, 1], (5, 1)))
    assert alpha[2, 3] == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("method", ["knn", "learning_based", "random_walk"])
def test_verbs_are_solve(rng, method):
    image, trimap = random_photo(rng), banded_trimap(12, 14)
    graph, _ = POSED[method].pose(_inputs.image(image), Trimap.parse(trimap))
    np.testing.assert_array_equal(getattr(propmat, method)(image, trimap), propmat.solve(graph, trimap).alpha)


def test_errors(rng):
    image = random_photo(rng)
    with pytest.raises(InputError, match="preset: takes 'rgb', 'hsv', 'two', got 'lab'"):
        laplacian.knn(image, "lab")
    with pytest.raises(InputError, match="image: preset 'hsv' takes 3 channels, red, green and blue; got 1"):
        laplacian.knn(image[:, :, 0], "hsv")
    with pytest.raises(InputError, match="sigma: takes a finite number > 0, got 0"):
        laplacian.random_walk(image, 0)
    for graph in (laplacian.learning_based, laplacian.large_kernel):
        with pytest.raises(InputError, match="epsilon: takes a finite number > 0, got 0"):
            graph(image, 0)
        with pytest.raises(InputError, match="radius: takes a whole number >= 1"):
            graph(image, 1e-7, 0)
        with pytest.raises(InputError, match="image: is 12 x 14 pixels .*radius=7 needs at least 15 x 15"):
            graph(image, 1e-7, 7)
    with pytest.raises(InputError, match=r"trimap: shape \(3, 3\) does not fit"):
        propmat.knn(image, np.zeros((3, 3)))


def test_the_default_preset_is_the_same_in_verb_method_and_adjoint(rng):
    image, trimap = random_photo(rng), Trimap.parse(banded_trimap(12, 14))
    alpha, pullback = propmat.adjoint.knn(image, trimap, solver=Direct())
    expected = propmat.knn(image, trimap, preset="two", solver=Direct())
    np.testing.assert_allclose(propmat.knn(image, trimap, solver=Direct()), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(alpha, expected, rtol=0, atol=1e-12)
    assert POSED["knn"].pose(image, trimap).graph.preset == "two"
    assert not pullback(np.ones((12, 14))).image.any()
    assert propmat.adjoint.knn(image, trimap, preset="rgb")[1](np.ones((12, 14))).image.any()


def test_networks_see_the_knn_that_they_were_trained_on(rng):
    pytest.importorskip("torch")
    from propmat.matting._mattes import matte

    image, trimap = random_photo(rng), Trimap.parse(banded_trimap(12, 14))
    np.testing.assert_array_equal(matte("knn", image, trimap), propmat.knn(image, trimap, preset="rgb"))
