"""Twin of `_cpu.closed_form`, as far as gradients need it."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over


def window_statistics(image: Any, wanted: Any, radius: int, epsilon: float, squared: bool) -> tuple[Any, Any]:
    """Mean colour and whitening of every wanted window; squares of window matrices have no gradients (`squared`)."""
    assert not squared
    _, width, depth = image.shape
    mean = np.empty((*wanted.shape, depth), like=image)
    whitening = np.empty((*wanted.shape, depth, depth), like=image)
    given = (image, width, wanted, *wanted.shape, radius, epsilon, mean, whitening)
    launch("ridge", "window_statistics", over(wanted.size), *given, DEPTH=depth)
    return mean, whitening
