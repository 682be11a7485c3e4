"""Gradients: identities, comparison with central differences, windows and clipping, difficult cases, errors."""

import numpy as np
import pytest
import scipy.sparse as sp

import propmat
from propmat import ConvergenceError, ConvergenceWarning, InputError, PropmatWarning, adjoint, laplacian
from propmat.preconditioners import Identity
from propmat.solvers import CG, Direct
from tests.problems import HARD_MASKS, banded_trimap, hard_trimap, random_photo

H, W = 7, 9
STEP = 1e-6
CONSTRAINTS = {
    "eliminated": {},
    "one confidence": {"confidence": 0.8},
    "confidences": {"confidence": np.random.default_rng(3).uniform(0.1, 3, (H, W))},
}


@pytest.fixture
def trimap():
    return banded_trimap(H, W)


@pytest.fixture
def inputs(rng):
    """Every input that a verb has, away from the ends of its range."""
    return {
        "image": random_photo(rng, H, W),
        "epsilon": 1e-2,
        "windows": rng.uniform(0.2, 2, (H - 2, W - 2)),
        "horizontal": rng.uniform(0.2, 2, (H, W - 1)),
        "vertical": rng.uniform(0.2, 2, (H - 1, W)),
        "right": rng.uniform(0.2, 2, (H, W - 1)),
        "left": rng.uniform(0.2, 2, (H, W - 1)),
        "down": rng.uniform(0.2, 2, (H - 1, W)),
        "up": rng.uniform(0.2, 2, (H - 1, W)),
        "values": rng.uniform(0.2, 0.8, (H, W)),
        "alpha": rng.uniform(0.2, 0.8, (H, W)),
        "prior": rng.uniform(0.2, 0.8, (H, W)),
        "prior_confidence": rng.uniform(0.1, 1, (H, W)),
    }


def loss(alpha):
    """A loss that is not quadratic, and its gradient."""
    target = np.random.default_rng(7).random(alpha.shape)
    return 0.5 * np.sum((alpha - target) ** 2) + np.sin(3 * alpha).sum(), alpha - target + 3 * np.cos(3 * alpha)


def check_gradients(verb, given, rng, step=STEP):
    """Directional central differences of loss(verb(**given)) in every argument of which there is a gradient."""
    alpha, pullback = verb(**given)
    gradients = vars(pullback(loss(alpha)[1]))
    assert set(gradients) == set(pullback.parameters)
    for name, gradient in gradients.items():
        assert np.shape(gradient) == np.shape(given[name])
        for _ in range(3):
            change = step * rng.standard_normal(np.shape(given[name]))
            ahead, behind = (loss(verb(**given | {name: given[name] + s * change})[0])[0] for s in (1, -1))
            size = np.linalg.norm(gradient) * np.linalg.norm(change)
            error = abs((ahead - behind) / 2 - np.sum(gradient * change))
            assert error <= 1e-6 * size + 4 * np.finfo(float).eps * abs(ahead), name


def verbs(trimap, **options):
    """The verbs as functions of arrays alone."""
    photo = random_photo(np.random.default_rng(5), H, W)
    return {
        "weighted_windows": lambda windows, horizontal, vertical, **k: adjoint.weighted_windows(
            photo, windows, trimap, edges=(horizontal, vertical), **options, **k
        ),
        "propagate": lambda horizontal, vertical, **k: adjoint.propagate(
            (horizontal, vertical), trimap, **options, **k
        ),
        "propagate_directed": lambda right, left, down, up, **k: adjoint.propagate_directed(
            (right, left, down, up), trimap, **k
        ),
        "closed_form": lambda image, **k: adjoint.closed_form(image, trimap, **options, **k),
        "refine": lambda image, alpha, confidence, **k: adjoint.refine(
            image, alpha, confidence, trimap=trimap, **options, **k
        ),
    }


ARGUMENTS = {
    "weighted_windows": ["windows", "horizontal", "vertical", "values"],
    "propagate": ["horizontal", "vertical", "values"],
    "propagate_directed": ["right", "left", "down", "up", "values"],
    "closed_form": ["image", "epsilon", "values"],
}


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("verb", ARGUMENTS)
def test_central_differences(rng, trimap, inputs, verb, constraint):
    given = {name: inputs[name] for name in ARGUMENTS[verb]} | CONSTRAINTS[constraint]
    check_gradients(verbs(trimap, solver=Direct())[verb], given, rng)


@pytest.mark.parametrize(("channels", "radius"), [(1, 1), (2, 2), (5, 1), (3, 3)])
@pytest.mark.parametrize("epsilon", [1e-2, 1e-5])
def test_colours_of_any_number_and_windows_of_any_size(rng, trimap, channels, radius, epsilon):
    image = random_photo(rng, H, W, channels)

    def verb(image):
        return adjoint.closed_form(image, trimap, epsilon=epsilon, radius=radius, solver=Direct())

    alpha, pullback = verb(image)
    gradient = pullback(loss(alpha)[1]).image
    for _ in range(3):
        # The curvature of alpha in the colours is 1 / epsilon.
        change = 1e-7 * rng.standard_normal(image.shape)
        ahead, behind = (loss(verb(image + s * change)[0])[0] for s in (1, -1))
        size = np.linalg.norm(gradient) * np.linalg.norm(change)
        assert abs((ahead - behind) / 2 - np.sum(gradient * change)) <= 1e-6 * size


@pytest.mark.parametrize("confidence", [0.3, CONSTRAINTS["confidences"]["confidence"]])
def test_refine(rng, trimap, inputs, confidence):
    given = {name: inputs[name] for name in ("image", "alpha", "epsilon", "values")} | {"confidence": confidence}
    check_gradients(verbs(trimap, solver=Direct())["refine"], given, rng)


def test_weighted_windows_with_a_prior(rng, trimap, inputs):
    given = {name: inputs[name] for name in (*ARGUMENTS["weighted_windows"], "prior", "prior_confidence")}
    verb = verbs(trimap, solver=Direct())["weighted_windows"]

    def with_prior(prior, prior_confidence, **rest):
        return verb(prior=(prior, prior_confidence), **rest)

    check_gradients(with_prior, given, rng)
    check_gradients(with_prior, given | {"prior_confidence": 0.3}, rng)


@pytest.mark.parametrize("size", [(4, 5), (3, 3), (7, 8)])
@pytest.mark.parametrize("labelled", [False, True])
def test_upsample(rng, trimap, inputs, size, labelled):
    """Soft cells and certain ones, known pixels or none; pixels belong to several cells."""
    small = inputs["alpha"][: size[0], : size[1]].copy()
    small[0], small[1:, -1] = 0.004, 0.995
    options = {"solver": CG(rtol=1e-13)} | ({"trimap": trimap} if labelled else {})
    given = {"image": inputs["image"], "alpha": small, "confidence": 0.7, "epsilon": 1e-2}
    check_gradients(lambda **arguments: adjoint.upsample(**arguments, **options), given, rng)


def test_upsample_where_nothing_is_left_open(inputs):
    """Each cell has the gradient of its pixels."""
    small = np.tile([0.0, 0.4, 0.6, 1.0], (3, 1)).round()
    small[:, 1:3] = 0.005
    small[:, 3] = 0.001
    alpha, pullback = adjoint.upsample(np.zeros((6, 8, 3)), small)
    np.testing.assert_array_equal(alpha, np.repeat(np.repeat(small, 2, axis=0), 2, axis=1))
    upstream = np.arange(48.0).reshape(6, 8)
    found = pullback(upstream)
    np.testing.assert_array_equal(found.alpha, upstream.reshape(3, 2, 4, 2).sum(axis=(1, 3)))
    assert not found.image.any()
    assert found.confidence == 0
    with pytest.raises(InputError, match="wanted: "):
        pullback(upstream, wanted=["trimap"])


def test_everything_at_once(rng, trimap, inputs):
    """A sum of a learned graph, closed forms and a matrix; soft labels; a prior."""
    matrix = laplacian.affinity(rng.random((H, W - 1)), rng.random((H - 1, W))).matrix
    names = ["horizontal", "vertical", "image", "epsilon"]

    def verb(values, confidence, prior, prior_confidence, coefficients, horizontal, vertical, image, epsilon):
        graphs = laplacian.affinity(horizontal, vertical), laplacian.closed_form(image, epsilon), matrix
        a, b, c = coefficients
        total = a * graphs[0] + b * graphs[1] + c * laplacian.Graph(graphs[2], (H, W))
        alpha, pullback = adjoint.solve(
            total, trimap, values=values, confidence=confidence, prior=(prior, prior_confidence), solver=Direct()
        )

        def flat(gradient):
            found = pullback(gradient)
            terms = {name: vars(term)[name] for term in found.terms[:2] for name in vars(term)}
            return adjoint.Gradients(**{k: v for k, v in vars(found).items() if k != "terms"}, **terms)

        flat.parameters = [*(name for name in pullback.parameters if name != "terms"), *names]
        return alpha, flat

    given = {name: inputs[name] for name in ("values", "prior", "prior_confidence", *names)}
    check_gradients(verb, given | {"confidence": 0.7, "coefficients": np.array([0.5, 1.5, 0.3])}, rng)


def test_weights_of_a_matrix(rng, trimap):
    upper = sp.triu(sp.random_array((H * W, H * W), density=0.1, rng=rng), k=1).tocsr()

    def alpha_of(upper):
        w = upper + upper.T
        graph = sp.diags_array(w.sum(axis=1)) - w
        return adjoint.solve(graph, trimap, solver=Direct())

    alpha, pullback = alpha_of(upper)
    gradient = pullback(loss(alpha)[1], wanted=["weights"]).weights
    change = upper.copy()
    change.data = STEP * rng.standard_normal(change.nnz)
    ahead, behind = (loss(alpha_of(upper + s * change)[0])[0] for s in (1, -1))
    assert (ahead - behind) / 2 == pytest.approx((gradient * change).sum(), rel=1e-6)


@pytest.mark.parametrize("preset", ["rgb", "hsv", "two"])
def test_knn(rng, trimap, preset):
    """Central differences with the same neighbours: steps are smaller than the gaps between their distances."""
    image, values = rng.uniform(0.1, 0.9, (H, W, 3)), rng.uniform(0.2, 0.8, (H, W))

    def verb(image, values, confidence):
        alpha, pullback = adjoint.knn(
            image, trimap, values=values, confidence=confidence, preset=preset, solver=Direct()
        )
        wanted = ("image", "values", "confidence")
        reduced = lambda gradient: pullback(gradient, wanted=wanted)  # noqa: E731
        reduced.parameters = wanted
        return alpha, reduced

    given = {"image": image, "values": values, "confidence": 0.5}
    check_gradients(verb, given, rng, step=1e-7)


def test_large_kernels_are_closed_forms(rng, trimap):
    image, upstream = random_photo(rng, H, W), rng.standard_normal((H, W))
    large, plain = laplacian.large_kernel(image, 1e-3, 2), laplacian.closed_form(image, 1e-3, 2)
    found, expected = (adjoint.solve(g, trimap, solver=CG(rtol=1e-13))[1](upstream) for g in (large, plain))
    np.testing.assert_allclose(found.image, expected.image, atol=1e-8 * np.abs(expected.image).max())
    np.testing.assert_allclose(found.values, expected.values, atol=1e-10)


def test_of_other_laplacians_there_are_gradients_of_constraints(rng, trimap):
    _, pullback = adjoint.solve(laplacian.learning_based(random_photo(rng, H, W)), trimap, confidence=1.0)
    assert pullback.parameters == ("values", "confidence")
    with pytest.raises(InputError, match="wanted: there is no gradient 'image'; takes values, confidence"):
        pullback(1.0, wanted=["image"])


def test_knn_weights(rng, trimap):
    image, upstream = rng.random((H, W, 3)), rng.standard_normal((H, W))
    graph = laplacian.knn(image)
    _, pullback = adjoint.knn(image, trimap)
    _, of_matrix = adjoint.solve(graph.matrix, trimap)
    found, expected = (p(upstream, wanted=["weights"]).weights for p in (pullback, of_matrix))
    assert abs(found - expected).max() < 1e-12
    pairs = graph.pairs(trimap == 0.5)
    assert abs(pairs.weight @ found[pairs.first, pairs.second]) <= 1e-10 * abs(found).sum()


def test_grey_has_no_hue_gradient(rng, trimap):
    image = np.repeat(rng.random((H, W, 1)), 3, axis=2)
    image[0, 0] = 0
    _, pullback = adjoint.knn(image, trimap, preset="hsv")
    assert np.isfinite(pullback(rng.standard_normal((H, W))).image).all()


def test_bridges_carry_values(rng):
    """A component without known pixels is connected by weak edges, and gradients of labels include these."""
    image = np.zeros((16, 20, 3))
    image[4:12, 8:16, 0] = 1
    trimap = np.full((16, 20), 0.5)
    trimap[:, :2], trimap[:, -2:] = 0, 1
    upstream = rng.standard_normal((16, 20))
    values = rng.uniform(0.2, 0.8, (16, 20))
    with pytest.warns(propmat.PropmatWarning, match="weak edges"):
        alpha, pullback = adjoint.knn(image, trimap, values=values, solver=Direct())
    found = pullback(upstream, wanted=["values"]).values
    change = STEP * rng.standard_normal((16, 20))
    with pytest.warns(propmat.PropmatWarning, match="weak edges"):
        ahead, behind = (adjoint.knn(image, trimap, values=values + s * change, solver=Direct())[0] for s in (1, -1))
    assert np.sum(upstream * (ahead - behind)) / 2 == pytest.approx(np.sum(found * change), rel=1e-6)


@pytest.mark.parametrize("name", HARD_MASKS)
def test_identities(rng, name):
    """Scaling all weights changes nothing; nor do shifting all colours, or scaling them with epsilon."""
    trimap = hard_trimap(name)
    height, width = trimap.shape
    upstream = rng.standard_normal(trimap.shape)
    edges = rng.uniform(0.1, 3, (height, width - 1)), rng.uniform(0.1, 3, (height - 1, width))
    _, pullback = adjoint.propagate(edges, trimap)
    found = pullback(upstream)
    size = np.abs(found.horizontal).sum() + np.abs(found.vertical).sum()
    assert abs(np.vdot(edges[0], found.horizontal) + np.vdot(edges[1], found.vertical)) <= 1e-12 * size
    image, epsilon = random_photo(rng, height, width), 1e-3
    _, pullback = adjoint.closed_form(image, trimap, epsilon=epsilon)
    found = pullback(upstream)
    size = np.abs(found.image).sum() + 1e-300
    # Windows whose colours are on a line have condition number 1 / epsilon.
    assert np.abs(found.image.sum(axis=(0, 1))).max() <= 1e-10 * size
    assert abs(np.vdot(found.image, image) + 2 * epsilon * found.epsilon) <= 1e-10 * size


def test_nothing_flows_through_clipped_alpha(rng):
    trimap = np.full((12, 14), 0.5)
    trimap[0, :3], trimap[-1, -3:] = 0, 1
    image = random_photo(rng)
    alpha, pullback = adjoint.closed_form(image, trimap, epsilon=1e-5, solver=Direct())
    clipped = ((alpha == 0) | (alpha == 1)) & (trimap == 0.5)
    assert clipped.any()
    upstream = np.where(clipped, 1e6, loss(alpha)[1])
    np.testing.assert_array_equal(pullback(upstream).image, pullback(np.where(clipped, 0, upstream)).image)


def test_products_are_those_of_the_matrix(rng):
    plane = rng.standard_normal((12, 14))
    plane[2:9, 3:9] = 0
    image = random_photo(rng)
    edges = laplacian.affinity(rng.random((12, 13)), rng.random((11, 14)))
    graphs = [laplacian.closed_form(image), laplacian.closed_form(image, 1e-4, 2), edges, laplacian.knn(image)]
    for graph in (*graphs, graphs[0] + 0.3 * edges, laplacian.Graph(edges.matrix, (12, 14))):
        expected = (graph.matrix @ plane.ravel()).reshape(plane.shape)
        np.testing.assert_allclose(graph.times(plane), expected, atol=1e-9)


def test_affinity_blocks_are_those_of_the_whole(rng):
    graph = laplacian.affinity(rng.random((5, 7)), rng.random((4, 8)))
    mask = rng.random((5, 8)) < 0.5
    assert graph.matrix.has_canonical_format
    np.testing.assert_array_equal(
        graph.rows(mask, ~mask).toarray(), graph.matrix.toarray()[np.ix_(mask.ravel(), ~mask.ravel())]
    )
    split = graph.split(mask)
    np.testing.assert_allclose(split.matrix.tocsr().toarray(), graph.rows(mask, mask).toarray(), atol=1e-15)
    np.testing.assert_array_equal(split.touches_known, np.diff(graph.rows(mask, ~mask).indptr) > 0)


def test_iterative_equals_direct(rng):
    sample = propmat.datasets.synthetic(3, (60, 80))
    edges = np.exp(rng.uniform(-3, 3, (60, 79))), np.exp(rng.uniform(-3, 3, (59, 80)))
    for verb in (
        lambda solver: adjoint.closed_form(sample.image, sample.trimap, solver=solver),
        lambda solver: adjoint.propagate(edges, sample.trimap, solver=solver),
    ):
        (alpha, exact), (_, iterative) = verb(Direct()), verb(CG(rtol=1e-13))
        for name, gradient in vars(exact(alpha - sample.alpha)).items():
            other = getattr(iterative(alpha - sample.alpha), name)
            assert np.linalg.norm(gradient - other) <= 1e-6 * np.linalg.norm(gradient), name


def test_only_what_is_wanted(trimap, inputs):
    _, pullback = adjoint.closed_form(inputs["image"], trimap, confidence=1.0)
    assert pullback.parameters == ("image", "epsilon", "values", "confidence")
    assert list(vars(pullback(1.0, wanted=["values"]))) == ["values"]
    with pytest.raises(InputError, match="wanted: there is no gradient 'colour'; takes image, epsilon, values, conf"):
        pullback(1.0, wanted=["colour"])


def test_grey_images_have_grey_gradients(rng, trimap):
    grey = random_photo(rng, H, W, 1)
    upstream = rng.standard_normal((H, W))
    flat, deep = (adjoint.closed_form(image, trimap)[1](upstream).image for image in (grey[..., 0], grey))
    np.testing.assert_array_equal(flat, deep[..., 0])


def test_nothing_unknown(rng):
    labels = np.round(rng.random((H, W)))
    upstream = rng.standard_normal((H, W))
    with pytest.warns(PropmatWarning, match="no pixel is unknown"):
        alpha, pullback = adjoint.closed_form(random_photo(rng, H, W), labels, values=0.9 * labels)
    found = pullback(upstream)
    np.testing.assert_array_equal(alpha, 0.9 * labels)
    np.testing.assert_array_equal(found.values, upstream)
    assert not found.image.any()


def test_one_label_is_constant_and_so_are_gradients(rng, trimap, inputs):
    edges, labels = (inputs["horizontal"], inputs["vertical"]), np.where(trimap == 0, 0.5, trimap)
    with pytest.warns(PropmatWarning, match="every known pixel is foreground"):
        alpha, pullback = adjoint.propagate(edges, labels)
    np.testing.assert_array_equal(alpha, 1)
    found = pullback(rng.standard_normal((H, W)))
    assert np.abs(found.horizontal).max() < 1e-12
    assert np.abs(found.values).max() > 0.1


def test_huge_and_zero_affinities(rng, trimap):
    horizontal, vertical = rng.uniform(0.5, 2, (H, W - 1)), rng.uniform(0.5, 2, (H - 1, W))
    horizontal[rng.random(horizontal.shape) < 0.2] = 1e8
    vertical[rng.random(vertical.shape) < 0.3] = 0
    alpha, pullback = adjoint.propagate((horizontal, vertical), trimap, solver=Direct())
    found = pullback(loss(alpha)[1])
    moved = np.concatenate([(horizontal * found.horizontal).ravel(), (vertical * found.vertical).ravel()])
    assert np.isfinite(moved).all()
    assert abs(moved.sum()) <= 1e-6 * np.abs(moved).sum()  # 1e8 roundings of 1e-16 in what edges of 1e8 tie together


def test_cut_off_pixels_are_named(trimap):
    horizontal, vertical = np.ones((H, W - 1)), np.ones((H - 1, W))
    horizontal[3, 3:5] = vertical[2:4, 4] = 0
    for call in (propmat.propagate, adjoint.propagate):
        with pytest.raises(InputError, match=r"1 unknown pixels are tied to no known pixel, the first at \(3, 4\)"):
            call((horizontal, vertical), trimap)
    # It is a neighbour of other pixels, but none of them is a neighbour of it.
    right, left, down, up = np.ones((H, W - 1)), np.ones((H, W - 1)), np.ones((H - 1, W)), np.ones((H - 1, W))
    right[3, 4] = left[3, 3] = down[3, 4] = up[2, 4] = 0
    with pytest.raises(InputError, match=r"from 1 pixels no path of positive weights .* at \(3, 4\)"):
        adjoint.propagate_directed((right, left, down, up), trimap)


def test_one_unknown_pixel(rng, inputs):
    trimap = np.where(np.arange(W) < 4, 1.0, 0.0) * np.ones((H, 1))
    trimap[3, 4] = 0.5
    given = {name: inputs[name] for name in ARGUMENTS["propagate"]}
    check_gradients(verbs(trimap)["propagate"], given, rng)
    check_gradients(verbs(trimap)["closed_form"], {name: inputs[name] for name in ARGUMENTS["closed_form"]}, rng)


@pytest.mark.parametrize("confidence", [1e-6, 1e-3, 1e3, 1e6])
def test_any_confidence(trimap, inputs, confidence):
    """Scaling weights and confidence together changes nothing, however far apart they are."""
    edges = inputs["horizontal"], inputs["vertical"]
    alpha, pullback = adjoint.propagate(edges, trimap, confidence=confidence, solver=Direct())
    found = pullback(loss(alpha)[1])
    moved = np.concatenate([(edge * vars(found)[name]).ravel() for edge, name in zip(edges, vars(found), strict=False)])
    # λ is of order 1 / c and its differences of order 1: cancellation leaves this many of 16 digits, twice.
    tolerance = max(1e-8, 1e-10 / confidence)
    assert abs(moved.sum() + confidence * found.confidence) <= tolerance * np.abs(moved).sum()
    # At the default tolerance conjugate gradients are as accurate with any confidence as without one.
    np.testing.assert_allclose(
        adjoint.propagate(edges, trimap, confidence=confidence, solver=CG())[0], alpha, atol=1e-6
    )


def test_not_converged_is_reported(rng, trimap, inputs):
    edges = inputs["horizontal"], inputs["vertical"]
    weak = CG(max_iterations=2, preconditioner=Identity())
    with pytest.warns(ConvergenceWarning, match="after 2 iterations"):
        alpha, pullback = adjoint.propagate(edges, trimap, solver=weak)
    with pytest.warns(ConvergenceWarning, match="after 2 iterations") as caught:
        pullback(loss(alpha)[1])
    assert caught[0].filename == __file__
    # With all labels 0 the solve needs no iteration, but its gradient does.
    strict = CG(max_iterations=2, preconditioner=Identity(), strict=True)
    _, pullback = adjoint.propagate(edges, trimap, values=np.zeros((H, W)), solver=strict)
    with pytest.raises(ConvergenceError, match="after 2 iterations"):
        pullback(loss(alpha)[1])


def test_directed_with_equal_directions_is_symmetric(rng, trimap, inputs):
    horizontal, vertical = inputs["horizontal"], inputs["vertical"]
    upstream = rng.standard_normal((H, W))
    for constraint in CONSTRAINTS.values():
        alpha, pullback = adjoint.propagate((horizontal, vertical), trimap, solver=Direct(), **constraint)
        quadruple = (horizontal, horizontal, vertical, vertical)
        directed, directed_pullback = adjoint.propagate_directed(quadruple, trimap, **constraint)
        np.testing.assert_allclose(directed, alpha, atol=1e-12)
        one, two = pullback(upstream), directed_pullback(upstream)
        np.testing.assert_allclose(two.right + two.left, one.horizontal, atol=1e-10)
        np.testing.assert_allclose(two.down + two.up, one.vertical, atol=1e-10)


def test_the_forward_value_is_that_of_the_verb(rng, trimap, inputs):
    edges, image, rough = (inputs["horizontal"], inputs["vertical"]), inputs["image"], inputs["alpha"]
    np.testing.assert_array_equal(adjoint.propagate(edges, trimap)[0], propmat.propagate(edges, trimap))
    np.testing.assert_array_equal(adjoint.closed_form(image, trimap)[0], propmat.closed_form(image, trimap))
    np.testing.assert_array_equal(adjoint.refine(image, rough, 0.1)[0], propmat.refine(image, rough, 0.1))


def test_propagation_obeys_the_maximum_principle(rng, trimap):
    edges = np.exp(rng.uniform(-9, 9, (H, W - 1))), np.exp(rng.uniform(-9, 9, (H - 1, W)))
    solution = propmat.solve(laplacian.affinity(*edges), trimap, confidence=0.8)
    assert solution.x.min() > -1e-9
    assert solution.x.max() < 1 + 1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizontal": np.ones((H, W))}, r"vertical: shape \(6, 9\) does not fit horizontal of shape \(7, 9\)"),
        ({"vertical": np.ones(4)}, r"vertical: shape \(4,\) does not fit"),
        ({"horizontal": np.ones(4)}, r"horizontal: takes shape \(H, W - 1\), got \(4,\)"),
        ({"horizontal": np.full((H, W - 1), -1.0)}, r"horizontal: takes numbers >= 0, got -1 at \(0, 0\)"),
        ({"vertical": np.full((H - 1, W), np.nan)}, "vertical: has 54 values that are NaN"),
        ({"values": np.ones((2, 2))}, r"values: shape \(2, 2\) does not fit"),
    ],
)
def test_bad_input_is_named(trimap, inputs, change, message):
    given = {name: inputs[name] for name in ARGUMENTS["propagate"]} | change
    with pytest.raises(InputError, match=message):
        verbs(trimap)["propagate"](**given)


def test_bad_gradients_are_named(trimap, inputs):
    _, pullback = adjoint.closed_form(inputs["image"], trimap)
    with pytest.raises(InputError, match=r"gradient: shape \(2, 2\) does not fit"):
        pullback(np.ones((2, 2)))
    with pytest.raises(InputError, match="gradient: has 63 values that are NaN"):
        pullback(np.nan)


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("verb", ["closed_form", "knn"])
def test_verb_and_adjoint_say_and_answer_the_same(rng, verb, label):
    """With one label only, without unknown pixels, and with both: the same alpha and the same warning."""
    image, trimap = random_photo(rng, H, W), np.full((H, W), 0.5)
    trimap[2:4] = label
    for given in (trimap, np.round(rng.random((H, W))), np.full((H, W), label)):
        with pytest.warns(PropmatWarning) as from_verb:
            alpha = getattr(propmat, verb)(image, given)
        with pytest.warns(PropmatWarning) as from_adjoint:
            again, _ = getattr(adjoint, verb)(image, given)
        np.testing.assert_array_equal(again, alpha)
        assert [str(one.message) for one in from_adjoint] == [str(one.message) for one in from_verb]


def test_values_of_one_label_are_solved_for(rng):
    """Alpha is constant only if no other values than the trimap's labels are given."""
    image, trimap = random_photo(rng, H, W), np.full((H, W), 0.5)
    trimap[2:4] = 1
    alpha, _ = adjoint.closed_form(image, trimap, values=np.full((H, W), 0.25))
    np.testing.assert_allclose(alpha, 0.25, atol=1e-6)


@pytest.mark.parametrize("confidence", [None, 2.0])
def test_directed_propagation_says_what_needs_no_solve(rng, confidence):
    weights = [rng.random(shape) + 0.1 for shape in ((H, W - 1), (H, W - 1), (H - 1, W), (H - 1, W))]
    trimap = np.full((H, W), 0.5)
    trimap[2:4] = 1
    with pytest.warns(PropmatWarning, match="every known pixel is foreground"):
        alpha, pullback = adjoint.propagate_directed(weights, trimap, confidence=confidence)
    np.testing.assert_array_equal(alpha, 1)
    assert np.abs(pullback(1.0).values).max() > 0.1


@pytest.mark.parametrize("case", ["cut off", "held by nothing", "wide windows"])
def test_one_label_is_answered_as_by_the_verb(case):
    """The verb does not solve, so that it cannot fail because of the linear system."""
    one = np.full((6, 7), 0.5)
    one[0, 0] = 1
    across, down = np.ones((6, 6)), np.ones((5, 7))
    across[:, 3] = case != "cut off"
    confidence = 0.0 if case == "held by nothing" else None
    if case == "wide windows":
        graph, options = propmat.laplacian.large_kernel(np.eye(6, 7), radius=2), {"solver": propmat.solvers.Direct()}
    else:
        graph, options = propmat.laplacian.affinity(across, down), {"confidence": confidence}
    with pytest.warns(propmat.PropmatWarning, match="every known pixel is foreground") as told:
        alpha = propmat.solve(graph, one, **options).alpha
    with pytest.warns(propmat.PropmatWarning, match="every known pixel is foreground") as told_too:
        found, pullback = propmat.adjoint.solve(graph, one, **options)
    np.testing.assert_array_equal(found, alpha)
    assert len(told) == len(told_too) == 1
    with pytest.raises((propmat.InputError, propmat.UnsupportedError)):  # a gradient needs the system
        pullback(1.0)
