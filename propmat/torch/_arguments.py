"""What the verbs are given, as tensors that fit each other, or an `InputError`.

Nothing here looks at values, so that it may be traced by `torch.compile`; those are checked where they are solved with.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from propmat._backend import on_device
from propmat._batching._arguments import ARGUMENTS
from propmat._batching._batch import shape_of
from propmat._batching._verb import Verb
from propmat._inputs._numbers import TOO_LARGE
from propmat._trimap import Trimap
from propmat._typing import ArrayLike
from propmat.errors import InputError, shown

Shape = tuple[int, ...]
Labels = Tensor | ArrayLike | Trimap
Weights = Tensor | ArrayLike

# Plain constants, which torch.compile reads without looking into the table of verbs.
GREY = tuple(name for name, argument in ARGUMENTS.items() if argument.grey)
NUMBERS = tuple(name for name, argument in ARGUMENTS.items() if argument.number)
AXES = {name: argument.axes for name, argument in ARGUMENTS.items()}
LACKS = {name: argument.lacks for name, argument in ARGUMENTS.items()}

# What is white in integers.
WHITE = {torch.uint8: 255, torch.uint16: 65535}


def taken(verb: Verb, arguments: Mapping[str, object]) -> dict[str, Tensor]:
    """The arguments of a verb as tensors on the device of the first, of equal leading axes or none.

    A channel axis of 1 in front of the height and width of a map is dropped; nothing else is broadcast.

    Raises
    ------
    InputError
        If one is no tensor of the right kind, or does not fit the others.
    """
    name, first = next(iter(arguments.items()))
    if not isinstance(first, Tensor):
        raise InputError(f"{name}: takes a tensor, got {type(first).__name__}")
    tensors = {name: _tensor(value, name, first.device) for name, value in verb.given(arguments).items()}
    for name in verb.constant:
        if name in tensors:
            tensors[name] = tensors[name].detach()
    if "image" in tensors:
        _channels(tuple(tensors["image"].shape))
    return _fitted(tensors, verb.of_any_size)


def axes_of(tensors: Mapping[str, Tensor]) -> tuple[tuple[str, int], ...]:
    """How many of the last axes of each tensor belong to one image."""
    size = _size(*next(iter(tensors.items())))
    return tuple((name, 0 if _is_number(name, tensor, size) else AXES[name]) for name, tensor in tensors.items())


def scaled(tensor: Tensor) -> Tensor:
    """Grey values from 0 to 1."""
    return tensor if tensor.is_floating_point() else tensor.double() / WHITE.get(tensor.dtype, 1)


def _tensor(value: object, name: str, device: torch.device) -> Tensor:
    if isinstance(value, Tensor):
        return _on(device, _of_a_kind(value, name))
    if name in NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool):
        return torch.as_tensor(_float(value, name), dtype=torch.float64, device=device)
    if value is None or isinstance(value, (bool, str, bytes, complex)):
        takes = "a number" if name in NUMBERS else "a tensor or an array"
        raise InputError(f"{name}: takes {takes}, got {shown(value)}")
    array = value.labels if isinstance(value, Trimap) else value
    return _on(device, _of_a_kind(_of_numpy(array, name), name))


def _float(value: int | float, name: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise InputError(f"{name}: {TOO_LARGE}") from None


def _on(device: torch.device, tensor: Tensor) -> Tensor:
    return tensor if tensor.device == device else tensor.to(device)  # graphs stay free of devices


def _of_numpy(value: object, name: str) -> Tensor:
    """A tensor that shares the memory of an array where PyTorch can."""
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{name}: is a masked array; fill it first, {name}.filled(...)")
    if on_device(value) or torch.compiler.is_compiling():
        return torch.as_tensor(value)
    try:
        array = np.asarray(value)
        return torch.from_numpy(np.require(array, array.dtype.newbyteorder("="), ["C", "W"]))
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{name}: takes an array of numbers, got {type(value).__name__} ({reason})") from None


def _of_a_kind(tensor: Tensor, name: str) -> Tensor:
    """Grey values floating, uint8, uint16 or bool; weights floating. Less than 32 bits become 32."""
    _strided(tensor, name)
    if tensor.is_floating_point():
        return tensor.float() if tensor.dtype.itemsize < 4 else tensor
    if tensor.is_complex():
        raise InputError(f"{name}: takes real numbers, got {tensor.dtype}")
    if name not in GREY:
        return tensor.to(torch.float64 if name in NUMBERS else torch.float32)
    if tensor.dtype not in WHITE and tensor.dtype != torch.bool:
        raise InputError(
            f"{name}: integers are uint8 or uint16, scaled by 255 or 65535; got {tensor.dtype}. If they go up to 255, "
            f"pass {name}.to(torch.uint8); if they are 0 and 1, {name}.bool()"
        )
    return tensor


def _strided(tensor: Tensor, name: str) -> None:
    """Refuse tensors whose numbers are not at their places in memory."""
    if tensor.is_nested:
        raise InputError(f"{name}: is a nested tensor; takes images of one size, tensor.to_padded_tensor or one a call")
    if isinstance(tensor, torch.masked.MaskedTensor):
        raise InputError(f"{name}: is a masked tensor; fill it first, {name}.to_tensor(...)")
    if tensor.is_quantized:
        raise InputError(f"{name}: is quantised; pass {name}.dequantize()")
    if tensor.layout != torch.strided:
        raise InputError(f"{name}: is {tensor.layout}; pass {name}.to_dense()")


def _fitted(tensors: Mapping[str, Tensor], of_any_size: tuple[str, ...]) -> dict[str, Tensor]:
    name, first = next(iter(tensors.items()))
    size = _size(name, first)
    maps = {other: tensor for other, tensor in tensors.items() if not _is_number(other, tensor, size)}
    for other, tensor in maps.items():
        if other not in of_any_size:
            _same_size(other, tensor, name, first, size)
        elif tensor.ndim < 2:
            raise InputError(f"{other}: takes shape (..., h, w), got {tuple(tensor.shape)}")
    batch = shape_of({other: _leading(other, tensor) for other, tensor in maps.items()})
    found = {}
    for other, tensor in tensors.items():
        if other in maps:
            found[other] = _matched(other, tensor, maps, batch)
        else:
            found[other] = _number(other, tensor, batch, size)
    return found


def _size(name: str, first: Tensor) -> Shape:
    """Height and width of what an image or the first of the affinities belongs to."""
    shape = tuple(first.shape)
    if len(shape) < 2:
        raise InputError(f"{name}: takes shape (..., H, W - 1), got {shape}")
    height, width = shape[-2] + LACKS[name][0], shape[-1] + LACKS[name][1]
    if height < 1 or width < 1:
        raise InputError(f"{name}: is empty, shape {shape}")
    return height, width


def _channels(shape: Shape) -> None:
    if len(shape) < 3:
        raise InputError(f"image: takes shape (..., C, H, W), got {shape}; a grey image of shape (H, W) is image[None]")
    if shape[-3] == 4:
        raise InputError(
            f"image: has 4 channels, shape {shape}. If the fourth is transparency, pass image[..., :3, :, :]; propmat "
            f"takes colours only"
        )
    if shape[-3] < 1:
        raise InputError(f"image: has no channels, shape {shape}")


def _is_number(name: str, tensor: Tensor, size: Shape) -> bool:
    return AXES[name] == 0 or (name in NUMBERS and tuple(tensor.shape[-2:]) != size)


def _leading(name: str, tensor: Tensor) -> Shape:
    return tuple(tensor.shape[: -AXES[name]])


def _same_size(name: str, tensor: Tensor, first: str, other: Tensor, size: Shape) -> None:
    expected = (size[0] - LACKS[name][0], size[1] - LACKS[name][1])
    if tuple(tensor.shape[-2:]) != expected:
        read = " (..., C, H, W)" if first == "image" else ""
        raise InputError(
            f"{name}: shape {tuple(tensor.shape)} does not fit {first}{read} of shape {tuple(other.shape)}; takes "
            f"(..., {expected[0]}, {expected[1]})"
        )


def _matched(name: str, tensor: Tensor, maps: Mapping[str, Tensor], batch: Shape) -> Tensor:
    """`tensor` with the leading axes of the batch, or none; a channel axis of 1 is dropped from a map."""
    leading = _leading(name, tensor)
    if leading in ((), batch):
        return tensor
    if leading == (*batch, 1) and AXES[name] == 2 and LACKS[name] == (0, 0):
        return tensor.squeeze(-3)
    other = next(other for other, tensor in maps.items() if _leading(other, tensor) == batch)
    own = tuple(tensor.shape[len(leading) :])
    raise InputError(
        f"{name}: leading axes {leading} are not those of {other}, {batch}; takes shape {(*batch, *own)}, or {own} for "
        f"all images alike"
    )


def _number(name: str, tensor: Tensor, batch: Shape, size: Shape) -> Tensor:
    """One number, or one for each image of the batch."""
    shape = tuple(tensor.shape)
    if not shape or shape == batch:
        return tensor
    if shape == (1,) or (batch and shape == (*batch, 1)):
        return tensor.squeeze(-1)
    each = f", one for each image, shape {batch}" if batch else ""
    full = f", or a map, shape {(*batch, *size)}" if AXES[name] else ""
    raise InputError(f"{name}: takes a number{each}{full}; got shape {shape}")
