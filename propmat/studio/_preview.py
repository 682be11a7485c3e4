"""A matte of a small picture, which follows every change of the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from propmat._solve._labelling import Labelling
from propmat._typing import Array
from propmat.studio._reduced import cell_of, means
from propmat.studio._types import BACKGROUND, FOREGROUND, UNKNOWN, Bytes, Pixels

Small = NDArray[np.float32]

# `Labelling` shows its own preview, and alpha after 2, 4, … iterations, as many as there is time for. The next preview
# goes on from there.
_SHOWN = 3


class Preview:
    """The picture in cells, and its matte for the last labels.

    Attributes
    ----------
    side : int
        Pixels across a cell.
    """

    def __init__(self, pixels: Pixels) -> None:
        self.side = cell_of((pixels.shape[0], pixels.shape[1]))
        self._labelling = Labelling(means(pixels, self.side))
        self._begun = False

    def alpha(self, labels: Bytes) -> Small | None:
        """Alpha for the labels of cells; None where they lack a label, which a thin stroke may in a large picture."""
        if not (np.any(labels == FOREGROUND) and np.any(labels == BACKGROUND)):
            return None
        if not np.any(labels == UNKNOWN):
            return (labels == FOREGROUND).astype(np.float32)
        shown: list[Array] = []

        def show(alpha: Array) -> bool:
            shown.append(alpha)
            return self._begun and len(shown) == _SHOWN

        found = self._labelling.matte(labels, show).alpha.astype(np.float32)
        self._begun = True
        return found
