"""What DiffMatte sees of pictures in all steps, and what its decoder answers of it in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from propmat.errors import InputError, shown
from propmat.networks._diffmatte._options import features_of
from propmat.networks._trunks._layers import merged

MULTIPLE = 32  # of the sides of what encoder and decoder see
COLOURS_AND_LABELS = 6


class Seen(NamedTuple):
    """What does not change from step to step.

    Attributes
    ----------
    features : (B, C, H'/s, W'/s) tensor
        Of the encoder; H' and W' are the next multiples of 32.
    planes : (B, 6 + m, H, W) tensor
        Normalised colours, one-hot labels, mattes.
    """

    features: Tensor
    planes: Tensor

    @property
    def mattes(self) -> Tensor:
        return self.planes[:, COLOURS_AND_LABELS:]


def checked_features(found: object, encoder: nn.Module, like: Tensor) -> Tensor:
    """What an encoder answers of planes (B, 6, H, W): (B, C, H/s, W/s) by its channels and its stride."""
    channels, stride = features_of(encoder)
    takes = (len(like), channels, *(side // stride for side in like.shape[2:]))
    if not isinstance(found, Tensor) or tuple(found.shape) != takes:
        got = f"one of shape {tuple(found.shape)}" if isinstance(found, Tensor) else shown(found)
        raise InputError(f"encoder: {type(encoder).__name__} has to answer a tensor of shape {takes}, got {got}")
    return found


def answered(
    decoder: Callable[[Tensor, Tensor, Tensor], Tensor], seen: Seen, x: Tensor, time: Tensor, *, clipped: bool
) -> Tensor:
    """What a decoder, or its copies in several processes, answers of a noisy matte; that from mattes may be clipped."""
    height, width = x.shape[2:]
    given = padded(torch.cat([2 * seen.planes - 1, x], dim=1))
    logits = decoder(seen.features, given, time)[..., :height, :width].to(x.dtype)  # of autocast
    if not seen.mattes.shape[1]:
        return 2 * logits.sigmoid() - 1
    found = 2 * merged(logits, seen.mattes) - 1
    return found.clamp(-1, 1) if clipped else found


def padded(x: Tensor) -> Tensor:
    """Planes (B, C, H, W) with zeros beyond their last rows and columns, up to multiples of 32."""
    height, width = x.shape[2:]
    return functional.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
