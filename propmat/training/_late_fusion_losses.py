"""The losses of Late Fusion: of each branch at five sizes, and of the blend.

Sums over pixels in the paper are means here, so that rates do not depend on the size of crops.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

READINGS = ("ceil", "soft")  # of what is foreground to cross-entropy: what is not transparent, or alpha itself
FAINTEST = 1e-6  # of probabilities under a logarithm
CERTAINTY = 0.5  # weight of cross-entropy where alpha is fractional; 1 elsewhere
SOLID = 0.1  # weight of the blend's error where alpha is not fractional; 1 elsewhere


def branch_loss(sides: Sequence[Tensor], alpha: Tensor, reading: str = "ceil") -> Tensor:
    """The loss of a decoder: of its answers at all sizes, each against alpha pooled to that size, added up.

    Parameters
    ----------
    sides : sequence of (B, 1, h, w) tensors
        Probabilities, of sides that divide those of alpha.
    alpha : (B, 1, H, W) tensor
        The truth, for the branch of the background 1 - alpha.
    reading : {"ceil", "soft"}
        "ceil" draws the branches of foreground and background both up where alpha is fractional, so that alpha is
        between F and 1 - B. With "soft" F + B is 1, and the blend learns nothing.

    Returns
    -------
    () tensor
    """
    losses = []
    for side in sides:
        truth = functional.avg_pool2d(alpha, alpha.shape[-1] // side.shape[-1])
        losses.append(pixel_loss(side, truth, reading).mean() + slope_loss(side, truth))
    return sum(losses[1:], losses[0])


def pixel_loss(probability: Tensor, alpha: Tensor, reading: str = "ceil") -> Tensor:
    """Cross-entropy and the difference to alpha, squared where alpha is 0 or 1, of each pixel."""
    fractional = is_fractional(alpha)
    difference = probability - alpha
    of_alpha = difference.abs().where(fractional, difference.square())
    target = (alpha > 0).to(alpha) if reading == "ceil" else alpha
    chance = probability.clamp(FAINTEST, 1 - FAINTEST)
    entropy = -target * chance.log() - (1 - target) * (1 - chance).log()
    return of_alpha + entropy * fractional.to(alpha).mul(CERTAINTY - 1).add(1)


def slope_loss(probability: Tensor, alpha: Tensor) -> Tensor:
    """The mean difference of slopes along rows and columns."""
    difference = probability - alpha
    return (difference.diff(dim=-1).abs().sum() + difference.diff(dim=-2).abs().sum()) / alpha.numel()


def blend_loss(alpha: Tensor, truth: Tensor) -> Tensor:
    """The mean error of alpha (B, 1, H, W), a tenth of it where the truth is 0 or 1."""
    weight = is_fractional(truth).to(truth).mul(1 - SOLID).add(SOLID)
    return (weight * (alpha - truth).abs()).mean()


def is_fractional(alpha: Tensor) -> Tensor:
    """Where alpha is neither 0 nor 1."""
    return (alpha > 0) & (alpha < 1)
