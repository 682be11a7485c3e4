"""The problems of the suite: the photographs of alphamatting.com from a local copy, or scenes that are rendered."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from propmat import datasets
from propmat.datasets import Sample

RENDERED = [f"synthetic-{seed}" for seed in range(4)]
SHAPE = (360, 480)


def names(data: Path | None) -> list[str]:
    """The pictures of a set; without a folder, of the rendered one."""
    return RENDERED if data is None else datasets.alphamatting(data).names


def set_name(data: Path | None) -> str:
    return "rendered scenes" if data is None else "alphamatting.com training"


@lru_cache(maxsize=1)
def read_sample(data: Path | None, name: str, trimap: int) -> Sample:
    """One picture with trimap 1 (narrow) or 2 (wide)."""
    if data is not None:
        samples = datasets.alphamatting(data, trimap)
        return samples[samples.names.index(name)]
    scene = datasets.synthetic(int(name.rpartition("-")[2]), SHAPE)
    return scene if trimap == 1 else Sample(name, scene.image, widened(scene.trimap, 8), scene.alpha)


def widened(trimap: np.ndarray, reach: int) -> np.ndarray:
    """The unknown region grown by a square of `reach` pixels."""
    from scipy.ndimage import maximum_filter

    return np.where(maximum_filter(trimap == 0.5, size=2 * reach + 1), 0.5, trimap)
