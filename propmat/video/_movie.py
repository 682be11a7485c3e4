"""Movies, read by PyAV one frame at a time, forwards or backwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from propmat import io
from propmat._photographs._photograph import Photograph
from propmat.errors import InputError, refused_as
from propmat.video._pattern import Pattern
from propmat.video._pyav import Tags, pyav

if TYPE_CHECKING:
    from av import VideoFrame

KEPT = 8  # frames that are kept when a movie is read backwards, so that a group of pictures is not decoded for each


class Movie:
    """A `Clip` in a movie; its frames are numbered from 1 in the order in which they are shown."""

    def __init__(self, path: str) -> None:
        if not os.path.isfile(path):
            raise InputError(f"clip: there is no file {path}")
        self.path = path
        with refused_as(InputError, f"clip: {path} is no movie that can be read"):
            self._container = pyav().open(path)
            self._stream = self._container.streams.video[0]
            self._stream.thread_type = "AUTO"
            self._indices = self._listed()
            context = self._stream.codec_context
            self.shape = (int(context.height), int(context.width))
            codes = context.colorspace, context.color_primaries, context.color_trc
            self.tags = Tags(self._stream.average_rate, *(int(code) for code in codes))
        self.numbers = range(1, len(self._indices) + 1)
        self._next = 0
        self._kept: dict[int, VideoFrame] = {}
        self._decoded: Iterator[VideoFrame] = iter(())
        self._seek(0)

    def _listed(self) -> dict[int, int]:
        """The index of each frame by its time stamp, from the packets alone."""
        packets = (packet for packet in self._container.demux(self._stream) if packet.size)
        times = sorted({packet.pts for packet in packets if packet.pts is not None})
        if not times:
            raise InputError("it has no frames with times")
        return {time: index for index, time in enumerate(times)}

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

    def read(self, number: int) -> Photograph:
        index = number - self.numbers[0]
        if index not in self._kept:
            with refused_as(InputError, f"{self.path}: frame {number} cannot be decoded"):
                self._decode(index)
        return self._photograph(self._kept[index])

    def _decode(self, index: int) -> None:
        """Decode on to a frame, from a key frame before it unless it is one of the next."""
        if not self._next <= index < self._next + KEPT:
            self._seek(max(0, index - KEPT + 1))
        for frame in self._decoded:
            if frame.pts is None or frame.pts not in self._indices:
                continue
            found = self._indices[frame.pts]
            self._next = found + 1
            self._kept[found] = frame
            for old in [kept for kept in self._kept if kept <= found - KEPT]:
                del self._kept[old]
            if found >= index:
                break
        if index not in self._kept:
            raise InputError("it is not in the stream")

    def _seek(self, index: int) -> None:
        self._next, self._kept = index, {}
        self._container.seek(list(self._indices)[index], stream=self._stream)
        self._decoded = self._container.decode(self._stream)

    def _photograph(self, frame: VideoFrame) -> Photograph:
        deep = frame.format.components[0].bits > 8
        matrix = self.tags.conversion(self.shape[0])
        pixels = frame.reformat(format="rgb48le" if deep else "rgb24", src_colorspace=matrix).to_ndarray()
        return Photograph(pixels / np.float64(65535 if deep else 255), 16 if deep else 8, False, io.Metadata())
