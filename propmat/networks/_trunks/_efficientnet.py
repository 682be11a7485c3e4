"""EfficientNet-Lite0 without its classifier, with features of five sizes.

M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; "Lite" has neither
squeeze-and-excitation nor swish (R. Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog
2020). Where a convolution halves the size, zeros are laid around as TensorFlow does, with which its weights were
trained.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

# Of each stage the blocks, the channels they put out, the side of their kernels, the stride of the first block, and
# how many times as many channels there are inside a block.
STAGES = (
    (1, 16, 3, 1, 1),
    (2, 24, 3, 2, 6),
    (2, 40, 5, 2, 6),
    (3, 80, 3, 2, 6),
    (3, 112, 5, 1, 6),
    (4, 192, 5, 2, 6),
    (1, 320, 3, 1, 6),
)
FIRST = 32  # channels
TAPS = (0, 2, 4, 10, 15)  # blocks after which there are features for decoders, at strides of 2, 4, 8, 16 and 32
MEAN, DEVIATION = 127 / 255, 128 / 255  # of colours
EPSILON, MOMENTUM = 1e-3, 0.01  # of batch normalisation


class EfficientNetLite0(nn.Module):
    """Colours (B, 3, H, W) in [0, 1] → five features (B, C, H/2, W/2) to (B, C', H/32, W/32), sides multiples of 32.

    2,958,848 weights; the features have 16, 24, 40, 112 and 320 channels.

    Attributes
    ----------
    channels : tuple of 5 int
        Of the features.
    """

    channels = (16, 24, 40, 112, 320)

    def __init__(self) -> None:
        super().__init__()
        self.stem = _block(3, FIRST, 3, stride=2)
        blocks, before = [], FIRST
        for count, after, side, stride, expansion in STAGES:
            for k in range(count):
                blocks.append(InvertedResidual(before, after, side, 1 if k else stride, expansion))
                before = after
        self.blocks = nn.ModuleList(blocks)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        x, found = self.stem((image - MEAN) / DEVIATION), []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in TAPS:
                found.append(x)
        return tuple(found)


class InvertedResidual(nn.Module):
    """(B, before, H, W) → (B, after, H/stride, W/stride): 1 x 1, one kernel for each channel, 1 x 1.

    Parameters
    ----------
    before, after : int
    side, stride : int
        Of the kernels of single channels.
    expansion : int
        Channels inside, in multiples of `before`; without the first 1 x 1 where it is 1.
    """

    def __init__(self, before: int, after: int, side: int, stride: int, expansion: int) -> None:
        super().__init__()
        inside = expansion * before
        self.expand = _block(before, inside, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _block(inside, inside, side, stride=stride, groups=inside)
        self.project = nn.Sequential(nn.Conv2d(inside, after, 1, bias=False), _normalisation(after))
        self.shortcut = before == after and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.project(self.depthwise(self.expand(x)))
        return found + x if self.shortcut else found


class Padded(nn.Conv2d):
    """A convolution with as many zeros around its input as TensorFlow's "SAME": of an odd number one more at the end.

    Takes sides that are multiples of the stride.
    """

    def forward(self, x: Tensor) -> Tensor:
        zeros = self.kernel_size[0] - self.stride[0]
        before, after = zeros // 2, zeros - zeros // 2
        found: Tensor = super().forward(functional.pad(x, (before, after, before, after)))
        return found


def _block(before: int, after: int, side: int, *, stride: int = 1, groups: int = 1) -> nn.Sequential:
    if stride == 1:
        layer = nn.Conv2d(before, after, side, padding=side // 2, groups=groups, bias=False)
    else:
        layer = Padded(before, after, side, stride, groups=groups, bias=False)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return nn.Sequential(layer, _normalisation(after), nn.ReLU6(inplace=True))


def _normalisation(features: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(features, EPSILON, MOMENTUM)
