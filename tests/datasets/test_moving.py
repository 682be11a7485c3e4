"""Moving scenes: exact compositing, motion that goes on from frame to frame, and arguments."""

import numpy as np
import pytest
from scipy import ndimage

from propmat.datasets import moving
from propmat.errors import InputError

SHAPE = (72, 96)


def test_images_are_composites():
    for sample in moving(1, 2, SHAPE, noise=0.0):
        alpha = sample.alpha[..., None]
        composite = alpha * sample.foreground + (1 - alpha) * sample.background
        np.testing.assert_allclose(sample.image, composite, rtol=0, atol=1e-15)
        known = sample.trimap != 0.5
        assert (sample.alpha[known] == sample.trimap[known]).all()
        assert 0.05 < np.mean(~known) < 0.7


def test_noise_is_another_one_in_every_frame():
    plain, grainy = moving(0, 2, SHAPE, noise=0.0), moving(0, 2, SHAPE, noise=0.01)
    first, second = (a.image - b.image for a, b in zip(grainy, plain, strict=True))
    assert np.std(first) == pytest.approx(0.01, rel=0.1)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05
    assert (grainy[0].alpha == plain[0].alpha).all()


def test_the_same_arguments_give_the_same_frames():
    one, same, other = moving(2, 3, SHAPE), moving(2, 5, SHAPE), moving(3, 3, SHAPE)
    assert (one[2].image == same[2].image).all()
    assert np.mean(one[2].image != other[2].image) > 0.5
    assert one.names == ["moving-2-0000", "moving-2-0001", "moving-2-0002"]


def test_what_moves_goes_on_a_little_in_every_frame():
    """Alpha and background change from frame to frame, by a pixel or two, and further over several frames."""
    for seed in range(3):
        samples = list(moving(seed, 7, SHAPE, noise=0.0))
        for of in (lambda sample: sample.alpha, lambda sample: sample.background[..., 1]):
            steps = [np.abs(of(b) - of(a)).mean() for a, b in zip(samples[:-1], samples[1:], strict=True)]
            assert min(steps) > 1e-4
            assert np.abs(of(samples[6]) - of(samples[0])).mean() > 1.5 * np.mean(steps)
        reached = ndimage.maximum_filter(samples[0].alpha, 7) + 0.05
        assert np.mean(samples[1].alpha > reached) < 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed: got -1"),
        ({"frames": 0}, "frames: takes a whole number >= 1"),
        ({"shape": (8, 8)}, "shape: got"),
        ({"noise": -0.1}, "noise: takes a finite number >= 0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        moving(**arguments)
