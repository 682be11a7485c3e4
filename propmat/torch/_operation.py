"""One operation of PyTorch for all verbs: tensors in, alpha out, and the way back.

To `torch.compile` it is opaque. What a call is beside its tensors goes in as a text, so that graphs may be saved and
loaded elsewhere; solvers stay behind, under names that no other process uses. What is needed for the way back cannot
pass through an operation, whose outputs are tensors; it is kept under a number, and lives as long as the tensor that
holds the number.

Tensors on a GPU are arrays of CuPy without a copy, on the current stream; what runs on the host alone is copied there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch._functorch.autograd_function import VmapInfo

from propmat._backend import on_device
from propmat._batching._arguments import ARGUMENTS, Array
from propmat._batching._batch import BatchPullback, shape_of
from propmat._batching._run import check, run
from propmat._batching._verb import Options, Verb
from propmat._batching._verbs import VERBS
from propmat.errors import InputError, UnsupportedError
from propmat.solvers._base import Solver
from propmat.torch._arguments import axes_of
from propmat.torch._arrays import array_of, arrays_of, precision_of, runs_there, stream, tensor_of, with_channels
from propmat.torch._pullbacks import kept, kept_under
from propmat.torch._solvers import NamedSolver, name_of, solver_named
from propmat.torch._transforms import BACKWARD_ONLY, constant, refuse_tangents, transformed

Dims = Sequence[int | None]  # of each tensor, which axis vmap has added


class _Problem(NamedTuple):
    """What a call is beside its tensors; in the graph of an op it is a text, the same in every process."""

    verb: Verb
    axes: dict[str, int]
    options: Options
    solver: str

    def text(self) -> str:
        return json.dumps([self.verb.name, *self[1:]])


def solve(
    verb: Verb, tensors: Mapping[str, Tensor], *, solver: Solver | NamedSolver | None = None, **options: object
) -> Tensor:
    """Alpha of a batch; `tensors` are as `_arguments.taken` returns them."""
    given = list(tensors.values())
    if transformed():
        raise UnsupportedError(BACKWARD_ONLY)
    if not torch.compiler.is_compiling():
        refuse_tangents(given)
    if message := _fault(verb.name, tuple(options.items())):
        raise InputError(message)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given)
    problem = _described(verb.name, axes_of(tensors), tuple(options.items()), name_of(solver))
    alpha, _ = _matte(given, problem, keep)
    return alpha


@constant
def _fault(verb: str, options: tuple[tuple[str, object], ...]) -> str:
    """What is wrong with the options. The caller raises it: errors that are raised here Dynamo takes for its own."""
    try:
        VERBS[verb].read(dict(options))
    except InputError as error:
        return str(error)
    return ""


@constant
def _described(
    verb: str, axes: tuple[tuple[str, int], ...], options: tuple[tuple[str, object], ...], solver: str
) -> str:
    return _Problem(VERBS[verb], dict(axes), VERBS[verb].read(dict(options)), solver).text()


@cache
def _problem(text: str) -> _Problem:
    verb, *rest = json.loads(text)
    return _Problem(VERBS[verb], *rest)


@torch.library.custom_op("propmat::matte", mutates_args=())
def _matte(tensors: Sequence[Tensor], problem: str, keep: bool) -> tuple[Tensor, Tensor]:
    """Alpha, and the number under which its pullbacks are kept."""
    refuse_tangents(tensors)
    alpha, pullback = _run(tensors, problem)
    state = kept(pullback) if keep else torch.tensor(-1)
    return tensor_of(alpha, tensors[0].device, precision_of(tensors[0])), state


@_matte.register_fake
def _(tensors: Sequence[Tensor], problem: str, keep: bool) -> tuple[Tensor, Tensor]:
    axes = _problem(problem).axes
    leading = {name: tensor.shape[: tensor.ndim - axes[name]] for name, tensor in zip(axes, tensors, strict=True)}
    height, width = tensors[0].shape[-2:]
    size = ARGUMENTS[next(iter(axes))].size(height, width)
    shape = (*shape_of(leading), *size)
    alpha = tensors[0].new_empty(shape, dtype=precision_of(tensors[0]))
    return alpha, torch.empty((), dtype=torch.int64)


@_matte.register_vmap
def _(
    info: VmapInfo, in_dims: tuple[Dims, None, None], tensors: Sequence[Tensor], problem: str, keep: bool
) -> tuple[tuple[Tensor, Tensor], tuple[int, None]]:
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
    pullback = kept_under(state) or _run(tensors, problem)[1]
    there = on_device(pullback.batch.like)
    with stream(gradient, there):
        found = pullback(array_of(gradient, there), wanted.split())
    by_name = dict(zip(_problem(problem).axes, tensors, strict=True))
    return [
        tensor_of(with_channels(name, value, first=True), by_name[name].device, by_name[name].dtype)
        for name, value in found.items()
    ]


@_pull_back.register_fake
def _(gradient: Tensor, state: Tensor, tensors: Sequence[Tensor], problem: str, wanted: str) -> list[Tensor]:
    by_name = dict(zip(_problem(problem).axes, tensors, strict=True))
    return [torch.empty_like(by_name[name], memory_format=torch.contiguous_format) for name in wanted.split()]


@_pull_back.register_vmap
def _(
    info: VmapInfo,
    in_dims: tuple[int | None, None, Dims, None, None],
    gradient: Tensor,
    state: Tensor,
    tensors: Sequence[Tensor],
    problem: str,
    wanted: str,
) -> tuple[list[Tensor], list[int]]:
    """Several gradients of one batch, as for a Jacobian, one after another."""
    if in_dims[0] is None or any(dim is not None for dim in in_dims[2]):
        raise UnsupportedError("propmat.torch: backward within torch.func.vmap is not available; take it outside")
    each = [_pull_back(one, state, tensors, problem, wanted) for one in gradient.movedim(in_dims[0], 0)]
    return [torch.stack(same) for same in zip(*each, strict=True)], [0] * len(wanted.split())


class Context(Protocol):
    """What PyTorch keeps from an operation to its derivative."""

    problem: str
    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[Sequence[bool], bool, bool]

    def save_for_backward(self, *tensors: Tensor) -> None: ...


def _remember(ctx: Context, inputs: tuple[Sequence[Tensor], str, bool], output: tuple[Tensor, Tensor]) -> None:
    tensors, ctx.problem, _ = inputs
    ctx.save_for_backward(*tensors, output[1])


def _backward(ctx: Context, gradient: Tensor, _: None) -> tuple[list[Tensor | None], None, None]:
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


def _no_second_derivative(ctx: Context, *gradients: Tensor) -> None:
    raise UnsupportedError("propmat.torch: second derivatives of a matte are not available; it is differentiable once")


_matte.register_autograd(_backward, setup_context=_remember)
_pull_back.register_autograd(_no_second_derivative)


def _run(tensors: Sequence[Tensor], problem: str) -> tuple[Array, BatchPullback]:
    verb, axes, options, solver = _problem(problem)
    there = runs_there(tensors[0], verb)
    arrays = arrays_of(dict(zip(axes, tensors, strict=True)), there)
    with stream(tensors[0], there):
        return run(verb, arrays, axes, options, solver_named(solver) if solver else None)


def check_values(verb: Verb, tensors: Mapping[str, Tensor]) -> bool:
    """Refuse wrong values where they can be looked at, not in graphs and under transforms; tells whether they could."""
    first = next(iter(tensors.values()))
    if torch.compiler.is_compiling() or type(first) not in (Tensor, torch.nn.Parameter) or first.is_meta:
        return False
    if torch._C._functorch.get_interpreter_stack():
        return False
    there = runs_there(first, verb)
    arrays = arrays_of(tensors, there)
    with stream(first, there):
        check(verb, arrays, dict(axes_of(tensors)), {})
    return True
