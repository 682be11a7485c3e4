"""Augmentation as in the code of DiffMatte's authors: two foregrounds in one, other shapes, colours and trimaps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from propmat.training._alphagan_views import PLANES

TWO = 0.5  # of the views show two foregrounds
STRETCH = (0.8, 1.25)  # of either axis
SHEAR, HUE = np.radians(10), 40 / 360  # at most, in both directions
TOP = 1.1  # of saturation and brightness, whose mean less than it tells how far they are moved
REACH = (1, 29)  # pixels across the ellipses that masks are eroded by

Rng = np.random.Generator


def augmented(planes: Tensor, rng: Rng) -> Tensor:
    """The planes of `Views` without mattes, (B, 9, S, S), changed, composited anew and with new trimaps.

    Crops, rotations and mirror images are those of `Drawing`. Interpolation is linear, where the authors draw one of
    several kinds, and there is no other size of half a quarter of the pictures.
    """
    image, _, alpha, contrast, background = planes.split([*PLANES.values()], dim=1)
    front, behind = image + (1 - alpha) * contrast, image - alpha * contrast
    other = torch.from_numpy(rng.random((len(planes), 1, 1, 1)) < TWO).to(planes.device)
    front, alpha = joined(front, alpha, other)
    front, alpha = warped(front, alpha, rng)
    front = torch.stack([recoloured(colours, rng) for colours in front])
    trimap = torch.stack([trimap_of(one, rng) for one in alpha])
    alpha = torch.where(trimap == 0.5, alpha, trimap)
    image = behind + alpha * (front - behind)
    return torch.cat([image, trimap, alpha, front - behind, background], dim=1)


def joined(front: Tensor, alpha: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Foregrounds over those of the next views where `other` is set, with both alphas: 1 - (1 - α₁)(1 - α₂)."""
    beneath, theirs = front.roll(1, 0), alpha.roll(1, 0) * other
    together = 1 - (1 - alpha) * (1 - theirs)
    share = alpha / together.clamp_min(1e-6)
    return torch.where(together > 0, share * front + (1 - share) * beneath, front), together


def warped(front: Tensor, alpha: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
    """Foregrounds stretched along both axes and sheared, the borders going on beyond the views, alpha as 0."""
    count = len(front)
    low, high = np.log(STRETCH)
    stretch, shear = np.exp(rng.uniform(low, high, (count, 2))), np.tan(rng.uniform(-SHEAR, SHEAR, count))
    matrix = np.zeros((count, 2, 3), np.float32)
    matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, 0, 1] = stretch[:, 0], stretch[:, 1], shear
    grid = functional.affine_grid(torch.from_numpy(matrix).to(front), [*alpha.shape], align_corners=False)
    return (
        functional.grid_sample(front, grid, padding_mode="border", align_corners=False),
        functional.grid_sample(alpha, grid, align_corners=False),
    )


def trimap_of(alpha: Tensor, rng: Rng) -> Tensor:
    """0, 0.5 and 1 of a matte (1, S, S): what is opaque or transparent, each eroded by an ellipse."""
    opaque, transparent = (eroded(mask, rng.integers(REACH[0], REACH[1] + 1, 2)) for mask in (alpha == 1, alpha == 0))
    return 0.5 * (1 + opaque - transparent)


def eroded(mask: Tensor, extents: np.ndarray) -> Tensor:
    """Where a mask (1, S, S) is set within a whole ellipse, whose parts beyond the borders do not count, as 0 and 1."""
    height, width = (int(extent) for extent in extents)
    rows, columns = (torch.arange(extent, device=mask.device) - (extent - 1) / 2 for extent in (height, width))
    within = (2 * rows[:, None] / height).square() + (2 * columns / width).square() <= 1
    free = functional.pad(1 - mask.float(), ((width - 1) // 2, width // 2, (height - 1) // 2, height // 2))
    return (functional.conv2d(free[None], within.float()[None, None])[0] < 0.5).float()


def recoloured(colours: Tensor, rng: Rng) -> Tensor:
    """Colours (3, S, S) with another hue, saturation and brightness."""
    hue, saturation, brightness = hsv(colours.clamp(0, 1))
    hue = hue + rng.uniform(-HUE, HUE)
    moved = []
    for plane in (saturation, brightness):
        reach = (TOP - float(plane.mean())) / 10
        moved.append(_reflected(plane + rng.uniform(-reach, reach)))
    return rgb(hue % 1, *moved)


def hsv(colours: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue, saturation and value in [0, 1], (S, S) each, of colours (3, S, S)."""
    top, place = colours.max(0)
    spread = top - colours.amin(0)
    red, green, blue = colours / spread.clamp_min(1e-6)
    hues = torch.stack([green - blue, 2 + blue - red, 4 + red - green])
    hue = hues.gather(0, place[None])[0] / 6 % 1
    return torch.where(spread > 0, hue, 0), spread / top.clamp_min(1e-6), top


def rgb(hue: Tensor, saturation: Tensor, value: Tensor) -> Tensor:
    """Colours (3, S, S)."""
    places = torch.tensor([5.0, 3.0, 1.0], device=hue.device)[:, None, None]
    position = (places + 6 * hue) % 6
    return value * (1 - saturation * torch.minimum(position, 4 - position).clamp(0, 1))


def _reflected(plane: Tensor) -> Tensor:
    """Values beyond 0 and 1 reflected at these."""
    plane = plane.abs()
    return torch.where(plane > 1, 2 - plane, plane)
