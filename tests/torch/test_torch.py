"""PyTorch: gradients checked by gradcheck, dense references, batches, and PyTorch's checks of custom operations."""

import copy
import gc
import pickle
import re
import threading
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.autograd import forward_ad

import propmat
from propmat import ConvergenceError, InputError, PropmatWarning, Trimap, UnsupportedError, adjoint
from propmat._batching._verbs import VERBS
from propmat.preconditioners import Identity, Jacobi
from propmat.solvers import CG, Direct
from propmat.torch import (
    Affinities,
    ClosedForm,
    Knn,
    Propagate,
    Refine,
    Upsample,
    _arrays,
    _operation,
    _pullbacks,
    _solvers,
    closed_form,
    knn,
    propagate,
    propagate_directed,
    refine,
    upsample,
    weighted_windows,
)
from tests import host_device
from tests.problems import banded_trimap

B, H, W = 2, 5, 6
TRIMAP = torch.from_numpy(banded_trimap(H, W))
EDGES = {
    "propagate": ((H, W - 1), (H - 1, W)),
    "propagate_directed": ((H, W - 1), (H, W - 1), (H - 1, W), (H - 1, W)),
}


def uniform(*shape, low=0.2, high=0.8, dtype=torch.float64):
    return (low + (high - low) * torch.rand(shape, dtype=dtype)).requires_grad_()


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def edges(*leading, dtype=torch.float64):
    return tuple(uniform(*leading, *shape, dtype=dtype) for shape in EDGES["propagate"])


def dense(affinities, trimap, confidence, normalisation=None):
    """The equation of a sheet, written out, for PyTorch to differentiate."""
    n = H * W
    pixel = torch.arange(n).reshape(H, W)
    places = [
        (pixel[:, :-1], pixel[:, 1:]),
        (pixel[:, 1:], pixel[:, :-1]),
        (pixel[:-1], pixel[1:]),
        (pixel[1:], pixel[:-1]),
    ]
    both = affinities if len(affinities) == 4 else [weight for weight in affinities for _ in range(2)]
    w = torch.zeros(n, n, dtype=torch.float64)
    for (i, j), weight in zip(places, both, strict=True):
        w = w.index_put((i.ravel(), j.ravel()), weight.ravel())
    degree = w.sum(dim=1)
    identity = torch.eye(n, dtype=torch.float64)
    laplacian = {
        None: torch.diag(degree) - w,
        "row": identity - w / degree[:, None],
        "symmetric": identity - w / torch.sqrt(degree[:, None] * degree[None]),
    }[normalisation]
    known, labels = (trimap != 0.5).ravel(), (trimap == 1).double().ravel()
    if confidence is None:
        free = ~known
        rhs = -laplacian[free][:, known] @ labels[known]
        return labels.masked_scatter(free, torch.linalg.solve(laplacian[free][:, free], rhs)).reshape(H, W)
    held = known.double() * confidence
    return torch.linalg.solve(laplacian + torch.diag(held), held * labels).reshape(H, W)


@pytest.mark.parametrize("confidence", [None, 0.8])
@pytest.mark.parametrize("normalisation", [None, "row", "symmetric"])
def test_forms_of_the_laplacian_against_dense(confidence, normalisation):
    given = edges()
    alpha = propagate(given, TRIMAP, confidence=confidence, normalisation=normalisation)
    expected = dense(given, TRIMAP, confidence, normalisation)
    inside = expected.detach() < 1  # the symmetric form may exceed 1
    assert_same_with_gradients(alpha, expected.clamp(0, 1), inside, given)


@pytest.mark.parametrize("confidence", [None, 0.8])
def test_directed_against_dense(confidence):
    given = tuple(uniform(*shape) for shape in EDGES["propagate_directed"])
    alpha = propagate_directed(given, TRIMAP, confidence=confidence)
    assert_same_with_gradients(alpha, dense(given, TRIMAP, confidence), torch.ones(H, W), given)


def assert_same_with_gradients(alpha, expected, counted, given):
    torch.testing.assert_close(alpha, expected, rtol=0, atol=1e-10)
    weights = torch.rand(H, W, dtype=torch.float64) * counted
    ours, theirs = (torch.autograd.grad((a * weights).sum(), given) for a in (alpha, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)


def checked(function, *inputs):
    return torch.autograd.gradcheck(function, inputs, atol=1e-6, rtol=1e-5)


def test_gradcheck_propagate():
    horizontal, vertical = edges(B)
    assert checked(lambda h, v, x: propagate((h, v), TRIMAP, values=x), horizontal, vertical, uniform(B, H, W))
    for confidence in (uniform(), uniform(B), uniform(B, H, W)):
        assert checked(lambda h, v, c: propagate((h, v), TRIMAP, confidence=c), horizontal, vertical, confidence)


def test_gradcheck_with_conjugate_gradients():
    horizontal, vertical = edges()
    assert checked(lambda h: propagate((h, vertical), TRIMAP, confidence=0.8, solver=CG(rtol=1e-13)), horizontal)


def test_gradcheck_closed_form():
    image, values = uniform(B, 3, H, W), uniform(B, H, W)
    assert checked(
        lambda i, x, e: closed_form(i, TRIMAP, values=x, epsilon=e), image, values, uniform(B, low=0.01, high=0.02)
    )
    assert checked(lambda i, c: closed_form(i, TRIMAP, confidence=c, epsilon=0.01), image, uniform())
    assert checked(lambda i: closed_form(i, TRIMAP, radius=2, epsilon=0.01), uniform(1, H, W))


def test_gradcheck_knn():
    image, values = uniform(B, 3, H, W), uniform(B, H, W)
    assert checked(lambda i, x: knn(i, TRIMAP, values=x, preset="rgb"), image, values)
    assert checked(lambda i, c: knn(i, TRIMAP, confidence=c, preset="hsv"), image, uniform())


def test_gradcheck_refine():
    inputs = uniform(B, 2, H, W), uniform(B, H, W), uniform(B, H, W), uniform(low=0.01, high=0.02)
    assert checked(lambda i, a, c, e: refine(i, a, c, epsilon=e), *inputs)
    assert checked(
        lambda i, a, c, x: refine(i, a, c, trimap=TRIMAP, values=x, epsilon=0.01), *inputs[:3], uniform(H, W)
    )


def test_gradcheck_upsample():
    """Batches of mattes with soft and certain cells; one image for several mattes."""
    solver = CG(rtol=1e-13)
    small = uniform(B, 3, 4)
    with torch.no_grad():
        small[:, 0], small[0, :, 3] = 0.004, 0.995
    numbers = uniform(B), uniform(low=0.01, high=0.02)
    assert checked(
        lambda i, a, c, e: upsample(i, a, trimap=TRIMAP, confidence=c, epsilon=e, solver=solver),
        uniform(B, 3, H, W),
        small,
        *numbers,
    )
    assert checked(lambda i, a: upsample(i, a, epsilon=0.01, solver=solver), uniform(3, H, W), small)


def test_upsample_is_that_of_numpy():
    image, small = torch.rand(B, 3, 16, 24), torch.rand(B, 1, 4, 6)
    expected = [
        propmat.upsample(image[k].permute(1, 2, 0).double().numpy(), small[k, 0].double().numpy()) for k in range(B)
    ]
    alpha = upsample(image, small)
    assert alpha.dtype == torch.float32
    np.testing.assert_allclose(alpha.numpy(), expected, atol=1e-6)
    torch.testing.assert_close(Upsample(confidence=0.3)(image, small), alpha)
    torch.testing.assert_close(torch.compile(upsample, backend="aot_eager")(image, small), alpha)
    assert upsample(image[:0], small[:0]).shape == (0, 16, 24)


def test_upsample_says_what_it_takes():
    image = torch.rand(B, 3, 16, 24)
    for small, message in [
        (torch.rand(B, 17, 24), r"^image 0 of the batch: alpha: shape \(17, 24\) is larger than the image"),
        (torch.rand(B, 4, 9), "^image 0 of the batch: alpha: .* another aspect ratio"),
        (torch.rand(3, 4, 6), r"^alpha: leading axes \(3,\) are not those of image, \(2,\)"),
        (torch.rand(6), r"^alpha: takes shape \(..., h, w\), got \(6,\)"),
        (torch.zeros(4, 6, dtype=torch.int64), "^alpha: integers are uint8 or uint16"),
    ]:
        with pytest.raises(InputError, match=message):
            upsample(image, small)
    with pytest.raises(InputError, match="^image 0 of the batch: confidence: takes a number, got"):
        upsample(image, torch.rand(4, 6), confidence=torch.rand(16, 24))


def test_gradcheck_directed():
    given = tuple(uniform(B, *shape) for shape in EDGES["propagate_directed"])
    assert checked(lambda *w: propagate_directed(w[:4], TRIMAP, values=w[4]), *given, uniform(H, W))
    assert checked(lambda *w: propagate_directed(w[:4], TRIMAP, confidence=w[4]), *given, uniform())


def windows_of(*leading, dtype=torch.float64):
    return uniform(*leading, H - 2, W - 2, dtype=dtype)


def test_gradcheck_weighted_windows():
    image, (horizontal, vertical) = torch.rand(B, 3, H, W, dtype=torch.float64), edges(B)
    options = {"epsilon": 0.01}
    for confidence in (uniform(), uniform(B), uniform(B, H, W)):
        assert checked(
            lambda w, h, v, c: weighted_windows(image, w, TRIMAP, edges=(h, v), confidence=c, **options),
            windows_of(B),
            horizontal,
            vertical,
            confidence,
        )
    assert checked(
        lambda w, x: weighted_windows(image, w, TRIMAP, values=x, **options), windows_of(B), uniform(B, H, W)
    )
    for held in (uniform(), uniform(B), uniform(B, H, W)):
        assert checked(
            lambda w, p, k: weighted_windows(image, w, TRIMAP, prior=(p, k), **options),
            windows_of(B),
            uniform(B, H, W),
            held,
        )
    # Weights that all images share, and one image that all weights share.
    assert checked(lambda w: weighted_windows(image, w, TRIMAP, edges=(horizontal, vertical), **options), windows_of())
    assert checked(lambda w: weighted_windows(image[0], w, TRIMAP, **options), windows_of(B))


def test_windows_of_weight_1_with_a_prior_refine_it():
    image, rough, held = torch.rand(B, 3, H, W), torch.rand(B, H, W), torch.rand(B, H, W)
    windows = torch.ones(B, H - 2, W - 2, dtype=torch.float64)
    alpha = weighted_windows(image, windows, TRIMAP, prior=(rough, held))
    expected = refine(image.double(), rough, held, trimap=TRIMAP)
    torch.testing.assert_close(alpha, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("with_edges", [False, True])
def test_weighted_windows_are_those_of_numpy(with_edges):
    image, windows, pair = uniform(B, 3, H, W), windows_of(B), edges(B)
    trimaps = torch.stack([TRIMAP, TRIMAP.flip(1)])
    given = {"edges": pair} if with_edges else {}
    alpha = weighted_windows(image, windows, trimaps[:, None], confidence=0.8, **given)
    alpha.square().sum().backward()
    assert image.grad is None
    for k in range(B):
        one = {name: [w[k].detach().numpy() for w in tensors] for name, tensors in given.items()}
        expected, pullback = adjoint.weighted_windows(
            image[k].detach().numpy().transpose(1, 2, 0),
            windows[k].detach().numpy(),
            trimaps[k].numpy(),
            confidence=0.8,
            **one,
        )
        np.testing.assert_array_equal(alpha[k].detach().numpy(), expected)
        gradients = vars(pullback(2 * expected))
        tensors = {"windows": windows} | dict(zip(("horizontal", "vertical"), pair if with_edges else (), strict=False))
        for name, tensor in tensors.items():
            np.testing.assert_allclose(tensor.grad[k].numpy(), gradients[name], rtol=1e-12, atol=1e-14)


def test_weighted_windows_say_what_they_take():
    image, pair = torch.rand(B, 3, H, W), [w.detach() for w in edges(B)]
    windows = windows_of(B).detach()
    broken = windows.clone()
    broken[1, 2, 3] = -1
    for arguments, options, message in (
        ((image, broken, TRIMAP), {}, r"image 1 of the batch: windows: takes numbers >= 0, got -1 at \(2, 3\)"),
        ((image, 1.0, TRIMAP), {}, "windows: takes a tensor, got float"),
        ((image, windows[..., 1:], TRIMAP), {}, r"image: shape .* does not fit windows of shape .* takes \(.*, 5, 5\)"),
        ((image, windows, TRIMAP[1:]), {}, "trimap: shape .* does not fit windows of shape"),
        ((image, windows, TRIMAP), {"edges": pair[0]}, "edges: takes 2 arrays .horizontal, vertical. in a tuple"),
        ((image, windows, TRIMAP), {"edges": pair[::-1]}, "horizontal: shape .* does not fit windows of shape"),
        (
            (image, windows, TRIMAP),
            {"edges": (pair[0], -pair[1])},
            "image 0 of the batch: vertical: takes numbers >= 0",
        ),
        ((image, windows, TRIMAP), {"epsilon": 0}, "image 0 of the batch: epsilon: takes a finite number > 0"),
        ((3 * image, windows, TRIMAP), {}, "image 0 of the batch: image: floating values are in"),
        ((image, windows, None), {}, "trimap: takes a tensor or an array, got None"),
        ((image, windows, TRIMAP), {"prior": TRIMAP}, "prior: takes 2 arrays .prior, prior_confidence. in a tuple"),
        ((image, windows, TRIMAP), {"prior": (None, 1.0)}, "prior: takes a tensor, got None; without a prior"),
        ((image, windows, TRIMAP), {"prior": (TRIMAP, torch.ones(3))}, "prior_confidence: takes a number, one for"),
        ((image, windows, TRIMAP), {"prior": (TRIMAP, -1.0)}, "image 0 of the batch: prior_confidence: takes"),
        ((image, windows, TRIMAP), {"prior": (TRIMAP + 3, 1.0)}, "image 0 of the batch: prior: floating values are in"),
        ((image, windows[:1].expand(3, -1, -1), TRIMAP), {}, r"image: leading axes \(2,\) are not those of windows"),
        ((image[..., :2, :], windows[..., :0, :], TRIMAP[:2]), {}, "image 0 of the batch: image: is 2 x 6 pixels"),
    ):
        with pytest.raises(InputError, match=f"^{message}"):
            weighted_windows(*arguments, **options)


def test_batches_are_their_images():
    horizontal, vertical = edges(2, 3)
    trimaps = torch.stack([TRIMAP, TRIMAP.flip(1), 1 - TRIMAP])
    alpha = propagate((horizontal, vertical), trimaps.expand(2, 3, H, W))
    assert alpha.shape == (2, 3, H, W)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(alpha[i, j], propagate((horizontal[i, j], vertical[i, j]), trimaps[j]))


@pytest.mark.filterwarnings("ignore:trimap:propmat.PropmatWarning")
def test_known_crops_of_a_batch_are_their_labels():
    trimaps = torch.stack([TRIMAP, TRIMAP.round()])
    image = uniform(2, 3, H, W)
    alpha = closed_form(image, trimaps)
    torch.testing.assert_close(alpha[1], TRIMAP.round())
    alpha.sum().backward()
    assert image.grad[0].any()
    assert not image.grad[1].any()


def test_numbers_are_those_of_numpy():
    image = uniform(3, H, W)
    alpha = closed_form(image, TRIMAP).detach().numpy()
    expected, pullback = adjoint.closed_form(image.detach().numpy().transpose(1, 2, 0), TRIMAP.numpy())
    np.testing.assert_array_equal(alpha, expected)
    closed_form(image, TRIMAP).square().sum().backward()
    np.testing.assert_allclose(image.grad.numpy().transpose(1, 2, 0), pullback(2 * expected).image, rtol=1e-12)


def test_trimaps_of_every_kind():
    given = edges()
    expected = propagate(given, TRIMAP)
    numbers = (255 * TRIMAP).to(torch.uint8)
    for trimap in (TRIMAP.numpy(), Trimap.parse(TRIMAP.numpy()), numbers, TRIMAP.half()):
        torch.testing.assert_close(propagate(given, trimap), expected)
        torch.testing.assert_close(
            propagate(given, trimap, confidence=1.0, normalisation="symmetric"),
            propagate(given, TRIMAP, confidence=1.0, normalisation="symmetric"),
        )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_precisions(dtype):
    horizontal, vertical = (w.detach().to(dtype).requires_grad_() for w in edges())
    alpha = propagate((horizontal, vertical), TRIMAP)
    assert alpha.dtype == (dtype if dtype.itemsize > 2 else torch.float32)
    alpha.sum().backward()
    assert horizontal.grad.dtype == dtype


def test_autocast():
    layer, features = Affinities(4), torch.rand(B, 4, H, W)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        alpha = propagate(layer(features), TRIMAP, confidence=0.8)
        assert alpha.dtype == torch.float32
        alpha.sum().backward()
    assert layer.first.grad.isfinite().all()


def test_nothing_is_kept_without_need():
    given = edges()
    with torch.no_grad():
        assert not propagate(given, TRIMAP).requires_grad
    assert not propagate([w.detach() for w in given], TRIMAP).requires_grad
    gc.collect()
    assert not _pullbacks._STATES


def test_what_was_kept_is_freed():
    given = edges()
    alpha = propagate(given, TRIMAP)
    assert len(_pullbacks._STATES) == 1
    alpha.sum().backward()
    gc.collect()
    assert not _pullbacks._STATES
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        alpha.sum().backward()
    propagate(given, TRIMAP)
    gc.collect()
    assert not _pullbacks._STATES


def test_graphs_may_be_retained():
    given = edges()
    total = propagate(given, TRIMAP).square().sum()
    once, twice = (torch.autograd.grad(total, given, retain_graph=True) for _ in range(2))
    torch.testing.assert_close(once, twice, rtol=0, atol=0)


def test_inputs_changed_in_place_are_noticed():
    horizontal, vertical = edges()
    scaled = 2 * horizontal
    alpha = propagate((scaled, vertical), TRIMAP)
    with torch.no_grad():
        scaled.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        alpha.sum().backward()


def test_saved_tensors_may_be_moved():
    """Hooks that copy what is saved lose the pullbacks; they are made again."""
    given = edges()
    expected = torch.autograd.grad(propagate(given, TRIMAP).square().sum(), given)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x):
        total = propagate(given, TRIMAP).square().sum()
    torch.testing.assert_close(torch.autograd.grad(total, given), expected)


def test_checkpointing():
    given = edges()
    alpha = torch.utils.checkpoint.checkpoint(lambda h, v: propagate((h, v), TRIMAP), *given, use_reentrant=False)
    ours, expected = (torch.autograd.grad(a.square().sum(), given) for a in (alpha, propagate(given, TRIMAP)))
    torch.testing.assert_close(ours, expected)


def test_second_derivatives_are_refused():
    given = edges()
    (gradient, _) = torch.autograd.grad(propagate(given, TRIMAP).square().sum(), given, create_graph=True)
    with pytest.raises(UnsupportedError, match="second derivatives of a matte are not available"):
        gradient.sum().backward()


def test_threads():
    given = [edges() for _ in range(8)]
    expected = [torch.autograd.grad(propagate(g, TRIMAP, solver=CG()).square().sum(), g) for g in given]
    found = [None] * len(given)

    def work(k):
        found[k] = torch.autograd.grad(propagate(given[k], TRIMAP, solver=CG()).square().sum(), given[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(given))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    torch.testing.assert_close(found, expected)


def test_compiled_whole():
    """Compiled without graph breaks, with the same results; other solvers are passed through a layer."""
    layer = Propagate(confidence=0.8, solver=CG(rtol=1e-10))
    image = uniform(3, H, W)

    def total(horizontal, vertical, image):
        alpha = layer((horizontal.exp(), vertical), TRIMAP)
        beside = weighted_windows(image, vertical[:3, :4], TRIMAP, edges=(horizontal, vertical), epsilon=0.01)
        return (alpha * closed_form(image, TRIMAP, epsilon=0.01) * beside).sum()

    given = (*edges(), image)
    expected = total(*given)
    found = torch.compile(total, backend="aot_eager", fullgraph=True)(*given)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, given), torch.autograd.grad(expected, given))


def test_compiled_with_a_solver_that_breaks_the_graph():
    compiled = torch.compile(lambda *w: propagate(w, TRIMAP, solver=Direct()), backend="aot_eager")
    given = edges()
    torch.testing.assert_close(compiled(*given), propagate(given, TRIMAP))


def test_operations_keep_the_rules():
    tests = ("test_schema", "test_autograd_registration", "test_faketensor")
    problem = _operation._described("propagate", (("horizontal", 2), ("vertical", 2), ("trimap", 2)), (), "")
    given = [w.detach().requires_grad_() for w in edges(B)]
    torch.library.opcheck(_operation._matte, ([*given, TRIMAP], problem, False), test_utils=tests)
    axes = (("windows", 2), ("image", 3), ("trimap", 2))
    problem = _operation._described("weighted_windows", axes, (), "")
    given = [windows_of(B), torch.rand(3, H, W), TRIMAP]
    torch.library.opcheck(_operation._matte, (given, problem, False), test_utils=tests)


def test_layers():
    image, rough = uniform(3, H, W), uniform(H, W)
    torch.testing.assert_close(ClosedForm(radius=2)(image, TRIMAP), closed_form(image, TRIMAP, radius=2))
    torch.testing.assert_close(Knn(preset="hsv")(image, TRIMAP), knn(image, TRIMAP, preset="hsv"))
    torch.testing.assert_close(Refine(epsilon=1e-3)(image, rough, 0.1), refine(image, rough, 0.1, epsilon=1e-3))
    given = edges()
    torch.testing.assert_close(
        Propagate(confidence=0.8, normalisation="row")(given, TRIMAP),
        propagate(given, TRIMAP, confidence=0.8, normalisation="row"),
    )


def test_affinities_stay_finite():
    layer = Affinities(3)
    features = 1e6 * torch.randn(B, 3, H, W)
    horizontal, vertical = layer(features)
    assert horizontal.max() <= np.exp(8) * 1.001
    assert horizontal.min() >= np.exp(-8) * 0.999
    propagate((horizontal, vertical), TRIMAP, confidence=0.8).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())
    with torch.no_grad():
        layer.first.copy_(torch.tensor([1.0, 0, 0]))
        layer.second.copy_(torch.tensor([0, 2.0, 0]))
        layer.bias.fill_(0.5)
    small = 0.01 * torch.rand(3, H, W)
    expected = torch.exp(small[0, :, :-1] + 2 * small[1, :, 1:] + 0.5)
    torch.testing.assert_close(layer(small)[0], expected, rtol=1e-3, atol=0)


def test_affinities_of_other_features_are_refused():
    for features in (torch.rand(2, 4, H, W), torch.rand(H, W), np.zeros((3, H, W)), None):
        with pytest.raises(InputError, match=r"^features: takes a tensor of shape \(\.\.\., 3, H, W\)"):
            Affinities(3)(features)
    for options in (
        {"features": "3"},
        {"features": 0},
        {"features": 3, "bound": 0},
        {"features": 3, "pair": "sum"},
        {"features": 3, "tie": 1},
    ):
        name = list(options)[-1]
        with pytest.raises(InputError, match=f"^{name}: takes"):
            Affinities(**options)


def test_pixels_without_affinity_need_an_unnormalised_form():
    horizontal, vertical = torch.zeros(H, W - 1), torch.zeros(H - 1, W)
    for normalisation in ("row", "symmetric"):
        with pytest.raises(InputError, match=rf"^affinities: those of .* at \(0, 0\); normalisation='{normalisation}'"):
            propagate((horizontal, vertical), TRIMAP, confidence=1.0, normalisation=normalisation)
    horizontal[:, 0] = 1
    with pytest.raises(InputError, match=r"affinities: those of .* at \(0, 2\)"):
        propagate((horizontal.expand(2, -1, -1), vertical), TRIMAP, normalisation="row")


@pytest.mark.parametrize("normalisation", ["row", "symmetric"])
def test_normalised_forms_check_what_they_are_given(normalisation):
    """The checks are on the input: a wrong value of one pixel may have little effect on the result."""
    given = tuple(w.detach() for w in edges())
    values = torch.zeros(H, W)
    values[2, 3] = 2
    for name, options, message in (
        ("values", {"values": values}, r"got 0 to 2\."),
        ("confidence", {"confidence": -1}, "got -1 at"),
        ("confidence", {"confidence": torch.nan}, "NaN"),
        ("trimap", {}, "got 0 to 255"),
    ):
        with pytest.raises(InputError, match=f"^{name}: .*{message}"):
            propagate(given, 255 * TRIMAP if name == "trimap" else TRIMAP, normalisation=normalisation, **options)


def test_errors():
    horizontal, vertical = edges(B)
    broken = horizontal.detach().clone()
    broken[1, 2, 3] = -1
    with pytest.raises(InputError, match=r"image 1 of the batch: horizontal: takes numbers >= 0, got -1 at \(2, 3\)"):
        propagate((broken, vertical), TRIMAP)
    with pytest.raises(InputError, match="normalisation: takes 'row', 'symmetric' or None, got 'column'"):
        propagate((horizontal, vertical), TRIMAP, normalisation="column")
    with pytest.raises(InputError, match="image: takes a tensor, got ndarray"):
        closed_form(np.zeros((3, H, W)), TRIMAP)
    weak = CG(max_iterations=1, preconditioner=Identity(), strict=True)
    alpha = propagate((horizontal, vertical), TRIMAP, values=torch.zeros(H, W), solver=weak)
    with pytest.raises(ConvergenceError, match="after 1 iterations"):
        (alpha * torch.rand(B, H, W)).sum().backward()


@dataclass
class Counting:
    """A solver and a preconditioner of one's own, which cannot be hashed."""

    times: list
    strict: bool = False

    def prepare(self, matrix, near_null_space=None):
        self.times.append(1)
        return CG(rtol=1e-12, preconditioner=Jacobi()).prepare(matrix, near_null_space)


@dataclass
class Cautious:
    """A solver defined outside of propmat that is compared by its settings."""

    tolerance: float
    strict: bool = False

    def prepare(self, matrix, near_null_space=None):
        return CG(rtol=1e-12 * self.tolerance).prepare(matrix, near_null_space)


@dataclass
class Halving:
    by: float = 2.0

    def prepare(self, matrix, near_null_space=None):
        return lambda residual: residual / self.by


IMAGE_VERBS = {
    "closed_form": lambda image, **rest: closed_form(image, TRIMAP, epsilon=1e-3, **rest),
    "knn": lambda image, **rest: knn(image, TRIMAP, **rest),
    "refine": lambda image, **rest: refine(image, TRIMAP, 0.3, epsilon=1e-3, **rest),
}


def expected_of(verb, image):
    channels_last = image.permute(1, 2, 0).numpy()
    if verb == "refine":
        return propmat.refine(channels_last, TRIMAP.numpy(), 0.3, epsilon=1e-3)
    rest = {"epsilon": 1e-3} if verb == "closed_form" else {}
    return getattr(propmat, verb)(channels_last, TRIMAP.numpy(), **rest)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.bool])
@pytest.mark.parametrize("verb", IMAGE_VERBS)
def test_integer_images_are_those_of_numpy(verb, dtype):
    white = torch.iinfo(dtype).max if dtype != torch.bool else 1
    image = (white * torch.rand(3, H, W)).round().to(dtype)
    alpha = IMAGE_VERBS[verb](image)
    assert alpha.dtype == torch.float32
    np.testing.assert_allclose(alpha, expected_of(verb, image), rtol=0, atol=1e-6)
    assert (alpha % 1 > 0).any()
    without_data = IMAGE_VERBS[verb](image.to("meta"))
    assert (without_data.shape, without_data.dtype, without_data.device.type) == (alpha.shape, alpha.dtype, "meta")
    compiled = torch.compile(IMAGE_VERBS[verb], backend="aot_eager", fullgraph=True)(image)
    torch.testing.assert_close(compiled, alpha, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.float16, torch.bfloat16])
def test_affinities_of_any_dtype_are_plain_numbers(dtype):
    top = 1 if dtype == torch.bool else 200  # sums of two exceed 8 bits
    given = [(1 + (top - 1) * torch.rand(*shape)).round().to(dtype) for shape in EDGES["propagate"]]
    exact = [w.double() for w in given]
    for options in ({}, {"confidence": 2}, {"normalisation": "symmetric", "confidence": torch.tensor(2)}):
        alpha = propagate(given, TRIMAP, **options)
        assert alpha.dtype == torch.float32
        torch.testing.assert_close(alpha.double(), propagate(exact, TRIMAP, **options), rtol=0, atol=2e-6)
    four = [w for w in given for _ in range(2)]
    alpha = propagate_directed(four, TRIMAP)
    torch.testing.assert_close(alpha.double(), propagate(exact, TRIMAP), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.bool, torch.float16, torch.bfloat16])
def test_maps_of_any_dtype_are_greys(dtype):
    white = torch.iinfo(dtype).max if not dtype.is_floating_point and dtype != torch.bool else 1
    image, given = uniform(3, H, W), edges()
    labels = (white * (1 - TRIMAP.round())).to(dtype)
    greys = labels.double() / white
    torch.testing.assert_close(
        closed_form(image, TRIMAP, values=labels, epsilon=1e-3), closed_form(image, TRIMAP, values=greys, epsilon=1e-3)
    )
    torch.testing.assert_close(refine(image, labels, 0.5), refine(image, greys, 0.5))
    options = {"confidence": 1.0, "normalisation": "symmetric"}
    torch.testing.assert_close(
        propagate(given, TRIMAP, values=labels, **options), propagate(given, TRIMAP, values=greys, **options)
    )
    trimap = (white * TRIMAP).to(dtype) if dtype != torch.bool else None
    if trimap is not None:
        torch.testing.assert_close(closed_form(image, trimap), closed_form(image, TRIMAP))


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64, torch.uint32, torch.complex64])
def test_other_integers_are_refused(dtype):
    image, given = uniform(3, H, W), torch.ones(H, W).to(dtype)
    for name, call in {
        "image": lambda: closed_form(given.expand(3, H, W), TRIMAP),
        "trimap": lambda: propagate(edges(), given),
        "values": lambda: knn(image, TRIMAP, values=given),
        "alpha": lambda: refine(image, given, 1.0),
    }.items():
        takes = "takes real numbers" if dtype.is_complex else r"uint8 or uint16.*\.to\(torch\.uint8\)"
        with pytest.raises(InputError, match=f"^{name}: .*{takes}"):
            call()


def problems(images):
    """The verbs on a batch, as functions of the trimap."""
    image, rough = torch.rand(images, 3, H, W), torch.rand(images, H, W)
    pair = [torch.rand(images, *shape) for shape in EDGES["propagate"]]
    return {
        "closed_form": lambda trimap, **rest: closed_form(image, trimap, **rest),
        "knn": lambda trimap, **rest: knn(image, trimap, **rest),
        "refine": lambda trimap, **rest: refine(image, rough, trimap=trimap, **{"confidence": 1.0, **rest}),
        "propagate": lambda trimap, **rest: propagate(pair, trimap, **rest),
        "propagate_directed": lambda trimap, **rest: propagate_directed([*pair[:1] * 2, *pair[1:] * 2], trimap, **rest),
        "weighted_windows": lambda trimap, **rest: weighted_windows(
            image, rough[:, 2:, 2:], trimap, edges=pair, **rest
        ),
    }


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("verb", problems(0))
def test_a_channel_axis_of_maps_is_dropped(verb, images):
    trimaps = torch.stack([TRIMAP, TRIMAP.flip(1), 1 - TRIMAP])[:images]
    confidence, values = torch.rand(images, H, W), trimaps.round()
    call = problems(images)[verb]
    expected = call(trimaps, confidence=confidence, values=values)
    assert expected.shape == (images, H, W)
    alpha = call(trimaps[:, None], confidence=confidence[:, None], values=values[:, None])
    torch.testing.assert_close(alpha, expected, rtol=0, atol=0)
    numbers = torch.rand(images)
    torch.testing.assert_close(
        call(trimaps, confidence=numbers[:, None]),
        call(trimaps, confidence=numbers[:, None, None].expand(images, H, W)),
    )


@pytest.mark.parametrize("images", [1, 3])
@pytest.mark.parametrize("verb", problems(0))
def test_other_leading_axes_are_refused(verb, images):
    call = problems(images)[verb]
    firsts = {"propagate": "horizontal", "propagate_directed": "right", "weighted_windows": "windows"}
    name = firsts.get(verb, "image")
    for leading in [(images + 1,), (images, images + 1), (2, images), (images, 1, 1)]:
        with pytest.raises(InputError, match=rf"^trimap: leading axes .* are not those of {name}, \({images},\)"):
            call(TRIMAP.expand(*leading, H, W))
    for shape in [(images + 1,), (W,), (images, 1, 1), (H, 1)]:
        with pytest.raises(InputError, match="^confidence: takes a number, one for each image, .* or a map"):
            call(TRIMAP, confidence=torch.ones(shape))
    with pytest.raises(InputError, match="^values: leading axes"):
        call(TRIMAP, values=torch.ones(images + 1, H, W))
    with pytest.raises(InputError, match=rf"^trimap: shape \({H}, {W - 1}\) does not fit {name}.* takes .*{H}, {W}\)"):
        call(TRIMAP[:, 1:])


def test_shapes_that_do_not_fit():
    image, horizontal = torch.rand(B, 3, H, W), edges(B)[0]
    with pytest.raises(InputError, match=r"^vertical: leading axes \(3,\) are not those of horizontal, \(2,\)"):
        propagate((horizontal, torch.rand(3, H - 1, W)), TRIMAP)
    with pytest.raises(InputError, match=r"^vertical: shape .* does not fit horizontal"):
        propagate((horizontal, horizontal), TRIMAP)
    with pytest.raises(InputError, match=r"^alpha: leading axes \(3,\) are not those of image, \(2,\)"):
        refine(image, torch.rand(3, H, W), 1.0)
    with pytest.raises(
        InputError, match=r"^epsilon: takes a number, one for each image, shape \(2,\); got shape \(5, 6\)"
    ):
        closed_form(image, TRIMAP, epsilon=torch.rand(H, W))
    with pytest.raises(InputError, match=r"^confidence: takes a number, or a map, shape \(5, 6\); got shape \(3,\)"):
        closed_form(image[0], TRIMAP, confidence=torch.rand(3))
    for shape, message in {
        (H, W): "takes shape",
        (4, H, W): "has 4 channels.*image.*:3",
        (0, H, W): "has no channels",
        (3, 0, W): "is empty",
        (B, H, W, 3): r"trimap: .* does not fit image \(\.\.\., C, H, W\)",
    }.items():
        with pytest.raises(InputError, match=message):
            closed_form(torch.rand(shape), TRIMAP)


def test_several_maps_on_one_image():
    """K trimaps, for one image, give K mattes; a vector of one number is a number."""
    image, trimaps = torch.rand(3, H, W), torch.stack([TRIMAP, TRIMAP.flip(1), TRIMAP.flip(0)])
    alpha = closed_form(image, trimaps, epsilon=1e-3)
    assert alpha.shape == (3, H, W)
    torch.testing.assert_close(alpha[1], closed_form(image, trimaps[1], epsilon=1e-3))
    assert closed_form(image, trimaps[:1]).shape == (1, H, W)
    pair = [w.detach() for w in edges()]
    assert propagate(pair, trimaps, confidence=torch.rand(3)).shape == (3, H, W)
    one = torch.full((1,), 0.8, requires_grad=True)
    alpha = propagate(pair, TRIMAP, confidence=one)
    torch.testing.assert_close(alpha, propagate(pair, TRIMAP, confidence=0.8))
    (gradient,) = torch.autograd.grad(alpha.sum(), one)
    assert gradient.shape == (1,)


@pytest.mark.parametrize("normalisation", ["row", "symmetric"])
def test_confidences_of_normalised_forms_belong_to_images(normalisation):
    """As many images as pixels in a row: the numbers could pass for a row of a map."""
    pair, confidence = [w.detach() for w in edges(W)], torch.rand(W, dtype=torch.float64)
    alpha = propagate(pair, TRIMAP, confidence=confidence, normalisation=normalisation)
    for k in range(W):
        one = propagate([w[k] for w in pair], TRIMAP, confidence=confidence[k], normalisation=normalisation)
        torch.testing.assert_close(alpha[k], one)


@pytest.mark.parametrize("trimap", [TRIMAP, TRIMAP.expand(0, H, W), TRIMAP.expand(0, 1, H, W)])
@pytest.mark.parametrize("verb", problems(0))
def test_empty_batches_come_back_empty(verb, trimap):
    alpha = problems(0)[verb](trimap)
    assert alpha.shape == (0, H, W)
    confidence = torch.rand(0, requires_grad=True)
    problems(0)[verb](trimap, confidence=confidence).sum().backward()
    assert confidence.grad.shape == (0,)
    with pytest.raises(InputError, match="^trimap: shape"):
        problems(0)[verb](trimap[..., 1:])


def test_gradients_of_empty_batches():
    image, rough, shared = torch.rand(0, 3, 12, 14), torch.rand(0, 12, 14), torch.rand(12, 14)
    trimap = torch.from_numpy(banded_trimap(12, 14))
    pair = [torch.rand(0, 12, 13), torch.rand(0, 11, 14)]
    given = [tensor.requires_grad_() for tensor in (image, rough, shared, *pair)]

    def total(image, rough, shared, *pair):
        alphas = [
            closed_form(image, trimap, values=shared),
            knn(image, trimap),
            refine(image, rough, shared),
            propagate(pair, trimap, normalisation="symmetric"),
            propagate_directed([*pair[:1] * 2, *pair[1:] * 2], trimap),
            weighted_windows(image.detach(), rough[:, 2:, 2:], trimap, edges=pair),
        ]
        assert {alpha.shape for alpha in alphas} == {(0, 12, 14)}
        return sum(alpha.sum() for alpha in alphas)

    for function in (total, torch.compile(total, backend="aot_eager")):
        for tensor, gradient in zip(given, torch.autograd.grad(function(*given), given), strict=True):
            assert gradient.shape == tensor.shape
            assert not gradient.any()


def test_what_is_wrong_in_the_last_image_is_told_before_the_first_is_solved():
    solver, image = Counting([]), torch.rand(3, 3, H, W)
    image[2, 1, 3, 4] = torch.nan
    with pytest.raises(InputError, match="^image 2 of the batch: image: has 1 values that are NaN"):
        closed_form(image, TRIMAP, solver=solver)
    assert not solver.times


@pytest.mark.parametrize("name", ["closed_form", "knn", "refine", "propagate", "weighted_windows"])
def test_wrong_options_are_refused_before_any_work(name):
    call = problems(B)[name]
    for solver in ("cg", 3, CG, object(), True):
        with pytest.raises(InputError, match="^solver: takes"):
            call(TRIMAP, solver=solver)
    for confidence in ("high", True, [["a"]], 10**400):
        with pytest.raises(InputError, match="^confidence: takes"):
            call(TRIMAP, confidence=confidence)
    if name != "refine":
        with pytest.raises(InputError, match="^trimap: takes a tensor or an array, got None"):
            call(None)


def test_wrong_kinds_are_refused_in_one_line():
    image, masked = torch.rand(3, H, W), np.ma.array(TRIMAP.numpy(), mask=TRIMAP.numpy() > 0.9)
    for radius in ("3", 0, 1.5, None, [1]):
        for images in (image, image.expand(0, 3, H, W)):
            with pytest.raises(InputError, match="^radius: takes"):
                closed_form(images, TRIMAP, radius=radius)
    for preset in ("xyz", None, ["rgb"], 3):
        with pytest.raises(InputError, match="^preset: takes 'rgb'"):
            knn(image, TRIMAP, preset=preset)
    for epsilon in ("1e-3", None, True):
        with pytest.raises(InputError, match="^epsilon: takes a number"):
            closed_form(image, TRIMAP, epsilon=epsilon)
    for setting in (*({"epsilon": e} for e in (0, -1.5, np.nan, 10**400, 1j)), *({"radius": r} for r in (0, 1.5, "1"))):
        with pytest.raises(InputError) as told:
            propmat.closed_form(np.zeros((H, W)), TRIMAP.numpy(), **setting)
        with pytest.raises(InputError, match=f"^{re.escape(str(told.value))}$"):
            closed_form(image[:1], TRIMAP, **setting)
    for affinities in (torch.rand(2, H, W), edges()[:1], None, "ab"):
        with pytest.raises(InputError, match="^affinities: takes 2 arrays"):
            propagate(affinities, TRIMAP)
        with pytest.raises(InputError, match="^affinities: takes 4 arrays"):
            propagate_directed(affinities, TRIMAP)
    for normalisation in ("column", ["row"], 1):
        with pytest.raises(InputError, match="^normalisation: takes"):
            propagate(edges(), TRIMAP, normalisation=normalisation)
    for trimap in (masked, "trimap.png", [["a"]], {}):
        with pytest.raises(InputError, match="^trimap: (is a masked array|takes)"):
            closed_form(image, trimap)
    for first in (None, [image, image], "image.png"):
        with pytest.raises(InputError, match="^image: takes a tensor, got"):
            closed_form(first, TRIMAP)
    with pytest.raises(InputError, match="^alpha: takes a tensor or an array, got None"):
        refine(image, None, 1.0)
    with pytest.raises(InputError, match="^confidence: takes a number, got None"):
        refine(image, TRIMAP, None)


@pytest.mark.filterwarnings("ignore")
def test_tensors_of_every_kind():
    """Views of all kinds are right; what has no plain memory is refused."""
    image = torch.rand(3, H, W)
    expected = closed_form(image, TRIMAP)
    conjugate = torch.complex(image, -image).conj().imag
    assert conjugate.is_neg()
    views = image.permute(1, 2, 0).contiguous().permute(2, 0, 1), conjugate, torch.nn.Parameter(image)
    for view in views:
        torch.testing.assert_close(closed_form(view, TRIMAP), expected, check_device=False)
    grey = image[:1].expand(3, H, W)
    torch.testing.assert_close(closed_form(grey, TRIMAP), closed_form(grey.clone(), TRIMAP))
    with torch.inference_mode():
        torch.testing.assert_close(closed_form(image, TRIMAP), expected)
    read_only = np.broadcast_to(TRIMAP.numpy(), (2, H, W))
    for trimap in (
        read_only,
        np.stack([TRIMAP, TRIMAP])[:, ::-1][:, ::-1],
        read_only.astype(">f4"),
        read_only.tolist(),
    ):
        torch.testing.assert_close(closed_form(image, trimap), expected.expand(2, H, W))
    for other, message in {
        image.to_sparse(): "is torch.sparse_coo; pass image.to_dense",
        torch.masked.masked_tensor(image, image > 0.5): "is a masked tensor",
        torch.nested.nested_tensor([image, image]): "is a nested tensor",
        torch.quantize_per_tensor(image, 0.1, 0, torch.quint8): "is quantised",
        image.to(torch.complex64): "takes real numbers",
    }.items():
        with pytest.raises(InputError, match=f"^image: {message}"):
            closed_form(other, TRIMAP)


def test_vmap():
    images, trimaps = torch.rand(3, 3, H, W, dtype=torch.float64), torch.stack([TRIMAP, TRIMAP.flip(1)])
    one = {"epsilon": 1e-3}
    expected = torch.stack([closed_form(images, trimap, **one) for trimap in trimaps])

    def mapped(function, **options):
        return torch.func.vmap(function, **options)

    alpha = mapped(
        lambda trimap: mapped(lambda image: closed_form(image, trimap, **one), in_dims=-1)(images.movedim(0, -1))
    )(trimaps)
    torch.testing.assert_close(alpha, expected)
    torch.testing.assert_close(mapped(lambda trimap: closed_form(images, trimap, **one))(trimaps), expected)
    confidences = torch.tensor([0.1, 1.0])
    alpha = mapped(lambda confidence: closed_form(images, TRIMAP, confidence=confidence, **one))(confidences)
    torch.testing.assert_close(alpha[1], closed_form(images, TRIMAP, confidence=1.0, **one))
    assert mapped(lambda image: closed_form(image, TRIMAP))(images[:0]).shape == (0, H, W)
    images.requires_grad_()
    ours, theirs = (
        torch.autograd.grad(alpha.square().sum(), images)
        for alpha in (
            mapped(lambda image: closed_form(image, TRIMAP, **one))(images),
            closed_form(images, TRIMAP, **one),
        )
    )
    torch.testing.assert_close(ours, theirs)


def test_jacobians_row_by_row():
    image = uniform(3, H, W)
    means = closed_form(image, TRIMAP, epsilon=1e-2).mean(dim=0)
    rows = torch.autograd.functional.jacobian(lambda i: closed_form(i, TRIMAP, epsilon=1e-2).mean(dim=0), image)
    back = torch.func.vmap(lambda row: torch.autograd.grad(means, image, row, retain_graph=True)[0])
    torch.testing.assert_close(back(torch.eye(W, dtype=torch.float64)), rows)
    with pytest.raises(UnsupportedError, match="is_grads_batched and vectorize=True are not available"):
        torch.autograd.grad(means, image, torch.eye(W, dtype=torch.float64), is_grads_batched=True)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("compiled", [False, True])
def test_derivatives_that_are_not_there_are_refused(compiled):
    """PyTorch takes a derivative of forward mode that an operation lacks for 0."""
    image = torch.rand(3, H, W)

    def matte(image):
        return closed_form(image, TRIMAP)

    function = torch.compile(matte, backend="aot_eager") if compiled else matte
    function(image)
    for transformed in (
        lambda: torch.func.jvp(function, (image,), (image,)),
        lambda: torch.func.grad(lambda i: function(i).sum())(image),
        lambda: torch.func.vmap(torch.func.grad(lambda i: function(i).sum()))(image[None]),
    ):
        with pytest.raises(UnsupportedError, match=r"not available; take torch\.autograd\.grad or backward"):
            transformed()
    with forward_ad.dual_level():
        function(image)  # without a derivative
        with pytest.raises(UnsupportedError, match="forward-mode derivatives are not available"):
            function(forward_ad.make_dual(image, image))


@pytest.mark.parametrize("fullgraph", [False, True])
def test_errors_are_the_same_when_compiled(fullgraph):
    image = torch.rand(3, H, W)
    for call, message in {
        lambda i: closed_form(i, TRIMAP[1:]): "^trimap: shape",
        lambda i: closed_form(i, TRIMAP, radius="3"): "^radius: takes",
        lambda i: closed_form(i, TRIMAP, solver="cg"): "^solver: takes",
        lambda i: closed_form(300 * i, TRIMAP): "^image: floating values are in",
        lambda i: knn(i, TRIMAP.long()): "^trimap: integers are uint8 or uint16",
    }.items():
        with pytest.raises(InputError, match=message):
            torch.compile(call, backend="aot_eager", fullgraph=fullgraph)(image)


def test_compiled_layers_keep_their_own_solvers():
    """One compiled function for two layers that differ in their solvers alone."""
    exact, rough = ClosedForm(solver=CG(rtol=1e-10)), ClosedForm(solver=CG(rtol=0.3, preconditioner=Jacobi()))
    image = torch.rand(3, 24, 30, dtype=torch.float64)
    trimap = torch.from_numpy(banded_trimap(24, 30))
    compiled = torch.compile(lambda layer: layer(image, trimap), backend="aot_eager", fullgraph=True)
    for layer in (exact, rough, pickle.loads(pickle.dumps(rough)), copy.deepcopy(exact)):
        torch.testing.assert_close(compiled(layer), layer(image, trimap), rtol=0, atol=0)
    assert (exact(image, trimap) - rough(image, trimap)).abs().max() > 1e-3


LAYERS = {
    "none": lambda: ClosedForm(radius=2, epsilon=1e-3),
    "CG": lambda: ClosedForm(solver=CG(rtol=1e-10), epsilon=1e-3),
    "rough": lambda: ClosedForm(solver=CG(rtol=0.1, preconditioner=Jacobi()), epsilon=1e-3),
    "own preconditioner": lambda: ClosedForm(solver=CG(rtol=1e-11, preconditioner=Halving(3.0)), epsilon=1e-3),
    "own solver": lambda: Knn(solver=Cautious(0.5), confidence=0.5),
}


def _elsewhere(_, layer, image, trimap, folder):
    """Run in a new process, which registers other solvers first."""
    layers = [ClosedForm(solver=solver) for solver in (Direct(), CG(rtol=0.5), CG(rtol=0.4, preconditioner=Jacobi()))]
    found = {"argument": layer(image, trimap)}
    for name in LAYERS:
        loaded = torch.load(folder / f"{name}.pt", weights_only=False)
        found[name] = loaded(image, trimap)
    program = torch.export.load(folder / "program.pt2").module()
    found["program"] = program(image, trimap)
    try:
        torch.export.load(folder / "with solver.pt2").module()(image, trimap)
    except UnsupportedError as error:
        found["message"] = str(error)
    torch.save(found, folder / "found.pt")
    assert len(layers) == 3


@pytest.mark.filterwarnings("default")
def test_layers_travel(tmp_path):
    image, trimap = torch.rand(3, 12, 14, dtype=torch.float64), torch.from_numpy(banded_trimap(12, 14))
    layers = {name: make() for name, make in LAYERS.items()}
    for name, layer in layers.items():
        torch.save(layer, tmp_path / f"{name}.pt")
    torch.export.save(torch.export.export(layers["none"], (image, trimap)), tmp_path / "program.pt2")
    torch.export.save(torch.export.export(layers["CG"], (image, trimap)), tmp_path / "with solver.pt2")
    torch.multiprocessing.spawn(_elsewhere, (layers["CG"], image, trimap, tmp_path), nprocs=1)
    found = torch.load(tmp_path / "found.pt")
    for name, layer in layers.items():
        torch.testing.assert_close(found[name], layer(image, trimap), rtol=0, atol=1e-9)
    torch.testing.assert_close(found["argument"], layers["CG"](image, trimap), rtol=0, atol=1e-9)
    torch.testing.assert_close(found["program"], layers["none"](image, trimap), rtol=0, atol=1e-9)
    assert (layers["rough"](image, trimap) - layers["CG"](image, trimap)).abs().max() > 1e-6
    assert "its solver did not come with it" in found["message"]


@pytest.mark.parametrize("name", LAYERS)
def test_copies_of_layers_have_their_solvers(name):
    image = torch.rand(3, H, W)
    layer = LAYERS[name]()
    expected = layer(image, TRIMAP)
    for other in (copy.deepcopy(layer), copy.copy(layer), pickle.loads(pickle.dumps(layer))):
        assert repr(other) == repr(layer)
        torch.testing.assert_close(other(image, TRIMAP), expected, rtol=0, atol=0)
    other.options["solver"] = Direct()
    torch.testing.assert_close(other(image, TRIMAP), type(layer)(**other.options)(image, TRIMAP), rtol=0, atol=0)
    assert all(name not in pickle.dumps(layer).decode("latin-1") for name in _solvers._SOLVERS)


def test_layers_tell_their_options():
    assert repr(ClosedForm(radius=2, solver=CG(rtol=1e-9))) == f"ClosedForm(radius=2, solver={CG(rtol=1e-9)!r})"
    assert repr(Knn()) == "Knn()"
    assert repr(Propagate(confidence=0.8, normalisation="row")) == "Propagate(confidence=0.8, normalisation='row')"
    assert repr(Affinities(3, bound=4)) == "Affinities(3, pair='concatenated', bound=4)"
    assert repr(Affinities(3, pair="both", tie=True)) == "Affinities(3, pair='both', tie=True, bound=8)"
    for make, message in {
        lambda: ClosedForm(radios=2): "ClosedForm: has no option 'radios'; takes .*radius",
        lambda: Refine(trimap=TRIMAP): "Refine: has no option 'trimap'",
        lambda: Knn(preset="xyz"): "preset: takes",
        lambda: ClosedForm(radius="3"): "radius: takes",
        lambda: Propagate(solver="cg"): "solver: takes",
    }.items():
        with pytest.raises(InputError, match=f"^{message}"):
            make()


@pytest.mark.parametrize("shape", [(), (H, W)])
@pytest.mark.parametrize("learned", [True, False])
def test_tensors_among_the_options_of_a_layer_are_its_own(shape, learned):
    given, confidence = edges(), torch.full(shape, 0.5, dtype=torch.float64)
    layer = Propagate(confidence=torch.nn.Parameter(confidence) if learned else confidence)
    assert list(layer.state_dict()) == ["confidence"]
    assert len(list(layer.parameters())) == learned
    other = pickle.loads(pickle.dumps(layer))
    other.load_state_dict({"confidence": torch.full_like(layer.confidence, 2.0)})
    torch.testing.assert_close(other(given, TRIMAP), propagate(given, TRIMAP, confidence=2.0), rtol=0, atol=1e-9)
    torch.testing.assert_close(copy.deepcopy(layer)(given, TRIMAP), layer(given, TRIMAP), rtol=0, atol=0)
    assert f"confidence=tensor of shape {tuple(layer.confidence.shape)}" in repr(layer)


def test_a_confidence_is_learned():
    given, layer = edges(), Propagate(confidence=torch.nn.Parameter(torch.tensor(0.5)))
    optimiser = torch.optim.SGD(layer.parameters(), 1.0)
    before = layer(given, TRIMAP).sum()
    before.backward()
    optimiser.step()
    assert layer(given, TRIMAP).sum() < before


@pytest.mark.parametrize(
    ("layer", "options", "message"),
    [
        (ClosedForm, {"confidence": "high"}, "confidence: takes a number, got 'high'"),
        (ClosedForm, {"confidence": -1}, "confidence: takes a finite number >= 0, got -1"),
        (Knn, {"confidence": True}, "confidence: takes a number, got True"),
        (Refine, {"epsilon": 0}, "epsilon: takes a finite number > 0, got 0"),
        (Propagate, {"normalisation": "rows"}, "normalisation: takes 'row', 'symmetric' or None, got 'rows'"),
    ],
)
def test_wrong_options_are_refused_when_a_layer_is_made(layer, options, message):
    with pytest.raises(InputError, match=message):
        layer(**options)


def test_solvers_that_look_alike_are_told_apart():
    """Equal solvers of propmat share a name; other solvers, which may be mutable, have one each."""
    first, second = Counting([]), Counting([])
    layers = [ClosedForm(solver=first), ClosedForm(solver=second)]
    layers[1](torch.rand(3, H, W), TRIMAP)
    assert (len(first.times), len(second.times)) == (0, 1)
    same = [ClosedForm(solver=CG(rtol=1e-9)) for _ in range(2)]
    assert len({layer.solver.name for layer in same}) == 1
    assert len({layer.solver.name for layer in (*layers, *same)}) == 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_what_runs_on_the_host_alone_goes_there():
    weights = [torch.rand(shape, device="cuda", requires_grad=True) for shape in EDGES["propagate_directed"]]
    _arrays._told_of_host.clear()
    with pytest.warns(PropmatWarning, match="copied to the host"):
        alpha = propagate_directed(weights, TRIMAP[0])
    alpha.sum().backward()
    assert {w.grad.device for w in weights} == {alpha.device} == {weights[0].device}


def test_verbs_run_on_a_device_as_the_table_says(monkeypatch):
    monkeypatch.setattr(_arrays, "find_spec", lambda name: name)
    there = {name for name, verb in VERBS.items() if _arrays.runs_there(SimpleNamespace(is_cuda=True), verb)}
    assert there == {"closed_form", "knn", "propagate", "refine"}
    assert not any(_arrays.runs_there(torch.zeros(1), verb) for verb in VERBS.values())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_tensors_on_a_device_stay_there():
    expected, given = (_matte_and_gradients(device) for device in ("cpu", "cuda"))
    for one, other in zip(expected, given, strict=True):
        assert other.is_cuda
        torch.testing.assert_close(other.cpu(), one, rtol=0, atol=1e-6)


def _matte_and_gradients(device):
    generator = torch.Generator().manual_seed(4)
    image = torch.rand(B, 3, H, W, dtype=torch.float64, generator=generator).to(device).requires_grad_()
    edges_of_one = [
        torch.rand(B, *shape, dtype=torch.float64, generator=generator) for shape in ((H, W - 1), (H - 1, W))
    ]
    weights = [w.to(device).requires_grad_() for w in edges_of_one]
    trimap, solver = TRIMAP.to(device), CG(rtol=1e-11)
    alpha = closed_form(image, trimap, epsilon=1e-3, solver=solver) + propagate(weights, trimap, solver=solver)
    alpha = alpha + closed_form(image, trimap, epsilon=1e-3, radius=2, solver=solver)  # on a device one by one
    alpha.square().sum().backward()
    return alpha.detach(), image.grad, *(w.grad for w in weights)


def test_the_same_by_arrays_of_a_device(monkeypatch):
    """A device of host memory in place of a GPU: tensors become its arrays, and come back through DLPack."""
    expected = _matte_and_gradients("cpu")
    host_device.install(monkeypatch)
    monkeypatch.setattr(_operation, "runs_there", lambda *_, **__: True)
    monkeypatch.setattr(_arrays, "to_device", lambda tensor: host_device.asarray(tensor.numpy()))
    for one, other in zip(expected, _matte_and_gradients("cpu"), strict=True):
        torch.testing.assert_close(other, one, rtol=0, atol=1e-6)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_pair_of_edges_with_one_missing_is_refused(missing):
    image, trimap = torch.rand(3, 6, 7), torch.full((6, 7), 0.5)
    trimap[0], trimap[-1] = 0, 1
    edges = [torch.ones(6, 6), torch.ones(5, 7)]
    edges[missing] = None
    with pytest.raises(InputError, match=f"{('horizontal', 'vertical')[missing]}: takes a tensor, got None"):
        propmat.torch.weighted_windows(image, torch.ones(4, 5), trimap, edges=tuple(edges))


def test_warnings_point_to_the_caller():
    image, one_label = torch.rand(3, H, W), torch.clamp(TRIMAP, min=0.5)
    for verb in (closed_form, ClosedForm(), knn):
        with pytest.warns(PropmatWarning, match="every known pixel is foreground") as record:
            verb(image, one_label)
        assert record[0].filename == __file__


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool])
def test_affinities_take_floating_features(dtype):
    with pytest.raises(InputError, match=f"^features: takes a floating tensor, got {dtype}"):
        Affinities(4)(torch.ones(4, H, W, dtype=dtype))
