"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner.

N. Vyas, D. Morwani, R. Zhao, I. Shapira, D. Brandfonbrener, L. Janson, S. Kakade, "SOAP: Improving and Stabilizing
Shampoo using Adam", ICLR 2025. https://arxiv.org/abs/2409.11321

That of pytorch-optimizer 4.1 makes the same steps on matrices alone: it takes a convolution apart by all four
dimensions, not outputs against all else, and keeps lists, which a checkpoint of plain tensors cannot hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# Sides of matrices beyond this keep the basis they have: its cost grows with the cube.
LARGEST = 512
# Adam's quotient is near 1 at most. Where gradients have had no component in a direction its mean square is 0, and when
# the bases move the quotient of what comes into it would have no bound.
LONGEST = 3.0


class Soap(torch.optim.Optimizer):
    """Steps of Adam on gradients turned into a basis in which they are nearly independent.

    Of the gradients G of a weight, taken as a matrix, the means of G Gᵀ and Gᵀ G are kept, with their eigenvectors Q
    and P. Adam divides Qᵀ G P by the root of its mean square, and what it makes is turned back.

    Parameters
    ----------
    weights : iterable of Tensor, or of groups with their own settings
    rate : float, default 3e-3
    weight_decay : float, default 0
    betas : (float, float), default (0.95, 0.95)
        What means keep of the past at a step: those of gradients, and those of squares and products.
    every : int, default 20
        Steps from one adjustment of the bases to the next, each by one power iteration.
    """

    def __init__(
        self,
        weights: Iterable[Tensor] | Iterable[dict[str, Any]],
        rate: float = 3e-3,
        weight_decay: float = 0.0,
        *,
        betas: tuple[float, float] = (0.95, 0.95),
        every: int = 20,
    ) -> None:
        super().__init__(weights, {"lr": rate, "weight_decay": weight_decay, "betas": betas, "every": every})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step; the first has only gradients to find its bases by, and leaves the weights."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    gradient = _as_matrix(weight.grad)
                    if weight in self.state:
                        change = _change(self.state[weight], gradient, group)
                        weight.mul_(1 - group["lr"] * group["weight_decay"])
                        weight.sub_(group["lr"] * change.reshape(weight.shape))
                    else:
                        self.state[weight] = _started(gradient, group["betas"][1])


def _as_matrix(gradient: Tensor) -> Tensor:
    """Outputs by all else; where there is one output, inputs by all else."""
    kept = next((size for size in gradient.shape if size > 1), 1)
    return gradient.reshape(kept, -1)


def _products(gradient: Tensor) -> dict[str, Tensor]:
    """G Gᵀ and Gᵀ G, of the sides that have a basis."""
    sides = {"left": gradient, "right": gradient.T}
    return {name: side @ side.T for name, side in sides.items() if 1 < len(side) <= LARGEST}


def _started(gradient: Tensor, beta: float) -> dict[str, Tensor]:
    state = {name: torch.zeros_like(gradient) for name in ("mean", "square")}
    for name, product in _products(gradient).items():
        state |= {name: (1 - beta) * product, f"{name}_basis": torch.linalg.eigh(product).eigenvectors.contiguous()}
    return state | {"step": torch.zeros(())}


def _turned(values: Tensor, state: dict[str, Tensor]) -> Tensor:
    if "left_basis" in state:
        values = state["left_basis"].T @ values
    return values @ state["right_basis"] if "right_basis" in state else values


def _turned_back(values: Tensor, state: dict[str, Tensor]) -> Tensor:
    if "left_basis" in state:
        values = state["left_basis"] @ values
    return values @ state["right_basis"].T if "right_basis" in state else values


def _change(state: dict[str, Tensor], gradient: Tensor, group: dict[str, Any]) -> Tensor:
    """What Adam makes of the gradient in the basis."""
    first, second = group["betas"]
    state["step"] += 1
    step = int(state["step"])
    for name, product in _products(gradient).items():
        state[name].lerp_(product, 1 - second)
    state["mean"].lerp_(gradient, 1 - first)
    state["square"].lerp_(_turned(gradient, state).square(), 1 - second)
    mean = _turned(state["mean"], state) / (1 - first**step)
    quotient = mean / ((state["square"] / (1 - second**step)).sqrt() + 1e-8)
    change = _turned_back(quotient.clamp(-LONGEST, LONGEST), state)
    if step % group["every"] == 0:
        _adjust(state)
    return change


def _adjust(state: dict[str, Tensor]) -> None:
    """A power iteration from the bases as they are, the greatest eigenvalue first."""
    for axis, name in enumerate(("left", "right")):
        if name in state:
            basis, product = state[f"{name}_basis"], state[name]
            order = (basis * (product @ basis)).sum(0).argsort(descending=True, stable=True)
            state["square"] = state["square"].index_select(axis, order)
            state[f"{name}_basis"] = torch.linalg.qr(product @ basis[:, order]).Q.contiguous()
