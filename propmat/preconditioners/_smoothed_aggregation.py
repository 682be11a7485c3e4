"""Smoothed aggregation multigrid, by pyamg."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat._backend import backend_of
from propmat._locks import held_while_forking
from propmat.preconditioners._aggregation_cycle import Cycle
from propmat.preconditioners._base import Apply, NearNullSpace

Array = NDArray[Any]

# A candidate that varies less than this (in colour units, RMS) is a multiple of the constant in disguise.
FLAT = 1e-6

# Held while the state of NumPy's global generator is ours: several threads get what one gets, and a child process too.
GLOBAL_GENERATOR = held_while_forking()


@dataclass(frozen=True)
class SmoothedAggregation:
    """One V-cycle of smoothed aggregation, coarsened along the near-null space of the Laplacian.

    Given [1, R, G, B] for the closed form it takes about a quarter of the iterations that the usual [1] needs
    (`docs/design.md`). Works for any graph. On a GPU the levels are made in host memory, and the cycle runs on the
    device with Chebyshev smoothing.

    References
    ----------
    P. Vaněk, J. Mandel, M. Brezina, "Algebraic Multigrid by Smoothed Aggregation for Second and Fourth Order Elliptic
    Problems", Computing 56, 1996. N. Bell, L. Olson, J. Schroder, B. Southworth, "PyAMG: Algebraic Multigrid Solvers in
    Python", JOSS 8(87), 2023.
    """

    def prepare(self, matrix: Any, near_null_space: NearNullSpace | None = None) -> Apply:
        """The map r → one V-cycle on r."""
        import pyamg

        diagonal, entries = matrix.diagonal(), getattr(matrix, "on_host", lambda: matrix)().tocsr()
        candidates = None if near_null_space is None else _independent(near_null_space())
        with _seeded():
            hierarchy = pyamg.smoothed_aggregation_solver(
                entries, B=candidates, symmetry="symmetric", max_coarse=100, coarse_solver="pinv"
            )
        if backend_of(diagonal).factorises:
            return hierarchy.aspreconditioner(cycle="V").matvec
        return Cycle(hierarchy.levels, like=diagonal)


@contextmanager
def _seeded() -> Iterator[None]:
    """NumPy's global generator at a fixed state, and back: pyamg draws from it while it sets up."""
    with GLOBAL_GENERATOR:
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
