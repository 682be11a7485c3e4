"""A small convolutional encoder whose dilated blocks see a large part of the picture."""

from __future__ import annotations

from torch import Tensor, nn

from propmat.networks._trunks._layers import block, convolution, normalisation

CHANNELS = (16, 32, 64)  # at strides of 2, 4 and 8
DILATIONS = (1, 2, 4, 8)


class Compact(nn.Module):
    """Normalised colours and one-hot labels (B, 6, H, W) → (B, 64, H/8, W/8), sides multiples of 8.

    A feature sees 31 x 31 places, 248 x 248 pixels. 320,000 weights.

    Parameters
    ----------
    planes : int, default 6
        Channels of what it sees, if others.

    Attributes
    ----------
    channels, stride : int
    """

    channels, stride = CHANNELS[-1], 2 ** len(CHANNELS)

    def __init__(self, planes: int = 6) -> None:
        super().__init__()
        before, halved = planes, []
        for after in CHANNELS:
            halved.append(
                nn.Sequential(convolution(before, after, stride=2), nn.BatchNorm2d(after), nn.ReLU(inplace=True))
            )
            before = after
        self.halved = nn.Sequential(*halved)
        self.dilated = nn.ModuleList(_dilated(before, dilation) for dilation in DILATIONS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.halved(x)
        for added in self.dilated:
            x = x + added(x)
        return x


def _dilated(features: int, dilation: int) -> nn.Sequential:
    """What a block adds, nothing at first."""
    last = normalisation("batch", features)
    nn.init.zeros_(last.get_parameter("weight"))
    return nn.Sequential(
        block(features, features, norm="batch", dilation=dilation),
        convolution(features, features),
        last,
    )
