"""The closed-form Laplacian with large windows, of He, Sun and Tang."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat._backend import backend_of, to_host
from propmat.errors import UnsupportedError
from propmat.laplacian._base import Laplacian, Split
from propmat.laplacian._closed_form import ClosedForm, window_arguments

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Above so many entries (a gigabyte) a block is refused: what was meant is a product.
MOST_ENTRIES = 80_000_000


def large_kernel(image: Any, epsilon: float = 1e-7, radius: int = 10) -> LargeKernel:
    r"""Large-kernel matting Laplacian: the closed form over wide windows, by products alone.

    .. math:: (L p)_i = \sum_{k \ni i} \big( p_i - a_k^\top I_i - b_k \big)

    with a_k, b_k the affine ridge fit of p on the colours in window k. Sums over windows are differences of running
    sums, so that a product costs the same for every radius; no matrix is formed.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16. At least 2 radius + 1 pixels high and wide.
    epsilon : float, default 1e-7
        Regulariser, in squared colour units, > 0; that of the closed form, and of PyMatting.
    radius : int, default 10
        Windows are 2 radius + 1 pixels wide. Larger ones carry labels further in fewer iterations and lose fine detail.

    Returns
    -------
    LargeKernel
        The same matrix as `closed_form` of that radius.

    Raises
    ------
    InputError
        If an argument is not as above.

    Notes
    -----
    The paper chooses the window's size by a kd-tree of the trimap's regions; here, as in PyMatting, it is given.

    References
    ----------
    K. He, J. Sun, X. Tang, "Fast Matting Using Large Kernel Matting Laplacian Matrices", CVPR 2010, section 3.
    https://doi.org/10.1109/CVPR.2010.5539896

    Examples
    --------
    >>> import numpy as np
    >>> graph = large_kernel(np.eye(9), radius=4)
    >>> graph
    LargeKernel(9 x 9 pixels, 1 channel, radius 4, epsilon 1e-07)
    >>> everywhere = np.ones((9, 9), dtype=bool)
    >>> bool(abs(graph.split(everywhere).matrix @ np.ones(81)).max() < 1e-12)
    True
    """
    return LargeKernel(ClosedForm(*window_arguments(image, epsilon, radius, beside={})))


class LargeKernel(Laplacian):
    """What `large_kernel` returns: the closed form, multiplied by box sums."""

    parameters = ClosedForm.parameters
    ties_all_pixels = True

    def __init__(self, definition: ClosedForm) -> None:
        self.shape = definition.shape
        self.beside = definition.beside
        self.definition = definition

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        definition = self.definition
        box = _around(unknown, 2 * definition.radius)  # holds all windows of unknown pixels
        inside = unknown[box]
        windows = Windows.of(definition.image[box], definition.epsilon, definition.radius)
        added = (np.zeros(unknown.shape, like=unknown) if diagonal is None else diagonal)[unknown]
        operator = BoxOperator(windows, inside, added)
        times_known = KnownInBox(windows, inside, box)
        return Split(operator, times_known, np.full(added.size, not unknown.all(), like=unknown))

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        entries = np.count_nonzero(row_mask) * (4 * self.definition.radius + 1) ** 2
        if entries > MOST_ENTRIES:
            raise UnsupportedError(
                f"large_kernel: as a matrix it would hold {entries:.2g} entries; solve with it alone (a sum with other "
                f"graphs, or a factorisation, needs the matrix), or use a smaller radius"
            )
        return self.definition.rows(row_mask, column_mask)

    def times(self, plane: Array) -> Array:
        return self.definition.times(plane)

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        return self.definition.pullback(adjoint, alpha, wanted)

    def near_null_space(self, mask: Mask) -> Array:
        return self.definition.near_null_space(mask)

    def __repr__(self) -> str:
        return repr(self.definition).replace("ClosedForm", "LargeKernel")


def _around(mask: Mask, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the box around a mask, with a margin as far as the image reaches."""
    spans = []
    for axis in range(2):
        used = np.flatnonzero(to_host(mask.any(axis=1 - axis)))
        spans.append(slice(max(0, int(used[0]) - margin), int(used[-1]) + 1 + margin))
    return spans[0], spans[1]


@dataclass(frozen=True, eq=False)
class Windows:
    """The statistics of all windows of an image: what a product needs.

    Attributes
    ----------
    image : (H, W, d) array
        Centred: its mean colour is 0, which changes nothing but rounding.
    mean, inverse : arrays (H - 2 r, W - 2 r, d), (H - 2 r, W - 2 r, d, d)
        Mean colour of each window and inverse of its regularised covariance.
    count : (H, W) array
        Number of windows that hold each pixel.
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
        """L p for p (H, W): fit p in every window, sum what the fits leave over."""
        kernels = backend_of(values).kernels("box")
        moments = np.empty((*values.shape, self.image.shape[2] + 1), like=values)
        kernels.moments(self.image, values, moments)
        fits = np.empty((*self.mean.shape[:2], moments.shape[2]), like=values)
        kernels.fit_windows(box_sums(moments, self.side), self.mean, self.inverse, self.side**2, fits)
        left = np.empty_like(values)
        kernels.residual(self.image, values, self.count, over_windows(fits, self.side), left)
        return left

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
    """For fields over windows the sums over the windows that hold each pixel."""
    return box_sums(np.pad(fields, [(side - 1, side - 1), (side - 1, side - 1), (0, 0)]), side)


@dataclass(frozen=True, eq=False)
class KnownInBox:
    """(H, W) values → the product of the matrix with the known ones, those of a box that holds all that count."""

    windows: Windows
    unknown: Mask
    box: tuple[slice, slice]

    def __call__(self, values: Array) -> Array:
        return self.windows.times(np.where(self.unknown, 0.0, values[self.box]))[self.unknown]


@dataclass(frozen=True, eq=False)
class BoxOperator:
    """The matrix over the unknown pixels, plus a diagonal; it has products and a diagonal, and no entries."""

    windows: Windows
    unknown: Mask
    added: Array

    @property
    def shape(self) -> tuple[int, int]:
        return self.added.size, self.added.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.added.dtype

    @property
    def nnz(self) -> int:
        """How many numbers are stored, of windows and pixels."""
        return self.windows.image.size + self.windows.mean.size + self.windows.inverse.size

    def __matmul__(self, x: Array) -> Array:
        values = np.zeros(self.unknown.shape, like=x)
        values[self.unknown] = x
        return self.windows.times(values)[self.unknown] + self.added * x

    def diagonal(self) -> Array:
        return self.windows.diagonal()[self.unknown] + self.added

    def shifted(self, change: Array) -> BoxOperator:
        """The operator with `change` (n,) added to its diagonal."""
        return replace(self, added=self.added + change)

    def tocsr(self) -> sp.csr_array:
        """Refused: whoever asks for entries wants a matrix that was not formed on purpose."""
        raise UnsupportedError(
            "large_kernel: is multiplied, not stored, so Direct, IncompleteCholesky, SmoothedAggregation and Multigrid "
            "have no entries to work on; use CG with the Jacobi preconditioner, or closed_form with that radius"
        )
