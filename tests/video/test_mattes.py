"""Mattes of successive frames: starts, priors, windows, and states to go on from."""

from dataclasses import replace

import numpy as np
import pytest

import propmat
import propmat.video
from propmat import Trimap
from propmat._solve._held import together
from propmat._solve._problem import Problem
from propmat.errors import InputError
from propmat.solvers import CG
from propmat.video._both_sides import ROUGH, less_accurate
from propmat.video._mattes import STEADY, steadiness
from propmat.video._steadiness import FULL, Before, Frame, State, Ways, sixteen_bits
from propmat.video._steps import steadied
from tests.video.scenes import drifting

pytest.importorskip("cv2")
SOLVER = CG(tolerance=1e-6)
LABELS = np.repeat([0.0, 0.5, 0.5, 1.0], 5) * np.ones((20, 1))


def mattes(images, trimaps, **options):
    return list(propmat.video.mattes(images, trimaps, **{"solver": SOLVER} | options))


def noisy(frames=5, shape=(64, 80)):
    return drifting(frames, speed=(1.25, -0.75), shape=shape, noise=0.01)


def wide(trimaps):
    """Trimaps with a band that is some pixels wider."""
    from scipy.ndimage import maximum_filter

    return [np.where(maximum_filter(trimap == 0.5, 7), 0.5, trimap) for trimap in trimaps]


@pytest.mark.parametrize("method", ["closed_form", "information_flow", "shared_sampling"])
def test_starts_do_not_change_mattes(method):
    images, _, trimaps = noisy(3)
    found = mattes(images, trimaps, method=method, steady="none")
    for image, trimap, matte in zip(images, trimaps, found, strict=True):
        alone = propmat.matte(method, image, trimap, solver=SOLVER)
        assert np.abs(matte.alpha - alone.alpha).max() < 1e-4


def test_starts_save_iterations():
    images, _, trimaps = drifting(4, shape=(96, 128), noise=0.004)
    solver, trimaps = CG(tolerance=1e-3), wide(trimaps)
    started = mattes(images, trimaps, steady="none", solver=solver)
    alone = [propmat.matte("closed_form", *frame, solver=solver) for frame in zip(images, trimaps, strict=True)]
    assert started[0].iterations == alone[0].iterations
    assert sum(m.iterations for m in started[1:]) < sum(m.iterations for m in alone[1:])


@pytest.mark.parametrize("steady", ["prior", "joint"])
def test_steadiness_reduces_flicker(steady):
    images, alphas, trimaps = noisy()
    trimaps = wide(trimaps)
    before, after = ([matte.alpha for matte in mattes(images, trimaps, steady=how)] for how in ("none", steady))
    flicker = [propmat.metrics.dtssd(found, alphas, trimaps) for found in (before, after)]
    assert flicker[1] < flicker[0]
    assert np.abs(np.array(after) - alphas).mean() < 1.02 * np.abs(np.array(before) - alphas).mean()


@pytest.mark.parametrize("method", ["knn", "learning_based"])
def test_other_joint_methods(method):
    images, alphas, trimaps = noisy(3, shape=(32, 40))
    found = mattes(images, trimaps, method=method, steady="joint")
    assert [matte.alpha.shape for matte in found] == [(32, 40)] * 3
    for matte, trimap, alpha in zip(found, trimaps, alphas, strict=True):
        known = trimap != 0.5
        assert (matte.alpha[known] == trimap[known]).all()
        assert np.abs(matte.alpha - alpha).mean() < 0.1


@pytest.mark.parametrize("steady", STEADY)
def test_going_on_from_a_state_is_the_same(steady):
    images, _, trimaps = noisy(6, shape=(32, 40))
    frames = [
        Frame(k, image, Trimap.parse(trimap)) for k, (image, trimap) in enumerate(zip(images, trimaps, strict=True))
    ]
    how = steadiness("closed_form", steady, CG(tolerance=1e-3), {})
    whole = list(steadied(iter(frames), how))
    last = frames[:3][-how.behind :]
    rest = steadied(iter(frames[3:]), how, Before(last, State(whole[2].state.mattes.copy())))
    for found, expected in zip(rest, whole[3:], strict=True):
        assert found.frame.number == expected.frame.number
        assert (found.state.mattes == expected.state.mattes).all()


@pytest.mark.parametrize("steady", STEADY)
def test_one_frame_is_as_alone(steady):
    images, _, trimaps = noisy(1, shape=(32, 40))
    (found,) = mattes(images, trimaps, steady=steady)
    alone = propmat.matte("closed_form", images[0], trimaps[0], solver=SOLVER)
    assert np.abs(found.alpha - alone.alpha).max() < 1e-9


@pytest.mark.parametrize("steady", STEADY)
def test_frames_without_unknown_pixels(steady):
    images, _, trimaps = noisy(4, shape=(32, 40))
    known = [np.round(trimap) if k % 2 else trimap for k, trimap in enumerate(trimaps)]
    with pytest.warns(propmat.PropmatWarning, match="no pixel is unknown"):
        found = mattes(images, known, steady=steady)
    for number in (1, 3):
        assert (found[number].alpha == known[number]).all()


def test_frames_are_taken_one_at_a_time():
    images, _, trimaps = noisy(5, shape=(32, 40))
    for steady, ahead in (("none", 0), ("prior", 2), ("joint", 4)):
        taken = iter(images)
        found = propmat.video.mattes(taken, iter(trimaps), steady=steady)
        next(found)
        assert len(list(taken)) == 5 - 1 - ahead


def still(frames=5):
    """Frames without motion, and their rough mattes."""
    images, alphas, trimaps = drifting(frames, speed=(0.0, 0.0), shape=(32, 40))
    every = [
        Frame(k, image, Trimap.parse(trimap)) for k, (image, trimap) in enumerate(zip(images, trimaps, strict=True))
    ]
    return every, [sixteen_bits(alpha) for alpha in alphas]


def test_a_matte_that_is_astray_does_not_count():
    every, mattes = still()
    where, how = every[2].labels.unknown, steadiness("closed_form", "prior", SOLVER, {})
    value, confidence = how.prior(every, mattes, 2, Ways())
    assert np.abs(value - mattes[2] / FULL)[where].max() < 1e-4
    assert np.median(confidence[where]) == pytest.approx(4 * how.confidence, rel=0.05)
    assert (confidence[~where] == 0).all()
    mattes[3] = FULL - mattes[3]
    differs = where & (np.abs(mattes[3] / FULL - mattes[2] / FULL) > 0.5)
    value, fewer = how.prior(every, mattes, 2, Ways())
    assert np.abs(value - mattes[2] / FULL)[where].max() < 0.05
    assert (fewer[differs] < 0.8 * confidence[differs]).all()


def test_rough_mattes_take_fewer_iterations():
    images, _, trimaps = noisy(2)
    ready = Problem.posed(propmat.laplacian.closed_form(images[0]), Trimap.parse(wide(trimaps)[0])).prepared(CG())
    rough = less_accurate(ready.solve_linear)
    assert rough.settings.tolerance == ROUGH
    assert replace(ready, solve_linear=rough).solve().iterations < ready.solve().iterations / 1.5
    exact = Problem.posed(ready.graph, ready.trimap).prepared(CG(rtol=1e-9)).solve_linear
    assert less_accurate(exact) is exact  # as asked for


def test_a_still_clip_is_held_to_its_own_mattes():
    """(A + K) x = b + K p of the matte p of one frame, which is clipped, so that x is another than that of A x = b."""
    every, _ = still()
    images, trimaps = [frame.image for frame in every], [frame.labels.labels for frame in every]
    alone = propmat.closed_form(images[2], trimaps[2], solver=SOLVER)
    how = steadiness("closed_form", "prior", SOLVER, {})
    prior = how.prior(every, [sixteen_bits(alone)] * len(every), 2, Ways())
    expected = Problem.posed(propmat.laplacian.closed_form(images[2]), every[2].labels, prior=prior).solve().alpha
    found = mattes(images, trimaps, steady="prior", solver=CG())[2].alpha
    assert np.abs(found - expected).max() < ROUGH / 4  # of the rough mattes a prior is, and it is weak


def test_priors_are_added():
    one, other = (np.array([[0.2, 0.4, 0.6]]), np.array([[1.0, 0.0, 2.0]])), (np.ones((1, 3)), np.array([[3.0, 0, 0]]))
    value, confidence = together([one, other])
    assert confidence.tolist() == [[4, 0, 2]]
    assert value.ravel() == pytest.approx([0.8, 0.5, 0.6])


@pytest.mark.parametrize("steady", STEADY)
def test_a_warning_names_the_frame_once(steady):
    images, _, trimaps = noisy(4, shape=(32, 40))
    masks = [np.round(trimap) if k == 2 else trimap for k, trimap in enumerate(trimaps)]
    with pytest.warns(propmat.PropmatWarning) as told:
        mattes(images, masks, steady=steady)
    assert [str(warning.message).partition(",")[0] for warning in told] == ["frame 2: trimap: no pixel is unknown"]


@pytest.mark.parametrize("steady", STEADY)
def test_frames_without_the_object_are_no_reason_to_warn(steady, recwarn):
    images, _, trimaps = noisy(4, shape=(32, 40))
    found = mattes(images, [*trimaps[:3], np.zeros((32, 40))], steady=steady)
    assert not recwarn
    assert not found[3].alpha.any()


def test_neighbours_tell_of_frames_with_one_label(recwarn):
    """Such a frame is told of if they have no other label either."""
    images, alphas, trimaps = noisy(3, shape=(32, 40))
    trimaps[1] = np.where(trimaps[1] == 1, 1, 0.5)
    found = mattes(images, trimaps)
    assert not recwarn
    assert np.abs(found[1].alpha - alphas[1]).mean() < 0.5 * np.abs(1 - alphas[1]).mean()
    with pytest.warns(propmat.PropmatWarning, match="frame 1: trimap: every known pixel is foreground"):
        mattes(images, trimaps[1:2] * 3)


@pytest.mark.parametrize("steady", STEADY)
def test_the_floating_point_state_of_the_caller_has_no_effect(steady):
    images, _, trimaps = noisy(3, shape=(32, 40))
    with np.errstate(all="raise"):
        carried = list(propmat.video.carry(images, {0: trimaps[0], 2: trimaps[2]}))
        found = mattes([np.round(image) for image in images], trimaps, steady=steady)
    assert len(carried) == len(found) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steady": "always"}, "steady: takes 'none' or 'prior' or 'joint'"),
        ({"method": "nothing"}, "method: takes"),
        ({"method": "dcnn"}, "method: dcnn is a network"),
        ({"method": "random_walk", "steady": "joint"}, "random_walk has no Laplacian of several frames"),
        ({"preset": "rgb"}, "preset: the method closed_form has no such setting"),
        ({"solver": "cg"}, "solver: takes"),
        ({"epsilon": -1}, "epsilon: takes a finite number > 0, got -1"),
        ({"method": "knn", "preset": "all", "steady": "joint"}, "preset: takes 'rgb', 'hsv', 'two', got 'all'"),
    ],
)
def test_bad_settings_are_named_before_any_frame(settings, message):
    with pytest.raises(InputError, match=message):
        propmat.video.mattes(iter([]), iter([]), **settings)


@pytest.mark.parametrize(
    ("images", "trimaps", "message"),
    [
        ([np.eye(20)] * 2, [LABELS], "trimaps: end after 1"),
        ([np.eye(20), np.zeros((20, 22))], [LABELS, LABELS], "frame 1: is 22 x 20 pixels"),
        ([np.eye(20)] * 2, [LABELS, np.eye(21)], "trimaps: frame 1: trimap: shape"),
        ([np.eye(20)], [LABELS] * 2, "trimaps: go on after 1, and there is no other frame"),
        ([np.eye(20)] * 2, [LABELS, np.full((20, 20), 0.5)], "frame 1: trimap: has no known pixel"),
    ],
)
def test_bad_frames(images, trimaps, message):
    with pytest.raises(InputError, match=message):
        mattes(images, trimaps)
