"""Files that are not pictures are named as what they are, too large sizes are refused before allocation, pipes read."""

import builtins
import io
import os
import struct
import subprocess
import sys
import threading
import zlib

import numpy as np
import OpenImageIO as oiio
import pytest
from PIL import Image, ImageFile

from propmat.errors import InputError, MissingDependencyError, PropmatWarning
from propmat.io import _limits, _source, read, read_image, read_matte, read_trimap, write_image
from tests.io.test_io import save_oiio

READABLE = r"takes PNG, JPEG, TIFF, WebP, BMP, GIF, PPM, TGA.* with OpenImageIO EXR, DPX, Radiance HDR, JPEG 2000"


@pytest.fixture
def colours(rng):
    return rng.integers(0, 256, (6, 9, 3), dtype=np.uint8)


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


# Kinds

NOT_READ = {
    "PSD": b"8BPS\0\1" + bytes(30),
    "PDF": b"%PDF-1.7\n",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "HTML": b"<!DOCTYPE html><html>not found</html>",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + bytes(60),
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "raw": b"FUJIFILMCCD-RAW 0201" + bytes(40),
    "video": b"\0\0\0\x18ftypisom\0\0\2\0isommp41",
    "JPEG XL": b"\xff\x0a" + bytes(30),
    "ICO": b"\0\0\1\0\1\0\x20\x20\0\0\1\0\x20\0",
    "XCF": b"gimp xcf v011\0",
    "QOI": b"qoif" + bytes(10),
    "NumPy": b"\x93NUMPY\1\0",
    "DICOM": bytes(128) + b"DICM" + bytes(20),
    "ZIP": b"PK\3\4" + bytes(30),
    "archive": b"\x1f\x8b\x08" + bytes(20),
}


@pytest.mark.parametrize("name", NOT_READ)
@pytest.mark.parametrize("suffix", ["png", "bin"])
def test_other_kinds_are_called_by_name(tmp_path, name, suffix):
    (tmp_path / f"a.{suffix}").write_bytes(NOT_READ[name])
    with pytest.raises(InputError, match=rf"a\.{suffix}: .*looks like .*{name}.*; {READABLE}") as caught:
        read_image(tmp_path / f"a.{suffix}")
    assert "\n" not in str(caught.value)


def test_unknown_kinds_list_what_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"Lorem ipsum dolor sit amet.")
    with pytest.raises(InputError, match=READABLE):
        read_image(tmp_path / "a")


def test_avif_where_pillow_has_none(tmp_path, monkeypatch):
    from PIL import features

    monkeypatch.setattr(features, "check", lambda feature: None)
    (tmp_path / "a.avif").write_bytes(b"\0\0\0\x18ftypavif\0\0\0\0avifmif1")
    with pytest.raises(InputError, match="looks like AVIF or HEIC; takes AVIF with Pillow 11.3 or above"):
        read_image(tmp_path / "a.avif")


def save_raw(path, subfile, tags):
    Image.new("RGB", (16, 12)).save(path, tiffinfo={254: subfile} | tags)


@pytest.mark.parametrize(
    ("subfile", "tags"),
    [(0, {50706: b"\1\4\0\0"}), (1, {50706: b"\1\4\0\0"}), (1, {330: 8})],
    ids=["DNG", "DNG2", "NEF"],
)
def test_previews_in_raw_files_are_not_taken_for_them(tmp_path, subfile, tags):
    save_raw(tmp_path / "a.tif", subfile, tags)
    with pytest.raises(InputError, match="looks like a camera's raw file"):
        read_image(tmp_path / "a.tif")


# Damage


@pytest.mark.parametrize("mode", ["palette without colours", "no header", "no pixels"])
def test_damaged_png_is_an_input_error(tmp_path, mode):
    header = png_chunk(b"IHDR", struct.pack(">2I5B", 4, 4, 8, 3 if "palette" in mode else 2, 0, 0, 0))
    pixels = b"" if mode == "no pixels" else png_chunk(b"IDAT", zlib.compress(bytes(4 * 5)))
    start = b"" if mode == "no header" else header
    end = png_chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + start + pixels + end)
    with pytest.raises(InputError, match=r"a\.png: .*(damaged|cannot be read)"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("error", [AssertionError(), RecursionError("deep"), KeyError("x"), OverflowError("large")])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_whatever_a_parser_raises_is_an_input_error(tmp_path, colours, monkeypatch, error, name):
    write_image(tmp_path / name, colours)

    def fail(self):
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    monkeypatch.setattr("PIL.TiffImagePlugin.TiffImageFile.load", fail)
    with pytest.raises(InputError, match=rf"{name}: cannot be read: ") as caught:
        read_image(tmp_path / name)
    assert caught.value.__cause__ is error


def test_too_little_memory_is_said(tmp_path, colours, monkeypatch):
    write_image(tmp_path / "a.png", colours)

    def fail(self):
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(InputError, match=r"a\.png: cannot be read: there is too little memory for it"):
        read_image(tmp_path / "a.png")


def test_interrupts_pass(tmp_path, colours, monkeypatch):
    write_image(tmp_path / "a.png", colours)

    def fail(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(ImageFile.ImageFile, "load", fail)
    with pytest.raises(KeyboardInterrupt):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("tag", [256, 257, 258, 259, 262, 273, 277, 278, 279, 320])
def test_palette_tiff_with_a_wrong_tag(tmp_path, tag):
    image = Image.new("P", (6, 5), 1)
    image.putpalette(bytes(range(30)))
    image.save(tmp_path / "a.tif")
    file = (tmp_path / "a.tif").read_bytes()
    place = file.find(struct.pack("<H", tag), struct.unpack("<I", file[4:8])[0])
    for wrong in (struct.pack("<HHII", tag, 4, 1, 2**31), struct.pack("<HHII", tag, 2, 3, 0), bytes(12)):
        (tmp_path / "b.tif").write_bytes(file[:place] + wrong + file[place + 12 :])
        try:
            assert read_image(tmp_path / "b.tif").ndim in (2, 3)
        except (InputError, PropmatWarning):
            pass


# Sizes claimed by headers


def claim(path, old, new):
    file = path.read_bytes()
    assert old in file
    path.write_bytes(file.replace(old, new))


@pytest.mark.parametrize(("name", "channels"), [("a.exr", 1000), ("a.tif", 256), ("a.exr", 129)])
def test_hundreds_of_channels_are_refused(tmp_path, name, channels):
    pixels = np.zeros((3, 4, channels), np.float32 if name == "a.exr" else np.uint8)
    save_oiio(tmp_path / name, pixels, "float" if name == "a.exr" else None)
    with pytest.raises(InputError, match=rf"{name}: claims {channels} channels; takes files of up to 128"):
        read_image(tmp_path / name)


def test_colours_are_found_among_many_layers(tmp_path, rng):
    pixels = rng.random((5, 6, 100)).astype(np.float32)
    names = ("R", "G", "B", "A", *(f"layer{i:02}.X" for i in range(96)))
    pixels[..., 3] = 1
    save_oiio(tmp_path / "a.exr", pixels, "float", channelnames=names, alpha_channel=3)
    np.testing.assert_array_equal(read_image(tmp_path / "a.exr"), pixels[..., :3])
    grey = ("Y", "A", *(f"layer{i:02}.X" for i in range(98)))
    pixels[..., 1] = 1
    save_oiio(tmp_path / "b.exr", pixels, "float", channelnames=grey, alpha_channel=1)
    np.testing.assert_array_equal(read_image(tmp_path / "b.exr"), pixels[..., 0])


@pytest.mark.parametrize("animated", [False, True])
def test_webp_that_claims_a_large_canvas(tmp_path, animated):
    path = tmp_path / "a.webp"
    images = [Image.new("RGBA", (8, 8), (i, 0, 0, 99)) for i in (1, 200)]
    exif = Image.Exif()
    exif[274] = 1  # makes the file an extended WebP, which has a canvas size
    images[0].save(path, lossless=True, exif=exif, save_all=animated, append_images=images[1:])
    file = bytearray(path.read_bytes())
    place = file.index(b"VP8X") + 12
    file[place : place + 6] = (12999).to_bytes(3, "little") * 2
    path.write_bytes(file)
    with pytest.raises(InputError, match=r"a\.webp: 169000000 pixels exceed the limit of \d+ for WEBP"):
        read_image(path)


def test_jpeg_2000_that_claims_a_large_grid(tmp_path, rng):
    path = tmp_path / "a.jp2"
    save_oiio(path, rng.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    file = bytearray(path.read_bytes())
    place = file.index(b"\xff\x4f\xff\x51") + 8
    for sides, components, message in (
        ((60000, 60000), 3, "3600000000 pixels exceed"),
        ((64, 64), 16384, "claims 16384 channels"),
        ((13000, 13000), 16, "claims 10816000000 bytes of pixels"),
    ):
        file[place : place + 8] = struct.pack(">2I", *sides)
        file[place + 32 : place + 34] = struct.pack(">H", components)
        path.write_bytes(file)
        with pytest.raises(InputError, match=rf"a\.jp2: {message}"):
            read_image(path)


@pytest.mark.parametrize("name", ["a.exr", "a.tif"])
def test_tiles_much_larger_than_the_picture(tmp_path, name):
    pixels = np.zeros((64, 64, 3), np.float32)
    save_oiio(tmp_path / name, pixels, "float", tile_width=64, tile_height=64)
    assert read_image(tmp_path / name).shape == (64, 64, 3)
    file = bytearray((tmp_path / name).read_bytes())
    if name == "a.exr":
        place = file.index(b"tiles\0tiledesc\0") + 19
        file[place : place + 8] = struct.pack("<2I", 30000, 30000)
    else:
        for tag in (322, 323):
            place = file.index(struct.pack("<HHI", tag, 3, 1))
            file[place : place + 12] = struct.pack("<HHII", tag, 4, 1, 30000)
    (tmp_path / name).write_bytes(file)
    with pytest.raises(InputError, match="claims tiles of 30000 x 30000 for a picture of 64 x 64 pixels"):
        read_image(tmp_path / name)


def test_bytes_of_all_samples_are_limited(tmp_path, monkeypatch):
    names = ("R", "G", "B", *map(str, range(17)))
    save_oiio(tmp_path / "a.exr", np.zeros((6, 9, 20), np.float32), "float", channelnames=names)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 27)
    with pytest.raises(InputError, match=r"a\.exr: claims 4320 bytes of pixels; takes up to 648"):
        read_image(tmp_path / "a.exr")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_image(tmp_path / "a.exr").shape == (6, 9, 3)


def test_photographs_of_9_and_of_179_megapixels_are_within_the_limits():
    for kind, side in (("", 13370), ("WEBP", 9450), ("AVIF", 9450)):
        _limits.check_size("a", side, side, kind)
    _limits.check_samples("a", 13370, 13370, 3, 4)  # floating RGB
    _limits.check_samples("a", 3000, 3000, 40, 4)  # forty layers


def many_directories(count):
    """A TIFF of one pixel whose directory is repeated."""
    tags = ((256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 0), (277, 1), (278, 1), (279, 1))
    size = 2 + 12 * len(tags) + 4
    file = b"II*\0" + struct.pack("<I", 8)
    for i in range(count):
        following = 8 + (i + 1) * size if i + 1 < count else 0
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        file += struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return file


def test_directories_are_not_counted(tmp_path, monkeypatch):
    from PIL import TiffImagePlugin

    (tmp_path / "a.tif").write_bytes(many_directories(300))
    loaded = []
    load = TiffImagePlugin.ImageFileDirectory_v2.load
    monkeypatch.setattr(
        TiffImagePlugin.ImageFileDirectory_v2, "load", lambda self, file: (loaded.append(1), load(self, file))[1]
    )
    with pytest.warns(PropmatWarning, match="several pictures"):
        assert read_image(tmp_path / "a.tif").shape == (1, 1)
    assert len(loaded) < 10
    (tmp_path / "b.tif").write_bytes(many_directories(1))
    assert read_image(tmp_path / "b.tif").shape == (1, 1)


# Streams


@pytest.mark.parametrize("name", ["a.png", "deep.png", "a.tif", "a.jpg", "a.exr", "a.dpx", "a.webp"])
def test_file_objects_are_read_as_files_are(tmp_path, colours, name):
    write_image(tmp_path / name, colours, depth=16 if name == "deep.png" else 8)
    expected = read_image(tmp_path / name)
    with open(tmp_path / name, "rb") as file:
        np.testing.assert_array_equal(read_image(file), expected)
    found = read(io.BytesIO((tmp_path / name).read_bytes()))
    np.testing.assert_array_equal(found.pixels, expected)
    later = io.BytesIO(b"before" + (tmp_path / name).read_bytes())
    later.seek(6)
    np.testing.assert_array_equal(read_image(later), expected)


def test_matte_and_trimap_of_file_objects():
    file = io.BytesIO()
    write_image(file, np.array([[0, 128, 255]], np.uint8))
    for reading in (read_matte, read_trimap):
        np.testing.assert_array_equal(reading(io.BytesIO(file.getvalue())), [[0, 128, 255]])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
@pytest.mark.parametrize("name", ["a.png", "a.exr", "a.txt"])
def test_named_pipes_are_read(tmp_path, colours, name):
    content = b"Lorem ipsum" * 9000
    if name != "a.txt":
        write_image(tmp_path / name, colours)
        content = (tmp_path / name).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    feeding = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    feeding.start()
    if name == "a.txt":
        with pytest.raises(InputError, match=r"pipe: .*not an image of a kind"):
            read_image(tmp_path / "pipe")
    else:
        np.testing.assert_array_equal(read_image(tmp_path / "pipe"), read_image(tmp_path / name))
    feeding.join(60)
    assert not feeding.is_alive()


@pytest.mark.skipif(not os.path.isdir("/dev/fd"), reason="no /dev/fd")
@pytest.mark.parametrize("name", ["a.png", "a.dpx"])
def test_substituted_processes_are_read(tmp_path, colours, name):
    write_image(tmp_path / name, colours)
    code = f"import propmat.io; print(propmat.io.read_image({'/dev/stdin'!r}).sum())"
    with open(tmp_path / name, "rb") as file:
        content = file.read()
    run = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, timeout=120, check=True)
    assert int(run.stdout) == colours.sum()


def test_empty_and_endless_streams(monkeypatch):
    with pytest.raises(InputError, match="<BytesIO>: cannot be read: the file is empty"):
        read_image(io.BytesIO())
    monkeypatch.setattr(_source, "STREAM_LIMIT", 1000)

    class Endless(io.RawIOBase):
        name = "endless"

        def read(self, size=-1):
            return bytes(size)

    with pytest.raises(InputError, match="endless: cannot be read: the stream does not end within 1000 bytes"):
        read_image(Endless())


@pytest.mark.parametrize("source", [io.StringIO("text"), 7, None, ["a.png"]])
def test_what_is_no_file_is_refused(source):
    with pytest.raises(InputError, match=r"binary"):
        read_image(source)


def test_streams_that_fail(monkeypatch):
    class Failing(io.RawIOBase):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError, match="<Failing>: cannot be read: Input/output error"):
        read_image(Failing())
    closed = io.BytesIO(b"x")
    closed.close()
    with pytest.raises(InputError, match="closed file"):
        read_image(closed)


def test_streams_of_film_need_openimageio_too(tmp_path, colours, monkeypatch):
    write_image(tmp_path / "a.exr", colours)
    monkeypatch.setitem(sys.modules, "OpenImageIO", None)
    with pytest.raises(MissingDependencyError, match="vfx"), builtins.open(tmp_path / "a.exr", "rb") as file:
        read_image(file)


@pytest.mark.parametrize("half", [False, True])
def test_depth_is_that_of_the_file(tmp_path, rng, half):
    save_oiio(tmp_path / "a.exr", rng.random((4, 5, 3)).astype(np.float32), "half" if half else "float")
    picture = read(tmp_path / "a.exr")
    assert (picture.depth, picture.linear, picture.pixels.dtype) == (16 if half else 32, True, np.float32)
    save_oiio(tmp_path / "a.tif", rng.random((4, 5, 3)).astype(np.float32), "float")
    assert (read(tmp_path / "a.tif").depth, read(tmp_path / "a.tif").linear) == (32, False)
    assert oiio.VERSION


@pytest.mark.parametrize("name", ["a.tif", "a.jp2"])
def test_a_cut_file_is_called_damaged(tmp_path, rng, name):
    save_oiio(tmp_path / name, rng.integers(0, 65536, (64, 64, 3), dtype=np.uint16))
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:300])
    with pytest.raises(InputError) as refused:
        read_image(tmp_path / name)
    assert "OpenImageIO could not find" not in str(refused.value)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_streams_of_any_bytes(tmp_path, colours, kind):
    write_image(tmp_path / "a.png", colours)
    content = (tmp_path / "a.png").read_bytes()

    class Stream:
        file = io.BytesIO(content)

        def read(self, size):
            return kind(self.file.read(size))

    np.testing.assert_array_equal(read_image(Stream()), colours)
    with pytest.raises(InputError, match="takes a path or a binary file object, got .*; io.BytesIO makes"):
        read_image(kind(content))
