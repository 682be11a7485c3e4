"""The sampling error of alpha."""

from __future__ import annotations

import numpy as np

SOFT = (0.02, 0.98)  # alpha of the pixels of which errors are told


def soft(alpha: np.ndarray) -> np.ndarray:
    """Where alpha is neither about 0 nor about 1."""
    return (alpha > SOFT[0]) & (alpha < SOFT[1])


def error_of_mean(first: np.ndarray, second: np.ndarray) -> float:
    """The standard deviation of the mean of two independent renders with equal samples, over soft pixels.

    With a variance v of each, that of their mean is v / 2, and so is the mean square of half their difference.
    """
    chosen = soft((first + second) / 2)
    return float(np.sqrt(np.mean(((first - second)[chosen] / 2) ** 2))) if chosen.any() else 0.0
