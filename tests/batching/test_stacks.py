"""Batches solved at once, as images stacked along the height: on a GPU, or on the emulated device (`test_gpu`)."""

import numpy as np
import pytest
import scipy.sparse as sp

import propmat
from propmat import ConvergenceError, ConvergenceWarning, InputError
from propmat._backend import to_host
from propmat._batching import _loop, _run, _tall
from propmat._batching._batch import Batch
from propmat._batching._tolerances import CGByParts
from propmat._batching._verbs import VERBS
from propmat._constraints import weigh
from propmat._operators import WHOLE, GridOperator, Parts
from propmat._trimap import Trimap
from propmat.laplacian._affinity import Affinity
from propmat.laplacian._closed_form import ClosedForm
from propmat.preconditioners import Jacobi
from propmat.solvers import CG, Direct
from tests import host_device
from tests.gpu.test_gpu import real_device
from tests.problems import random_photo

# Of one image.
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


def solved(verb, arrays):
    """Alpha, and the gradients of all differentiable arguments."""
    axes = {name: AXES.get(name, 2) if array.ndim >= 2 else 0 for name, array in arrays.items()}
    alpha, pull = _run.run(VERBS[verb], arrays, axes, {}, TIGHT)
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


@pytest.mark.parametrize("verb", [name for name, verb in VERBS.items() if verb.tall])
@pytest.mark.parametrize("arguments", [own, shared])
def test_a_batch_is_its_images(arguments, verb, rng, to_device):
    given = arguments(batch(rng))[verb]
    one_by_one, expected, gradients = solved(verb, given)
    at_once, alpha, found = solved(verb, {name: to_device(array) for name, array in given.items()})
    assert isinstance(one_by_one, _loop.LoopPullback)
    assert isinstance(at_once, _tall.TallPullback)
    np.testing.assert_allclose(to_host(alpha), expected, rtol=0, atol=1e-7)
    assert found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert found[name].shape == given[name].shape
        np.testing.assert_allclose(to_host(found[name]), gradient, atol=1e-6 * abs(gradient).max(), err_msg=name)


def test_no_window_reaches_over_a_border(rng):
    image, unknown = rng.random((12, 7, 3)), rng.random((12, 7)) < 0.8
    singles = [GridOperator.from_image(image[k : k + 4], unknown[k : k + 4], epsilon=1e-4) for k in (0, 4, 8)]
    parts = Parts((4, 8))
    tall = GridOperator.from_image(image, unknown, epsilon=1e-4, parts=parts)
    assert abs(tall.tocsr() - sp.block_diag([single.tocsr() for single in singles])).max() < 1e-12
    plane = rng.random((12, 7))
    graphs = [ClosedForm(image[k : k + 4], 1e-4, 1) for k in (0, 4, 8)]
    np.testing.assert_allclose(
        ClosedForm(image, 1e-4, 1, parts).times(plane),
        np.concatenate([graph.times(plane[k : k + 4]) for graph, k in zip(graphs, (0, 4, 8), strict=True)]),
        atol=1e-12,
    )


def stack_of_edges(rng, scales):
    """An operator of images whose weights differ greatly, a right-hand side, and how to solve it."""
    rows, images = 20, len(scales)
    right, down = 0.1 + rng.random((images, rows, 23)), 0.1 + rng.random((images, rows, 24))
    down[:, -1] = 0
    scale = np.asarray(scales)[:, None, None]
    edges = (scale * right).reshape(-1, 23), (scale * down).reshape(-1, 24)[:-1]
    unknown = np.ones((images, rows, 24), bool)
    unknown[:, 0] = False
    matrix = GridOperator.from_edges(*edges, unknown.reshape(-1, 24))
    return matrix, rng.standard_normal(matrix.shape[0]), Parts(tuple(range(rows, images * rows, rows)))


@pytest.mark.parametrize("settings", [CG(rtol=1e-7), CG(), CG(rtol=0, atol=1e-2)], ids=["rtol", "neither", "atol"])
def test_each_image_meets_its_own_tolerance(settings, rng):
    matrix, rhs, parts = stack_of_edges(rng, [1e6, 1.0, 1e-6])
    mask = matrix.support.unknown
    rhs *= parts.spread(np.array([1.0, 1e6, 1e-3]), mask)
    solution = CGByParts(settings, parts).prepare(matrix)(rhs)
    left, lengths = parts.lengths(rhs - matrix @ solution.x, mask), parts.lengths(rhs, mask)
    assert (left <= 1.01 * np.maximum(settings.criterion()[1] * lengths, settings.atol)).all()
    np.testing.assert_allclose(solution.residual, (left / lengths).max(), rtol=1e-6)
    together = settings.prepare(matrix)(rhs)
    worst = parts.lengths(rhs - matrix @ together.x, mask) / np.maximum(
        settings.criterion()[1] * lengths, settings.atol
    )
    assert settings.atol or worst.max() > 2  # as one system they do not


def test_an_image_without_a_right_hand_side(rng):
    matrix, rhs, parts = stack_of_edges(rng, [1.0, 1.0])
    rhs *= parts.spread(np.array([0.0, 1.0]), matrix.support.unknown)
    solve = CGByParts(CG(), parts).prepare(matrix)
    solution = solve(rhs)
    assert solution.converged
    assert parts.lengths(solution.x, matrix.support.unknown)[0] == 0
    assert solve(0 * rhs).converged


def test_a_tolerance_of_nothing_goes_as_far_as_rounding_lets_it(rng):
    matrix, rhs, parts = stack_of_edges(rng, [1.0, 1e3])
    solution = CGByParts(CG(rtol=0), parts).prepare(matrix)(rhs)
    assert solution.residual < 1e-12


def test_falling_short_is_told(rng):
    matrix, rhs, parts = stack_of_edges(rng, [1.0, 1e3])
    solver = CGByParts(CG(max_iterations=2, preconditioner=Jacobi(), strict=True), parts)
    assert solver.strict
    with pytest.warns(ConvergenceWarning, match="stopped after 2 iterations"):
        solver.prepare(matrix)(rhs).check()
    with pytest.raises(ConvergenceError):
        solver.prepare(matrix)(rhs).check(solver.strict)


def test_starts_from_a_solution(rng):
    matrix, rhs, parts = stack_of_edges(rng, [1.0, 1e3])
    first = CGByParts(CG(), parts).prepare(matrix)(rhs)
    again = CGByParts(CG(), parts).prepare(matrix).nearby(matrix)(rhs, x0=first.x)
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


WHOLE_BATCH = {"image": (3, 21, 26, 3), "trimap": (3, 21, 26), "epsilon": ()}
AT_ONCE = [
    ({}, {}, None),
    ({"image": (21, 26, 3)}, {"radius": 1}, CG(rtol=1e-9)),
    ({"epsilon": (3,)}, {}, None),
    ({}, {}, Direct()),
    ({}, {"radius": 2}, None),
    ({"image": (1, 21, 26, 3), "trimap": (1, 21, 26)}, {}, None),
    ({"image": (21, 26, 3), "trimap": (21, 26)}, {}, None),
]


@pytest.mark.parametrize(
    ("changed", "options", "solver", "at_once"),
    [(*case, k < 2) for k, case in enumerate(AT_ONCE)],
    ids=["plain", "shared", "epsilons", "Direct", "radius", "one of one", "one"],
)
def test_which_batches_are_solved_at_once(changed, options, solver, at_once, rng, monkeypatch):
    """Tested through `run`, with both ways replaced by stubs."""
    host_device.install(monkeypatch)
    shapes = WHOLE_BATCH | changed
    arrays = {name: host_device.asarray(rng.random(shape)) for name, shape in shapes.items()}
    monkeypatch.setattr(_tall, "run", lambda *_: "at once")
    monkeypatch.setattr(_loop, "run", lambda *_: "one by one")
    way = _run.run(VERBS["closed_form"], arrays, {"image": 3, "trimap": 2, "epsilon": 0}, options, solver)
    assert way == ("at once" if at_once else "one by one")


@pytest.mark.parametrize("name", [name for name, verb in VERBS.items() if not verb.tall])
def test_verbs_without_a_tall_pose_are_solved_one_by_one(name, rng, monkeypatch):
    host_device.install(monkeypatch)
    arrays = {argument.name: host_device.asarray(rng.random((2, 5, 6))) for argument in VERBS[name].arguments}
    monkeypatch.setattr(_loop, "run", lambda *_: "one by one")
    assert _run.run(VERBS[name], arrays, dict.fromkeys(arrays, 2), {}, None) == "one by one"


def test_at_once_starts_fewer_kernels(rng, monkeypatch):
    host_device.install(monkeypatch)
    given = {name: host_device.asarray(array) for name, array in own(batch(rng, images=6))["propagate"].items()}
    verb, many = VERBS["propagate"], Batch(given, dict.fromkeys(given, 2))
    before = host_device.Device.launches
    _tall.run(verb, verb.tall.pose, many, {}, CG())
    between = host_device.Device.launches
    _loop.run(verb, many, {}, CG())
    assert between - before < (host_device.Device.launches - between) / 2


class TestParts:
    """Bands of rows of unequal height, of which the third has no pixel of the mask."""

    parts = Parts((4, 5, 7))
    rows = (slice(0, 4), slice(4, 5), slice(5, 7), slice(7, 12))

    def mask(self, rng):
        mask = rng.random((12, 7)) < 0.7
        mask[5:7], mask[4, 0], mask[8, 3] = False, True, True
        return mask

    def test_lengths_and_what_is_spread(self, rng, to_device):
        mask = self.mask(rng)
        x, whole = rng.standard_normal(mask.sum()), np.zeros(mask.shape)
        whole[mask] = x
        found = self.parts.lengths(to_device(x), to_device(mask))
        np.testing.assert_allclose(to_host(found), [np.linalg.norm(whole[band]) for band in self.rows])
        expected = np.concatenate([np.full(mask[band].sum(), k) for k, band in enumerate(self.rows)])
        spread = self.parts.spread(to_device(np.arange(4.0)), to_device(mask))
        np.testing.assert_array_equal(to_host(spread), expected)
        other = 1.5 * x
        other[np.flatnonzero(expected == 3)] *= 0.1
        shorter = self.parts.shorter(to_device(x), to_device(other), to_device(mask))
        np.testing.assert_array_equal(to_host(shorter), expected < 3)

    def test_what_a_part_holds(self, rng, to_device):
        mask = self.mask(rng)
        np.testing.assert_array_equal(to_host(self.parts.holding(to_device(mask))), [True, True, False, True])
        found = np.zeros(mask.shape, bool)
        found[mask] = True
        assert self.parts.all_have(to_device(found[mask]), to_device(mask))
        found[4] = False  # all of the second part
        assert not self.parts.all_have(to_device(found[mask]), to_device(mask))

    def test_windows_within_a_part(self):
        for side in (1, 2, 3, 5):
            expected = [
                any(top >= band.start and top + side <= band.stop for band in self.rows) for top in range(13 - side)
            ]
            np.testing.assert_array_equal(self.parts.hold_windows(12, side), expected)

    def test_all_rows_are_one_part(self, rng, to_device):
        mask, huge = self.mask(rng), 1e200
        x = huge * rng.standard_normal(mask.sum())
        lengths = to_host(WHOLE.lengths(to_device(x), to_device(mask)))
        np.testing.assert_allclose(lengths, [huge * np.linalg.norm(x / huge)])
        assert WHOLE.hold_windows(12, 3).all()
        assert to_host(WHOLE.holding(to_device(mask))).tolist() == [True]
        assert to_host(WHOLE.shorter(to_device(x), to_device(2 * x), to_device(mask))).all()

    def test_a_sum_has_the_seams_of_all_its_terms(self, rng):
        image, weights = rng.random((12, 7, 3)), (np.ones((12, 6)), np.ones((11, 7)))
        windows, edges = ClosedForm(image, 1e-4, 1, self.parts), Affinity(*weights, Parts((4,)))
        assert (windows + edges).parts == Parts((4,))
        assert (windows + edges).ties_all_pixels
        assert (2 * windows).parts == self.parts
        assert (windows + Affinity(*weights)).parts == WHOLE
        nothing = Affinity(*(0 * weight for weight in weights))
        assert not (windows + nothing).ties_all_pixels  # each part is connected, the whole is not

    def test_each_part_needs_a_known_pixel(self, rng):
        image, weights = rng.random((12, 7, 3)), (np.ones((12, 6)), np.ones((11, 7)))
        weights[1][[3, 7]] = 0
        trimap = np.full((12, 7), 0.5)
        trimap[0, :3], trimap[0, 4:] = 0, 1
        seams = Parts((4, 8))
        for graph in (ClosedForm(image, 1e-4, 1, seams), Affinity(*weights, seams)):
            with pytest.raises(
                InputError, match=r"56 unknown pixels are tied to no known pixel, the first at \(4, 0\)"
            ):
                propmat.solve(graph, trimap)

    def test_where_to_start_is_judged_part_by_part(self, rng):
        """Parts with a large confidence start from the constrained values, those with a small one from 0."""
        labels, prior = (rng.random((24, 9)) > 0.5) * 1.0, np.zeros((24, 9))
        horizontal, vertical = rng.random((24, 8)), rng.random((23, 9))
        vertical[11] = 0
        held = np.where(np.arange(24)[:, None] < 12, 1e-3, 1e3) * np.ones((24, 9))
        tall, *singles = (
            weigh(Affinity(horizontal[band], vertical[between], parts), Trimap.parse(labels[band]), held[band])
            for band, between, parts in (
                (slice(0, 24), slice(0, 23), Parts((12,))),
                (slice(0, 12), slice(0, 11), WHOLE),
                (slice(12, 24), slice(12, 23), WHOLE),
            )
        )
        starts = [
            single.centred(labels[band], prior[band])
            for single, band in zip(singles, (slice(0, 12), slice(12, 24)), strict=True)
        ]
        assert not starts[0][0].any()
        assert starts[1][0].any()
        for found, *expected in zip(tall.centred(labels, prior), *starts, strict=True):
            np.testing.assert_allclose(found, np.concatenate(expected), rtol=1e-12, atol=1e-12)
