"""One operation of PyTorch for all verbs: tensors in, alpha out, and the way back.

To `torch.compile` it is opaque. What is needed for the way back cannot pass through an operation, whose outputs are
tensors; it is kept under a number, and lives as long as the tensor that holds the number.

Tensors on a GPU are arrays of CuPy without a copy, on the current stream; what runs on the host alone is copied there.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from propmat import _batches
from propmat._backend import on_device, to_device
from propmat.errors import UnsupportedError, warn

VERBS_ON_DEVICE = ("closed_form", "knn", "propagate", "refine")


class _Problem(NamedTuple):
    """What a call is beside its tensors; one number stands for it in the graph of an op."""

    verb: str
    axes: tuple[tuple[str, int], ...]
    options: tuple[tuple[str, Any], ...]
    solver: int


def solve(
    verb: str, tensors: list[Tensor], axes: tuple[tuple[str, int], ...], *, solver: Any = None, **options: Any
) -> Tensor:
    """Alpha of a batch; `axes` names the tensors, and tells how many axes of each belong to one image."""
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    alpha, _ = _matte(tensors, _number(verb, axes, tuple(options.items()), known_solver(solver)), keep)
    return alpha


_PROBLEMS: list[_Problem] = []
_SOLVERS: list[Any] = []
_LOCK = threading.Lock()


@torch.compiler.assume_constant_result
def _number(verb: str, axes: tuple[tuple[str, int], ...], options: tuple[tuple[str, Any], ...], solver: int) -> int:
    return _position(_PROBLEMS, _Problem(verb, axes, options, solver))


def known_solver(solver: Any) -> int:
    """The number of a solver: -1 for none, itself if it is one already, as in a layer."""
    if solver is None:
        return -1
    return solver if isinstance(solver, int) else _position_of_solver(solver)


@torch.compiler.disable
def _position_of_solver(solver: Any) -> int:
    return _position(_SOLVERS, solver)


def _position(known: list[Any], thing: Any) -> int:
    with _LOCK:
        if thing not in known:
            known.append(thing)
        return known.index(thing)


class _State(np.ndarray):
    """A number that keeps the pullbacks of a batch alive as long as the tensor that shares its memory."""

    batch: _batches.Pullbacks


_NUMBERS = itertools.count()
_STATES: weakref.WeakValueDictionary[int, _State] = weakref.WeakValueDictionary()


def _kept(batch: _batches.Pullbacks) -> Tensor:
    state = np.array(next(_NUMBERS)).view(_State)
    state.batch = batch
    _STATES[int(state)] = state
    return torch.from_numpy(state)


@torch.library.custom_op("propmat::matte", mutates_args=())
def _matte(tensors: Sequence[Tensor], problem: int, keep: bool) -> tuple[Tensor, Tensor]:
    """Alpha, and the number under which its pullbacks are kept."""
    alpha, batch = _run(tensors, problem)
    state = _kept(batch) if keep else torch.tensor(-1)
    return _tensor(alpha, tensors[0]), state


@_matte.register_fake
def _(tensors: Sequence[Tensor], problem: int, keep: bool) -> tuple[Tensor, Tensor]:
    axes = dict(_PROBLEMS[problem].axes)
    leading = [tensor.shape[: tensor.ndim - n] for tensor, n in zip(tensors, axes.values(), strict=True)]
    height, width = tensors[0].shape[-2:]
    if "image" not in axes:
        width += 1  # of the first tensor, weights to the right or left
    alpha = tensors[0].new_empty((*torch.broadcast_shapes(*leading), height, width))
    return alpha, torch.empty((), dtype=torch.int64)


@torch.library.custom_op("propmat::pull_back", mutates_args=())
def _pull_back(gradient: Tensor, state: Tensor, tensors: Sequence[Tensor], problem: int, wanted: str) -> list[Tensor]:
    """The gradients of the wanted tensors. Pullbacks lost to a saved-tensor hook are made again."""
    kept = _STATES.get(int(state))
    batch = _run(tensors, problem)[1] if kept is None else kept.batch
    there = on_device(next(iter(batch.arrays.values())))
    with _stream(gradient, there):
        found = batch(_array(gradient, there), wanted.split())
    by_name = dict(zip(dict(_PROBLEMS[problem].axes), tensors, strict=True))
    return [_tensor(_channels(name, value, first=True), by_name[name]) for name, value in found.items()]


@_pull_back.register_fake
def _(gradient: Tensor, state: Tensor, tensors: Sequence[Tensor], problem: int, wanted: str) -> list[Tensor]:
    by_name = dict(zip(dict(_PROBLEMS[problem].axes), tensors, strict=True))
    return [torch.empty_like(by_name[name], memory_format=torch.contiguous_format) for name in wanted.split()]


def _remember(ctx: Any, inputs: Any, output: Any) -> None:
    tensors, ctx.problem, _ = inputs
    ctx.save_for_backward(*tensors, output[1])


def _backward(ctx: Any, gradient: Tensor, _: Any) -> Any:
    *tensors, state = ctx.saved_tensors
    names = list(dict(_PROBLEMS[ctx.problem].axes))
    wanted = [name for name, needed in zip(names, ctx.needs_input_grad[0], strict=True) if needed]
    found = dict(zip(wanted, _pull_back(gradient, state, tensors, ctx.problem, " ".join(wanted)), strict=True))
    return [found.get(name) for name in names], None, None


def _no_second_derivative(ctx: Any, *gradients: Any) -> None:
    raise UnsupportedError("propmat.torch: second derivatives of a matte are not available; it is differentiable once")


_matte.register_autograd(_backward, setup_context=_remember)
_pull_back.register_autograd(_no_second_derivative)


def _run(tensors: Sequence[Tensor], problem: int) -> tuple[Any, _batches.Pullbacks]:
    verb, axes, options, solver = _PROBLEMS[problem]
    given = dict(options) if solver < 0 else {**dict(options), "solver": _SOLVERS[solver]}
    there = _runs_there(tensors[0], verb, **dict(options))
    arrays = {
        name: _channels(name, _array(tensor, there), first=False)
        for (name, _), tensor in zip(axes, tensors, strict=True)
    }
    with _stream(tensors[0], there):
        return _batches.run(verb, arrays, dict(axes), given)


def _runs_there(tensor: Tensor, verb: str, *, radius: int = 1, **_: Any) -> bool:
    """Whether a verb runs where the tensor lies, on a GPU."""
    return tensor.is_cuda and verb in VERBS_ON_DEVICE and radius == 1 and find_spec("cupy") is not None


def _stream(tensor: Tensor, there: bool) -> AbstractContextManager[Any]:
    """CuPy's work goes to the current stream of PyTorch."""
    if not (there and tensor.is_cuda):
        return nullcontext()
    from propmat._gpu import _device

    return _device.stream(torch.cuda.current_stream(tensor.device).cuda_stream, tensor.device.index)


def _array(tensor: Tensor, there: bool) -> Any:
    """The tensor's memory as an array, of CuPy if it is to stay `there`, on the GPU."""
    return to_device(tensor.detach()) if there else _host(tensor)


def _tensor(array: Any, like: Tensor) -> Tensor:
    tensor = torch.from_dlpack(array) if on_device(array) else torch.from_numpy(array)
    return tensor.to(like.device, like.dtype)


def _channels(name: str, array: Any, *, first: bool) -> Any:
    """Channels of an image: last for the solver, first for PyTorch."""
    if name != "image":
        return array
    return np.ascontiguousarray(np.moveaxis(array, -1, -3), like=array) if first else np.moveaxis(array, -3, -1)


_told_of_host = threading.Event()


def _host(tensor: Tensor) -> np.ndarray:
    """The tensor's memory as an array; one on another device is copied."""
    if tensor.device.type != "cpu" and not _told_of_host.is_set():
        _told_of_host.set()
        warn(f"propmat.torch: tensors on {tensor.device} are copied to the host and solved there")
    return tensor.numpy(force=True)
