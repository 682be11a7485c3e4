"""Optical flow: where it leads, what is carried along it, how flows are composed, and what is trusted."""

import sys

import numpy as np
import pytest

import propmat
import propmat.video
from propmat import Trimap
from propmat.errors import InputError, MissingDependencyError
from propmat.video import _reduced
from propmat.video._flow import Motion, at_pixels, carried, carried_to, composed, enlarged, motions, standing, trust
from propmat.video._reduced import greys_of, reduced_labels, reduced_shape
from tests.video.scenes import drifting

pytest.importorskip("cv2")
INNER = slice(8, -8), slice(8, -8)
EVERYWHERE = np.ones((96, 128), bool)


def constant(right, down, shape=(20, 30), error=0.0):
    flow = np.empty((*shape, 2), np.float32)
    flow[:] = right, down
    return Motion(flow, np.full(shape, error, np.float32))


def test_flow_of_a_drift():
    images, _, _ = drifting(2, speed=(2.25, -1.5), shape=(96, 128))
    found = propmat.video.flow(*images)
    assert found.dtype == np.float32
    assert found.shape == (96, 128, 2)
    assert np.abs(np.median(found[INNER], axis=(0, 1)) - [2.25, -1.5]).max() < 0.1


def test_forward_and_backward_flow_of_a_drift_agree():
    images, _, _ = drifting(2, shape=(96, 128))
    there, back = motions(*map(greys_of, images))
    for motion, image, other in ((there, *images), (back, *images[::-1])):
        assert np.median(motion.error[INNER]) < 0.1
        assert np.median(trust(motion, image, other, EVERYWHERE).reshape(96, 128)[INNER]) > 0.9


def test_trust_ends_where_colours_or_flows_differ():
    image = np.full((20, 30, 3), 0.5)
    other = image.copy()
    other[:, :10] = 0.9
    everywhere = np.ones((20, 30), bool)
    found = trust(constant(0, 0), image, other, everywhere).reshape(20, 30)
    assert (found[:, :10] < 1e-6).all()
    assert (found[:, 10:] == 1).all()
    assert (trust(constant(0, 0, error=3.0), image, image, everywhere) < 1e-6).all()


def test_trust_is_told_of_some_pixels_alone():
    images, _, _ = drifting(2, shape=(96, 128))
    motion = motions(*map(greys_of, images))[0]
    whole, some = trust(motion, *images, EVERYWHERE), np.random.default_rng(0).random((96, 128)) < 0.2
    assert (trust(motion, *images, some) == whole[some.ravel()]).all()
    assert trust(motion, *images, ~EVERYWHERE).shape == (0,)


def test_maps_of_many_channels_are_carried():
    image = np.random.default_rng(0).random((20, 30, 6))
    where = np.random.default_rng(1).random((20, 30)) < 0.3
    found = carried_to(np.nonzero(where), image, constant(1.3, -0.4).flow[where])
    expected = [carried(image[:, :, c], constant(1.3, -0.4).flow, cubic=True)[where] for c in range(6)]
    assert np.abs(found - np.stack(expected, axis=1)).max() < 1e-5


def test_flow_of_large_frames_is_that_of_reduced_ones(monkeypatch):
    assert reduced_shape((360, 640, 3)) == (360, 640)
    assert reduced_shape((1080, 1920, 3)) == (360, 640)
    assert reduced_shape((20, 1_000_000)) == (20, 1_000_000)  # not under 16 pixels
    images, _, _ = drifting(2, speed=(6.0, -3.0), shape=(161, 241))
    monkeypatch.setattr(_reduced, "PIXELS", 120 * 80)
    greys = [greys_of(image) for image in images]
    assert greys[0].shape == (81, 121)
    given = motions(*greys)[0]._replace(apart=np.abs(motions(*greys)[0].flow[:, :, 0]))
    motion, some = enlarged(given, (161, 241)), np.random.default_rng(0).random((161, 241)) < 0.2
    for whole, found in zip(motion, at_pixels(given, some), strict=True):
        assert np.abs(whole[some] - found).max() < 0.05  # places are rounded to a part of a pixel
    assert motion.flow.shape == (161, 241, 2)
    assert np.abs(np.median(motion.flow[INNER], axis=(0, 1)) - [6.0, -3.0]).max() < 0.3
    small = reduced_labels(Trimap.parse(np.pad(np.ones((2, 3)), ((0, 2), (1, 2)))), (2, 3))
    assert small.labels.tolist() == [[0.5, 1, 0], [0, 0, 0]]


def test_carried_maps():
    plane = np.add.outer(np.arange(20.0), 2 * np.arange(30.0))
    found = carried(plane, constant(1.5, -2.0).flow)
    expected = plane + 2 * 1.5 - 2.0
    assert np.abs(found - expected)[3:-3, 3:-3].max() < 1e-4
    assert found[0, -1] == plane[0, -1]  # constant beyond the edges


def test_flows_are_composed():
    way = composed(constant(1, 2, error=0.5), constant(-3, 0.5, error=0.25))
    assert np.abs(way.flow - [-2, 2.5]).max() < 1e-6
    assert np.abs(way.error - np.hypot(0.5, 0.25)).max() < 1e-6
    still = standing((20, 30))
    assert (composed(still, constant(1, 2)).flow == constant(1, 2).flow).all()


def test_leaving_the_frame_counts_as_error():
    images, _, _ = drifting(2, speed=(4.0, 0.0), shape=(64, 96))
    there, _ = motions(*map(greys_of, images))
    assert there.error[20:-20, -1].min() > 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((20, 30)), np.zeros((20, 31))), "second: is 31 x 20 pixels, other frames are 30 x 20"),
        ((np.zeros((12, 30)), np.zeros((12, 30))), "optical flow takes 16 x 16"),
        ((np.zeros((20, 30)), np.full((20, 30), np.nan)), "second: has 600 values that are NaN"),
    ],
)
def test_bad_frames(arguments, message):
    with pytest.raises(InputError, match=message):
        propmat.video.flow(*arguments)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'propmat\[video\]'"):
        propmat.video.flow(np.zeros((20, 30)), np.zeros((20, 30)))
