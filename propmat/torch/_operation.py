"""One operation of PyTorch for all verbs: tensors in, alpha out, and the way back.

To `torch.compile` it is opaque. What a call is beside its tensors goes in as a text, so that graphs may be saved and
loaded elsewhere; solvers stay behind, under names that no other process uses. What is needed for the way back cannot
pass through an operation, whose outputs are tensors; it is kept under a number, and lives as long as the tensor that
holds the number.

Tensors on a GPU are arrays of CuPy without a copy, on the current stream; what runs on the host alone is copied there.
"""

from __future__ import annotations

import itertools
import json
import threading
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import forward_ad

from propmat import _inputs
from propmat._backend import on_device, to_device
from propmat._batching._batch import BatchPullback, shape_of
from propmat._batching._run import check, run
from propmat._batching._verb import Options, Verb
from propmat._batching._verbs import ARGUMENTS, VERBS
from propmat.errors import InputError, UnsupportedError, warn
from propmat.solvers._base import Solver
from propmat.torch._arguments import axes_of

Array = NDArray[Any]

# PyTorch would take derivatives of forward mode for 0, and explain others at length.
BACKWARD_ONLY = (
    "propmat.torch: torch.func.grad, vjp, jvp and forward-mode derivatives are not available; take torch.autograd.grad "
    "or backward"
)


class _Problem(NamedTuple):
    """What a call is beside its tensors; in the graph of an op it is a text, the same in every process."""

    verb: Verb
    axes: dict[str, int]
    options: Options
    solver: str

    def text(self) -> str:
        return json.dumps([self.verb.name, *self[1:]])


def _constant(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is called, not traced; in a graph its result is a constant."""
    at_once, in_graphs = torch.compiler.disable(function), torch.compiler.assume_constant_result(function)

    def called(*arguments: Any) -> Any:
        return in_graphs(*arguments) if torch.compiler.is_compiling() else at_once(*arguments)

    return called


def solve(
    verb: Verb, tensors: Mapping[str, Tensor], *, solver: Solver | NamedSolver | None = None, **options: object
) -> Tensor:
    """Alpha of a batch; `tensors` are as `_arguments.taken` returns them."""
    given = list(tensors.values())
    if _transformed():
        raise UnsupportedError(BACKWARD_ONLY)
    if not torch.compiler.is_compiling():
        _refuse_tangents(given)
    if message := _fault(verb.name, tuple(options.items())):
        raise InputError(message)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)
    problem = _described(verb.name, axes_of(tensors), tuple(options.items()), _name_of(solver))
    alpha, _ = _matte(given, problem, keep)
    return alpha


@_constant
def _fault(verb: str, options: tuple[tuple[str, object], ...]) -> str:
    """What is wrong with the options. The caller raises it: errors that are raised here Dynamo takes for its own."""
    try:
        VERBS[verb].read(dict(options))
    except InputError as error:
        return str(error)
    return ""


@_constant
def _described(
    verb: str, axes: tuple[tuple[str, int], ...], options: tuple[tuple[str, object], ...], solver: str
) -> str:
    return _Problem(VERBS[verb], dict(axes), VERBS[verb].read(dict(options)), solver).text()


@cache
def _problem(text: str) -> _Problem:
    verb, *rest = json.loads(text)
    return _Problem(VERBS[verb], *rest)


class NamedSolver:
    """A solver under a name that graphs can hold. Names are never used twice, and none is pickled or copied."""

    def __init__(self, solver: Solver | None) -> None:
        self.solver = solver
        self.name = _named(solver)

    def __reduce__(self) -> tuple[Any, ...]:
        return NamedSolver, (self.solver,)


_SOLVERS: dict[str, Solver] = {}
_NAMES: dict[object, str] = {}


def _name_of(solver: Solver | NamedSolver | None) -> str:
    """The name of a solver, none for the one that is chosen by size; layers have looked it up when they were made."""
    if solver is None:
        return ""
    return solver.name if isinstance(solver, NamedSolver) else _named(solver)


@torch.compiler.disable
def _named(solver: Solver | None) -> str:
    """Equal solvers have one name; those that cannot be hashed, which may change, have one each."""
    if solver is None:
        return ""
    _inputs.solving(solver)
    name = uuid.uuid4().hex
    _SOLVERS[name] = solver
    try:
        first = _NAMES.setdefault((type(solver), solver), name)
    except TypeError:
        first = _NAMES.setdefault(id(solver), name)
    if first != name:
        del _SOLVERS[name]
    return first


def _solver_named(name: str) -> Solver:
    if name not in _SOLVERS:
        raise UnsupportedError(
            "propmat.torch: this graph was traced in another process, and its solver did not come with it. Trace or "
            "export without a solver, or here"
        )
    return _SOLVERS[name]


@_constant
def _transformed() -> bool:
    """Whether a transform of `torch.func` other than vmap is at work."""
    transforms = torch._C._functorch.get_interpreter_stack() or []
    return any(transform.key() != torch._C._functorch.TransformType.Vmap for transform in transforms)


def _refuse_tangents(tensors: Sequence[Tensor]) -> None:
    if any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors):
        raise UnsupportedError(BACKWARD_ONLY)


class _State(np.ndarray):
    """A number that keeps the pullbacks of a batch alive as long as the tensor that shares its memory."""

    pullback: BatchPullback


_NUMBERS = itertools.count()
_STATES: weakref.WeakValueDictionary[int, _State] = weakref.WeakValueDictionary()


def _kept(pullback: BatchPullback) -> Tensor:
    state = np.array(next(_NUMBERS)).view(_State)
    state.pullback = pullback
    _STATES[int(state)] = state
    return torch.from_numpy(state)


@torch.library.custom_op("propmat::matte", mutates_args=())
def _matte(tensors: Sequence[Tensor], problem: str, keep: bool) -> tuple[Tensor, Tensor]:
    """Alpha, and the number under which its pullbacks are kept."""
    _refuse_tangents(tensors)
    alpha, pullback = _run(tensors, problem)
    state = _kept(pullback) if keep else torch.tensor(-1)
    return _tensor(alpha, tensors[0].device, _precision(tensors[0])), state


@_matte.register_fake
def _(tensors: Sequence[Tensor], problem: str, keep: bool) -> tuple[Tensor, Tensor]:
    axes = _problem(problem).axes
    leading = {name: tensor.shape[: tensor.ndim - axes[name]] for name, tensor in zip(axes, tensors, strict=True)}
    height, width = tensors[0].shape[-2:]
    size = ARGUMENTS[next(iter(axes))].size(height, width)
    shape = (*shape_of(leading), *size)
    alpha = tensors[0].new_empty(shape, dtype=_precision(tensors[0]))
    return alpha, torch.empty((), dtype=torch.int64)


@_matte.register_vmap
def _(info: Any, in_dims: Any, tensors: Sequence[Tensor], problem: str, keep: bool) -> Any:
    """One more axis in front of all tensors but those that all images share."""
    axes, dims = _problem(problem).axes, in_dims[0]
    front = [tensor if dim is None else tensor.movedim(dim, 0) for tensor, dim in zip(tensors, dims, strict=True)]
    leading = {
        name: tensor.shape[dim is not None : tensor.ndim - axes[name]]
        for name, tensor, dim in zip(axes, front, dims, strict=True)
    }
    batch = (info.batch_size, *shape_of(leading))
    mapped = []
    for name, tensor, dim in zip(axes, front, dims, strict=True):
        if dim is not None or leading[name]:
            own = tensor.shape[tensor.ndim - axes[name] :]
            lined_up = leading[name] or (1,) * (len(batch) - 1)
            tensor = tensor.reshape(1 if dim is None else info.batch_size, *lined_up, *own).expand(*batch, *own)
        mapped.append(tensor)
    return _matte(mapped, problem, keep), (0, None)


@torch.library.custom_op(
    "propmat::pull_back",
    mutates_args=(),
    # PyTorch 2.6 does not read list[Tensor].
    schema="(Tensor gradient, Tensor state, Tensor[] tensors, str problem, str wanted) -> Tensor[]",
)
def _pull_back(gradient: Tensor, state: Tensor, tensors: Sequence[Tensor], problem: str, wanted: str) -> list[Tensor]:
    """The gradients of the wanted tensors. Pullbacks lost to a saved-tensor hook are made again."""
    kept = _STATES.get(int(state))
    pullback = _run(tensors, problem)[1] if kept is None else kept.pullback
    there = on_device(pullback.batch.like)
    with _stream(gradient, there):
        found = pullback(_array(gradient, there), wanted.split())
    by_name = dict(zip(_problem(problem).axes, tensors, strict=True))
    return [
        _tensor(_channels(name, value, first=True), by_name[name].device, by_name[name].dtype)
        for name, value in found.items()
    ]


@_pull_back.register_fake
def _(gradient: Tensor, state: Tensor, tensors: Sequence[Tensor], problem: str, wanted: str) -> list[Tensor]:
    by_name = dict(zip(_problem(problem).axes, tensors, strict=True))
    return [torch.empty_like(by_name[name], memory_format=torch.contiguous_format) for name in wanted.split()]


@_pull_back.register_vmap
def _(info: Any, in_dims: Any, gradient: Tensor, state: Tensor, tensors: Any, problem: str, wanted: str) -> Any:
    """Several gradients of one batch, as for a Jacobian, one after another."""
    if in_dims[0] is None or any(dim is not None for dim in in_dims[2]):
        raise UnsupportedError("propmat.torch: backward within torch.func.vmap is not available; take it outside")
    each = [_pull_back(one, state, tensors, problem, wanted) for one in gradient.movedim(in_dims[0], 0)]
    return [torch.stack(same) for same in zip(*each, strict=True)], [0] * len(wanted.split())


def _remember(ctx: Any, inputs: Any, output: Any) -> None:
    tensors, ctx.problem, _ = inputs
    ctx.save_for_backward(*tensors, output[1])


def _backward(ctx: Any, gradient: Tensor, _: Any) -> Any:
    if torch._C._functorch.is_legacy_batchedtensor(gradient):
        raise UnsupportedError(
            "propmat.torch: is_grads_batched and vectorize=True are not available; take one gradient after another, or "
            "torch.func.vmap around torch.autograd.grad"
        )
    *tensors, state = ctx.saved_tensors
    names = list(_problem(ctx.problem).axes)
    wanted = [name for name, needed in zip(names, ctx.needs_input_grad[0], strict=True) if needed]
    found = dict(zip(wanted, _pull_back(gradient, state, tensors, ctx.problem, " ".join(wanted)), strict=True))
    return [found.get(name) for name in names], None, None


def _no_second_derivative(ctx: Any, *gradients: Any) -> None:
    raise UnsupportedError("propmat.torch: second derivatives of a matte are not available; it is differentiable once")


_matte.register_autograd(_backward, setup_context=_remember)
_pull_back.register_autograd(_no_second_derivative)


def _run(tensors: Sequence[Tensor], problem: str) -> tuple[Array, BatchPullback]:
    verb, axes, options, solver = _problem(problem)
    there = _runs_there(tensors[0], verb)
    arrays = _arrays(dict(zip(axes, tensors, strict=True)), there)
    with _stream(tensors[0], there):
        return run(verb, arrays, axes, options, _solver_named(solver) if solver else None)


def check_values(verb: Verb, tensors: Mapping[str, Tensor]) -> bool:
    """Refuse wrong values where they can be looked at, not in graphs and under transforms; tells whether they could."""
    first = next(iter(tensors.values()))
    if torch.compiler.is_compiling() or type(first) not in (Tensor, torch.nn.Parameter) or first.is_meta:
        return False
    if torch._C._functorch.get_interpreter_stack():
        return False
    there = _runs_there(first, verb)
    arrays = _arrays(tensors, there)
    with _stream(first, there):
        check(verb, arrays, dict(axes_of(tensors)), {})
    return True


def _arrays(tensors: Mapping[str, Tensor], there: bool) -> dict[str, Array]:
    return {name: _channels(name, _array(tensor, there), first=False) for name, tensor in tensors.items()}


def _runs_there(tensor: Tensor, verb: Verb) -> bool:
    """Whether a verb runs where the tensor lies, on a GPU."""
    return tensor.is_cuda and verb.on_device and find_spec("cupy") is not None


def _stream(tensor: Tensor, there: bool) -> AbstractContextManager[object]:
    """CuPy's work goes to the current stream of PyTorch."""
    if not (there and tensor.is_cuda):
        return nullcontext()
    from propmat._gpu import _device

    return _device.stream(torch.cuda.current_stream(tensor.device).cuda_stream, tensor.device.index)


def _array(tensor: Tensor, there: bool) -> Array:
    """The tensor's memory as an array, of CuPy if it is to stay `there`, on the GPU."""
    return to_device(tensor.detach()) if there else _host(tensor)


def _tensor(array: Array, device: torch.device, dtype: torch.dtype) -> Tensor:
    tensor = torch.from_dlpack(array) if on_device(array) else torch.from_numpy(array)
    return tensor.to(device, dtype)


def _precision(first: Tensor) -> torch.dtype:
    """The dtype of alpha: that of the image or the affinities, single precision where they are integers."""
    return first.dtype if first.is_floating_point() else torch.float32


def _channels(name: str, array: Array, *, first: bool) -> Array:
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
