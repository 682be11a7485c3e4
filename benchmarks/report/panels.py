"""Pictures for the report: mattes, error maps, and an enlarged view of the worst patch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.data import sets
from benchmarks.suite.worker import matte_path
from propmat import io, pictures
from propmat.datasets import Sample

PATCH = 80  # pixels a side
FULL_COLOUR = 0.5  # errors of at least this have the full colour
KNOWN = 0.85  # grey of known pixels


class Panel(NamedTuple):
    """A column of the report: a picture, its caption, and the patch."""

    title: str
    whole: np.ndarray
    below: np.ndarray | None
    patch: np.ndarray


def panels(data: Path | None, results: Path, problem: tuple[str, int], methods: list[str]) -> list[Panel]:
    """Those of a problem of the suite, with each method whose matte is there."""
    paths = {method: matte_path(results, *problem, method) for method in methods}
    mattes = {method: io.read_matte(path) / 255 for method, path in paths.items() if path.exists()}
    return panels_of(sets.read_sample(data, *problem), mattes)


def panels_of(sample: Sample, mattes: Mapping[str, np.ndarray]) -> list[Panel]:
    """Image with trimap, truth, and each matte with its error map."""
    corner = worst_patch(sample, list(mattes.values()))
    columns = [
        Panel("image, trimap", outlined(sample.image, corner), sample.trimap, patch(sample.image, corner)),
        Panel("truth", sample.alpha, None, patch(sample.alpha, corner)),
    ]
    for method, alpha in mattes.items():
        columns.append(Panel(method, alpha, error_map(alpha, sample), patch(alpha, corner)))
    return columns


def worst_patch(sample: Sample, mattes: list[np.ndarray]) -> tuple[int, int]:
    """Upper left corner of the patch, inside the picture, with the largest sum of the errors of all methods."""
    from scipy.ndimage import uniform_filter

    error = sum((np.abs(alpha - sample.alpha) for alpha in mattes), np.zeros(sample.alpha.shape))
    error[sample.trimap != 0.5] = 0
    inner = [slice(start := min(PATCH, side) // 2, max(side - start, start + 1)) for side in error.shape]
    blurred = uniform_filter(error, PATCH, mode="constant")[tuple(inner)]
    row, column = np.unravel_index(np.argmax(blurred), blurred.shape)
    return int(row), int(column)


def patch(pixels: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    return pixels[corner[0] : corner[0] + PATCH, corner[1] : corner[1] + PATCH]


def outlined(pixels: np.ndarray, corner: tuple[int, int]) -> np.ndarray:
    """The picture with a frame around the patch."""
    picture = as_image(pixels)
    top, left = corner
    ImageDraw.Draw(picture).rectangle((left, top, left + PATCH, top + PATCH), outline="#ff2020", width=6)
    return np.asarray(picture) / 255


def error_map(alpha: np.ndarray, sample: Sample) -> np.ndarray:
    """Red where the matte is too opaque, blue where too transparent, white where right, grey where known."""
    error = (alpha - sample.alpha).clip(-FULL_COLOUR, FULL_COLOUR) / FULL_COLOUR
    red, blue = 1 - np.maximum(-error, 0), 1 - np.maximum(error, 0)
    colours = np.stack([red, np.minimum(red, blue), blue], axis=2)
    return np.where((sample.trimap == 0.5)[..., None], colours, KNOWN)


def as_image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(255 * pictures.colours(pixels).clip(0, 1)).astype(np.uint8))


def sheet(columns: list[Panel], width: int = 160) -> Image.Image:
    """All columns in one small picture, for pages without scrolling."""
    height = round(width * columns[0].whole.shape[0] / columns[0].whole.shape[1])
    head = 22
    picture = Image.new("RGB", (len(columns) * (width + 4), head + 2 * (height + 4) + width), "white")
    draw = ImageDraw.Draw(picture)
    for place, column in enumerate(columns):
        left = place * (width + 4)
        draw.text((left + 2, 4), column.title, "black", font_size=min(14, 17 * width // (10 * len(column.title))))
        picture.paste(as_image(column.whole).resize((width, height), Image.Resampling.LANCZOS), (left, head))
        if column.below is not None:
            below = as_image(column.below).resize((width, height), Image.Resampling.LANCZOS)
            picture.paste(below, (left, head + height + 4))
        near = as_image(column.patch).resize((width, width), Image.Resampling.NEAREST)
        picture.paste(near, (left, head + 2 * (height + 4)))
    return picture.quantize(256)
