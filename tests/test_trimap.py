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


def banded(width=3, height=12):
    """Foreground, `width` unknown columns, background."""
    values = np.full((height, 20), 0.5)
    values[:, :8], values[:, 8 + width :] = 1, 0
    return values


def test_nothing_is_odd():
    for values in (banded(2), banded(), np.round(255 * banded()).astype(np.uint8)):
        assert Trimap.parse(values).check() == []
    assert Trimap.parse(np.where(banded() == 0.5, 0.4, banded())).check() == []  # a darker grey, but one


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.full((3, 4), 0.5), "no pixel is known foreground or background"),
        (np.where(banded() == 1, 0.5, banded()), "no pixel is known foreground"),
        (np.where(banded() == 0, 0.5, banded()), "no pixel is known background"),
        (banded(0), "no pixel is unknown: it is a mask, and propmat.trimap_from_mask gives it a band"),
    ],
)
def test_labels_that_are_missing(values, sentence):
    assert Trimap.parse(values).check() == [sentence]


def test_a_band_that_is_too_thin():
    values = banded()
    values[4, 9:11] = 0
    (sentence,) = Trimap.parse(values).check()
    assert sentence.startswith("the unknown band is thinner than 2 pixels at 1 background pixel, the first at (4, 9):")
    assert len(Trimap.parse(banded(1)).check()) == 1


def test_islands_are_counted_by_what_is_around():
    values = banded()
    values[2:4, 2] = values[8, 5] = 0.5
    values[6, 15] = 0.5
    front, behind = Trimap.parse(values).check()
    assert front.startswith("2 unknown islands of 3 pixels in all with only foreground around, the first at (2, 2):")
    assert behind.startswith("1 unknown island of 1 pixel in all with only background around, the first at (6, 15):")


def test_soft_edges_and_mattes_are_told():
    values = np.round(255 * banded()).astype(np.uint8)
    values[:, 8] = 180
    values[0, 0] = 240
    (sentence,) = Trimap.parse(values).check()
    assert sentence.startswith(
        "13 pixels (5.4%) are neither black nor white nor the usual grey (128 of 255), in 2 levels"
    )
    assert Trimap.parse(np.clip(values, 1, 254)).check() == Trimap.parse(values).check()  # the rounding of files


def test_masks_alone_have_no_greys():
    soft = Trimap.parse(np.linspace(0, 1, 60).reshape(1, -1))
    assert len(soft.check()) == 1
    assert Trimap(soft.foreground, soft.background).check() == []


def test_colours_are_refused():
    with pytest.raises(InputError, match=r"trimap: takes shape \(H, W\), got \(2, 3, 3\)"):
        Trimap.parse(np.zeros((2, 3, 3)))
