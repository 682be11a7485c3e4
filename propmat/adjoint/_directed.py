"""Propagation with directed weights, W_ij ≠ W_ji: the one unsymmetric system."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._cached import cached_property
from propmat._inputs._arrays import first_true
from propmat._solve._trivial import without_solving
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.adjoint._pullback import Gradients, passes_clip, wanted_names
from propmat.errors import InputError

if TYPE_CHECKING:
    from scipy.sparse.linalg import SuperLU

NAMES = ("right", "left", "down", "up")


@usual_arithmetic
def propagate_directed(
    affinities: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike],
    trimap: ArrayLike | Trimap,
    *,
    values: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
) -> tuple[Array, DirectedPullback]:
    """Propagate labels where each pixel has its own weight for each of its neighbours.

    Solves (D - W + C) α = C α* with W_ij the weight that pixel i gives to j and D the row sums; not symmetric, so by
    SuperLU, and the adjoint with the transposed factors. Gradients: ``right``, ``left``, ``down``, ``up``, ``values``,
    and ``confidence`` where one is given.

    Parameters
    ----------
    affinities : tuple (right, left, down, up)
        Arrays >= 0. ``right`` and ``left`` are (H, W - 1): the weight that (y, x) gives to (y, x + 1), and the reverse.
        ``down`` and ``up`` are (H - 1, W) likewise.
    trimap, confidence
        As in `propmat.propagate`.
    values : (H, W) array, optional
        In [0, 1], other values than the trimap's labels on its known pixels.

    Returns
    -------
    alpha : (H, W) array
    pullback : DirectedPullback
        Called as `propmat.adjoint.Pullback` is.

    Raises
    ------
    InputError
        If an argument is not as above, or from some unknown pixels no path of weights > 0 leads to a known one.

    Warns
    -----
    PropmatWarning
        If no pixel is unknown, or all known ones have one label.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> none = np.empty((0, 3))
    >>> alpha, pullback = propmat.adjoint.propagate_directed(([[9, 1.0]], [[3.0, 9]], none, none), [[0, 0.5, 1]])
    >>> alpha
    array([[0.  , 0.25, 1.  ]])
    """
    if not isinstance(affinities, (tuple, list)) or len(affinities) != 4:
        raise InputError("affinities: takes four arrays, (right, left, down, up)")
    right, down = _inputs.edge_weights(affinities[0], affinities[2])
    left, up = _inputs.edge_weights(affinities[1], affinities[3])
    if left.shape != right.shape:
        raise InputError(f"left: shape {left.shape} does not fit right of shape {right.shape}")
    labels = Trimap.parse(trimap, (right.shape[0], down.shape[1]))
    targets = labels.labels if values is None else _inputs.plane(values, "values", labels.shape)
    weights = None if confidence is None else _inputs.weights(confidence, "confidence", labels.shape)
    system = _System.of(_matrix(right, left, down, up), labels, weights)
    alpha = without_solving(labels, soft=weights is not None, labels_alone=values is None)
    if alpha is None or values is not None:
        alpha = targets.copy()
        alpha[system.solved_for] = system.solve(system.rhs(targets))
    return np.clip(alpha, 0.0, 1.0), DirectedPullback(system, labels, targets, alpha, _inputs.shape_of(confidence))


def _matrix(right: Array, left: Array, down: Array, up: Array) -> sp.csr_array:
    """D - W."""
    height, width = right.shape[0], down.shape[1]
    pixel = np.arange(height * width).reshape(height, width)
    rows = (pixel[:, :-1], pixel[:, 1:], pixel[:-1], pixel[1:])
    columns = (pixel[:, 1:], pixel[:, :-1], pixel[1:], pixel[:-1])
    i, j, w = (np.concatenate([part.ravel() for part in parts]) for parts in (rows, columns, (right, left, down, up)))
    affinity = sp.csr_array((w, (i, j)), shape=(pixel.size, pixel.size))
    return sp.csr_array(sp.diags_array(affinity.sum(axis=1)) - affinity)


@dataclass(frozen=True, eq=False)
class _System:
    """The constrained matrix, factorised at its first solve."""

    laplacian: sp.csr_array
    solved_for: Mask
    confidence: Array | None
    matrix: sp.csc_array

    @classmethod
    def of(cls, laplacian: sp.csr_array, labels: Trimap, confidence: Array | None) -> _System:
        solved_for = labels.unknown if confidence is None else np.ones(labels.shape, dtype=bool)
        confidence = None if confidence is None else np.where(labels.known, confidence, 0.0)
        anchors = labels.known if confidence is None else confidence > 0
        _require_paths(laplacian, anchors, solved_for)
        rows = np.flatnonzero(solved_for)
        matrix = laplacian[rows][:, rows] + (0.0 if confidence is None else sp.diags_array(confidence.ravel()))
        return cls(laplacian, solved_for, confidence, sp.csc_array(matrix))

    @cached_property
    def factors(self) -> SuperLU:
        from scipy.sparse.linalg import splu

        try:
            return splu(self.matrix)
        except RuntimeError:
            raise InputError("affinities: differ so much in size that their matrix is singular to rounding") from None

    def __getstate__(self) -> dict[str, Any]:
        # A factorisation of SuperLU cannot be pickled; it is made again.
        return {name: value for name, value in vars(self).items() if name != "factors"}

    def rhs(self, values: Array) -> Array:
        if self.confidence is not None:
            return (self.confidence * values).ravel()
        known = np.where(self.solved_for, 0.0, values).ravel()
        return -(self.laplacian @ known)[self.solved_for.ravel()]

    def solve(self, rhs: Array, transposed: bool = False) -> Array:
        return self.factors.solve(rhs, trans="T" if transposed else "N") if rhs.size else rhs


def _require_paths(laplacian: sp.csr_array, anchors: Mask, solved_for: Mask) -> None:
    """Refuse a singular system: from every pixel that is solved for a path must lead to an anchor."""
    from scipy.sparse import csgraph

    if not anchors.any():
        raise InputError("trimap: has no known pixel that has a confidence; label at least one")
    n = anchors.size
    start = sp.csr_array(anchors.reshape(1, n).astype(np.float64))
    reversed_edges = sp.block_array([[None, start], [sp.csr_array((n, 1)), abs(laplacian.T)]], format="csr")
    reached = np.zeros(n + 1, dtype=bool)
    reached[csgraph.breadth_first_order(reversed_edges, 0, return_predecessors=False)] = True
    adrift = solved_for & ~reached[1:].reshape(anchors.shape)
    if adrift.any():
        raise InputError(
            f"affinities: from {int(adrift.sum())} pixels no path of positive weights leads to a known one, the first "
            f"at {first_true(adrift)}. Label one of them or add weights that connect them."
        )


@dataclass(frozen=True, eq=False)
class DirectedPullback:
    """The function from dℓ/dα to the gradients of ℓ; with Aᵀ λ = dℓ/dα that of W_ij is -λ_i (α_i - α_j).

    It is called as `Pullback` is.

    Attributes
    ----------
    parameters : tuple of str
        The names of the gradients.
    system : System
        The matrix and its factors.
    trimap : Trimap
        Which pixels are known.
    values : (H, W) array of float64
        What known pixels were held to.
    confidence_shape : tuple of int
        The shape of the confidence as it was given.
    alpha : (H, W) array of float64
        The solution, not clipped.
    """

    system: _System = field(repr=False)
    trimap: Trimap
    values: Array = field(repr=False)
    alpha: Array = field(repr=False)
    confidence_shape: tuple[int, ...]

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*NAMES, "values") if self.system.confidence is None else (*NAMES, "values", "confidence")

    def __call__(self, gradient: ArrayLike, wanted: Iterable[str] | None = None) -> Gradients:
        """Solve Aᵀ λ = dℓ/dα and return the gradients of ℓ; all of them together take one solve.

        Parameters
        ----------
        gradient, wanted
            As in `Pullback`.

        Returns
        -------
        Gradients

        Raises
        ------
        InputError
            As `Pullback`.
        """
        names = wanted_names(wanted, self.parameters)
        upstream = _inputs.real_map(gradient, "gradient", self.trimap.shape) * passes_clip(self.alpha)
        adjoint = np.zeros(self.trimap.shape)
        adjoint[self.system.solved_for] = self.system.solve(upstream[self.system.solved_for], transposed=True)
        found = self._weights(adjoint) | self._constraints(adjoint, upstream)
        return Gradients(**{name: found[name] for name in names})

    def _weights(self, adjoint: Array) -> dict[str, Array]:
        across, down = np.diff(self.alpha, axis=1), np.diff(self.alpha, axis=0)
        return {
            "right": adjoint[:, :-1] * across,
            "left": -adjoint[:, 1:] * across,
            "down": adjoint[:-1] * down,
            "up": -adjoint[1:] * down,
        }

    def _constraints(self, adjoint: Array, upstream: Array) -> dict[str, Any]:
        weights = self.system.confidence
        if weights is None:
            pulled = (self.system.laplacian.T @ adjoint.ravel()).reshape(adjoint.shape)
            return {"values": np.where(self.system.solved_for, 0.0, upstream - pulled)}
        confidence = np.where(self.trimap.known, adjoint * (self.values - self.alpha), 0.0)
        return {
            "values": weights * adjoint,
            "confidence": confidence if self.confidence_shape else float(confidence.sum()),
        }
