"""The photograph that scikit-learn ships, with a trimap of our own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat.datasets._sample import Sample
from propmat.errors import MissingDependencyError

TRIMAP = Path(__file__).with_name("flower_trimap.png")


@usual_arithmetic
def flower() -> Sample:
    """Return the dahlia photograph of scikit-learn with a trimap drawn for it.

    Foreground are the two flowers in focus; the blurred buds and stems behind them are
    background. The unknown band follows the petal edges. The true alpha is not known, so
    ``alpha`` is None.

    Returns
    -------
    Sample
        ``image`` of shape (427, 640, 3) and ``trimap`` of shape (427, 640).

    Raises
    ------
    MissingDependencyError
        If scikit-learn, which holds the photograph, is not installed.

    Examples
    --------
    >>> from propmat.datasets import flower
    >>> sample = flower()
    >>> sample.image.shape, sorted(set(sample.trimap.ravel().tolist()))
    ((427, 640, 3), [0.0, 0.5, 1.0])
    """
    from propmat.io._reading import read_image

    # The file stores 0, 128, 255, and 128 is not half of 255.
    trimap = np.round(read_image(TRIMAP) / 127.5) / 2
    return Sample("flower", read_image(photograph()) / 255, trimap)


def photograph() -> Path:
    """Where scikit-learn keeps the photograph; found without the second that its import takes."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise MissingDependencyError(
            "flower: the photograph comes with scikit-learn; install it (pip install scikit-learn)"
        )
    return Path(package.origin).parent / "datasets" / "images" / "flower.jpg"
