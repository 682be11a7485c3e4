"""What stands between the encoder and alpha: pyramid pooling by dilated convolutions, and the decoder.

L.-C. Chen, G. Papandreou, F. Schroff, H. Adam, "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017.
The layers of the decoder have the names of the paper of AlphaGAN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from propmat.networks._trunks._layers import block, convolution, normalisation
from propmat.networks._trunks._resnet import Features

GROUP = 8  # channels of a group where pooled features are normalised, as of 32 groups of 256


class PyramidPooling(nn.Module):
    """(B, 2048, H, W) → (B, 256, H, W): 1 x 1, three dilated 3 x 3, and the mean of the whole plane, mixed by 1 x 1.

    Parameters
    ----------
    width : int
        Divides all numbers of channels.
    rates : sequence of int
        Dilations of the three.
    norm : {"batch", "group"}
    """

    def __init__(self, width: int, rates: Sequence[int], norm: str) -> None:
        super().__init__()
        before, after = 2048 // width, 256 // width
        dilated = [block(before, after, norm=norm, dilation=rate) for rate in rates]
        self.branches = nn.ModuleList([block(before, after, 1, norm=norm), *dilated])
        # Groups, for a plane of one pixel has no variance over a batch of one picture.
        groups = math.gcd(after, max(after // GROUP, 1))
        self.mean = nn.Sequential(convolution(before, after, 1), nn.GroupNorm(groups, after), nn.ReLU(inplace=True))
        self.mixed = block((len(rates) + 2) * after, after, 1, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.mean(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        mixed: Tensor = self.mixed(torch.cat([*(branch(x) for branch in self.branches), mean], dim=1))
        return mixed


class Decoder(nn.Module):
    """Pooled features (B, 256, H/8, W/8), those of the encoder, and planes (B, shallow, H, W) → planes (B, C, H, W).

    Parameters
    ----------
    shallow : int
        Planes of the first skip connection, 3 of colour.
    width : int
        Divides all numbers of channels but that and the next.
    norm : {"batch", "group"}
    answers : int, default 1
        Planes that come out.
    """

    def __init__(self, shallow: int, width: int, norm: str, answers: int = 1) -> None:
        super().__init__()
        c256, c128, c64, c32 = (channels // width for channels in (256, 128, 64, 32))
        self.skip3 = block(c256, c64, 1, norm=norm)
        self.deconv1 = nn.Sequential(
            block(c256 + c64, c256, norm=norm), block(c256, c128, norm=norm), block(c128, c64, norm=norm)
        )
        self.skip2 = block(c64, c32, 1, norm=norm)
        doubled = nn.ConvTranspose2d(c64, c64, 3, 2, padding=1, output_padding=1, bias=False)
        nn.init.kaiming_normal_(doubled.weight, nonlinearity="relu")
        self.deconv2 = nn.Sequential(
            block(c64 + c32, c64, norm=norm),
            nn.Sequential(doubled, normalisation(norm, c64), nn.ReLU(inplace=True)),
            block(c64, c32, norm=norm),
        )
        self.deconv3 = nn.Sequential(block(c32 + shallow, c32, norm=norm), block(c32, c32, norm=norm))
        self.deconv4 = convolution(c32, answers)

    def forward(self, pooled: Tensor, features: Features, shallow: Tensor) -> Tensor:
        x = functional.interpolate(pooled, scale_factor=2, mode="bilinear", align_corners=True)  # 256 x H/4 x W/4
        x = self.deconv1(torch.cat([x, self.skip3(features.quarter)], dim=1))  # 64 x H/4 x W/4
        x = unpooled(x, features.places)  # 64 x H/2 x W/2
        x = self.deconv2(torch.cat([x, self.skip2(features.half)], dim=1))  # 32 x H x W
        answers: Tensor = self.deconv4(self.deconv3(torch.cat([x, shallow], dim=1)))  # C x H x W
        return answers


def unpooled(x: Tensor, places: Tensor) -> Tensor:
    """Values at the places that they were pooled from, 0 elsewhere; (B, C, H, W) → (B, C, 2 H, 2 W).

    Windows of 3 x 3 overlap, so that several values may have one place; the greatest stays, in any order.
    """
    sides = 2 * x.shape[2], 2 * x.shape[3]
    empty = x.new_zeros(*x.shape[:2], sides[0] * sides[1])
    filled = empty.scatter_reduce(2, places.flatten(2), x.flatten(2), "amax", include_self=False)
    return filled.unflatten(2, sides)
