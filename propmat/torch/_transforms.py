"""Transforms of functions by PyTorch: compilation, which may not trace everything, and derivatives that are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor
from torch.autograd import forward_ad

from propmat.errors import UnsupportedError

P = ParamSpec("P")
R = TypeVar("R")

# PyTorch would take derivatives of forward mode for 0, and explain others at length.
BACKWARD_ONLY = (
    "propmat.torch: torch.func.grad, vjp, jvp and forward-mode derivatives are not available; take torch.autograd.grad "
    "or backward"
)


def constant(function: Callable[P, R]) -> Callable[P, R]:
    """A function that is called, not traced; in a graph its result is a constant."""
    at_once, in_graphs = torch.compiler.disable(function), torch.compiler.assume_constant_result(function)

    def called(*arguments: P.args, **named: P.kwargs) -> R:
        return (in_graphs if torch.compiler.is_compiling() else at_once)(*arguments, **named)

    return called


@constant
def transformed() -> bool:
    """Whether a transform of `torch.func` other than vmap is at work."""
    transforms = torch._C._functorch.get_interpreter_stack() or []
    return any(transform.key() != torch._C._functorch.TransformType.Vmap for transform in transforms)


def refuse_tangents(tensors: Sequence[Tensor]) -> None:
    """Refuse derivatives of forward mode."""
    if any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in tensors):
        raise UnsupportedError(BACKWARD_ONLY)
