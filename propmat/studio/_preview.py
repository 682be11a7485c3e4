"""A matte of a small picture, which follows every change of the labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from propmat._solve._labelling import Solved
from propmat._trimap import Trimap
from propmat.laplacian._closed_form import closed_form
from propmat.solvers._cg import CG
from propmat.studio._reduced import cell_of, means
from propmat.studio._types import BACKGROUND, FOREGROUND, UNKNOWN, Bytes, Pixels

Small = NDArray[np.float32]

# After so many iterations alpha differs from the solution by 0.001 in the mean; the next preview goes on from there.
ITERATIONS = 6
SUFFICES = CG(tolerance=1e-3)  # in 8 bits


class Preview:
    """The picture in cells, and its matte for the last labels.

    Attributes
    ----------
    side : int
        Pixels across a cell.
    """

    def __init__(self, pixels: Pixels) -> None:
        self.side = cell_of((pixels.shape[0], pixels.shape[1]))
        self._last = Solved(closed_form(means(pixels, self.side)))

    def alpha(self, labels: Bytes) -> Small | None:
        """Alpha for the labels of cells; None where they lack a label, which a thin stroke may in a large picture."""
        if not (np.any(labels == FOREGROUND) and np.any(labels == BACKGROUND)):
            return None
        if not np.any(labels == UNKNOWN):
            return (labels == FOREGROUND).astype(np.float32)
        most = None if self._last.alpha is None else ITERATIONS
        trimap = Trimap(labels == FOREGROUND, labels == BACKGROUND)
        self._last, matte = self._last.solve(trimap, SUFFICES, None, most=most)
        return matte.alpha.astype(np.float32)
