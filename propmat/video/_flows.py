"""The motion between successive frames, computed once for all that ask for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from propmat.video._flow import Motion, motions

Greys = NDArray[np.uint8]
Grey = Callable[[int], Greys]


class Flows:
    """The motion from each frame to the next one and back, between reduced frames, kept in files of a folder.

    Frames are read by their number, as `greys_of` returns them; the last two are kept. They are asked for by their
    place, counted from the number `first`.
    """

    def __init__(self, folder: Path, grey: Grey, first: int = 0) -> None:
        self._folder, self._grey, self._first = folder, lru_cache(maxsize=2)(grey), first

    def __call__(self, place: int, onward: int) -> Motion:
        """From a frame to the one after it or before it."""
        return self.between(min(place, onward))[place > onward]

    def between(self, place: int) -> tuple[Motion, Motion]:
        """From a frame to the next one, and back."""
        number = self._first + place
        path = self._folder / f"flow-{number}.npy"
        if not path.exists():
            there, back = motions(self._grey(number), self._grey(number + 1))
            np.save(path, np.dstack([there.flow, there.error, back.flow, back.error]))
            return there, back
        stored = np.split(np.load(path), [2, 3, 5], axis=2)
        flow, error, flow_back, error_back = map(np.ascontiguousarray, stored)
        return Motion(flow, error[:, :, 0]), Motion(flow_back, error_back[:, :, 0])
