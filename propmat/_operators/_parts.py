"""Block diagonal matrices whose blocks belong to bands of rows of the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from propmat._backend import moved_like
from propmat._operators._norms import length
from propmat._typing import Array, Mask

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Parts:
    """Bands of rows of an image such that no entry of the matrix couples pixels of different bands.

    Vectors (n,) have one number for each of the n pixels of a mask (H, W), row by row.

    Attributes
    ----------
    seams : tuple of int
        The first rows of the second, third, ... part, increasing.

    Examples
    --------
    >>> parts, mask = Parts((2,)), np.array([[True, True], [False, False], [True, True]])
    >>> parts.lengths(np.array([3.0, 4.0, 0.0, 1.0]), mask)
    array([5., 1.])
    >>> parts.spread(np.array([5.0, 7.0]), mask)
    array([5., 5., 7., 7.])
    """

    seams: tuple[int, ...] = ()

    def lengths(self, x: Array, mask: Mask) -> Array:
        """The Euclidean norms of a vector restricted to each of the parts, (parts,)."""
        if not self.seams:
            return np.full(1, length(x), like=x)
        squares = np.zeros(mask.shape, like=x)
        squares[mask] = x * x
        return np.sqrt(self._by_part(squares).sum(axis=1))

    def spread(self, numbers: NDArray[T], mask: Mask) -> NDArray[T]:
        """The vector that is constant on each part, with the values `numbers` (parts,)."""
        if self.seams:
            height = len(mask)
            numbers = numbers[moved_like(np.repeat(np.arange(len(self.seams) + 1), self._heights(height)), mask)]
        return np.broadcast_to(numbers[:, None], mask.shape)[mask]

    def shorter(self, one: Array, other: Array, mask: Mask) -> Mask:
        """Mask of the pixels in parts on which the norm of one vector is smaller than that of the other, (n,)."""
        return self.spread(self.lengths(one, mask) < self.lengths(other, mask), mask)

    def holding(self, pixels: Mask) -> Mask:
        """Which of the parts contain a pixel of a mask, (parts,)."""
        found: Mask = np.any(self._by_part(pixels), axis=1)
        return found

    def all_have(self, found: Mask, mask: Mask) -> bool:
        """Whether every part that contains some of the n pixels contains one where the vector `found` (n,) is true."""
        if not self.seams:
            return bool(found.any())
        pixels = np.zeros_like(mask)
        pixels[mask] = found
        return bool((self.holding(pixels) | ~self.holding(mask)).all())

    def hold_windows(self, height: int, side: int) -> Mask:
        """For each row y, whether rows y to y + side - 1 belong to one part, (H - side + 1,)."""
        inside = np.ones(height - side + 1, dtype=bool)
        for seam in self.seams:
            inside[max(seam - side + 1, 0) : seam] = False
        return inside

    def lowest(self, height: int) -> int:
        """The number of rows of the lowest part of an image of this height."""
        return int(self._heights(height).min())

    def _heights(self, height: int) -> NDArray[np.int_]:
        return np.diff([0, *self.seams, height])

    def _by_part(self, plane: NDArray[T]) -> NDArray[T]:
        """An (H, W) map as (parts, pixels of the largest part), padded with zeros."""
        if not self.seams:
            return plane.reshape(1, -1)
        height, heights = len(plane), self._heights(len(plane))
        offsets = np.arange(heights.max())
        rows = np.array([0, *self.seams])[:, None] + offsets
        rows[offsets >= heights[:, None]] = height
        padded = np.concatenate([plane, np.zeros((1, plane.shape[1]), plane.dtype, like=plane)])
        return padded[moved_like(rows, plane)].reshape(len(rows), -1)


WHOLE = Parts()
