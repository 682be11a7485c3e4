"""The photograph with its trimap, and the rendered scenes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from benchmarks.data.draw_flower_trimap import draw
from propmat import closed_form
from propmat.datasets import Sample, _canvas, _flower, _synthetic, flower, fur, synthetic
from propmat.errors import InputError, MissingDependencyError

SHAPES = [(240, 320), (320, 240), (16, 16), (17, 47), (48, 48), (64, 64), (16, 400), (700, 64)]


def shares(trimap: np.ndarray) -> list[float]:
    return [float(np.mean(trimap == label)) for label in (0, 0.5, 1)]


# Properties


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_image_is_the_composite_of_its_layers(shape):
    sample = synthetic(1, shape)
    alpha = sample.alpha[..., None]
    composite = alpha * sample.foreground + (1 - alpha) * sample.background
    # Three rounding errors of numbers up to 1.
    np.testing.assert_allclose(sample.image, composite, rtol=0, atol=1e-15)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_arrays_are_float64_in_range(shape):
    sample = synthetic(2, shape)
    for array in (sample.image, sample.foreground, sample.background):
        assert array.shape == (*shape, 3)
    for array in (sample.trimap, sample.alpha):
        assert array.shape == shape
    for name in ("image", "trimap", "alpha", "foreground", "background"):
        array = getattr(sample, name)
        assert array.dtype == np.float64, name
        assert np.isfinite(array).all(), name
        assert 0 <= array.min(), name
        assert array.max() <= 1, name


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_known_labels_are_exact(shape):
    for seed in range(10):
        sample = synthetic(seed, shape)
        assert set(np.unique(sample.trimap)) == {0, 0.5, 1}
        known = sample.trimap != 0.5
        np.testing.assert_array_equal(sample.trimap[known], sample.alpha[known])


def test_fractional_alpha_lies_inside_the_unknown_region():
    sample = synthetic(3)
    fractional = (sample.alpha > 0) & (sample.alpha < 1)
    # 240 / 120 = 2 pixels in each direction, not more.
    around = ndimage.binary_dilation(fractional, np.ones((5, 5)))
    np.testing.assert_array_equal(sample.trimap == 0.5, around)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_share_of_unknown_pixels(shape):
    for seed in range(25):
        background, unknown, foreground = shares(synthetic(seed, shape).trimap)
        assert 0.05 < unknown < 0.60, seed
        assert background > 0.2, seed
        assert foreground > 0.005, seed


def test_no_opacity_is_too_faint_to_see():
    alpha = synthetic(4).alpha
    fractional = alpha[(alpha > 0) & (alpha < 1)]
    assert fractional.min() >= 1 / 512
    assert fractional.max() <= 1 - 1 / 512


def test_same_seed_same_sample():
    first, second, other = synthetic(5), synthetic(np.int64(5)), synthetic(6)
    for name in ("image", "trimap", "alpha", "foreground", "background"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert np.mean(getattr(first, name) != getattr(other, name)) > 0.05, name


# Contents of scenes


def thing(put, unit=240.0, seed=0):
    """Alpha of one thing in the middle of an empty canvas."""
    canvas = _canvas.Canvas(np.full((int(unit), int(unit), 3), 0.5))
    put(canvas, np.random.default_rng(seed), np.array([unit / 2, unit / 2]), unit)
    return canvas.unmixed()[0]


def test_fur_is_solid_with_thin_hairs():
    alpha = thing(_synthetic.put_fur)
    solid = ndimage.binary_opening(alpha == 1, np.ones((9, 9)))
    assert solid.mean() > 0.08
    hairs = (alpha > 0.2) & ~ndimage.binary_dilation(solid, np.ones((5, 5)))
    assert hairs.sum() > 1000
    assert not ndimage.binary_opening(hairs, np.ones((12, 12))).any()


def test_hairs_taper_to_nothing():
    points, radius = _synthetic._hairs(np.random.default_rng(0), 5, 50.0, 0.8)
    hairs = radius.reshape(5, -1)
    assert (hairs[:, 0] == 0.8).all()
    assert (hairs[:, -1] == 0).all()
    assert (np.diff(hairs) < 0).all()
    steps = np.diff(points.reshape(5, -1, 2), axis=1)
    assert np.hypot(*steps.transpose(2, 0, 1)).max() < 0.75


def test_net_has_holes():
    alpha = thing(_synthetic.put_net)
    _, holes = ndimage.label(alpha < 0.05)
    assert holes > 40
    assert 0.1 < np.mean(alpha[100:140, 100:140] > 0.5) < 0.6


def test_glass_is_partly_transparent_throughout():
    for seed in range(10):
        alpha = thing(_synthetic._put_glass, seed=seed)
        inside = ndimage.binary_erosion(alpha > 0, iterations=2)
        assert inside.sum() > 1500
        assert alpha[inside].min() > 0.1
        assert alpha.max() <= 0.95
        steps = [np.abs(np.diff(alpha, axis=axis)) for axis in (0, 1)]
        assert steps[0][inside[1:] & inside[:-1]].max() < 0.3
        assert steps[1][inside[:, 1:] & inside[:, :-1]].max() < 0.3


def test_blob_has_a_wide_soft_edge():
    for seed in range(10):
        alpha = thing(_synthetic.put_blob, seed=seed)
        assert np.mean((alpha > 0) & (alpha < 1)) > 0.01
        assert np.abs(np.diff(alpha, axis=0)).max() < 0.13


def test_textures_vary():
    sample = synthetic(0)
    for layer in (sample.foreground, sample.background):
        assert (layer.std(axis=(0, 1)) > 0.03).all()


# Edge cases


def test_high_definition():
    sample = synthetic(0, (1080, 1920))
    background, unknown, foreground = shares(sample.trimap)
    assert background > 0.4
    assert unknown > 0.2
    assert foreground > 0.04


def test_strokes_that_leave_the_canvas_are_cut():
    points = np.stack([np.full(81, 2.0), np.linspace(-20, 20, 81)], axis=-1)
    alpha = _canvas.strokes(points, np.full(81, 0.5), (5, 7))
    expected = np.zeros((5, 7))
    expected[2] = 1
    np.testing.assert_array_equal(alpha, expected)


def test_long_pictures_repeat_the_stage():
    alpha = synthetic(0, (64, 1000)).alpha
    solid = ndimage.binary_opening(alpha == 1, np.ones((9, 9)))
    assert ndimage.label(solid)[1] >= 10


def test_importing_the_data_sets_is_light():
    heavy = "{'PIL', 'sklearn', 'numba', 'pyamg', 'tqdm', 'torch', 'jax', 'skimage'}"
    code = f"import sys, propmat.datasets; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# The photograph


def test_fur_has_its_matte_and_a_band_around_it():
    sample = fur()
    assert sample.image.shape == (600, 560, 3)
    known = sample.trimap != 0.5
    np.testing.assert_array_equal(sample.trimap[known], sample.alpha[known])
    assert ndimage.binary_dilation((sample.alpha > 0) & (sample.alpha < 1), np.ones((3, 3)), 6)[~known].all()
    matte = closed_form(sample.image, sample.trimap)
    # Its error is 3,158 pixels; that of 1/2 all over the band is the measure.
    assert np.abs(matte - sample.alpha).sum() < 0.5 * np.abs(0.5 - sample.alpha[~known]).sum()


def test_flower_has_an_image_and_a_trimap():
    sample = flower()
    assert isinstance(sample, Sample)
    assert sample.name == "flower"
    assert sample.image.shape == (427, 640, 3)
    assert sample.image.dtype == sample.trimap.dtype == np.float64
    assert 0 <= sample.image.min() < sample.image.max() <= 1
    assert sample.alpha is sample.foreground is sample.background is None
    assert sorted(np.unique(sample.trimap)) == [0, 0.5, 1]


def test_flower_labels():
    trimap = flower().trimap
    np.testing.assert_allclose(shares(trimap), [0.745, 0.030, 0.225], atol=0.001)
    # The centre of the dahlia and a petal of the lower flower; a blurred bud and the corners.
    assert trimap[225, 307] == trimap[420, 400] == 1
    assert trimap[350, 390] == trimap[410, 600] == trimap[0, 0] == trimap[426, 0] == 0
    # One connected region for each label: no small components inside the other.
    assert ndimage.label(trimap == 1)[1] == 2
    assert ndimage.label(trimap == 0)[1] == 1


def test_flower_labels_agree_with_the_colours():
    sample = flower()
    warmth = sample.image[..., 0] - sample.image[..., 2]
    assert np.mean(warmth[sample.trimap == 1] > 0.15) > 0.995
    assert np.mean(warmth[sample.trimap == 0] < 0.15) > 0.95


def test_the_script_draws_the_shipped_trimap():
    from propmat.io import read_image

    drawn = draw(read_image(_flower.photograph()))
    shipped = read_image(_flower.TRIMAP)
    assert shipped.dtype == np.uint8
    np.testing.assert_array_equal(drawn, shipped)
    assert _flower.TRIMAP.stat().st_size < 30_000


# Errors


@pytest.mark.parametrize("seed", [-1, 0.5, "0", None])
def test_bad_seed(seed):
    with pytest.raises(InputError, match="seed: got .* takes an integer of at least 0"):
        synthetic(seed)


@pytest.mark.parametrize(
    "shape", [(15, 16), (16, 15), (0, 0), (-64, 64), (64,), (64, 64, 3), 64, (64.0, 64), "ab", None]
)
def test_bad_shape(shape):
    with pytest.raises(InputError, match="shape: got .* two integers of at least 16"):
        synthetic(0, shape)


def test_flower_without_scikit_learn(monkeypatch):
    monkeypatch.setattr(_flower, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match="flower: .*scikit-learn"):
        flower()


def test_samples_are_frozen():
    with pytest.raises(AttributeError):
        synthetic(0, (16, 16)).name = "other"
