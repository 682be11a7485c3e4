"""A picture of items of a rendered set, on a light, a dark and a green background in turn.

python tools/contact_sheet.py rendered docs/dataset.jpg --columns 8
"""

from __future__ import annotations

import argparse
import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from propmat import io, pictures

BACKGROUNDS = ("#d9d9d9", "#1a1a1e", "#4a7f57")


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    tiles = list(itertools.islice(tiles_of(options.root, options.tile), options.columns * options.rows))
    tiles += [pictures.flat("white", (options.tile, options.tile))] * (-len(tiles) % options.columns)
    rows = [
        np.concatenate(tiles[start : start + options.columns], 1) for start in range(0, len(tiles), options.columns)
    ]
    io.write_image(options.sheet, np.concatenate(rows))


def tiles_of(root: Path, side: int) -> Iterator[np.ndarray]:
    """Small composites, one of each kind in turn."""
    for name, background in zip(in_turn(root), itertools.cycle(BACKGROUNDS), strict=False):
        front, alpha = io.read_image(root / "foreground" / f"{name}.jpg"), io.read_matte(root / "alpha" / f"{name}.png")
        shape = alpha.shape[0], alpha.shape[1]
        composite = pictures.over(front, alpha, pictures.flat(background, shape))
        yield pictures.fitted(composite, (side, side))


def in_turn(root: Path) -> Iterator[str]:
    """The names of the set, one of each kind after the other."""
    with (root / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {row["kind"]: [each["name"] for each in rows if each["kind"] == row["kind"]] for row in rows}
    for names in itertools.zip_longest(*kinds.values()):
        yield from filter(None, names)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("root", type=Path, help="folder of the set")
    made.add_argument("sheet", type=Path, help="picture to write")
    made.add_argument("--columns", type=int, default=8)
    made.add_argument("--rows", type=int, default=6, help="at most")
    made.add_argument("--tile", type=int, default=128, help="side of a tile in pixels")
    return made


if __name__ == "__main__":
    main()
