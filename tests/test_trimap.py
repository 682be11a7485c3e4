import numpy as np
import pytest

from propmat import InputError, Trimap


def test_thresholds_are_inclusive():
    trimap = Trimap.parse(np.array([[0.0, 0.1, 0.1001, 0.8999, 0.9, 1.0]]))
    np.testing.assert_array_equal(trimap.background, [[1, 1, 0, 0, 0, 0]])
    np.testing.assert_array_equal(trimap.foreground, [[0, 0, 0, 0, 1, 1]])
    np.testing.assert_array_equal(trimap.unknown, ~trimap.known)


@pytest.mark.parametrize("dtype", ["u1", ">u2", "f4"])
def test_number_formats_agree(dtype):
    top = 1 if dtype == "f4" else np.iinfo(dtype).max
    trimap = Trimap.parse(np.array([[0, 0.5, 1]]) * top if dtype == "f4" else np.array([[0, top // 2, top]], dtype))
    np.testing.assert_array_equal(trimap.labels, [[0, 0.5, 1]])


def test_bool_has_no_unknown():
    assert not Trimap.parse(np.array([[True, False]])).unknown.any()


def test_masks_are_taken_as_they_are():
    foreground = np.array([[True, False, False]])
    trimap = Trimap(foreground, foreground[:, ::-1])
    assert Trimap.parse(trimap, (1, 3)) is trimap
    np.testing.assert_array_equal(trimap.labels, [[1, 0.5, 0]])
    assert repr(trimap) == "Trimap((1, 3): foreground 33.3%, background 33.3%, unknown 33.3%)"


@pytest.mark.parametrize(
    ("foreground", "background", "message"),
    [
        (np.zeros((2, 2)), np.zeros((2, 2), bool), "foreground: takes an .* mask of bool, got float64"),
        (np.zeros(2, bool), np.zeros(2, bool), r"of shape \(2,\)"),
        (np.zeros((2, 2), bool), np.zeros((2, 3), bool), r"background: shape \(2, 3\) does not fit"),
        (np.ones((2, 2), bool), np.ones((2, 2), bool), "4 pixels are foreground too"),
    ],
)
def test_mask_errors(foreground, background, message):
    with pytest.raises(InputError, match=message):
        Trimap(foreground, background)


def test_size_error_gives_both():
    with pytest.raises(InputError, match=r"trimap: shape \(480, 640\) does not fit image of shape \(481, 640, 3\)"):
        Trimap.parse(np.zeros((480, 640)), (481, 640, 3))
