"""Movies, read by PyAV one frame at a time, forwards or backwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from propmat import io
from propmat._photographs._photograph import Photograph
from propmat.errors import InputError, refused_as, warn
from propmat.video._pattern import Pattern
from propmat.video._pyav import Tags, pyav
from propmat.video._upright import AS_STORED, Upright

if TYPE_CHECKING:
    from av import VideoFrame

KEPT = 8  # frames that are kept when a movie is read backwards, so that a group of pictures is not decoded for each
CHECKED = 32  # frames whose times are compared with their order before any work
MILLISECOND = Fraction(1, 1000)  # in which Matroska counts


class Movie:
    """A `Clip` in a movie; its frames are numbered from 1 in the order in which they are shown."""

    def __init__(self, path: str) -> None:
        if not os.path.isfile(path):
            raise InputError(f"clip: there is no file {path}")
        self.path = path
        with refused_as(InputError, f"clip: {path} is no movie that can be read"):
            self._open()
            listed = self._listed()
            context = self._stream.codec_context  # as the container has it: decoders change it to what frames say
            codes = int(context.colorspace), int(context.color_primaries), int(context.color_trc)
            first = self._first(listed)
            self._times = [time for time in listed if time >= (first.pts or 0)]
            self._indices = {time: index for index, time in enumerate(self._times)}
            self.numbers = range(1, len(self._times) + 1)
            self._stored = (first.height, first.width)
            self._upright = self._display(first)
            self.shape = self._stored[::-1] if self._upright.transposed else self._stored
            sound = bool(self._container.streams.audio)
            self.tags = Tags(self._stream.average_rate or None, *codes, self._aspect(), sound)

    def _open(self) -> None:
        # An absolute path has no colon before its first slash, which would be read as the name of a protocol.
        self._container = pyav().open(os.path.abspath(self.path))
        if not self._container.streams.video:
            raise InputError(f"clip: {self.path} has no pictures, but sound alone or nothing")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._next = 0
        self._kept: dict[int, VideoFrame] = {}
        self._decoded: Iterator[VideoFrame] = iter(())

    def _listed(self) -> list[int]:
        """The time stamps of the frames that are shown, from the packets alone, without those that an edit cut off."""
        packets = [packet for packet in self._container.demux(self._stream) if packet.size and not packet.is_discard]
        times = sorted(packet.pts for packet in packets if packet.pts is not None)
        if not times:
            raise InputError(f"clip: {self.path} has no frames with times")
        if again := sum(one == other for one, other in pairwise(times)):
            raise InputError(f"clip: {self.path}: {again} of its frames have the same time as another one")
        return times

    def _first(self, listed: list[int]) -> VideoFrame:
        """The first frame, before which some may lack what they refer to; refused if times do not order the next ones.

        Decoders give frames in the order in which they are shown. Times that AVI and MPEG programme streams tell of
        may be in another order.
        """
        self._restart()
        begun = list(islice(self._decoded, CHECKED))
        if not begun:
            raise InputError(f"clip: {self.path} has no frame that can be decoded")
        times, later = [frame.pts for frame in begun], [time for time in listed if time >= (begun[0].pts or 0)]
        if times != later[: len(times)]:
            raise self._disordered()
        self._restart()
        return begun[0]

    def _disordered(self) -> InputError:
        return InputError(f"clip: {self.path}: the times in it do not tell the order of its frames; convert it to .mkv")

    def _display(self, frame: VideoFrame) -> Upright:
        """How frames are turned, as FFmpeg does it, too."""
        matrix: Any = frame.side_data.get("DISPLAYMATRIX")
        upright = AS_STORED if matrix is None else Upright.of(bytes(matrix))
        if upright is None:
            warn(f"clip: {self.path} is to be turned by no multiple of 90 degrees, which was not done")
        return upright or AS_STORED

    def _aspect(self) -> Fraction | None:
        """Width of a pixel relative to its height, by the container or the frames."""
        aspect = self._stream.sample_aspect_ratio or self._stream.codec_context.sample_aspect_ratio
        return 1 / aspect if aspect and self._upright.transposed else aspect or None

    @property
    def stamp(self) -> str:
        found = os.stat(self.path)
        return f"{found.st_size}-{found.st_mtime_ns}"

    @property
    def names(self) -> Pattern:
        stem = os.path.splitext(os.path.basename(self.path))[0]
        return Pattern(f"{stem}.", 6, ".png")

    @property
    def paths(self) -> tuple[str]:
        return (self.path,)

    def seconds(self, numbers: range) -> list[Fraction]:
        first = self.numbers[0]
        unit, times = self._stream.time_base, [self._times[number - first] for number in numbers]
        found = [(time - times[0]) * unit for time in times]
        if self.tags.rate is not None:
            even = [index / self.tags.rate for index in range(len(found))]
            if all(abs(one - other) <= max(unit, MILLISECOND) for one, other in zip(found, even, strict=True)):
                return even  # as good as the container tells
        return found

    def read(self, number: int) -> Photograph:
        index = number - self.numbers[0]
        if index not in self._kept:
            with refused_as(InputError, f"{self.path}: frame {number} cannot be decoded"):
                self._decode(index)
        frame = self._kept[index]
        if (frame.height, frame.width) != self._stored:
            sizes = f"is {frame.width} x {frame.height} pixels, the first one {self._stored[1]} x {self._stored[0]}"
            raise InputError(f"{self.path}: frame {number} {sizes}")
        return self._photograph(frame)

    def _decode(self, index: int) -> None:
        """Decode on to a frame, from a key frame before it unless it is one of the next."""
        if self._next <= index < self._next + KEPT and self._reaches(index):
            return
        self._seek(self._times[max(0, index - KEPT + 1)])
        if not self._reaches(index):
            self._restart()  # where containers have no index, a seek may lead beyond the frame
            if not self._reaches(index):
                raise InputError(f"{self.path}: frame {index + 1} is not in the stream")

    def _reaches(self, index: int) -> bool:
        """Decode on, and whether that comes to a frame."""
        for frame in self._decoded:
            if frame.pts is None or frame.pts not in self._indices:
                continue
            found = self._indices[frame.pts]
            if found < self._next:
                raise self._disordered()
            self._next = found + 1
            self._kept[found] = frame
            for old in [kept for kept in self._kept if kept <= found - KEPT]:
                del self._kept[old]
            if found >= index:
                break
        return index in self._kept

    def _seek(self, time: int) -> None:
        self._next, self._kept = 0, {}
        self._container.seek(time, stream=self._stream)
        self._decoded = self._frames()

    def _restart(self) -> None:
        self._container.close()
        self._open()
        self._decoded = self._frames()

    def _frames(self) -> Iterator[VideoFrame]:
        """Frames from the next key frame on; those before it, where a seek led between, lack what they refer to."""
        begun = False
        for packet in self._container.demux(self._stream):
            begun = begun or packet.is_keyframe
            if begun:
                yield from packet.decode()

    def _photograph(self, frame: VideoFrame) -> Photograph:
        deep = frame.format.components[0].bits > 8
        matrix = self.tags.conversion(self._stored[0])
        pixels = frame.reformat(format="rgb48le" if deep else "rgb24", src_colorspace=matrix).to_ndarray()
        levels = self._upright.turned(pixels / np.float64(65535 if deep else 255))
        return Photograph(levels, 16 if deep else 8, False, io.Metadata())
