"""What finds an object without a trimap and without learning, to compare Late Fusion with."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

BOX = 0.7  # of each side: half of the picture


def box(image: np.ndarray) -> np.ndarray:
    """1 in a box in the middle."""
    top, left, height, width = middle(image)
    found = np.zeros(image.shape[:2])
    found[top : top + height, left : left + width] = 1
    return found


def middle(image: np.ndarray) -> tuple[int, int, int, int]:
    """Top, left, height and width of the box."""
    sizes = [round(BOX * side) for side in image.shape[:2]]
    top, left = ((side - size) // 2 for side, size in zip(image.shape[:2], sizes, strict=True))
    return top, left, sizes[0], sizes[1]


def peers() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    if find_spec("cv2") is None:
        return {}
    import cv2

    residual = {"spectral residual": spectral_residual} if hasattr(cv2, "saliency") else {}
    return residual | {"GrabCut from the box": grabcut}


def spectral_residual(image: np.ndarray) -> np.ndarray:
    """X. Hou, L. Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007; its greatest value is 1."""
    import cv2

    levels = np.rint(255 * image[:, :, ::-1]).astype(np.uint8)
    done, saliency = cv2.saliency.StaticSaliencySpectralResidual_create().computeSaliency(levels)
    return saliency.astype(np.float64) / max(float(saliency.max()), 1e-9)


def grabcut(image: np.ndarray) -> np.ndarray:
    """C. Rother, V. Kolmogorov, A. Blake, "GrabCut", SIGGRAPH 2004: five iterations from the box."""
    import cv2

    levels, mask = np.rint(255 * image[:, :, ::-1]).astype(np.uint8), np.zeros(image.shape[:2], np.uint8)
    top, left, height, width = middle(image)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(levels, mask, (left, top, width, height), *models, 5, cv2.GC_INIT_WITH_RECT)
    return np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float64)
