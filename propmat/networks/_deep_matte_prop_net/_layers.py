"""Layers: the low-level branch, and what is made of features, weights of windows and a prior with its confidence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from propmat.torch._affinities import Affinities, along, positive

STEEP = 10.0  # steps of an optimiser move logarithms of windows' weights so many times as far as features
RARE = -3.0  # logarithm of the first share of each constant in a prior, where mattes have 0


def low_level(channels: int, features: int) -> nn.Sequential:
    """The low-level branch, three convolutions at full resolution."""
    return nn.Sequential(
        nn.Conv2d(channels, features, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(features, features, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(features, features, 3, padding=1),
        nn.ReLU(inplace=True),
    )


@torch.no_grad()
def start_from_last(affinity: Affinities, features: int) -> None:
    """Let differences of the last features decide at first, and those of all others hardly count."""
    if affinity.contrast is not None:
        affinity.contrast[:-features] -= 3  # softplus 0.05
        affinity.contrast[-features:] = 16  # on photographs then as good as random walks at their sigma


class WindowWeights(nn.Module):
    """Features (B, T, H, W) → weights (B, H - 2, W - 2) of windows of 3 x 3 pixels, at first all 1."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        return positive(STEEP * (along(self.slope, features[..., 1:-1, 1:-1]) + self.bias))


class MergedPrior(nn.Module):
    """Features (B, T, H, W) and mattes (B, m, H, W) → prior and confidence, (B, H, W) each.

    The prior is a convex combination of the mattes, 0 and 1, so that it lies in [0, 1]; its shares are a softmax. At
    first it is nearly the mean of the mattes, and its confidence 1.
    """

    def __init__(self, features: int, mattes: int) -> None:
        super().__init__()
        self.shares = nn.Conv2d(features, mattes + 2, 1)
        nn.init.normal_(self.shares.weight, std=0.01)
        start = torch.tensor([0.0] * mattes + [RARE] * 2)
        self.shares.bias = nn.Parameter(start)
        self.slope = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor, mattes: Tensor) -> tuple[Tensor, Tensor]:
        shares = self.shares(features).softmax(dim=1)
        # The share of the constant 0, the second last, adds nothing.
        prior = (shares[:, :-2] * mattes).sum(dim=1) + shares[:, -1]
        return prior.clamp(0, 1), positive(along(self.slope, features) + self.bias)
