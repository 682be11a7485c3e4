"""The door: what is taken, and what is said of what is not."""

import numpy as np
import pytest

from propmat import InputError, UnsupportedError, _inputs


@pytest.mark.parametrize("dtype", [">u2", "<u2", "u1"])
def test_integers_are_divided_by_their_maximum(dtype):
    top = np.iinfo(dtype).max
    pixels = _inputs.image(np.array([[0, top // 3, top]], dtype=dtype))
    np.testing.assert_array_equal(pixels[0, :, 0], [0, (top // 3) / top, 1])


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "g", "?"])
def test_floating_and_bool_keep_their_values(dtype):
    pixels = _inputs.image(np.array([[0, 1], [1, 0]], dtype=dtype))
    assert pixels.dtype == np.float64
    assert pixels.dtype.isnative
    np.testing.assert_array_equal(pixels[:, :, 0], [[0, 1], [1, 0]])


def test_layout_does_not_matter_and_nothing_is_written(rng):
    values = rng.random((6, 5, 3))
    fortran, strided = np.asfortranarray(values), np.repeat(values, 2, axis=1)[:, ::2]
    values.flags.writeable = False
    for given in (values, fortran, strided):
        pixels = _inputs.image(given)
        assert pixels.flags.c_contiguous
        np.testing.assert_array_equal(pixels, values)


def test_grey_gets_a_channel():
    assert _inputs.image(np.zeros((4, 5))).shape == (4, 5, 1)


def test_overshoot_of_resampling_is_taken():
    assert _inputs.image(np.array([[-0.02, 1.03]])).max() == 1.03


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((4, 5, 4)), "image: has 4 channels.*transparency"),
        (np.zeros(4), r"image: takes shape \(H, W\) or"),
        (np.zeros((2, 3, 4, 5)), r"got \(2, 3, 4, 5\)"),
        (np.zeros((0, 5)), "image: is empty"),
        (np.zeros((4, 5, 0)), "image: is empty"),
        (np.full((4, 5), 255.0), r"image: floating values are in \[0, 1\], got 255 to 255"),
        (np.zeros((4, 5), int), "uint8 or uint16.*got dtype int64"),
        (np.zeros((4, 5), complex), "got dtype complex128"),
        (np.zeros((4, 5), object), "got dtype object"),
        (np.full((4, 5), "a"), "got dtype <U1"),
        ([[1, 2], [3]], "takes an array of numbers, got list"),
        (None, "got dtype object"),
        (np.ma.masked_array(np.zeros((4, 5)), mask=True), "masked array"),
    ],
)
def test_image_errors(value, message):
    with pytest.raises(InputError, match=message):
        _inputs.image(value)


def test_nan_is_counted_and_located():
    values = np.zeros((4, 5, 3))
    values[2, 3, 1], values[3, 0, 0] = np.nan, np.inf
    with pytest.raises(InputError, match=r"2 values that are NaN or infinite, the first at \(2, 3, 1\)"):
        _inputs.image(values)


def test_plane_must_fit():
    with pytest.raises(InputError, match=r"mask: shape \(2, 3\) does not fit an image of shape \(3, 2\)"):
        _inputs.plane(np.zeros((2, 3)), "mask", (3, 2))
    with pytest.raises(InputError, match=r"mask: takes shape \(H, W\)"):
        _inputs.plane(np.zeros((2, 3, 1)), "mask")


def test_weights_are_numbers_or_maps():
    np.testing.assert_array_equal(_inputs.weights(3, "c", (1, 2)), [[3, 3]])
    np.testing.assert_array_equal(_inputs.weights([[0, 1e6]], "c", (1, 2)), [[0, 1e6]])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "c: takes numbers >= 0, got -1"),
        (np.array([[1.0, -2.0]]), r"got -2 at \(0, 1\)"),
        (np.nan, "NaN"),
        (np.zeros((3, 3)), r"c: shape \(3, 3\) does not fit"),
        ("x", "c: takes floating"),
    ],
)
def test_weight_errors(value, message):
    with pytest.raises(InputError, match=message):
        _inputs.weights(value, "c", (1, 2))


@pytest.mark.parametrize("value", [0, -1e-7, np.nan, np.inf, "x", None, True])
def test_positive_errors(value):
    with pytest.raises(InputError, match="epsilon: takes a (finite )?number"):
        _inputs.positive(value, "epsilon")


@pytest.mark.parametrize("value", [0, -1, 1.5, np.nan, np.inf, "x", None])
def test_whole_number_errors(value):
    with pytest.raises(InputError, match="radius: takes a (whole )?number"):
        _inputs.whole_number(value, "radius")


def test_gpu_arrays_are_named():
    class OnDevice:
        __cuda_array_interface__ = {}

    with pytest.raises(UnsupportedError, match="image: lives on a GPU"):
        _inputs.image(OnDevice())
