"""Losses: formulas, derivatives, and equal results for every array library."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from propmat import InputError
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


KINDS = {"numpy": np.asarray, "torch": lambda array: torch.from_numpy(np.asarray(array)), "jax": jnp.asarray}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_broadcast(kind, given):
    alpha, truth, foreground, background, unknown = map(KINDS[kind], given)
    others = {
        "a channel axis": lambda a: a[:, None],
        "one for all": lambda a: a[0],
        "one too few": lambda a: a[:1],
        "another size": lambda a: a[:, 1:],
        "along the width": lambda a: a[..., :1],
    }
    for change in others.values():
        with pytest.raises(InputError, match=r"^truth: shape .* is not that of alpha, \(2, 5, 6\)"):
            alpha_loss(alpha, change(truth), unknown)
        with pytest.raises(InputError, match=r"^unknown: shape .* is not that of alpha, \(2, 5, 6\)"):
            alpha_loss(alpha, truth, change(unknown))
        with pytest.raises(InputError, match="^truth: shape"):
            composition_loss(change(alpha), truth, foreground, background, change(unknown))
        with pytest.raises(InputError, match="^(foreground|background): shape .* does not fit alpha"):
            composition_loss(alpha, truth, foreground, change(background), unknown)


@pytest.mark.parametrize("kind", KINDS)
def test_colours_must_fit(kind, given):
    alpha, truth, foreground, background, unknown = map(KINDS[kind], given)
    for colours in (
        {"foreground": foreground, "background": background, "channel_axis": -3},
        {"foreground": foreground[..., :2], "background": background},
        {"foreground": foreground[..., :0], "background": background[..., :0]},
        {"foreground": alpha, "background": truth},
    ):
        with pytest.raises(InputError, match=r"^(fore|back)ground: shape .* takes \(\.\.\., (H, W, C|C, H, W)\)"):
            composition_loss(alpha, truth, unknown=unknown, **colours)
    for axis in (0, 1, -2, -3.0, "last", None):
        with pytest.raises(InputError, match="^channel_axis: takes -1 or -3, got"):
            composition_loss(alpha, truth, foreground, background, unknown, channel_axis=axis)
    grey = composition_loss(alpha, truth, foreground, 0.25, unknown)
    assert float(grey) == pytest.approx(
        float(composition_loss(alpha, truth, foreground, 0 * background + 0.25, unknown)), rel=1e-6
    )


@pytest.mark.parametrize("kind", KINDS)
def test_dtypes_are_refused(kind, given):
    alpha, truth, foreground, background, unknown = given
    make = KINDS[kind]
    for wrong in (truth > 0.5, np.rint(255 * truth).astype(np.uint8), np.rint(truth).astype(np.int32), truth + 0j):
        with pytest.raises(InputError, match="^truth: takes a floating array or tensor"):
            alpha_loss(make(alpha), make(wrong), make(unknown))
        with pytest.raises(InputError, match="^alpha: takes a floating array or tensor"):
            alpha_loss(make(wrong), make(alpha), make(unknown))
    colours = np.rint(255 * foreground).astype(np.uint8)
    with pytest.raises(InputError, match="^background: takes a floating array or tensor"):
        composition_loss(make(alpha), make(truth), make(foreground), make(colours), make(unknown))
    for wrong in (unknown.astype(float), unknown.astype(np.uint8)):
        with pytest.raises(InputError, match="^unknown: takes a mask of bool"):
            alpha_loss(make(alpha), make(truth), make(wrong))
    for wrong in (None, [0.5], "alpha", 0.5):
        with pytest.raises(InputError, match="^truth: takes a floating array or tensor"):
            alpha_loss(make(alpha), wrong, make(unknown))


@pytest.mark.filterwarnings(
    "ignore:the matrix subclass:PendingDeprecationWarning",
    "ignore:The PyTorch API of:UserWarning",
    "ignore:Sparse CSR:UserWarning",
)
@pytest.mark.parametrize("kind", ["masked", "matrix", "sparse", "csr", "nested", "masked tensor"])
def test_what_is_not_dense_is_refused(kind, rng):
    changes = {
        "masked": lambda a: np.ma.masked_array(a, mask=a > 0.5),
        "matrix": np.matrix,
        "sparse": lambda a: torch.from_numpy(a).to_sparse(),
        "csr": lambda a: torch.from_numpy(a).to_sparse_csr(),
        "nested": lambda a: torch.nested.nested_tensor(list(torch.from_numpy(a))),
        "masked tensor": lambda a: torch.masked.masked_tensor(torch.from_numpy(a), torch.from_numpy(a) > 0.5),
    }
    alpha, truth = rng.random((2, 4, 5))
    if kind not in ("masked", "matrix"):
        with pytest.raises(InputError, match="^truth: takes a dense tensor, got"):
            alpha_loss(torch.from_numpy(alpha), changes[kind](truth), torch.ones(4, 5, dtype=torch.bool))
    else:
        with pytest.raises(InputError, match="^truth: is a "):
            alpha_loss(alpha, changes[kind](truth), truth < 2)
        with pytest.raises(InputError, match="^unknown: is a "):
            alpha_loss(alpha, truth, changes[kind](truth) < 2)


def test_libraries_are_not_mixed(given):
    alpha, truth, foreground, background, unknown = given
    with pytest.raises(InputError, match="^truth: is no tensor, but alpha is"):
        alpha_loss(torch.from_numpy(alpha), truth, torch.from_numpy(unknown))
    with pytest.raises(InputError, match="^alpha: is no tensor, but unknown is"):
        alpha_loss(alpha, truth, torch.from_numpy(unknown))
    assert float(alpha_loss(jnp.asarray(alpha), truth, unknown)) == pytest.approx(alpha_loss(alpha, truth, unknown))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_with_in_single(dtype):
    """Sums of half precision end at 65504, and 1e-12 is 0 in it."""
    alpha = torch.rand(300, 300).to(dtype).requires_grad_()
    unknown = torch.ones(300, 300, dtype=torch.bool)
    loss = alpha_loss(alpha, torch.zeros(300, 300), unknown)
    torch.testing.assert_close(loss, alpha.detach().float().mean())
    (gradient,) = torch.autograd.grad(alpha_loss(alpha, alpha.detach(), unknown), alpha)
    assert gradient.dtype == dtype
    assert not gradient.any()
    ours = alpha_loss(
        *(jnp.asarray(array, jnp.bfloat16) for array in (alpha.detach().float(), 0 * alpha.detach().float())),
        jnp.asarray(unknown),
    )
    assert ours.dtype == jnp.float32


@pytest.mark.parametrize("kind", KINDS)
def test_empty_batches(kind, given):
    alpha, truth, foreground, background, unknown = (KINDS[kind](array[:0]) for array in given)
    assert float(alpha_loss(alpha, truth, unknown)) == 0
    assert float(composition_loss(alpha, truth, foreground, background, unknown)) == 0
    if kind == "torch":
        alpha.requires_grad_()
        composition_loss(alpha, truth, foreground, background, unknown).backward()
        assert alpha.grad.shape == (0, 5, 6)


def test_compiled_jitted_and_mapped(given):
    def both(alpha, truth, foreground, background, unknown):
        return alpha_loss(alpha, truth, unknown) + composition_loss(alpha, truth, foreground, background, unknown)

    expected, single = both(*given), [both(*(array[k] for array in given)) for k in range(2)]
    tensors, arrays = ([KINDS[kind](array) for array in given] for kind in ("torch", "jax"))
    compiled = torch.compile(both, backend="aot_eager", fullgraph=True)
    assert compiled(*tensors).item() == pytest.approx(expected)
    np.testing.assert_allclose(torch.func.vmap(both)(*tensors), single)
    assert float(jax.jit(both)(*arrays)) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(jax.vmap(both)(*arrays), single, rtol=1e-5)
    assert np.isfinite(jax.jit(jax.grad(both))(*arrays)).all()
    with pytest.raises(InputError, match="^unknown: shape"):
        torch.compile(both, backend="aot_eager")(*tensors[:4], tensors[4][:1])
    with pytest.raises(InputError, match="^truth: shape"):
        jax.jit(both)(arrays[0], arrays[1][0], *arrays[2:])


def test_infinite_and_huge_values_do_not_depend_on_the_floating_point_state():
    alpha, unknown = np.array([[np.inf, 1e300]]), np.ones((1, 2), bool)
    with np.errstate(all="raise"):
        assert alpha_loss(alpha, np.zeros((1, 2)), unknown) == np.inf
        for name in ("foreground", "background"):
            colours = {"foreground": np.ones((1, 2, 3)), "background": 0.0, name: 10**400}
            with pytest.raises(InputError, match=f"{name}: takes an array, or a number up to 1e\\+20"):
                composition_loss(np.zeros((1, 2)), np.zeros((1, 2)), **colours, unknown=unknown)
