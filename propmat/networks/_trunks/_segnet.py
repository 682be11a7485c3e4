"""SegNet on the layers of VGG-16.

V. Badrinarayanan, A. Kendall, R. Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image
Segmentation", IEEE TPAMI 39(12), 2017.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from propmat.networks._trunks._layers import normalisation

# Channels of the convolutions of each stage of the encoder; the decoder mirrors them.
STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
NORMS = ("batch", "group")
SHRINKS = 2 ** len(STAGES)


class SegNet(nn.Module):
    """(B, channels, H, W) → (B, 64 / width, H, W), H and W multiples of 32.

    Parameters
    ----------
    channels : int
    width : int
        Divides all numbers of channels inside.
    norm : {"batch", "group"}
        Batch normalisation, or that of groups (Wu, He 2018), which does not depend on the batch.
    """

    def __init__(self, channels: int, width: int = 1, norm: str = "batch") -> None:
        super().__init__()
        stages = [[features // width for features in stage] for stage in STAGES]
        starts = [channels, *(stage[-1] for stage in stages[:-1])]
        self.encoder = nn.ModuleList(_stage([start, *stage], norm) for start, stage in zip(starts, stages, strict=True))
        ends = [stages[0][0], *starts[1:]]
        self.decoder = nn.ModuleList(_stage([*stage[::-1], end], norm) for end, stage in zip(ends, stages, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        places = []
        for stage in self.encoder:  # 64 x H x W, 128 x H/2 x W/2, 256 x H/4 x W/4, 512 x H/8 x W/8, 512 x H/16 x W/16
            x, place = functional.max_pool2d(stage(x), 2, return_indices=True)
            places.append(place)
        for stage in reversed(self.decoder):  # from 512 x H/32 x W/32 back: 512, 256, 128, 64, 64
            x = stage(functional.max_unpool2d(x, places.pop(), [2, 2]))
        return x


def _stage(channels: list[int], norm: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in zip(channels[:-1], channels[1:], strict=True):
        convolution = nn.Conv2d(before, after, 3, padding=1)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.get_parameter("bias"))
        layers += [convolution, normalisation(norm, after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
