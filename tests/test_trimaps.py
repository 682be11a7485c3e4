"""Trimaps from masks and from scribbles."""

import numpy as np
import pytest

import propmat
from propmat import InputError, PropmatWarning, Trimap, trimap_from_mask, trimap_from_scribbles
from propmat.io import read_image, read_matte


def disc(height=41, width=53, radius=15.0):
    y, x = np.mgrid[:height, :width]
    return np.hypot(y - height // 2, x - width // 2) <= radius


def nearest_other(mask):
    """Distance of each pixel to the nearest pixel of the other label, from the definition."""
    places = np.argwhere(np.ones_like(mask)).astype(float)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    same = mask.ravel()[:, None] == mask.ravel()[None]
    return np.where(same, np.inf, distances).min(axis=1).reshape(mask.shape)


@pytest.mark.parametrize("width", [1, 2.5, 4, (0, 3), (3.2, 0)])
def test_band_is_every_pixel_near_the_other_label(width):
    mask = disc(17, 21, 7)
    inside, outside = width if isinstance(width, tuple) else (width, width)
    distance = nearest_other(mask)
    trimap = trimap_from_mask(mask, width=width)
    np.testing.assert_array_equal(trimap.foreground, mask & (distance > inside))
    np.testing.assert_array_equal(trimap.background, ~mask & (distance > outside))


def test_labels_may_change_places():
    mask = disc()
    one, other = trimap_from_mask(mask, width=(2, 5)), trimap_from_mask(~mask, width=(5, 2))
    np.testing.assert_array_equal(one.foreground, other.background)
    np.testing.assert_array_equal(one.background, other.foreground)


def test_wider_bands_hold_narrower_ones():
    mask = disc()
    bands = [trimap_from_mask(mask, width=width).unknown for width in (0, 1, 3, 7)]
    assert not bands[0].any()
    for narrow, wide in zip(bands, bands[1:], strict=False):
        assert (wide | ~narrow).all()
        assert wide.sum() > narrow.sum()


def test_shares_are_of_the_longer_side():
    mask = disc(40, 200)
    for share, pixels in (("2%", 4), (("1%", "0.5%"), (2, 1)), ("1.5%", 3.0)):
        one, other = trimap_from_mask(mask, width=share), trimap_from_mask(mask, width=pixels)
        np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(trimap_from_mask(mask).labels, trimap_from_mask(mask, width=2).labels)
    for share, pixels in (("0.01%", 1), ("0%", 0)):
        one, other = trimap_from_mask(mask, width=share), trimap_from_mask(mask, width=pixels)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_the_border_of_the_picture_is_no_edge():
    mask = np.zeros((6, 12), bool)
    mask[:, :6] = True
    trimap = trimap_from_mask(mask, width=2)
    np.testing.assert_array_equal(trimap.labels, np.tile(np.repeat([1, 0.5, 0], 4), (6, 1)))


def test_what_a_soft_mask_leaves_open_is_unknown():
    soft = np.array([[1, 1, 1, 0.95, 0.8, 0.3, 0.05, 0, 0, 0]])
    np.testing.assert_array_equal(trimap_from_mask(soft, width=0).labels, Trimap.parse(soft).labels)
    labels = trimap_from_mask(soft, width=1).labels
    np.testing.assert_array_equal(labels, [[1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0, 0, 0]])


@pytest.mark.parametrize("thickness", [1, 2, 3, 8])
def test_a_thin_label_keeps_its_core(thickness):
    mask = np.zeros((40, 40), bool)
    mask[10 : 10 + thickness] = True
    for given, name in ((mask, "foreground"), (~mask, "background")):
        with pytest.warns(PropmatWarning, match=f"width: nothing of the mask's {name} is 5 pixels from its edge"):
            trimap = trimap_from_mask(given, width=5)
        core = trimap.foreground if name == "foreground" else trimap.background
        rows = np.flatnonzero(core.any(axis=1))
        assert core[rows].all()
        # Symmetric about the middle, and at most half as thick as the label, rounded up.
        assert rows[0] + rows[-1] == 2 * 10 + thickness - 1
        assert len(rows) <= thickness / 2 + 1
        assert given[core].all() == (name == "foreground")


def test_the_warning_points_at_the_caller():
    with pytest.warns(PropmatWarning) as caught:
        trimap_from_mask(disc(), width=100)
    assert len(caught) == 2
    assert all(warning.filename == __file__ for warning in caught)


@pytest.mark.parametrize("dtype", [bool, "u1", ">u2", "f4", "f8"])
def test_number_formats_and_layouts_agree(dtype):
    top = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    mask = np.asfortranarray((disc() * top).astype(dtype))
    mask.flags.writeable = False
    np.testing.assert_array_equal(trimap_from_mask(mask, width=3).labels, trimap_from_mask(disc(), width=3).labels)


@pytest.mark.parametrize(
    ("mask", "width", "message"),
    [
        (np.zeros((4, 5)), 1, "mask: has no foreground; takes at least one pixel >= 0.9"),
        (np.full((4, 5), 0.6), 1, "mask: has no foreground"),
        (np.ones((4, 5), bool), 1, "mask: has no background; takes at least one pixel <= 0.1"),
        (np.zeros((4, 5, 3)), 1, r"mask: takes shape \(H, W\), got \(4, 5, 3\)"),
        (255.0 * disc(), 1, "mask: floating values are in"),
        (disc().astype(int), 1, "mask: integer pixels are uint8 or uint16"),
        (disc(), -1, "width: takes pixels >= 0, or a share of the longer side like '2%', got -1"),
        (disc(), "wide", "width: takes pixels .* got 'wide'"),
        (disc(), "-2%", "width: takes pixels .* got '-2%'"),
        (disc(), "%", "width: takes pixels .* got '%'"),
        (disc(), float("inf"), "width: takes pixels .* got inf"),
        (disc(), None, "width: takes pixels .* got None"),
        (disc(), (1, 2, 3), r"width: takes one width or a pair \(inside, outside\), got \(1, 2, 3\)"),
    ],
)
def test_mask_errors(mask, width, message):
    with pytest.raises(InputError, match=message):
        trimap_from_mask(mask, width=width)


def painted(image):
    scribbled = image.copy()
    scribbled[5:9, 5:15] = 1
    scribbled[20:24, 5:25] = 0
    return scribbled


@pytest.mark.parametrize("channels", [(), (3,), (5,)])
def test_strokes_are_labels_and_nothing_else_is(rng, channels):
    image = rng.uniform(0.0, 1.0, (30, 31, *channels))
    trimap = trimap_from_scribbles(image, painted(image))
    expected = np.full((30, 31), 0.5)
    expected[5:9, 5:15], expected[20:24, 5:25] = 1, 0
    np.testing.assert_array_equal(trimap.labels, expected)


def test_files_of_another_depth_are_the_same_image(rng):
    image = (255 * rng.random((30, 31, 3))).astype(np.uint8)
    scribbled = (painted(image / 255) * 65535).round().astype(np.uint16)
    trimap = trimap_from_scribbles(image, scribbled)
    np.testing.assert_array_equal(trimap.labels, trimap_from_scribbles(image / 255, painted(image / 255)).labels)
    assert trimap.known.sum() == 120


def test_soft_and_coloured_paint_is_unknown(rng):
    image = rng.uniform(0.3, 0.6, (30, 31, 3))
    scribbled = painted(image)
    scribbled[9, 5:15] = 0.7
    scribbled[25, 5:15] = [1, 0, 0]
    assert not trimap_from_scribbles(image, scribbled).known[[9, 25]].any()


def test_more_than_paint_differs(rng):
    image = rng.uniform(0.3, 0.6, (30, 31, 3))
    with pytest.warns(PropmatWarning, match="810 pixels differ from the image and are neither white nor black"):
        trimap_from_scribbles(image, painted(image + 0.01))


def test_scribble_errors(rng):
    image = rng.uniform(0.3, 0.6, (8, 9, 3))
    with pytest.raises(InputError, match="scribbled: differs from the image at 0 pixels, of which none is white"):
        trimap_from_scribbles(image, image)
    with pytest.raises(InputError, match=r"scribbled: shape \(7, 9, 3\) does not fit image of shape \(8, 9, 3\)"):
        trimap_from_scribbles(image, image[1:])
    with pytest.raises(InputError, match=r"scribbled: shape \(8, 9\) does not fit"):
        trimap_from_scribbles(image, image[..., 0])
    with pytest.raises(InputError, match="scribbled: floating values are in"):
        trimap_from_scribbles(image, 255 * image)


def test_strokes_of_the_authors(photographs):
    folder = photographs / "levin_dandelion"
    image, scribbled = (read_image(folder / kind / "dandelion.png") for kind in ("image", "scribbles"))
    expected = Trimap.parse(read_matte(folder / "trimap" / "dandelion.png"))
    np.testing.assert_array_equal(trimap_from_scribbles(image, scribbled).labels, expected.labels)


def test_a_cut_matte_is_found_again(rng):
    distance = np.hypot(*np.mgrid[-30:31, -40:41])
    truth = np.clip((20 - distance) / 4 + 0.5, 0, 1)
    image = 0.2 + 0.6 * truth[..., None] + 0.01 * rng.standard_normal((61, 81, 3))
    alpha = propmat.closed_form(image, trimap_from_mask(truth >= 0.5, width=4), epsilon=1e-4)
    # Noise of 0.01 under a contrast of 0.6, less by the fit over windows.
    assert np.abs(alpha - truth).max() < 0.06
