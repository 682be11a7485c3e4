"""The closed-form Laplacian with large windows, of He, Sun and Tang."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._backend import to_host
from propmat._operators._boxes import BoxOperator
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import UnsupportedError
from propmat.laplacian._closed_form import ClosedForm
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._split import Split

# Blocks of more entries (a gigabyte) are refused: use products instead.
MOST_ENTRIES = 80_000_000


@usual_arithmetic
def large_kernel(image: ArrayLike, epsilon: float = 1e-7, radius: int = 10) -> LargeKernel:
    r"""Large-kernel matting Laplacian: the closed form with large windows, as a matrix-free operator.

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
        Windows are 2 radius + 1 pixels wide. With larger ones fewer iterations are needed, and fine detail is lost.

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
    return LargeKernel.of(_inputs.image(image, memory=_inputs.ANYWHERE), epsilon, radius)


class LargeKernel(Laplacian):
    """The `Laplacian` that `large_kernel` returns: the closed form, multiplied by box sums."""

    parameters = ClosedForm.parameters
    ties_all_pixels = True

    def __init__(self, definition: ClosedForm) -> None:
        self.shape = definition.shape
        self.memory = definition.memory
        self.definition = definition

    @classmethod
    def of(cls, pixels: Array, epsilon: float, radius: int) -> LargeKernel:
        """The Laplacian of an image that has been checked; the settings are checked here."""
        return cls(ClosedForm.of(pixels, epsilon, radius))

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        definition = self.definition
        box = _around(unknown, 2 * definition.radius)  # contains all windows with unknown pixels
        inside = unknown[box]
        added = (np.zeros(unknown.shape, like=unknown) if diagonal is None else diagonal)[unknown]
        operator = BoxOperator.of(definition.image[box], inside, definition.epsilon, definition.radius, added)
        return Split(operator, KnownInBox(operator, box), np.full(added.size, not unknown.all(), like=unknown))

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

    def _described(self) -> str:
        return self.definition._described()


def _around(mask: Mask, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the bounding box of a mask, extended by a margin and cropped to the image."""
    spans = []
    for axis in range(2):
        used = np.flatnonzero(to_host(np.any(mask, axis=1 - axis)))
        spans.append(slice(max(0, int(used[0]) - margin), int(used[-1]) + 1 + margin))
    return spans[0], spans[1]


@dataclass(frozen=True, eq=False)
class KnownInBox:
    """(H, W) values → L_UK α_K, computed inside a box that contains all windows with unknown pixels."""

    operator: BoxOperator
    box: tuple[slice, slice]

    def __call__(self, values: Array) -> Array:
        return self.operator.times(np.where(self.operator.unknown, 0.0, values[self.box]))
