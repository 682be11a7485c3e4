"""Both layers as the minimum of the energy over the mixed pixels, by conjugate gradients: Levin et al. 2008."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._foreground._multilevel import multilevel
from propmat._typing import Array, Mask
from propmat.preconditioners._ichol import IncompleteCholesky
from propmat.solvers._cg import CG

# Far below an 8-bit step; the colours start close.
SOLVER = CG(rtol=1e-6, preconditioner=IncompleteCholesky(drop_tolerance=1e-3))


def closed_form(image: Array, alpha: Array, regularization: float, gradient_weight: float) -> Array:
    """Both layers, (2, H, W, d): the multilevel ones, then the minimum over the mixed pixels."""
    _inputs.in_memory(image, "image", None)
    layers = multilevel(image, alpha, regularization, gradient_weight)
    mixed = (alpha > 0) & (alpha < 1)
    if not mixed.any():
        return layers
    a, b = alpha[mixed], 1.0 - alpha[mixed]
    to_foreground, to_background = (
        _edges(alpha, mixed, visible, regularization, gradient_weight) for visible in (alpha > 0, alpha < 1)
    )
    solve = SOLVER.prepare(
        sp.block_array(
            [
                [_laplacian(to_foreground, mixed) + sp.diags_array(a * a), sp.diags_array(a * b)],
                [sp.diags_array(a * b), _laplacian(to_background, mixed) + sp.diags_array(b * b)],
            ],
            format="csr",
        )
    )
    for c in range(image.shape[2]):
        plane = image[:, :, c]
        known = (
            to_foreground @ (plane * (alpha == 1)).ravel(),
            to_background @ (plane * (alpha == 0)).ravel(),
        )
        rhs = np.concatenate([a * plane[mixed] + known[0], b * plane[mixed] + known[1]])
        solution = solve(rhs, x0=layers[:, mixed, c].ravel())
        solution.check()
        layers[:, mixed, c] = solution.x.reshape(2, -1)
    return layers


def _edges(
    alpha: Array,
    mixed: Mask,
    visible: Mask,
    regularization: float,
    gradient_weight: float,
) -> sp.csr_array:
    """Weights of the edges from each mixed pixel (a row) to visible pixels (columns) of a layer.

    The colour of an invisible pixel is determined by its edges alone, so that leaving them out changes no visible one.
    """
    pixel = np.arange(alpha.size).reshape(alpha.shape)
    one = np.concatenate([pixel[:, :-1].ravel(), pixel[:-1].ravel()])
    two = np.concatenate([pixel[:, 1:].ravel(), pixel[1:].ravel()])
    start, end = np.concatenate([one, two]), np.concatenate([two, one])
    wanted = mixed.ravel()[start] & visible.ravel()[end]
    start, end = start[wanted], end[wanted]
    weight = regularization + gradient_weight * np.abs(alpha.ravel()[start] - alpha.ravel()[end])
    row = np.cumsum(mixed.ravel()) - 1
    return sp.csr_array((weight, (row[start], end)), shape=(int(mixed.sum()), alpha.size))


def _laplacian(edges: sp.csr_array, mixed: Mask) -> sp.csr_array:
    """Sum of all weights on the diagonal, minus the weights between mixed pixels."""
    return sp.diags_array(edges.sum(axis=1)) - edges[:, np.flatnonzero(mixed)]
