"""Smoothed aggregation multigrid, by pyamg."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from propmat._locks import FORK_GATE
from propmat._operators import Array, NearNullSpace, Operator, wrapped
from propmat.preconditioners._aggregation_cycle import Cycle
from propmat.preconditioners._base import Apply

# A candidate that varies less than this (in colour units, RMS) is a multiple of the constant in disguise.
FLAT = 1e-6

# Held, inside the fork gate, while the state of NumPy's global generator is ours, so that several threads get what one
# gets.
GLOBAL_GENERATOR = threading.Lock()


@dataclass(frozen=True)
class SmoothedAggregation:
    """One V-cycle of smoothed aggregation, coarsened along the near-null space of the Laplacian.

    Given [1, R, G, B] for the closed form it takes about a quarter of the iterations that the usual [1] needs
    (`docs/measurements/solvers.md`). Works for any graph. On a GPU the levels are made in host memory, and the cycle
    runs on the device with Chebyshev smoothing.

    References
    ----------
    P. Vaněk, J. Mandel, M. Brezina, "Algebraic Multigrid by Smoothed Aggregation for Second and Fourth Order Elliptic
    Problems", Computing 56, 1996. N. Bell, L. Olson, J. Schroder, B. Southworth, "PyAMG: Algebraic Multigrid Solvers in
    Python", JOSS 8(87), 2023.
    """

    def prepare(self, matrix: Operator, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → one V-cycle on r."""
        import pyamg

        operator = wrapped(matrix)
        entries = operator.tocsr()
        candidates = None if near_null_space is None else _independent(near_null_space())
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
    """NumPy's global generator at a fixed state, and back: pyamg draws from it while it sets up."""
    with FORK_GATE, GLOBAL_GENERATOR:
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def _independent(candidates: Array) -> Array:
    """The constant, and the candidates that are not constant, centred."""
    centred = candidates - candidates.mean(axis=0)
    varying = np.sqrt((centred**2).mean(axis=0)) > FLAT
    return np.column_stack([np.ones(len(candidates)), centred[:, varying]])
