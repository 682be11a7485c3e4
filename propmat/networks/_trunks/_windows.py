"""Squares of planes that attention is computed in."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def windows(x: Tensor, side: int, shift: int = 0) -> tuple[Tensor, tuple[int, int]]:
    """Planes (B, H, W, C) cut into squares (B windows, side, side, C), zeros beyond the last rows and columns.

    The first rows and columns, as many as the shift, go behind the last ones before. Returns the squares, and the sides
    that the planes have with the zeros.
    """
    height, width = x.shape[1:3]
    x = functional.pad(x, (0, 0, 0, -width % side, 0, -height % side)).roll((-shift, -shift), dims=(1, 2))
    shape = x.shape[1], x.shape[2]
    parts = x.unflatten(2, (-1, side)).unflatten(1, (-1, side)).transpose(2, 3)
    return parts.flatten(0, 2), shape


def joined(parts: Tensor, shape: tuple[int, int], shift: int = 0) -> Tensor:
    """The planes of all squares, (B, H, W, C) of sides that `windows` returned."""
    side = parts.shape[1]
    rows, columns = shape[0] // side, shape[1] // side
    planes = parts.unflatten(0, (-1, rows, columns)).transpose(2, 3).flatten(3, 4).flatten(1, 2)
    return planes.roll((shift, shift), dims=(1, 2))
