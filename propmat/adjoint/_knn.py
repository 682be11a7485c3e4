"""KNN matting with gradients."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.adjoint._pullback import Pullback
from propmat.adjoint._solve import differentiated
from propmat.matting import _knn
from propmat.solvers._base import Callback, Solver


@usual_arithmetic
def knn(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    values: ArrayLike | None = None,
    confidence: ArrayLike | None = None,
    preset: str = "two",
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> tuple[Array, Pullback]:
    """`propmat.knn` with gradients.

    Gradients: ``weights`` of the pairs i < j, as CSR; ``image``, through the kernel for a fixed choice of neighbours,
    which is 0 for the default preset "two", whose weights are 1, and not for "rgb"; ``values``, and ``confidence``
    where one is given.

    Parameters
    ----------
    image, trimap, preset, solver, callback
        As in `propmat.knn`.
    values, confidence
        As in `propmat.adjoint.solve`.

    Returns
    -------
    alpha : (H, W) array
    pullback : Pullback

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.knn`.

    References
    ----------
    Q. Chen, D. Li, C.-K. Tang, "KNN Matting", IEEE TPAMI 35(9), 2013. https://doi.org/10.1109/TPAMI.2013.18

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(shape=(24, 32))
    >>> alpha, pullback = propmat.adjoint.knn(sample.image, sample.trimap)
    >>> pullback(alpha - sample.alpha, wanted=["image"]).image.shape
    (24, 32, 3)
    """
    given = {"values": values, "confidence": confidence}
    return differentiated(_knn.pose, image, trimap, solver, callback, **given, preset=preset)
