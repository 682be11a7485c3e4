"""The closed-form Laplacian of Levin, Lischinski and Weiss."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._backend import HOST, backend_of, moved_like, to_host
from propmat._cached import cached_property
from propmat._operators._grid import GridOperator
from propmat._operators._parts import WHOLE, Parts
from propmat._operators._stored import canonical
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError, UnsupportedError
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._pairs import numbered
from propmat.laplacian._split import Split

W = TypeVar("W", bound="WindowLaplacian")


@usual_arithmetic
def closed_form(image: ArrayLike, epsilon: float = 1e-7, radius: int = 1) -> ClosedForm:
    r"""Closed-form matting Laplacian: alpha is nearly affine in colour within every small window.

    .. math:: L_{ij} = \sum_{k \ni i, j} \Big[ \delta_{ij} - \frac{1}{n} \big( 1 + (I_i - \mu_k)^\top
        (\Sigma_k + \tfrac{\epsilon}{n} U)^{-1} (I_j - \mu_k) \big) \Big]

    over the windows k of n = (2 radius + 1)² pixels that lie inside the image, with mean :math:`\mu_k` and
    covariance :math:`\Sigma_k` of their colours.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16. At least 2 radius + 1 pixels high and wide.
    epsilon : float, default 1e-7
        Regulariser, in squared colour units, > 0. Larger values smooth alpha; 1e-5 to 1e-4 helps on blocky JPEGs.
        The default is that of the authors' code.
    radius : int, default 1
        Windows are 2 radius + 1 pixels wide. A row holds up to (4 radius + 1)² entries.

    Returns
    -------
    ClosedForm
        Lazy: its ``matrix`` is built when it is asked for, and a solve builds only the part that involves unknown
        pixels.

    Raises
    ------
    InputError
        If an argument is not as above.

    References
    ----------
    A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30(2), 2008,
    equation 12. https://doi.org/10.1109/TPAMI.2007.1177

    Examples
    --------
    >>> import numpy as np
    >>> graph = closed_form(np.eye(4))
    >>> graph
    ClosedForm(4 x 4 pixels, 1 channel, radius 1, epsilon 1e-07)
    >>> bool(abs(graph.matrix.sum(axis=1)).max() < 1e-12)
    True
    """
    return ClosedForm.of(_inputs.image(image, memory=_inputs.ANYWHERE), epsilon, radius)


def known_radius(value: object) -> int:
    """The radius of windows."""
    return _inputs.whole_number(value, "radius", " (a window is 2 radius + 1 pixels wide)")


def check_window(shape: tuple[int, ...], radius: int) -> None:
    """Refuse an image that is smaller than a window."""
    side = 2 * radius + 1
    if min(shape[:2]) < side:
        raise InputError(
            f"image: is {shape[0]} x {shape[1]} pixels (height x width), smaller than one window; "
            f"radius={radius} needs at least {side} x {side}"
        )


class WindowLaplacian(Laplacian):
    """The sum over windows of the matrices of the closed form, or of their squares."""

    squared: bool
    ties_all_pixels = True  # neighbouring windows overlap

    def __init__(self, image: Array, epsilon: float, radius: int, parts: Parts = WHOLE) -> None:
        height, width, _ = image.shape
        self.shape = (height, width)
        self.parts = parts
        self.image = image
        self.memory = {"image": image}
        self.epsilon = epsilon
        self.radius = radius

    @classmethod
    def of(cls: type[W], pixels: Array, epsilon: float, radius: int, parts: Parts = WHOLE) -> W:
        """The Laplacian of an image that has been checked; the settings are checked here."""
        epsilon = _inputs.positive(epsilon, "epsilon")
        radius = known_radius(radius)
        check_window((parts.lowest(len(pixels)), pixels.shape[1]), radius)
        return cls(pixels, epsilon, radius, parts)

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        if self.radius > 1:
            return super().split(unknown, diagonal)
        operator = GridOperator.from_image(
            self.image,
            unknown,
            epsilon=self.epsilon,
            squared=self.squared,
            diagonal=diagonal,
            parts=self.parts,
        )
        touches_known = self.parts.spread(self.parts.holding(~unknown), unknown)
        return Split(operator, operator.times_known, touches_known)

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        if self.parts.seams:
            return self._rows_by_part(row_mask, column_mask)
        kernels = HOST.kernels("closed_form")
        row_pixels = np.flatnonzero(row_mask)
        column_of = numbered(column_mask)
        counts = kernels.count_entries(row_pixels, column_of, self.radius)
        indptr = index_pointer(counts)
        indices = np.empty(indptr[-1], np.int32)
        data = np.empty(indptr[-1])
        here = self._on_host
        mean, whitening, _ = here._window_statistics(row_mask)
        kernels.fill_rows(here.image, mean, whitening, row_pixels, column_of, indptr, indices, data, self.radius)
        block = sp.csr_array((data, indices, indptr), shape=(row_pixels.size, int(column_mask.sum())))
        block.eliminate_zeros()
        block.has_canonical_format = True
        return block

    def _rows_by_part(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        bands = [slice(*ends) for ends in pairwise([0, *self.parts.seams, self.shape[0]])]
        alone = (type(self)(self.image[band], self.epsilon, self.radius) for band in bands)
        blocks = [part.rows(row_mask[band], column_mask[band]) for part, band in zip(alone, bands, strict=True)]
        return canonical(sp.block_diag(blocks, "csr"))

    @cached_property
    def _on_host(self) -> WindowLaplacian:
        return type(self)(to_host(self.image), self.epsilon, self.radius, self.parts)

    def _window_statistics(self, touched: Mask) -> tuple[Array, Array, Mask]:
        """Mean and whitening of the windows that contain a touched pixel, and their mask; others contribute nothing."""
        wanted = _windows_over(touched, self.radius)
        if self.parts.seams:
            wanted &= moved_like(self.parts.hold_windows(self.shape[0], 2 * self.radius + 1), wanted)[:, None]
        kernels = backend_of(self.image).kernels("closed_form")
        return *kernels.window_statistics(self.image, wanted, self.radius, self.epsilon, self.squared), wanted

    def near_null_space(self, mask: Mask) -> Array:
        """Constants and colours: affine functions of colour cost O(epsilon)."""
        colours = to_host(self.image[mask])
        return np.column_stack([np.ones(len(colours)), colours])

    def _described(self) -> str:
        channels = self.image.shape[2]
        return f", {channels} channel{'s' * (channels != 1)}, radius {self.radius}, epsilon {self.epsilon:g}"


class ClosedForm(WindowLaplacian):
    """The `Laplacian` that `closed_form` returns.

    Attributes
    ----------
    image : (H, W, d) array of float64
        Colours in [0, 1].
    epsilon : float
    radius : int
    """

    parameters = ("image", "epsilon")
    squared = False

    def times(self, plane: Array) -> Array:
        kernels = backend_of(self.image).kernels("ridge")
        # The residuals of a window on which the map is 0 are 0.
        mean, whitening, wanted = self._window_statistics(plane != 0)
        fit = kernels.fits(self.image, mean, whitening, wanted, self.radius, plane)
        return kernels.residual_sums(self.image, mean, wanted, self.radius, plane, *fit)

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        """Gradients of colours and epsilon; windows where the adjoint is 0 (known pixels only) are skipped."""
        kernels = backend_of(self.image).kernels("ridge")
        mean, whitening, windows = self._window_statistics(adjoint != 0)
        fit, adjoint_fit = (
            kernels.fits(self.image, mean, whitening, windows, self.radius, plane) for plane in (alpha, adjoint)
        )
        found: dict[str, Any] = {}
        if "image" in wanted:
            found["image"] = kernels.colour_gradient(
                self.image, mean, windows, self.radius, adjoint, *adjoint_fit, alpha, *fit
            )
        if "epsilon" in wanted:
            found["epsilon"] = -float(np.vdot(adjoint_fit[0], fit[0]))
        return found


def _windows_over(touched: Mask, radius: int) -> Mask:
    """Mask of the windows, indexed by their top left pixel, that contain a touched pixel."""
    for axis in range(2):
        count = touched.shape[axis] - 2 * radius
        spans = (slice(k, k + count) for k in range(2 * radius + 1))
        touched = np.any(np.stack([touched[span] if axis == 0 else touched[:, span] for span in spans]), axis=0)
    return touched


def index_pointer(counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """CSR row pointers from the numbers of entries per row; 2^31 entries or more do not fit 32-bit indices."""
    starts = np.concatenate([[0], np.cumsum(counts)])
    if starts[-1] > np.iinfo(np.int32).max:
        raise UnsupportedError(
            f"laplacian: {starts[-1]} entries are more than 32-bit indices hold; use a smaller radius or image"
        )
    return starts.astype(np.int32)
