"""Swin-T whose windows also see the means of foreground, background and unknown pixels.

Z. Liu et al., "Swin Transformer", ICCV 2021; G. Park, S. Son, J. Yoo, S. Kim, N. Kwak, "MatteFormer: Transformer-Based
Image Matting via Prior-Tokens", CVPR 2022. Names of layers are those of public files.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from propmat.networks._trunks._vit import DEVIATION, Perceptron
from propmat.networks._trunks._windows import joined, windows

PATCH, STRIDE = 4, 32
CHANNELS = 96  # of the first stage, twice as many in each of the next
DEPTHS, HEADS = (2, 2, 6, 2), (3, 6, 12, 24)  # blocks of each stage, and heads of their attention
WINDOW, SHIFT = 7, 3
PRIORS = 3  # means that a block adds: of unknown pixels, background, foreground
DROPPED = 0.3  # of residuals, the probability in the last block
FORBIDDEN = -100.0  # attention to what only a shift has brought beside a place
FEWEST = 1e-9  # pixels under a quotient


class Swin(nn.Module):
    """Normalised colours and one-hot labels (B, 6, H, W) → (B, 768, H/32, W/32), sides multiples of 32.

    Attributes
    ----------
    channels, stride : int
    """

    channels, stride = 8 * CHANNELS, STRIDE

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(6, CHANNELS, PATCH, PATCH), "norm": nn.LayerNorm(CHANNELS)})
        chances = iter(torch.linspace(0, DROPPED, sum(DEPTHS), device="cpu").tolist())
        last = len(DEPTHS) - 1
        self.layers = nn.ModuleList(
            Stage(CHANNELS << k, depth, heads, chances, k < last)
            for k, (depth, heads) in enumerate(zip(DEPTHS, HEADS, strict=True))
        )

    def forward(self, x: Tensor) -> Tensor:
        labels = x[:, 3:]
        x = self.patch_embed["norm"](self.patch_embed["proj"](x).permute(0, 2, 3, 1))  # H/4 x W/4 x 96
        labels = functional.interpolate(labels, scale_factor=1 / PATCH, mode="nearest")
        for number, stage in enumerate(self.layers):
            x = stage(x, functional.interpolate(labels, scale_factor=0.5**number, mode="nearest"))
        return x.permute(0, 3, 1, 2)


class Stage(nn.Module):
    """Blocks with every other one's windows shifted, and half the size: (B, H, W, C) → (B, H/2, W/2, 2 C).

    Parameters
    ----------
    channels, depth, heads : int
    chances : iterator of float
        Of each block the probability that a residual is dropped in training.
    halved : bool
        Whether the size is halved at the end.
    """

    def __init__(self, channels: int, depth: int, heads: int, chances: Iterator[float], halved: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(channels, heads, number + 1, SHIFT if number % 2 else 0, next(chances)) for number in range(depth)
        )
        self.downsample = Merging(channels) if halved else None

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        areas = labels[:, [1, 0, 2]].flatten(2)  # unknown, background, foreground
        shares = areas / (areas.sum(dim=2, keepdim=True) + FEWEST)
        priors = x.new_zeros(len(x), 0, x.shape[3])
        for block in self.blocks:
            means = shares @ x.flatten(1, 2)  # B x 3 x C
            x, priors = block(x, torch.cat([priors, means], dim=1))
        return x if self.downsample is None else self.downsample(x)


class Merging(nn.Module):
    """Four neighbours as one: (B, H, W, C) → (B, H/2, W/2, 2 C), sides even.

    Parameters
    ----------
    channels : int
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * channels)
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)
        nn.init.trunc_normal_(self.reduction.weight, std=DEVIATION)

    def forward(self, x: Tensor) -> Tensor:
        four = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        merged: Tensor = self.reduction(self.norm(torch.cat(four, dim=3)))
        return merged


class Block(nn.Module):
    """Planes (B, H, W, C) and means (B, 3 k, C) → the same shapes.

    Parameters
    ----------
    channels, heads : int
    sets : int
        k, how many blocks have added means so far, this one among them.
    shift : int
        Places that the windows are shifted by.
    chance : float
        As of `Stage`.
    """

    def __init__(self, channels: int, heads: int, sets: int, shift: int, chance: float) -> None:
        super().__init__()
        self.shift, self.chance = shift, chance
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attn = PriorAttention(channels, heads, sets)
        self.mlp = Perceptron(channels)
        for layer in (self.attn.qkv, self.attn.proj, self.mlp.fc1, self.mlp.fc2):
            nn.init.trunc_normal_(layer.weight, std=DEVIATION)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, priors: Tensor) -> tuple[Tensor, Tensor]:
        height, width = x.shape[1:3]
        parts, padded = windows(self.norm1(x), WINDOW, self.shift)
        hidden = _hidden(padded, self.shift, x) if self.shift else None
        parts, means = self.attn(parts, self.norm1(priors), hidden)
        inside = joined(parts, padded, self.shift)[:, :height, :width]
        return self._added(x, inside), self._added(priors, means)

    def _added(self, x: Tensor, inside: Tensor) -> Tensor:
        x = x + self._dropped(inside)
        return x + self._dropped(self.mlp(self.norm2(x)))

    def _dropped(self, x: Tensor) -> Tensor:
        """A residual, dropped as a whole for some of a batch in training, the others scaled up to the same mean."""
        if not (self.training and self.chance):
            return x
        kept = torch.rand(len(x), *[1] * (x.dim() - 1), device=x.device) >= self.chance
        return x * kept / (1 - self.chance)


class PriorAttention(nn.Module):
    """Attention within windows, and to means of the whole picture.

    Parameters
    ----------
    channels, heads, sets : int
        As of `Block`.
    """

    relative_position_index: Tensor

    def __init__(self, channels: int, heads: int, sets: int) -> None:
        super().__init__()
        self.heads = heads
        distances = (2 * WINDOW - 1) ** 2
        self.relative_position_bias_table = nn.Parameter(torch.zeros(distances + PRIORS * sets, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=DEVIATION)
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        of_priors = distances + torch.arange(PRIORS * sets, device="cpu").expand(WINDOW**2, -1)
        index = torch.cat([_places(), of_priors], dim=1)
        self.register_buffer("relative_position_index", index, persistent=False)

    def forward(self, parts: Tensor, priors: Tensor, hidden: Tensor | None) -> tuple[Tensor, Tensor]:
        """Windows (B n, 7, 7, C), means (B, 3 k, C) and biases (n, 49, 49) of what is hidden → windows and means."""
        of_means = self._split(priors)
        count = len(parts) // len(priors)
        own = self._split(parts.flatten(1, 2))
        q = own[0]
        k, v = (
            torch.cat([mine, theirs.repeat_interleave(count, dim=0)], dim=2)
            for mine, theirs in zip(own[1:], of_means[1:], strict=True)
        )
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)  # heads x 49 x 49 + 3 k
        if hidden is not None:
            apart = functional.pad(hidden, (0, priors.shape[1])).repeat(len(priors), 1, 1)
            bias = bias + apart[:, None]
        found = functional.scaled_dot_product_attention(q, k, v, bias.expand(len(q), -1, -1, -1))
        mixed = self.proj(found.transpose(1, 2).flatten(2)).unflatten(1, (WINDOW, WINDOW))
        return mixed, self.proj(of_means[2].transpose(1, 2).flatten(2))

    def _split(self, tokens: Tensor) -> Tensor:
        """Queries, keys and values of tokens (B, N, C): (3, B, heads, N, C / heads)."""
        split: Tensor = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return split


def _places() -> Tensor:
    """Of each place of a window to each other the number of their distance, (49, 49)."""
    one = torch.arange(WINDOW, device="cpu")  # also where weights are outlines without values
    places = torch.cartesian_prod(one, one)
    down, across = (places[:, None] - places + WINDOW - 1).unbind(2)
    return down * (2 * WINDOW - 1) + across


def _hidden(shape: tuple[int, int], shift: int, like: Tensor) -> Tensor:
    """Biases (n, 49, 49) that keep attention of shifted windows from places that are no neighbours."""
    bands = [torch.zeros(extent, device=like.device) for extent in shape]
    for band in bands:
        band[-WINDOW:-shift], band[-shift:] = 1, 2
    regions = 3 * bands[0][:, None] + bands[1]
    parts, _ = windows(regions[None, :, :, None], WINDOW)
    flat = parts.flatten(1)
    return (flat[:, None] != flat[:, :, None]).to(like) * FORBIDDEN
