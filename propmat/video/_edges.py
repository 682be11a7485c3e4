r"""The Laplacian that joins frames along optical flow.

Frames of H x W pixels are stacked into one picture of T H rows. A pixel i of a frame, led by the flow to a place
between 16 pixels k of another frame with the weights b_k of cubic interpolation, contributes :math:`w_i (\alpha_i -
\sum_k b_k \alpha_k)^2`: a row r of R with the entries 1 and -b_k, and L = R' diag(w) R. Bilinear weights would halve
the contrast of what is a pixel wide and moves by half a pixel, and joined frames would lose it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat._typing import Array, Mask
from propmat.flows._mixture import Mixture
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._split import Split
from propmat.video._flow import Flow


class Link(NamedTuple):
    """The flow from one frame of a stack to another, and the weights of its edges.

    Attributes
    ----------
    source, target : int
        Indices of the frames in the stack.
    flow : (H, W, 2) array of float32
    weight : (H, W) array, >= 0
        0 where there is no edge, as where the flow leaves the frame.
    """

    source: int
    target: int
    flow: Flow
    weight: Array


class Rows(NamedTuple):
    """Rows of R before their weights, and the pixels of the link that they belong to."""

    matrix: sp.csr_array
    pixels: NDArray[np.int64]


class FlowEdges(Laplacian):
    """R' diag(w) R over the frames of a stack, a `Laplacian`; `joint` adds it to those of the frames.

    Attributes
    ----------
    links : tuple of Link
    frame_shape : (int, int)
        Height and width of a frame.
    """

    parameters = ("weights",)
    ties_all_pixels = False

    def __init__(self, links: tuple[Link, ...], frames: int, frame_shape: tuple[int, int]) -> None:
        self.links = links
        self.frame_shape = frame_shape
        self.shape = (frames * frame_shape[0], frame_shape[1])

    def _rows_of(self, link: Link, touching: Mask) -> Rows:
        """The rows of R of a link with an entry on a pixel of a mask (T H, W)."""
        height, width = self.frame_shape
        inside = touching.reshape(-1, height * width)
        weighted = np.flatnonzero(link.weight)
        stencils = _stencils(link.flow, weighted)
        near = inside[link.source][weighted] | inside[link.target][stencils.pixels].any(axis=0)
        pixels, others, weights = weighted[near], stencils.pixels[:, near], stencils.weights[:, near]
        columns = np.vstack([link.source * height * width + pixels, link.target * height * width + others])
        entries = np.vstack([np.ones(pixels.size), -weights])
        starts = np.arange(0, len(columns) * pixels.size + 1, len(columns))
        shape = (pixels.size, touching.size)
        return Rows(sp.csr_array((entries.T.ravel(), columns.T.ravel(), starts), shape), pixels)

    def _residual(self, touching: Mask) -> sp.csr_array:
        """diag(√w) R, of the rows with an entry on a pixel of a mask."""
        blocks = []
        for link in self.links:
            rows = self._rows_of(link, touching)
            blocks.append(sp.diags_array(np.sqrt(link.weight.ravel()[rows.pixels])) @ rows.matrix)
        return sp.csr_array(sp.vstack(blocks)) if blocks else sp.csr_array((0, touching.size))

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        return Mixture(self._residual(unknown), self.shape).split(unknown, diagonal)

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        return Mixture(self._residual(row_mask), self.shape).rows(row_mask, column_mask)

    def times(self, plane: Array) -> Array:
        residual = self._residual(plane != 0)
        product: Array = residual.T @ (residual @ plane.ravel())
        return product.reshape(self.shape)

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        """The derivatives of -λᵀ L α with respect to the weights of each link, -(R λ)(R α)."""
        return {name: tuple(self._weight_gradient(link, adjoint, alpha) for link in self.links) for name in wanted}

    def _weight_gradient(self, link: Link, adjoint: Array, alpha: Array) -> Array:
        rows = self._rows_of(link, adjoint != 0)
        gradient = np.zeros(link.weight.size)
        gradient[rows.pixels] = -(rows.matrix @ adjoint.ravel()) * (rows.matrix @ alpha.ravel())
        return gradient.reshape(link.weight.shape)

    def near_null_space(self, mask: Mask) -> Array:
        return np.ones((np.count_nonzero(mask), 1))

    def _described(self) -> str:
        return f", {self.shape[0] // self.frame_shape[0]} frames, {len(self.links)} links"


class _Stencils(NamedTuple):
    """Of each of n pixels the 16 pixels around where its flow leads, (16, n), and their weights."""

    pixels: NDArray[np.int64]
    weights: Array


def _stencils(flow: Flow, pixels: NDArray[np.int64]) -> _Stencils:
    """Cubic interpolation; beyond the edges the nearest pixels of the frame count."""
    height, width = flow.shape[:2]
    right, down = flow.reshape(-1, 2)[pixels].astype(np.float64).T
    columns, across = _cubic(pixels % width + right, width)
    rows, along = _cubic(pixels // width + down, height)
    places = rows[:, np.newaxis] * width + columns
    return _Stencils(places.reshape(16, -1), (along[:, np.newaxis] * across).reshape(16, -1))


def _cubic(place: Array, length: int) -> tuple[NDArray[np.int64], Array]:
    """Indices (4, n) and weights of cubic convolution (Keys 1981, a = -1/2) at places along an axis."""
    place = np.clip(place, 0, length - 1)
    first = np.floor(place).astype(np.int64)
    t = place - first
    weights = np.stack(
        [
            ((2 - t) * t - 1) * t / 2,
            ((3 * t - 5) * t * t + 2) / 2,
            ((4 - 3 * t) * t + 1) * t / 2,
            (t - 1) * t * t / 2,
        ]
    )
    return np.clip(first + np.arange(-1, 3)[:, np.newaxis], 0, length - 1), weights
