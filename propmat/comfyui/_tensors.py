"""Batches of ComfyUI: IMAGE is a tensor (B, H, W, C) and MASK one of (B, H, W), float32 in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.errors import InputError, warn
from propmat.matting._enlarged import checked_matte


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
    why = "; it is what LoadImage gives, inverted or not, for a picture without transparency, connect another mask"
    raise InputError(
        f"{name}: has {width} x {height} pixels, the image {wide} x {tall}{why if _is_placeholder(planes) else ''}"
    )


def _is_placeholder(planes: Array) -> bool:
    return planes.shape[1:] == (64, 64) and bool(not planes.any() or (planes == 1).all())


def _for_each(planes: Array, name: str, pictures: Array) -> Array:
    if len(planes) not in (1, len(pictures)):
        raise InputError(f"{name}: has {len(planes)} masks for {len(pictures)} images; takes one, or one for each")
    return np.broadcast_to(planes, (len(pictures), *planes.shape[1:]))


def without_edge(planes: Array, name: str) -> list[Array | None]:
    """Of masks that have no edge, beside others that have one, the label of their pixels, of which they are told.

    So do videos go through from which the object is absent for a while.
    """
    parsed = [Trimap.parse(_inputs.plane(plane, name)) for plane in planes]
    labels = [one.labels if one.foreground.all() or one.background.all() else None for one in parsed]
    without = [k for k, label in enumerate(labels, 1) if label is not None]
    if not without or len(without) == len(labels):
        return [None] * len(labels)
    warn(f"{name}: {len(without)} of {len(labels)} have no edge, the first is number {without[0]}; they are kept")
    return labels


def stacked(function: Callable[..., Array], *batches: Array, settled: Sequence[Array | None] = ()) -> Tensor:
    """The results of a function of one item of each batch, or those `settled`, as a batch on the host, float32."""
    import torch

    count = len(batches[0])
    if not count:
        raise InputError("image: is an empty batch")
    results = []
    for k, (items, known) in enumerate(zip(zip(*batches, strict=True), settled or [None] * count, strict=True), 1):
        try:
            results.append(np.float32(function(*items) if known is None else known))
        except InputError as error:
            raise (InputError(f"{error} (number {k} of {count})") if count > 1 else error) from None
    return torch.from_numpy(np.stack(results))


def _array(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().cpu().float().numpy(), np.float64)  # NumPy has no bfloat16
