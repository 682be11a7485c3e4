"""Optimisers by the names that configurations have for them, and one step of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer

from propmat.training._schedule import Schedule
from propmat.training._soap import Soap

Weights: TypeAlias = Iterable[Parameter] | Iterable[dict[str, Any]]

SQUARES = 0.999  # what Adam's mean of squares keeps of the past at a step


def optimiser_of(weights: Weights, schedule: Schedule) -> Optimizer:
    """The optimiser that a schedule asks for, of weights or of groups of them, each with its share of the rate."""
    return OPTIMISERS[schedule.optimiser](weights, schedule)


def descend(optimiser: Optimizer, loss: Tensor, rate: float, clip: float = 0.0) -> None:
    """One step of an optimiser down a loss; weights that it does not hold may be left with gradients.

    Parameters
    ----------
    optimiser : Optimizer
    loss : Tensor
        One number.
    rate : float
    clip : float, default 0
        The longest gradient, over all weights of the optimiser; 0 for no limit.
    """
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("share", 1.0)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    if clip:
        weights = [weight for group in optimiser.param_groups for weight in group["params"]]
        torch.nn.utils.clip_grad_norm_(weights, clip)
    optimiser.step()


def _sgd(weights: Weights, schedule: Schedule) -> Optimizer:
    return torch.optim.SGD(weights, schedule.rate, schedule.momentum, weight_decay=schedule.weight_decay)


def _adam(weights: Weights, schedule: Schedule) -> Optimizer:
    betas = schedule.momentum, SQUARES
    return torch.optim.AdamW(weights, schedule.rate, betas, weight_decay=schedule.weight_decay)


def _soap(weights: Weights, schedule: Schedule) -> Optimizer:
    return Soap(weights, schedule.rate, schedule.weight_decay)


OPTIMISERS: dict[str, Callable[[Weights, Schedule], Optimizer]] = {
    "sgd": _sgd,
    "adam": _adam,
    "soap": _soap,
}
