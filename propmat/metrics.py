r"""Errors of a matte against the truth: the four measures in use, and one for sequences.

The definitions are those of the reference code that goes with Xu et al. [2]_, after Rhemann et al.
[1]_, which published tables are computed with. They count unknown pixels only: :math:`U` below is the
set of pixels that are unknown in the trimap, :math:`\alpha` the matte and :math:`\alpha^*` the truth,
both in [0, 1].

Mattes are not altered. `sad` and `mse` do not depend on pixels outside :math:`U`; `gradient` and
`connectivity` do, and are comparable with published numbers only if `alpha` is 0 or 1 where the
trimap says so, as what propmat's methods return is. For other mattes these two and `evaluate` give a
`PropmatWarning`; ``np.where(unknown, alpha, foreground)`` makes them comparable. The truth is not
altered either, even where it contradicts its trimap, as it does in a few published data sets.

Published numbers are of mattes rounded to 8 bits. A matte of floating-point numbers is not rounded
here.

References
----------
.. [1] C. Rhemann, C. Rother, J. Wang, M. Gelautz, P. Kohli, P. Rott: A Perceptually Motivated
   Online Benchmark for Image Matting. CVPR 2009.
.. [2] N. Xu, B. Price, S. Cohen, T. Huang: Deep Image Matting. CVPR 2017.
   https://arxiv.org/abs/1703.03872
.. [3] M. Erofeev, Y. Gitman, D. Vatolin, A. Fedorov, J. Wang: Perceptually Motivated Benchmark for
   Video Matting. BMVC 2015.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat.errors import InputError, warn
from propmat.trimap import Trimap

Array = np.ndarray[Any, Any]


_SIGMA = 1.4  # pixels, of the Gaussian under the gradient
_CUT = 0.01  # the Gaussian is cut where its density falls below this
_LEVELS = (np.arange(11) / 10).astype(np.float32)
_THETA = np.float32(0.15)  # distances below this do not count as disconnected
_EXACT = 0.5 / 255  # what 8 bits would round to the label of a known pixel


@usual_arithmetic
def sad(alpha: ArrayLike, truth: ArrayLike, trimap: Any) -> float:
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
    return _thousands(_absolute(_read(alpha, truth, trimap)))


@usual_arithmetic
def mse(alpha: ArrayLike, truth: ArrayLike, trimap: Any) -> float:
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
    return _mean(_squared(_read(alpha, truth, trimap)))


@usual_arithmetic
def gradient(alpha: ArrayLike, truth: ArrayLike, trimap: Any) -> float:
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
    return _thousands(_gradient(_read_whole(alpha, truth, trimap)))


@usual_arithmetic
def connectivity(alpha: ArrayLike, truth: ArrayLike, trimap: Any) -> float:
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
    return _thousands(_connectivity(_read_whole(alpha, truth, trimap)))


@usual_arithmetic
def evaluate(alpha: ArrayLike, truth: ArrayLike, trimap: Any) -> dict[str, float]:
    """All four: ``sad``, ``mse``, ``gradient`` and ``connectivity``.

    Parameters
    ----------
    alpha, truth, trimap
        As in `sad`; known pixels of `alpha` must be 0 or 1 as the trimap says.

    Returns
    -------
    dict of str to float
        The error under each name, in the units of the function of that name.

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
    >>> import numpy as np
    >>> from propmat import metrics
    >>> truth = np.array([[0.0, 0.25, 0.75, 1.0]])
    >>> metrics.evaluate(truth, truth, [[0.0, 0.5, 0.5, 1.0]])
    {'sad': 0.0, 'mse': 0.0, 'gradient': 0.0, 'connectivity': 0.0}
    """
    mattes = _read_whole(alpha, truth, trimap)
    return {name: total(errors(mattes)) for name, (errors, total) in _METRICS.items()}


@usual_arithmetic
def per_pixel(alpha: ArrayLike, truth: ArrayLike, trimap: Any, metric: str = "sad") -> Array:
    """The contribution of each pixel to a metric, as an (H, W) map.

    Parameters
    ----------
    alpha, truth, trimap
        As in `sad`; for gradient and connectivity known pixels of `alpha` must be 0 or 1 as the trimap says.
    metric : {"sad", "mse", "gradient", "connectivity"}

    Returns
    -------
    (H, W) array of float64
        0 where the trimap is known. The sum is 1000 times the metric; for ``"mse"`` the mean over the unknown pixels is
        the metric.

    Raises
    ------
    InputError
        As `sad`; also if `metric` is another name.

    Warns
    -----
    PropmatWarning
        For gradient and connectivity, if known pixels of `alpha` are not 0 or 1 as the trimap says.

    Examples
    --------
    >>> from propmat import metrics
    >>> metrics.per_pixel([[0.5, 0.75]], [[0.25, 0.5]], [[1.0, 0.5]])
    array([[0.  , 0.25]])
    """
    _inputs.choice(metric, "metric", _METRICS)
    read = _read if metric in ("sad", "mse") else _read_whole
    mattes = read(alpha, truth, trimap)
    errors, _ = _METRICS[metric]
    picture = np.zeros(mattes.alpha.shape)
    picture[mattes.trimap.unknown] = errors(mattes)
    return picture


@usual_arithmetic
def dtssd(alphas: Iterable[ArrayLike], truths: Iterable[ArrayLike], trimaps: Iterable[Any] | None = None) -> float:
    r"""Flicker: the error of the change from frame to frame.

    .. math::
        \frac{100}{T - 1} \sum_{t=2}^{T} \sqrt{\frac{1}{|U_t|} \sum_{i \in U_t}
        \bigl((\alpha_{t,i} - \alpha_{t-1,i}) - (\alpha^*_{t,i} - \alpha^*_{t-1,i})\bigr)^2}

    Parameters
    ----------
    alphas, truths : iterables of (H, W) arrays
        The frames, as many of both, at least two; read one at a time.
    trimaps : iterable of (H, W) arrays or Trimaps, optional
        :math:`U_t` are the unknown pixels of the trimap of frame *t*; without trimaps, all pixels.

    Returns
    -------
    float
        >= 0, in hundredths.

    Raises
    ------
    InputError
        As `sad`; also if lengths differ or there are fewer than two frames.

    Notes
    -----
    Reference [3]_ takes the sum; later work prints the mean times 100. Some of it counts the first
    frame as a 0, which gives :math:`(T - 1) / T` of this.

    Examples
    --------
    >>> from propmat import metrics
    >>> metrics.dtssd([[[0.0, 0.5]], [[0.5, 1.0]]], [[[0.0, 0.5]], [[0.0, 0.5]]])
    50.0
    """
    flicker = []
    before = None
    for error, unknown in _frames(alphas, truths, trimaps):
        if before is not None:
            flicker.append(100 * math.sqrt(_mean(_change(before, error)[unknown])))
        before = error
    if not flicker:
        raise InputError("alphas: fewer than two frames; it takes two to see a change")
    return _mean(np.array(flicker))


class _Mattes(NamedTuple):
    alpha: Array
    truth: Array
    trimap: Trimap


def _read(alpha: ArrayLike, truth: ArrayLike, trimap: Any) -> _Mattes:
    alpha, truth = _read_pair(alpha, truth)
    parsed = Trimap.parse(trimap, alpha.shape)
    if not parsed.unknown.any():
        # An error of 0 over nothing would pass for a perfect matte.
        raise InputError("trimap: no unknown pixel to score; it takes some between 0.1 and 0.9")
    return _Mattes(alpha, truth, parsed)


def _read_whole(alpha: ArrayLike, truth: ArrayLike, trimap: Any) -> _Mattes:
    """Read, and warn if known pixels of `alpha`, which will be read as well, are not exact."""
    mattes = _read(alpha, truth, trimap)
    off = np.abs(mattes.alpha - mattes.trimap.foreground)[~mattes.trimap.unknown]
    count = np.count_nonzero(off > _EXACT)
    if count:
        warn(
            f"alpha: {count} known pixels are not the 0 or 1 of the trimap (off by up to "
            f"{off.max():.3g}); gradient and connectivity read them too"
        )
    return mattes


def _read_pair(alpha: ArrayLike, truth: ArrayLike) -> tuple[Array, Array]:
    alpha, truth = _inputs.plane(alpha, "alpha"), _inputs.plane(truth, "truth")
    if truth.shape != alpha.shape:
        raise InputError(f"truth: shape {truth.shape} does not fit alpha of shape {alpha.shape}")
    return alpha, truth


def _absolute(mattes: _Mattes) -> Array:
    return np.abs(mattes.alpha - mattes.truth)[mattes.trimap.unknown]


def _squared(mattes: _Mattes) -> Array:
    return np.square(mattes.alpha - mattes.truth)[mattes.trimap.unknown]


def _gradient(mattes: _Mattes) -> Array:
    from propmat._cpu.metrics import gradient_magnitude

    unknown = mattes.trimap.unknown
    smooth, derivative = _gaussian_filters()
    alpha = gradient_magnitude(_stretch(mattes.alpha), smooth, derivative)
    truth = gradient_magnitude(_stretch(mattes.truth), smooth, derivative)
    return np.square((alpha - truth)[unknown])


def _gaussian_filters() -> tuple[Array, Array]:
    """Row and column of the first-derivative kernel; their outer product has unit L2 norm."""
    half = math.ceil(_SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * _SIGMA * _CUT)))
    x = np.arange(-half, half + 1)
    smooth = np.exp(-(x**2) / (2 * _SIGMA**2))
    derivative = x * smooth
    return smooth / np.linalg.norm(smooth), derivative / np.linalg.norm(derivative)


def _stretch(matte: Array) -> Array:
    low, high = matte.min(), matte.max()
    # A constant matte has no range to stretch, and no gradient.
    return (matte - low) / (high - low) if high > low else np.zeros_like(matte)


def _connectivity(mattes: _Mattes) -> Array:
    from propmat._cpu.metrics import last_level_inside

    # The reference breaks ties between components in column-major order, hence the transposes.
    alpha, truth = mattes.alpha.astype(np.float32), mattes.truth.astype(np.float32)
    rows, columns = np.nonzero(mattes.trimap.unknown)
    smaller = np.ascontiguousarray(np.minimum(alpha, truth).T)
    level = _LEVELS[last_level_inside(smaller, _LEVELS, columns * len(alpha) + rows)]
    return np.abs(_phi(alpha[rows, columns] - level) - _phi(truth[rows, columns] - level))


def _phi(distance: Array) -> Array:
    return 1 - distance * (distance >= _THETA)


def _thousands(errors: Array) -> float:
    return float(errors.sum(dtype=np.float64)) / 1000


def _mean(errors: Array) -> float:
    return float(errors.mean())


_METRICS: dict[str, tuple[Callable[[_Mattes], Array], Callable[[Array], float]]] = {
    "sad": (_absolute, _thousands),
    "mse": (_squared, _mean),
    "gradient": (_gradient, _thousands),
    "connectivity": (_connectivity, _thousands),
}


def _frames(
    alphas: Iterable[ArrayLike], truths: Iterable[ArrayLike], trimaps: Iterable[Any] | None
) -> Iterator[tuple[Array, Array]]:
    """Error and unknown pixels of frame after frame."""
    given = {"alphas": alphas, "truths": truths} | ({} if trimaps is None else {"trimaps": trimaps})
    sequences = [_inputs.several(frames, name, "a sequence of frames") for name, frames in given.items()]
    for number, frame in enumerate(zip_longest(*sequences)):
        if any(part is None for part in frame):
            raise InputError(f"alphas, truths, trimaps: one of them ends after {number} frames")
        alpha, truth = _read_pair(*frame[:2])
        whole = trimaps is None
        yield alpha - truth, np.ones(alpha.shape, bool) if whole else _read(*frame).trimap.unknown


def _change(before: Array, after: Array) -> Array:
    if before.shape != after.shape:
        raise InputError(f"alphas: shape {after.shape} follows a frame of shape {before.shape}")
    return np.square(after - before)
