"""Movies as cameras and editors write them: turned, uneven in time, with sound, with pixels that are not square."""

from fractions import Fraction

import numpy as np
import pytest

import propmat
import propmat.video
from propmat.errors import InputError, PropmatWarning
from propmat.video._clip import opened
from propmat.video._codecs import CODECS, encode
from propmat.video._outputs import Wanted, output_at
from propmat.video._pyav import Tags
from propmat.video._upright import Upright
from tests.video.scenes import SHAPE, scene, write

av = pytest.importorskip("av")
pytest.importorskip("cv2")
SECOND = 1 << 16  # 1 in the fixed point of display matrices


def movie(
    path, images, *, times=None, matrix=None, aspect=None, sound=False, encoder="ffv1", form="bgr0", options=None
):
    """A movie of pictures at times in milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=25, options=options or {})
        stream.height, stream.width, stream.pix_fmt = *images[0].shape[:2], form
        stream.codec_context.time_base = Fraction(1, 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_matrix(matrix)
        track = container.add_stream("pcm_s16le", rate=8000) if sound else None
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.rint(255 * image).astype(np.uint8), format="rgb24")
            frame = frame.reformat(format=form)
            frame.pts, frame.time_base = times[index] if times else 40 * index, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if track is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
            silence.sample_rate, silence.pts = 8000, 0
            container.mux(track.encode(silence))
            container.mux(track.encode(None))
    return str(path)


def images(count=3, seed=0):
    return [sample.image for sample in scene(count, seed)]


def matrix(a, b, c, d):
    return [a * SECOND, b * SECOND, 0, c * SECOND, d * SECOND, 0, 0, 0, SECOND * SECOND >> 2]


@pytest.mark.parametrize(
    ("entries", "shown"),
    [
        ((1, 0, 0, 1), lambda picture: picture),
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
        ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
        ((0, -1, 1, 0), np.rot90),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda picture: picture.swapaxes(0, 1)),
    ],
)
def test_display_matrices(entries, shown):
    """A pixel at (x, y) is shown at (a x + c y, b x + d y), but for an offset."""
    picture = np.random.default_rng(0).random((3, 4, 3))
    upright = Upright.of(np.array(matrix(*entries), np.int32).tobytes())
    assert (upright.turned(picture) == shown(picture)).all()
    assert (upright.turned(picture[:, :, 0]) == shown(picture[:, :, 0])).all()


def test_other_angles_are_not_turned():
    assert Upright.of(np.array(matrix(0.8, 0.6, -0.6, 0.8), float).astype(np.int32).tobytes()) is None


@pytest.fixture
def portrait(tmp_path):
    """A movie that is stored on its side, as telephones do it, and its frames upright, 64 high and 48 wide."""
    upright = [np.rot90(image) for image in images()]
    stored = [np.rot90(image) for image in upright]
    return movie(tmp_path / "a.mov", stored, matrix=matrix(0, 1, -1, 0), encoder="png", form="rgb24"), upright


@pytest.mark.skipif(not hasattr(av.VideoStream, "set_display_matrix"), reason="this PyAV writes no display matrix")
def test_frames_of_telephones_are_upright(portrait, tmp_path):
    path, upright = portrait
    clip = opened(path)
    assert clip.shape == SHAPE[::-1]
    assert np.abs(clip.read(2).image - upright[1]).max() <= 0.5 / 255 + 1e-9
    trimap = np.full(clip.shape, 0.5)
    trimap[:8], trimap[-8:] = 0, 1
    write(tmp_path / "keys", [trimap])
    propmat.video.run(path, str(tmp_path / "keys"), str(tmp_path / "out.mkv"), steady="none")
    assert opened(str(tmp_path / "out.mkv")).shape == SHAPE[::-1]


def test_times_that_are_not_even_are_kept(tmp_path):
    times = [0, 33, 100, 140, 400]
    clip = opened(movie(tmp_path / "a.mkv", images(5), times=times))
    assert clip.seconds(clip.numbers) == [Fraction(time, 1000) for time in times]
    assert clip.seconds(range(2, 5)) == [Fraction(time - 33, 1000) for time in times[1:4]]
    for suffix, codec in CODECS.items():
        path = str(tmp_path / f"b{suffix}")
        pixels = [np.zeros((*SHAPE, 4), np.uint8)] * 5
        encode(path, codec, pixels, clip.seconds(clip.numbers), clip.tags, 8)
        found = opened(path)
        assert np.abs(np.array(found.seconds(found.numbers), float) - np.array(times) / 1000).max() < 1e-3


def test_times_that_are_even_but_for_rounding_are_even(tmp_path):
    rate = Fraction(30000, 1001)
    seconds = [index / rate for index in range(7)]
    pixels = [np.zeros((*SHAPE, 4), np.uint8)] * 7
    for suffix, codec in CODECS.items():
        path = str(tmp_path / f"a{suffix}")
        encode(path, codec, pixels, seconds, Tags(rate), 8)
        clip = opened(path)
        assert clip.seconds(clip.numbers) == seconds
        assert clip.tags.rate == rate


def test_pixels_that_are_not_square_are_kept_or_told_of(tmp_path):
    aspect = Fraction(4, 3)
    clip = opened(movie(tmp_path / "a.mkv", images(), aspect=aspect, encoder="mjpeg", form="yuvj420p"))
    assert clip.tags.aspect == aspect
    path = str(tmp_path / "b.mov")
    pixels = [np.zeros((*SHAPE, 4), np.uint8)] * 3
    encode(path, CODECS[".mov"], pixels, clip.seconds(clip.numbers), clip.tags, 8)
    assert opened(path).tags.aspect == aspect
    with pytest.warns(
        PropmatWarning, match="VP9 does not keep the shape of the clip's pixels, 4/3 times as wide as high"
    ):
        output_at(str(tmp_path / "a.webm"), Wanted("cutout", None), clip, clip.numbers, [])


def test_sound_is_told_of(tmp_path):
    path = movie(tmp_path / "a.mkv", images(), sound=True)
    samples = scene(3)
    write(tmp_path / "keys", [samples[0].trimap])
    with pytest.warns(PropmatWarning, match="out.mov: the sound of the clip is not written"):
        propmat.video.run(path, str(tmp_path / "keys"), str(tmp_path / "out.mov"), frames=(1, 1))
    propmat.video.run(path, str(tmp_path / "keys"), str(tmp_path / "pictures"), frames=(1, 1))


def test_sound_alone_is_no_clip(tmp_path):
    path = str(tmp_path / "a.mov")
    with av.open(path, "w") as container:
        track = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        silence.sample_rate, silence.pts = 8000, 0
        container.mux(track.encode(silence))
        container.mux(track.encode(None))
    with pytest.raises(InputError, match="a.mov has no pictures"):
        opened(path)


@pytest.mark.parametrize(
    ("suffix", "encoder", "form", "most"),
    [
        (".mkv", "mjpeg", "yuvj420p", 0.06),
        (".avi", "mjpeg", "yuvj420p", 0.06),
        (".mov", "mjpeg", "yuvj420p", 0.06),
        (".mkv", "ffv1", "gray", 0.06),
        (".mkv", "ffv1", "gray10le", 0.06),
        (".mkv", "ffv1", "yuv444p10le", 0.01),
        (".avi", "ffv1", "bgra", 0.01),
        (".ts", "mpeg4", "yuv420p", 0.06),
        (".mov", "mpeg4", "yuv420p", 0.06),
    ],
)
def test_kinds_of_pixels_and_containers(tmp_path, suffix, encoder, form, most):
    frames = images(12)
    clip = opened(movie(tmp_path / f"a {suffix}", frames, encoder=encoder, form=form))
    assert clip.numbers == range(1, 13)
    for number in (12, 3, 7):
        found, expected = clip.read(number).image, frames[number - 1]
        expected = expected if "gray" not in form else expected @ [[0.299], [0.587], [0.114]] * np.ones(3)
        assert np.abs(found - expected).mean() < most


def joined_streams(folder, shapes, later):
    """A transport stream of two, each of three black frames, the second of which begins at a time."""
    for index, shape in enumerate(shapes):
        times = [later * index + 40 * k for k in range(3)]
        movie(folder / f"{index}.ts", [np.zeros((*shape, 3))] * 3, times=times, encoder="mpeg4", form="yuv420p")
    path = folder / "a.ts"
    path.write_bytes((folder / "0.ts").read_bytes() + (folder / "1.ts").read_bytes())
    return str(path)


def test_frames_of_another_size_are_named(tmp_path):
    clip = opened(joined_streams(tmp_path, [(48, 64), (64, 48)], 120))
    with pytest.raises(InputError, match=r"frame \d is 48 x 64 pixels, the first one 64 x 48"):
        list(map(clip.read, clip.numbers))


def test_times_that_do_not_tell_the_order_are_refused(tmp_path):
    """As those of AVI with frames that are stored in another order than shown."""
    path = movie(tmp_path / "a.avi", images(12), encoder="mpeg4", form="yuv420p", options={"bf": "2"})
    with pytest.raises(
        InputError, match=r"have the same time as another one|do not tell the order of its frames; convert it to .mkv"
    ):
        opened(path)


def test_frames_that_are_stored_in_another_order(tmp_path):
    grey = [np.full((*SHAPE, 3), (index + 3) / 40) for index in range(30)]
    for suffix in (".mov", ".mkv", ".ts"):
        options = {"bf": "2", "g": "10", "qmax": "2"}
        clip = opened(movie(tmp_path / f"a{suffix}", grey, encoder="mpeg4", form="yuv420p", options=options))
        for number in [*range(30, 0, -1), 7, 25]:
            assert abs(40 * clip.read(number).image.mean() - 2 - number) < 0.4


def test_times_that_begin_anew_are_refused(tmp_path):
    with pytest.raises(InputError, match="3 of its frames have the same time as another one"):
        opened(joined_streams(tmp_path, [(48, 64), (48, 64)], 0))


@pytest.mark.parametrize("name", ["a:b.mkv", "ünï cödé 鹿.mkv", " a b .mkv", "%04d.mkv", "#.mkv", "-i.mkv"])
def test_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    clip = opened(movie(tmp_path / "x.mkv", images()))
    (tmp_path / "x.mkv").rename(tmp_path / name)
    assert opened(name).numbers == clip.numbers
    write(tmp_path / "keys", [scene(1)[0].trimap])
    propmat.video.run(name, "keys", f"out {name}", frames=(1, 1), steady="none")
    assert len(opened(f"out {name}").numbers) == 1
