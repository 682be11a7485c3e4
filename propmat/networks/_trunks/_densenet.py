"""DenseNet-201 without its classifier, with features of five sizes.

G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, "Densely Connected Convolutional Networks", CVPR 2017. Names of
layers are those of torchvision, so that files of its weights fit.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from propmat.networks._trunks._layers import convolution, normalised

BLOCKS = (6, 12, 48, 32)  # layers
FIRST, GROWTH, BOTTLENECK = 64, 32, 4
# After which layers there are features for decoders, at strides of 2, 4, 8, 16 and 32.
TAPS = ("relu0", "denseblock1", "denseblock2", "denseblock3", "relu5")


class DenseNet201(nn.Module):
    """Colours (B, 3, H, W) in [0, 1] → five features (B, C, H/2, W/2) to (B, C', H/32, W/32), sides multiples of 32.

    18,092,928 weights; the features have 64, 256, 512, 1792 and 1920 channels.

    Parameters
    ----------
    width : int
        Divides all numbers of channels inside.

    Attributes
    ----------
    channels : tuple of 5 int
        Of the features.
    """

    def __init__(self, width: int = 1) -> None:
        super().__init__()
        growth, before = GROWTH // width, FIRST // width
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=convolution(3, before, 7, stride=2),
            norm0=nn.BatchNorm2d(before),
            relu0=nn.ReLU(inplace=True),
            pool0=nn.MaxPool2d(3, 2, 1),
        )
        channels = [before]
        for number, count in enumerate(BLOCKS, 1):
            if number > 1:
                layers[f"transition{number - 1}"] = _transition(before)
                before //= 2
            layers[f"denseblock{number}"] = _block(before, growth, count)
            before += count * growth
            channels.append(before)
        self.features = nn.Sequential(layers | {"norm5": nn.BatchNorm2d(before), "relu5": nn.ReLU(inplace=True)})
        self.channels = tuple(channels)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        x, found = normalised(image), []
        for name, layer in self.features.named_children():
            x = layer(x)
            if name in TAPS:
                found.append(x)
        return tuple(found)


class DenseLayer(nn.Module):
    """(B, before, H, W) → (B, before + growth, H, W): its input, and what it makes of it.

    Parameters
    ----------
    before, growth : int
    """

    def __init__(self, before: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.relu1 = nn.BatchNorm2d(before), nn.ReLU(inplace=True)
        self.conv1 = convolution(before, BOTTLENECK * growth, 1)
        self.norm2, self.relu2 = nn.BatchNorm2d(BOTTLENECK * growth), nn.ReLU(inplace=True)
        self.conv2 = convolution(BOTTLENECK * growth, growth)

    def forward(self, x: Tensor) -> Tensor:
        inside = self.conv1(self.relu1(self.norm1(x)))
        return torch.cat([x, self.conv2(self.relu2(self.norm2(inside)))], dim=1)


def _block(before: int, growth: int, count: int) -> nn.Sequential:
    layers = {f"denselayer{k + 1}": DenseLayer(before + k * growth, growth) for k in range(count)}
    return nn.Sequential(OrderedDict(layers))


def _transition(before: int) -> nn.Sequential:
    """Half the channels and half the size."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(before),
            relu=nn.ReLU(inplace=True),
            conv=convolution(before, before // 2, 1),
            pool=nn.AvgPool2d(2, 2),
        )
    )
