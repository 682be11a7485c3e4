"""Solutions that others are compared with."""

from __future__ import annotations

import numpy as np

import propmat
from propmat.solvers import CG, Direct

MOST_DIRECT = 100_000  # unknown pixels
FAR = CG(tolerance=1e-7, rtol=1e-11)


def exact(graph: propmat.laplacian.Laplacian, trimap: np.ndarray) -> propmat.Matte:
    """A direct solution up to 100,000 unknown pixels, above that iterations that go much further than by default."""
    unknown = np.count_nonzero(propmat.Trimap.parse(trimap).unknown)
    return propmat.solve(graph, trimap, solver=Direct() if unknown <= MOST_DIRECT else FAR)
