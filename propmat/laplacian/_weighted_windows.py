"""The closed-form Laplacian with a weight for each window, plus weighted edges of the pixel grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._backend import HOST
from propmat._cached import cached_property
from propmat._operators._grid import Assemble, GridOperator, Support
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError
from propmat.laplacian._affinity import Affinity
from propmat.laplacian._closed_form import ClosedForm, _windows_over
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._pairs import block_of
from propmat.laplacian._split import Split


@usual_arithmetic
def weighted_windows(
    image: ArrayLike, windows: ArrayLike, edges: tuple[ArrayLike, ArrayLike] | None = None, epsilon: float = 1e-7
) -> WeightedWindows:
    r"""Closed-form Laplacian with a weight for each window, plus weighted edges of the pixel grid.

    .. math:: \alpha^\top L \alpha = \sum_k \kappa_k \, \alpha^\top L_k \alpha
        + \sum_{(i, j)} w_{ij} (\alpha_i - \alpha_j)^2

    with the matrices :math:`L_k` of the windows of 3 x 3 pixels, whose sum is `closed_form`, and the edges of
    `affinity`. The sum is stored as one matrix on the pixel grid, which `Multigrid` preconditions as it does the closed
    form. Weights may be learned: the gradient of :math:`\kappa_k` is :math:`-\lambda^\top L_k \alpha`.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16, in host memory. At least 3 pixels high and wide.
    windows : float or (H - 2, W - 2) array
        κ >= 0 of each window, indexed by its top left pixel.
    edges : tuple (horizontal, vertical), optional
        w >= 0, (H, W - 1) and (H - 1, W) arrays; none by default.
    epsilon : float, default 1e-7
        Regulariser, in squared colour units, > 0.

    Returns
    -------
    WeightedWindows
        There are gradients with respect to ``windows``, and ``horizontal`` and ``vertical`` if edges are given; none
        with respect to the image and epsilon.

    Raises
    ------
    InputError
        If an argument is not as above.
    UnsupportedError
        If the image is on a GPU.

    References
    ----------
    A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30(2), 2008. The
    weights are ours.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat import laplacian
    >>> image = np.random.default_rng(0).random((6, 7))
    >>> graph = laplacian.weighted_windows(image, np.full((4, 5), 0.5))
    >>> bool(abs(graph.matrix - 0.5 * laplacian.closed_form(image).matrix).max() < 1e-12)
    True
    """
    return WeightedWindows.of(_inputs.image(image), windows, edges, epsilon)


class WeightedWindows(Laplacian):
    """The Laplacian of `weighted_windows`.

    Attributes
    ----------
    windows : (H - 2, W - 2) array
        κ of each window.
    unweighted : ClosedForm
        The Laplacian in which all windows have weight 1.
    edges : Affinity or None
    """

    def __init__(self, unweighted: ClosedForm, windows: Array, edges: Affinity | None = None) -> None:
        self.shape = unweighted.shape
        self.windows = windows
        self.unweighted = unweighted
        self.edges = edges
        self.parameters = ("windows",) if edges is None else ("windows", *edges.parameters)

    @classmethod
    def of(
        cls, pixels: Array, windows: ArrayLike, edges: tuple[ArrayLike, ArrayLike] | None, epsilon: float
    ) -> WeightedWindows:
        """The Laplacian of an image that has been checked; weights and epsilon are checked here."""
        height, width, _ = pixels.shape
        unweighted = ClosedForm.of(pixels, epsilon, 1)
        kappa = _weights_of_windows(windows, (height - 2, width - 2))
        if edges is None:
            return cls(unweighted, kappa)
        across, down = _inputs.edge_weights(*_inputs.pair(edges, "edges", "(horizontal, vertical)"))
        if (across.shape[0], down.shape[1]) != (height, width):
            raise InputError(
                f"edges: are of {across.shape[0]} x {down.shape[1]} pixels, the image is {height} x {width}"
            )
        return cls(unweighted, kappa, Affinity(across, down))

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        horizontal, vertical = self._edge_weights()
        operator = GridOperator.from_edges(horizontal, vertical, unknown, diagonal=diagonal)
        image, epsilon = self.unweighted.image, self.unweighted.epsilon
        windows = Windows(image, self.windows, epsilon, operator.support)
        windows(0, operator.values)
        operator = replace(operator, assemble=Both(operator.assemble, windows))
        return Split(operator, operator.times_known, self._adjacent_to(~unknown)[unknown])

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        return block_of(self.matrix, row_mask, column_mask)

    @cached_property
    def matrix(self) -> sp.csr_array:
        return self.split(np.ones(self.shape, dtype=bool)).matrix.tocsr()

    def near_null_space(self, mask: Mask) -> Array:
        return (self.unweighted if self.edges is None else self.edges).near_null_space(mask)

    @cached_property
    def ties_all_pixels(self) -> bool:
        return bool((self.windows > 0).all()) or (self.edges is not None and self.edges.ties_all_pixels)

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        wanted = list(wanted)
        found: dict[str, Any] = {}
        if "windows" in wanted:
            image = self.unweighted.image
            mean, whitening, touched = self.unweighted._window_statistics(adjoint != 0)
            fit = HOST.kernels("ridge").fits(image, mean, whitening, touched, 1, alpha)
            products = HOST.kernels("weighted_windows").window_products
            found["windows"] = -products(image, mean, touched, adjoint, alpha, *fit)  # -λᵀ L_k α
        if self.edges is not None:
            found |= self.edges.pullback(adjoint, alpha, [name for name in wanted if name != "windows"])
        return found

    def _edge_weights(self) -> tuple[Array, Array]:
        height, width = self.shape
        if self.edges is None:
            return np.zeros((height, width - 1)), np.zeros((height - 1, width))
        return self.edges.horizontal, self.edges.vertical

    def _adjacent_to(self, known: Mask) -> Mask:
        """The pixels that have a window of weight > 0, or an edge, in common with a known one."""
        touched = _windows_over(known, 1) & (self.windows > 0)
        found = np.zeros(self.shape, bool) if self.edges is None else self.edges._adjacent_to(known)
        height, width = touched.shape
        for y, x in np.ndindex(3, 3):
            found[y : y + height, x : x + width] |= touched
        return found


def _weights_of_windows(value: ArrayLike, shape: tuple[int, int]) -> Array:
    given = _inputs.as_array(value, "windows").shape
    if given not in ((), shape):
        raise InputError(f"windows: takes a number or shape (H - 2, W - 2), {shape} for this image, got {given}")
    return _inputs.weights(value, "windows", shape)


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows with an unknown pixel, multiplied by their weights, as elements to assemble."""

    image: Array
    weights: Array
    epsilon: float
    support: Support

    def __call__(self, block: int, values: Array) -> None:
        kernels, support = HOST.kernels("weighted_windows"), self.support
        HOST.share(
            kernels.add_windows,
            -(-self.image.shape[0] // kernels.STRIPE),
            self.image,
            self.weights,
            support.unknown,
            support.centres,
            support.number,
            self.epsilon,
            block,
            values,
        )

    def near(self, block: int, rectangles: Array, values: Array) -> None:
        self(block, values)

    def within(self, support: Support) -> Windows:
        return replace(self, support=support)


@dataclass(frozen=True, eq=False)
class Both:
    """Two kinds of elements: the first is written, the second added."""

    first: Assemble
    second: Assemble

    def __call__(self, block: int, values: Array) -> None:
        self.first(block, values)
        self.second(block, values)

    def near(self, block: int, rectangles: Array, values: Array) -> None:
        self(block, values)

    def within(self, support: Support) -> Both:
        return Both(self.first.within(support), self.second.within(support))
