"""The decoder of DiffMatte: a small U-Net of the noisy matte, whose coarsest features are those of the encoder.

Both kinds of blocks add an embedding of the time after their first normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

LONGEST_PERIOD = 10_000
HEAD = 16  # channels before the last layer


class Decoder(nn.Module):
    """Features (B, C, H/s, W/s), planes (B, down[0], H, W) and times (B,) → logits (B, answers, H, W).

    There are log2(s) - 1 blocks that halve the size, and one more that double it.

    Parameters
    ----------
    down : sequence of int
        Channels of the planes and, at 1/2, 1/4, …, of the blocks that halve the size.
    up : sequence of int
        C, and the channels of the blocks that double the size; one more than `down`.
    embedding : int, default 32
        Numbers that tell the time.
    t_scale : float, default 1
        Times are multiplied by it.
    answers : int, default 1
    """

    def __init__(
        self, down: Sequence[int], up: Sequence[int], embedding: int = 32, t_scale: float = 1.0, answers: int = 1
    ) -> None:
        super().__init__()
        self.embedding, self.t_scale = embedding, t_scale
        self.time_embed = nn.Sequential(
            nn.Linear(embedding, embedding), nn.ReLU(inplace=True), nn.Linear(embedding, embedding)
        )
        self.down_blks = nn.ModuleList(
            DownBlock(before, after, embedding) for before, after in zip(down[:-1], down[1:], strict=True)
        )
        self.mid_blk = UpBlock(up[0], up[1], embedding)
        beside = [*reversed(down[1:])]
        self.up_blks = nn.ModuleList(
            UpBlock(before + detail, after, embedding)
            for before, detail, after in zip(up[1:-1], beside, up[2:], strict=True)
        )
        self.head = nn.Sequential(
            nn.Conv2d(up[-1], HEAD, 3, padding=1),
            nn.BatchNorm2d(HEAD),
            nn.ReLU(inplace=True),
            nn.Conv2d(HEAD, answers, 1),
        )

    def forward(self, features: Tensor, planes: Tensor, time: Tensor) -> Tensor:
        told = self.time_embed(embedded(self.t_scale * time, self.embedding).to(planes.dtype))
        details = []
        for block in self.down_blks:
            planes = block(planes, told)  # 32 x H/2 x W/2, 64 x H/4 x W/4, …
            details.append(planes)
        x = self.mid_blk(features, told)
        for block in self.up_blks:
            x = block(torch.cat([x, details.pop()], dim=1), told)
        logits: Tensor = self.head(x)
        return logits


class DownBlock(nn.Module):
    """(B, before, H, W) → (B, after, H/2, W/2).

    Parameters
    ----------
    before, after, embedding : int
    """

    def __init__(self, before: int, after: int, embedding: int) -> None:
        super().__init__()
        self.emb_layers = _of_time(embedding, after)
        self.conv1, self.bn1 = _convolution(before, after, 2), nn.BatchNorm2d(after)
        self.conv2, self.bn2 = _convolution(after, after), nn.BatchNorm2d(after)
        self.shortcut = _convolution(before, after, 2)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        return _residual(self, x, told, self.shortcut(x))


class UpBlock(nn.Module):
    """(B, before, H, W) → (B, after, 2 H, 2 W).

    Parameters
    ----------
    before, after, embedding : int
    """

    def __init__(self, before: int, after: int, embedding: int) -> None:
        super().__init__()
        self.emb_layers = _of_time(embedding, after)
        self.conv1 = nn.ConvTranspose2d(before, after, 4, 2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2, self.bn2 = _convolution(after, after), nn.BatchNorm2d(after)
        self.shortcut = _convolution(before, after)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        larger = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return _residual(self, x, told, self.shortcut(larger))


def _residual(block: DownBlock | UpBlock, x: Tensor, told: Tensor, shortcut: Tensor) -> Tensor:
    """What both kinds of blocks make of their input and the time, with a shortcut beside it."""
    inside = functional.relu(block.bn1(block.conv1(x)), inplace=True)
    inside = inside + block.emb_layers(told)[:, :, None, None]
    return functional.relu(block.bn2(block.conv2(inside)) + shortcut, inplace=True)


def _of_time(embedding: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(embedding, after), nn.ReLU(inplace=True))


def _convolution(before: int, after: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, stride, padding=1, bias=False)


def embedded(time: Tensor, size: int) -> Tensor:
    """Cosines and then sines of times (B,), at frequencies from 1 down to nearly 1 / 10,000: (B, size)."""
    half = size // 2
    places = torch.arange(half, device=time.device, dtype=torch.float32)
    angles = time.float()[:, None] * torch.exp(-math.log(LONGEST_PERIOD) / half * places)
    return torch.cat([angles.cos(), angles.sin()], dim=1)
