"""Layers that trunks and the networks on them share: a convolution with its normalisation and ReLU; colours."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# The statistics of ImageNet's colours.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(image: Tensor) -> Tensor:
    """Colours (B, 3, H, W) in [0, 1] with the mean and the deviation of ImageNet's taken out."""
    mean, deviation = _statistics(image)
    return (image - mean) / deviation


def coloured(x: Tensor) -> Tensor:
    """The colours that `normalised` makes these of."""
    mean, deviation = _statistics(x)
    return x * deviation + mean


def _statistics(like: Tensor) -> tuple[Tensor, Tensor]:
    mean, deviation = (like.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return mean, deviation


def normalisation(norm: str, features: int) -> nn.Module:
    """Over the batch, or over groups of channels (Wu, He 2018): 32 as in that paper, or fewer."""
    return nn.BatchNorm2d(features) if norm == "batch" else nn.GroupNorm(math.gcd(32, features), features)


def convolution(before: int, after: int, side: int = 3, *, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps the size but for its stride; Kaiming's first weights."""
    layer = nn.Conv2d(before, after, side, stride=stride, padding=dilation * (side // 2), dilation=dilation, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return layer


def block(before: int, after: int, side: int = 3, *, norm: str, dilation: int = 1) -> nn.Sequential:
    """A convolution, its normalisation, and ReLU."""
    return nn.Sequential(
        convolution(before, after, side, dilation=dilation), normalisation(norm, after), nn.ReLU(inplace=True)
    )


def merged(planes: Tensor, mattes: Tensor) -> Tensor:
    """Mattes (B, m, H, W) by the decoder's planes (B, m + 1, H, W): the mean where these are 0, (B, 1, H, W)."""
    count = mattes.shape[1]
    return ((planes[:, :count] + 1 / count) * mattes).sum(dim=1, keepdim=True) + planes[:, count:]


def reflected(x: Tensor, multiple: int, least: int = 1) -> Tensor:
    """Planes (..., H, W) reflected beyond their last rows and columns up to a multiple, `least` or more."""
    for axis in (-2, -1):
        size = x.shape[axis]
        wanted = max(size, least)
        places = torch.arange(wanted + -wanted % multiple, device=x.device) % max(2 * size - 2, 1)
        x = x.index_select(axis, torch.where(places < size, places, 2 * size - 2 - places))
    return x
