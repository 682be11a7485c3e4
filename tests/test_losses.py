"""Losses: their formulas, derivatives, and the same numbers for every kind of array."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from propmat.losses import alpha_loss, composition_loss


@pytest.fixture
def given(rng):
    alpha, truth = rng.random((2, 2, 5, 6))
    foreground, background = rng.random((2, 2, 5, 6, 3))
    return alpha, truth, foreground, background, rng.random((2, 5, 6)) < 0.5


def test_formulas(given):
    alpha, truth, foreground, background, unknown = given
    expected = np.sqrt((alpha - truth) ** 2 + 1e-12)[unknown].mean()
    assert alpha_loss(alpha, truth, unknown) == pytest.approx(expected)
    ours, theirs = (a[..., None] * foreground + (1 - a[..., None]) * background for a in (alpha, truth))
    expected = np.sqrt((ours - theirs) ** 2 + 1e-12)[unknown].mean()
    assert composition_loss(alpha, truth, foreground, background, unknown) == pytest.approx(expected)


def test_arrays_of_every_kind(given):
    alpha, truth, foreground, background, unknown = given
    expected = alpha_loss(alpha, truth, unknown), composition_loss(*given)
    tensors = [torch.from_numpy(array) for array in given]
    channels_first = [t.movedim(-1, -3) if t.ndim == 4 else t for t in tensors]
    assert alpha_loss(*tensors[:2], tensors[4]).item() == pytest.approx(expected[0])
    assert composition_loss(*tensors).item() == pytest.approx(expected[1])
    assert composition_loss(*channels_first, channel_axis=-3).item() == pytest.approx(expected[1])
    assert float(composition_loss(*map(jnp.asarray, given))) == pytest.approx(expected[1], rel=1e-5)


def test_derivatives(given):
    alpha, truth, foreground, background, unknown = map(torch.from_numpy, given)
    alpha.requires_grad_()
    assert torch.autograd.gradcheck(lambda a: alpha_loss(a, truth, unknown), alpha)
    assert torch.autograd.gradcheck(lambda a: composition_loss(a, truth, foreground, background, unknown), alpha)


def test_no_error_and_no_pixel_are_finite():
    alpha = torch.rand(4, 5).requires_grad_()
    for unknown in (torch.ones(4, 5, dtype=torch.bool), torch.zeros(4, 5, dtype=torch.bool)):
        loss = alpha_loss(alpha, alpha.detach(), unknown)
        loss.backward()
        assert loss.item() <= 1.001e-6
        assert alpha.grad.isfinite().all()
