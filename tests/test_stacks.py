"""Batches solved at once, as one tall image: on a GPU, or on what stands for it (`test_gpu`)."""

import numpy as np
import pytest
import scipy.sparse as sp

import propmat
from propmat import ConvergenceError, ConvergenceWarning, InputError, _batches, _stacks
from propmat._backend import to_host
from propmat._operators import GridOperator
from propmat.laplacian._closed_form import ClosedForm
from propmat.preconditioners import Jacobi
from propmat.solvers import CG
from propmat.solvers._stack import Stack
from tests import host_device
from tests.problems import random_photo
from tests.test_gpu import real_device

AXES = {"image": 3, "epsilon": 0}
TIGHT = CG(rtol=1e-11, max_iterations=5000)
IMAGES, HEIGHT, WIDTH = 3, 21, 26  # no multiple of the 8 pixels of a block


@pytest.fixture(params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def to_device(request, monkeypatch):
    if request.param == "gpu":
        return real_device().asarray
    host_device.install(monkeypatch)
    return host_device.asarray


def batch(rng, images=IMAGES):
    trimap = np.full((images, HEIGHT, WIDTH), 0.5)
    trimap[:, :5, :7], trimap[:, -5:, -7:] = 1, 0
    trimap[1, -1] = trimap[1, 0] = 0
    return {
        "image": np.stack([random_photo(rng, HEIGHT, WIDTH) for _ in range(images)]),
        "trimap": trimap,
        "alpha": rng.random((images, HEIGHT, WIDTH)),
        "map": rng.random((images, HEIGHT, WIDTH)),
        "horizontal": 0.1 + rng.random((images, HEIGHT, WIDTH - 1)),
        "vertical": 0.1 + rng.random((images, HEIGHT - 1, WIDTH)),
        "epsilon": np.array(1e-4),
    }


def solved(verb, arrays, options=None):
    """Alpha and gradients of all that has any."""
    axes = {name: AXES.get(name, 2) if array.ndim >= 2 else 0 for name, array in arrays.items()}
    alpha, pull = _batches.run(verb, arrays, axes, options or {"solver": TIGHT})
    upstream = np.cos(np.arange(alpha.size)).reshape(alpha.shape)
    upstream = host_device.asarray(upstream) if isinstance(alpha, host_device.DeviceArray) else upstream
    if type(alpha).__module__.startswith("cupy"):
        upstream = real_device().asarray(upstream)
    return pull, alpha, pull(upstream, [name for name in arrays if name != "trimap"])


def shared(given):
    """Arguments that images have in common, or that are one number an image."""
    return {
        "closed_form": {"image": given["image"][0], "trimap": given["trimap"], "epsilon": given["epsilon"]},
        "propagate": {
            "horizontal": given["horizontal"][0],
            "vertical": given["vertical"],
            "trimap": given["trimap"],
            "confidence": np.array([0.1, 0.8, 3.0]),
        },
        "refine": {
            "image": given["image"],
            "alpha": given["alpha"],
            "confidence": np.array([0.1, 0.3, 1.0]),
            "trimap": given["trimap"],
            "epsilon": given["epsilon"],
        },
    }


def own(given):
    """Arguments of which every image has its own."""
    named = {
        "closed_form": "image trimap epsilon",
        "propagate": "horizontal vertical trimap",
        "refine": "image alpha epsilon",
    }
    found = {verb: {name: given[name] for name in names.split()} for verb, names in named.items()}
    found["closed_form"]["confidence"] = given["map"]
    found["refine"]["confidence"] = np.array(0.3)
    return found


@pytest.mark.parametrize("verb", _stacks.VERBS)
@pytest.mark.parametrize("arguments", [own, shared])
def test_a_batch_is_its_images(arguments, verb, rng, to_device):
    given = arguments(batch(rng))[verb]
    one_by_one, expected, gradients = solved(verb, given)
    at_once, alpha, found = solved(verb, {name: to_device(array) for name, array in given.items()})
    assert isinstance(one_by_one, _batches.Batch)
    assert isinstance(at_once, _stacks.Stacked)
    np.testing.assert_allclose(to_host(alpha), expected, rtol=0, atol=1e-7)
    assert found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert found[name].shape == given[name].shape
        np.testing.assert_allclose(to_host(found[name]), gradient, atol=1e-6 * abs(gradient).max(), err_msg=name)


def test_no_window_reaches_over_a_border(rng):
    image, unknown = rng.random((12, 7, 3)), rng.random((12, 7)) < 0.8
    singles = [GridOperator.from_image(image[k : k + 4], unknown[k : k + 4], epsilon=1e-4) for k in (0, 4, 8)]
    tall = GridOperator.from_image(image, unknown, epsilon=1e-4, images=3)
    assert abs(tall.tocsr() - sp.block_diag([single.tocsr() for single in singles])).max() < 1e-12
    x = rng.standard_normal(tall.shape[0])
    parts = np.split(x, np.cumsum([single.shape[0] for single in singles])[:-1])
    np.testing.assert_allclose(tall.lengths(x), [np.linalg.norm(part) for part in parts])
    expected = np.concatenate([np.full(part.size, k) for k, part in enumerate(parts)])
    np.testing.assert_array_equal(tall.in_images(np.arange(3)), expected)
    plane = rng.random((12, 7))
    graphs = [ClosedForm(image[k : k + 4], 1e-4, 1) for k in (0, 4, 8)]
    np.testing.assert_allclose(
        ClosedForm(image, 1e-4, 1, 3).times(plane),
        np.concatenate([graph.times(plane[k : k + 4]) for graph, k in zip(graphs, (0, 4, 8), strict=True)]),
        atol=1e-12,
    )


def stack_of_edges(rng, scales):
    """An operator of images whose weights differ greatly, and a right-hand side."""
    rows, images = 20, len(scales)
    right, down = 0.1 + rng.random((images, rows, 23)), 0.1 + rng.random((images, rows, 24))
    down[:, -1] = 0
    scale = np.asarray(scales)[:, None, None]
    edges = (scale * right).reshape(-1, 23), (scale * down).reshape(-1, 24)[:-1]
    unknown = np.ones((images, rows, 24), bool)
    unknown[:, 0] = False
    matrix = GridOperator.from_edges(*edges, unknown.reshape(-1, 24), images=images)
    return matrix, rng.standard_normal(matrix.shape[0])


@pytest.mark.parametrize("settings", [CG(), CG(rtol=0, atol=1e-2)], ids=["rtol", "atol"])
def test_each_image_meets_its_own_tolerance(settings, rng):
    matrix, rhs = stack_of_edges(rng, [1e6, 1.0, 1e-6])
    rhs *= matrix.in_images(np.array([1.0, 1e6, 1e-3]))
    solution = Stack(settings).prepare(matrix)(rhs)
    left, lengths = matrix.lengths(rhs - matrix @ solution.x), matrix.lengths(rhs)
    assert (left <= 1.01 * np.maximum(settings.rtol * lengths, settings.atol)).all()
    np.testing.assert_allclose(solution.residual, (left / lengths).max(), rtol=1e-6)
    together = settings.prepare(matrix)(rhs)
    worst = matrix.lengths(rhs - matrix @ together.x) / np.maximum(settings.rtol * lengths, settings.atol)
    assert settings.atol or worst.max() > 2  # as one system they do not


def test_an_image_without_a_right_hand_side(rng):
    matrix, rhs = stack_of_edges(rng, [1.0, 1.0])
    rhs *= matrix.in_images(np.array([0.0, 1.0]))
    solution = Stack(CG()).prepare(matrix)(rhs)
    assert solution.converged
    assert matrix.lengths(solution.x)[0] == 0
    assert Stack(CG()).prepare(matrix)(0 * rhs).converged


def test_a_tolerance_of_nothing_goes_as_far_as_rounding_lets_it(rng):
    matrix, rhs = stack_of_edges(rng, [1.0, 1e3])
    solution = Stack(CG(rtol=0)).prepare(matrix)(rhs)
    assert solution.residual < 1e-12


def test_falling_short_is_told(rng):
    matrix, rhs = stack_of_edges(rng, [1.0, 1e3])
    solver = Stack(CG(max_iterations=2, preconditioner=Jacobi(), strict=True))
    assert solver.strict
    with pytest.warns(ConvergenceWarning, match="stopped after 2 iterations"):
        solver.prepare(matrix)(rhs).check()
    with pytest.raises(ConvergenceError):
        solver.prepare(matrix)(rhs).check(solver.strict)


def test_starts_from_a_solution(rng):
    matrix, rhs = stack_of_edges(rng, [1.0, 1e3])
    first = Stack(CG()).prepare(matrix)(rhs)
    again = Stack(CG()).prepare(matrix).nearby(matrix)(rhs, x0=first.x)
    assert again.iterations <= 1


@pytest.mark.parametrize("broken", ["no label", "nan", "scale"])
def test_errors_name_the_image(broken, rng, to_device):
    given = own(batch(rng))["closed_form"]
    del given["confidence"]
    if broken == "no label":
        given["trimap"][1] = 0.5
    elif broken == "nan":
        given["image"][1, 2, 3] = np.nan
    else:
        given["image"][1] *= 255
    arrays = {name: to_device(array) for name, array in given.items()}
    with pytest.raises(
        InputError, match="image 1 of the batch: (trimap: has no known|image: has 3 values|image: float)"
    ):
        solved("closed_form", arrays)


def test_small_images_are_told(rng, to_device):
    given = {"image": to_device(rng.random((2, 2, 9, 3))), "trimap": to_device(np.full((2, 2, 9), 0.5))}
    with pytest.raises(InputError, match="image 0 of the batch: image: is 2 x 9 pixels"):
        solved("closed_form", given)


@pytest.mark.parametrize(
    ("changed", "options"),
    [
        ({"epsilon": np.array([1e-4, 1e-3, 1e-4])}, {}),
        ({}, {"solver": propmat.solvers.Direct()}),
        ({}, {"radius": 2}),
    ],
    ids=["epsilons", "Direct", "radius"],
)
def test_what_does_not_stack(changed, options):
    leading = {"image": (3,), "trimap": (3,), "epsilon": ()} | {k: v.shape for k, v in changed.items()}
    assert _stacks.fits("closed_form", leading, (3,), {}) or changed
    assert not _stacks.fits("closed_form", leading, (3,), options)


def test_at_once_starts_fewer_kernels(rng, monkeypatch):
    host_device.install(monkeypatch)
    given = {name: host_device.asarray(array) for name, array in own(batch(rng, images=6))["propagate"].items()}
    leading, counts = dict.fromkeys(given, (6,)), []
    for run in (_stacks.run, _batches._one_by_one):
        before = host_device.Device.launches
        run("propagate", given, leading, (6,), {"solver": CG()})
        counts.append(host_device.Device.launches - before)
    assert counts[0] < counts[1] / 2
