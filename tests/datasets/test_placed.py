"""Foregrounds at scales and places in larger frames."""

import numpy as np
import pytest

from propmat import InputError, datasets
from propmat.datasets import Sample, Samples, placed

FRAME = (60, 90)


class Front:
    """A foreground of a given alpha, white."""

    def __init__(self, alpha, name="front"):
        self.alpha, self.name = alpha, name

    def read(self):
        white = np.ones((*self.alpha.shape, 3))
        return Sample(self.name, white, self.alpha, self.alpha, white, np.zeros_like(white))


def front_of(rows, columns):
    alpha = np.zeros((40, 40))
    alpha[rows, columns] = 1
    return Samples([Front(alpha)])


INSIDE = front_of(slice(10, 30), slice(5, 35))


def bounds(mask):
    """First and last row, first and last column, that a mask has pixels in."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], rows[-1], columns[0], columns[-1]


def test_sizes_and_places():
    samples = placed(INSIDE, 3, repeats=40, scale=(0.5, 1.0), shape=FRAME)
    assert len(samples) == 40
    assert samples.names[:2] == ["front-0", "front-1"]
    widths, places, upright = [], [], 0
    for sample in samples:
        assert sorted(sample.alpha.shape) == [60, 90]
        upright += sample.alpha.shape[0] == 90
        top, bottom, left, right = bounds(sample.alpha > 0.5)
        widths.append(right - left + 1)
        places.append((top / sample.alpha.shape[0], left / sample.alpha.shape[1]))
        assert (bottom - top + 1) / widths[-1] == pytest.approx(20 / 30, abs=0.08)
        np.testing.assert_allclose(sample.image[sample.alpha == 1], 1)
        np.testing.assert_allclose(sample.image[sample.alpha == 0], 0.5)
    assert 0.5 * 60 * 0.75 - 2 < min(widths) < 30 < max(widths) < 60 * 0.75 + 2
    assert np.ptp(places, axis=0).min() > 0.3
    assert 5 < upright < 35


def test_what_a_frame_cuts_stays_at_that_border():
    for rows, columns, ends in (
        (slice(10, 40), slice(5, 35), (False, True, False, False)),
        (slice(0, 20), slice(5, 35), (True, False, False, False)),
        (slice(10, 30), slice(0, 20), (False, False, True, False)),
        (slice(10, 40), slice(20, 40), (False, True, False, True)),
    ):
        for sample in placed(front_of(rows, columns), repeats=8, scale=(0.5, 0.8), shape=FRAME):
            touched = [edge.max() > 0.5 for edge in (*sample.alpha[[0, -1]], *sample.alpha.T[[0, -1]])]
            assert [bool(touch) for touch, end in zip(touched, ends, strict=True) if end] == [True] * sum(ends)


def test_what_goes_on_beyond_two_borders_fills_the_frame():
    for sample in placed(front_of(slice(10, 30), slice(0, 40)), repeats=6, shape=FRAME):
        assert sample.alpha.shape == (90, 60)
        assert bounds(sample.alpha > 0.5)[2:] == (0, 59)
    for sample in placed(front_of(slice(0, 40), slice(10, 30)), repeats=6, shape=FRAME):
        assert sample.alpha.shape == (60, 90)
        assert bounds(sample.alpha > 0.5)[:2] == (0, 59)
    everywhere = placed(front_of(slice(0, 40), slice(0, 40)), shape=FRAME)[0]
    assert everywhere.alpha.shape == (60, 60)
    assert everywhere.alpha.min() == 1


def test_samples_follow_from_the_seed_and_their_place():
    samples, again = (placed(INSIDE, 5, repeats=3, shape=FRAME) for _ in range(2))
    np.testing.assert_array_equal(samples[2].alpha, again[2].alpha)
    assert samples[0].alpha.shape != samples[1].alpha.shape or (samples[0].alpha != samples[1].alpha).any()


def test_they_can_be_put_on_photographs():
    put = placed(INSIDE, shape=FRAME)
    (sample,) = datasets.composites(put, None, [np.random.default_rng(0).random((30, 30, 3))])
    expected = sample.alpha[..., None] * sample.foreground + (1 - sample.alpha[..., None]) * sample.background
    np.testing.assert_allclose(sample.image, expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"foregrounds": [1]}, "foregrounds: takes propmat.datasets.Samples, got "),
        ({"seed": -1}, "seed: got -1, takes an integer of at least 0"),
        ({"repeats": 0}, "repeats: takes a whole number >= 1"),
        ({"scale": (0.9, 0.5)}, "scale: takes (least, most), got (0.9, 0.5)"),
        ({"scale": (0.5, 2)}, "scale: takes a finite number from 0.05 to 1, got 2"),
        ({"shape": (8, 90)}, "shape: takes a whole number >= 16, got 8"),
        ({"shape": 90}, "shape: takes a pair of two sides, got int"),
    ],
)
def test_wrong_arguments(changes, message):
    with pytest.raises(InputError) as raised:
        placed(**{"foregrounds": INSIDE} | changes)
    assert message in str(raised.value)


def test_a_sample_without_a_matte():
    class Bare(Front):
        def read(self):
            return Sample(self.name, np.ones((20, 20, 3)), np.ones((20, 20)))

    with pytest.raises(InputError, match="^foregrounds: the sample front lacks a foreground or alpha"):
        placed(Samples([Bare(np.ones((20, 20)))]))[0]
