"""Absolute and squared differences."""

from __future__ import annotations

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.metrics._mattes import Mattes, mean, read, thousands


@usual_arithmetic
def sad(alpha: ArrayLike, truth: ArrayLike, trimap: ArrayLike | Trimap) -> float:
    r"""Sum of absolute differences, in thousands of pixels.

    .. math:: \frac{1}{1000} \sum_{i \in U} |\alpha_i - \alpha^*_i|

    Parameters
    ----------
    alpha, truth : (H, W) array
        Mattes: floating in [0, 1], or uint8 or uint16, scaled by their maximum.
    trimap : (H, W) array or Trimap
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.

    Returns
    -------
    float
        >= 0, in units of 1000 pixels.

    Raises
    ------
    InputError
        If shapes differ, values are not finite or not in [0, 1], or no pixel is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat import metrics
    >>> trimap = np.full((10, 10), 0.5)
    >>> metrics.sad(np.full((10, 10), 0.75), np.full((10, 10), 0.5), trimap)
    0.025
    """
    return thousands(absolute_errors(read(alpha, truth, trimap)))


@usual_arithmetic
def mse(alpha: ArrayLike, truth: ArrayLike, trimap: ArrayLike | Trimap) -> float:
    r"""Mean squared error of the unknown pixels.

    .. math:: \frac{1}{|U|} \sum_{i \in U} (\alpha_i - \alpha^*_i)^2

    Many tables print a thousand times this.

    Parameters
    ----------
    alpha, truth, trimap
        As in `sad`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        As `sad`.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat import metrics
    >>> metrics.mse([[0.5, 0.75]], [[0.5, 0.5]], [[1.0, 0.5]])
    0.0625
    """
    return mean(squared_errors(read(alpha, truth, trimap)))


def absolute_errors(mattes: Mattes) -> Array:
    return np.abs(mattes.alpha - mattes.truth)[mattes.trimap.unknown]


def squared_errors(mattes: Mattes) -> Array:
    return np.square(mattes.alpha - mattes.truth)[mattes.trimap.unknown]
