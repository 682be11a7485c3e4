"""A picture whose labels change stroke by stroke."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._operators._averages import interpolated, means_of
from propmat._solve._matte import Matte
from propmat._solve._prepared import Prepared
from propmat._solve._problem import Problem
from propmat._solve._trivial import only_label
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError, shown
from propmat.laplacian._closed_form import closed_form
from propmat.laplacian._contract import Laplacian
from propmat.solvers._base import Status, asks_to_stop
from propmat.solvers._cg import CG

Show = Callable[[Array], object]

# The small picture has a third of the width or less, and about so many pixels. With twice as many a preview takes 1.8
# times as long, and the solve after it one iteration of fifteen less.
LEAST_FACTOR, SMALL = 3, 50_000
SMALL_ITERATIONS = 8


@dataclass(frozen=True, eq=False)
class Solved:
    """A picture of one size with its last labels.

    Attributes
    ----------
    graph : Laplacian
    prepared : Prepared or None
        None before the first solve.
    alpha : (H, W) array or None
    """

    graph: Laplacian
    prepared: Prepared | None = None
    alpha: Array | None = None

    def solve(
        self, labels: Trimap, solver: CG, start: Array | None, show: Show | None = None, most: int | None = None
    ) -> tuple[Solved, Matte]:
        """The matte for other labels, after at most so many iterations."""
        if self.prepared is None:
            prepared = Problem.posed(self.graph, labels).prepared(solver, changing="labels")
        else:
            prepared = self.prepared.relabelled(labels)
        begin = self.alpha if start is None else start
        matte = prepared.solve(x0=begin, callback=lambda count, _: count == most, show=show)
        return Solved(self.graph, prepared, matte.alpha), matte


class Labelling:
    """A picture that is being labelled, for programs in which strokes of a brush change the trimap.

    Every call of `matte` continues from the one before: only what the changed labels touch is set up again, and the
    iteration begins at the last matte. First the change of alpha is computed on a smaller picture, enlarged, and added
    to the last matte: a preview, after a small part of the time.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16, in host memory.
    laplacian : callable (image) -> Laplacian, optional
        Makes the Laplacian of the image, and of a smaller one; `propmat.laplacian.closed_form` by default. With graphs
        that are not on the pixel grid (`propmat.laplacian.knn`) each call sets up everything.
    tolerance : float, > 0, default 1e-3
        The error of alpha that is accepted; 1e-3 suffices for 8 bits.

    Raises
    ------
    InputError
        If an argument is not as above, or `laplacian` returns none of the size of the image.
    UnsupportedError
        If the image is on a GPU.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(90, 120))
    >>> labelling = propmat.Labelling(sample.image)
    >>> trimap = propmat.Trimap.parse(sample.trimap).labels
    >>> matte = labelling.matte(trimap)
    >>> trimap[20:24, 20:40] = 1  # a stroke
    >>> shown = []
    >>> matte = labelling.matte(trimap, show=shown.append)
    >>> matte.converged, len(shown) > 1
    (True, True)
    """

    @usual_arithmetic
    def __init__(
        self,
        image: ArrayLike,
        laplacian: Callable[[Array], Laplacian] | None = None,
        *,
        tolerance: float = 1e-3,
    ) -> None:
        pixels = _inputs.image(image)
        _inputs.function(laplacian, "laplacian", "an image")
        self.solver = CG(tolerance=_inputs.positive(tolerance, "tolerance"))
        self.shape = (pixels.shape[0], pixels.shape[1])
        self._small_shape = smaller(self.shape)
        small = np.stack([means_of(channel, self._small_shape) for channel in np.moveaxis(pixels, 2, 0)], axis=2)
        made = closed_form if laplacian is None else laplacian
        self._state = tuple(Solved(_made(made, np.ascontiguousarray(one))) for one in (small, pixels))

    @usual_arithmetic
    def matte(self, trimap: ArrayLike | Trimap, show: Show | None = None) -> Matte:
        """Alpha for the labels as they are now.

        Parameters
        ----------
        trimap : (H, W) array or Trimap
            At most 0.1 is background, at least 0.9 foreground, the rest unknown.
        show : callable (alpha), optional
            Called with the preview, and with alpha (H, W) after 2, 4, 8, … iterations; returning True stops, with the
            alpha that was shown last, from which the next call goes on.

        Returns
        -------
        Matte
            That of `propmat.solve` to the tolerance, unless it was stopped.

        Raises
        ------
        InputError
            If an argument is not as above, or nothing is known. The next call goes on from the last matte.

        Warns
        -----
        PropmatWarning
            If alpha needs no solve: no pixel is unknown, or all known pixels have one label.
        ConvergenceWarning
            If the solver did not converge.
        """
        _inputs.function(show, "show", "alpha")
        labels = Trimap.parse(trimap, self.shape)
        small, full = self._state
        problem = Problem.posed(full.graph, labels)
        if not labels.unknown.any() or only_label(labels) is not None:
            return problem.solve(self.solver)
        small, start = self._preview(small, full.alpha, labels)
        if show is not None and start is not None and asks_to_stop(show(start)):
            self._state = small, Solved(full.graph, full.prepared, start)
            return Matte(start[labels.unknown], Status.stopped, 0, math.nan, 0.0, start)
        full, matte = full.solve(labels, self.solver, start, show)
        self._state = small, full
        return matte

    def _preview(self, small: Solved, alpha: Array | None, labels: Trimap) -> tuple[Solved, Array | None]:
        """The small picture for other labels, and alpha (H, W) changed as it has; None where that cannot be told."""
        few = reduced(labels, self._small_shape)
        if not few.unknown.any() or only_label(few) is not None or not few.known.any():
            return Solved(small.graph, small.prepared), alpha
        after, matte = small.solve(few, self.solver, None, most=SMALL_ITERATIONS)
        if alpha is None or small.alpha is None:
            start = interpolated(matte.alpha, self.shape)
        else:
            start = alpha + interpolated(matte.alpha - small.alpha, self.shape)
        np.clip(start, 0.0, 1.0, out=start)
        return after, np.where(labels.known, labels.labels, start)


def _made(laplacian: Callable[[Array], Laplacian], image: Array) -> Laplacian:
    answer = laplacian(image)
    if not isinstance(answer, Laplacian) or answer.shape != image.shape[:2]:
        raise InputError(
            f"laplacian: takes a function that returns a Laplacian of {image.shape[0]} x {image.shape[1]} pixels for "
            f"an image of that size, got {shown(answer)}"
        )
    return answer


def smaller(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the small picture; at least one window, and no more than the picture."""
    factor = max(LEAST_FACTOR, math.sqrt(shape[0] * shape[1] / SMALL))
    height, width = (min(length, max(3, round(length / factor))) for length in shape)
    return height, width


def reduced(labels: Trimap, shape: tuple[int, int]) -> Trimap:
    """The labels of cells: that of any pixel in it, so that thin strokes count; unknown if there are both."""
    foreground, background = (_any_of(mask, shape) for mask in (labels.foreground, labels.background))
    return Trimap(foreground & ~background, background & ~foreground)


def _any_of(mask: Mask, shape: tuple[int, int]) -> Mask:
    """Whether cells contain a pixel of a mask; pixels belong to the cell of their upper left corner."""
    found = mask
    for axis, cells in enumerate(shape):
        length = mask.shape[axis]
        begins = -(-np.arange(cells + 1) * length // cells)
        nth = (found.take(np.minimum(begins[:-1] + k, begins[1:] - 1), axis) for k in range(np.diff(begins).max()))
        found = np.logical_or.reduce(list(nth))
    return found
