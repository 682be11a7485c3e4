"""What stands between the encoder and alpha: a decoder of each kind of probability, and the network that blends them.

The decoders are feature pyramids: T.-Y. Lin, P. Dollár, R. Girshick, K. He, B. Hariharan, S. Belongie, "Feature Pyramid
Networks for Object Detection", CVPR 2017. The paper of Late Fusion does not state their channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from propmat.networks._trunks._layers import block

CHANNELS = (256, 128, 128, 64, 32)  # of the five blocks, the coarsest first
SEEN, INSIDE, LAST = 16, 32, 16  # channels of the blend: of colours, of its middle layers, before its last layer


class Branch(NamedTuple):
    """What a decoder answers.

    Attributes
    ----------
    features : (B, C, H, W) tensor
        Of its last block.
    sides : tuple of 5 tensors
        Probabilities (B, 1, H/16, W/16) to (B, 1, H, W), the answers of all blocks; the last one is the decoder's.
    """

    features: Tensor
    sides: tuple[Tensor, ...]

    @property
    def probability(self) -> Tensor:
        return self.sides[-1]


class Decoder(nn.Module):
    """Five features of an encoder, at strides of 2 to 32 → `Branch`.

    Parameters
    ----------
    channels : sequence of 5 int
        Of the encoder's features.
    width : int
        Divides the numbers of channels.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        own = [features // width for features in CHANNELS]
        coarser = [channels[-1], *own[:-1]]
        beside = [*channels[-2::-1], 0]
        self.blocks = nn.ModuleList(map(PyramidBlock, coarser, beside, own))
        self.sides = nn.ModuleList(nn.Conv2d(features, 1, 1) for features in own)

    def forward(self, features: Sequence[Tensor]) -> Branch:
        x, sides = features[-1], []
        laterals = [*features[-2::-1], None]
        for mix, side, lateral in zip(self.blocks, self.sides, laterals, strict=True):
            x = mix(x, lateral)  # 256 x H/16 x W/16, 128 x H/8 x W/8, 128 x H/4 x W/4, 64 x H/2 x W/2, 32 x H x W
            sides.append(side(x).float().sigmoid())
        return Branch(x, tuple(sides))


class PyramidBlock(nn.Module):
    """Coarser features (B, coarser, H, W) and the encoder's (B, beside, 2 H, 2 W) → (B, after, 2 H, 2 W).

    Parameters
    ----------
    coarser, beside, after : int
        `beside` is 0 for the last block, which has no features of the encoder.
    """

    def __init__(self, coarser: int, beside: int, after: int) -> None:
        super().__init__()
        self.above = nn.Conv2d(coarser, after, 1)
        self.lateral = nn.Conv2d(beside, after, 1) if beside else None
        self.mixed = block(after, after, norm="batch")

    def forward(self, x: Tensor, lateral: Tensor | None) -> Tensor:
        x = functional.interpolate(self.above(x), scale_factor=2, mode="bilinear", align_corners=False)
        if self.lateral is not None and lateral is not None:
            x = x + self.lateral(lateral)
        mixed: Tensor = self.mixed(x)
        return mixed


class Decoders(nn.Module):
    """Features of an encoder → the branches of foreground and background, of separate weights.

    Parameters
    ----------
    channels, width
        As in `Decoder`.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.foreground, self.background = (Decoder(channels, width) for _ in range(2))

    def forward(self, features: Sequence[Tensor]) -> tuple[Branch, Branch]:
        return self.foreground(features), self.background(features)


class Fusion(nn.Module):
    """Features of both branches (B, C, H, W) and normalised colours (B, 3, H, W) → the blend (B, 1, H, W) in (0, 1).

    Parameters
    ----------
    width : int
        Divides the numbers of channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        seen, inside, last, branch = (count // width for count in (SEEN, INSIDE, LAST, CHANNELS[-1]))
        self.colours = nn.Sequential(nn.Conv2d(3, seen, 3, padding=1), nn.ReLU(inplace=True))
        self.layers = nn.Sequential(
            block(2 * branch + seen, inside, norm="batch"),
            block(inside, inside, norm="batch"),
            block(inside, inside, norm="batch"),
            block(inside, last, norm="batch"),
            nn.Conv2d(last, 1, 3, padding=1),
        )

    def forward(self, foreground: Tensor, background: Tensor, colours: Tensor) -> Tensor:
        logits: Tensor = self.layers(torch.cat([foreground, background, self.colours(colours)], dim=1))
        return logits.float().sigmoid()
