"""How a movie is turned when it is shown: the display matrix that cameras write for pictures taken upright."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from propmat._typing import Array

SKEWED = 0.01  # of the longer entry: a display matrix that does more than turn by right angles and mirror


class Upright(NamedTuple):
    """Turns by right angles and mirrorings, as those of arrays, in this order.

    Attributes
    ----------
    transposed : bool
        Rows and columns are exchanged.
    rows_reversed, columns_reversed : bool
        After that.
    """

    transposed: bool = False
    rows_reversed: bool = False
    columns_reversed: bool = False

    @classmethod
    def of(cls, matrix: bytes) -> Upright | None:
        """That of a display matrix of FFmpeg (``libavutil/display.h``); None if it is by no multiple of 90 degrees.

        A pixel at (x, y) is shown at (a x + c y, b x + d y) and an offset, for the entries a, b, c, d at 0, 1, 3, 4.
        """
        a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).tolist()
        straight, across = max(abs(a), abs(d)), max(abs(b), abs(c))
        if min(straight, across) > SKEWED * max(straight, across):
            return None
        return cls(False, d < 0, a < 0) if straight >= across else cls(True, b < 0, c < 0)

    def turned(self, pixels: Array) -> Array:
        """A picture, (H, W) or (H, W, d), as it is shown."""
        found = pixels.swapaxes(0, 1) if self.transposed else pixels
        found = found[::-1] if self.rows_reversed else found
        return np.ascontiguousarray(found[:, ::-1] if self.columns_reversed else found)


AS_STORED = Upright()
