"""Checkpoints: the modules of a task, what its optimisers keep, and the sums of its losses, in one file of tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim import Optimizer

from propmat._inputs._numbers import integer
from propmat.errors import InputError, shown
from propmat.networks._weights import open_tensors, write_tensors
from propmat.training._task import Task


@dataclass(frozen=True)
class State:
    """What changes as a training goes on.

    Attributes
    ----------
    task : Task
        Its modules and buffers.
    optimisers : mapping
        By name.
    totals : mapping
        Of each loss the sum since the last record of the log, a tensor of one element.
    """

    task: Task
    optimisers: Mapping[str, Optimizer]
    totals: Mapping[str, Tensor]

    def tensors(self) -> dict[str, Tensor]:
        """All of it, by names in a file."""
        return self._of_task() | {
            f"optimiser.{name}.{number}.{what}": value
            for name, optimiser in self.optimisers.items()
            for number, kept in _kept(optimiser).items()
            for what, value in kept.items()
        }

    def expected(self, begun: Mapping[str, list[int]]) -> dict[str, Tensor]:
        """Tensors of the shapes that a file must have, where these weights of each optimiser have been moved."""
        kept = {name: _kept(_moved_once(optimiser)) for name, optimiser in self.optimisers.items()}
        return self._of_task() | {
            f"optimiser.{name}.{number}.{what}": value
            for name, numbers in begun.items()
            for number in numbers
            for what, value in kept[name][number].items()
        }

    def load(self, tensors: Mapping[str, Tensor], begun: Mapping[str, list[int]]) -> None:
        """Take over what a file has; its names and shapes are those expected."""
        self.task.load_state_dict(_under("task.", tensors))
        for name, optimiser in self.optimisers.items():
            state = {number: _under(f"optimiser.{name}.{number}.", tensors) for number in begun[name]}
            optimiser.load_state_dict(optimiser.state_dict() | {"state": state})
        for name, total in self.totals.items():
            total.copy_(tensors[f"total.{name}"])

    def _of_task(self) -> dict[str, Tensor]:
        task = {f"task.{name}": tensor for name, tensor in self.task.state_dict().items()}
        return task | {f"total.{name}": total for name, total in self.totals.items()}


def save(path: Path, state: State, training: str, iteration: int, lines: int) -> None:
    """Write a checkpoint: of the training with a digest, after so many iterations and lines of the log."""
    begun = {name: sorted(_kept(optimiser)) for name, optimiser in state.optimisers.items()}
    about = {"training": training, "iteration": iteration, "lines": lines, "begun": begun}
    write_tensors(path, state.tensors(), about)


def resume(path: Path, state: State, training: str, iterations: int) -> tuple[int, int]:
    """Load a checkpoint; returns its iteration and lines of the log.

    Raises
    ------
    InputError
        If it cannot be read, is of another training, or does not fit this one.
    """
    with open_tensors(path) as file:
        if file.about.get("training") != training:
            raise InputError(f"output: {path.parent} holds another training; name another folder, or remove it")
        iteration = integer(file.about.get("iteration"), "iteration", 0, iterations)
        lines = integer(file.about.get("lines"), "lines", 0, 10**9)
        begun = _begun(file.about.get("begun"), state.optimisers, path)
        tensors = file.read(state.expected(begun), "this training")
    state.load(tensors, begun)
    return iteration, lines


def _begun(given: object, optimisers: Mapping[str, Optimizer], path: Path) -> dict[str, list[int]]:
    """Which weights each optimiser has moved, by their numbers."""
    if not isinstance(given, dict) or given.keys() != optimisers.keys():
        raise InputError(f"output: {path} takes a list of weights for each optimiser, got {shown(given)}")
    for name, optimiser in optimisers.items():
        count = sum(len(group["params"]) for group in optimiser.param_groups)
        if not isinstance(given[name], list) or any(type(k) is not int or not 0 <= k < count for k in given[name]):
            raise InputError(f"output: {path} takes numbers of {count} weights, got {shown(given[name])}")
    return given


def _moved_once(optimiser: Optimizer) -> Optimizer:
    """A copy on weights without values that has moved all of them, which tells what it keeps of each."""
    groups = [
        group | {"params": [_with_gradient(weight) for weight in group["params"]]} for group in optimiser.param_groups
    ]
    copy: Optimizer = type(optimiser)(groups)  # type: ignore[call-arg]
    copy.step()
    return copy


def _with_gradient(weight: Tensor) -> Tensor:
    copy = torch.empty_like(weight, device="meta").requires_grad_()
    copy.grad = torch.empty_like(copy)
    return copy


def _kept(optimiser: Optimizer) -> dict[int, dict[str, Tensor]]:
    kept: dict[int, dict[str, Tensor]] = optimiser.state_dict()["state"]
    return kept


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
