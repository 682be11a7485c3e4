"""Trimaps of all frames from those of key frames."""

import numpy as np
import pytest

import propmat
import propmat.video
from propmat import Trimap
from propmat.errors import InputError
from propmat.video._sides import Side, combined, signed_distance
from tests.video.scenes import drifting

pytest.importorskip("cv2")


def carried(images, keys, **options):
    return list(propmat.video.carry(images, keys, **options))


def lost(trimap, alpha):
    """The share of pixels of fractional alpha that are not unknown."""
    fractional = (alpha > 0.01) & (alpha < 0.99)
    return np.mean(trimap.labels.known[fractional])


@pytest.mark.parametrize("keys", [(0, 5), (2,), (1, 4)])
def test_the_band_moves_with_the_object(keys):
    images, alphas, trimaps = drifting(6, shape=(72, 96))
    found = carried(images, {key: trimaps[key] for key in keys})
    assert len(found) == 6
    for number, trimap in enumerate(found):
        assert lost(trimap, alphas[number]) < 0.005
        wrong = trimap.labels.known & (np.abs(trimap.labels.labels - alphas[number]) > 0.01)
        assert wrong.mean() < 0.001
        assert trimap.labels.unknown.mean() < 2 * np.mean(trimaps[number] == 0.5)


def test_key_frames_have_their_own_trimaps():
    images, _, trimaps = drifting(3)
    found = carried(images, {0: trimaps[0], 2: Trimap.parse(trimaps[2])})
    for key in (0, 2):
        assert (found[key].labels.labels == trimaps[key]).all()
        assert found[key].uncertain == found[key].disagreeing == 0


def test_frames_before_and_after_the_keys():
    images, _, trimaps = drifting(6, shape=(72, 96))
    alone = carried(images, {2: trimaps[2]})
    turned = carried(images[::-1], {3: trimaps[2]})[::-1]
    for one, other in zip(alone, turned, strict=True):
        assert (one.labels.labels == other.labels.labels).all()


def sides(distances, errors):
    return [
        Side(np.full((1, 1), d, np.float32), np.full((1, 1), e, np.float32))
        for d, e in zip(distances, errors, strict=True)
    ]


@pytest.mark.parametrize(
    ("distances", "errors", "label"),
    [
        ([5, 5], [1, 1], 1),
        ([-5], [1], 0),
        ([1], [2], 0.5),  # nearer to the band than the flow is sure of
        ([0, 0], [0.5, 0.5], 0.5),
        ([10, 10], [50, 50], 1),  # the band widens by no more than the bound
        ([5, -5], [0.5, 0.5], 0.5),  # the keys disagree
        ([5, -5], [0.1, 50], 1),  # one of them is far better
    ],
)
def test_both_sides_are_combined_by_their_errors(distances, errors, label):
    assert combined(sides(distances, errors), widest=4).labels.labels[0, 0] == label


def test_reasons():
    disagreeing, wide = combined(sides([3, -3], [0.5, 0.5]), 4), combined(sides([3, 3], [9, 9]), 4)
    assert disagreeing.uncertain == wide.uncertain == 0 or wide.uncertain == 1
    assert wide.reason == "forward and backward flow disagree"


def test_signed_distances():
    labels = Trimap.parse(np.array([[0, 0, 0, 0.5, 0.5, 1, 1, 1]]))
    assert signed_distance(labels, 2.5).tolist() == [[-2.5, -2, -1, 0, 0, 1, 2, 2.5]]
    assert (signed_distance(Trimap.parse(np.ones((2, 3))), 7) == 7).all()


def test_a_frame_of_another_scene_widens_the_band_and_is_told():
    images, _, trimaps = drifting(5, shape=(72, 96))
    images[2] = np.random.default_rng(0).random(images[2].shape)
    found = carried(images, {0: trimaps[0], 4: trimaps[4]})
    shares = [trimap.uncertain for trimap in found]
    assert np.argmax(shares) == 2
    assert found[2].labels.unknown.mean() > 1.2 * found[1].labels.unknown.mean()


def test_frames_are_read_one_after_another():
    images, _, trimaps = drifting(4)
    asked = []

    class Frames(list):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    found = propmat.video.carry(Frames(images), {0: trimaps[0]})
    next(found)
    assert asked == []
    next(found)
    assert asked == [0, 1]
    assert len(list(found)) == 2
    assert asked == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "keys: takes a mapping of the index of a frame, one at least, to its trimap; got {}"),
        ([np.full((48, 64), 0.5)], "keys: takes a mapping of the index of a frame, one at least"),
        ({1: np.full((48, 64), np.nan)}, "keys: frame 1: trimap: has 3072 values that are NaN"),
        ({4: np.full((48, 64), 0.5)}, "there is no frame 4; the 4 frames are 0 to 3"),
        ({-1: np.full((48, 64), 0.5)}, "takes a whole number >= 0"),
        ({0: np.full((48, 60), 0.5)}, "frame 0: is 64 x 48 pixels, other frames are 60 x 48"),
        ({0: np.full((48, 64), 0.5), 1: np.full((40, 64), 0.5)}, "the trimap of frame 1: is 64 x 40 pixels"),
    ],
)
def test_bad_keys(keys, message):
    images, _, _ = drifting(4)
    with pytest.raises(InputError, match=message):
        carried(images, keys)


def test_bad_frames_and_width():
    images, _, trimaps = drifting(2)
    with pytest.raises(InputError, match="frames: takes a sequence of frames, which are asked for by index"):
        carried(iter(images), {0: trimaps[0]})
    with pytest.raises(InputError, match="widest: takes a finite number > 0"):
        carried(images, {0: trimaps[0]}, widest=0)
