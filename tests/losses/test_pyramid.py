"""The loss of Laplacian pyramids: beside a definition by loops, equal for every array library."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from propmat import InputError
from propmat.losses import laplacian_pyramid_loss

KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def smoothed(picture):
    padded = np.pad(picture, 2, mode="reflect")
    found = np.zeros_like(picture)
    for row, column in np.ndindex(*picture.shape):
        found[row, column] = (KERNEL * padded[row : row + 5, column : column + 5]).sum()
    return found


def levels_of(picture, count):
    """Zeros between the pixels of what is half as large, smoothed, times 4."""
    found = []
    for _ in range(count):
        picture = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
        half = smoothed(picture)[::2, ::2]
        larger = np.zeros_like(picture)
        larger[::2, ::2] = 4 * half
        found.append(picture - smoothed(larger))
        picture = half
    return found


@pytest.mark.parametrize("shape", [(16, 24), (21, 18), (8, 9)])
@pytest.mark.parametrize("levels", [1, 3])
def test_it_is_that_of_loops(rng, shape, levels):
    alpha, truth = rng.random((2, 2, *shape))
    pairs = [zip(levels_of(a, levels), levels_of(t, levels), strict=True) for a, t in zip(alpha, truth, strict=True)]
    errors = np.array([[np.abs(a - t).mean() for a, t in pair] for pair in pairs])
    expected = (errors.mean(0) * 2.0 ** np.arange(levels)).sum() / levels
    assert laplacian_pyramid_loss(alpha, truth, levels=levels) == pytest.approx(expected, rel=1e-12)


def test_arrays_of_every_kind(rng):
    alpha, truth = rng.random((2, 2, 3, 32, 36))
    expected = laplacian_pyramid_loss(alpha, truth, levels=1)
    tensor = torch.from_numpy(alpha).requires_grad_()
    loss = laplacian_pyramid_loss(tensor, torch.from_numpy(truth), levels=1)
    loss.backward()
    assert loss.item() == pytest.approx(expected)
    both = jax.jit(jax.value_and_grad(partial(laplacian_pyramid_loss, levels=1)))
    found, gradient = both(*map(jnp.asarray, (alpha, truth)))
    assert float(found) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(gradient, tensor.grad, atol=1e-6)
    small, same = torch.rand(2, 4, 5, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda a: laplacian_pyramid_loss(a, same, levels=2), small.requires_grad_())
    half = laplacian_pyramid_loss(torch.from_numpy(alpha).half(), torch.from_numpy(truth).half(), levels=1)
    assert half.dtype == torch.float32
    assert half.item() == pytest.approx(expected, rel=1e-2)


def test_laws(rng):
    alpha, truth = rng.random((2, 32, 40))
    assert laplacian_pyramid_loss(alpha, alpha) == 0
    assert laplacian_pyramid_loss(alpha + 0.3, alpha) == pytest.approx(0, abs=1e-12)  # of no scale
    assert laplacian_pyramid_loss(2 * alpha - 1, 2 * truth - 1) == pytest.approx(
        2 * laplacian_pyramid_loss(alpha, truth)
    )
    assert laplacian_pyramid_loss(np.zeros((0, 32, 40)), np.zeros((0, 32, 40))) == 0
    tensor = torch.from_numpy(alpha).requires_grad_()
    laplacian_pyramid_loss(tensor, tensor.detach()).backward()
    assert not tensor.grad.any()


@pytest.mark.parametrize("levels", [0, 6, 5.0, True, None, "5"])
def test_levels_that_do_not_fit(rng, levels):
    alpha = rng.random((40, 33))
    with pytest.raises(InputError, match="^levels: takes a whole number from 1 to log2 of the shorter side, 33, got"):
        laplacian_pyramid_loss(alpha, alpha, levels=levels)


def test_what_does_not_fit(rng):
    alpha = rng.random((40, 33))
    with pytest.raises(InputError, match="^truth: shape .* is not that of alpha"):
        laplacian_pyramid_loss(alpha, alpha[1:])
    with pytest.raises(InputError, match="^truth: is no tensor"):
        laplacian_pyramid_loss(torch.from_numpy(alpha), alpha)
    with pytest.raises(InputError, match="^alpha: takes a floating array"):
        laplacian_pyramid_loss(alpha > 0.5, alpha)
    with pytest.raises(InputError, match="^levels: takes"):
        laplacian_pyramid_loss(alpha[0], alpha[0])
