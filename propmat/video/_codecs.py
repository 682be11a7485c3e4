"""Movies with alpha, written by PyAV, and read back to see that the alpha is in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from propmat.errors import InputError, MissingDependencyError, PropmatError, refused_as
from propmat.io._picture import Pixels
from propmat.video._pyav import MOVIES, RATE, Tags, pyav

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer, OutputContainer
    from av.video.codeccontext import VideoCodecContext

FINE = Fraction(1, 90_000)  # seconds, a divisor of the usual times of frames, for those that are not evenly apart


@dataclass(frozen=True)
class Codec:
    """A codec that holds alpha.

    Attributes
    ----------
    name, encoder : str
    transparent, opaque : mapping of int to str
        The format of pixels for colours with alpha and for greys, by bits per sample.
    alpha_error : float
        The greatest mean difference of alpha when it is read back.
    decoder : str or None
        That of FFmpeg which reads the alpha, where it is not the default.
    keeps_aspect : bool
        Whether it stores the shape of pixels.
    """

    name: str
    encoder: str
    transparent: Mapping[int, str]
    opaque: Mapping[int, str]
    alpha_error: float
    options: Mapping[str, str] = field(default_factory=dict)
    decoder: str | None = None
    keeps_aspect: bool = True


def _both(form: str) -> dict[int, str]:
    return {8: form, 16: form}


CODECS = {
    ".mov": Codec(
        "ProRes 4444",
        "prores_ks",
        _both("yuva444p10le"),
        _both("yuv444p10le"),
        1 / 1023,
        {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"},
    ),
    ".webm": Codec(
        "VP9",
        "libvpx-vp9",
        _both("yuva420p"),
        _both("yuv420p"),
        2 / 255,
        {"crf": "12", "b": "0", "auto-alt-ref": "0", "row-mt": "1", "cpu-used": "2"},
        "libvpx-vp9",
        keeps_aspect=False,
    ),
    ".mkv": Codec(
        "FFV1",
        "ffv1",
        {8: "bgra", 16: "gbrap16le"},
        {8: "gray", 16: "gray16le"},
        1 / 65535,
        {"level": "3", "slicecrc": "1"},
        keeps_aspect=False,
    ),
}


def codec_of(path: str) -> Codec:
    """The codec for a file's suffix.

    Raises
    ------
    InputError
        If none of that suffix holds alpha.
    """
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in CODECS:
        takes = ", ".join(f"{ending} ({codec.name})" for ending, codec in CODECS.items())
        raise InputError(f"output: {path}: movies of {suffix} hold no alpha here; takes {takes}, or numbered pictures")
    codec = CODECS[suffix]
    av = pyav()
    if codec.encoder not in av.codecs_available:
        raise MissingDependencyError(f"output: this PyAV has no encoder {codec.encoder}, which {suffix} needs")
    return codec


def is_movie(path: str) -> bool:
    """Whether a name is that of a movie, by its suffix."""
    return os.path.splitext(path)[1].lower() in MOVIES


def encode(
    path: str, codec: Codec, frames: Iterable[Pixels], seconds: Sequence[Fraction], tags: Tags, depth: int
) -> None:
    """Write frames, (H, W, 4) with straight alpha or (H, W), uint8 or uint16, into a file.

    `seconds` tells when each is shown.
    """
    av = pyav()
    rate = tags.rate or RATE
    unit = 1 / rate if all((time * rate).denominator == 1 for time in seconds) else FINE
    with refused_as(PropmatError, f"{path}: cannot be encoded"), av.open(os.path.abspath(path), "w") as container:
        stream = None
        for pixels, shown in zip(frames, _shown(seconds, unit), strict=True):
            form = (codec.transparent if pixels.ndim == 3 else codec.opaque)[depth]
            if stream is None:
                stream = container.add_stream(codec.encoder, rate=rate, options=dict(codec.options))
                stream.height, stream.width, stream.pix_fmt = *pixels.shape[:2], form
                _describe(stream.codec_context, unit, tags, form)
            frame = _frame(pixels, form, tags)
            frame.pts, frame.time_base = shown.start, unit
            _put(container, stream.encode(frame), shown)
        if stream is not None:
            container.mux(stream.encode(None))


def _shown(seconds: Sequence[Fraction], unit: Fraction) -> Iterator[range]:
    """From when to when each frame is shown; the last one as long as the one before it."""
    begins = [round(time / unit) for time in seconds]
    last = begins[-1] - begins[-2] if len(begins) > 1 else 1
    yield from (range(begin, end) for begin, end in pairwise([*begins, begins[-1] + last]))


def _describe(context: VideoCodecContext, unit: Fraction, tags: Tags, form: str) -> None:
    context.time_base = unit
    context.colorspace, context.color_primaries, context.color_trc = _code_points(tags, form)
    if tags.aspect is not None:
        context.sample_aspect_ratio = tags.aspect


def _put(container: OutputContainer, packets: Iterable[Packet], shown: range) -> None:
    for packet in packets:
        packet.duration = packet.duration or len(shown)
        container.mux(packet)


def _code_points(tags: Tags, form: str) -> tuple[int, int, int]:
    """The code points to be written; of RGB the matrix is 0."""
    return 0 if form.startswith(("gbr", "bgr")) else tags.matrix, tags.primaries, tags.transfer


def _frame(pixels: Pixels, form: str, tags: Tags) -> VideoFrame:
    given = {(2, 1): "gray", (2, 2): "gray16le", (3, 1): "rgba", (3, 2): "rgba64le"}[pixels.ndim, pixels.itemsize]
    frame = pyav().VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=given)
    return frame.reformat(format=form, dst_colorspace=tags.conversion(pixels.shape[0]))


def alphas_in(path: str, codec: Codec) -> Iterator[NDArray[np.float32]]:
    """The alpha of each frame of a file."""
    with pyav().open(os.path.abspath(path)) as container:
        for frame in _frames_of(container, codec):
            plane = frame.reformat(format="rgba64le").to_ndarray()[:, :, 3]
            yield plane.astype(np.float32) / np.float32(65535)


def _frames_of(container: InputContainer, codec: Codec) -> Iterator[VideoFrame]:
    stream = container.streams.video[0]
    if codec.decoder is None:
        yield from container.decode(stream)
        return
    context = pyav().CodecContext.create(codec.decoder, "r")
    for packet in container.demux(stream):
        yield from context.decode(packet if packet.size else None)


def check_alpha(path: str, codec: Codec, expected: Iterable[NDArray[np.floating]], depth: int) -> None:
    """Compare the alpha in a file with what was meant.

    Raises
    ------
    PropmatError
        If frames are missing, or alpha differs by more than the rounding of the codec and of so many bits.
    """
    found, most = alphas_in(path, codec), codec.alpha_error + 0.5 / (2**depth - 1)
    with refused_as(PropmatError, f"{path}: cannot be read back"):
        for number, alpha in enumerate(expected, 1):
            stored = next(found, None)
            if stored is None:
                raise PropmatError(f"{path}: only {number - 1} frames were read back")
            error = float(np.abs(stored - alpha).mean())
            if error > most:
                raise PropmatError(
                    f"{path}: the alpha of frame {number} was read back with a mean error of {error:.2g}"
                )
        if next(found, None) is not None:
            raise PropmatError(f"{path}: more frames were read back than were written")
