"""The verbs: properties of alpha, comparison with dense references, difficult trimaps, invalid input."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import propmat
from propmat import ConvergenceError, ConvergenceWarning, InputError, PropmatWarning, Trimap
from propmat.preconditioners import Identity
from propmat.solvers import CG, Direct
from tests.problems import HARD_MASKS, banded_trimap, dense_alpha, dense_closed_form, hard_trimap, random_photo

TIGHT = CG(rtol=1e-12)


@st.composite
def scenes(draw):
    """A small photograph and a trimap with both labels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(3, 12)), draw(st.integers(3, 12))
    image = random_photo(rng, height, width, draw(st.sampled_from([1, 3])))
    trimap = rng.choice([0, 0.5, 1], (height, width), p=[0.2, 0.6, 0.2])
    trimap.flat[0], trimap.flat[-1] = 0, 1
    return image, trimap


def alpha_of(image, trimap):
    # The largest condition number observed for such scenes is 1e7.
    return propmat.closed_form(image, trimap, epsilon=1e-4, solver=TIGHT)


def assert_same(a, b):
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(scenes())
def test_laws_of_alpha(scene):
    image, trimap = scene
    alpha = alpha_of(image, trimap)
    assert alpha.dtype == np.float64
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    np.testing.assert_array_equal(alpha[trimap != 0.5], trimap[trimap != 0.5])
    assert_same(alpha_of(image, 1 - trimap), 1 - alpha)
    assert_same(alpha_of(image[::-1], trimap[::-1])[::-1], alpha)
    assert_same(alpha_of(image[:, ::-1], trimap[:, ::-1])[:, ::-1], alpha)
    assert_same(alpha_of(image.transpose(1, 0, 2), trimap.T).T, alpha)
    assert_same(alpha_of(image[:, :, ::-1], trimap), alpha)
    assert_same(alpha_of(0.5 * image + 0.2, trimap), propmat.closed_form(image, trimap, epsilon=4e-4, solver=TIGHT))


@settings(max_examples=10, deadline=None)
@given(scenes(), st.integers(0, 2**32 - 1))
def test_colour_space_may_be_turned_and_moved(scene, seed):
    image, trimap = scene
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((image.shape[2], image.shape[2])))
    turned = (0.5 * image - 0.25) @ rotation + 0.5
    assert_same(alpha_of(turned, trimap), alpha_of(0.5 * image + 0.2, trimap))


HARD_CASES = [
    (name, radius) for name, (*shape, _) in HARD_MASKS.items() for radius in (1, 2) if min(shape) > 2 * radius
]


@pytest.mark.parametrize(("name", "radius"), HARD_CASES)
@pytest.mark.parametrize("flat", [False, True])
def test_hard_trimaps_against_dense(rng, name, radius, flat):
    trimap = hard_trimap(name)
    image = np.full((*trimap.shape, 3), 0.4) if flat else random_photo(rng, *trimap.shape)
    alpha = propmat.closed_form(image, trimap, epsilon=1e-5, radius=radius, solver=TIGHT)
    expected = dense_alpha(dense_closed_form(image, 1e-5, radius), trimap)
    np.testing.assert_allclose(alpha, np.clip(expected, 0, 1), rtol=0, atol=1e-6)


def test_number_formats_and_layouts_agree(rng):
    image = (255 * random_photo(rng)).astype(np.uint8)
    trimap = (255 * banded_trimap(12, 14)).astype(np.uint8)
    expected = propmat.closed_form(image / 255, trimap / 255)
    for given_image, given_trimap in [
        (image, trimap),
        (image.astype(">u2") * 257, trimap.astype("<u2") * 257),
        (np.asfortranarray(image), np.asfortranarray(trimap)),
        (image[::-1][::-1], Trimap.parse(trimap)),
    ]:
        given_image.flags.writeable = False
        assert_same(propmat.closed_form(given_image, given_trimap), expected)


def test_one_label_is_the_constant(rng):
    image = random_photo(rng)
    for label, name in ((0.0, "background"), (1.0, "foreground")):
        trimap = np.full((12, 14), 0.5)
        trimap[0] = label
        with pytest.warns(PropmatWarning, match=f"every known pixel is {name}, so alpha is {label:g} everywhere"):
            alpha = propmat.closed_form(image, trimap)
        np.testing.assert_array_equal(alpha, label)


def test_nothing_unknown_is_the_trimap(rng):
    trimap = np.round(rng.random((12, 14)))
    with pytest.warns(PropmatWarning, match="no pixel is unknown.*trimap_from_mask"):
        alpha = propmat.closed_form(random_photo(rng), trimap * 0.9 + 0.05)
    np.testing.assert_array_equal(alpha, trimap)


def test_refine_without_trimap_is_the_dense_equation(rng):
    image, rough, confidence = random_photo(rng), rng.random((12, 14)), rng.uniform(0, 1, (12, 14))
    matrix = dense_closed_form(image, 1e-5) + np.diag(confidence.ravel())
    expected = np.linalg.solve(matrix, (confidence * rough).ravel()).reshape(12, 14)
    refined = propmat.refine(image, rough, confidence, epsilon=1e-5, solver=TIGHT)
    np.testing.assert_allclose(refined, np.clip(expected, 0, 1), atol=1e-8)


def test_refine_limits(rng):
    image, trimap, rough = random_photo(rng), banded_trimap(12, 14), rng.random((12, 14))
    assert_same(propmat.refine(image, rough, 0, trimap=trimap), propmat.closed_form(image, trimap))
    np.testing.assert_allclose(propmat.refine(image, rough, 1e9), rough, atol=1e-7)


def test_solve_takes_any_symmetric_matrix(rng):
    image, trimap = random_photo(rng), banded_trimap(12, 14)
    graph = propmat.laplacian.closed_form(image)
    expected = propmat.solve(graph, trimap, solver=Direct()).alpha
    for matrix in (graph.matrix, sp.coo_array(graph.matrix), sp.csc_matrix(graph.matrix)):
        assert_same(propmat.solve(matrix, trimap, solver=Direct()).alpha, expected)


def test_solution_tells_how_it_went(rng):
    solution = propmat.solve(propmat.laplacian.closed_form(random_photo(rng)), banded_trimap(12, 14), solver=CG())
    assert solution.converged
    assert solution.iterations > 0
    assert 0 < solution.residual <= 1e-7
    assert solution.seconds > 0
    assert solution.alpha.shape == (12, 14)


def test_not_converged_warns_or_raises_with_the_best_alpha(rng):
    image, trimap = random_photo(rng), banded_trimap(12, 14)
    with pytest.warns(ConvergenceWarning, match="after 2 iterations"):
        alpha = propmat.closed_form(image, trimap, solver=CG(max_iterations=2, preconditioner=Identity()))
    with pytest.raises(ConvergenceError) as caught:
        propmat.closed_form(image, trimap, solver=CG(max_iterations=2, preconditioner=Identity(), strict=True))
    np.testing.assert_array_equal(caught.value.solution.alpha, alpha)


@pytest.mark.parametrize(
    "call",
    [
        lambda image, trimap, short: propmat.closed_form(image, trimap, solver=short),
        lambda image, trimap, short: propmat.solve(propmat.laplacian.closed_form(image), trimap, solver=short),
        lambda image, trimap, short: propmat.prepare(
            propmat.laplacian.closed_form(image), trimap, solver=short
        ).solve(),
        lambda image, trimap, short: propmat.closed_form(image, np.where(trimap == 1, 1, 0.5)),
        lambda image, trimap, short: propmat.knn(np.where(trimap == 0.5, 0.9, 0.1)[..., None] + 0 * image, trimap),
    ],
)
def test_warnings_point_at_the_caller(rng, call):
    short = CG(max_iterations=2, preconditioner=Identity())
    with pytest.warns(PropmatWarning) as caught:
        call(random_photo(rng), banded_trimap(12, 14), short)
    assert [warning.filename for warning in caught] == [__file__] * len(caught)


def test_callback_sees_residuals_and_stops(rng):
    seen = []

    def callback(iteration, residual):
        seen.append(residual)
        return iteration == 3

    graph = propmat.laplacian.closed_form(random_photo(rng))
    solution = propmat.solve(graph, banded_trimap(12, 14), solver=CG(preconditioner=Identity()), callback=callback)
    assert len(seen) == solution.iterations == 3


def test_bad_input_is_named(rng):
    image, trimap = random_photo(rng), banded_trimap(12, 14)
    for bad, message in [
        (trimap[1:], r"trimap: shape \(11, 14\) does not fit image of shape \(12, 14, 3\)"),
        (np.full((12, 14), 0.5), "trimap: has no known pixel"),
        (np.dstack([trimap] * 3), r"trimap: takes shape \(H, W\), got \(12, 14, 3\)"),
        (255.0 * trimap, "trimap: floating values are in"),
    ]:
        with pytest.raises(InputError, match=message):
            propmat.closed_form(image, bad)
    with pytest.raises(InputError, match="prior: takes a pair"):
        propmat.solve(propmat.laplacian.closed_form(image), trimap, prior=3)
    with pytest.raises(InputError, match="prior confidence: takes numbers >= 0"):
        propmat.refine(image, trimap, -1)
    with pytest.raises(InputError, match="alpha: shape"):
        propmat.refine(image, trimap[1:], 1)
    with pytest.raises(InputError, match="tied to no known pixel"):
        propmat.refine(image, trimap, 0)
