"""The verbs as layers, and the layer before them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from propmat.torch._operation import known_solver
from propmat.torch._verbs import closed_form, propagate, refine


class ClosedForm(torch.nn.Module):
    """`closed_form` as a layer: (image, trimap) → alpha."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options | {"solver": known_solver(options.get("solver"))}

    def forward(self, image: Tensor, trimap: Any) -> Tensor:
        return closed_form(image, trimap, **self.options)


class Refine(torch.nn.Module):
    """`refine` as a layer: (image, alpha, confidence[, trimap]) → alpha."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options | {"solver": known_solver(options.get("solver"))}

    def forward(self, image: Tensor, alpha: Tensor, confidence: Any, trimap: Any = None) -> Tensor:
        return refine(image, alpha, confidence, trimap=trimap, **self.options)


class Propagate(torch.nn.Module):
    """`propagate` as a layer: (affinities, trimap) → alpha; ``Propagate(confidence=0.8)`` is DeepMattePropNet's."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options | {"solver": known_solver(options.get("solver"))}

    def forward(self, affinities: tuple[Tensor, Tensor], trimap: Any) -> Tensor:
        return propagate(affinities, trimap, **self.options)


class Affinities(torch.nn.Module):
    """From features to affinities of neighbours, w = exp(z), z = a · f_i + b · f_j + c.

    i is the left or upper pixel of a pair. z is bounded smoothly, z ← bound tanh(z / bound), so that no weight and no
    gradient leaves what a solver can take; the gradient vanishes nowhere.

    Parameters
    ----------
    features : int
        Channels of the features (..., features, H, W).
    bound : float, default 8
        Weights lie between exp(-bound) and exp(bound).

    References
    ----------
    Y. Wang et al., "Deep Propagation Based Image Matting", IJCAI 2018, equation 1. The bound is ours.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> horizontal, vertical = propmat.torch.Affinities(16)(torch.rand(2, 16, 10, 12))
    >>> horizontal.shape, vertical.shape
    (torch.Size([2, 10, 11]), torch.Size([2, 9, 12]))
    """

    def __init__(self, features: int, bound: float = 8.0) -> None:
        super().__init__()
        self.first, self.second = (torch.nn.Parameter(0.01 * torch.randn(features)) for _ in range(2))
        self.bias = torch.nn.Parameter(torch.zeros(()))
        self.bound = bound

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        first, second = (torch.einsum("f,...fhw->...hw", weight, features) for weight in (self.first, self.second))
        return (
            self.weights(first[..., :, :-1] + second[..., :, 1:] + self.bias),
            self.weights(first[..., :-1, :] + second[..., 1:, :] + self.bias),
        )

    def weights(self, logits: Tensor) -> Tensor:
        """exp, bounded."""
        return torch.exp(self.bound * torch.tanh(logits / self.bound))
