"""Closed-form matting."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.laplacian._closed_form import ClosedForm
from propmat.matting._posed import Posed
from propmat.matting._solved import solved
from propmat.solvers._base import Callback, Solver


def pose(pixels: Array, labels: Trimap, *, epsilon: float = 1e-7, radius: int = 1) -> Posed:
    """The system of `closed_form`."""
    return Posed(ClosedForm.of(pixels, epsilon, radius))


@usual_arithmetic
def closed_form(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    epsilon: float = 1e-7,
    radius: int = 1,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> Array:
    """Closed-form matting: alpha is nearly affine in colour within every small window.

    Solves L_UU α_U = -L_UK α_K over the unknown pixels U, with L of `propmat.laplacian.closed_form`, and clips α to
    [0, 1] (L has positive entries off its diagonal, so α may overshoot).

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16 (scaled by their maximum). Never written to.
    trimap : (H, W) array or Trimap
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.
    epsilon : float, default 1e-7
        Regulariser, in squared colour units. 1e-5 to 1e-4 helps on blocky JPEGs.
    radius : int, default 1
        Windows are 2 radius + 1 pixels wide.
    solver : propmat.solvers.CG or Direct, optional
        Chosen by size if not given.
    callback : callable (iteration, relative residual), optional
        Called after every iteration; returning True stops with the best alpha so far.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1], exactly 0 or 1 where the trimap is known.

    Raises
    ------
    InputError
        If an argument is not as above, the shapes differ, no pixel is known, or the image is smaller than a window.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Warns
    -----
    PropmatWarning
        If all known pixels have the same label: alpha is that constant.
    ConvergenceWarning
        If the solver did not converge; the best alpha it had is returned.

    References
    ----------
    A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30(2), 2008.
    https://doi.org/10.1109/TPAMI.2007.1177

    Examples
    --------
    A ramp of grey between black background and white foreground; alpha is affine in it.

    >>> import numpy as np
    >>> import propmat
    >>> image = np.tile(np.linspace(0, 1, 5), (3, 1))
    >>> trimap = np.tile([0, 0.5, 0.5, 0.5, 1], (3, 1))
    >>> propmat.closed_form(image, trimap).round(4) + 0.0
    array([[0.  , 0.25, 0.5 , 0.75, 1.  ],
           [0.  , 0.25, 0.5 , 0.75, 1.  ],
           [0.  , 0.25, 0.5 , 0.75, 1.  ]])
    """
    return solved(pose, image, trimap, solver, callback, epsilon=epsilon, radius=radius).alpha
