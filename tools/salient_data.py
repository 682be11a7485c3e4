"""Make what Late Fusion was trained on beside rendered foregrounds: backgrounds, and foregrounds of photographs.

    python tools/salient_data.py BACKGROUNDS --lemur DIR --out DIR

BACKGROUNDS is a folder with `credits.csv` (`propmat.datasets.backgrounds`). In DIR/backgrounds come those in which
nothing stands out, three crops of each, all of them blurred beyond recognition, and plain gradients; only of the split
to train on, beside copies of those for tests. In DIR/photographs come five photographs that are free to use, cut out by
`propmat.closed_form` from outlines drawn by hand, in the layout of rendered foregrounds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import propmat
from propmat import datasets, io

# Nothing stands out in these.
QUIET = (
    "Bamboo Foggy-Trees God-Rays Green-Maple Lichen-Branches Mountain Peaks Sea-of-Lanterns Spruce-Needles "
    "Sunset-Clouds aitzgorri_by_Aitzol_Berasategi brick grass gravel hubble_deep_field "
    "picosdeeuropa_by_Aitzol_Berasategi sunset_by_Aitzol_Berasategi Wine_by_Jakkub_Mede"
).split()
CROPS, PLAIN = 3, 20
LONGEST = 480  # pixels of blurred pictures
# Of a photograph the part that is used (left, top, right, bottom), the width of the band in pixels, and an outline.
OUTLINES = {
    "astronaut": (
        (0, 0, 512, 512),
        8,
        "170,40 200,22 225,15 255,20 285,40 298,70 300,95 290,115 275,135 265,150 258,172 285,190 "
        "303,220 305,240 335,265 "
        "350,290 362,335 365,347 400,343 450,360 480,395 497,440 500,455 510,475 515,515 75,515 60,505 "
        "35,480 22,470 25,430 "
        "18,390 25,340 35,300 50,265 75,235 113,208 117,190 118,180 128,165 150,150 185,150 180,130 "
        "170,120 155,105 153,85 "
        "155,65",
    ),
    "coffee": (
        (0, 0, 600, 400),
        6,
        "77,205 85,165 105,125 135,95 170,72 180,65 205,38 245,22 290,18 330,24 370,45 395,68 400,72 "
        "412,67 423,75 415,105 "
        "440,130 465,170 478,215 475,260 455,305 420,345 370,372 310,386 260,387 210,375 160,350 "
        "120,315 95,275 80,235",
    ),
    "Yellow-Flower": (
        (580, 30, 1080, 620),
        9,
        "35,157 82,170 120,183 118,110 140,70 180,35 225,25 235,60 250,55 320,60 430,72 460,100 445,120 "
        "420,130 460,180 "
        "475,220 455,235 453,262 410,262 380,270 365,340 357,420 365,490 375,540 350,560 330,490 "
        "315,450 260,400 225,350 "
        "195,300 155,315 150,300 110,278 75,270 55,230 42,185",
    ),
}
SETTLED = 0.04  # alpha within so much of 0 or 1 is that


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backgrounds", type=Path)
    parser.add_argument("--lemur", type=Path, required=True, help="a folder with foreground/lemur.png, alpha/lemur.png")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    make_backgrounds(arguments.backgrounds, arguments.out / "backgrounds")
    make_photographs(arguments.backgrounds, arguments.lemur, arguments.out / "photographs")


def make_backgrounds(source: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for split, name, picture in pictures_of(source):
        picture.save(folder / f"{name}.jpg", quality=92)
        rows.append(f"{name}.jpg,{split}\n")
    (folder / "credits.csv").write_text("file,split\n" + "".join(rows))


def pictures_of(source: Path) -> Iterator[tuple[str, str, Image.Image]]:
    """Split, name and picture of each background."""
    rng = np.random.default_rng(0)
    found = {path.stem: Image.open(path).convert("RGB") for path in sorted(datasets.backgrounds(source, "train"))}
    for name in QUIET:
        yield "train", name, found[name]
        for k in range(CROPS):
            yield "train", f"{name}-{k}", cropped(found[name], rng)
    for name, picture in found.items():
        yield "train", f"{name}-blurred", blurred(picture, rng)
    for k in range(PLAIN):
        yield "train", f"plain-{k:02}", gradient(rng, narrow=bool(k % 2))
    for path in datasets.backgrounds(source, "test"):
        yield "test", path.stem, Image.open(path).convert("RGB")


def cropped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    share = rng.uniform(0.3, 0.6)
    width, height = (round(share * side) for side in picture.size)
    left, top = int(rng.integers(picture.width - width)), int(rng.integers(picture.height - height))
    return picture.crop((left, top, left + width, top + height))


def blurred(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """With its channels in some order."""
    small = picture.copy()
    small.thumbnail((LONGEST, LONGEST))
    mixed = Image.fromarray(np.asarray(small)[..., rng.permutation(3)])
    return mixed.filter(ImageFilter.GaussianBlur(float(rng.uniform(8, 40))))


def gradient(rng: np.random.Generator, narrow: bool) -> Image.Image:
    """From one colour to another, a similar one if that is asked for, with noise."""
    rows, columns = np.mgrid[:360, :480] / 480
    angle, steepness = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 2)
    share = np.clip(0.5 + steepness * (np.cos(angle) * (columns - 0.5) + np.sin(angle) * (rows - 0.37)), 0, 1)
    first, second = rng.uniform(0.05, 0.95, (2, 3))
    second = np.clip(first + rng.uniform(-0.15, 0.15), 0, 1) if narrow else second
    colours = first + share[..., None] * (second - first) + rng.normal(0, rng.uniform(0, 0.03), (360, 480, 1))
    return Image.fromarray(np.rint(255 * colours.clip(0, 1)).astype(np.uint8))


def make_photographs(source: Path, lemur: Path, folder: Path) -> None:
    layers = {
        "lemur": (
            io.read_image(lemur / "foreground" / "lemur.png")[..., :3] / 255,
            io.read_matte(lemur / "alpha" / "lemur.png") / 255,
        )
    }
    flower = datasets.flower()
    layers["flower"] = cut_out(flower.image, flower.trimap)
    for name, (part, width, points) in OUTLINES.items():
        picture = Image.open(source / f"{name}.jpg").convert("RGB").crop(part)
        mask = Image.new("L", picture.size, 0)
        outline = [(int(x), int(y)) for x, y in (point.split(",") for point in points.split())]
        ImageDraw.Draw(mask).polygon(outline, fill=255)
        trimap = propmat.trimap_from_mask(np.asarray(mask) / 255, width=width)
        layers[name] = cut_out(np.asarray(picture) / 255, trimap)
    for kind in ("foreground", "alpha"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for name, (colours, alpha) in layers.items():
        settled = np.select([alpha < SETTLED, alpha > 1 - SETTLED], [0.0, 1.0], alpha)
        io.write_image(folder / "foreground" / f"{name}.jpg", colours.clip(0, 1))
        io.write_image(folder / "alpha" / f"{name}.png", settled)
    rows = "".join(f"{name},photograph,train\n" for name in layers)
    (folder / "index.csv").write_text("name,kind,split\n" + rows)


def cut_out(image: np.ndarray, trimap: propmat.Trimap | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    alpha = propmat.closed_form(image, trimap, epsilon=1e-5)
    return propmat.foreground(image, alpha)[0], alpha


if __name__ == "__main__":
    main()
