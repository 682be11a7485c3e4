"""ResNet-34-D with spectral normalisation, as networks for matting have it.

Y. Li, H. Lu, "Natural Image Matting via Guided Contextual Attention", AAAI 2020; T. He et al., "Bag of Tricks for
Image Classification with Convolutional Neural Networks", CVPR 2019. Names of layers are those of public files.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

STRIDE = 32
FIRST = (32, 32, 64)  # channels of the first convolutions
# Of each stage the blocks, their channels, and the stride of the first one.
STAGES = {"layer1": (3, 64, 1), "layer2": (4, 128, 2), "layer3": (4, 256, 2), "layer_bottleneck": (2, 512, 2)}


class ResNet34(nn.Module):
    """Normalised colours and one-hot labels (B, 6, H, W) → (B, 512, H/32, W/32), sides multiples of 32.

    Attributes
    ----------
    channels, stride : int
    """

    channels, stride = 512, STRIDE

    def __init__(self) -> None:
        super().__init__()
        first, second, third = FIRST
        self.conv1, self.bn1 = _convolution(6, first, 3, 2, blind_to_labels=True), nn.BatchNorm2d(first)
        self.conv2, self.bn2 = _convolution(first, second, 3), nn.BatchNorm2d(second)
        self.conv3, self.bn3 = _convolution(second, third, 3, 2), nn.BatchNorm2d(third)
        before = third
        for name, (count, channels, stride) in STAGES.items():
            rest = [BasicBlock(channels, channels, 1) for _ in range(count - 1)]
            self.add_module(name, nn.Sequential(BasicBlock(before, channels, stride), *rest))
            before = channels

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)  # 32 x H/2 x W/2
        x = functional.relu(self.bn2(self.conv2(x)), inplace=True)
        x = functional.relu(self.bn3(self.conv3(x)), inplace=True)  # 64 x H/4 x W/4
        for name in STAGES:
            x = self.get_submodule(name)(x)
        return x


class BasicBlock(nn.Module):
    """(B, before, H, W) → (B, after, H/stride, W/stride): two 3 x 3, beside a shortcut of means; adds nothing at first.

    Parameters
    ----------
    before, after, stride : int
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(before, after, 3, stride), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = _convolution(after, after, 3), nn.BatchNorm2d(after)
        nn.init.zeros_(self.bn2.weight)
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(
                nn.AvgPool2d(2, stride), _convolution(before, after, 1), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        inside = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        inside = self.bn2(self.conv2(inside))
        return functional.relu(inside + (x if self.downsample is None else self.downsample(x)), inplace=True)


def _convolution(before: int, after: int, side: int, stride: int = 1, *, blind_to_labels: bool = False) -> nn.Module:
    layer = nn.Conv2d(before, after, side, stride, padding=side // 2, bias=False)
    nn.init.xavier_uniform_(layer.weight)
    if blind_to_labels:
        nn.init.zeros_(layer.weight[:, 3:])
    return spectral_norm(layer)
