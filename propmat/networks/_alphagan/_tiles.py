"""A network on a whole picture, or on tiles that overlap where memory would be short."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from propmat._memory import gibibytes
from propmat.errors import warn
from propmat.networks._inference import free_memory

SIDE, OVERLAP = 640, 128  # of tiles, pixels; multiples of 8
# Bytes of a pixel at the same time, by `python -m benchmarks.alphagan time`: of the paper's channels, and of what a
# divisor of these does not make fewer.
BYTES, BYTES_LEFT = 2200, 150


def answered(answer: Callable[[Tensor], Tensor], x: Tensor, width: int) -> Tensor:
    """What a network answers, (1, C, H, W) → (1, 1, H, W), in tiles where the whole would not fit; that is said."""
    wanted = x.shape[2] * x.shape[3] * (BYTES // width + BYTES_LEFT)
    free = free_memory(x.device)
    if wanted <= free or max(x.shape[2:]) <= SIDE:
        return answer(x)
    warn(
        f"image: {x.shape[3]} x {x.shape[2]} pixels at once would take about {gibibytes(wanted)} of memory, "
        f"{gibibytes(free)} may be taken; computed in tiles of {SIDE} pixels, which do not see the whole picture"
    )
    return tiled(answer, x, SIDE, OVERLAP)


def tiled(answer: Callable[[Tensor], Tensor], x: Tensor, side: int, overlap: int) -> Tensor:
    """Answers of squares that overlap at least so many pixels, with weights that fall linearly towards their borders.

    Parameters
    ----------
    answer : callable
        (1, C, h, w) → (1, 1, h, w), for sides that are multiples of 8.
    x : (1, C, H, W) tensor
        Sides are multiples of 8.
    side, overlap : int
        Multiples of 8.

    Returns
    -------
    (1, 1, H, W) tensor
    """
    height, width = x.shape[2:]
    total, weight = (x.new_zeros(1, 1, height, width) for _ in "ab")
    for top in _starts(height, side, side - overlap):
        for left in _starts(width, side, side - overlap):
            place = (..., slice(top, top + side), slice(left, left + side))
            found = answer(x[place])
            rows, columns = (_ramp(size, overlap).to(x) for size in found.shape[2:])
            share = rows[:, None] * columns
            total[place] += share * found
            weight[place] += share
    return total / weight


def _starts(size: int, side: int, step: int) -> list[int]:
    """Where tiles begin; the last one ends with the picture."""
    last = max(size - side, 0)
    return [*range(0, last, step), last]


def _ramp(size: int, overlap: int) -> Tensor:
    """Weights from the borders of a tile inwards, which are 1 beyond the overlap."""
    from_border = torch.arange(size) + 0.5
    return torch.minimum(from_border, from_border.flip(0)).div(max(overlap, 1)).clamp(max=1)
