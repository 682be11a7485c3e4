"""Pictures that are difficult for iterative solvers."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

import propmat
from benchmarks.data.problems import Problem


def hard_scenes() -> Iterator[Problem]:
    """Pictures that are difficult for iterative solvers, 300 x 400, all unknown except for a frame."""
    sample = propmat.datasets.synthetic(0, (300, 400))
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :400]
    wave = 0.5 + 0.4 * np.stack([np.sin(x / 40 + k) * np.cos(y / 30 - k) for k in range(3)], axis=2)
    pictures = {
        "rendered scene": sample.image,
        "thin leaves over leaves": leaves(rng),
        "net": np.where(((x % 6 < 2) | (y % 6 < 2))[:, :, None], wave, 1 - wave),
        "gradient": np.repeat((x / 399)[:, :, None], 3, axis=2),
        "flat colour": np.full((300, 400, 3), 0.4),
        "grey": wave.mean(axis=2),
        "heavy noise": np.clip(wave + 0.2 * rng.standard_normal(wave.shape), 0, 1),
        "posterised": np.round(wave * 4) / 4,
        "JPEG, enlarged": enlarged_jpeg(sample.image),
        "out of focus": enlarged(sample.image[::8, ::8], Image.Resampling.BICUBIC),
        "isolated spots": np.where(rng.random((300, 400, 1)) < 0.01, rng.random((300, 400, 3)), 0.5),
    }
    trimap = np.full((300, 400), 128, np.uint8)
    trimap[:15] = trimap[:, :15] = 0
    trimap[-15:] = 255
    for name, image in pictures.items():
        yield Problem(name, np.rint(255 * image).astype(np.uint8), trimap)


def leaves(rng: np.random.Generator, count: int = 500) -> np.ndarray:
    """Overlapping thin ellipses, each of nearly constant colour."""
    y, x = np.mgrid[:300, :400]
    image = np.full((300, 400, 3), 0.3)
    for _ in range(count):
        angle, length, width = rng.uniform(0, np.pi), rng.uniform(20, 80), rng.uniform(1, 4)
        dy, dx = y - rng.uniform(0, 300), x - rng.uniform(0, 400)
        along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        colour = np.array([0.2, 0.5, 0.1]) * rng.uniform(0.3, 1.5) + 0.08 * rng.standard_normal(3)
        image[(along / length) ** 2 + (across / width) ** 2 < 1] = np.clip(colour, 0, 1)
    return image


def enlarged(image: np.ndarray, resampling: Image.Resampling) -> np.ndarray:
    picture = Image.fromarray(np.rint(255 * image).astype(np.uint8))
    return np.asarray(picture.resize((400, 300), resampling)) / 255


def enlarged_jpeg(image: np.ndarray) -> np.ndarray:
    """The picture reduced to a quarter of its pixels, compressed strongly, then enlarged again."""
    buffer = io.BytesIO()
    Image.fromarray(np.rint(255 * image[::2, ::2]).astype(np.uint8)).save(buffer, "JPEG", quality=30)
    return enlarged(np.asarray(Image.open(buffer)) / 255, Image.Resampling.LANCZOS)
