"""Verbs as layers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from propmat import _inputs
from propmat._batching._verb import Verb
from propmat.errors import InputError
from propmat.torch._solvers import NamedSolver

# Checked when a layer is made; tensors and arrays when it is called.
NUMBERS: dict[str, Callable[[object, str], float]] = {"confidence": _inputs.tolerance, "epsilon": _inputs.positive}


class Layer(torch.nn.Module):
    """A verb whose options are fixed when it is made; tensors among them are parameters or buffers of the layer."""

    verb: ClassVar[Callable[..., Tensor]]
    _takes: ClassVar[Verb]

    def __init__(self, **options: Any) -> None:
        super().__init__()
        parameters = inspect.signature(self.verb).parameters.values()
        known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "trimap"]
        for name in options:
            if name not in known:
                raise InputError(f"{type(self).__name__}: has no option {name!r}; takes {', '.join(known)}")
        _inputs.solving(options.get("solver"))
        self._takes.read({name: options[name] for name in self._takes.options if name in options})
        tensors = {name: value for name, value in options.items() if isinstance(value, Tensor)}
        self.options = {name: value for name, value in options.items() if name not in tensors}
        for name, check in NUMBERS.items():
            if self.options.get(name) is not None and _inputs.is_number(self.options[name]):
                check(self.options[name], name)
        self.tensors = tuple(tensors)
        for name, value in tensors.items():
            self._own(name, value)
        self.solver = NamedSolver(options.get("solver"))  # looked up here, for torch.compile cannot

    def _own(self, name: str, value: Tensor) -> None:
        """Have a tensor trained, moved, saved and loaded with the layer."""
        if isinstance(value, torch.nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    def given(self) -> dict[str, Any]:
        """The options of the layer by name, tensors as they are now.

        Returns
        -------
        dict of str to any
        """
        solver = self.options.get("solver")
        tensors = {name: getattr(self, name) for name in self.tensors}
        return {**self.options, **tensors, "solver": self.solver if solver is self.solver.solver else solver}

    def extra_repr(self) -> str:
        tensors = {name: f"tensor of shape {tuple(getattr(self, name).shape)}" for name in self.tensors}
        options = {name: repr(value) for name, value in self.options.items()}
        return ", ".join(f"{name}={text}" for name, text in (options | tensors).items())
