"""The labels of a picture: what was imported, and what was painted over it."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from propmat.errors import InputError
from propmat.studio._brush import Box, whole
from propmat.studio._types import UNKNOWN, UNPAINTED, Bytes

LAYERS = ("base", "painted")


@dataclass(frozen=True)
class Source:
    """Where the base comes from: nothing, or the file of a trimap, or that of a mask with the width of its band."""

    file: str = ""
    kind: str = ""
    width: str = ""


@dataclass(frozen=True)
class Change:
    """A rectangle of one layer before and after, compressed, and the source of the base before and after."""

    layer: str
    box: Box
    before: bytes
    after: bytes
    sources: tuple[Source, Source]

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self.before) + len(self.after) + 500

    @property
    def reversed(self) -> Change:
        """The change that takes this one back."""
        return Change(self.layer, self.box, self.after, self.before, self.sources[::-1])

    def record(self) -> dict[str, object]:
        """The change as JSON holds it."""
        return {
            "layer": self.layer,
            "box": list(self.box),
            "before": base64.b64encode(self.before).decode(),
            "after": base64.b64encode(self.after).decode(),
            "sources": [vars(source) for source in self.sources],
        }

    @classmethod
    def of_record(cls, record: Mapping[str, object]) -> Change:
        """The change of `record`; raises anything if it is none."""
        layer, box, before, after, sources = (record[key] for key in ("layer", "box", "before", "after", "sources"))
        if layer not in LAYERS or not isinstance(box, list) or not isinstance(sources, list):
            raise InputError("journal: a line is no change of labels")
        texts = [base64.b64decode(str(text)) for text in (before, after)]
        first, second = (Source(**source) for source in sources)
        return cls(str(layer), Box(*map(int, box)), texts[0], texts[1], (first, second))


class Layers:
    """Labels (H, W) of uint8: 0 background, 128 unknown, 255 foreground.

    Attributes
    ----------
    base : (H, W) array of uint8
        Labels that were imported, or unknown.
    painted : (H, W) array of uint8
        Labels that were painted over them; UNPAINTED elsewhere.
    labels : (H, W) array of uint8
        What both give.
    source : Source
        Of the base.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.base: Bytes = np.full(shape, UNKNOWN, np.uint8)
        self.painted: Bytes = np.full(shape, UNPAINTED, np.uint8)
        self.labels: Bytes = self.base.copy()
        self.source = Source()

    def update(self, box: Box) -> None:
        """Bring the labels up to date where a layer has changed."""
        painted = self.painted[box.slices]
        self.labels[box.slices] = np.where(painted == UNPAINTED, self.base[box.slices], painted)

    def change(self, layer: str, box: Box, before: Bytes, source: Source | None = None) -> Change:
        """The change by which a layer, which was `before` in `box`, has become what it is."""
        sources = self.source, self.source if source is None else source
        self.source = sources[1]
        self.update(box)
        return Change(layer, box, packed(before), packed(self._layer(layer)[box.slices]), sources)

    def apply(self, change: Change) -> None:
        """Make a change, once or again."""
        box = change.box
        if box != clipped(box, self.shape):
            raise InputError("journal: a change is outside of the picture")
        layer = self._layer(change.layer)
        layer[box.slices] = unpacked(change.after, (box.bottom - box.top, box.right - box.left))
        self.source = change.sources[1]
        self.update(box)

    def snapshot(self) -> list[Change]:
        """Changes that lead from nothing to here."""
        empty = Layers(self.shape)
        box = whole(self.shape)
        return [Change(name, box, b"", packed(self._layer(name)), (empty.source, self.source)) for name in LAYERS]

    def _layer(self, name: str) -> Bytes:
        return self.base if name == "base" else self.painted


def clipped(box: Box, shape: tuple[int, int]) -> Box:
    """The part of a rectangle in a picture."""
    return Box(
        min(max(box.top, 0), shape[0]),
        min(max(box.bottom, 0), shape[0]),
        min(max(box.left, 0), shape[1]),
        min(max(box.right, 0), shape[1]),
    )


def packed(labels: Bytes) -> bytes:
    """Labels compressed; areas of one label take a thousandth."""
    return zlib.compress(np.ascontiguousarray(labels).tobytes(), 1)


def unpacked(data: bytes, shape: tuple[int, int]) -> Bytes:
    """The labels of `packed`, no more of them than the shape has."""
    count = shape[0] * shape[1]
    found = zlib.decompressobj().decompress(data, count + 1)
    return np.frombuffer(found, np.uint8, count).reshape(shape)
