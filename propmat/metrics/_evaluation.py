"""All measures of one matte, and their maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.metrics._connectivity import connectivity_errors
from propmat.metrics._differences import absolute_errors, squared_errors
from propmat.metrics._gradient import gradient_errors
from propmat.metrics._mattes import Mattes, mean, read, read_whole, thousands

_METRICS: dict[str, tuple[Callable[[Mattes], Array], Callable[[Array], float]]] = {
    "sad": (absolute_errors, thousands),
    "mse": (squared_errors, mean),
    "gradient": (gradient_errors, thousands),
    "connectivity": (connectivity_errors, thousands),
}


@usual_arithmetic
def evaluate(alpha: ArrayLike, truth: ArrayLike, trimap: ArrayLike | Trimap) -> dict[str, float]:
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
    mattes = read_whole(alpha, truth, trimap)
    return {name: total(errors(mattes)) for name, (errors, total) in _METRICS.items()}


@usual_arithmetic
def per_pixel(alpha: ArrayLike, truth: ArrayLike, trimap: ArrayLike | Trimap, metric: str = "sad") -> Array:
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
    reader = read if metric in ("sad", "mse") else read_whole
    mattes = reader(alpha, truth, trimap)
    errors, _ = _METRICS[metric]
    picture = np.zeros(mattes.alpha.shape)
    picture[mattes.trimap.unknown] = errors(mattes)
    return picture
