"""Sparse solvers of other packages as `propmat.solvers.Solver`, to be measured beside those of propmat.

`pip install --no-deps rslab cholespy torch-sla pyginkgo`; torch-sla needs PyTorch. All run on the CPU and to the same
relative residual as those of propmat, direct ones aside.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import scipy.sparse as sp

from propmat.solvers import Solution, Status

RTOL, MOST = 1e-7, 1000
Solve = Callable[[np.ndarray], np.ndarray]
Prepare = Callable[[sp.csr_array], Solve]


@dataclass(frozen=True)
class Peer:
    """A solver of another package."""

    factor: Prepare

    def prepare(self, matrix, near_null_space=None) -> Callable[[np.ndarray], Solution]:
        entries = matrix.tocsr()
        solve = self.factor(entries)

        def call(rhs: np.ndarray) -> Solution:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # sparse tensors are told to be in beta state, misses by the residual
                x = solve(rhs)
            left = float(np.linalg.norm(rhs - entries @ x) / np.linalg.norm(rhs))
            reached = Status.converged if left <= 2 * RTOL else Status.max_iterations
            return Solution(x, reached, 0, left, 0.0)

        return call


def installed() -> dict[str, Peer]:
    """The peers whose packages are installed, by name."""
    known = {
        "rslab LDL'": ("rslab", _rslab),
        "cholespy": ("cholespy", _cholespy),
        "torch-sla IC(0)": ("torch_sla", _torch_sla),
        "pyGinkgo AMG": ("pyGinkgo", _ginkgo),
    }
    return {name: Peer(factor) for name, (package, factor) in known.items() if find_spec(package)}


def _rslab(matrix: sp.csr_array) -> Solve:
    import rslab

    return rslab.ldlt(matrix).solve


def _cholespy(matrix: sp.csr_array) -> Solve:
    import cholespy

    starts, columns = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    solver = cholespy.CholeskySolverD(matrix.shape[0], starts, columns, matrix.data, cholespy.MatrixType.CSR)

    def solve(rhs: np.ndarray) -> np.ndarray:
        x = np.empty_like(rhs)
        solver.solve(rhs, x)
        return x

    return solve


def _torch_sla(matrix: sp.csr_array) -> Solve:
    """Conjugate gradients; the set-up of the preconditioner is part of the solve."""
    import torch
    import torch_sla

    entries = matrix.tocoo()
    given = [torch.from_numpy(array) for array in (entries.data, *(side.astype(np.int64) for side in entries.coords))]

    def solve(rhs: np.ndarray) -> np.ndarray:
        kind = {"backend": "pytorch", "method": "cg", "preconditioner": "ic0", "is_symmetric": True, "is_spd": True}
        stop = {"tol": 0.0, "atol": RTOL * float(np.linalg.norm(rhs)), "maxiter": MOST}
        return torch_sla.spsolve(*given, entries.shape, torch.from_numpy(rhs), **kind, **stop).numpy()

    return solve


def _ginkgo(matrix: sp.csr_array) -> Solve:
    """Conjugate gradients with one cycle of aggregation, on Ginkgo's reference executor: wheels have no OpenMP."""
    import pyGinkgo

    device = pyGinkgo.device("cpu")
    starts, columns = matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32)
    entries = pyGinkgo.matrix.Csr_double_int32(device, matrix.shape, matrix.data, columns, starts)
    level = {"type": "multigrid::Pgm", "deterministic": True}
    once = [{"type": "Iteration", "max_iters": 1}]
    cycle = {"type": "solver::Multigrid", "mg_level": [level], "criteria": once}
    stop = [{"type": "Iteration", "max_iters": MOST}, {"type": "ResidualNorm", "reduction_factor": RTOL}]
    solver = pyGinkgo.generate_solver(entries, {"type": "solver::Cg", "preconditioner": cycle, "criteria": stop})

    def solve(rhs: np.ndarray) -> np.ndarray:
        b, x = (pyGinkgo.as_tensor(side, device="cpu", dtype="double") for side in (rhs[:, None], 0 * rhs[:, None]))
        solver.apply(b, x)
        return np.array(x).ravel()

    return solve
