"""Twin of `_cpu.ridge`: ridge regression of a map on colours in every window, and its residuals."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over


def fits(image: Any, mean: Any, whitening: Any, wanted: Any, radius: int, plane: Any) -> tuple[Any, Any]:
    """Slopes a_k and means p̄_k of every wanted window, indexed by its top left pixel; 0 elsewhere."""
    _, width, depth = image.shape
    slopes, levels = np.zeros((*wanted.shape, depth), like=image), np.zeros(wanted.shape, like=image)
    given = (image, width, mean, whitening, wanted, *wanted.shape, radius, plane, slopes, levels)
    launch("ridge", "fits", over(wanted.size), *given, DEPTH=depth)
    return slopes, levels


def residual_sums(image: Any, mean: Any, wanted: Any, radius: int, plane: Any, slopes: Any, levels: Any) -> Any:
    """Σ_{k ∋ i} ρ_ki for every pixel i: the product of the Laplacian with `plane`."""
    out = np.empty_like(plane)
    given = (image, *plane.shape, mean, wanted, *wanted.shape, radius, plane, slopes, levels, out)
    launch("ridge", "residual_sums", over(plane.size), *given, DEPTH=image.shape[2])
    return out


def colour_gradient(
    image: Any,
    mean: Any,
    wanted: Any,
    radius: int,
    adjoint: Any,
    adjoint_slopes: Any,
    adjoint_levels: Any,
    alpha: Any,
    slopes: Any,
    levels: Any,
) -> Any:
    """Σ_{k ∋ i} ρ_ki(λ) a_k(α) + ρ_ki(α) a_k(λ) for every pixel i, (H, W, d)."""
    out = np.empty_like(image)
    windows = (image, *alpha.shape, mean, wanted, *wanted.shape, radius)
    given = (*windows, adjoint, adjoint_slopes, adjoint_levels, alpha, slopes, levels, out)
    launch("ridge", "colour_gradient", over(alpha.size), *given, DEPTH=image.shape[2])
    return out
