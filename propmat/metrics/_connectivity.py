"""Differences in how well pixels are connected to the largest common region."""

from __future__ import annotations

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.metrics._mattes import Mattes, read_whole, thousands

_LEVELS = (np.arange(11) / 10).astype(np.float32)
_THETA = np.float32(0.15)  # distances below this do not count as disconnected


@usual_arithmetic
def connectivity(alpha: ArrayLike, truth: ArrayLike, trimap: ArrayLike | Trimap) -> float:
    r"""Difference in how well pixels are connected to the largest common region, in thousands.

    .. math::
        \frac{1}{1000} \sum_{i \in U} |\varphi(\alpha_i) - \varphi(\alpha^*_i)|, \qquad
        \varphi(\alpha_i) = 1 - d_i [d_i \ge 0.15], \qquad d_i = \alpha_i - l_i

    :math:`l_i` is the last of the levels 0, 0.1, …, 1 before pixel *i* first drops out of
    :math:`\Omega`, the largest 4-connected component of the pixels where both mattes reach the
    level. A level that no pixel reaches in both mattes drops none, so that pixels still inside
    there have :math:`l_i = 1`; two mattes that have nothing in common at all therefore score 0.
    Levels are compared in single precision: 153/255 reaches 0.6.

    Parameters
    ----------
    alpha, truth, trimap
        As in `sad`; known pixels of `alpha` must be 0 or 1 as the trimap says.

    Returns
    -------
    float
        >= 0, in units of 1000 pixels.

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
    An island at 0.9 where the truth has 0.6: the bridge to it breaks above 0.2.

    >>> import numpy as np
    >>> from propmat import metrics
    >>> alpha, truth = np.array([[[1, 1, 0.2, 0.9, 0]], [[1, 1, 0.2, 0.6, 0]]])
    >>> round(metrics.connectivity(alpha, truth, [[1.0, 1.0, 0.5, 0.5, 0.0]]), 6)
    0.0003
    """
    return thousands(connectivity_errors(read_whole(alpha, truth, trimap)))


def connectivity_errors(mattes: Mattes) -> Array:
    from propmat._cpu.metrics import last_level_inside

    # The reference breaks ties between components in column-major order, hence the transposes.
    alpha, truth = mattes.alpha.astype(np.float32), mattes.truth.astype(np.float32)
    rows, columns = np.nonzero(mattes.trimap.unknown)
    smaller = np.ascontiguousarray(np.minimum(alpha, truth).T)
    level = _LEVELS[last_level_inside(smaller, _LEVELS, columns * len(alpha) + rows)]
    return np.abs(_phi(alpha[rows, columns] - level) - _phi(truth[rows, columns] - level))


def _phi(distance: Array) -> Array:
    return 1 - distance * (distance >= _THETA)
