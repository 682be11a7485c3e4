"""Learning-based matting."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.laplacian._learning_based import LearningBased
from propmat.matting._posed import Posed
from propmat.matting._solved import solved
from propmat.solvers._base import Callback, Solver


def pose(pixels: Array, labels: Trimap, *, epsilon: float = 1e-7, radius: int = 1) -> Posed:
    """The system of `learning_based`."""
    return Posed(LearningBased.of(pixels, epsilon, radius))


@usual_arithmetic
def learning_based(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    epsilon: float = 1e-7,
    radius: int = 1,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> Array:
    """Learning-based matting: alpha is predicted by a linear model of the colours in every small window.

    Solves L_UU α_U = -L_UK α_K over the unknown pixels U, with L of `propmat.laplacian.learning_based`, and clips α to
    [0, 1]. Close to `propmat.closed_form`, which adds a penalty on the slope of each window's model.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
    trimap : (H, W) array or Trimap
        As in `propmat.closed_form`.
    epsilon : float, default 1e-7
        Ridge parameter, in squared colour units.
    radius : int, default 1
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
    Y. Zheng, C. Kambhamettu, "Learning Based Digital Matting", ICCV 2009.
    https://doi.org/10.1109/ICCV.2009.5459326

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> image = np.tile(np.linspace(0, 1, 5), (3, 1))
    >>> propmat.learning_based(image, np.tile([0, 0.5, 0.5, 0.5, 1], (3, 1)))[0].round(4)
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    return solved(pose, image, trimap, solver, callback, epsilon=epsilon, radius=radius).alpha
