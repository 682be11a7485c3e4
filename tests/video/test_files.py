"""Clips and outputs in files: numbers, sizes, movies with alpha, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest

import propmat
import propmat.video
from propmat.errors import InputError, PropmatError
from propmat.video._clip import check_frames, opened
from propmat.video._codecs import CODECS, alphas_in, check_alpha, codec_of, encode
from propmat.video._movie import KEPT
from propmat.video._numbered import numbered_files
from propmat.video._outputs import MovieOutput, PicturesOutput, Wanted, output_at
from propmat.video._pattern import Pattern
from propmat.video._pyav import Tags
from tests.video.scenes import SHAPE, scene, write

av = pytest.importorskip("av")


@pytest.mark.parametrize(
    ("text", "number", "place"),
    [
        ("a/shot.%04d.exr", 101, "a/shot.0101.exr"),
        ("shot.####.png", 12345, "shot.12345.png"),
        ("a%d/b_%d.png", 7, "a%d/b_7.png"),
        ("#.tif", 10, "10.tif"),
    ],
)
def test_patterns(text, number, place):
    pattern = Pattern.parsed(text)
    assert pattern.place(number) == place
    assert pattern.number(place) == number
    assert pattern.number(place + "x") is None


def test_numbers_with_other_digits_are_others():
    assert Pattern.parsed("a.%04d.png").number("a.12.png") is None
    assert Pattern.parsed("a.%d.png").number("a.012.png") is None
    assert Pattern.parsed("a.png") is None


def test_folders_and_patterns(tmp_path):
    images = [sample.image for sample in scene(3)]
    write(tmp_path / "a", images, first=99)
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    for place in (str(tmp_path / "a"), str(tmp_path / "a" / "%04d.png"), str(tmp_path / "a" / "####.png")):
        clip = opened(place)
        assert list(clip.numbers) == [99, 100, 101]
        assert clip.shape == SHAPE
        assert np.abs(clip.read(100).image - images[1]).max() <= 0.5 / 255
        assert clip.names == Pattern("", 4, ".png")
    assert clip.tags == Tags()


def refused(message, call, *arguments):
    with pytest.raises(InputError, match=message):
        call(*arguments)


def test_clips_that_are_refused(tmp_path):
    images = [sample.image for sample in scene(3)]
    folder = write(tmp_path / "a", images)
    refused("is not there", opened, str(tmp_path / "b"))
    refused("is one file", opened, str(folder / "0001.png"))
    refused("no numbered picture of the pattern", opened, str(folder / "x.%d.png"))
    refused("takes the path of a movie, a folder", opened, 3)
    (folder / "0002.png").unlink()
    refused("frame 2 is missing", opened, str(folder))
    write(folder, [images[0][:40]], first=2)
    refused("0002.png is 64 x 40 pixels, other frames are 64 x 48", opened, str(folder))
    (folder / "0002.png").rename(folder / "other.0002.png")
    refused("several names, #.png and other.#.png", opened, str(folder))
    (folder / "other.0002.png").rename(folder / "2.png")
    (folder / "first.png").touch()
    refused("has no number", opened, str(folder))
    (folder / "first.png").unlink()
    (folder / "2.png").rename(folder / "03.png")
    refused("have the same number", opened, str(folder))
    empty = tmp_path / "empty"
    empty.mkdir()
    refused("no numbered picture in", opened, str(empty))


def test_frames_that_are_wanted(tmp_path):
    clip = opened(str(write(tmp_path / "a", [sample.image for sample in scene(4)], first=5)))
    assert check_frames(None, clip, "a") == range(5, 9)
    assert check_frames((6, 7), clip, "a") == range(6, 8)
    refused("4-7 are not all there: a has frames 5 to 8", check_frames, (4, 7), clip, "a")
    refused("takes the first and the last number", check_frames, (7, 6), clip, "a")


def movie(path, images, encoder="ffv1", pix_fmt="bgr0", rate=25, **options):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=rate, options=options)
        stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], pix_fmt
        for image in images:
            frame = av.VideoFrame.from_ndarray(np.rint(255 * image).astype(np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format=pix_fmt)))
        container.mux(stream.encode(None))
    return str(path)


def test_movies_are_read_in_any_order(tmp_path):
    images = [sample.image for sample in scene(2 * KEPT + 3)]
    clip = opened(movie(tmp_path / "a.mkv", images))
    assert clip.numbers == range(1, len(images) + 1)
    assert clip.shape == SHAPE
    assert float(clip.tags.rate) == 25
    order = [*range(1, 5), *range(len(images), 0, -1), 7, 1]
    for number in order:
        assert np.abs(clip.read(number).image - images[number - 1]).max() <= 0.5 / 255 + 1e-9


def test_frames_between_key_frames_are_found(tmp_path):
    images = [sample.image for sample in scene(30)]
    clip = opened(movie(tmp_path / "a.webm", images, "libvpx-vp9", "yuv444p", **{"g": "12", "crf": "4", "b": "0"}))
    assert len(clip.numbers) == 30
    for number in (30, 29, 14, 15, 2, 27):
        errors = [np.abs(clip.read(number).image - image).mean() for image in images]
        assert np.argmin(errors) == number - 1


def test_what_is_no_movie(tmp_path):
    refused("there is no file", opened, str(tmp_path / "a.mov"))
    (tmp_path / "a.mov").write_bytes(b"no movie")
    refused("a.mov is no movie that can be read", opened, str(tmp_path / "a.mov"))


def cutouts(samples):
    return [np.dstack([sample.foreground, sample.alpha]) for sample in samples]


def evenly(count, rate):
    """Times of frames."""
    return [index / Fraction(rate) for index in range(count)]


def levels(pictures, depth):
    full, kind = (255, np.uint8) if depth == 8 else (65535, np.uint16)
    return [np.rint(full * picture).astype(kind) for picture in pictures]


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("suffix", CODECS)
def test_alpha_is_in_movies(tmp_path, suffix, depth):
    samples = scene(3)
    path, codec = str(tmp_path / f"a{suffix}"), CODECS[suffix]
    tags = Tags(Fraction(30000, 1001), 1, 1, 1)
    encode(path, codec, levels(cutouts(samples), depth), evenly(3, tags.rate), tags, depth)
    expected = [sample.alpha for sample in samples]
    check_alpha(path, codec, expected, depth)
    for found, alpha in zip(alphas_in(path, codec), expected, strict=True):
        assert np.abs(found - alpha).mean() < 2 / 255
    clip = opened(path)
    assert clip.tags.rate == tags.rate
    assert clip.tags.primaries == clip.tags.transfer == 1
    assert np.abs(clip.read(2).image - samples[1].foreground).mean() < 0.03


def test_alpha_that_is_not_there_is_found(tmp_path):
    samples = scene(2)
    codec, path = CODECS[".mkv"], str(tmp_path / "a.mkv")
    alphas = [sample.alpha for sample in samples]
    encode(path, codec, levels(cutouts(samples), 8), evenly(2, 24), Tags(), 8)
    with pytest.raises(PropmatError, match="alpha of frame 1 was read back with a mean error"):
        check_alpha(path, codec, alphas[::-1], 8)
    with pytest.raises(PropmatError, match="only 2 frames"):
        check_alpha(path, codec, [*alphas, alphas[0]], 8)
    with pytest.raises(PropmatError, match="more frames"):
        check_alpha(path, codec, alphas[:1], 8)


def test_codecs_without_alpha_are_named():
    refused(r"movies of .mp4 hold no alpha here; takes .mov \(ProRes 4444\)", codec_of, "a.mp4")


def test_outputs(tmp_path):
    clip = opened(str(write(tmp_path / "in", [sample.image for sample in scene(2)], first=7)))
    wanted, inputs = Wanted("cutout", None), list(clip.paths)

    def at(name, wanted=wanted):
        return output_at(str(tmp_path / name), wanted, clip, clip.numbers, inputs)

    assert isinstance(at("a/b.mov"), MovieOutput)
    folder = at("new/folder")
    assert isinstance(folder, PicturesOutput)
    assert folder.places(clip.numbers) == [str(tmp_path / "new/folder" / name) for name in ("0007.png", "0008.png")]
    assert at("x/m_%02d.tif").places(clip.numbers)[0].endswith("x/m_07.tif")
    refused("is also an input", at, "in")
    refused("holds no transparency", at, "a.%d.jpg")
    refused("no alpha", at, "a.mp4")
    (tmp_path / "file").touch()
    refused("cannot make the folder", at, "file/x")


def test_odd_sizes(tmp_path):
    clip = opened(str(write(tmp_path / "in", [sample.image[:-1] for sample in scene(2)])))
    refused(
        "VP9 takes an even height", output_at, str(tmp_path / "a.webm"), Wanted("cutout", None), clip, clip.numbers, []
    )


def test_trimaps_may_be_one_file(tmp_path):
    folder = write(tmp_path / "keys", [np.eye(4)], first=12)
    path = str(folder / "0012.png")
    assert numbered_files(path, "trimaps", single=True) == {12: path}


def test_exr_holds_linear_light(tmp_path):
    pytest.importorskip("OpenImageIO")
    samples = scene(2)
    clip = opened(str(write(tmp_path / "in", [sample.image for sample in samples], suffix=".exr", first=1001)))
    output = output_at(str(tmp_path / "out" / "cut.%04d.exr"), Wanted("cutout", None), clip, clip.numbers, [])
    for number, sample in zip(clip.numbers, samples, strict=True):
        output.write(number, clip.read(number), np.rint(65535 * sample.alpha).astype(np.uint16))
    picture = propmat.io.read(tmp_path / "out" / "cut.1002.exr")
    assert picture.linear
    assert np.abs(picture.alpha - samples[1].alpha).max() < 1e-4
