"""Smoothed aggregation multigrid, by pyamg."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from propmat._inputs._arrays import columns
from propmat._locks import FORK_GATE
from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._stored import wrapped
from propmat._typing import Array
from propmat.preconditioners._aggregation_cycle import Cycle
from propmat.preconditioners._base import Apply

# A candidate that varies less than this (in colour units, RMS) counts as a multiple of the constant.
FLAT = 1e-6

# Guards the state of NumPy's global generator while pyamg draws from it, so that the result does not depend on other
# threads. Taken inside the fork gate.
GLOBAL_GENERATOR = threading.Lock()


@dataclass(frozen=True)
class SmoothedAggregation:
    """One V-cycle of smoothed aggregation, coarsened along the near-null space of the Laplacian.

    With [1, R, G, B] as near-null space the closed form takes about a quarter of the iterations that it needs with the
    usual [1] (`docs/measurements/solvers.md`). Works for any graph. On a GPU the levels are built in host memory, and
    the cycle runs on the device with Chebyshev smoothing.

    References
    ----------
    P. Vaněk, J. Mandel, M. Brezina, "Algebraic Multigrid by Smoothed Aggregation for Second and Fourth Order Elliptic
    Problems", Computing 56, 1996. N. Bell, L. Olson, J. Schroder, B. Southworth, "PyAMG: Algebraic Multigrid Solvers in
    Python", JOSS 8(87), 2023.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(shape=(24, 32))
    >>> graph = propmat.laplacian.closed_form(sample.image, radius=2)
    >>> solver = propmat.solvers.CG(preconditioner=propmat.preconditioners.SmoothedAggregation())
    >>> propmat.solve(graph, sample.trimap, solver=solver).converged
    True
    """

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → one V-cycle on r.

        Parameters
        ----------
        matrix, near_null_space
            As in `Preconditioner.prepare`; the constant is the near-null space if none is given.

        Returns
        -------
        callable

        Raises
        ------
        InputError
            If `matrix` is neither an operator nor a sparse array, not square, or has entries that are NaN or infinite,
            or the near-null space is not an (n, m) array of finite real numbers.
        UnsupportedError
            If the matrix has no stored entries.
        """
        import pyamg

        operator = wrapped(matrix)
        entries = operator.tocsr()
        candidates = None if near_null_space is None else _independent(near_null_space(), operator.shape[0])
        with _seeded():
            hierarchy = pyamg.smoothed_aggregation_solver(
                entries, B=candidates, symmetry="symmetric", max_coarse=100, coarse_solver="pinv"
            )
        if operator.backend.factorises:
            cycle = hierarchy.aspreconditioner(cycle="V").matvec

            def apply(residual: Array) -> Array:
                with FORK_GATE:  # its coarsest level is solved by BLAS
                    product: Array = cycle(residual)
                return product

            return apply
        return Cycle(hierarchy.levels, like=operator.diagonal())


@contextmanager
def _seeded() -> Iterator[None]:
    """Set NumPy's global generator to a fixed state, and restore it: pyamg draws from it while it sets up."""
    with FORK_GATE, GLOBAL_GENERATOR:
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def _independent(candidates: object, rows: int) -> Array:
    """The constant, and the candidates (n, m) that are not constant, centred."""
    given = columns(candidates, "near_null_space", rows)
    centred = given - given.mean(axis=0)
    varying = np.sqrt((centred**2).mean(axis=0)) > FLAT
    return np.column_stack([np.ones(rows), centred[:, varying]])
