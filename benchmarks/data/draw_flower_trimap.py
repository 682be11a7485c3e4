"""Draw the trimap of the flower photograph that propmat ships.

The petals are bright in red and nearly everything else is dark, so that a threshold gives their outline; polygons
placed by hand correct it where a blurred bud is equally bright. The unknown band around the outline is narrow along the
large flower, which is in focus, and wider along the lower one, which is less so.

    python -m benchmarks.data.draw_flower_trimap        writes propmat/datasets/flower_trimap.png
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from propmat.datasets._flower import TRIMAP, photograph

PETAL_RED = 110
# Corners as x, y. Behind the lower flower stands a bud; the petal in this region is redder.
BUD = [(371, 391), (378, 384), (386, 379), (395, 377), (404, 378), (412, 381), (425, 360)]
BUD += [(395, 338), (362, 345)]
RED_BEFORE_BUD = 175
# A second bud, in the lower right corner, far out of focus.
CORNER = [(560, 370), (640, 370), (640, 427), (560, 427)]
# From this row downwards, outlines belong to the lower flower.
LOWER = 367
BAND, LOWER_BAND = 3.5, 5.0


def draw(photo: np.ndarray) -> np.ndarray:
    """Return the trimap, (H, W) uint8 of 0, 128 and 255, for the (H, W, 3) uint8 photograph."""
    flowers = outline(photo)
    width = np.where(np.arange(len(photo)) < LOWER, BAND, LOWER_BAND)[:, None]
    depth = ndimage.distance_transform_edt(flowers)
    distance = ndimage.distance_transform_edt(~flowers)
    return np.select([depth > width, distance > width], [255, 0], 128).astype(np.uint8)


def outline(photo: np.ndarray) -> np.ndarray:
    """Mask of the two flowers, by a threshold halfway between petals and background, with holes filled."""
    size = photo.shape[1], photo.shape[0]
    threshold = np.where(polygon(BUD, size), RED_BEFORE_BUD, PETAL_RED)
    mask = (photo[..., 0] > threshold) & ~polygon(CORNER, size)
    labels, count = ndimage.label(ndimage.binary_fill_holes(mask))
    areas = ndimage.sum_labels(np.ones_like(labels), labels, np.arange(1, count + 1))
    return np.isin(labels, 1 + np.argsort(areas)[-2:])


def polygon(corners: list[tuple[int, int]], size: tuple[int, int]) -> np.ndarray:
    """Mask of the inside of a polygon."""
    picture = Image.new("1", size)
    ImageDraw.Draw(picture).polygon(corners, fill=1)
    return np.asarray(picture)


if __name__ == "__main__":
    Image.fromarray(draw(np.asarray(Image.open(photograph())))).save(TRIMAP, optimize=True)
