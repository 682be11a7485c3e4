"""Compose the picture of `datasets.fur`: a rendered animal before a photograph.

The animal:

    python tools/render_foregrounds.py --kinds fur --count 12 --part 9/12 --sizes 800 800 --samples 96 --out rendered

The photograph is "seeding" by Clemens Engelhardt, 2018 (CC0-1.0), 1600 x 900 pixels, from Debian's package
lomiri-wallpapers-16.04.

    python -m benchmarks.data.compose_fur rendered seeding.jpg      writes propmat/datasets/fur.jpg and fur_alpha.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from propmat.datasets._fur import ALPHA, PICTURE
from propmat.io import read_image, read_matte

TOP, LEFT, HEIGHT, WIDTH = 96, 190, 600, 560  # of the part of the rendered square that is used
CORNER = 60, 620  # of the photograph, reduced to four fifths
BRIGHTER = 1.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("photograph", type=Path)
    arguments = parser.parse_args()
    part = np.s_[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH]
    colours = read_image(arguments.rendered / "foreground" / "fur_0009.jpg")[part] / 255
    alpha = read_matte(arguments.rendered / "alpha" / "fur_0009.png")[part] / 255
    image = alpha[..., None] * np.minimum(1, BRIGHTER * colours) + (1 - alpha[..., None]) * behind(arguments.photograph)
    Image.fromarray(np.rint(255 * image).astype(np.uint8)).save(PICTURE, quality=93, subsampling=0)
    Image.fromarray(np.rint(255 * alpha).astype(np.uint8)).save(ALPHA, optimize=True)


def behind(photograph: Path) -> np.ndarray:
    """The part of the photograph behind the animal."""
    with Image.open(photograph) as opened:
        small = opened.convert("RGB").resize((opened.width * 4 // 5, opened.height * 4 // 5), Image.Resampling.LANCZOS)
    top, left = CORNER
    return np.asarray(small)[top : top + HEIGHT, left : left + WIDTH] / 255


if __name__ == "__main__":
    main()
