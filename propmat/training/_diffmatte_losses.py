"""The losses of DiffMatte, of mattes 2 α - 1 in [-1, 1].

The authors' code divides sums over masks by 512² pixels, whatever the crop; here they are means over the masks.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from propmat.losses._pyramid import laplacian_pyramid_loss

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))  # across; transposed down
STEEPNESS = 0.01  # weight of slopes themselves
LEVELS = 5


def denoising_losses(x: Tensor, truth: Tensor, unknown: Tensor, of_all: Tensor, parts: int = 1) -> dict[str, Tensor]:
    """The losses of mattes (B, 1, H, W), which are added up.

    Parameters
    ----------
    x, truth : tensors
        At least 32 pixels a side.
    unknown : tensor of bool
    of_all : tensor of bool
        The unknown pixels of the joint batch, of which this may be one of some parts.
    parts : int, default 1
    """
    counts = [(mask.sum() / parts).clamp_min(1) for mask in (of_all, ~of_all)]
    error, slope, steepness = (x - truth).abs(), slopes(x - truth), slopes(x)
    return {
        "squared": (x - truth).square().mean(),
        "unknown": (error * unknown).sum() / counts[0],
        "known": (error * ~unknown).sum() / counts[1],
        "gradient": ((slope + STEEPNESS * steepness) * unknown).sum() / counts[0],
        "laplacian": laplacian_pyramid_loss(x, truth, levels=LEVELS),
    }


def slopes(x: Tensor) -> Tensor:
    """The absolute values of both derivatives by Sobel, added up; zeros lie around (B, 1, H, W)."""
    across = torch.tensor(SOBEL, dtype=x.dtype, device=x.device)
    found = functional.conv2d(x, torch.stack([across, across.T])[:, None], padding=1)
    return found.abs().sum(1, keepdim=True)
