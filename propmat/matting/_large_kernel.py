"""Closed-form matting with large windows."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.laplacian._large_kernel import LargeKernel
from propmat.matting._posed import Posed
from propmat.matting._solved import solved
from propmat.solvers._base import Callback, Solver


def pose(pixels: Array, labels: Trimap, *, epsilon: float = 1e-7, radius: int = 10) -> Posed:
    """The system of `large_kernel`."""
    return Posed(LargeKernel.of(pixels, epsilon, radius))


@usual_arithmetic
def large_kernel(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    epsilon: float = 1e-7,
    radius: int = 10,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> Array:
    """Large-kernel matting: alpha is nearly affine in colour within every large window.

    Solves L_UU α_U = -L_UK α_K over the unknown pixels U, with L of `propmat.laplacian.large_kernel`, and clips α to
    [0, 1]. An iteration costs the same for every radius. The default solver is `CG` with `Jacobi`; preconditioners and
    solvers that need the entries of the matrix raise `UnsupportedError`.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
    trimap : (H, W) array or Trimap
        As in `propmat.closed_form`.
    epsilon : float, default 1e-7
        Regulariser, in squared colour units.
    radius : int, default 10
        Windows are 2 radius + 1 pixels wide.
    solver, callback
        As in `propmat.closed_form`.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1], exactly 0 or 1 where the trimap is known.

    Raises
    ------
    InputError
        If an argument is not as above, the shapes differ, or no pixel is known, or the image is smaller than a window.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Warns
    -----
    PropmatWarning, ConvergenceWarning
        As in `propmat.closed_form`.

    References
    ----------
    K. He, J. Sun, X. Tang, "Fast Matting Using Large Kernel Matting Laplacian Matrices", CVPR 2010.
    https://doi.org/10.1109/CVPR.2010.5539896

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> image = np.tile(np.linspace(0, 1, 5), (5, 1))
    >>> propmat.large_kernel(image, np.tile([0, 0.5, 0.5, 0.5, 1], (5, 1)), radius=2)[0].round(4) + 0.0
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    return solved(pose, image, trimap, solver, callback, epsilon=epsilon, radius=radius).alpha
