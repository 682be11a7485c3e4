"""What AlphaGAN is trained on: squares of pictures, scaled, turned and mirrored, and backgrounds of composites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from propmat.errors import InputError
from propmat.training._problem import Array, Problem
from propmat.training._schedule import Schedule, count, one_of, size

OWN = 0.5  # of the composites are over the background of the picture itself
# Planes of a view in this order, then those of mattes.
PLANES = {"image": 3, "trimap": 1, "alpha": 1, "contrast": 3, "background": 3}


@dataclass(frozen=True, kw_only=True)
class ViewSchedule(Schedule):
    """Beside what all take: how views are drawn."""

    crop: int = count(2**13, 320)  # pixels a side
    scale: float = size(16, 2, least=1)  # squares of pictures have up to so many times as many pixels a side
    rotation: float = size(180, 15)  # degrees, in both directions
    symmetries: str = one_of(("mirror", "turns", "all"), "mirror")  # see `Drawing`


@dataclass(frozen=True, eq=False)
class Views:
    """A batch, (B, C, S, S) each.

    Attributes
    ----------
    image, trimap, alpha
        As in problems.
    contrast
        The foreground's colours less those of the background; 0 where the trimap is known.
    background
        Colours for composites: of half of the views the background of the picture itself.
    mattes
        As many planes as the network takes.
    """

    image: Tensor
    trimap: Tensor
    alpha: Tensor
    contrast: Tensor
    background: Tensor
    mattes: Tensor

    @classmethod
    def of(cls, planes: Tensor) -> Views:
        """Views of their planes, one after another."""
        own = sum(PLANES.values())
        return cls(*planes.split([*PLANES.values(), planes.shape[1] - own], dim=1))

    @property
    def unknown(self) -> Tensor:
        return self.trimap == 0.5

    @property
    def foreground(self) -> Tensor:
        """True colours where alpha is not 0, with the noise of the picture."""
        return self.image + (1 - self.alpha) * self.contrast

    def composite(self, alpha: Tensor) -> Tensor:
        """α F + (1 - α) B' of the true foreground, for a matte (B, 1, S, S)."""
        return alpha * self.foreground + (1 - alpha) * self.background

    def labelled(self, alpha: Tensor) -> Tensor:
        """A matte with known pixels as the trimap has them."""
        return torch.where(self.unknown, alpha, self.trimap)


class Drawing:
    """Draws views; all that is drawn from lies on the device.

    Parameters
    ----------
    problems : sequence of Problem
    seed : int
    device : torch.device
    schedule : ViewSchedule
        Of a batch, and of views: pixels a side; squares of the pictures have 1, (1 + `scale`) / 2 or `scale` times as
        many, where a picture has them; `rotation` in degrees, at most, in both directions; symmetries are "mirror",
        mirror images, "turns", quarter turns too, and "all", colours in any order and foreground and background
        exchanged too.
    """

    def __init__(self, problems: Sequence[Problem], seed: int, device: torch.device, schedule: ViewSchedule) -> None:
        crop, scale = schedule.crop, schedule.scale
        small = [problem.name for problem in problems if min(problem.labels.shape) < crop]
        if small:
            raise InputError(f"crop: {small[0]} is smaller than {crop} pixels; takes less")
        self.seed, self.size, self.side = seed, schedule.batch, crop
        self.scales, self.rotation = (1.0, (1 + scale) / 2, scale), np.radians(schedule.rotation)
        self.turns, self.exchanges = schedule.symmetries != "mirror", schedule.symmetries == "all"
        self.places = [np.argwhere(problem.unknown) for problem in problems]
        self.ends = np.cumsum([len(places) for places in self.places])
        self.planes = [_layers(problem).to(device) for problem in problems]

    def batch(self, iteration: int) -> Tensor:
        """The planes of `Views` for an iteration: all unknown pixels are equally often in the middle."""
        rng = np.random.default_rng((self.seed, iteration))
        return torch.stack([self._view(rng) for _ in range(self.size)])

    def _view(self, rng: np.random.Generator) -> Tensor:
        number, seen = self._seen(rng)
        seen = seen.flip(2) if rng.random() < 0.5 else seen
        seen = torch.rot90(seen, int(rng.integers(4)), (1, 2)) if self.turns else seen
        seen = exchanged_view(seen, rng) if self.exchanges else seen
        other = self._background(number, rng)
        # With another background alone the network would not learn from what its own leaves in the composite.
        background = seen[:3] - seen[4:5] * seen[5:8] if rng.random() < OWN else other
        return torch.cat([seen[:8], background, seen[8:]])

    def _seen(self, rng: np.random.Generator) -> tuple[int, Tensor]:
        """A square around an unknown pixel, of a picture of a number."""
        while True:
            number = int(np.searchsorted(self.ends, rng.integers(self.ends[-1]), side="right"))
            planes, middle = self.planes[number], self.places[number][rng.integers(len(self.places[number]))]
            most = min(planes.shape[1:]) / self.side
            extent = self.side * min(self.scales[rng.integers(3)], most)
            angle = rng.uniform(-self.rotation, self.rotation)
            middle = middle - 0.5 * (1 - self.side % 2)  # of an even number of pixels none is in the middle
            centre = np.clip(middle, extent / 2 - 0.5, np.array(planes.shape[1:]) - extent / 2 - 0.5)
            view = resampled(planes, centre, extent, angle, self.side)
            if bool((view[3] == 0.5).any()):  # where a picture ends, a rotation may move the pixel out of sight
                return number, view

    def _background(self, number: int, rng: np.random.Generator) -> Tensor:
        """Colours of some other picture, where there is one."""
        others = [k for k in range(len(self.planes)) if k != number] or [number]
        planes = self.planes[others[rng.integers(len(others))]]
        top, left = (int(rng.integers(size - self.side + 1)) for size in planes.shape[1:])
        return planes[:3, top : top + self.side, left : left + self.side].float()


def exchanged_view(seen: Tensor, rng: np.random.Generator) -> Tensor:
    """Colours in some order, and half of the time background for foreground: planes but those of new backgrounds."""
    order = torch.from_numpy(rng.permutation(3)).to(seen.device)
    image, contrast, maps, mattes = seen[:3][order], seen[5:8][order], seen[3:5], seen[8:]
    if rng.random() < 0.5:
        contrast, maps, mattes = -contrast, 1 - maps, 1 - mattes
    return torch.cat([image, maps, contrast, mattes])


def resampled(planes: Tensor, centre: Array, extent: float, angle: float, side: int) -> Tensor:
    """A square of planes (C, H, W) by linear interpolation, reflected beyond their borders, as (C, side, side).

    Labels, the fourth plane, are those of the nearest pixels, and alpha, the fifth, is that of a known label.

    Parameters
    ----------
    planes : tensor
    centre : (2,) array
        Row and column of the middle.
    extent : float
        Pixels a side.
    angle : float
        Radians.
    side : int
    """
    steps = ((np.arange(side) + 0.5) / side - 0.5) * extent
    down, across = np.cos(angle) * steps, np.sin(angle) * steps
    rows, columns = centre[0] + down[:, None] - across, centre[1] + across[:, None] + down
    ends = [_ends(places, size) for places, size in zip((rows, columns), planes.shape[1:], strict=True)]
    (top, bottom), (left, right) = ends
    box = planes[None, :, top:bottom, left:right].float()
    relative = [
        2 * (places - low + 0.5) / (high - low) - 1 for places, (low, high) in zip((rows, columns), ends, strict=True)
    ]
    grid = torch.from_numpy(np.stack(relative[::-1], axis=-1)).to(box)[None]
    view, labels = (
        functional.grid_sample(values, grid, mode, "reflection", align_corners=False)[0]
        for values, mode in ((box, "bilinear"), (box[:, 3:4], "nearest"))
    )
    alpha = torch.where(labels == 0.5, view[4:5], labels)
    return torch.cat([view[:3], labels, alpha, view[5:]])


def _ends(places: Array, size: int) -> tuple[int, int]:
    """The rows or columns, from the first until before the last, that interpolation at some places takes."""
    low, high = int(np.floor(places.min())) - 1, int(np.ceil(places.max())) + 2
    return max(low, 0), min(high, size)


def _layers(problem: Problem) -> Tensor:
    """All that a view is cut from, (8 + mattes, H, W) in half precision."""
    contrast = np.zeros((*problem.labels.shape, 3), np.float32)
    contrast[problem.unknown] = problem.contrast
    maps = (problem.trimap, problem.whole(problem.alpha))
    mattes = [problem.whole(values) for values in problem.mattes]
    layers = np.dstack([problem.image / 255, *maps, contrast, *mattes])
    return torch.from_numpy(layers.transpose(2, 0, 1).astype(np.float16))
