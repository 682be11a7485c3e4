"""Cut-outs of drawn masks: kinds of pictures, modes, and what is refused. With rembg itself where it is installed."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

import propmat
import propmat.pymatting
from propmat import InputError, MissingDependencyError, PropmatWarning
from propmat.io import Metadata, read, write_image
from propmat.rembg import remove

MODES = ["refine", "upsample", "matte", "colours"]


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=2, shape=(60, 80))


class Drawn:
    """A session that predicts given masks, and keeps what it was shown."""

    def __init__(self, *masks):
        self.masks = masks

    def predict(self, img, *args, **kwargs):
        self.shown = img
        return list(self.masks)


def blurred(sample):
    """A soft mask as a network of a quarter of the resolution has it, of 8 bits."""
    return Image.fromarray(np.round(255 * gaussian_filter(sample.alpha, 2)).astype(np.uint8))


def bytes_of(sample, **settings):
    file = io.BytesIO()
    write_image(file, sample.image, **settings)
    return file.getvalue()


def test_bytes_become_png_bytes(sample):
    session = Drawn(blurred(sample))
    cutout = read(io.BytesIO(remove(bytes_of(sample), session)))
    assert cutout.pixels.shape == (60, 80, 3)
    assert cutout.alpha.shape == (60, 80)
    assert (session.shown.mode, session.shown.size) == ("RGB", (80, 60))


def test_colours_that_a_wrong_mask_drives_out_of_range_are_clipped():
    rng = np.random.default_rng(4)
    image = np.repeat(rng.integers(2, size=(40, 50, 1)), 3, axis=2).astype(np.float64)
    mask = np.round(4 * rng.random((40, 50))) / 4
    assert propmat.foreground(image, mask)[0].max() > 1.25
    file = io.BytesIO()
    write_image(file, image)
    for data in (image, file.getvalue()):
        remove(data, Drawn(mask), "colours")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_arrays_keep_their_type(sample, dtype):
    white = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    levels = (white * sample.image).astype(dtype)
    cutout = remove(levels, Drawn(blurred(sample)))
    assert cutout.dtype == dtype
    opaque = propmat.trimap_from_mask(np.asarray(blurred(sample))).foreground
    assert np.array_equal(cutout[opaque][:, :3], levels[opaque])  # not a level is lost


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK", "1"])
def test_images_of_pillow_become_such(sample, mode):
    image = Image.fromarray(np.round(255 * sample.image).astype(np.uint8)).convert(mode)
    cutout = remove(image, Drawn(blurred(sample)))
    assert (cutout.mode, cutout.size) == ("RGBA", image.size)


def test_deep_grey_of_pillow_is_read_in_16_bits(sample):
    image = Image.fromarray(np.round(65535 * sample.image.mean(axis=2)).astype(np.uint16))
    with pytest.warns(PropmatWarning, match="data: is a picture of mode I;16"):
        assert remove(image, Drawn(blurred(sample))).mode == "RGBA"


@pytest.mark.parametrize("mode", MODES)
def test_16_bits_of_a_file_are_kept(sample, mode):
    pytest.importorskip("OpenImageIO")
    cutout = read(io.BytesIO(remove(bytes_of(sample, depth=16), Drawn(blurred(sample)), mode)))
    assert cutout.depth == 16
    assert len(np.unique(cutout.pixels)) > 256


def test_profile_and_resolution_are_kept(sample):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = bytes_of(sample, metadata=Metadata(icc_profile=profile, resolution=(300, 300)))
    cutout = read(io.BytesIO(remove(content, Drawn(blurred(sample)))))
    assert cutout.metadata.icc_profile == profile
    assert cutout.metadata.resolution == pytest.approx((300, 300), abs=0.1)
    assert remove(Image.open(io.BytesIO(content)), Drawn(blurred(sample))).info["icc_profile"] == profile


@pytest.mark.parametrize("kind", ["bytes", "Pillow"])
def test_orientation_is_applied(sample, kind):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6  # shown turned by a quarter
    Image.fromarray(np.round(255 * sample.image).astype(np.uint8)).save(file, "JPEG", exif=exif, quality=95)
    session = Drawn(blurred(sample).transpose(Image.Transpose.ROTATE_270))
    cutout = remove(file.getvalue() if kind == "bytes" else Image.open(file), session)
    cutout = Image.open(io.BytesIO(cutout)) if kind == "bytes" else cutout
    assert session.shown.size == cutout.size == (60, 80)
    assert cutout.getexif().get(274, 1) == 1


def test_transparency_is_ignored_with_a_warning(sample):
    alpha = np.full((60, 80), 0.5)
    for data in (np.dstack([sample.image, alpha]), Image.new("RGBA", (80, 60), (9, 9, 9, 9))):
        with pytest.warns(PropmatWarning, match="data: has transparency of its own"):
            remove(data, Drawn(blurred(sample)), "colours")


@pytest.mark.parametrize("mode", MODES)
def test_overshoot_of_a_mask_is_clipped(sample, mode):
    """In 8 bits an alpha of -0.01 would be almost opaque."""
    mask = 1.1 * sample.alpha - 0.05
    levels = np.round(255 * sample.image).astype(np.uint8)
    assert np.array_equal(remove(levels, Drawn(mask), mode), remove(levels, Drawn(mask.clip(0, 1)), mode))


def test_opaque_pictures_have_no_transparency(sample):
    image = Image.fromarray(np.round(255 * sample.image).astype(np.uint8))
    for mode in ("RGBA", "LA"):
        remove(image.convert(mode), Drawn(blurred(sample)), "colours")  # a warning would be an error


def test_16_bits_in_32_are_read(sample):
    grey = np.round(65535 * sample.image.mean(axis=2)).astype(np.int32)
    with pytest.warns(PropmatWarning, match="data: is a picture of mode I,"):
        cutout = remove(Image.fromarray(grey), Drawn(blurred(sample)), "colours")
    opaque = np.asarray(blurred(sample)) == 255
    assert np.abs(np.asarray(cutout)[opaque][:, :3] - grey[opaque][:, np.newaxis] / 257).max() < 1
    with pytest.warns(PropmatWarning), pytest.raises(InputError, match="data: integer pixels are uint8 or uint16"):
        remove(Image.fromarray(grey - 65536), Drawn(blurred(sample)))


def test_modes_are_those_of_the_functions(sample):
    mask = np.asarray(blurred(sample)) / 255
    labels = propmat.trimap_from_mask(mask, width=4)
    expected = {
        "upsample": propmat.upsample(sample.image, mask, confidence=0.02),
        "refine": propmat.refine(sample.image, mask, 0.02 * (2 * mask - 1) ** 2, trimap=labels),
        "matte": propmat.closed_form(sample.image, labels),
        "colours": mask,
    }
    for mode, alpha in expected.items():
        cutout = remove(sample.image, Drawn(blurred(sample)), mode, width=4, confidence=0.02)
        assert np.array_equal(cutout[:, :, 3], alpha)
        colours = propmat.foreground(sample.image, alpha)[0].clip(0, 1)
        assert np.array_equal(cutout[:, :, :3], colours)


class Network(Drawn):
    """A session of rembg: its network has a fixed size, and its masks are enlarged to that of the picture."""

    def __init__(self, alpha, side):
        self.alpha, self.inner_session, self.side = alpha, self, side

    def get_inputs(self):
        return [SimpleNamespace(name="input", shape=[1, 3, self.side, self.side])]

    def predict(self, img, *args, **kwargs):
        self.shown = img
        side = self.side if isinstance(self.side, int) else 40
        small = Image.fromarray(np.float32(self.alpha)).resize((side, side), Image.Resampling.BOX)
        mask = Image.fromarray(np.round(255 * np.asarray(small)).astype(np.uint8))
        return [mask.resize(img.size, Image.Resampling.LANCZOS)]


def test_upsample_takes_the_mask_as_the_network_computed_it(sample):
    session = Network(sample.alpha, 30)
    alpha = remove(sample.image, session, "upsample")[:, :, 3]
    assert session.shown.size == (30, 30)
    small = np.asarray(session.predict(session.shown)[0])
    assert np.array_equal(alpha, propmat.upsample(sample.image, small))
    enlarged = np.asarray(session.predict(Image.new("RGB", (80, 60)))[0]) / 255
    assert np.abs(alpha - sample.alpha).mean() < 0.5 * np.abs(enlarged - sample.alpha).mean()
    other = remove(sample.image, session, "upsample", confidence=10.0)[:, :, 3]
    assert np.array_equal(other, propmat.upsample(sample.image, small, confidence=10.0))


@pytest.mark.parametrize("side", [70, "width", 0])
def test_a_session_that_names_no_smaller_size_is_shown_the_picture(sample, side):
    session = Network(sample.alpha, side)
    if side == 0:
        session.get_inputs = list
    session.side = side or 40
    remove(sample.image, session, "upsample")
    assert session.shown.size == (80, 60)


def test_upsample_takes_small_masks_of_any_session(sample):
    small = sample.alpha.reshape(20, 3, 20, 4).mean(axis=(1, 3))
    alpha = remove(sample.image, Drawn(small), "upsample")[:, :, 3]
    assert np.array_equal(alpha, propmat.upsample(sample.image, small))
    with pytest.raises(InputError, match=r"mask: shape \(20, 10\) has another aspect ratio"):
        remove(sample.image, Drawn(small[:, ::2]), "upsample")
    with pytest.raises(InputError, match=r"mask: shape \(120, 160\) is larger than the image"):
        remove(sample.image, Drawn(np.ones((120, 160))), "upsample")
    with pytest.raises(InputError, match="mask: has 20 x 20 pixels, the picture 80 x 60"):
        remove(sample.image, Drawn(small), "refine")


def test_several_masks_are_not_merged(sample):
    left, right = (np.asarray(blurred(sample)).copy() for _ in range(2))
    left[:, 40:], right[:, :40] = 0, 0
    cutouts = remove(sample.image, Drawn(Image.fromarray(left), right))
    assert [cutout.shape for cutout in cutouts] == [(60, 80, 4)] * 2
    assert cutouts[0][:, 50:, 3].max() == cutouts[1][:, :30, 3].max() == 0


def test_an_empty_mask_beside_another_is_transparent(sample):
    with pytest.warns(PropmatWarning, match="mask 2 of 2: has no foreground"):
        cutouts = remove(sample.image, Drawn(blurred(sample), np.zeros((60, 80))))
    assert cutouts[1][:, :, 3].max() == 0 < cutouts[0][:, :, 3].max()


class Alone:
    def predict(self, img):
        return np.ones((60, 80))


class Failing:
    def predict(self, img):
        raise RuntimeError("CUDA out\nof memory")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("top", [0, 5, 100])
def test_masks_without_foreground_are_named(sample, mode, top):
    ramp = np.tile(np.linspace(0, top, 80).astype(np.uint8), (60, 1))
    with pytest.raises(InputError, match="mask: has no foreground; takes at least one pixel >= 0.9"):
        remove(np.round(255 * sample.image).astype(np.uint8), Drawn(Image.fromarray(ramp)), mode)


@pytest.mark.parametrize(
    ("session", "told"),
    [
        (Failing(), "session: its predict failed: CUDA out of memory"),
        (Drawn(), "session: its predict returned no mask"),
        (Alone(), "session: its predict returned ndarray of shape .60, 80.; takes a sequence of masks"),
        (Drawn(np.zeros((60, 80)), np.zeros((60, 80))), "mask: all have no foreground"),
        (Drawn(np.ones((30, 40))), "mask: has 40 x 30 pixels, the picture 80 x 60;"),
        (Drawn(np.ones((80, 60))), "it is turned by 90 degrees"),
        (Drawn(np.ones((60, 80))), "mask: has no background"),
        (Drawn(np.ones((60, 80, 3))), r"mask: takes shape \(H, W\)"),
        (Drawn("mask.png"), "mask: takes"),
        (Drawn, "session: takes an object with predict"),
        ("u2net", "session: takes an object with predict"),
    ],
)
def test_failing_sessions_are_named(sample, session, told):
    with pytest.raises(InputError, match=told):
        remove(sample.image, session)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"no picture", "data: cannot be read"),
        (b"", "data: cannot be read: the file is empty"),
        (np.full((60, 80), 200.0), "data: floating values are in"),
        (np.zeros((60, 80, 2)), "data: takes grey or 3 channels"),
        (None, "data: takes"),
    ],
)
def test_wrong_data_are_named(sample, data, told):
    with pytest.raises(InputError, match=told):
        remove(data, Drawn(blurred(sample)))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"mode": "naive"}, "mode: takes 'refine' or 'upsample' or 'matte' or 'colours'"),
        ({"width": "wide"}, "width: takes pixels"),
        ({"confidence": 0}, "confidence: takes"),
    ],
)
def test_wrong_settings_are_named(sample, settings, told):
    with pytest.raises(InputError, match=told):
        remove(sample.image, Drawn(blurred(sample)), **settings)


def test_pictures_smaller_than_a_window_are_refused():
    image, mask = np.zeros((2, 9)), np.tile(np.linspace(0, 1, 9), (2, 1))
    with pytest.raises(InputError, match="data: is 9 x 2 pixels, smaller than one window of 3 x 3"):
        remove(image, Drawn(mask))
    assert remove(image, Drawn(mask), "colours").shape == (2, 9, 4)


@pytest.mark.parametrize("data", ["photo.jpg", Path("photo.jpg")], ids=lambda data: type(data).__name__)
def test_names_of_files_are_refused(data):
    with pytest.raises(InputError, match="data: takes the content of a file, read as bytes, or a picture, got"):
        remove(data, Drawn())


def test_linear_light_is_refused(sample):
    pytest.importorskip("OpenImageIO")
    with pytest.raises(InputError, match="data: holds linear light"):
        remove(bytes_of(sample, suffix=".exr"), Drawn(blurred(sample)))


def test_without_rembg_a_session_is_needed(sample, monkeypatch):
    monkeypatch.setitem(sys.modules, "rembg", None)
    with pytest.raises(MissingDependencyError, match="session: rembg is not installed"):
        remove(sample.image)


def test_rembg_without_a_backend_is_missing_too(sample, monkeypatch, tmp_path):
    (tmp_path / "rembg.py").write_text("import sys\nsys.exit(1)\n")
    monkeypatch.delitem(sys.modules, "rembg", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingDependencyError, match="session: rembg is not installed, or has no backend"):
        remove(sample.image)


@pytest.fixture
def rembg():
    return pytest.importorskip("rembg", exc_type=ImportError)


def test_rembg_takes_the_same_session(rembg, sample):
    """Both return an upright RGBA picture of the size of what they were given."""
    content, session = bytes_of(sample), Drawn(blurred(sample))
    theirs = Image.open(io.BytesIO(rembg.remove(content, alpha_matting=True, session=session)))
    ours = Image.open(io.BytesIO(remove(content, session, "matte")))
    assert (ours.mode, ours.size, ours.format) == (theirs.mode, theirs.size, theirs.format)


def test_thin_objects_are_matted_where_rembg_gives_up(rembg, sample):
    """Its erosion by 10 pixels leaves nothing of strokes 8 pixels wide, and it returns the mask without a message."""
    stroke = np.zeros((60, 80), np.uint8)
    stroke[26:34, 10:70] = 255
    image = Image.fromarray(np.round(255 * sample.image).astype(np.uint8))
    with pytest.raises(ValueError, match="foreground"):
        rembg.bg.alpha_matting_cutout(image, Image.fromarray(stroke), 240, 10, 10)
    with pytest.warns(PropmatWarning, match="width: nothing of the mask's foreground"):
        alpha = np.asarray(remove(image, Drawn(Image.fromarray(stroke)), width=10))[:, :, 3]
    assert 0 < np.mean((alpha > 0) & (alpha < 255)) < 0.5


def test_pixel_art_is_matted_where_pymatting_does_not_converge(rembg):
    """Enlarged pixels, a mask that is unsure of all but the upper and the lower edge; the truth is a dense solution."""
    art = np.random.default_rng(0).integers(256, size=(16, 22, 3), dtype=np.uint8)
    image = Image.fromarray(np.kron(art, np.ones((3, 3, 1), np.uint8)))
    mask = np.full((48, 66), 128, np.uint8)
    mask[:13], mask[-13:] = 255, 0  # of which rembg's erosion leaves a few rows
    given = image, Image.fromarray(mask), 240, 10, 10
    with pytest.raises(ValueError, match="did not converge within 10000 iterations"):
        rembg.bg.alpha_matting_cutout(*given)
    with propmat.pymatting.installed(), pytest.MonkeyPatch.context() as patch:
        estimate, trimaps = rembg.bg.estimate_alpha_cf, []
        patch.setattr(rembg.bg, "estimate_alpha_cf", lambda *args: trimaps.append(args[1]) or estimate(*args))
        alpha = np.asarray(rembg.bg.alpha_matting_cutout(*given))[:, :, 3]
    labels = trimaps[0].ravel()
    unknown = (labels != 0) & (labels != 1)
    matrix = propmat.laplacian.closed_form(np.asarray(image) / 255).matrix.toarray()[unknown]
    exact = np.linalg.solve(matrix[:, unknown], -matrix[:, ~unknown] @ labels[~unknown])
    assert np.abs(alpha.ravel()[unknown] / 255 - exact.clip(0, 1)).max() < 1 / 255 + 1e-6  # rembg truncates


@pytest.mark.parametrize("mode", ["P", "L", "1", "LA"])
def test_rembg_keeps_the_mask_of_pictures_without_three_channels(rembg, sample, mode):
    """PyMatting refuses their numbers, which are no colours in a palette, and rembg then cuts out by the mask."""
    image = Image.fromarray(np.round(255 * sample.image).astype(np.uint8)).convert(mode)
    mask = blurred(sample)
    with propmat.pymatting.installed():
        cutout = rembg.remove(image, alpha_matting=True, alpha_matting_erode_size=3, session=Drawn(mask))
    assert cutout.mode == "RGBA"
    levels, opaque = np.asarray(cutout), np.asarray(mask) == 255
    assert np.array_equal(levels[:, :, 3], np.asarray(mask))
    assert np.array_equal(levels[opaque][:, :3], np.asarray(image.convert("RGB"))[opaque])


def test_rembg_with_our_functions_has_its_own_result(rembg, photographs, monkeypatch):
    """The matting of rembg, with PyMatting's functions and with those of `propmat.pymatting`."""
    folder = photographs / "alphamatting" / "training"
    image = Image.open(folder / "image" / "GT05.png").convert("RGB").reduce(2)
    mask = Image.open(folder / "alpha" / "GT05.png").convert("L").reduce(2)
    theirs, their_colours = cutout_and_colours(rembg, monkeypatch, image, mask)
    with propmat.pymatting.installed():
        ours, our_colours = cutout_and_colours(rembg, monkeypatch, image, mask)
    alpha = ours[:, :, 3:] / 255
    assert np.abs(ours - theirs)[:, :, 3].mean() < 1e-3 * 255
    assert (alpha * np.abs(our_colours - their_colours)).mean() < 1e-3
    # rembg truncates colours to 8 bits. PyMatting's opaque ones lie a rounding error below those of the picture, and so
    # a whole level, at half of the pixels: means of differences of levels say nothing about the colours.
    opaque = alpha[:, :, 0] == 1
    assert np.array_equal(ours[opaque][:, :3], np.asarray(image)[opaque])
    assert np.median(np.abs(their_colours - np.asarray(image) / 255)[opaque]) < 1e-6


def cutout_and_colours(rembg, monkeypatch, image, mask):
    """rembg's cut-out of 8 bits, and its colours before they are truncated."""
    kept, estimate = [], rembg.bg.estimate_foreground_ml
    with monkeypatch.context() as patch:
        patch.setattr(rembg.bg, "estimate_foreground_ml", lambda *given: kept.append(estimate(*given)) or kept[0])
        cutout = rembg.bg.alpha_matting_cutout(image, mask, 240, 10, 10)
    return np.asarray(cutout, np.float64), kept[0]
