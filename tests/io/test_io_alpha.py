"""Alpha channels, by one rule for all formats and depths: colours are straight, and mattes may be read from them."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from propmat.errors import InputError, PropmatWarning
from propmat.io import read, read_image, read_matte, read_trimap, write_image
from tests.io.test_io import save_oiio

COLOUR, COVER = 0.8, 0.5


def plane(shape, value, dtype):
    """`value` of full scale."""
    return (
        np.full(shape, value) if np.dtype(dtype).kind == "f" else np.rint(np.full(shape, value) * np.iinfo(dtype).max)
    )


def save_associated_tiff(path, dtype, planes=1, bits=None):
    """4 x 5 pixels of 0.8 under alpha of 0.5, stored multiplied, ExtraSamples 1."""
    spec_pixels = np.dstack(
        [plane((4, 5), COLOUR * COVER, dtype)] * 3 + [plane((4, 5), COVER, dtype)] * planes,
    ).astype(dtype)
    import OpenImageIO as oiio

    spec = oiio.ImageSpec(5, 4, spec_pixels.shape[2], "float" if np.dtype(dtype).kind == "f" else str(np.dtype(dtype)))
    output = oiio.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(spec_pixels)
    assert output.close()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_associated_tiff_is_divided_by_alpha(tmp_path, dtype):
    save_associated_tiff(tmp_path / "a.tif", dtype)
    with Image.open(tmp_path / "a.tif") if dtype != np.float32 else io.BytesIO() as image:
        assert dtype == np.float32 or image.tag_v2[338] == (1,)
    picture = read(tmp_path / "a.tif")
    full = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1
    # Stored colours and alpha have rounding errors of at most half a level each.
    bound = 1e-6 if full == 1 else (0.5 + 0.5 * COLOUR) / (COVER * full - 0.5) + 0.5 / full
    assert picture.pixels.dtype == dtype
    assert np.abs(picture.pixels / full - COLOUR).max() <= bound
    assert np.abs(picture.alpha / full - COVER).max() <= 0.5 / full


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_quotients_are_rounded_to_the_nearest_level(tmp_path, dtype, rng):
    full = np.iinfo(dtype).max
    alpha = rng.integers(1, full, (16, 17))
    colours = rng.integers(0, alpha[..., np.newaxis] + 1, (16, 17, 3))
    import OpenImageIO as oiio

    spec = oiio.ImageSpec(17, 16, 4, str(np.dtype(dtype)))
    output = oiio.ImageOutput.create(str(tmp_path / "a.tif"))
    output.open(str(tmp_path / "a.tif"), spec)
    output.write_image(np.dstack([colours, alpha]).astype(dtype))
    output.close()
    quotient = colours * full / alpha[..., np.newaxis]
    found = read(tmp_path / "a.tif").pixels
    assert np.abs(found - quotient).max() <= 0.5


def test_associated_grey_tiff(tmp_path):
    tags = [(256, 4, 1, 2), (257, 4, 1, 1), (258, 3, 2, 8 | 8 << 16), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 4)]
    tags += [(277, 3, 1, 2), (278, 4, 1, 1), (279, 4, 1, 4), (338, 3, 1, 1)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    pixels = bytes([100, 200, 30, 60])
    file = b"II*\0" + struct.pack("<I", 12) + pixels + struct.pack("<H", len(tags)) + entries + bytes(4)
    (tmp_path / "a.tif").write_bytes(
        file.replace(struct.pack("<HHII", 273, 4, 1, 4), struct.pack("<HHII", 273, 4, 1, 8))
    )
    picture = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.alpha, [[200, 60]])
    np.testing.assert_array_equal(picture.pixels, [[128, 128]])  # 255 * 100 / 200 = 127.5, 255 * 30 / 60


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
@pytest.mark.parametrize("depth", [8, 16])
def test_straight_formats_return_as_written(tmp_path, rng, name, depth):
    if name == "a.webp" and depth == 16:
        pytest.skip("WebP holds 8 bits")
    pixels = rng.integers(0, 2**depth, (5, 7, 4)).astype(f"uint{depth}")
    write_image(tmp_path / name, pixels, depth=depth)
    picture = read(tmp_path / name)
    np.testing.assert_array_equal(np.dstack([picture.pixels, picture.alpha]), pixels)
    assert picture.depth == depth
    assert not picture.linear


def test_straight_jpeg_2000_and_premultiplied(tmp_path, rng):
    pixels = rng.integers(0, 65536, (64, 64, 4)).astype(np.uint16)
    save_oiio(tmp_path / "a.jp2", pixels)
    np.testing.assert_array_equal(read(tmp_path / "a.jp2").pixels, pixels[..., :3])
    # A channel definition box: colours 0 to 2, and channel 3 premultiplied opacity of the whole picture.
    box = (
        struct.pack(">H", 4) + b"".join(struct.pack(">3H", i, 0, i + 1) for i in range(3)) + struct.pack(">3H", 3, 2, 0)
    )
    box = struct.pack(">I", 8 + len(box)) + b"cdef" + box
    file = (tmp_path / "a.jp2").read_bytes()
    start = file.index(b"jp2h") - 4
    (length,) = struct.unpack(">I", file[start : start + 4])
    header = struct.pack(">I", length + len(box)) + file[start + 4 : start + length] + box
    (tmp_path / "b.jp2").write_bytes(file[:start] + header + file[start + length :])
    alpha = np.maximum(pixels[..., 3:], 1)
    expected = np.minimum(np.rint(65535.0 * pixels[..., :3] / alpha), 65535)
    shown = pixels[..., 3] > 0
    np.testing.assert_array_equal(read(tmp_path / "b.jp2").pixels[shown], expected[shown])


def test_tga_says_whether_colours_are_multiplied(tmp_path):
    pixels = np.full((2, 3, 4), (102, 102, 102, 128), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.tga")
    plain = (tmp_path / "a.tga").read_bytes()
    body = plain[:-26] if plain.endswith(b"TRUEVISION-XFILE.\0") else plain
    for kind, expected in ((3, 102), (4, 203)):  # useful alpha; premultiplied alpha: 102 * 255 / 128 = 203.2
        extension = struct.pack("<H", 495) + bytes(492) + bytes([kind])
        footer = struct.pack("<2I", len(body), 0) + b"TRUEVISION-XFILE.\0"
        (tmp_path / "b.tga").write_bytes(body + extension + footer)
        picture = read(tmp_path / "b.tga")
        assert (picture.pixels == expected).all()
        assert (picture.alpha == 128).all()


def test_exr_gives_back_the_colours_of_a_cutout(tmp_path, rng):
    cutout = rng.random((6, 7, 4)).astype(np.float32)
    cutout[0, 0, 3] = 0
    cutout[1, 1, :3] = 6.0  # light above white
    write_image(tmp_path / "a.exr", cutout)
    picture = read(tmp_path / "a.exr")
    assert (picture.linear, picture.depth) == (True, 32)
    np.testing.assert_array_equal(picture.alpha, cutout[..., 3])
    seen = cutout[..., 3] > 0
    np.testing.assert_allclose(picture.pixels[seen], cutout[..., :3][seen], rtol=4 * np.finfo(np.float32).eps)


def test_light_that_covers_nothing_stays(tmp_path):
    glow = np.array([[[2.0, 1.0, 0.5, 0.0], [0.4, 0.4, 0.4, 0.5]]], np.float32)
    save_oiio(tmp_path / "a.exr", glow, "float", channelnames=("R", "G", "B", "A"), alpha_channel=3)
    np.testing.assert_allclose(read(tmp_path / "a.exr").pixels, [[[2, 1, 0.5], [0.8, 0.8, 0.8]]], rtol=1e-6)


def test_read_says_nothing_of_transparency(tmp_path):
    Image.new("RGBA", (3, 3), (1, 2, 3, 4)).save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png").alpha == 4).all()
    Image.new("RGBA", (3, 3), (1, 2, 3, 255)).save(tmp_path / "a.png")
    assert read(tmp_path / "a.png").alpha is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_alpha_is_turned_with_the_colours(tmp_path, rng, orientation):
    pixels = rng.integers(0, 256, (4, 6, 1), dtype=np.uint8).repeat(4, axis=2)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    picture = read(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.alpha, picture.pixels[..., 0])
    assert picture.alpha.flags.c_contiguous


# Mattes


def circle(full=255):
    y, x = np.mgrid[:20, :24]
    return (np.clip(8 - np.hypot(y - 10, x - 12), 0, 1) * full).astype(np.uint8 if full == 255 else np.float32)


def mask_files(folder, rng):
    """The same matte as the alpha channel of several kinds of files."""
    colours = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
    matte = circle()
    Image.fromarray(np.dstack([colours, matte])).save(folder / "rgba.png")
    Image.fromarray(np.dstack([np.full_like(colours, 255), matte])).save(folder / "white.png")
    Image.fromarray(np.dstack([np.zeros_like(colours), matte])).save(folder / "black.webp", lossless=True, exact=True)
    Image.fromarray(np.dstack([colours[..., 0], matte])).save(folder / "la.png")
    Image.fromarray(np.dstack([colours, matte])).save(folder / "rgba.tif")
    palette = Image.fromarray(matte // 128)
    palette.putpalette(bytes([10, 200, 30, 200, 10, 30]))
    palette.save(folder / "palette.png", transparency=b"\x00\xff")
    write_image(folder / "rgba.exr", np.dstack([colours / 255, matte / 255]))
    save_oiio(
        folder / "grey.exr",
        np.dstack([matte, matte, colours[..., 0]]).astype(np.float32) / 255,
        "float",
        channelnames=("Y", "A", "Z"),
        alpha_channel=1,
        z_channel=2,
    )


@pytest.mark.parametrize(
    "name", ["rgba.png", "white.png", "black.webp", "la.png", "rgba.tif", "palette.png", "rgba.exr", "grey.exr"]
)
def test_alpha_channel_is_the_matte(tmp_path, rng, name):
    mask_files(tmp_path, rng)
    expected = 255 * (circle() >= 128) if name == "palette.png" else circle()
    with pytest.warns(PropmatWarning, match=rf"{name}: has an alpha channel, which was taken as the matte") as caught:
        found = read_matte(tmp_path / name)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert found.shape == (20, 24)
    np.testing.assert_allclose(found, expected / (1 if found.dtype == np.uint8 else 255), rtol=1e-6)


def test_a_file_of_alpha_alone_is_grey(tmp_path):
    matte = circle(1)
    save_oiio(tmp_path / "a.exr", matte[..., np.newaxis], "float", channelnames=("A",), alpha_channel=0)
    np.testing.assert_array_equal(read_matte(tmp_path / "a.exr"), matte)
    both = np.dstack([matte, np.full_like(matte, 7)])
    save_oiio(tmp_path / "b.exr", both, "float", channelnames=("A", "Z"), alpha_channel=0, z_channel=1)
    np.testing.assert_array_equal(read_matte(tmp_path / "b.exr"), matte)


@pytest.mark.parametrize("level", [0, 100])
def test_constant_transparency_says_nothing(tmp_path, level):
    alpha = np.full_like(circle(), level)
    Image.fromarray(np.dstack([circle(), alpha])).save(tmp_path / "a.png")
    with pytest.warns(PropmatWarning, match="transparency, which was ignored"):
        np.testing.assert_array_equal(read_matte(tmp_path / "a.png"), circle())
    red = np.dstack([circle(), 0 * alpha, 0 * alpha, alpha])
    Image.fromarray(red).save(tmp_path / "b.png")
    with (
        pytest.warns(PropmatWarning, match="transparency, which was ignored"),
        pytest.raises(InputError, match="an alpha matte must be grey"),
    ):
        read_matte(tmp_path / "b.png")


# Layers of EXR


LAYERS = {
    ("R", "G", "B", "crypto.A"): (None, ""),
    ("crypto.R", "crypto.G", "crypto.B", "crypto.A", "R", "G", "B"): (None, ""),
    ("R", "G", "B", "A", "spec.A"): ("A", ""),
    ("beauty.red", "beauty.green", "beauty.blue", "beauty.alpha"): ("beauty.alpha", ""),
    ("a.R", "a.G", "a.B", "b.R", "b.G", "b.B", "b.A"): (None, "holds layers a, b; a was read"),
    ("left.R", "left.G", "left.B", "left.A", "right.R", "right.G", "right.B"): ("left.A", "holds layers left, right"),
    ("Y", "matte.A"): (None, ""),
}


@pytest.mark.filterwarnings("always::propmat.errors.PropmatWarning")
@pytest.mark.parametrize("names", LAYERS)
def test_colours_and_alpha_are_of_one_layer(tmp_path, recwarn, names):
    whose, remark = LAYERS[names]
    values = dict(zip(names, np.linspace(0.1, 0.4, len(names), dtype=np.float32), strict=True))
    pixels = np.tile(np.fromiter(values.values(), np.float32), (4, 5, 1))
    save_oiio(tmp_path / "a.exr", pixels, "float", channelnames=names)
    picture = read(tmp_path / "a.exr")
    layer = "" if {"R", "Y"} & set(names) else names[0].partition(".")[0] + "."
    colours = [values[name] for name in names if name.startswith(layer) and name[len(layer) :] in COLOURS]
    alpha = 1 if whose is None else values[whose]
    np.testing.assert_allclose(picture.pixels[0, 0], np.squeeze(colours) / alpha, rtol=1e-6)
    assert (picture.alpha is None) == (whose is None)
    assert [str(warning.message).partition(": ")[2][: len(remark)] for warning in recwarn] == [remark] * bool(remark)


COLOURS = ("R", "G", "B", "red", "green", "blue", "Y")


@pytest.mark.parametrize("names", [("Y", "RY", "BY"), ("u", "v", "w", "x"), ("N.X", "N.Y"), ("R", "G")])
def test_channels_that_are_no_picture_are_refused(tmp_path, names):
    save_oiio(tmp_path / "a.exr", np.full((4, 5, len(names)), 0.5, np.float32), "float", channelnames=names)
    with pytest.raises(InputError, match=r"a\.exr: has .*channels \(.*\); takes"):
        read(tmp_path / "a.exr")


# A TIFF has the same pixels with every decoder


def save_tiff(path, pixels, photometric, extra=(), planar=1):
    """A minimal TIFF, uncompressed, little-endian."""
    height, width, channels = pixels.shape
    data = (pixels if planar == 1 else np.moveaxis(pixels, 2, 0)).tobytes()
    strips = channels if planar == 2 else 1
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    tags = {256: [width], 257: [height], 258: [8 * pixels.itemsize] * channels, 259: [1], 262: [photometric]}
    tags |= {273: [0] * strips, 277: [channels], 278: [height], 279: [len(data) // strips] * strips, 284: [planar]}
    tags |= {339: [kind] * channels} | ({338: list(extra)} if extra else {})
    start = 8 + 2 + 12 * len(tags) + 4
    outside = sum(4 * len(values) for values in tags.values() if len(values) > 1)
    tags[273] = [start + outside + place * (len(data) // strips) for place in range(strips)]
    entries, more = b"", b""
    for tag, values in tags.items():
        packed = struct.pack(f"<{len(values)}I", *values)
        entries += struct.pack("<HHI", tag, 4, len(values))
        entries += packed if len(values) == 1 else struct.pack("<I", start + len(more))
        more += packed if len(values) > 1 else b""
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + more + data)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("kind", [1, 2])
def test_alpha_of_tiff_in_planes_and_interleaved(tmp_path, dtype, planar, kind):
    shown = [COLOUR * COVER] * 3 if kind == 1 else [COLOUR] * 3
    stored = np.dstack([plane((4, 5), value, dtype) for value in (*shown, COVER)]).astype(dtype)
    save_tiff(tmp_path / "a.tif", stored, 2, (kind,), planar)
    picture = read(tmp_path / "a.tif")
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    np.testing.assert_allclose(picture.pixels / full, COLOUR, atol=1.01 / min(full, 255))
    np.testing.assert_array_equal(picture.alpha, stored[..., 3])


@pytest.mark.parametrize(
    ("dtype", "channels", "photometric", "extra", "what"),
    [
        (np.uint8, 5, 5, (2,), "of CMYK with 5 channels"),
        (np.uint16, 5, 5, (0,), "of CMYK with 5 channels"),
        (np.uint8, 2, 0, (2,), "whose white is 0"),
        (np.uint16, 2, 0, (2,), "whose white is 0"),
        (np.float32, 1, 0, (), "whose white is 0"),
        (np.int8, 1, 1, (), "of signed integers"),
        (np.int16, 1, 1, (), "of signed integers"),
        (np.int16, 3, 2, (), "of signed integers"),
        (np.int32, 3, 2, (), "of signed integers"),
        (np.uint16, 3, 8, (), "photometric interpretation 8"),
        (np.uint16, 3, 34892, (), "photometric interpretation 34892"),
    ],
)
def test_tiff_that_decoders_disagree_about_is_refused(tmp_path, dtype, channels, photometric, extra, what):
    save_tiff(tmp_path / "a.tif", np.full((4, 5, channels), 1).astype(dtype), photometric, extra)
    with pytest.raises(InputError, match=rf"a\.tif: .* a TIFF .*{what}.*; save it as grey or RGB"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_the_alpha_that_is_read_is_the_one_that_is_judged(tmp_path, dtype):
    stored = np.dstack([plane((4, 5), value, dtype) for value in (0.4, 0.4, 0.4, 0.5, 0.9)]).astype(dtype)
    save_tiff(tmp_path / "a.tif", stored, 2, (1, 2))
    picture = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture.alpha, stored[..., 4])
    np.testing.assert_array_equal(picture.pixels, stored[..., :3])


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("level", [0, 40])
def test_transparent_grey_of_png(tmp_path, depth, level):
    levels = np.array([[0, 40, 255], [40, 0, 7]], f"uint{depth}")
    Image.fromarray(levels).save(tmp_path / "a.png", transparency=level)
    picture = read(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, levels)
    np.testing.assert_array_equal(picture.alpha, np.where(levels == level, 0, 2**depth - 1))


# Trimaps


@pytest.mark.parametrize("colours", ["photograph", "white", "grey photograph"])
def test_cutout_is_no_trimap(tmp_path, rng, colours):
    pixels = {
        "photograph": rng.integers(0, 256, (20, 24, 3), dtype=np.uint8),
        "white": np.full((20, 24), 255, np.uint8),
        "grey photograph": rng.integers(0, 256, (20, 24), dtype=np.uint8),
    }[colours]
    Image.fromarray(np.dstack([pixels, circle()])).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: .*--mask on the command line, trimap_from_mask\(read_matte"):
        read_trimap(tmp_path / "a.png")


def test_trimap_with_transparency_is_a_trimap(tmp_path):
    levels = np.where(circle() > 200, 255, np.where(circle() > 0, 128, 0)).astype(np.uint8)
    Image.fromarray(np.dstack([levels, np.where(levels > 0, 255, 0).astype(np.uint8)])).save(tmp_path / "a.png")
    with pytest.warns(PropmatWarning, match="own transparency, which was ignored"):
        np.testing.assert_array_equal(read_trimap(tmp_path / "a.png"), levels)
    with pytest.warns(PropmatWarning, match="own transparency, which was ignored"):
        np.testing.assert_array_equal(read_image(tmp_path / "a.png"), levels)
