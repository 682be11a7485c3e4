"""The problems of the suite: the photographs of alphamatting.com from a local copy, or rendered scenes."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from propmat import InputError, datasets
from propmat.datasets import Sample
from propmat.datasets._sample import trimap_around

RENDERED = [f"synthetic-{seed}" for seed in range(4)]
SHAPE = (360, 480)
WIDER = 8  # pixels by which the unknown band of the second trimap exceeds that of the first


def names(data: Path | None) -> list[str]:
    """The names of the pictures of a set; without a folder those of the rendered scenes."""
    return RENDERED if data is None else photographs(data).names


def photographs(data: Path, trimap: int = 1, part: str = "training") -> datasets.Samples:
    """The photographs of alphamatting.com; if they are missing, the program exits with a message."""
    try:
        return datasets.alphamatting(data, trimap, part=part)
    except InputError as error:
        raise SystemExit(f"--data: {error}") from None


def set_name(data: Path | None) -> str:
    return "rendered scenes" if data is None else "alphamatting.com training"


@lru_cache(maxsize=1)
def read_sample(data: Path | None, name: str, trimap: int) -> Sample:
    """One picture with trimap 1 (narrow) or 2 (wide)."""
    if data is not None:
        samples = photographs(data, trimap)
        return samples[samples.names.index(name)]
    scene = datasets.synthetic(int(name.rpartition("-")[2]), SHAPE)
    return scene if trimap == 1 else replace(scene, trimap=trimap_around(scene.trimap, WIDER))
