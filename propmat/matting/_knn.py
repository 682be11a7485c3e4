"""KNN matting."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.laplacian._knn import Knn
from propmat.matting._posed import Posed
from propmat.matting._solved import solved
from propmat.solvers._base import Callback, Solver


def pose(pixels: Array, labels: Trimap, *, preset: str = "two") -> Posed:
    """The system of `knn`."""
    return Posed(Knn.of(pixels, preset))


@usual_arithmetic
def knn(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    preset: str = "two",
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> Array:
    """KNN matting: alpha is similar at pixels of similar colour, near or far.

    Solves L_UU α_U = -L_UK α_K over the unknown pixels U, with L of `propmat.laplacian.knn`; every alpha is a weighted
    mean of those of its neighbours, so that no clipping is needed.

    Unknown pixels that the graph does not connect to any known one are connected to their four neighbours by edges of
    1e-3 of the mean weight, with a warning that has their number. A small diagonal, the other common remedy, would
    pull them towards the background.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
    trimap : (H, W) array or Trimap
        As in `propmat.closed_form`.
    preset : {"two", "rgb", "hsv"}
        Features, neighbourhoods and kernel; `propmat.laplacian.knn` says why ``"two"`` is the default.
    solver, callback
        As in `propmat.closed_form`.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1], exactly 0 or 1 where the trimap is known.

    Raises
    ------
    InputError
        If an argument is not as above, the shapes differ, or no pixel is known.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.

    Warns
    -----
    PropmatWarning, ConvergenceWarning
        As in `propmat.closed_form`.

    References
    ----------
    Q. Chen, D. Li, C.-K. Tang, "KNN Matting", IEEE TPAMI 35(9), 2013. https://doi.org/10.1109/TPAMI.2013.18

    Examples
    --------
    Similar colours get similar alphas, also if they are not adjacent:

    >>> import numpy as np
    >>> import propmat
    >>> image = np.tile([0.1, 0.2, 0.1, 0.9, 0.2, 0.8, 0.8], (6, 1))
    >>> trimap = np.full((6, 7), 0.5)
    >>> trimap[:, 0], trimap[:, 6] = 0, 1
    >>> propmat.knn(image, trimap, preset="rgb")[0].round(1)
    array([0., 0., 0., 1., 0., 1., 1.])
    """
    return solved(pose, image, trimap, solver, callback, preset=preset).alpha
