"""Tensors as arrays and back: without a copy where the memory is the same, on a GPU as arrays of CuPy."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from propmat._backend import on_device, to_device
from propmat._batching._arguments import Array
from propmat._batching._verb import Verb
from propmat.errors import warn


def arrays_of(tensors: Mapping[str, Tensor], there: bool) -> dict[str, Array]:
    """The arrays of tensors by name, in the layout of NumPy, of CuPy if they are to stay `there`, on the GPU."""
    return {name: with_channels(name, array_of(tensor, there), first=False) for name, tensor in tensors.items()}


def runs_there(tensor: Tensor, verb: Verb) -> bool:
    """Whether a verb runs where the tensor lies, on a GPU."""
    return tensor.is_cuda and verb.on_device and find_spec("cupy") is not None


def stream(tensor: Tensor, there: bool) -> AbstractContextManager[object]:
    """CuPy's work goes to the current stream of PyTorch."""
    if not (there and tensor.is_cuda):
        return nullcontext()
    from propmat._gpu import _device

    return _device.stream(torch.cuda.current_stream(tensor.device).cuda_stream, tensor.device.index)


def array_of(tensor: Tensor, there: bool) -> Array:
    """The tensor's memory as an array, of CuPy if it is to stay `there`, on the GPU."""
    return to_device(tensor.detach()) if there else _host(tensor)


def tensor_of(array: Array, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The tensor of an array, on a device and of a dtype."""
    tensor = torch.from_dlpack(array) if on_device(array) else torch.from_numpy(array)
    return tensor.to(device, dtype)


def precision_of(first: Tensor) -> torch.dtype:
    """The dtype of alpha: that of the image or the affinities, single precision where they are integers."""
    return first.dtype if first.is_floating_point() else torch.float32


def with_channels(name: str, array: Array, *, first: bool) -> Array:
    """Channels of an image: last for the solver, first for PyTorch."""
    if name != "image":
        return array
    return np.ascontiguousarray(np.moveaxis(array, -1, -3), like=array) if first else np.moveaxis(array, -3, -1)


_told_of_host = threading.Event()


def _host(tensor: Tensor) -> Array:
    """The tensor's memory as an array; one on another device is copied."""
    if tensor.device.type != "cpu" and not _told_of_host.is_set():
        _told_of_host.set()
        warn(f"propmat.torch: tensors on {tensor.device} are copied to the host and solved there")
    return tensor.numpy(force=True)
