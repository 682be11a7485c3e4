"""Batches of ComfyUI: IMAGE is a tensor (B, H, W, C) and MASK one of (B, H, W), float32 in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from types import EllipsisType
from typing import NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from propmat._typing import Array
from propmat.errors import InputError
from propmat.matting._enlarged import checked_matte

Floats = NDArray[np.float32]


class Tensor(Protocol):
    """A tensor of PyTorch."""

    def detach(self) -> Tensor: ...

    def cpu(self) -> Tensor: ...

    def float(self) -> Tensor: ...

    def __getitem__(self, index: tuple[EllipsisType | slice, ...], /) -> Tensor: ...

    def numpy(self) -> NDArray[np.generic]: ...


def pictures_of(image: Tensor) -> Array:
    """An IMAGE as (B, H, W, C), without the transparency that LoadImage's RGBA may have."""
    pixels = _array(image)
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3, 4):
        raise InputError(f"image: takes an IMAGE (B, H, W, 3), got shape {pixels.shape}")
    return pixels[:, :, :, :3]


def planes_of(mask: Tensor, name: str, pictures: Array | None = None) -> Array:
    """A MASK as (B, H, W), one for each picture; one alone is for all pictures."""
    planes = _array(mask)
    planes = planes[np.newaxis] if planes.ndim == 2 else planes
    if planes.ndim != 3:
        raise InputError(f"{name}: takes a MASK (B, H, W), got shape {planes.shape}")
    if pictures is None:
        return planes
    if planes.shape[1:] != pictures.shape[1:3]:
        _refuse_size(planes, name, pictures)
    return _for_each(planes, name, pictures)


def small_planes_of(mask: Tensor, name: str, pictures: Array) -> Array:
    """A MASK as (B, h, w) of any size up to that of the pictures, one for each."""
    planes = planes_of(mask, name)
    if _is_placeholder(planes) and planes.shape[1:] != pictures.shape[1:3]:
        _refuse_size(planes, name, pictures)
    for plane in planes:
        checked_matte(plane, pictures.shape[1:3], name)
    return _for_each(planes, name, pictures)


def _refuse_size(planes: Array, name: str, pictures: Array) -> NoReturn:
    (height, width), (tall, wide) = planes.shape[1:], pictures.shape[1:3]
    why = "; it is what LoadImage gives for a picture without transparency, connect another mask"
    raise InputError(
        f"{name}: has {width} x {height} pixels, the image {wide} x {tall}{why if _is_placeholder(planes) else ''}"
    )


def _is_placeholder(planes: Array) -> bool:
    return planes.shape[1:] == (64, 64) and not planes.any()


def _for_each(planes: Array, name: str, pictures: Array) -> Array:
    if len(planes) not in (1, len(pictures)):
        raise InputError(f"{name}: has {len(planes)} masks for {len(pictures)} images; takes one, or one for each")
    return np.broadcast_to(planes, (len(pictures), *planes.shape[1:]))


def stacked(function: Callable[..., Array], *batches: Array) -> Tensor:
    """The results of a function of one item of each batch, as a batch on the host, float32."""
    import torch

    results = [np.asarray(function(*items), np.float32) for items in zip(*batches, strict=True)]
    if not results:
        raise InputError("image: is an empty batch")
    return torch.from_numpy(np.stack(results))


def _array(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().cpu().float().numpy(), np.float64)  # NumPy has no bfloat16
