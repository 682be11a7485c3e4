"""Pictures of few colours, on which the energy of the closed form is nearly 0 for a great many mattes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from benchmarks.data.problems import Problem

Shape = tuple[int, int]
COLOURS = 6
SENTENCE = "Sphinx of black quartz, judge my vow 0123456789"


def flat_scenes(shape: Shape = (240, 320), seed: int = 1, edges: tuple[int, ...] = (3, 5, 8, 16)) -> Iterator[Problem]:
    """Enlarged pixel art with pixels of given edges, regions, dots, stripes, text, saturated and posterised gradients.

    Everything is unknown but for two bands of 16 rows, above and below.
    """
    rng = np.random.default_rng(seed)
    palette = rng.random((COLOURS, 3))
    trimap = np.full(shape, 128, np.uint8)
    trimap[:16], trimap[-16:] = 255, 0
    pictures = {}
    for edge in edges:
        pictures[f"pixel art x{edge}"] = enlarged(rng.random((*_covering(shape, edge), 3)), edge, shape)
        drawn = palette[rng.integers(0, COLOURS, _covering(shape, edge))]
        pictures[f"pixel art x{edge}, {COLOURS} colours"] = enlarged(drawn, edge, shape)
    y, x = np.mgrid[: shape[0], : shape[1]]
    smooth = gaussian_filter(rng.random((*shape, 3)), (9, 9, 0))
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    pictures |= {
        "cartoon": palette[np.digitize(smooth[:, :, 0], np.quantile(smooth[:, :, 0], [0.2, 0.4, 0.6, 0.8]))],
        "dots": np.where(rng.random(shape)[..., None] < 0.1, 0.0, np.ones(3)),
        "stripes of 6 colours": palette[y // 5 % COLOURS],
        "checks": np.repeat(((y // 4 + x // 4) % 2)[..., None], 3, axis=2).astype(float),
        "text": screenshot(shape),
        "saturated gradients": np.clip(3 * np.rint(255 * smooth) / 255 - 1, 0, 1),
        "posterised gradients": np.rint(4 * smooth) / 4,
        "noise": rng.random((*shape, 3)),
    }
    for name, image in pictures.items():
        yield Problem(f"{name}, {shape[1]} x {shape[0]}, seed {seed}", np.rint(255 * image).astype(np.uint8), trimap)


def enlarged(image: np.ndarray, edge: int, shape: Shape) -> np.ndarray:
    """Every pixel repeated edge x edge times, cut to a shape."""
    return np.kron(image, np.ones((edge, edge, 1)))[: shape[0], : shape[1]]


def screenshot(shape: Shape) -> np.ndarray:
    """Black text on white, and a coloured panel."""
    picture = Image.new("RGB", (shape[1], shape[0]), (255, 255, 255))
    pen = ImageDraw.Draw(picture)
    for top in range(0, shape[0], 12):
        pen.text((4, top), SENTENCE, fill=(0, 0, 0))
    pen.rectangle((0, 0, shape[1] // 4, shape[0]), fill=(230, 240, 250))
    pen.text((4, shape[0] // 6), "menu", fill=(20, 20, 20))
    return np.asarray(picture) / 255


def _covering(shape: Shape, edge: int) -> Shape:
    return -(-shape[0] // edge), -(-shape[1] // edge)
