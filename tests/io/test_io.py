"""Reading and writing of image files: pixels as they are displayed, and files written completely or not at all."""

import os
import stat
import struct
import sys
import warnings
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image, ImageCms, ImageOps

from propmat.errors import InputError, MissingDependencyError, PropmatWarning
from propmat.io import read_image, read_matte, read_trimap, write_image, write_images

DATA = Path(__file__).resolve().parents[3] / "shared/data"
SUFFIXES_8 = [".png", ".tif", ".tiff", ".webp", ".bmp", ".dpx"]  # lossless formats
SUFFIXES_16 = [".png", ".tif", ".tiff", ".dpx"]
TRANSPARENT = [".png", ".tif", ".tiff", ".webp"]


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture
def colours(rng):
    return rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)


@pytest.fixture
def levels16(rng):
    return rng.integers(0, 65536, (6, 9, 3), dtype=np.uint16)


@pytest.fixture
def no_openimageio(monkeypatch):
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)


def save_oiio(path, pixels, number=None, **attributes):
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, number or str(pixels.dtype))
    spec.attribute("oiio:UnassociatedAlpha", 1)
    for name, value in attributes.items():
        if isinstance(value, (int, tuple)) and name != "Orientation":
            setattr(spec, name, value)
        else:
            spec.attribute(name, value)
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(np.ascontiguousarray(pixels))
    assert output.close()


# Properties


@pytest.mark.parametrize("suffix", SUFFIXES_8)
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_eight_bits_return_as_written(tmp_path, rng, suffix, shape):
    array = rng.integers(0, 256, shape, dtype=np.uint8)
    write_image(tmp_path / f"a{suffix}", array)
    found = read_image(tmp_path / f"a{suffix}")
    if len(shape) == 2 and suffix == ".webp":  # WebP has no greyscale
        found = found[..., 0]
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("suffix", SUFFIXES_16)
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_sixteen_bits_return_as_written(tmp_path, rng, suffix, shape):
    array = rng.integers(0, 65536, shape, dtype=np.uint16)
    write_image(tmp_path / f"a{suffix}", array, depth=16)
    found = read_image(tmp_path / f"a{suffix}")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(("suffix", "depth"), [(s, 8) for s in TRANSPARENT] + [(s, 16) for s in (".png", ".tif")])
def test_colours_under_alpha_return_as_written(tmp_path, rng, suffix, depth):
    array = rng.integers(0, 2**depth, (5, 7, 4)).astype(f"uint{depth}")
    array[:2, :, 3] = 0
    write_image(tmp_path / f"a{suffix}", array, depth=depth)
    with pytest.warns(PropmatWarning, match="own transparency"):
        found = read_image(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(found, array[..., :3])
    as_stored = oiio.ImageSpec()
    as_stored.attribute("oiio:UnassociatedAlpha", 1)
    stored = oiio.ImageInput.open(str(tmp_path / f"a{suffix}"), as_stored).read_image("unknown")
    np.testing.assert_array_equal(stored, array)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("shape", [(40, 50), (40, 50, 3)])
def test_rounding_is_to_the_nearest_level(tmp_path, rng, depth, shape):
    array = rng.random(shape)
    top = 2**depth - 1
    write_image(tmp_path / "a.png", array, depth=depth)
    error = np.abs(read_image(tmp_path / "a.png") / top - array).max()
    assert error <= 0.5 / top * (1 + 1e-9)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_orientation_is_applied(tmp_path, colours, suffix, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"a{suffix}"
    Image.fromarray(colours).save(path, exif=exif)
    found = read_image(path)
    with Image.open(path) as image:
        expected = np.array(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(found, expected)
    assert found.flags.c_contiguous
    assert found.shape == ((6, 9, 3) if orientation < 5 else (9, 6, 3))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_orientation_is_applied_to_deep_colour(tmp_path, levels16, suffix, orientation):
    save_oiio(tmp_path / f"deep{suffix}", levels16, Orientation=orientation)
    exif = Image.Exif()
    exif[274] = orientation
    shallow = Image.fromarray((levels16 >> 8).astype(np.uint8))
    shallow.save(tmp_path / "shallow.png", exif=exif)
    found = read_image(tmp_path / f"deep{suffix}")
    np.testing.assert_array_equal(found >> 8, read_image(tmp_path / "shallow.png"))


# Displayed pixels


def test_one_bit_shows_black_and_white(tmp_path):
    pattern = np.eye(9, dtype=bool)
    for suffix in (".png", ".tif", ".bmp"):
        Image.fromarray(pattern).save(tmp_path / f"a{suffix}")
        found = read_image(tmp_path / f"a{suffix}")
        np.testing.assert_array_equal(found, pattern * np.uint8(255))


def test_lab_shows_its_colours(tmp_path):
    Image.new("LAB", (3, 3), (255, 128, 128)).save(tmp_path / "a.tif")
    assert (read_image(tmp_path / "a.tif") >= 254).all()


@pytest.mark.parametrize("mode", ["LAB", "CMYK", "P"])
def test_tall_narrow_pictures_are_converted_in_bands_of_pixels(mode, tmp_path, monkeypatch):
    """A transform is built for every band; 256 rows each would be 40 of them here."""
    size = 1, 10_000
    image = Image.new("LAB", size) if mode == "LAB" else Image.new("RGB", size).convert(mode)
    image.save(tmp_path / "a.tif")
    conversions = []
    convert = Image.Image.convert
    monkeypatch.setattr(Image.Image, "convert", lambda *given, **kw: conversions.append(1) or convert(*given, **kw))
    assert read_image(tmp_path / "a.tif").shape == (10_000, 1, 3)
    assert len(conversions) <= 2


def test_palette_shows_its_colours_and_not_its_indices(tmp_path):
    indices = np.array([[0, 1, 2]], np.uint8)
    palette = np.array([[255, 0, 0], [0, 200, 0], [9, 8, 7]], np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(palette.tobytes())
    for name in ("a.png", "a.gif", "a.tif"):
        image.save(tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name), palette[indices])


def test_transparent_palette_warns_and_shows_its_colours(tmp_path):
    indices = np.array([[0, 1, 2]], np.uint8)
    palette = np.array([[255, 0, 0], [0, 200, 0], [9, 8, 7]], np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(palette.tobytes())
    for transparency in (1, b"\x00\x80\xff"):
        image.save(tmp_path / "a.png", transparency=transparency)
        with pytest.warns(PropmatWarning, match="own transparency, which was ignored"):
            found = read_image(tmp_path / "a.png")
        np.testing.assert_array_equal(found, palette[indices])


def test_opaque_alpha_is_dropped_in_silence(tmp_path, colours):
    for mode, expected in (("RGBA", colours), ("LA", colours[..., 0])):
        image = Image.fromarray(expected)
        image.putalpha(255)
        assert image.mode == mode
        image.save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


def test_grey_with_transparency_stays_grey(tmp_path, colours):
    image = Image.fromarray(colours[..., 0])
    image.putalpha(Image.fromarray(colours[..., 1]))
    image.save(tmp_path / "a.png")
    with pytest.warns(PropmatWarning, match="own transparency"):
        np.testing.assert_array_equal(read_image(tmp_path / "a.png"), colours[..., 0])


def test_transparent_key_colour_warns(tmp_path, colours):
    Image.fromarray(colours).save(tmp_path / "a.png", transparency=tuple(map(int, colours[0, 0])))
    with pytest.warns(PropmatWarning, match="own transparency"):
        np.testing.assert_array_equal(read_image(tmp_path / "a.png"), colours)


def test_warning_points_at_the_caller(tmp_path):
    Image.new("RGBA", (3, 3)).save(tmp_path / "a.png")
    for read in (read_image, read_trimap, read_matte):
        with pytest.warns(PropmatWarning, match="transparency") as caught:
            read(tmp_path / "a.png")
        assert caught[0].filename == __file__


def test_cmyk_and_ycbcr_show_their_colours(tmp_path):
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    red.convert("CMYK").save(tmp_path / "adobe.jpg", quality=100)  # stored inverted, with a marker
    red.convert("CMYK").save(tmp_path / "cmyk.tif")
    red.convert("YCbCr").save(tmp_path / "ycbcr.tif", compression="tiff_lzw")  # uncompressed ones need Pillow 13
    red.save(tmp_path / "ycbcr.jpg", quality=100)
    assert b"Adobe" in (tmp_path / "adobe.jpg").read_bytes()
    for name in ("adobe.jpg", "cmyk.tif", "ycbcr.tif", "ycbcr.jpg"):
        found = read_image(tmp_path / name)
        assert found.shape == (16, 16, 3)
        assert np.abs(found - np.array([255.0, 0, 0])).max() <= 2, name


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_grey_keeps_its_depth(tmp_path, levels16, suffix):
    Image.fromarray(levels16[..., 0]).save(tmp_path / f"a{suffix}")
    found = read_image(tmp_path / f"a{suffix}")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, levels16[..., 0])


def test_deep_portable_maps(tmp_path):
    """Files of 10 bits: grey is read by Pillow, which scales to 16 bits, colour is not, as it would be reduced to 8."""
    levels = np.array([0, 1, 511, 512, 1022, 1023], ">u2")
    expected = np.rint(levels / 1023 * 65535)
    for kind, shape in ((b"P5", (1, 6)), (b"P6", (1, 2, 3))):
        size = b"%d 1 1023\n" % shape[1]
        (tmp_path / "a.pnm").write_bytes(kind + b"\n" + size + levels.tobytes())
        found = read_image(tmp_path / "a.pnm")
        assert found.dtype == np.uint16
        assert np.abs(found - expected.reshape(shape)).max() <= 1


def test_deep_grey_of_either_byte_order_and_of_wide_integers(tmp_path, levels16):
    grey = levels16[..., 0]
    for array, mode in ((grey.astype(">u2"), "I;16B"), (grey.astype(np.int32), "I")):
        Image.fromarray(array).save(tmp_path / "a.tif")
        with Image.open(tmp_path / "a.tif") as image:
            assert image.mode == mode
        found = read_image(tmp_path / "a.tif")
        assert found.dtype == np.dtype(np.uint16)
        np.testing.assert_array_equal(found, grey)


def test_deep_grey_where_white_is_zero(tmp_path, levels16):
    Image.fromarray(levels16[..., 0]).save(tmp_path / "a.tif", tiffinfo={262: 0})
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), 65535 - levels16[..., 0])


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.ppm", "a.jp2", "a.dpx"])
def test_deep_colour_keeps_its_depth(tmp_path, levels16, name):
    levels16 = np.tile(levels16, (8, 8, 1))  # OpenImageIO writes no JPEG 2000 of a few pixels
    save_oiio(tmp_path / name, levels16)
    found = read_image(tmp_path / name)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, levels16)


def test_twelve_bits_are_scaled_to_sixteen(tmp_path, levels16):
    spec = oiio.ImageSpec(9, 6, 1, "uint16")
    spec.attribute("oiio:BitsPerSample", 12)
    output = oiio.ImageOutput.create(str(tmp_path / "a.tif"))
    output.open(str(tmp_path / "a.tif"), spec)
    output.write_image(levels16[..., :1].copy())
    output.close()
    found = read_image(tmp_path / "a.tif")
    assert np.abs(found.astype(int) - levels16[..., 0]).max() <= 16


def test_format_is_told_by_content(tmp_path, colours, levels16):
    Image.fromarray(colours).save(tmp_path / "a.jpg", format="PNG")
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), colours)
    save_oiio(tmp_path / "b.png", levels16)
    (tmp_path / "b.png").rename(tmp_path / "b.jpg")
    np.testing.assert_array_equal(read_image(tmp_path / "b.jpg"), levels16)


def test_floating_point_files_are_read_as_stored(tmp_path, rng):
    values = rng.normal(size=(6, 9, 3)).astype(np.float32)
    values[0, 0] = np.nan, np.inf, -np.inf
    save_oiio(tmp_path / "a.exr", values, "float")
    save_oiio(tmp_path / "a.tif", values, "float")
    Image.fromarray(values[..., 0]).save(tmp_path / "grey.tif")
    for name, expected in (("a.exr", values), ("a.tif", values), ("grey.tif", values[..., 0])):
        found = read_image(tmp_path / name)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)


def test_radiance_is_read(tmp_path, rng):
    values = rng.random((6, 9, 3)).astype(np.float32)
    save_oiio(tmp_path / "a.hdr", values, "float")
    np.testing.assert_allclose(read_image(tmp_path / "a.hdr"), values, atol=1 / 128)


def test_half_floats_become_float32(tmp_path, rng):
    values = rng.random((6, 9, 1)).astype(np.float16)
    save_oiio(tmp_path / "a.exr", values, "half")
    found = read_image(tmp_path / "a.exr")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values[..., 0])


def test_display_window_is_what_is_shown(tmp_path, rng):
    stored = rng.random((4, 5, 3)).astype(np.float32)
    canvas = np.zeros((60, 60, 3), np.float32)
    for top, left in ((2, 3), (-1, -2), (3, -2), (-20, 0), (20, 20)):
        window = {"y": top, "x": left, "full_width": 7, "full_height": 6, "full_x": 0, "full_y": 0}
        save_oiio(tmp_path / "a.exr", stored, "float", **window)
        canvas[...] = 0
        canvas[20 + top : 24 + top, 20 + left : 25 + left] = stored
        found = read_image(tmp_path / "a.exr")
        np.testing.assert_array_equal(found, canvas[20:26, 20:27])


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8, 9])
def test_orientation_of_png_before_and_behind_the_pixels(tmp_path, rng, depth, behind, orientation):
    pixels = rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)
    write_image(tmp_path / "a.png", pixels, depth=depth)
    exif = b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHxx", 274, 3, 1, orientation) + bytes(4)
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    file = (tmp_path / "a.png").read_bytes()
    place = file.index(b"IEND" if behind else b"IDAT") - 4
    (tmp_path / "a.png").write_bytes(file[:place] + chunk + file[place:])
    expected = np.rot90(pixels, {3: 2, 6: -1, 8: 1}.get(orientation, 0))
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected * np.uint16(1 if depth == 8 else 257))


def test_channels_of_exr_are_told_by_name(tmp_path, rng):
    values = rng.random((4, 5, 5)).astype(np.float32)
    values[..., 3] = 1
    names = ("R", "G", "B", "A", "Z")
    save_oiio(tmp_path / "a.exr", values, "float", channelnames=names, alpha_channel=3, z_channel=4)
    np.testing.assert_array_equal(read_image(tmp_path / "a.exr"), values[..., :3])
    save_oiio(tmp_path / "b.exr", values[..., :1], "float", channelnames=("A",), alpha_channel=0)
    np.testing.assert_array_equal(read_matte(tmp_path / "b.exr"), values[..., 0])


@pytest.mark.parametrize("suffix", [".gif", ".tif", ".png", ".webp"])
def test_first_of_several_pictures_is_read(tmp_path, suffix):
    first, second = Image.new("RGB", (8, 8), (250, 0, 0)), Image.new("RGB", (8, 8), (0, 0, 250))
    path = tmp_path / f"a{suffix}"
    options = {"lossless": True} if suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=[second], **options)
    with pytest.warns(PropmatWarning, match="several pictures"):
        found = read_image(path)
    assert (found[..., :3] == (250, 0, 0)).all()


def test_previews_in_a_camera_file_are_passed_over(tmp_path, colours):
    image = Image.fromarray(colours)
    image.save(tmp_path / "a.mpo", save_all=True, append_images=[image.resize((3, 2))])
    assert read_image(tmp_path / "a.mpo").shape == colours.shape


def test_colour_profiles_and_odd_metadata_pass_in_silence(tmp_path, colours):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(colours).save(tmp_path / "a.png", icc_profile=profile)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), colours)
    broken = b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\xff\xff\xff\xff\0\6\0\0"
    Image.fromarray(colours).save(tmp_path / "a.jpg", exif=broken)
    assert read_image(tmp_path / "a.jpg").shape == colours.shape


def test_paths_are_strings_or_path_likes(tmp_path, colours):
    write_image(str(tmp_path / "ä b.PNG"), colours)
    np.testing.assert_array_equal(read_image(str(tmp_path / "ä b.PNG")), colours)
    np.testing.assert_array_equal(read_image(tmp_path / "ä b.PNG"), colours)


# Grey files


@pytest.mark.parametrize("read", [read_trimap, read_matte])
def test_equal_channels_become_grey(tmp_path, read):
    grey = np.array([[0, 128, 255]], np.uint8)
    image = Image.fromarray(grey)
    palette = image.convert("P")
    opaque = image.convert("RGBA")
    for kind in (image, palette, opaque, image.convert("RGB"), image.convert("LA")):
        kind.save(tmp_path / "a.png")
        found = read(tmp_path / "a.png")
        assert found.shape == (1, 3)
        np.testing.assert_array_equal(found, grey)


def test_grey_of_depth_or_of_one_bit(tmp_path, levels16):
    grey = np.repeat(levels16[..., :1], 3, axis=2)
    save_oiio(tmp_path / "a.png", grey)
    np.testing.assert_array_equal(read_matte(tmp_path / "a.png"), grey[..., 0])
    Image.fromarray(np.eye(4, dtype=bool)).save(tmp_path / "b.png")
    np.testing.assert_array_equal(read_trimap(tmp_path / "b.png"), np.eye(4) * 255)


def test_grey_that_is_not_finite_passes(tmp_path):
    grey = np.array([[0, np.nan, np.inf, -np.inf]], np.float32)
    write_image(tmp_path / "a.exr", np.dstack([grey] * 3))
    np.testing.assert_array_equal(read_matte(tmp_path / "a.exr"), grey)


@pytest.mark.parametrize("step", [514, 515])
def test_colour_tolerance_scales_with_depth(tmp_path, step):
    pixels = np.full((4, 4, 3), 30000, np.uint16)
    pixels[0, 0, 2] += step
    write_image(tmp_path / "a.png", pixels, depth=16)
    if step == 514:  # 2 / 255 of 65535
        assert (read_matte(tmp_path / "a.png") == 30000).all()
    else:
        with pytest.raises(InputError, match="must be grey"):
            read_matte(tmp_path / "a.png")


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_grey_jpeg_in_colour_is_grey(tmp_path, rng, quality):
    grey = Image.fromarray(rng.integers(0, 256, (64, 64), dtype=np.uint8)).convert("RGB")
    grey.save(tmp_path / "a.jpg", quality=quality)
    assert read_trimap(tmp_path / "a.jpg").shape == (64, 64)


def test_rounded_chroma_is_within_the_tolerance():
    """Every grey through YCbCr with each chroma off by half a level: the bound of the tolerance."""
    luma = np.arange(256.0)
    for blue in (-0.5, 0.5):
        for red in (-0.5, 0.5):
            green = luma - 0.344136 * blue - 0.714136 * red
            rgb = np.stack([luma + 1.402 * red, green, luma + 1.772 * blue])
            assert np.ptp(np.clip(np.rint(rgb), 0, 255), axis=0).max() <= 2


@pytest.mark.parametrize("read", [read_trimap, read_matte])
@pytest.mark.parametrize("step", [2, 3])
def test_colour_tolerance_is_sharp(tmp_path, read, step):
    pixels = np.full((10, 10, 3), 128, np.uint8)
    pixels[0, :7, 0] += step
    Image.fromarray(pixels).save(tmp_path / "a.png")
    if step == 2:
        assert (read(tmp_path / "a.png") == 128).all()
    else:
        with pytest.raises(InputError, match=r"a\.png: a.* must be grey, but 7\.00% of its pixels"):
            read(tmp_path / "a.png")


# Writing


@pytest.mark.parametrize("depth", [8, 16])
def test_overshoot_is_clipped(tmp_path, depth):
    write_image(tmp_path / "a.png", np.array([[-0.25, 0, 0.5, 1, 1.25]]), depth=depth)
    top = 2**depth - 1
    found = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(found, [[0, 0, (top + 1) // 2, top, top]])


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.bmp", "a.dpx"])
@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1.3), (-0.3, 1), (-1, 1), (0, 65535)])
def test_floats_of_another_scale_are_refused(tmp_path, name, low, high):
    with pytest.raises(InputError, match=r"array: floating values are in \[0, 1\], got .* Divide by the value"):
        write_image(tmp_path / name, np.linspace(low, high, 12).reshape(3, 4))
    assert not list(tmp_path.iterdir())


def test_light_of_any_brightness_goes_into_exr(tmp_path):
    light = np.array([[-1.0, 6.5, 1e30]], np.float32)
    write_image(tmp_path / "a.exr", light)
    np.testing.assert_array_equal(read_image(tmp_path / "a.exr"), light)
    with pytest.raises(InputError, match=r"array: EXR holds values up to 3\.4\d*e\+38, got 1e\+300"):
        write_image(tmp_path / "b.exr", np.array([[1e300]]))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.exr"])
def test_bool_is_black_and_white(tmp_path, name, depth):
    write_image(tmp_path / name, np.eye(3, dtype=bool), depth=depth)
    found = read_image(tmp_path / name)
    white = np.iinfo(found.dtype).max if found.dtype.kind == "u" else 1
    np.testing.assert_array_equal(found, np.eye(3) * white)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, ">f4"])
def test_all_floats_are_written(tmp_path, dtype):
    ramp = np.linspace(0, 1, 256, dtype=np.float64).reshape(16, 16)
    for depth in (8, 16):
        write_image(tmp_path / "a.png", ramp.astype(dtype), depth=depth)
        found = read_image(tmp_path / "a.png") / (2**depth - 1)
        rounding = np.finfo(dtype).eps / 2
        assert np.abs(found - ramp).max() <= 0.5 / (2**depth - 1) * 1.001 + rounding


def test_integers_change_depth_by_rounding(tmp_path):
    eight = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_image(tmp_path / "a.png", eight, depth=16)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), eight * np.uint16(257))
    sixteen = np.array([[0, 128, 129, 257, 65406, 65407, 65535]], np.uint16)
    write_image(tmp_path / "b.png", sixteen)
    np.testing.assert_array_equal(read_image(tmp_path / "b.png"), [[0, 0, 1, 1, 254, 255, 255]])


@pytest.mark.parametrize("depth", [8, 16])
def test_layout_and_byte_order_do_not_matter(tmp_path, rng, depth):
    array = rng.integers(0, 2**depth, (8, 9, 3)).astype(f"uint{depth}")
    swapped = array.astype(array.dtype.newbyteorder())
    for same in (np.asfortranarray(array), swapped, array[::-1][::-1]):
        before = same.copy()
        same.flags.writeable = False
        write_image(tmp_path / "a.png", same, depth=depth)
        np.testing.assert_array_equal(read_image(tmp_path / "a.png"), array)
        np.testing.assert_array_equal(same, before)
    write_image(tmp_path / "a.png", array[:, ::2, 0], depth=depth)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), array[:, ::2, 0])


def test_jpeg_is_of_high_quality(tmp_path):
    ramp = np.linspace(0, 1, 64)
    array = np.dstack(np.broadcast_arrays(ramp, ramp[::-1], ramp[:, None]))
    write_image(tmp_path / "a.jpg", array)
    assert np.abs(read_image(tmp_path / "a.jpg") / 255 - array).max() <= 4 / 255


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_exr_keeps_every_float32(tmp_path, rng, shape):
    array = rng.normal(size=shape).astype(np.float32)
    array.flat[0] = np.nan
    write_image(tmp_path / "a.exr", array)
    found = read_image(tmp_path / "a.exr")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, array)


def test_exr_stores_colours_multiplied_by_alpha(tmp_path, rng):
    array = rng.random((5, 7, 4)).astype(np.float32)
    write_image(tmp_path / "a.exr", array)
    stored = oiio.ImageInput.open(str(tmp_path / "a.exr")).read_image("float")
    np.testing.assert_array_equal(stored, np.dstack([array[..., :3] * array[..., 3:], array[..., 3]]))
    with pytest.warns(PropmatWarning, match="own transparency"):
        found = read_image(tmp_path / "a.exr")
    np.testing.assert_allclose(found, array[..., :3], rtol=4 * np.finfo(np.float32).eps)


def test_exr_scales_integers(tmp_path, colours):
    write_image(tmp_path / "a.exr", colours)
    np.testing.assert_allclose(read_image(tmp_path / "a.exr"), colours / 255, rtol=1e-7)


@pytest.mark.skipif(os.name == "nt", reason="no umask")
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
@pytest.mark.parametrize("name", ["a.png", "a.exr"])
def test_permissions_follow_the_umask(tmp_path, colours, umask, name):
    before = os.umask(umask)
    try:
        write_image(tmp_path / name, colours)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o666 & ~umask


def test_link_stays_a_link(tmp_path, colours):
    (tmp_path / "deep").mkdir()
    link = tmp_path / "a.png"
    try:
        link.symlink_to(tmp_path / "deep" / "b.png")
    except OSError:
        pytest.skip("links need a privilege here")
    write_image(link, colours)
    assert link.is_symlink()
    np.testing.assert_array_equal(read_image(tmp_path / "deep" / "b.png"), colours)


def test_longest_name_is_written(tmp_path, colours):
    path = tmp_path / ("a" * 251 + ".png")
    write_image(path, colours)
    np.testing.assert_array_equal(read_image(path), colours)


class Interrupted(BaseException):
    pass


@pytest.mark.parametrize("failure", [OSError("disk full"), ValueError("odd"), Interrupted()])
@pytest.mark.parametrize("existing", [False, True])
def test_failure_while_saving_leaves_no_trace(tmp_path, monkeypatch, colours, failure, existing):
    target = tmp_path / "a.png"
    if existing:
        target.write_bytes(b"precious")

    def half_save(self, file, **options):
        file.write(b"half a file")
        raise failure

    monkeypatch.setattr(Image.Image, "save", half_save)
    expected = Interrupted if isinstance(failure, Interrupted) else InputError
    with pytest.raises(expected):
        write_image(target, colours)
    assert list(tmp_path.iterdir()) == ([target] if existing else [])
    assert not existing or target.read_bytes() == b"precious"


def test_failure_while_replacing_leaves_no_trace(tmp_path, monkeypatch, colours):
    target = tmp_path / "a.exr"
    target.write_bytes(b"precious")

    def refuse(source, destination):
        assert Path(source).stat().st_size
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match=r"a\.exr: cannot be written: Permission denied"):
        write_image(target, colours)
    assert [path.name for path in tmp_path.iterdir()] == ["a.exr"]
    assert target.read_bytes() == b"precious"


def test_success_leaves_one_file(tmp_path, colours):
    for name in ("a.png", "a.exr"):
        write_image(tmp_path / name, colours)
        write_image(tmp_path / name, colours[::-1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.exr", "a.png"]


# Errors of reading


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.png: cannot be read: No such file"):
        read_image(tmp_path / "nowhere.png")


def test_directory(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path)


def test_null_byte_in_the_name():
    with pytest.raises(InputError, match="null byte"):
        read_image("a\0.png")


@pytest.mark.parametrize("name", ["a.png", "a.exr", "a.jpg", "a"])
def test_empty_file(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=rf"{name}: cannot be read: the file is empty"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.tga", "a.txt"])
def test_text_is_no_image(tmp_path, name):
    (tmp_path / name).write_text("Lorem ipsum dolor sit amet.\n" * 20)
    with pytest.raises(InputError, match=rf"{name}: .* not an image of a kind that is read here"):
        read_image(tmp_path / name)


def test_postscript_is_not_run(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.eps")
    with pytest.raises(InputError, match="not an image of a kind"):
        read_image(tmp_path / "a.eps")


def test_forbidden_file_even_for_root(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("propmat.io._source.open", refuse, raising=False)
    with pytest.raises(InputError, match=r"a\.png: cannot be read: Permission denied"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.bmp", "a.gif", "deep.png", "a.exr", "a.dpx"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_file(tmp_path, rng, name, share):
    array = rng.random((40, 50, 3))
    path = tmp_path / name
    if name == "a.gif":
        Image.fromarray((array * 255).astype(np.uint8)).save(path)
    else:
        write_image(path, array, depth=16 if name == "deep.png" else 8)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=rf"{name}: "):
        read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".gif", ".ppm", ".tga", ".exr"])
def test_flipped_bytes_raise_input_error_or_nothing(tmp_path, rng, suffix):
    path = tmp_path / f"a{suffix}"
    pixels = rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)
    if suffix == ".exr":
        write_image(path, pixels)
    else:
        Image.fromarray(pixels).save(path)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(60):
        damaged = whole.copy()
        places = rng.integers(4, min(200, whole.size), 4)
        damaged[places] = rng.integers(0, 256, 4)
        path.write_bytes(damaged.tobytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PropmatWarning)
            with suppress(InputError):
                assert read_image(path).ndim in (2, 3)


@pytest.mark.parametrize("name", ["a.png", "deep.png", "a.exr"])
def test_bombs_raise_and_large_photographs_do_not(tmp_path, monkeypatch, levels16, name):
    path = tmp_path / name
    if name == "deep.png":
        save_oiio(path, levels16)
    else:
        write_image(path, levels16)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 27)  # 54 pixels: above this, not above twice
    assert read_image(path).shape == (6, 9, 3)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 26)
    with pytest.raises(InputError, match=rf"{name}.*54 pixels.*limit of 52.*MAX_IMAGE_PIXELS"):
        read_image(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_image(path).shape == (6, 9, 3)


def test_wide_integers_out_of_range(tmp_path):
    for wrong in (-1, 65536):
        Image.fromarray(np.array([[0, wrong]], np.int32)).save(tmp_path / "a.tif")
        with pytest.raises(InputError, match="32-bit integers from .* not 0 to 65535"):
            read_image(tmp_path / "a.tif")


def test_two_channels_are_no_image(tmp_path, rng):
    values = rng.random((4, 5, 2)).astype(np.float32)
    save_oiio(tmp_path / "a.exr", values, "float", channelnames=("u", "v"))
    with pytest.raises(InputError, match=r"channels \('u', 'v'\); takes one"):
        read_image(tmp_path / "a.exr")


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.ppm", "a.jp2", "a.exr", "a.dpx", "a.hdr"])
def test_depth_is_never_lost_for_want_of_openimageio(tmp_path, levels16, name, request):
    floats = name in ("a.exr", "a.hdr")
    pixels = (levels16 / 65535).astype(np.float32) if floats else levels16
    save_oiio(tmp_path / name, pixels, "float" if floats else None)
    request.getfixturevalue("no_openimageio")
    with pytest.raises(MissingDependencyError, match=r'pip install "propmat\[vfx\]"'):
        read_image(tmp_path / name)


def test_sixteen_bit_grey_with_alpha_is_deep_too(tmp_path, levels16, request):
    pixels = levels16[..., :2].copy()
    names = {"channelnames": ("Y", "A"), "alpha_channel": 1}
    save_oiio(tmp_path / "a.png", pixels, **names)
    with pytest.warns(PropmatWarning, match="own transparency"):
        np.testing.assert_array_equal(read_image(tmp_path / "a.png"), pixels[..., 0])
    request.getfixturevalue("no_openimageio")
    with pytest.raises(MissingDependencyError, match="vfx"):
        read_image(tmp_path / "a.png")


# Errors of writing


@pytest.mark.parametrize("name", ["a", "a.jpq", "a.gif", ".png"])
def test_unknown_suffix(tmp_path, colours, name):
    with pytest.raises(InputError, match=r"no format has suffix .*takes \.png, \.tif, .*\.exr"):
        write_image(tmp_path / name, colours)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.bmp", "a.dpx"])
def test_no_transparency(tmp_path, name):
    takes = r"holds no transparency; formats that do: \.png, \.tif, \.tiff, \.webp, \.exr"
    with pytest.raises(InputError, match=takes):
        write_image(tmp_path / name, np.zeros((2, 2, 4)))


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.bmp"])
def test_no_sixteen_bits(tmp_path, colours, name):
    takes = r"holds no 16 bits; formats that do: \.png, \.tif, \.tiff, \.exr, \.dpx"
    with pytest.raises(InputError, match=takes):
        write_image(tmp_path / name, colours, depth=16)


@pytest.mark.parametrize("depth", [0, 10, 32, "8", None])
def test_wrong_depth(tmp_path, colours, depth):
    with pytest.raises(InputError, match="depth: takes 8 or 16, got"):
        write_image(tmp_path / "a.png", colours, depth=depth)


@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (4, 0, 3), (2, 2, 2), (2, 2, 1), (1, 2, 2, 3)])
def test_wrong_shape(tmp_path, shape):
    with pytest.raises(InputError, match=r"array: shape .*; takes \(H, W\)"):
        write_image(tmp_path / "a.png", np.zeros(shape))


@pytest.mark.parametrize("dtype", [complex, str, object])
def test_wrong_dtype(tmp_path, dtype):
    with pytest.raises(InputError, match="array: dtype .*; takes floating, uint8 or uint16"):
        write_image(tmp_path / "a.png", np.zeros((2, 2), dtype))


@pytest.mark.parametrize("dtype", [int, np.int8, np.int32, np.uint32, np.uint64])
@pytest.mark.parametrize("name", ["a.png", "a.exr"])
def test_other_integers_are_refused_with_the_remedy(tmp_path, dtype, name):
    with pytest.raises(InputError, match=r"array: dtype .*; takes .*pass array\.astype\(numpy\.uint8\)"):
        write_image(tmp_path / name, np.zeros((2, 2), dtype))


def test_what_is_no_array_is_refused(tmp_path):
    with pytest.raises(InputError, match="array: takes an array of numbers, got list"):
        write_image(tmp_path / "a.png", [[1, 2], [3]])
    with pytest.raises(InputError, match="array: is a masked array"):
        write_image(tmp_path / "a.png", np.ma.zeros((2, 2)))


@pytest.mark.parametrize("mode", ["P", "CMYK", "YCbCr", "HSV", "LAB", "RGBX", "RGBa"])
def test_numbers_that_are_not_the_colours_shown_are_refused(tmp_path, colours, mode):
    image = Image.fromarray(np.dstack([colours, colours[..., 0]])) if mode == "RGBa" else Image.fromarray(colours)
    with pytest.raises(InputError, match=f"array: is a Pillow image of mode {mode}; pass array.convert"):
        write_image(tmp_path / "a.png", image.convert(mode))


@pytest.mark.parametrize("given", [{}, "sRGB", b"profile", 300])
def test_what_is_no_metadata_is_refused(tmp_path, colours, given):
    with pytest.raises(InputError, match=r"metadata: takes propmat\.io\.Metadata, or None, got"):
        write_image(tmp_path / "a.png", colours, metadata=given)


def test_nan_has_no_level(tmp_path):
    with pytest.raises(InputError, match="array: 2 values are NaN, which PNG cannot hold"):
        write_image(tmp_path / "a.png", np.array([[np.nan, 0.5, np.nan]]))
    for infinity in (np.inf, -np.inf):
        with pytest.raises(InputError, match="array: 1 values are infinite, which PNG cannot hold"):
            write_image(tmp_path / "a.png", np.array([[infinity, 0.5]]))
    assert not list(tmp_path.iterdir())


def test_missing_folder(tmp_path, colours):
    with pytest.raises(InputError, match=r"a\.png: there is no folder .*nowhere to write into"):
        write_image(tmp_path / "nowhere" / "a.png", colours)


def test_target_is_a_directory(tmp_path, colours):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(InputError, match=r"a\.png: is a directory"):
        write_image(tmp_path / "a.png", colours)


def test_forbidden_folder_even_for_root(colours):
    if not Path("/proc/self").is_dir():
        pytest.skip("no folder that refuses everyone")
    for name in ("a.png", "a.exr"):
        with pytest.raises(InputError, match=rf"/proc/{name}: cannot be written"):
            write_image(f"/proc/{name}", colours)


def test_size_beyond_the_format(tmp_path):
    for name in ("a.jpg", "a.webp"):
        with pytest.raises(InputError, match=rf"{name}: .* holds no sides above .* pixels; formats that do: .png"):
            write_image(tmp_path / name, np.zeros((1, 70000), np.uint8))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_openimageio")
@pytest.mark.parametrize(("name", "depth"), [("a.png", 16), ("a.tif", 16), ("a.exr", 8)])
def test_writing_deep_colour_needs_openimageio(tmp_path, colours, name, depth):
    (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(MissingDependencyError, match=r'pip install "propmat\[vfx\]"'):
        write_image(tmp_path / name, colours, depth=depth)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"precious"]


@pytest.mark.usefixtures("no_openimageio")
def test_the_rest_does_not_need_it(tmp_path, colours, levels16):
    write_image(tmp_path / "a.png", colours)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), colours)
    write_image(tmp_path / "a.png", levels16[..., 0], depth=16)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), levels16[..., 0])


# Files of data sets


def test_every_photograph_and_trimap_is_read():
    if not DATA.is_dir():
        pytest.skip("no photographs here")
    for path in sorted(DATA.glob("*/trimap/*.png")) + sorted(DATA.glob("*/alpha/*.png")):
        if not (path.parents[1] / "image").is_dir():
            continue  # foregrounds without a photograph
        trimap = read_trimap(path)
        image = read_image(path.parents[1] / "image" / path.name)
        assert trimap.shape == image.shape[:2]
        assert image.ndim == 3
        assert trimap.min() < 30
        assert trimap.max() == 255


def test_scribbles_in_a_photograph_are_no_trimap():
    if not DATA.is_dir():
        pytest.skip("no photographs here")
    path = next(DATA.glob("levin_dandelion/scribbles/*.png"))
    with pytest.raises(InputError, match=r"a trimap must be grey, but .*% of its pixels"):
        read_trimap(path)


def test_several_images_are_written_all_or_none(tmp_path):
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    write_image(first, np.zeros((2, 3)))
    before = first.read_bytes()
    for bad, message in ((tmp_path / "no" / "b.png", "there is no folder"), (tmp_path / "b.xyz", "no format")):
        with pytest.raises(InputError, match=message) as caught:
            write_images({first: np.ones((2, 3)), bad: np.ones((2, 3))})
        assert str(bad) in str(caught.value).split(":")[0]
        assert first.read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["first.png"]
    write_images({first: np.ones((2, 3)), second: np.zeros((2, 3))}, depth=16)
    assert (read_image(first) == 65535).all()
    assert (read_image(second) == 0).all()
