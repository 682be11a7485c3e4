"""Metadata that colours depend on is preserved by reading and writing, or a warning tells that it is lost."""

import io
import zlib
from contextlib import suppress

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from propmat.errors import InputError, PropmatWarning
from propmat.io import Metadata, _avif, read, write_image, write_images

WIDE = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_PROFILE = PROFILE[:16] + b"GRAY" + PROFILE[20:]
INKS = PROFILE[:16] + b"CMYK" + PROFILE[20:]


@pytest.fixture
def colours(rng):
    return rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)


def written_and_read(path, pixels, metadata, depth=8):
    write_image(path, pixels, depth=depth, metadata=metadata)
    return read(path).metadata


@pytest.mark.parametrize(
    ("name", "depth"), [("a.png", 8), ("a.png", 16), ("a.tif", 8), ("a.tif", 16), ("a.jpg", 8), ("a.webp", 8)]
)
@pytest.mark.parametrize("profile", [PROFILE, bytes(range(256)) * 700], ids=["profile", "long"])
@pytest.mark.parametrize("channels", [3, 4])
def test_profile_comes_back_in_every_byte(tmp_path, rng, name, depth, profile, channels):
    if name == "a.jpg" and channels == 4:
        pytest.skip("JPEG holds no transparency")
    pixels = rng.integers(0, 256, (6, 9, channels), dtype=np.uint8)
    assert written_and_read(tmp_path / name, pixels, Metadata(icc_profile=profile), depth).icc_profile == profile


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_keeps_all_it_can_say(tmp_path, rng, depth, channels):
    pixels = rng.integers(0, 256, (6, 9, channels), dtype=np.uint8)
    given = Metadata(
        gamma=0.5, chromaticities=WIDE, srgb_intent=1, code_points=(12, 16, 0, 1), resolution=(300.0, 150.0)
    )
    found = written_and_read(tmp_path / "a.png", pixels[..., 0] if channels == 1 else pixels, given, depth)
    assert (found.gamma, found.srgb_intent, found.code_points) == (0.5, 1, (12, 16, 0, 1))
    np.testing.assert_allclose(found.chromaticities, WIDE, atol=0.5e-5)
    np.testing.assert_allclose(found.resolution, given.resolution, atol=0.0254 / 2)
    assert written_and_read(tmp_path / "b.png", pixels[..., 0] if channels == 1 else pixels, found, depth) == found
    with Image.open(tmp_path / "a.png") as image:
        assert (image.info["gamma"], image.info["srgb"]) == (0.5, 1)
        assert image.info["chromaticity"] == (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
    stored = oiio.ImageInput.open(str(tmp_path / "a.png")).read_image(0, 1, "uint8")  # another reader accepts it too
    assert stored.shape[:2] == (6, 9)
    colours = read(tmp_path / "a.png").pixels.reshape(6, 9, -1)
    np.testing.assert_array_equal(colours[..., 0], pixels[..., 0] * np.uint16(1 if depth == 8 else 257))


def test_png_of_others_is_understood(tmp_path, colours):
    chunks = PngImagePlugin.PngInfo()
    chunks.add(b"gAMA", (45455).to_bytes(4, "big"))
    chunks.add(b"sRGB", b"\2")
    Image.fromarray(colours).save(tmp_path / "a.png", pnginfo=chunks, dpi=(72, 72))
    found = read(tmp_path / "a.png").metadata
    assert (found.gamma, found.srgb_intent, found.icc_profile) == (0.45455, 2, None)
    np.testing.assert_allclose(found.resolution, (72, 72), atol=0.02)


@pytest.mark.parametrize(
    "chunk",
    [(b"gAMA", bytes(4)), (b"gAMA", b"1"), (b"sRGB", b"\x09"), (b"cHRM", bytes(5)), (b"iCCP", b"name\0\0rubbish")],
)
def test_chunks_without_sense_say_nothing(colours, chunk):
    file = io.BytesIO()
    write_image(file, colours)
    encoded = file.getvalue()
    name, data = chunk
    piece = len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
    with suppress(InputError):  # Pillow refuses some of them
        assert read(io.BytesIO(encoded[:33] + piece + encoded[33:])).metadata == Metadata()


@pytest.mark.parametrize(("name", "depth"), [("a.png", 16), ("a.tif", 8), ("a.tif", 16), ("a.jpg", 8), ("a.bmp", 8)])
def test_resolution_survives(tmp_path, colours, name, depth):
    found = written_and_read(tmp_path / name, colours, Metadata(resolution=(300, 200)), depth)
    np.testing.assert_allclose(found.resolution, (300, 200), rtol=1e-4)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_resolution_is_turned_with_the_picture(tmp_path, colours, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(colours).save(tmp_path / "a.jpg", exif=exif, dpi=(300, 200))
    assert read(tmp_path / "a.jpg").metadata.resolution == ((300, 200) if orientation < 5 else (200, 300))


@pytest.mark.parametrize("name", ["a.bmp", "a.dpx", "a.exr"])
def test_loss_of_a_profile_is_said(tmp_path, colours, name):
    with pytest.warns(PropmatWarning, match=rf"{name}: \w+ does not hold the ICC profile that came with"):
        write_image(tmp_path / name, colours, metadata=Metadata(icc_profile=PROFILE))


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.tif"])
def test_loss_of_other_meanings_is_said(tmp_path, colours, name):
    with pytest.warns(PropmatWarning, match=r"does not hold the gamma and the chromaticities"):
        write_image(tmp_path / name, colours, metadata=Metadata(gamma=1.0, chromaticities=WIDE))
    with pytest.warns(PropmatWarning, match=r"does not hold the code points"):
        write_image(tmp_path / name, colours, metadata=Metadata(code_points=(9, 16, 0, 1)))
    # Metadata for sRGB may be omitted: readers assume sRGB without it.
    screens = Metadata(gamma=0.45455, srgb_intent=0, chromaticities=(0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329))
    write_image(tmp_path / name, colours, metadata=screens)


def test_exr_keeps_chromaticities_and_nothing_else(tmp_path, colours):
    given = Metadata(chromaticities=WIDE, srgb_intent=0, resolution=(300, 300))
    found = written_and_read(tmp_path / "a.exr", colours, given)
    np.testing.assert_allclose(found.chromaticities, WIDE, rtol=1e-6)
    assert (found.srgb_intent, found.gamma, found.icc_profile) == (None, None, None)


def test_profile_of_grey_does_not_go_into_colours(tmp_path, colours):
    with pytest.warns(PropmatWarning, match="profile is of another kind than the picture"):
        assert written_and_read(tmp_path / "a.png", colours, Metadata(icc_profile=GREY_PROFILE)).icc_profile is None
    with pytest.warns(PropmatWarning, match="profile is of another kind than the picture"):
        assert written_and_read(tmp_path / "b.png", colours[..., 0], Metadata(icc_profile=PROFILE)).icc_profile is None
    grey = written_and_read(tmp_path / "c.png", colours[..., 0], Metadata(icc_profile=GREY_PROFILE))
    assert grey.icc_profile == GREY_PROFILE


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_profile_of_inks_is_not_passed_on_with_rgb(tmp_path, suffix):
    Image.new("CMYK", (8, 8), (200, 10, 10, 0)).save(tmp_path / f"a{suffix}", icc_profile=INKS)
    with pytest.warns(PropmatWarning, match="profile describes CMYK; the colours were converted without it"):
        assert read(tmp_path / f"a{suffix}").metadata.icc_profile is None


def test_adobe_rgb_of_cameras(tmp_path, colours):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    Image.fromarray(colours).save(tmp_path / "a.jpg", exif=exif)
    found = read(tmp_path / "a.jpg").metadata
    assert found.chromaticities == (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329)
    assert found.gamma == pytest.approx(1 / 2.2, abs=1e-3)


def test_several_pictures_share_metadata(tmp_path, colours):
    paths = [tmp_path / "a.png", tmp_path / "b.jpg"]
    write_images(dict.fromkeys(paths, colours), metadata=Metadata(icc_profile=PROFILE))
    assert [read(path).metadata.icc_profile for path in paths] == [PROFILE, PROFILE]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("icc_profile", "text"),
        ("icc_profile", b""),
        ("gamma", 0),
        ("gamma", np.nan),
        ("gamma", "2.2"),
        ("chromaticities", (0.3, 0.3)),
        ("chromaticities", 5),
        ("srgb_intent", 4),
        ("code_points", (1, 13, 0)),
        ("code_points", (1, 13, 0, 256)),
        ("code_points", (1, 13.5, 0, 1)),
        ("srgb_intent", 1.0),
        ("resolution", (72, 0)),
        ("resolution", (72, np.inf)),
    ],
)
def test_metadata_is_checked(field, value):
    with pytest.raises(InputError, match=f"{field}: takes"):
        Metadata(**{field: value})


def save_avif(path, pixels, **options):
    try:
        Image.fromarray(pixels).save(path, **options)
    except (KeyError, OSError, ValueError):
        pytest.skip("Pillow without AVIF")


def test_avif_is_read_with_the_meaning_of_its_colours(tmp_path, colours):
    pixels = np.repeat(np.repeat(colours, 8, axis=0), 8, axis=1)
    save_avif(tmp_path / "a.avif", pixels, quality=100, subsampling="4:4:4")
    picture = read(tmp_path / "a.avif")
    assert np.abs(picture.pixels.astype(int) - pixels).max() <= 4  # the rounding of YCbCr and of lossy coding
    assert picture.metadata.code_points == (1, 13, 0, 1)
    save_avif(tmp_path / "b.avif", pixels, icc_profile=PROFILE)
    assert read(tmp_path / "b.avif").metadata.icc_profile == PROFILE


def test_depth_of_avif_that_is_lost_is_said(tmp_path, colours, monkeypatch):
    save_avif(tmp_path / "a.avif", colours)
    file = (tmp_path / "a.avif").read_bytes()
    deep = file.replace(b"pixi\0\0\0\0\3\x08\x08\x08", b"pixi\0\0\0\0\3\x0a\x0a\x0a")
    assert _avif.properties_of(io.BytesIO(file))[0] == 8
    bits, codes = _avif.properties_of(io.BytesIO(deep))
    assert bits == 10
    # Pillow writes 8 bits only, and its reader compares the box with the picture.
    monkeypatch.setattr(_avif, "properties_of", lambda file: (bits, codes))
    with pytest.warns(PropmatWarning, match="has 10 bits per sample, of which 8 were read"):
        read(tmp_path / "a.avif")


def test_numbers_are_kept_as_tuples():
    one, other = Metadata(chromaticities=np.full(8, 0.25)), Metadata(chromaticities=[0.25] * 8)
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize("arrays", [None, [("a.png", np.zeros((2, 2)))], np.zeros((2, 2)), "a.png"])
def test_pictures_come_in_a_mapping(arrays):
    with pytest.raises(InputError, match="arrays: takes a mapping of paths to arrays, got"):
        write_images(arrays)
