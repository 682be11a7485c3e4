"""Twin of `_cpu.closed_form`: the window statistics, which gradients need."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over


def window_statistics(image: Any, wanted: Any, radius: int, epsilon: float, squared: bool) -> tuple[Any, Any]:
    """Mean colour and Cholesky factor of every wanted window; `squared` is False, as only gradients call this."""
    assert not squared
    _, width, depth = image.shape
    mean = np.empty((*wanted.shape, depth), like=image)
    whitening = np.empty((*wanted.shape, depth, depth), like=image)
    given = (image, width, wanted, *wanted.shape, radius, epsilon, mean, whitening)
    launch("ridge", "window_statistics", over(wanted.size), *given, DEPTH=depth)
    return mean, whitening
