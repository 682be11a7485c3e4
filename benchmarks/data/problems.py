"""The problems of benchmarks: photographs from a local copy, also enlarged, or with few known pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import propmat
from propmat.io import read_image, read_matte

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True)
class Problem:
    """An image (H, W, 3) and a trimap (H, W) of uint8, and the true matte in [0, 1] where there is one."""

    name: str
    image: np.ndarray
    trimap: np.ndarray
    truth: np.ndarray | None = None

    @property
    def unknown(self) -> np.ndarray:
        return propmat.Trimap.parse(self.trimap).unknown


def photographs(data: Path) -> Iterator[Problem]:
    """The training photographs of alphamatting.com, with their narrow trimaps."""
    folder = data / "alphamatting" / "training"
    for path in sorted((folder / "image").glob("*.png")):
        truth = read_matte(folder / "alpha" / path.name) / 255
        yield Problem(path.stem, read_image(path), read_matte(folder / "trimap1" / path.name), truth)


def highres(data: Path) -> Problem:
    """A photograph of 9 megapixels."""
    folder = data / "alphamatting" / "training_highres_recon"
    image, trimap, truth = (folder / kind / "GT25.png" for kind in ("image", "trimap1", "alpha"))
    return Problem("GT25, 9 megapixels", read_image(image), read_matte(trimap), read_matte(truth) / 255)


def lemur(data: Path, scale: int = 1) -> Problem:
    """The lemur, enlarged by Lanczos filtering; its trimap by repeating pixels."""
    folder = data / "lemur"
    image = Image.fromarray(read_image(folder / "image" / "lemur.png"))
    trimap = Image.fromarray(read_matte(folder / "trimap" / "lemur.png"))
    size = (scale * image.width, scale * image.height)
    if scale > 1:
        image = image.resize(size, Image.Resampling.LANCZOS)
        trimap = trimap.resize(size, Image.Resampling.NEAREST)
    truth = read_matte(folder / "alpha" / "lemur.png") / 255 if scale == 1 else None
    return Problem(f"lemur x{scale}", np.asarray(image), np.asarray(trimap), truth)


def scribbles(data: Path) -> Problem:
    """The lemur enlarged twice with few known pixels: labels eroded by 80 and 140 pixels."""
    from scipy.ndimage import distance_transform_edt

    plain = lemur(data, 2)
    labels = propmat.Trimap.parse(plain.trimap)
    trimap = np.full(labels.shape, 128, np.uint8)
    for mask, depth, value in ((labels.foreground, 80, 255), (labels.background, 140, 0)):
        inside = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] > depth  # eroded from the border of the image too
        trimap[inside] = value
    return Problem("scribbles", plain.image, trimap)
