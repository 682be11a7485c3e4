"""Backgrounds for composites in which one thing stands out: pictures of packages, views of panoramas, patterns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from propmat import datasets
from salient import panoramas, patterns

# Of `propmat.datasets.backgrounds`, and of its split for tests: nothing stands out in these.
QUIET = (
    "Bamboo Foggy-Trees God-Rays Green-Maple Lichen-Branches Mountain Peaks Sea-of-Lanterns Spruce-Needles "
    "Sunset-Clouds aitzgorri_by_Aitzol_Berasategi brick grass gravel hubble_deep_field "
    "picosdeeuropa_by_Aitzol_Berasategi sunset_by_Aitzol_Berasategi Wine_by_Jakkub_Mede"
).split()
HERE = Path(__file__).parent
CROPS, VIEWS, HELD_OUT_VIEWS, PATTERNS, PLAIN = 3, 6, 4, 60, 24
LONGEST = 800  # pixels of a picture that is kept
BLURRED = 480  # pixels of one that is blurred
Named = tuple[str, Image.Image]


def make_backgrounds(source: Path, packages: Path, folder: Path) -> None:
    """Write DIR/backgrounds to train on, and DIR/held_out, of other pictures, with a credits.csv each."""
    rng = np.random.default_rng(0)
    made = {"backgrounds": to_train_on(source, packages, rng), "held_out": held_out(packages, rng)}
    for name, pictures in made.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        rows = []
        for title, picture in pictures:
            picture.thumbnail((LONGEST, LONGEST))
            picture.save(folder / name / f"{title}.jpg", quality=92)
            rows.append(f"{title}.jpg,train\n")
        (folder / name / "credits.csv").write_text("file,split\n" + "".join(rows))


def to_train_on(source: Path, packages: Path, rng: np.random.Generator) -> Iterator[Named]:
    found = {path.stem: Image.open(path).convert("RGB") for path in sorted(datasets.backgrounds(source, "train"))}
    quiet = {name: found[name] for name in QUIET}
    rows = [row for row in rows_of("pictures.csv") if row["split"] == "train"]
    for row in rows:
        found[row["name"]] = opened(packages, row)
    quiet |= {row["name"]: found[row["name"]] for row in rows if row["quiet"] == "yes"}
    for name, picture in quiet.items():
        yield name, picture
        for k in range(CROPS):
            yield f"{name}-{k}", cropped(picture, rng)
    for name, picture in found.items():
        yield f"{name}-blurred", blurred(picture, rng)
    yield from views(packages, "train", VIEWS, rng)
    for k in range(PATTERNS):
        make = patterns.MAKERS[k % len(patterns.MAKERS)]
        yield f"{make.__name__}-{k:02}", make(rng)
    for k in range(PLAIN):
        yield f"plain-{k:02}", patterns.gradient(rng, narrow=bool(k % 2))


def held_out(packages: Path, rng: np.random.Generator) -> Iterator[Named]:
    """Backgrounds that nothing is trained on and no test has."""
    for row in rows_of("pictures.csv"):
        if row["split"] == "held out":
            picture = opened(packages, row)
            yield row["name"], picture
            yield f"{row['name']}-part", cropped(picture, rng)
    yield from views(packages, "held out", HELD_OUT_VIEWS, rng)


def views(packages: Path, split: str, count: int, rng: np.random.Generator) -> Iterator[Named]:
    for row in rows_of("panoramas.csv"):
        if row["split"] == split:
            panorama = panoramas.read(packages / row["package"] / row["path"])
            for k in range(count):
                yield f"{row['name']}-view-{k}", panoramas.view(panorama, 2 * np.pi * k / count, rng)


def rows_of(name: str) -> list[dict[str, str]]:
    with open(HERE / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def opened(packages: Path, row: dict[str, str]) -> Image.Image:
    return Image.open(packages / row["package"] / row["path"]).convert("RGB")


def cropped(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    share = rng.uniform(0.3, 0.6)
    width, height = (round(share * side) for side in picture.size)
    left, top = int(rng.integers(picture.width - width)), int(rng.integers(picture.height - height))
    return picture.crop((left, top, left + width, top + height))


def blurred(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Beyond recognition, with its channels in some order."""
    small = picture.copy()
    small.thumbnail((BLURRED, BLURRED))
    mixed = Image.fromarray(np.asarray(small)[..., rng.permutation(3)])
    return mixed.filter(ImageFilter.GaussianBlur(float(rng.uniform(8, 40))))
