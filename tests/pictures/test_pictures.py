"""Composites, checkerboards and contact sheets: colours of every dtype, and invalid arguments."""

import numpy as np
import pytest

import propmat
from propmat import InputError, pictures

SAMPLE = propmat.datasets.synthetic(seed=4, shape=(60, 80))
LEVELS = np.rint(255 * SAMPLE.image).astype(np.uint8)


@pytest.mark.parametrize(
    "background",
    [
        np.full((60, 80, 3), 76, np.uint8),
        np.full((60, 80), 76, np.uint8),
        np.full((60, 80, 3), 76 * 257, np.uint16),
        np.full((60, 80, 1), 76 / 255),
        np.full((60, 80, 3), 76 / 255, np.float32),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_a_background_of_any_dtype_gives_one_composite(background):
    expected = SAMPLE.alpha[:, :, None] * SAMPLE.image + (1 - SAMPLE.alpha[:, :, None]) * (76 / 255)
    np.testing.assert_allclose(pictures.over(SAMPLE.image, SAMPLE.alpha, background), expected, atol=1e-7)


def test_levels_in_front_and_bool_alpha():
    mask = SAMPLE.alpha > 0.5
    composite = pictures.over(LEVELS, mask, np.zeros((60, 80)))
    np.testing.assert_array_equal(composite, np.where(mask[:, :, None], LEVELS / 255, 0))
    np.testing.assert_array_equal(pictures.over(LEVELS, (255 * mask).astype(np.uint8), np.zeros((60, 80))), composite)


def test_light_beyond_white_is_kept():
    bright = np.full((4, 5, 3), 6.0)
    assert pictures.over(bright, np.ones((4, 5)), np.zeros((4, 5))).max() == 6
    assert pictures.fitted(bright, (7, 9)).max() == 6


@pytest.mark.parametrize(
    ("foreground", "alpha", "background", "message"),
    [
        (SAMPLE.image, SAMPLE.alpha, LEVELS.astype(float), "background: floating whole numbers .* levels"),
        (LEVELS.astype(np.float32), SAMPLE.alpha, SAMPLE.image, "foreground: floating whole numbers"),
        (SAMPLE.image, 255 * SAMPLE.alpha, SAMPLE.image, r"alpha: floating values are in \[0, 1\]"),
        (SAMPLE.image, SAMPLE.alpha, SAMPLE.image[:30], r"background: shape \(30, 80\) does not fit.*fitted"),
        (SAMPLE.image, SAMPLE.alpha[:, :40], SAMPLE.image, r"alpha: shape \(60, 40\) does not fit"),
        (SAMPLE.image, SAMPLE.image, SAMPLE.image, r"alpha: takes shape \(H, W\)"),
        (np.dstack([SAMPLE.image, SAMPLE.alpha]), SAMPLE.alpha, SAMPLE.image, "foreground: has 4 channels"),
        (SAMPLE.image[:, :, :2], SAMPLE.alpha, SAMPLE.image, "foreground: takes grey or 3 channels"),
        (LEVELS.astype(int), SAMPLE.alpha, SAMPLE.image, "foreground: integer pixels are uint8 or uint16"),
        (np.where(SAMPLE.image > 0.5, np.nan, SAMPLE.image), SAMPLE.alpha, SAMPLE.image, "NaN"),
        (None, SAMPLE.alpha, SAMPLE.image, "foreground: takes floating"),
    ],
)
def test_wrong_layers_are_named(foreground, alpha, background, message):
    with pytest.raises(InputError, match=message):
        pictures.over(foreground, alpha, background)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_a_fitted_picture_is_scaled_by_its_dtype(dtype):
    white = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    picture = pictures.fitted(np.array(SAMPLE.image * white, dtype), (30, 40))
    np.testing.assert_allclose(picture, pictures.fitted(SAMPLE.image, (30, 40)), atol=1.01 / 255)
    assert picture.shape == (30, 40, 3)


def test_fitting_keeps_a_picture_of_the_right_size():
    np.testing.assert_allclose(pictures.fitted(SAMPLE.image, (60, 80)), SAMPLE.image, atol=1e-7)


def test_fitting_stays_within_the_picture():
    edges = np.kron(np.indices((6, 6)).sum(axis=0) % 2, np.ones((3, 3)))
    assert pictures.fitted(edges, (40, 41)).min() == 0
    assert pictures.fitted(edges, (40, 41)).max() == 1


@pytest.mark.parametrize("pixels", [LEVELS, LEVELS[:, :, 0], LEVELS[:, :, :1], SAMPLE.image.astype(np.float32)])
def test_colours_have_three_channels_and_one_scale(pixels):
    shown = pictures.colours(pixels)
    assert shown.shape == (60, 80, 3)
    assert shown.dtype == np.float64
    assert shown.max() <= 1


def test_a_sheet_shows_every_dtype_alike():
    sheets = [
        pictures.contact_sheet({"one": one, "two": SAMPLE.alpha > 0.5})
        for one in (LEVELS, LEVELS / 255, (LEVELS * np.uint16(257)))
    ]
    for sheet in sheets[1:]:
        np.testing.assert_array_equal(sheet, sheets[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pictures.contact_sheet({}), "panels: takes pictures of one size, got none"),
        (
            lambda: pictures.contact_sheet({"a": np.zeros((4, 5)), "b": np.zeros((5, 4))}),
            "panels: takes pictures of one",
        ),
        (lambda: pictures.contact_sheet({"a": np.full((4, 5), 255.0)}), "a: floating whole numbers"),
        (lambda: pictures.checkerboard((4, 5), side=0), "side: takes a whole number"),
        (lambda: pictures.checkerboard((4.5, 5)), "shape: takes a whole number"),
        (lambda: pictures.checkerboard(4), r"shape: takes a pair \(height, width\)"),
        (lambda: pictures.flat("no such colour", (4, 5)), "neither a file nor a colour"),
        (lambda: pictures.flat(None, (4, 5)), "neither a file nor a colour"),
        (lambda: pictures.flat("white", (0, 5)), "shape: takes a whole number"),
        (lambda: pictures.fitted(SAMPLE.image, (4, 5), (0.5, 2)), "place: takes numbers from 0 to 1"),
        (lambda: pictures.fitted(SAMPLE.image, (4, 5), 0.5), r"place: takes a pair \(x, y\)"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("colour", ["#ff000080", "rgba(1, 2, 3, 0)", "#f008"])
def test_transparent_colours_are_refused(colour):
    with pytest.raises(InputError, match="background: takes opaque colours"):
        pictures.flat(colour, (2, 2))
    np.testing.assert_array_equal(pictures.flat("#ff0000ff", (1, 1)), [[[1, 0, 0]]])


@pytest.mark.parametrize("panels", [None, [np.zeros((4, 4))], np.zeros((4, 4)), "ab"], ids=np.shape)
def test_panels_have_names(panels):
    with pytest.raises(InputError, match="panels: takes a mapping"):
        pictures.contact_sheet(panels)


@pytest.mark.parametrize("colour", [(76, 76, 76), [0.3, 0.3, 0.3], np.array([0, 0, 255], np.uint8)], ids=str)
def test_a_colour_is_no_background(colour):
    with pytest.raises(InputError, match=r"^background: .*propmat\.pictures\.flat"):
        pictures.over(SAMPLE.image, SAMPLE.alpha, colour)
