"""Affinities of neighbours and the closed form's windows, each with a weight of its own, as one Laplacian."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from propmat import adjoint, laplacian
from propmat._backend import HOST
from propmat._cached import cached_property
from propmat._operators import GridOperator
from propmat.laplacian import Laplacian, Split
from propmat.laplacian._pairs import block_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Blend(Laplacian):
    """αᵀ L α = Σ w_ij (α_i - α_j)² + Σ κ_k αᵀ L_k α, over edges of neighbours and windows of the closed form.

    Parameters
    ----------
    image : (H, W, 3) array
    horizontal, vertical : (H, W - 1) and (H - 1, W) array
        w > 0.
    windows : (H - 2, W - 2) array
        κ > 0 of the windows of 3 x 3 pixels, by their top left pixel.
    """

    parameters = ("horizontal", "vertical", "windows")

    def __init__(self, image: Array, horizontal: Array, vertical: Array, windows: Array) -> None:
        self.edges = laplacian.affinity(horizontal, vertical)
        self.lines = laplacian.closed_form(image)
        self.windows = np.ascontiguousarray(windows, dtype=np.float64)
        self.shape = self.edges.shape

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        edges = GridOperator.from_edges(self.edges.horizontal, self.edges.vertical, unknown, diagonal=diagonal)
        image = np.ascontiguousarray(self.lines.image, dtype=np.float64)
        support, kernels = edges.support, HOST.kernels("weighted_windows")

        def add(block: int, values: Array) -> None:
            stripes = -(-image.shape[0] // kernels.STRIPE)
            places = support.unknown, support.centres, support.number
            HOST.share(kernels.add_windows, stripes, image, self.windows, *places, self.lines.epsilon, block, values)

        def assemble(block: int, values: Array) -> None:
            edges.assemble(block, values)
            add(block, values)

        add(0, edges.values)
        operator = replace(edges, assemble=assemble)
        return Split(operator, operator.times_known, np.full(operator.shape[0], not unknown.all()))

    @cached_property
    def matrix(self) -> sp.csr_array:
        return self.split(np.ones(self.shape, dtype=bool)).matrix.tocsr()

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        return block_of(self.matrix, row_mask, column_mask)

    def near_null_space(self, mask: Mask) -> Array:
        return self.edges.near_null_space(mask)

    @property
    def ties_all_pixels(self) -> bool:
        return self.edges.ties_all_pixels

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        found = self.edges.pullback(adjoint, alpha, [name for name in wanted if name != "windows"])
        if "windows" in wanted:
            mean, whitening, touched = self.lines._window_statistics(adjoint != 0)
            fit = HOST.kernels("ridge").fits(self.lines.image, mean, whitening, touched, 1, alpha)
            products = HOST.kernels("weighted_windows").window_products
            found["windows"] = -products(self.lines.image, mean, touched, adjoint, alpha, *fit)  # -λᵀ L_k α
        return found


class _Propagation(torch.autograd.Function):
    """Alpha of a batch, and the way back to its weights."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, trimap: Tensor, confidence: Any, solver: Any, *weights: Tensor) -> Tensor:
        planes = zip(*(_host(tensor) for tensor in (image.movedim(1, 3), trimap, *weights)), strict=True)
        solved = [
            adjoint.solve(Blend(colours, *own), labels, confidence=confidence, solver=solver)
            for colours, labels, *own in planes
        ]
        ctx.pullbacks = [pullback for _, pullback in solved]
        return torch.from_numpy(np.stack([alpha for alpha, _ in solved])).to(weights[0])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        pairs = zip(ctx.pullbacks, _host(gradient), strict=True)
        found = [vars(pullback(upstream, wanted=Blend.parameters)).values() for pullback, upstream in pairs]
        stacks = (torch.from_numpy(np.stack(values)).to(gradient) for values in zip(*found, strict=True))
        return None, None, None, None, *stacks


def _host(tensor: Tensor) -> Array:
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float64)


def propagate(
    image: Tensor, trimap: Tensor, weights: Sequence[Tensor], *, confidence: Any = None, solver: Any = None
) -> Tensor:
    """Alpha (B, H, W), differentiable in the weights (horizontal, vertical, windows) of a `Blend`."""
    alpha: Tensor = _Propagation.apply(image, trimap, confidence, solver, *weights)
    return alpha
