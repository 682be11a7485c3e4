"""A plain vision transformer with windows, relative positions and convolutions between its blocks.

A. Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021; Y. Li, H. Mao, R. Girshick, K. He, "Exploring Plain
Vision Transformer Backbones for Object Detection", ECCV 2022; for mattes J. Yao, X. Wang, S. Yang, B. Wang, "ViTMatte",
2023. Names of layers are those of public files.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from propmat.networks._trunks._windows import joined, windows

PATCH = 16
TABLE = 14  # sides of the table of positions, of pictures of 224 pixels
WINDOW = 14
BLOCKS = 12
GLOBAL = (2, 5, 8, 11)  # blocks that see the whole picture, each followed by convolutions
EPSILON = 1e-6
LARGEST = 1 << 26  # logits at a time, which of all pairs of places of a large picture would be too many
DEVIATION = 0.02  # of the first weights


class ViT(nn.Module):
    """Normalised colours and one-hot labels (B, 6, H, W) → (B, channels, H/16, W/16), sides multiples of 16.

    Parameters
    ----------
    channels, heads : int
    side : int, default 512
        Pixels a side of the crops of training, for which whole pictures have relative positions.

    Attributes
    ----------
    channels, stride : int
    """

    stride = PATCH

    def __init__(self, channels: int, heads: int, side: int = 512) -> None:
        super().__init__()
        self.channels = channels
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(4, channels, PATCH, PATCH)})
        self.pos_embed = nn.Parameter(torch.zeros(1, TABLE**2 + 1, channels))  # the first is of no place
        self.blocks = nn.ModuleList(Block(channels, heads, side // PATCH, k in GLOBAL) for k in range(BLOCKS))
        nn.init.trunc_normal_(self.pos_embed, std=DEVIATION)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=DEVIATION)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        trimap = 0.5 * x[:, 4:5] + x[:, 5:6]
        x = self.patch_embed["proj"](torch.cat([x[:, :3], trimap], dim=1)).permute(0, 2, 3, 1)  # H/16 x W/16 x C
        x = x + self._positions(x.shape[1], x.shape[2])
        for block in self.blocks:
            x = block(x)
        return x.permute(0, 3, 1, 2)

    def _positions(self, height: int, width: int) -> Tensor:
        table = self.pos_embed[:, 1:].unflatten(1, (TABLE, TABLE))
        if (height, width) == (TABLE, TABLE):
            return table
        planes = table.permute(0, 3, 1, 2)
        resized = functional.interpolate(planes, (height, width), mode="bicubic", align_corners=False)
        return resized.permute(0, 2, 3, 1)


class Block(nn.Module):
    """Attention and a perceptron, (B, H, W, C) → the same shape.

    Parameters
    ----------
    channels, heads : int
    extent : int
        Patches a side of crops of training.
    whole : bool
        See the whole picture, not windows of 14 x 14 patches, and end with convolutions.
    """

    def __init__(self, channels: int, heads: int, extent: int, whole: bool) -> None:
        super().__init__()
        self.whole = whole
        self.norm1, self.norm2 = (nn.LayerNorm(channels, EPSILON) for _ in range(2))
        self.attn = Attention(channels, heads, extent if whole else WINDOW)
        self.mlp = Perceptron(channels)
        self.residual = Bottleneck(channels) if whole else None

    def forward(self, x: Tensor) -> Tensor:
        inside = self.norm1(x)
        if self.whole:
            inside = self.attn(inside)
        else:
            parts, shape = windows(inside, WINDOW)
            inside = joined(self.attn(parts), shape)[:, : x.shape[1], : x.shape[2]]
        x = x + inside
        x = x + self.mlp(self.norm2(x))
        if self.residual is not None:
            x = self.residual(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x


class Attention(nn.Module):
    """Of every place of (B, H, W, C) to all others, with biases by the distances along both axes.

    Parameters
    ----------
    channels, heads : int
    extent : int
        Places a side that the tables of distances are for.
    """

    def __init__(self, channels: int, heads: int, extent: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.rel_pos_h, self.rel_pos_w = (
            nn.Parameter(torch.zeros(2 * extent - 1, channels // heads)) for _ in range(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        q, k, v = self.qkv(x).flatten(1, 2).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        grid = q.unflatten(2, (height, width))  # B x heads x H x W x C/heads
        vertical, horizontal = distances(self.rel_pos_h, height), distances(self.rel_pos_w, width)
        rows = max(LARGEST // (len(x) * self.heads * height * width**2), 1)
        parts = []
        for top in range(0, height, rows):
            part = grid[:, :, top : top + rows]
            down = torch.einsum("bnhwc,hkc->bnhwk", part, vertical[top : top + rows])
            across = torch.einsum("bnhwc,wkc->bnhwk", part, horizontal)
            bias = (down[..., :, None] + across[..., None, :]).flatten(4).flatten(2, 3)
            parts.append(functional.scaled_dot_product_attention(part.flatten(2, 3), k, v, bias))
        found = torch.cat(parts, dim=2).transpose(1, 2).flatten(2)
        mixed: Tensor = self.proj(found.unflatten(1, (height, width)))
        return mixed


def distances(table: Tensor, extent: int) -> Tensor:
    """Of each of `extent` places to each other the entry of a table of distances, (extent, extent, C)."""
    wanted = 2 * extent - 1
    if len(table) != wanted:
        table = functional.interpolate(table.T[None], wanted, mode="linear", align_corners=False)[0].T
    places = torch.arange(extent, device=table.device)
    return table[places[:, None] - places + extent - 1]


class Perceptron(nn.Module):
    """Two layers, the inner one four times as wide.

    Parameters
    ----------
    channels : int
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return mixed


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 on (B, C, H, W), beside a shortcut; adds nothing at first.

    Parameters
    ----------
    channels : int
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inside = channels // 2
        self.conv1, self.norm1 = nn.Conv2d(channels, inside, 1, bias=False), ChannelNorm(inside)
        self.conv2, self.norm2 = nn.Conv2d(inside, inside, 3, padding=1, bias=False), ChannelNorm(inside)
        self.conv3, self.norm3 = nn.Conv2d(inside, channels, 1, bias=False), ChannelNorm(channels)
        for layer in (self.conv1, self.conv2, self.conv3):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(self.norm3.weight)

    def forward(self, x: Tensor) -> Tensor:
        inside = functional.gelu(self.norm1(self.conv1(x)))
        inside = functional.gelu(self.norm2(self.conv2(inside)))
        found: Tensor = x + self.norm3(self.conv3(inside))
        return found


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of (B, C, H, W).

    Parameters
    ----------
    channels : int
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
