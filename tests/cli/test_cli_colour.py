"""The command line: highlights, linear light, colour profiles and bit depths from input to output files."""

import importlib.util

import numpy as np
import pytest
from PIL import Image, ImageCms

import propmat
from propmat import io
from propmat.cli import main

SHAPE = (60, 80)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# The same curves under another name.
WIDE = SRGB.replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be")).replace(b"sRGB", b"Wide")

needs_openimageio = pytest.mark.skipif(not importlib.util.find_spec("OpenImageIO"), reason="needs OpenImageIO")

pytestmark = pytest.mark.usefixtures("no_compiling")


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=4, shape=SHAPE)


def lines_of(capsys):
    told = capsys.readouterr()
    assert told.out == ""
    return told.err.splitlines()


def linear(encoded):
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def with_highlight(sample, value):
    """`sample.image` with a highlight on the known foreground and one on the known background."""
    plate = sample.image.copy()
    for label in (0, 1):
        y, x = np.argwhere(sample.trimap == label)[-40]
        plate[y, x] = value
    return plate.astype(np.float32)


@needs_openimageio
@pytest.mark.parametrize("value", [6.0, 1.1, -0.5, 40000.0])
def test_a_plate_beyond_white_passes(files, sample, capsys, value):
    plate = with_highlight(sample, value)
    io.write_image("plate.exr", plate)
    expected = propmat.closed_form(plate.clip(0, 1), sample.trimap)

    assert main(["alpha", "plate.exr", "trimap.png", "-o", "alpha.exr"]) == 0
    (line,) = lines_of(capsys)
    assert f"{value:.4g}" in line
    assert "clipped" in line
    np.testing.assert_allclose(io.read_matte("alpha.exr"), expected, atol=1e-6)

    assert main(["cutout", "plate.exr", "trimap.png", "-o", "cut.exr"]) == 0
    assert len(lines_of(capsys)) == 1
    cut = io.read("cut.exr")
    np.testing.assert_allclose(cut.alpha, expected, atol=1e-6)
    np.testing.assert_allclose(cut.pixels[expected == 1], plate[expected == 1], rtol=1e-6)
    assert (plate[expected == 1] == np.float32(value)).any()

    assert main(["foreground", "plate.exr", "truth.png", "-o", "f.exr", "--background-output", "b.exr"]) == 0
    assert lines_of(capsys) == []
    for name, label in (("f.exr", 1), ("b.exr", 0)):
        shown = sample.alpha == label
        np.testing.assert_allclose(io.read_image(name)[shown], plate[shown], rtol=1e-6)


@needs_openimageio
def test_a_plate_in_other_files(files, sample, capsys):
    import OpenImageIO

    plate = with_highlight(sample, 6.0)
    for name in ("plate.hdr", "plate.tif"):
        output = OpenImageIO.ImageOutput.create(name)
        output.open(name, OpenImageIO.ImageSpec(SHAPE[1], SHAPE[0], 3, "float"))
        output.write_image(plate)
        output.close()
        assert main(["cutout", name, "trimap.png", "-o", "cut.png"]) == 0
        assert any("clipped" in line for line in lines_of(capsys))
        assert np.iinfo(io.read("cut.png").pixels.dtype).bits == 16


@needs_openimageio
def test_a_grey_plate(files, sample, capsys):
    plate = with_highlight(sample, 6.0)[..., 1]
    io.write_image("plate.exr", plate)
    assert main(["cutout", "plate.exr", "trimap.png", "-o", "cut.exr"]) == 0
    assert "clipped" in lines_of(capsys)[0]
    assert io.read("cut.exr").pixels.max() == 6


@needs_openimageio
def test_a_plate_that_is_bright_all_over(files, sample, capsys):
    """White is at 255, so that clipping to 1 would remove all differences."""
    io.write_image("plate.exr", 255 * sample.image)
    assert main(["alpha", "plate.exr", "trimap.png", "-o", "alpha.png"]) == 0
    assert "divided by" in lines_of(capsys)[0]
    expected = propmat.closed_form(sample.image, sample.trimap)
    assert np.abs(io.read_matte("alpha.png") / 65535 - expected).mean() < 0.01


@needs_openimageio
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("command", ["alpha", "cutout", "foreground"])
def test_a_plate_with_holes(files, sample, capsys, command, value):
    io.write_image("plate.exr", with_highlight(sample, value))
    known = "truth.png" if command == "foreground" else "trimap.png"
    assert main([command, "plate.exr", known, "-o", "out.exr"]) == 1
    (line,) = lines_of(capsys)
    assert "image: has 6 values that are NaN or infinite, the first at" in line
    assert not (files / "out.exr").exists()


@needs_openimageio
def test_srgb_to_exr_and_back(files, sample, capsys):
    assert main(["cutout", "image.png", "trimap.png", "-o", "cut.exr"]) == 0
    (line,) = lines_of(capsys)
    assert "cut.exr: EXR holds linear light: colours were converted to it from sRGB" in line
    cut, image = io.read("cut.exr"), io.read_image("image.png") / 255
    opaque = cut.alpha == 1
    np.testing.assert_allclose(cut.pixels[opaque], linear(image)[opaque], atol=1e-6)
    assert main(["alpha", "image.png", "trimap.png", "-o", "alpha.exr"]) == 0
    assert lines_of(capsys) == []  # mattes are not converted
    np.testing.assert_array_equal(io.read_matte("alpha.exr"), cut.alpha)

    io.write_image("plate.exr", linear(image))
    assert main(["foreground", "plate.exr", "truth.png", "-o", "f.png", "--background-output", "b.tif"]) == 0
    lines = lines_of(capsys)
    assert len(lines) == 2
    assert all("converted from linear light to sRGB" in line for line in lines)
    for name, label in (("f.png", 1), ("b.tif", 0)):
        shown = sample.alpha == label
        np.testing.assert_allclose(io.read_image(name)[shown] / 65535, image[shown], atol=1e-5)


@needs_openimageio
def test_linear_light_is_not_made_linear_again(files, sample):
    io.write_image("plate.exr", linear(sample.image))
    assert main(["foreground", "plate.exr", "truth.png", "-o", "one.exr"]) == 0
    assert main(["foreground", "plate.exr", "truth.png", "-o", "two.exr", "--linear"]) == 0
    np.testing.assert_array_equal(io.read_image("one.exr"), io.read_image("two.exr"))


@needs_openimageio
def test_colours_above_white_that_a_file_does_not_hold(files, sample, capsys):
    io.write_image("plate.exr", with_highlight(sample, 6.0))
    assert main(["foreground", "plate.exr", "truth.png", "-o", "f.png"]) == 0
    (line,) = lines_of(capsys)
    assert "linear light" in line
    assert "above 1 (up to 6) were cut" in line


@needs_openimageio
def test_a_composite_is_in_the_light_of_the_photograph(files, sample, capsys):
    io.write_image("plate.exr", linear(sample.image))
    io.write_image("sky.png", np.full((*SHAPE, 3), 0.5))
    known = sample.trimap == 0
    assert main(["cutout", "plate.exr", "trimap.png", "-o", "out.exr", "--background", "sky.png"]) == 0
    (line,) = lines_of(capsys)
    assert "sky.png: the background was converted from sRGB to linear light" in line
    np.testing.assert_allclose(io.read_image("out.exr")[known], linear(128 / 255), atol=1e-6)
    assert main(["cutout", "plate.exr", "trimap.png", "-o", "out.exr", "--background", "rgb(128, 128, 128)"]) == 0
    assert lines_of(capsys) == []
    np.testing.assert_allclose(io.read_image("out.exr")[known], linear(128 / 255), atol=1e-6)
    io.write_image("sky.exr", np.full((*SHAPE, 3), 3.0))
    assert main(["cutout", "plate.exr", "trimap.png", "-o", "out.exr", "--background", "sky.exr"]) == 0
    np.testing.assert_allclose(io.read_image("out.exr")[known], 3, atol=1e-6)
    assert main(["cutout", "image.png", "trimap.png", "-o", "out.png", "--background", "sky.exr"]) == 0
    assert any("those above 1" in line for line in lines_of(capsys))
    assert (io.read_image("out.png")[known] == 255).all()
    io.write_image("sky.exr", np.full((*SHAPE, 3), linear(0.5)))
    assert main(["cutout", "image.png", "trimap.png", "-o", "out.png", "--background", "sky.exr"]) == 0
    assert (io.read_image("out.png")[known] == 128).all()


def save_image(path, **options):
    with Image.open("image.png") as image:
        image.save(path, **options)


def profile_of(path):
    with Image.open(path) as image:
        return image.info.get("icc_profile")


@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp"])
@pytest.mark.parametrize("profile", [SRGB, WIDE], ids=["srgb", "wide"])
def test_a_profile_survives(files, capsys, suffix, profile):
    save_image(f"photo.{suffix}", icc_profile=profile, dpi=(300, 300), quality=95)
    photo = f"photo.{suffix}"
    assert main(["cutout", photo, "trimap.png", "-o", "cut.png"]) == 0
    assert main(["cutout", photo, "trimap.png", "-o", "cut.webp"]) == 0
    assert main(["cutout", photo, "trimap.png", "-o", "over.jpg", "--background", "white"]) == 0
    assert main(["foreground", photo, "truth.png", "-o", "f.png", "--background-output", "b.tif"]) == 0
    assert main(["alpha", photo, "trimap.png", "-o", "alpha.png"]) == 0
    assert lines_of(capsys) == []
    for name in ("cut.png", "cut.webp", "over.jpg", "f.png", "b.tif"):
        assert profile_of(name) == profile
    assert profile_of("alpha.png") is None  # profiles are for colours only
    if suffix != "webp":  # WebP does not store a resolution
        for name in ("cut.png", "f.png", "b.tif", "over.jpg", "alpha.png"):
            assert io.read(name).metadata.resolution == pytest.approx((300, 300), abs=0.01)


@needs_openimageio
def test_a_profile_survives_at_16_bits(files):
    io.write_image("photo.png", io.read_image("image.png"), depth=16, metadata=io.Metadata(icc_profile=WIDE))
    assert main(["cutout", "photo.png", "trimap.png", "-o", "cut.png"]) == 0
    assert profile_of("cut.png") == WIDE
    assert io.read("cut.png").depth == 16


def test_gamma_and_chromaticities_survive(files):
    told = io.Metadata(gamma=0.5, chromaticities=(0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329))
    io.write_image("photo.png", io.read_image("image.png"), metadata=told)
    assert main(["cutout", "photo.png", "trimap.png", "-o", "cut.png"]) == 0
    assert main(["alpha", "photo.png", "trimap.png", "-o", "alpha.png"]) == 0
    kept, matte = io.read("cut.png").metadata, io.read("alpha.png").metadata
    assert kept.gamma == pytest.approx(0.5)
    assert kept.chromaticities == pytest.approx(told.chromaticities)
    assert (matte.gamma, matte.chromaticities) == (None, None)


@pytest.mark.parametrize(
    ("photo", "sky", "said"),
    [
        (WIDE, None, True),
        (WIDE, SRGB, True),
        (None, WIDE, True),
        (SRGB, None, False),
        (WIDE, WIDE, False),
        (None, SRGB, False),
    ],
)
def test_a_background_of_another_profile(files, capsys, photo, sky, said):
    save_image("photo.png", icc_profile=photo)
    save_image("sky.png", icc_profile=sky)
    assert main(["cutout", "photo.png", "trimap.png", "-o", "over.png", "--background", "sky.png"]) == 0
    assert [line for line in lines_of(capsys) if "another colour profile" in line] != [] or not said
    assert profile_of("over.png") == photo


@needs_openimageio
@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (io.Metadata(icc_profile=WIDE), True),
        (io.Metadata(code_points=(9, 16, 0, 1)), True),
        (io.Metadata(icc_profile=SRGB), False),
        (io.Metadata(gamma=0.45455), False),
        (io.Metadata(code_points=(1, 13, 0, 1)), False),
        (io.Metadata(srgb_intent=0), False),
    ],
)
def test_a_profile_that_exr_does_not_hold(files, capsys, metadata, said):
    io.write_image("photo.png", io.read_image("image.png"), metadata=metadata)
    assert main(["cutout", "photo.png", "trimap.png", "-o", "cut.exr"]) == 0
    (line,) = lines_of(capsys)
    assert "EXR holds linear light" in line
    assert ("profile" in line) == said


@needs_openimageio
@pytest.mark.parametrize("gamma", [1.0, 1 / 1.8])
def test_a_gamma_is_applied_on_the_way_to_exr(files, sample, capsys, gamma):
    image = io.read_image("image.png")
    io.write_image("photo.png", image, metadata=io.Metadata(gamma=gamma))
    assert main(["foreground", "photo.png", "truth.png", "-o", "f.exr"]) == 0
    (line,) = lines_of(capsys)
    assert f"from gamma {gamma:.4g}" in line
    shown = sample.alpha == 1
    np.testing.assert_allclose(io.read_image("f.exr")[shown], (image[shown] / 255) ** (1 / gamma), atol=1e-4)


@pytest.mark.parametrize(
    ("command", "known"), [("alpha", "trimap.png"), ("cutout", "trimap.png"), ("foreground", "truth.png")]
)
def test_bits_follow_the_photograph(files, sample, capsys, command, known):
    if command != "alpha":
        pytest.importorskip("OpenImageIO")
    io.write_image("deep.png", sample.image[..., 1], depth=16)
    for output, bits in (("out.png", 16), ("out.tif", 16), ("out.webp", 8)):
        assert main([command, "deep.png", known, "-o", output]) == 0
        lines = lines_of(capsys)
        assert len(lines) == (bits == 8)
        assert all(output in line and "8 bits" in line for line in lines)
        assert io.read(output).depth == bits
    assert main([command, "deep.png", known, "-o", "out.png", "--depth", "8"]) == 0
    assert io.read("out.png").depth == 8
    assert main([command, "image.png", known, "-o", "out.png"]) == 0
    assert io.read("out.png").depth == 8
    assert lines_of(capsys) == []
    assert main([command, "image.png", known, "-o", "other.webp", "--depth", "16"]) == 1
    assert "WEBP holds no 16 bits" in lines_of(capsys)[0]


@needs_openimageio
def test_bits_of_two_outputs(files, sample, capsys):
    io.write_image("deep.png", sample.image, depth=16)
    assert main(["foreground", "deep.png", "truth.png", "-o", "f.png", "--background-output", "b.jpg"]) == 0
    assert "b.jpg: JPEG holds no 16 bits" in lines_of(capsys)[0]
    assert io.read("f.png").depth == io.read("b.jpg").depth == 8


def test_without_openimageio(files, sample, capsys, monkeypatch):
    """A grey photograph of 16 bits is read without it; its cut-out has colours."""
    io.write_image("deep.png", sample.image[..., 1], depth=16)
    monkeypatch.setitem(__import__("sys").modules, "OpenImageIO", None)
    assert main(["cutout", "deep.png", "trimap.png", "-o", "cut.png"]) == 0
    (line,) = lines_of(capsys)
    assert "OpenImageIO" in line
    assert "8 bits" in line
    assert io.read("cut.png").depth == 8
    assert main(["cutout", "deep.png", "trimap.png", "-o", "deep_cut.png", "--depth", "16"]) == 1
    assert "OpenImageIO" in lines_of(capsys)[0]
    assert not (files / "deep_cut.png").exists()


ADOBE = io.Metadata(gamma=256 / 563, chromaticities=(0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329))


@needs_openimageio
def test_a_gamma_near_that_of_srgb_is_a_gamma_where_the_primaries_are_others(files, sample, capsys):
    io.write_image("adobe.png", sample.image, depth=16, metadata=ADOBE)
    assert main(["cutout", "adobe.png", "trimap.png", "-o", "cut.exr"]) == 0
    assert "converted to it from gamma 0.4547" in capsys.readouterr().err
    found = io.read("cut.exr")
    known = sample.trimap == 1
    np.testing.assert_allclose(found.pixels[known], sample.image[known] ** (563 / 256), atol=1e-4)
    np.testing.assert_allclose(found.metadata.chromaticities, ADOBE.chromaticities, atol=1e-4)


@pytest.mark.parametrize("metadata", [ADOBE, io.Metadata(icc_profile=WIDE), io.Metadata(gamma=1.0)])
def test_a_colour_in_another_profile_is_said(files, sample, capsys, metadata):
    io.write_image("wide.png", sample.image, metadata=metadata)
    for colour in ("#204080", "grey"):
        assert main(["cutout", "wide.png", "trimap.png", "-o", "out.png", "--background", colour]) == 0
        (line,) = lines_of(capsys)
        assert f"{colour} was taken by the photograph's colour profile" in line
    for colour in ("white", "#000"):
        assert main(["cutout", "wide.png", "trimap.png", "-o", "out.png", "--background", colour]) == 0
        assert lines_of(capsys) == []


@pytest.mark.parametrize("colour", ["#20408080", "rgba(10, 20, 30, 40)", "#1234", "rgb(300, 0, 0)"])
def test_a_background_is_opaque_and_within_range(files, capsys, colour):
    assert main(["cutout", "image.png", "trimap.png", "-o", "out.png", "--background", colour]) == 1
    (line,) = lines_of(capsys)
    assert f"background: takes opaque colours of 0 to 255, got '{colour}'" in line


@pytest.mark.parametrize(("output", "depth"), [("out.webp", 8), ("out.webp", 16)])
def test_a_photograph_too_long_for_the_format_is_refused_before_the_work(files, capsys, monkeypatch, output, depth):
    monkeypatch.setattr("propmat._photographs._method.Method.solve", None)
    io.write_image("long.png", np.full((3, 17000), 0.5), depth=depth)
    io.write_image("labels.png", np.tile(np.linspace(0, 1, 17000), (3, 1)))
    assert main(["alpha", "long.png", "labels.png", "-o", output]) == 1
    (line,) = lines_of(capsys)
    assert "WEBP holds no sides above 16383 pixels" in line
