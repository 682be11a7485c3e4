"""A picture of photographs and what Late Fusion makes of each, refined, on plain green.

python tools/late_fusion_sheet.py docs/late_fusion.jpg PHOTOGRAPH ... --columns 4
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import propmat
from propmat import io, pictures
from propmat.networks import late_fusion

BEHIND = "#4a7f57"


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    shape = round(0.75 * options.width), options.width
    pairs = [pair(path, shape, options.weights) for path in options.photographs]
    pairs += [pictures.flat("white", (shape[0], 2 * shape[1]))] * (-len(pairs) % options.columns)
    rows = [
        np.concatenate(pairs[start : start + options.columns], 1) for start in range(0, len(pairs), options.columns)
    ]
    io.write_image(options.sheet, np.concatenate(rows))


def pair(path: Path, shape: tuple[int, int], weights: Path | None) -> np.ndarray:
    """A photograph, cropped to a shape, and its cut-out beside it."""
    pixels = np.asarray(io.read_image(path)) / 255
    colours = np.dstack(3 * [pixels]) if pixels.ndim == 2 else pixels[..., :3]
    image = pictures.fitted(colours, (2 * shape[0], 2 * shape[1]))
    alpha = late_fusion(image, weights=weights)
    cut_out = pictures.over(propmat.foreground(image, alpha)[0], alpha, pictures.flat(BEHIND, alpha.shape))
    return np.concatenate([pictures.fitted(part, shape) for part in (image, cut_out)], 1)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("sheet", type=Path, help="picture to write")
    made.add_argument("photographs", type=Path, nargs="+")
    made.add_argument("--weights", type=Path, help="(those of the package)")
    made.add_argument("--columns", type=int, default=3, help="pairs side by side (%(default)s)")
    made.add_argument("--width", type=int, default=200, help="pixels of a picture (%(default)s)")
    return made


if __name__ == "__main__":
    main()
