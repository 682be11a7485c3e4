"""ResNet-50 with dilated convolutions in place of its last strides.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016; dilated as in L.-C. Chen, G.
Papandreou, F. Schroff, H. Adam, "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017. Names of layers
are those of torchvision, so that files of its weights fit.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional

from propmat.networks._trunks._layers import convolution, normalisation

# Of each stage the blocks, the channels inside a block, the stride of the first block, and the dilation of all.
STAGES = ((3, 64, 1, 1), (4, 128, 2, 1), (6, 256, 1, 2), (3, 512, 1, 4))
EXPANSION = 4  # a block puts out so many times the channels inside it
STRIDE = 8


class Features(NamedTuple):
    """What a decoder takes.

    Attributes
    ----------
    half : (B, 64, H/2, W/2) tensor
    quarter : (B, 256, H/4, W/4) tensor
    deepest : (B, 2048, H/8, W/8) tensor
    places : (B, 64, H/4, W/4) tensor of int64
        Where in the planes of `half` the maxima lie that were pooled.
    """

    half: Tensor
    quarter: Tensor
    deepest: Tensor
    places: Tensor


class ResNet50(nn.Module):
    """(B, channels, H, W) → `Features`, H and W multiples of 8; 23,508,032 weights of 3 channels.

    Parameters
    ----------
    channels : int
    width : int
        Divides all numbers of channels inside.
    norm : {"batch", "group"}
    """

    def __init__(self, channels: int, width: int = 1, norm: str = "batch") -> None:
        super().__init__()
        before = 64 // width
        self.conv1, self.bn1 = convolution(channels, before, 7, stride=2), normalisation(norm, before)
        stages = []
        for blocks, inside, stride, dilation in STAGES:
            inside //= width
            rest = [Bottleneck(EXPANSION * inside, inside, 1, dilation, norm) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(Bottleneck(before, inside, stride, dilation, norm), *rest))
            before = EXPANSION * inside
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def forward(self, x: Tensor) -> Features:
        half = functional.relu(self.bn1(self.conv1(x)))  # 64 x H/2 x W/2
        pooled, places = functional.max_pool2d(half, 3, 2, 1, return_indices=True)  # 64 x H/4 x W/4
        quarter = self.layer1(pooled)  # 256 x H/4 x W/4
        return Features(half, quarter, self.layer4(self.layer3(self.layer2(quarter))), places)


class Bottleneck(nn.Module):
    """(B, before, H, W) → (B, 4 inside, H/stride, W/stride): 1 x 1, 3 x 3, 1 x 1, and a shortcut beside them.

    Parameters
    ----------
    before, inside : int
    stride, dilation : int
        Of the 3 x 3; the shortcut of a block that changes stride or channels is a 1 x 1 convolution.
    norm : {"batch", "group"}
    """

    def __init__(self, before: int, inside: int, stride: int, dilation: int, norm: str) -> None:
        super().__init__()
        after = EXPANSION * inside
        self.conv1, self.bn1 = convolution(before, inside, 1), normalisation(norm, inside)
        self.conv2 = convolution(inside, inside, 3, stride=stride, dilation=dilation)
        self.bn2 = normalisation(norm, inside)
        self.conv3, self.bn3 = convolution(inside, after, 1), normalisation(norm, after)
        self.downsample = None
        if before != after or stride > 1:
            self.downsample = nn.Sequential(convolution(before, after, 1, stride=stride), normalisation(norm, after))

    def forward(self, x: Tensor) -> Tensor:
        inside = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        inside = functional.relu(self.bn2(self.conv2(inside)), inplace=True)
        inside = self.bn3(self.conv3(inside))
        inside = inside + (x if self.downsample is None else self.downsample(x))
        return functional.relu(inside, inplace=True)
