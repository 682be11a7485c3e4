"""Differences of gradient magnitudes."""

from __future__ import annotations

import math

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.metrics._mattes import Mattes, read_whole, thousands

_SIGMA = 1.4  # pixels, of the Gaussian under the gradient
_CUT = 0.01  # the Gaussian is cut where its density falls below this


@usual_arithmetic
def gradient(alpha: ArrayLike, truth: ArrayLike, trimap: ArrayLike | Trimap) -> float:
    r"""Squared difference of gradient magnitudes, in thousands.

    .. math::
        \frac{1}{1000} \sum_{i \in U} \bigl(\|\nabla \alpha_i\| - \|\nabla \alpha^*_i\|\bigr)^2

    The gradient is the response to first derivatives of a Gaussian of 1.4 pixels, cut to 9 × 9,
    each kernel scaled to unit L2 norm, with the border replicated. Each matte is first stretched to
    the full range [0, 1].

    Parameters
    ----------
    alpha, truth, trimap
        As in `sad`; known pixels of `alpha` must be 0 or 1 as the trimap says.

    Returns
    -------
    float
        >= 0.

    Raises
    ------
    InputError
        As `sad`.

    Warns
    -----
    PropmatWarning
        If known pixels of `alpha` are not 0 or 1 as the trimap says.

    Examples
    --------
    A step edge one pixel off costs about :math:`2 \sqrt{\pi} \cdot 1.4 = 4.96` a row.

    >>> import numpy as np
    >>> from propmat import metrics
    >>> column = np.tile(np.arange(20.0), (1000, 1))
    >>> alpha, truth = (column > 10) * 1.0, (column > 9) * 1.0
    >>> round(metrics.gradient(alpha, truth, np.full_like(truth, 0.5)), 2)
    4.95
    """
    return thousands(gradient_errors(read_whole(alpha, truth, trimap)))


def gradient_errors(mattes: Mattes) -> Array:
    from propmat._cpu.metrics import gradient_magnitude

    unknown = mattes.trimap.unknown
    smooth, derivative = _gaussian_filters()
    alpha = gradient_magnitude(_stretch(mattes.alpha), smooth, derivative)
    truth = gradient_magnitude(_stretch(mattes.truth), smooth, derivative)
    errors: Array = np.square((alpha - truth)[unknown])
    return errors


def _gaussian_filters() -> tuple[Array, Array]:
    """Row and column of the first-derivative kernel; their outer product has unit L2 norm."""
    half = math.ceil(_SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * _SIGMA * _CUT)))
    x = np.arange(-half, half + 1)
    smooth = np.exp(-(x**2) / (2 * _SIGMA**2))
    derivative = x * smooth
    return smooth / np.linalg.norm(smooth), derivative / np.linalg.norm(derivative)


def _stretch(matte: Array) -> Array:
    low, high = float(matte.min()), float(matte.max())
    # A constant matte has no range to stretch, and no gradient.
    return (matte - low) / (high - low) if high > low else np.zeros_like(matte)
