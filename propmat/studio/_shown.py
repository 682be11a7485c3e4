"""What the page is shown: a matte, perhaps with the change of a preview, in tiles at the zoom that is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from propmat.studio._brush import Box
from propmat.studio._reduced import Pyramid, enlarged
from propmat.studio._types import BACKGROUND, FOREGROUND, UNKNOWN, Bytes

TILE = 256

# Changes of alpha below half a step of 8 bits are not seen.
_UNSEEN = 0.5 / 255


@dataclass(frozen=True, eq=False)
class Shown:
    """A state of the matte.

    Attributes
    ----------
    version : int
        Of the labels.
    phase : str
        "waiting" for labels, "preview", "8 bits" or "exact".
    base : Pyramid or None
        The last matte of full size.
    change : (h, w) array of float32 or None
        What a preview adds to it; the preview itself where there is no base.
    side : int
        Pixels of the picture across a pixel of `change`.
    stroke : str
        The last stroke among the labels.
    seconds : float
        From the last change of the labels on.
    note : str
        A sentence about how the solve ended, if it did not as it should.
    findings : tuple of str
        What is unusual about the labels.
    """

    version: int
    phase: str
    base: Pyramid | None = None
    change: NDArray[np.float32] | None = None
    side: int = 1
    findings: tuple[str, ...] = ()
    stroke: str = ""
    seconds: float = 0.0
    note: str = ""

    def tile(self, level: int, box: Box, labels: Bytes) -> Bytes:
        """Alpha in 8 bits in a rectangle of a level; `labels` are those of its pixels."""
        before = None if self.base is None else self.base.level(level)[box.slices]
        if self.change is None:
            return np.where(labels == FOREGROUND, FOREGROUND, BACKGROUND).astype(np.uint8) if before is None else before
        step = 2**level / self.side
        if before is not None and np.abs(_around(self.change, box, step)).max(initial=0.0) < _UNSEEN:
            return before
        alpha = enlarged(np.float32(255) * self.change, box, step)
        if before is not None:
            alpha += before
        tile: Bytes = np.clip(np.rint(alpha, out=alpha), 0, 255, out=alpha).astype(np.uint8)
        np.copyto(tile, labels, where=labels != UNKNOWN)
        return tile


def _around(change: NDArray[np.float32], box: Box, step: float) -> NDArray[np.float32]:
    """The pixels of a small plane that a rectangle of a larger one lies in, and their neighbours."""
    top, left = (max(0, int(start * step) - 1) for start in (box.top, box.left))
    return change[top : int(box.bottom * step) + 2, left : int(box.right * step) + 2]


class Place(NamedTuple):
    """A tile: what it shows ("alpha" or "labels"), its level, its row and its column."""

    kind: str
    level: int
    row: int
    column: int


def size_at(shape: tuple[int, int], level: int) -> tuple[int, int]:
    """Height and width of a picture at a level."""
    return -(-shape[0] >> level), -(-shape[1] >> level)


def box_of(place: Place, shape: tuple[int, int]) -> Box:
    """The pixels of a tile, in those of its level."""
    height, width = size_at(shape, place.level)
    top, left = TILE * place.row, TILE * place.column
    return Box(top, min(top + TILE, height), left, min(left + TILE, width))


KINDS = {"alpha": 0, "labels": 1}


def frame(place: Place, version: int, tile: Bytes) -> bytes:
    """A tile as it travels: kind, level, row, column, height, width, version (little-endian), then the bytes."""
    head = np.array([KINDS[place.kind], place.level, place.row, place.column, *tile.shape], "<u2")
    return head.tobytes() + np.array([version], "<u4").tobytes() + tile.tobytes()
