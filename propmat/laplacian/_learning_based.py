"""The learning-based Laplacian of Zheng and Kambhamettu."""

from __future__ import annotations

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._typing import ArrayLike
from propmat.laplacian._closed_form import WindowLaplacian


@usual_arithmetic
def learning_based(image: ArrayLike, epsilon: float = 1e-7, radius: int = 1) -> LearningBased:
    r"""Learning-based Laplacian: alpha is predicted by a linear model of the colours in every small window.

    .. math:: L = \sum_k S_k^\top (U - F_k)^\top (U - F_k) S_k

    over the windows k inside the image, with S_k the restriction to their pixels, and F_k the matrix that maps values
    on the window to their affine ridge fit on its colours.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16. At least 2 radius + 1 pixels high and wide.
    epsilon : float, default 1e-7
        Ridge parameter, in squared colour units, > 0. The default is that of the authors' code and of PyMatting.
    radius : int, default 1
        Windows are 2 radius + 1 pixels wide.

    Returns
    -------
    LearningBased
        Lazy, as `closed_form`.

    Raises
    ------
    InputError
        If an argument is not as above.

    Notes
    -----
    The constant term of the fit is not penalised, so that L maps constants exactly to 0 and does not change when all
    colours are shifted. The authors and PyMatting penalise it like the slopes, which makes a difference in windows
    whose colours vary by no more than √epsilon. Here U - F_k is the window matrix B_k of the closed form, and L the sum
    of their squares: the squared residuals of the fit, without the penalty on its slopes.

    References
    ----------
    Y. Zheng, C. Kambhamettu, "Learning Based Digital Matting", ICCV 2009, section 3.1 (local learning, linear model).
    https://doi.org/10.1109/ICCV.2009.5459326

    Examples
    --------
    >>> import numpy as np
    >>> graph = learning_based(np.eye(4))
    >>> graph
    LearningBased(4 x 4 pixels, 1 channel, radius 1, epsilon 1e-07)
    >>> bool(abs(graph.matrix.sum(axis=1)).max() < 1e-12)
    True
    """
    return LearningBased.of(_inputs.image(image, memory=_inputs.ANYWHERE), epsilon, radius)


class LearningBased(WindowLaplacian):
    """The `Laplacian` that `learning_based` returns.

    Attributes
    ----------
    image : (H, W, d) array of float64
        Colours in [0, 1].
    epsilon : float
    radius : int
    """

    squared = True
