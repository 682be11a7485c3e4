"""The encoders that DiffMatte may have, by name, and those of other networks.

All take normalised colours and one-hot labels, of background, unknown and foreground in this order, (B, 6, H, W). Sides
are multiples of 32, and beyond the picture all planes are 0. The features are (B, channels, H/stride, W/stride).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from propmat.networks._trunks._compact import Compact
from propmat.networks._trunks._densenet import DenseNet201
from propmat.networks._trunks._efficientnet import EfficientNetLite0
from propmat.networks._trunks._layers import coloured
from propmat.networks._trunks._resnet import EXPANSION, STAGES, STRIDE, ResNet50
from propmat.networks._trunks._resnet_d import ResNet34
from propmat.networks._trunks._swin import Swin
from propmat.networks._trunks._vit import ViT

STRIDES = (4, 8, 16, 32)


class OfColours(nn.Module):
    """The coarsest features of an encoder of Late Fusion, which sees colours alone.

    Parameters
    ----------
    trunk : DenseNet201 or EfficientNetLite0
    """

    stride = 32

    def __init__(self, trunk: DenseNet201 | EfficientNetLite0) -> None:
        super().__init__()
        self.trunk, self.channels = trunk, trunk.channels[-1]

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.trunk(coloured(x[:, :3]))[-1]
        return features


class Dilated50(nn.Module):
    """The deepest features of AlphaGAN's encoder, which sees the trimap as one plane."""

    channels, stride = EXPANSION * STAGES[-1][1], STRIDE

    def __init__(self) -> None:
        super().__init__()
        self.trunk = ResNet50(4)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.trunk(torch.cat([x[:, :3], 0.5 * x[:, 4:5] + x[:, 5:6]], dim=1)).deepest
        return features


# How the encoder of a name is made, from the pixels a side of crops of training.
ENCODERS: Mapping[str, Callable[[int], nn.Module]] = {
    "vit_s": lambda side: ViT(384, 6, side),
    "vit_b": lambda side: ViT(768, 12, side),
    "resnet34": lambda side: ResNet34(),
    "swin_t": lambda side: Swin(),
    "compact": lambda side: Compact(),
    "efficientnet_lite0": lambda side: OfColours(EfficientNetLite0()),
    "densenet201": lambda side: OfColours(DenseNet201()),
    "resnet50": lambda side: Dilated50(),
}

# Channels of the planes' blocks and of those that follow the encoder's features, by its stride, as in the paper's code;
# for strides of 4 and 8 one block fewer and two.
DOWN = {4: (32,), 8: (32, 64), 16: (32, 64, 128), 32: (32, 64, 128, 128)}
UP = {4: (64, 32), 8: (128, 64, 32), 16: (256, 128, 64, 32), 32: (256, 256, 128, 64, 32)}
