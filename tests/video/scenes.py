"""Small moving scenes, and sequences in files, for the tests of videos."""

from pathlib import Path

import numpy as np

import propmat

SHAPE = (48, 64)


def scene(frames=4, seed=0, shape=SHAPE):
    return list(propmat.datasets.moving(seed, frames, shape))


def drifting(frames=4, speed=(1.5, 1.0), shape=SHAPE, noise=0.0, seed=0):
    """A textured disc over a textured plane, all of which drift by a speed (right, down): images, alphas and trimaps.

    Each frame is a part of one large picture, sampled by splines, so that the flow is the same everywhere.
    """
    from scipy.ndimage import map_coordinates, maximum_filter

    rng = np.random.default_rng(seed)
    height, width = shape
    margin = int(np.ceil(frames * max(np.abs(speed)))) + 2
    large = propmat.datasets.synthetic(seed, (height + 2 * margin, width + 2 * margin))
    y, x = np.mgrid[: large.alpha.shape[0], : large.alpha.shape[1]] - np.array(large.alpha.shape).reshape(2, 1, 1) / 2
    alpha = np.clip((0.3 * height - np.hypot(y, x)) / 6 + 0.5, 0, 1)
    colours = large.foreground[::-1, ::-1]
    picture = alpha[..., None] * colours + (1 - alpha[..., None]) * large.background
    images, alphas, trimaps = [], [], []
    for k in range(frames):
        places = np.mgrid[:height, :width] + margin - k * np.array(speed[::-1]).reshape(2, 1, 1)
        planes = [map_coordinates(plane, places, order=3) for plane in (*np.moveaxis(picture, 2, 0), alpha)]
        image = np.stack(planes[:3], axis=2) + noise * rng.normal(size=(height, width, 3))
        moved = np.clip(planes[3], 0, 1)
        images.append(np.clip(image, 0, 1))
        alphas.append(moved)
        fractional = maximum_filter((moved > 0.002) & (moved < 0.998), 3)
        trimaps.append(np.where(fractional, 0.5, np.round(moved)))
    return images, alphas, trimaps


def write(folder, pictures, first=1, suffix=".png", digits=4, **options):
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures, first):
        propmat.io.write_image(folder / f"{number:0{digits}d}{suffix}", picture, **options)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.*")) if path.is_file()}
