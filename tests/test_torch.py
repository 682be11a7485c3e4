"""Tensors: gradients checked by PyTorch, dense references, batches, and what PyTorch expects of an operation."""

import gc
import threading

import numpy as np
import pytest
import torch

from propmat import ConvergenceError, InputError, PropmatWarning, Trimap, UnsupportedError, adjoint
from propmat.preconditioners import Identity
from propmat.solvers import CG, Direct
from propmat.torch import (
    Affinities,
    ClosedForm,
    Knn,
    Propagate,
    Refine,
    _operation,
    closed_form,
    knn,
    propagate,
    propagate_directed,
    refine,
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
    inside = expected.detach() < 1  # the symmetric form goes beyond
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


def test_gradcheck_directed():
    given = tuple(uniform(B, *shape) for shape in EDGES["propagate_directed"])
    assert checked(lambda *w: propagate_directed(w[:4], TRIMAP, values=w[4]), *given, uniform(H, W))
    assert checked(lambda *w: propagate_directed(w[:4], TRIMAP, confidence=w[4]), *given, uniform())


def test_batches_are_their_images():
    horizontal, vertical = edges(2, 3)
    trimaps = torch.stack([TRIMAP, TRIMAP.flip(1), 1 - TRIMAP])
    alpha = propagate((horizontal, vertical), trimaps)
    assert alpha.shape == (2, 3, H, W)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(alpha[i, j], propagate((horizontal[i, j], vertical[i, j]), trimaps[j]))


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
    assert not _operation._STATES


def test_what_was_kept_is_freed():
    given = edges()
    alpha = propagate(given, TRIMAP)
    assert len(_operation._STATES) == 1
    alpha.sum().backward()
    gc.collect()
    assert not _operation._STATES
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        alpha.sum().backward()
    propagate(given, TRIMAP)
    gc.collect()
    assert not _operation._STATES


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
    """One graph, and the same numbers; solvers of one's own go in by a layer."""
    layer = Propagate(confidence=0.8, solver=CG(rtol=1e-10))
    image = uniform(3, H, W)

    def total(horizontal, vertical, image):
        alpha = layer((horizontal.exp(), vertical), TRIMAP)
        return (alpha * closed_form(image, TRIMAP, epsilon=0.01)).sum()

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
    problem = _operation._number("propagate", (("horizontal", 2), ("vertical", 2), ("trimap", 2)), (), -1)
    given = [w.detach().requires_grad_() for w in edges(B)]
    torch.library.opcheck(_operation._matte, ([*given, TRIMAP], problem, False), test_utils=tests)


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


def test_pixels_without_affinity_need_an_unnormalised_form():
    horizontal, vertical = torch.zeros(H, W - 1), torch.zeros(H - 1, W)
    with pytest.raises(InputError, match="tied to no known pixel"):
        propagate((horizontal, vertical), TRIMAP, confidence=1.0, normalisation="row")


def test_errors():
    horizontal, vertical = edges(B)
    broken = horizontal.detach().clone()
    broken[1, 2, 3] = -1
    with pytest.raises(InputError, match=r"image 1 of the batch: horizontal: takes numbers >= 0, got -1 at \(2, 3\)"):
        propagate((broken, vertical), TRIMAP)
    with pytest.raises(InputError, match=r"leading axes do not go together: horizontal \(2,\), vertical \(2,\), tri"):
        propagate((horizontal, vertical), TRIMAP.expand(3, H, W))
    with pytest.raises(InputError, match="normalisation: takes 'row', 'symmetric' or None, got 'column'"):
        propagate((horizontal, vertical), TRIMAP, normalisation="column")
    with pytest.raises(InputError, match="image: takes a tensor, got ndarray"):
        closed_form(np.zeros((3, H, W)), TRIMAP)
    weak = CG(max_iterations=1, preconditioner=Identity(), strict=True)
    alpha = propagate((horizontal, vertical), TRIMAP, values=torch.zeros(H, W), solver=weak)
    with pytest.raises(ConvergenceError, match="after 1 iterations"):
        (alpha * torch.rand(B, H, W)).sum().backward()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_what_runs_on_the_host_alone_goes_there():
    image = torch.rand(3, H, W, device="cuda", requires_grad=True)
    _operation._told_of_host.clear()
    with pytest.warns(PropmatWarning, match="copied to the host"):
        alpha = knn(image, TRIMAP[0])
    alpha.sum().backward()
    assert image.grad.device == alpha.device == image.device


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
    alpha.square().sum().backward()
    return alpha.detach(), image.grad, *(w.grad for w in weights)


def test_the_same_by_arrays_of_a_device(monkeypatch):
    """A device of host memory in place of a GPU: tensors become its arrays, and come back through DLPack."""
    expected = _matte_and_gradients("cpu")
    host_device.install(monkeypatch)
    monkeypatch.setattr(_operation, "_runs_there", lambda *_, **__: True)
    monkeypatch.setattr(_operation, "to_device", lambda tensor: host_device.asarray(tensor.numpy()))
    for one, other in zip(expected, _matte_and_gradients("cpu"), strict=True):
        torch.testing.assert_close(other, one, rtol=0, atol=1e-6)
