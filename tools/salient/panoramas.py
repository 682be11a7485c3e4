"""Views of equirectangular panoramas, as a camera sees them that focuses on something nearer."""

from __future__ import annotations

import base64
import io as streams
import re
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import map_coordinates

from propmat import io

SIZE = 360, 480
WHITE = 0.8  # of light at the 90th percentile, before gamma
GAMMA = 2.2
BRIGHTEST = 1e4  # of light; lamps are infinite in some files


def read(path: Path) -> np.ndarray:
    """Light (H, 2 H, 3) of an OpenEXR file, or of one that a JavaScript module holds as base 64."""
    content = path.read_bytes()
    if path.suffix == ".js":
        found = re.search(rb"base64,([A-Za-z0-9+/=]+)", content)
        if found is None:
            raise ValueError(f"{path}: holds no base64 data")
        content = base64.b64decode(found[1])
    light = np.asarray(io.read_image(streams.BytesIO(content)), dtype=np.float64)[..., :3]
    return np.nan_to_num(light, posinf=BRIGHTEST).clip(0, BRIGHTEST)


def view(panorama: np.ndarray, azimuth: float, rng: np.random.Generator) -> Image.Image:
    """Through a lens of 60 to 100 degrees about an azimuth, nearly level, exposed for what is seen."""
    height, width = panorama.shape[:2]
    half = np.tan(np.radians(rng.uniform(60, 100)) / 2)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    right, up = half * (2 * columns / (SIZE[1] - 1) - 1), half * (SIZE[0] - 1 - 2 * rows) / (SIZE[1] - 1)
    tilt, turn = rng.uniform(-0.25, 0.25), azimuth + rng.uniform(-0.4, 0.4)
    ahead, above = np.cos(tilt) - up * np.sin(tilt), np.sin(tilt) + up * np.cos(tilt)
    longitude, latitude = turn + np.arctan2(right, ahead), np.arctan2(above, np.hypot(right, ahead))
    where = (0.5 - latitude / np.pi) * height - 0.5, (longitude / (2 * np.pi) % 1) * width - 0.5
    light = np.stack([map_coordinates(panorama[..., k], where, order=1, mode="grid-wrap") for k in range(3)], -1)
    seen = (light * WHITE / max(float(np.percentile(light, 90)), 1e-6)).clip(0, 1) ** (1 / GAMMA)
    return Image.fromarray(np.rint(255 * seen).astype(np.uint8))
