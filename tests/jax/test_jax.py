"""JAX: gradients checked by JAX, results equal to PyTorch's, jit, grad and vmap."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.test_util import check_grads

import propmat.jax
import propmat.torch
from propmat import ConvergenceError, InputError, PropmatWarning, Trimap
from propmat._batching._arguments import FOUR, PAIR
from propmat._batching._verbs import VERBS
from propmat.preconditioners import Identity
from propmat.solvers import CG, Direct
from tests.problems import banded_trimap, random_photo

H, W = 5, 6
TRIMAP = banded_trimap(H, W)


@pytest.fixture(autouse=True)
def _in_double_precision():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture
def edges(rng):
    return rng.uniform(0.2, 2, (H, W - 1)), rng.uniform(0.2, 2, (H - 1, W))


@pytest.fixture
def image(rng):
    return random_photo(rng, H, W)


def propagate(horizontal, vertical, **options):
    return propmat.jax.propagate((horizontal, vertical), TRIMAP, **options)


def test_gradients_are_those_of_differences(rng, edges, image):
    values = rng.uniform(0.2, 0.8, (H, W))
    check_grads(lambda h, v, x: propagate(h, v, values=x), (*edges, values), order=1, modes=["rev"])
    check_grads(lambda h, v, c: propagate(h, v, confidence=c), (*edges, 0.8), order=1, modes=["rev"])
    check_grads(
        lambda i, e: propmat.jax.closed_form(i, TRIMAP, epsilon=e), (image, 0.01), order=1, modes=["rev"], eps=1e-6
    )
    check_grads(lambda i: propmat.jax.knn(i, TRIMAP, preset="hsv"), (image,), order=1, modes=["rev"], eps=1e-6)
    check_grads(
        lambda i, a, c: propmat.jax.refine(i, a, c, epsilon=0.01),
        (image, values, values),
        order=1,
        modes=["rev"],
        eps=1e-6,
    )


def test_gradients_are_those_of_torch(edges, image):
    tight = CG(rtol=1e-12)
    found = jax.grad(lambda h, v: jnp.sum(propagate(h, v, confidence=0.8, solver=tight) ** 2), argnums=(0, 1))(*edges)
    tensors = [torch.from_numpy(w).requires_grad_() for w in edges]
    alpha = propmat.torch.propagate(tensors, TRIMAP, confidence=0.8, solver=tight)
    for ours, theirs in zip(found, torch.autograd.grad(alpha.square().sum(), tensors), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-12)
    ours = jax.grad(lambda i: jnp.sum(propmat.jax.closed_form(i, TRIMAP) ** 2))(image)
    tensor = torch.from_numpy(image.transpose(2, 0, 1)).requires_grad_()
    propmat.torch.closed_form(tensor, TRIMAP).square().sum().backward()
    np.testing.assert_allclose(ours, tensor.grad.permute(1, 2, 0), rtol=1e-8, atol=1e-8 * np.abs(ours).max())


def test_jit_and_vmap_are_loops(edges):
    horizontal, vertical = (np.stack([edge, 2 * edge, edge[::-1]]) for edge in edges)
    confidences = np.array([0.5, 0.8, 2.0])

    def total(h, v, c):
        return jnp.sum(propagate(h, v, confidence=c) ** 2)

    found = jax.jit(jax.vmap(jax.grad(total, argnums=(0, 1, 2)), in_axes=(0, 0, 0)))(horizontal, vertical, confidences)
    for k in range(3):
        expected = jax.grad(total, argnums=(0, 1, 2))(horizontal[k], vertical[k], confidences[k])
        for batch, one in zip(found, expected, strict=True):
            np.testing.assert_allclose(batch[k], one, rtol=1e-12, atol=1e-14)
    shared = jax.vmap(lambda c: propagate(*edges, confidence=c))(confidences)
    np.testing.assert_allclose(shared[1], propagate(*edges, confidence=0.8), rtol=1e-12)


def test_single_precision(edges):
    horizontal, vertical = (jnp.asarray(edge, jnp.float32) for edge in edges)
    jax.config.update("jax_enable_x64", False)
    alpha, gradient = jax.value_and_grad(lambda h: propagate(h, vertical).sum())(horizontal)
    assert alpha.dtype == gradient.dtype == jnp.float32


def test_trimaps_of_every_kind(edges):
    expected = propagate(*edges)
    for trimap in (jnp.asarray(TRIMAP), Trimap.parse(TRIMAP), (255 * TRIMAP).astype(np.uint8)):
        np.testing.assert_array_equal(propmat.jax.propagate(edges, trimap), expected)


def test_large_arrays_do_not_lock(rng):
    """Callbacks that wait for JAX while it waits for them hang from some size on."""
    horizontal, vertical = rng.uniform(1, 2, (300, 299)), rng.uniform(1, 2, (299, 300))
    trimap = np.where(np.hypot(*np.mgrid[-150:150, -150:150]) < 100, 1.0, 0.0)
    trimap[140:160] = 0.5
    found = jax.jit(jax.grad(lambda h: propmat.jax.propagate((jnp.exp(h), vertical), trimap).sum()))(horizontal)
    assert np.isfinite(found).all()


def test_errors_carry_the_message(edges):
    """Errors found by the solver are raised through JAX if arrays are traced, and directly otherwise."""
    horizontal, vertical = edges
    negative = jnp.full_like(horizontal, -2)
    message = r"horizontal: takes numbers >= 0, got -2 at \(0, 0\)"
    with pytest.raises(jax.errors.JaxRuntimeError, match=message):
        jax.jit(propagate)(negative, vertical).block_until_ready()
    with pytest.raises(InputError, match=f"^{message}"):
        propagate(negative, vertical, solver=Direct())
    with pytest.raises(InputError, match=f"^{message}"):
        jax.grad(lambda h: propagate(h, vertical).sum())(negative)
    weak = CG(max_iterations=1, preconditioner=Identity(), strict=True)
    with pytest.raises(ConvergenceError, match="after 1 iterations"):
        propagate(horizontal, vertical, solver=weak)


IMAGE_VERBS = {
    "closed_form": lambda image, **rest: propmat.jax.closed_form(image, TRIMAP, epsilon=1e-3, **rest),
    "knn": lambda image, **rest: propmat.jax.knn(image, TRIMAP, **rest),
    "refine": lambda image, **rest: propmat.jax.refine(image, TRIMAP, 0.3, epsilon=1e-3, **rest),
}


@pytest.mark.parametrize("way", [lambda f: f, jax.jit, lambda f: lambda image: jax.vmap(f)(image[None])[0]])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.bool_])
@pytest.mark.parametrize("verb", IMAGE_VERBS)
def test_integer_images_are_those_of_numpy(verb, dtype, way, image):
    white = np.iinfo(dtype).max if dtype != np.bool_ else 1
    numbers = np.rint(white * image).astype(dtype)
    alpha = way(IMAGE_VERBS[verb])(jnp.asarray(numbers))
    expected = {
        "closed_form": lambda: propmat.closed_form(numbers, TRIMAP, epsilon=1e-3),
        "knn": lambda: propmat.knn(numbers, TRIMAP),
        "refine": lambda: propmat.refine(numbers, TRIMAP, 0.3, epsilon=1e-3),
    }[verb]()
    assert alpha.dtype == jnp.float32
    np.testing.assert_allclose(alpha, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64, jnp.float16, jnp.bfloat16])
def test_precisions(dtype, edges):
    horizontal, vertical = (jnp.asarray(edge, dtype) for edge in edges)
    alpha, gradient = jax.value_and_grad(lambda h: propagate(h, vertical)[1, 2])(horizontal)
    assert alpha.dtype == (dtype if jnp.dtype(dtype).itemsize > 2 else jnp.float32)
    assert gradient.dtype == dtype
    exact = propagate(*(np.asarray(edge, np.float64) for edge in (horizontal, vertical)))
    np.testing.assert_allclose(propagate(horizontal, vertical), exact, rtol=0, atol=1e-6)


def test_gradients_pass_by_integers(image):
    """An image of uint8 has no gradient; the other arguments have."""
    numbers, values = jnp.asarray(np.rint(255 * image).astype(np.uint8)), jnp.full((H, W), 0.25)
    for labels in (TRIMAP, jnp.asarray(np.rint(255 * TRIMAP).astype(np.uint8))):

        def total(values, labels=labels):
            return (propmat.jax.closed_form(numbers, labels, values=values, epsilon=1e-3) ** 2).sum()

        for function in (jax.grad(total), jax.jit(jax.grad(total))):
            expected = jax.grad(
                lambda v: (propmat.jax.closed_form(numbers / 255, TRIMAP, values=v, epsilon=1e-3) ** 2).sum()
            )
            np.testing.assert_allclose(function(values), expected(values), rtol=0, atol=1e-5)


def test_affinities_of_integers_are_plain_numbers(rng):
    horizontal, vertical = rng.integers(1, 200, (H, W - 1)), rng.integers(1, 200, (H - 1, W))
    expected = propmat.propagate((horizontal, vertical), TRIMAP)
    for dtype in (np.uint8, np.int64):
        given = horizontal.astype(dtype), vertical.astype(dtype)
        np.testing.assert_allclose(propagate(*given), expected, rtol=0, atol=1e-6)
        np.testing.assert_allclose(propagate(*map(jnp.asarray, given)), expected, rtol=0, atol=1e-6)


WRONG = {
    "image": [
        (lambda i, **_: propmat.jax.closed_form(i[:, :, :2].astype(np.int32), TRIMAP), "integer pixels are uint8"),
        (lambda i, **_: propmat.jax.knn(i[0, 0], TRIMAP), r"takes shape \(H, W\)"),
        (lambda i, **_: propmat.jax.closed_form(i[None], TRIMAP), r"takes shape \(H, W\)"),
        (lambda i, **_: propmat.jax.refine(i.astype(np.complex64), TRIMAP, 1.0), "got dtype complex64"),
        (lambda i, **_: propmat.jax.closed_form(np.ma.array(np.ones((H, W, 3))), TRIMAP), "is a masked array"),
        (lambda i, **_: propmat.jax.closed_form(None, TRIMAP), "takes"),
        (lambda i, **_: propmat.jax.closed_form("image.png", TRIMAP), "takes"),
        (lambda i, **_: propmat.jax.closed_form([[1, "a"]], TRIMAP), "takes"),
        (lambda i, **_: propmat.jax.closed_form(np.full((H, W, 3), 255.0), TRIMAP), r"floating values are in \[0, 1\]"),
    ],
    "trimap": [
        (lambda i, **_: propmat.jax.closed_form(i, TRIMAP[1:]), "does not fit"),
        (lambda i, **_: propmat.jax.closed_form(i, i[:-1, :, 0]), "does not fit"),
        (lambda i, **_: propmat.jax.knn(i, TRIMAP[None]), r"takes shape \(H, W\)"),
        (lambda i, **_: propmat.jax.knn(i, None), "takes"),
        (lambda i, **_: propmat.jax.knn(i, jnp.asarray(TRIMAP).astype(int)), "integer pixels are uint8"),
        (lambda i, **_: propmat.jax.refine(i, TRIMAP, 1.0, trimap=255 * TRIMAP), r"floating values are in \[0, 1\]"),
    ],
    "values": [(lambda i, **_: propmat.jax.closed_form(i, TRIMAP, values=i[:-1, :, 0]), "does not fit")],
    "alpha": [
        (lambda i, **_: propmat.jax.refine(i, i, 1.0), r"takes shape \(H, W\)"),
        (lambda i, **_: propmat.jax.refine(i, None, 1.0), "takes"),
    ],
    "confidence": [
        (lambda i, **_: propmat.jax.closed_form(i, TRIMAP, confidence=jnp.ones(W)), "does not fit"),
        (lambda i, **_: propmat.jax.refine(i, TRIMAP, None), "takes"),
        (lambda i, **_: propmat.jax.refine(i, TRIMAP, "high"), "takes"),
    ],
    "epsilon": [
        (lambda i, **_: propmat.jax.closed_form(i, TRIMAP, epsilon="1e-3"), "takes a number"),
        (lambda i, **_: propmat.jax.refine(i, TRIMAP, 1.0, epsilon=0.0), "takes a finite number > 0"),
    ],
    "horizontal": [(lambda i, h, v: propmat.jax.propagate((h[0], v), TRIMAP), "takes shape")],
    "vertical": [(lambda i, h, v: propmat.jax.propagate((h, h), TRIMAP), "does not fit horizontal")],
    "affinities": [
        (lambda i, h, v: propmat.jax.propagate((h,), TRIMAP), "takes 2 arrays"),
        (lambda i, h, v: propmat.jax.propagate(jnp.ones((2, H, W)), TRIMAP), "takes 2 arrays"),
        (lambda i, h, v: propmat.jax.propagate(None, TRIMAP), "takes 2 arrays"),
    ],
    "radius": [
        (lambda i, **_: propmat.jax.closed_form(i, TRIMAP, radius="3"), "takes"),
        (lambda i, **_: propmat.jax.closed_form(i, TRIMAP, radius=None), "takes"),
        (lambda i, **_: propmat.jax.closed_form(i, TRIMAP, radius=1.5), "takes"),
    ],
    "preset": [(lambda i, **_: propmat.jax.knn(i, TRIMAP, preset=["rgb"]), "takes 'rgb'")],
    "solver": [
        (lambda i, **_: propmat.jax.knn(i, TRIMAP, solver="cg"), "takes"),
        (lambda i, **_: propmat.jax.closed_form(i, TRIMAP, solver=CG), "takes"),
    ],
}


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_an_error_of_ours_before_the_callback(name, traced, image, edges):
    given = jnp.asarray(image), *map(jnp.asarray, edges)
    for call, message in WRONG[name]:

        def called(i, h, v, call=call):
            return call(i, h=h, v=v)

        with pytest.raises(InputError, match=f"^{name}: .*{message}") as caught:
            (jax.jit(called) if traced else called)(*given)
        assert "callback" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, np.float16, jnp.bfloat16, np.float32])
def test_integers_and_half_precision_give_single_whatever_the_precision_of_jax(dtype):
    edges = np.ones((H, W - 1), dtype), np.ones((H - 1, W), dtype)
    for given in (edges, tuple(map(jnp.asarray, edges))):
        assert propagate(*given).dtype == np.float32
        assert jax.jit(propagate)(*given).dtype == np.float32
    assert propagate(*(edge.astype(np.float64) for edge in edges)).dtype == np.float64


def test_solvers_of_any_kind(edges):
    """Unhashable solvers are compared by identity."""

    class Own:
        strict, __hash__ = False, None

        def __init__(self):
            self.shapes = []

        def __eq__(self, other):
            return True

        def prepare(self, matrix, near_null_space=None):
            self.shapes.append(matrix.shape)
            return Direct().prepare(matrix, near_null_space)

    first, second = Own(), Own()
    expected = propagate(*edges)
    for solver in (first, second):
        function = jax.jit(lambda h, v, solver=solver: propagate(h, v, solver=solver))
        np.testing.assert_allclose(function(*edges), expected, rtol=1e-12)
    assert len(first.shapes) == len(second.shapes) == 1


def test_empty_batches(edges):
    none = [jnp.zeros((0, *edge.shape)) for edge in edges]
    alpha = jax.vmap(propagate)(*none)
    assert alpha.shape == (0, H, W)
    gradient = jax.grad(lambda h: jax.vmap(propagate)(h, none[1]).sum())(none[0])
    assert gradient.shape == none[0].shape


def test_what_is_wrong_in_an_image_of_a_batch(edges):
    stacked = [jnp.stack([edge, edge, -edge]) for edge in edges]
    with pytest.raises(jax.errors.JaxRuntimeError, match="image 2 of the batch: horizontal: takes numbers >= 0"):
        jax.vmap(propagate)(*stacked).block_until_ready()


@pytest.mark.parametrize("name", VERBS)
def test_the_table_says_what_verbs_take(name):
    """Names of arguments and options, and which may be None, as NumPy's, PyTorch's and JAX's verbs have them."""
    verb = VERBS[name]
    edges = {argument.name for argument in verb.arguments} & {argument.name for argument in (*PAIR, *FOUR)}
    edges |= {"prior_confidence"}  # given with the prior, as a pair
    named = {argument.name for argument in verb.arguments} - edges | verb.options.keys()
    functions = [getattr(package, name, None) for package in (propmat.adjoint, propmat.torch, propmat.jax)]
    assert None not in functions[:2]
    for function in filter(None, functions):
        takes = dict(inspect.signature(function).parameters)
        assert len({"affinities", "edges"} & takes.keys()) == bool(edges - {"prior_confidence"})
        optional = set(verb.optional) - edges
        if "edges" in takes:
            assert (takes["edges"].default is None) == (edges <= set(verb.optional))
        for other in ("affinities", "edges", "solver", "callback", "normalisation"):
            takes.pop(other, None)
        assert takes.keys() == named
        assert {other for other, parameter in takes.items() if parameter.default is None} == optional


def test_warnings_point_to_the_caller(image):
    one_label = np.maximum(TRIMAP, 0.5)
    with pytest.warns(PropmatWarning, match="every known pixel is foreground") as record:
        propmat.jax.closed_form(image, one_label)
    assert record[0].filename == __file__
