"""The best width of the unknown band around a mask: errors of mattes for masks of different quality.

    python -m benchmarks.trimaps [--data DIR]

Masks are the true mattes of the photographs with a threshold of one half: exact, or like the output of a network of 320
x 320 pixels, that is averaged to that size, thresholded, and enlarged again by bilinear interpolation (soft). Error:
SAD over all pixels in thousands, for the closed form.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import propmat
from benchmarks.data.problems import DATA, Problem, photographs

WIDTHS = ("0%", "0.25%", "0.5%", "1%", "1.5%", "2%", "3%")
NETWORK_SIDE = 320


def coarse(mask: np.ndarray) -> np.ndarray:
    """`mask` at the resolution of a small network, enlarged again."""
    size = (mask.shape[1], mask.shape[0])
    small = Image.fromarray(mask.astype(np.uint8) * 255).resize((NETWORK_SIDE, NETWORK_SIDE), Image.Resampling.BOX)
    return np.asarray(small.point(lambda level: 255 * (level >= 128)).resize(size, Image.Resampling.BILINEAR)) / 255


def errors(problem: Problem) -> Iterator[float]:
    """Errors for the exact mask by width, then for the coarse one."""
    exact = problem.truth >= 0.5
    for mask in (exact, coarse(exact)):
        for width in WIDTHS:
            trimap = propmat.trimap_from_mask(mask, width=width)
            alpha = propmat.closed_form(problem.image, trimap) if trimap.unknown.any() else trimap.labels
            yield float(np.abs(alpha - problem.truth).sum() / 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", propmat.PropmatWarning)  # thin structures vanish at large widths
    rows = []
    print(f"{'':8}" + "".join(f"{kind:>{9 * len(WIDTHS)}}" for kind in ("exact mask", "coarse mask")))
    print(f"{'':8}" + 2 * "".join(f"{width:>9}" for width in WIDTHS))
    for problem in photographs(arguments.data):
        rows.append(list(errors(problem)))
        print(f"{problem.name:8}" + "".join(f"{error:9.2f}" for error in rows[-1]), flush=True)
    for name, mean in (("mean", np.mean), ("median", np.median)):
        print(f"{name:8}" + "".join(f"{error:9.2f}" for error in mean(rows, axis=0)))


if __name__ == "__main__":
    main()
