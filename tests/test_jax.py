"""JAX arrays: checked by JAX, equal to PyTorch's, under jit, grad and vmap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.test_util import check_grads

import propmat.jax
import propmat.torch
from propmat import Trimap
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
    horizontal, vertical = edges
    with pytest.raises(jax.errors.JaxRuntimeError, match=r"horizontal: takes numbers >= 0, got -2 at \(0, 0\)"):
        propagate(np.full_like(horizontal, -2), vertical, solver=Direct()).block_until_ready()
