"""Dilated convolutions at full resolution.

F. Yu, V. Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", ICLR 2016; with residual connections (He et
al. 2016). Without normalisation, so that what a pixel is told does not depend on how much else the picture shows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

DILATIONS = (1, 2, 4, 8, 4, 2, 1)
REACH = 1 + sum(DILATIONS)  # pixels that a feature sees in each direction
GENTLE = 0.1  # factor on what a block adds at first


class Dilated(nn.Module):
    """(B, channels, H, W) → (B, features, H, W), of any size; a feature sees 47 x 47 pixels.

    Parameters
    ----------
    channels, features : int
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, features, 3, padding=1)
        self.blocks = nn.ModuleList(_block(features, dilation) for dilation in DILATIONS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)  # features x H x W
        for block in self.blocks:
            x = x + block(x)
        return x


def _block(features: int, dilation: int) -> nn.Sequential:
    across = nn.Conv2d(features, features, 3, padding=dilation, dilation=dilation)
    mixed = nn.Conv2d(features, features, 1)
    for convolution in (across, mixed):
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.get_parameter("bias"))
    with torch.no_grad():
        mixed.weight.mul_(GENTLE)
    return nn.Sequential(nn.ReLU(), across, nn.ReLU(inplace=True), mixed)
