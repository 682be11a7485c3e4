"""See-through cloth: woven yarns with holes between them, and veils of a fixed opacity, in folds."""

from __future__ import annotations

import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, pick
from rendering.geometry import Field, folded_sheet, unit
from rendering.growth import Growth, grow, tapered
from rendering.scene import Scene
from rendering.solids import sheet


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.15, (-0.1, 0.3))
    style = pick(rng, ("woven", "veil", "scarf"), (4, 3, 2))
    extent = (rng.uniform(0.35, 0.6), 1.3) if style == "scarf" else (1.1, 1.1)
    cloth = folded_sheet(rng, rng.uniform(0.1, 0.35), extent)
    first = colours.any_colour(rng) if chance(rng, 0.5) else np.full(3, pick(rng, (0.8, 0.7, 0.02)))
    pattern, colour = colours.pattern(rng, first, colours.any_colour(rng))
    if style == "veil":
        _veil(scene, rng, cloth, colour)
    else:
        _woven(scene, rng, cloth, colour, extent)
    scene.facts |= {"style": style, "colour": pattern}


def _veil(scene: Scene, rng: Rng, cloth: Field, colour: colours.Colours) -> None:
    """One or two layers of the same opacity everywhere; folds that overlap are denser."""
    scene.opaque = False
    opacity = rng.uniform(0.12, 0.6)
    material = materials.thin(0.45, 0.7, materials.constant(opacity))
    for layer in range(pick(rng, (1, 1, 2))):
        sheet(scene, _moved(cloth, np.array([0.015, 0.15, 0]) * layer), (150, 150), material, colour)
    part, ends = np.linspace(0, 1, 150), (np.zeros(150), np.ones(150))
    hems = np.stack(
        [cloth(np.stack(side, axis=1)) for side in [(part, end) for end in ends] + [(end, part) for end in ends]]
    )
    scene.strands(
        hems, materials.thin(0.3, 0.8), colour(hems.reshape(-1, 3)).reshape(hems.shape), width=rng.uniform(1, 2.5)
    )
    scene.facts["ground"] = round(opacity, 2)


def _moved(cloth: Field, way: np.ndarray) -> Field:
    return lambda places: cloth(places) + way


def _woven(scene: Scene, rng: Rng, cloth: Field, colour: colours.Colours, extent: tuple[float, float]) -> None:
    """Warp and weft of yarns, some shifted and some missing, with fringes."""
    spacing = rng.uniform(1.6, 5) * scene.pixel
    counts = [int(np.clip(2 * side / spacing, 30, 170)) for side in extent]
    width = rng.uniform(0.25, 0.6) * spacing / scene.pixel
    points, material = 140, materials.thin(0.3, 0.85)
    part, ends = np.linspace(0, 1, points), []
    for axis, count in enumerate(counts):
        kept = rng.random(count) > pick(rng, (0, 0.02, 0.08))
        place = (np.arange(count) + rng.normal(scale=pick(rng, (0.05, 0.3)), size=count))[kept] / count
        wander = np.cumsum(rng.normal(scale=0.15 / count, size=(len(place), points)), axis=1)
        aside = place[:, np.newaxis] + wander - wander.mean(axis=1, keepdims=True)
        places = np.stack([aside, np.broadcast_to(part, aside.shape)][:: 1 if axis == 0 else -1], axis=-1)
        yarns = cloth(places.reshape(-1, 2)).reshape(*aside.shape, 3)
        over = np.where(np.arange(points) % 2, 1, -1) * np.where(np.arange(len(yarns)) % 2, 1, -1)[:, np.newaxis]
        yarns[:, :, 1] += 0.25 * spacing * over * (-1) ** axis
        uneven = rng.normal(1, 0.15, (len(yarns), 1)).clip(0.6, 1.5)
        scene.strands(yarns, material, colour(yarns.reshape(-1, 3)).reshape(yarns.shape), width=width * uneven)
        ends += [yarns[:, -1]] if axis == 0 else [yarns[:, 0], yarns[:, -1]]
    _fringe(scene, rng, np.concatenate(ends), colour, width)
    scene.facts |= {"strands": sum(counts), "strand_px": round(width, 2)}


def _fringe(scene: Scene, rng: Rng, ends: np.ndarray, colour: colours.Colours, width: float) -> None:
    """Loose ends of the yarns."""
    roots = np.repeat(ends, 3, axis=0)
    how = Growth(8, gravity=1.5, wave=2, stray=0.2, spread=0.4)
    strands = grow(roots, unit(roots * (1, 0.2, 1)), rng.uniform(0.03, 0.2), how, rng)
    scene.strands(strands, materials.thin(0.3, 0.85), colour(roots), width=0.6 * width * tapered(8, 0.5))
