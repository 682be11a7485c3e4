"""`propmat.adjoint.weighted_windows` on batches of tensors, in host memory, one image after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from propmat import adjoint

Array = NDArray[np.float64]

WEIGHTS = ("horizontal", "vertical", "windows")


class _Propagation(torch.autograd.Function):
    """Alpha of a batch, and the gradients of its weights."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, trimap: Tensor, confidence: Any, solver: Any, *weights: Tensor) -> Tensor:
        planes = zip(*(_host(tensor) for tensor in (image.movedim(1, 3), trimap, *weights)), strict=True)
        solved = [
            adjoint.weighted_windows(
                colours, windows, labels, edges=(across, down), confidence=confidence, solver=solver
            )
            for colours, labels, across, down, windows in planes
        ]
        ctx.pullbacks = [pullback for _, pullback in solved]
        return torch.from_numpy(np.stack([alpha for alpha, _ in solved])).to(weights[0])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        pairs = zip(ctx.pullbacks, _host(gradient), strict=True)
        found = [vars(pullback(upstream, wanted=WEIGHTS)) for pullback, upstream in pairs]
        stacks = (torch.from_numpy(np.stack([one[name] for one in found])).to(gradient) for name in WEIGHTS)
        return None, None, None, None, *stacks


def _host(tensor: Tensor) -> Array:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def propagate_windows(
    image: Tensor, trimap: Tensor, weights: Sequence[Tensor], *, confidence: Any = None, solver: Any = None
) -> Tensor:
    """Alpha (B, H, W), differentiable in the weights (horizontal, vertical, windows)."""
    alpha: Tensor = _Propagation.apply(image, trimap, confidence, solver, *weights)
    return alpha
