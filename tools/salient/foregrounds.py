"""Foregrounds in the layout of rendered ones: photographs from outlines drawn by hand, pictograms, textures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import propmat
from propmat import datasets, io
from salient.backgrounds import cropped
from salient.outlines import OUTLINES, Outline

SETTLED = 0.04  # alpha within so much of 0 or 1 is that
SPREADS = 4, 16, 64  # pixels that colours are carried beyond a border
# Code points of pictograms that show something; flags, letters, clocks and signs are not among them.
SHOWN = (
    (0x1F300, 0x1F4FF),
    (0x1F56F, 0x1F5FA),
    (0x1F600, 0x1F64F),
    (0x1F680, 0x1F6A4),
    (0x1F6CB, 0x1F6FC),
    (0x1F90C, 0x1FAFF),
)
SIGNS = (0x1F3FB, 0x1F3FF), (0x1F493, 0x1F49F), (0x1F4A0, 0x1F4A4), (0x1F51F, 0x1F53D), (0x1F191, 0x1F251)
FACES = (0x1F600, 0x1F64F)  # so many that one in four is taken
THINNED = 2  # of pictograms, many of which differ little, one in so many is taken
TEXTURES = 150
Layers = tuple[np.ndarray, np.ndarray]


def make_photographs(source: Path, packages: Path, lemur: Path, folder: Path) -> None:
    colours = io.read_image(lemur / "foreground" / "lemur.png")[..., :3] / 255
    layers = {"lemur": (colours, io.read_matte(lemur / "alpha" / "lemur.png") / 255)}
    flower = datasets.flower()
    layers["flower"] = cut_out(flower.image, flower.trimap)
    for name, outline in OUTLINES.items():
        path = packages / outline.file if outline.packaged else source / outline.file
        layers[name] = outlined(path, outline)
    write(folder, ((name, "photograph", found) for name, found in layers.items()))


def outlined(path: Path, outline: Outline) -> Layers:
    """What a polygon goes around, its border within a band."""
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((outline.longest, outline.longest))
    picture = picture.crop(outline.part)
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).polygon(outline.corners, fill=255)
    trimap = propmat.trimap_from_mask(np.asarray(mask) / 255, width=outline.width)
    return cut_out(np.asarray(picture) / 255, trimap)


def cut_out(image: np.ndarray, trimap: propmat.Trimap | np.ndarray) -> Layers:
    alpha = propmat.closed_form(image, trimap, epsilon=1e-5)
    return propmat.foreground(image, alpha)[0], alpha


def make_pictograms(assets: Path, backgrounds: Path, folder: Path) -> None:
    """Fluent Emoji, and the shapes of some of them with textures of photographs."""
    write(folder, pictograms_and_textures(assets, backgrounds))


def pictograms_and_textures(assets: Path, backgrounds: Path) -> Iterator[tuple[str, str, Layers]]:
    rng = np.random.default_rng(0)
    paths = list(pictograms(assets, rng))[::THINNED]
    for path in paths:
        yield path.stem, "pictogram", pictogram(path)
    chosen = [paths[k] for k in rng.choice(len(paths), TEXTURES, replace=False)]
    surfaces = sorted(backgrounds.glob("*.jpg"))
    textures = [surfaces[k] for k in rng.integers(len(surfaces), size=TEXTURES)]
    for path, surface in zip(chosen, textures, strict=True):
        yield f"texture-{path.stem}", "texture", textured(pictogram(path)[1], surface, rng)


def pictograms(assets: Path, rng: np.random.Generator) -> Iterator[Path]:
    """Of those that differ by the colour of skin alone, one at random."""
    alike: dict[str, list[Path]] = {}
    for path in sorted(assets.glob("*.webp")):
        alike.setdefault(re.sub("-1f3f[b-f]", "", path.stem), []).append(path)
    for name, paths in alike.items():
        point = int(name.split("-")[0], 16)
        wanted = any(first <= point <= last for first, last in SHOWN)
        if wanted and not any(first <= point <= last for first, last in SIGNS):
            chosen = paths[rng.integers(len(paths))]
            if not FACES[0] <= point <= FACES[1] or rng.random() < 0.25:
                yield chosen


def pictogram(path: Path) -> Layers:
    pixels = np.asarray(Image.open(path).convert("RGBA")) / 255
    return carried(pixels[..., :3], pixels[..., 3]), pixels[..., 3]


def textured(alpha: np.ndarray, surface: Path, rng: np.random.Generator) -> Layers:
    part = cropped(Image.open(surface).convert("RGB"), rng).resize(alpha.shape[::-1])
    shade = np.asarray(Image.fromarray(np.rint(255 * alpha).astype(np.uint8)).filter(ImageFilter.GaussianBlur(12)))
    return np.asarray(part)[..., rng.permutation(3)] / 255 * (0.6 + 0.4 * shade[..., None] / 255), alpha


def carried(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colours, and beyond the border those of the border, so that scaling mixes no others in."""
    found, weight = colours * alpha[..., None], alpha.copy()
    for spread in SPREADS:
        levels = [np.rint(255 * plane).astype(np.uint8) for plane in (*np.moveaxis(found, -1, 0), weight)]
        soft = [np.asarray(Image.fromarray(x).filter(ImageFilter.GaussianBlur(spread))) / 255.0 for x in levels]
        around = np.stack(soft[:3], -1) / np.maximum(soft[3], 1e-3)[..., None]
        found += (1 - weight)[..., None] * (soft[3] > 0.05)[..., None] * around.clip(0, 1)
        weight = np.where(soft[3] > 0.05, 1.0, weight)
    return found.clip(0, 1)


def write(folder: Path, foregrounds: Iterable[tuple[str, str, Layers]]) -> None:
    """Name, kind and layers of each into the layout of rendered foregrounds."""
    for part in ("foreground", "alpha"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    rows = []
    for name, kind, (colours, alpha) in foregrounds:
        settled = np.select([alpha < SETTLED, alpha > 1 - SETTLED], [0.0, 1.0], alpha)
        io.write_image(folder / "foreground" / f"{name}.jpg", colours.clip(0, 1))
        io.write_image(folder / "alpha" / f"{name}.png", settled)
        rows.append(f"{name},{kind},train\n")
    (folder / "index.csv").write_text("name,kind,split\n" + "".join(rows))
