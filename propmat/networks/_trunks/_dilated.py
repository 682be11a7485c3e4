"""Dilated convolutions at full resolution, alone and with what a coarse encoder sees.

F. Yu, V. Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", ICLR 2016; with residual connections (He et
al. 2016). Without normalisation, so that what a pixel is told does not depend on how much else the picture shows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from propmat.networks._trunks._compact import Compact

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

    def forward(self, x: Tensor, added: Tensor | float = 0.0) -> Tensor:
        x = self.first(x) + added  # features x H x W
        for block in self.blocks:
            x = x + block(x)
        return x


class Surrounded(nn.Module):
    """Dilated convolutions whose first features are those of `Compact`, enlarged, and of the picture.

    (B, channels, H, W) → (B, features, H, W), of any size. What fills more than 47 pixels, such as glass, is seen too.

    Parameters
    ----------
    channels, features : int
    """

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.coarse = Compact(channels)
        self.mixed = nn.Conv2d(Compact.channels, features, 1)
        self.fine = Dilated(channels, features)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = functional.pad(x, (0, -width % Compact.stride, 0, -height % Compact.stride), mode="replicate")
        coarse = self.mixed(self.coarse(padded))  # features x H/8 x W/8
        coarse = functional.interpolate(coarse, scale_factor=Compact.stride, mode="bilinear", align_corners=False)
        fine: Tensor = self.fine(x, coarse[..., :height, :width])
        return fine


def _block(features: int, dilation: int) -> nn.Sequential:
    across = nn.Conv2d(features, features, 3, padding=dilation, dilation=dilation)
    mixed = nn.Conv2d(features, features, 1)
    for convolution in (across, mixed):
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.get_parameter("bias"))
    with torch.no_grad():
        mixed.weight.mul_(GENTLE)
    return nn.Sequential(nn.ReLU(), across, nn.ReLU(inplace=True), mixed)
