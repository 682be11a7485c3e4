"""Closed-form matrices with wide windows, multiplied by sums over boxes and never formed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat._backend import Backend, backend_of
from propmat._cached import cached_property
from propmat._typing import Array, Mask
from propmat.errors import UnsupportedError


@dataclass(frozen=True, eq=False)
class Windows:
    """The statistics of all windows of an image that a product needs.

    Attributes
    ----------
    image : (H, W, d) array
        Centred, with a mean colour of 0, which changes rounding only.
    mean, inverse : arrays (H - 2 r, W - 2 r, d), (H - 2 r, W - 2 r, d, d)
        Mean colour of each window and inverse of its regularised covariance.
    count : (H, W) array
        Number of windows that contain each pixel.
    side : int
        2 r + 1.
    """

    image: Array
    mean: Array
    inverse: Array
    count: Array
    side: int

    @classmethod
    def of(cls, image: Array, epsilon: float, radius: int) -> Windows:
        side, depth = 2 * radius + 1, image.shape[2]
        image = image - image.mean(axis=(0, 1))
        products = (image[..., None] * image[..., None, :]).reshape(*image.shape[:2], -1)
        sums = box_sums(np.concatenate([image, products], axis=2), side) / side**2
        mean = np.ascontiguousarray(sums[..., :depth], like=sums)
        moments = sums[..., depth:].reshape(*mean.shape, depth)
        covariance = moments - mean[..., None] * mean[..., None, :]
        inverse = np.linalg.inv(covariance + epsilon / side**2 * np.eye(depth, like=image))
        count = over_windows(np.ones((*mean.shape[:2], 1), like=image), side)[..., 0]
        return cls(image, mean, np.ascontiguousarray(inverse, np.float64, like=image), count, side)

    def times(self, values: Array) -> Array:
        """L p for p (H, W): fit p in every window and sum the residuals of the fits."""
        kernels = backend_of(values).kernels("box")
        moments = np.empty((*values.shape, self.image.shape[2] + 1), like=values)
        kernels.moments(self.image, values, moments)
        fits = np.empty((*self.mean.shape[:2], moments.shape[2]), like=values)
        kernels.fit_windows(box_sums(moments, self.side), self.mean, self.inverse, self.side**2, fits)
        left = np.empty_like(values)
        kernels.residual(self.image, values, self.count, over_windows(fits, self.side), left)
        return left

    @cached_property
    def diagonal(self) -> Array:
        """Exact, (H, W): the quadratic form of the centred colour under V, expanded into sums over windows."""
        depth = self.mean.shape[2]
        weighted = (self.inverse @ self.mean[..., None])[..., 0]
        constant = (self.mean * weighted).sum(axis=2, keepdims=True)
        squares = self.inverse.reshape(*self.mean.shape[:2], -1)
        summed = over_windows(np.concatenate([squares, weighted, constant], axis=2), self.side)
        quadratic = summed[..., : depth * depth].reshape(*self.image.shape, depth)
        form = np.einsum("yxc,yxce,yxe->yx", self.image, quadratic, self.image)
        form += summed[..., -1] - 2 * (self.image * summed[..., depth * depth : -1]).sum(axis=2)
        return self.count * (1 - 1 / self.side**2) - form / self.side**2


def box_sums(fields: Array, side: int) -> Array:
    """Sums of (H, W, m) fields over the windows inside: (H - side + 1, W - side + 1, m)."""
    height, width, depth = fields.shape
    out = np.empty((height - side + 1, width - side + 1, depth), like=fields)
    backend_of(fields).kernels("box").box_sums(fields, side, out)
    return out


def over_windows(fields: Array, side: int) -> Array:
    """For fields over windows the sums over the windows that contain each pixel."""
    return box_sums(np.pad(fields, [(side - 1, side - 1), (side - 1, side - 1), (0, 0)]), side)


@dataclass(frozen=True, eq=False)
class BoxOperator:
    """The matrix over the unknown pixels plus a diagonal; it has products and a diagonal, but no stored entries."""

    windows: Windows
    unknown: Mask
    added: Array

    stored = False
    grid = None

    @property
    def shape(self) -> tuple[int, int]:
        return self.added.size, self.added.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.added.dtype

    @property
    def backend(self) -> Backend:
        return backend_of(self.added)

    @property
    def entries(self) -> int:
        """How many numbers are stored, of windows and pixels."""
        return self.windows.image.size + self.windows.mean.size + self.windows.inverse.size

    def __matmul__(self, x: Array) -> Array:
        values = np.zeros(self.unknown.shape, like=x)
        values[self.unknown] = x
        return self.windows.times(values)[self.unknown] + self.added * x

    def diagonal(self) -> Array:
        return self.windows.diagonal[self.unknown] + self.added

    def shifted(self, change: Array) -> BoxOperator:
        """The operator with `change` (n,) added to its diagonal."""
        return replace(self, added=self.added + change)

    def scaled(self, factor: float) -> BoxOperator:
        """Not supported, and not needed: the entries are bounded by the number of windows of a pixel."""
        raise UnsupportedError("large_kernel: is multiplied, not stored, so its entries cannot be scaled")

    def spread(self, x: Array) -> Array:
        return x.astype(np.float64)

    def gather(self, x: Array) -> Array:
        return x

    def multiply(self, x: Array, out: Array) -> object:
        out[:] = self @ x
        return (x * out).sum()  # not by BLAS: synchronising its threads takes longer than the sum

    def tocsr(self) -> sp.csr_array:
        """Not supported: the matrix is deliberately not formed."""
        raise UnsupportedError(
            "large_kernel: is multiplied, not stored, so Direct, IncompleteCholesky, SmoothedAggregation and Multigrid "
            "have no entries to work on; use CG with the Jacobi preconditioner, or closed_form with that radius"
        )
