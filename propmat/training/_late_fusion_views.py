"""What Late Fusion is trained on: squares that show most of a picture, turned, mirrored and in other light."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from propmat.errors import InputError
from propmat.networks._late_fusion._network import STRIDE
from propmat.training._alphagan_views import resampled
from propmat.training._problem import Array, Problem

ASIDE = 0.3  # of a square's side: how far its middle is from that of the object, at most


class Squares:
    """Draws squares; all that is drawn from lies on the device.

    Parameters
    ----------
    problems : sequence of Problem
    seed : int
    device : torch.device
    batch, crop : int
        Squares of a batch, and pixels a side, a multiple of 32.
    least : float
        A square shows from this share to all of a picture's shorter side.
    rotation : float
        Degrees, at most, in both directions.
    light : float
        How far the exponent, the gain and the offset of colours are from 1, 1 and 0; of each channel a third as much
        again.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        seed: int,
        device: torch.device,
        *,
        batch: int,
        crop: int,
        least: float,
        rotation: float,
        light: float,
    ) -> None:
        if crop % STRIDE:
            raise InputError(f"crop: takes a multiple of {STRIDE} pixels, got {crop}")
        self.seed, self.size, self.side = seed, batch, crop
        self.least, self.rotation, self.light = least, np.radians(rotation), light
        self.planes = [_layers(problem).to(device) for problem in problems]
        self.middles = [_middle(problem) for problem in problems]

    def batch(self, iteration: int) -> Tensor:
        """(B, 4, crop, crop) of an iteration: three of colour, and alpha; all pictures are equally probable."""
        rng = np.random.default_rng((self.seed, iteration))
        return torch.stack([self._square(rng) for _ in range(self.size)])

    def _square(self, rng: np.random.Generator) -> Tensor:
        number = rng.integers(len(self.planes))
        planes, extents = self.planes[number], np.array(self.planes[number].shape[1:])
        extent = rng.uniform(self.least, 1) * extents.min()
        middle = self.middles[number] + rng.uniform(-ASIDE, ASIDE, 2) * extent
        centre = np.clip(middle, extent / 2 - 0.5, extents - extent / 2 - 0.5)
        seen = resampled(planes, centre, extent, rng.uniform(-self.rotation, self.rotation), self.side)
        seen = seen.flip(2) if rng.random() < 0.5 else seen
        return torch.cat([relit(seen[:3], self.light, rng), seen[4:]])


def relit(image: Tensor, light: float, rng: np.random.Generator) -> Tensor:
    """Colours (3, H, W) in other light: (gain c + offset) to an exponent, clipped."""
    spread = rng.uniform(-light, light, 3)[:, None] + rng.uniform(-light / 3, light / 3, (3, 3))
    exponent, gain, offset = (torch.from_numpy(values).to(image)[:, None, None] for values in spread)
    return (image * gain.exp() + offset / 3).clamp(0, 1) ** exponent.exp()


def _middle(problem: Problem) -> Array:
    """Row and column of the middle of the mass of alpha."""
    alpha = problem.whole(problem.alpha).astype(np.float64)
    sums = alpha.sum(axis=1), alpha.sum(axis=0)
    return np.array([np.average(np.arange(one.size), weights=one) for one in sums])


def _layers(problem: Problem) -> Tensor:
    """Colours, trimap and alpha, (5, H, W) in half precision."""
    layers = np.dstack([problem.image / 255, problem.trimap, problem.whole(problem.alpha)])
    return torch.from_numpy(layers.transpose(2, 0, 1).astype(np.float16))
