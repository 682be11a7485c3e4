"""Leaves on a twig: narrow to round, lobed, eaten by insects; and fern fronds."""

from __future__ import annotations

import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, log_uniform, pick
from rendering.geometry import along, unit
from rendering.growth import Growth, grow
from rendering.plants import LeafShape, add_branches, add_leaves, branches
from rendering.scene import Scene


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.15)
    style = pick(rng, ("whole", "lobed", "eaten", "needles", "fern"), (3, 2, 1.5, 1.5, 2))
    palette = colours.GREENS if chance(rng, 0.7) else colours.AUTUMN
    count = _fern(scene, rng, palette) if style == "fern" else _twig(scene, rng, style, palette)
    scene.facts |= {"style": style, "strands": count}


def _twig(scene: Scene, rng: Rng, style: str, palette: tuple[tuple[float, float, float], ...]) -> int:
    """Leaves or needles on the thinner branches; returns their number."""
    root, heading = np.array([rng.normal(0, 0.2), 0, -1.1]), unit(rng.normal(scale=0.35, size=3) + (0, 0, 1))
    grown = branches(rng, root, heading, rng.uniform(1.4, 1.8), log_uniform(rng, 0.012, 0.035), 2)
    add_branches(scene, rng, grown, materials.thin(0, 0.8), colours.of(rng, colours.BARK))
    thin = [one for one in grown if one.order < 2]
    points = np.concatenate([one.points[4:] for one in thin])
    tangents = np.concatenate([along(one.points)[4:] for one in thin])
    count = int(log_uniform(rng, 1500, 5000) if style == "needles" else log_uniform(rng, 25, 260))
    chosen = rng.integers(len(points), size=count)
    headings = unit(tangents[chosen] + rng.normal(scale=0.5 if style == "needles" else 0.9, size=(count, 3)))
    shades = _shades(rng, palette, count)
    if style == "needles":
        how = Growth(4, wave=0.3, spread=0.1)
        strands = grow(points[chosen], headings, rng.uniform(0.12, 0.3), how, rng)
        scene.strands(strands, materials.thin(0.2), shades, width=rng.uniform(0.8, 2.0) * np.array([0.8, 1, 0.9, 0.3]))
        return count
    size = float(np.clip(2.6 / np.sqrt(count), 0.12, 0.5)) * rng.uniform(0.7, 1.2)
    shape = LeafShape(rng.uniform(0.2, 0.55), 0.35 if style == "lobed" else 0.0, int(rng.integers(4, 8)))
    eaten = materials.eaten(rng.uniform(3, 7), rng.uniform(0.6, 0.66)) if style == "eaten" else None
    scene.opaque = eaten is None
    material = materials.thin(0.35, 0.4, eaten)
    add_leaves(scene, rng, points[chosen], headings, size * rng.uniform(0.5, 1.2, count), shades, material, shape)
    return count


def _fern(scene: Scene, rng: Rng, palette: tuple[tuple[float, float, float], ...]) -> int:
    """Fronds from one place, each with two rows of leaflets."""
    count, points = int(rng.integers(3, 9)), 40
    angle = rng.uniform(0, 2 * np.pi, count)
    headings = unit(np.stack([np.cos(angle), np.sin(angle), rng.uniform(0.8, 2.5, count)], axis=1))
    how = Growth(points, gravity=rng.uniform(1, 2.5), wave=0.3, spread=0.05)
    fronds = grow(np.tile((0, 0, -0.9), (count, 1)), headings, rng.uniform(1.4, 2.0), how, rng)
    scene.strands(fronds, materials.thin(0.1), np.array([0.1, 0.12, 0.04]), width=np.linspace(3, 0.8, points))
    forward, part = along(fronds), np.linspace(0, 1, points)
    sideways = unit(np.cross(forward, (0.05, 0.02, 1)))
    sizes = np.sin(np.pi * np.clip(part * 1.02, 0, 1) ** 0.7)[3:] * rng.uniform(0.25, 0.45)
    for side in (-1, 1):
        out = unit(side * sideways + 0.5 * forward)[:, 3:].reshape(-1, 3)
        lengths = np.tile(sizes, count) * rng.uniform(0.85, 1.1, len(out)) + 0.01
        shades, shape = _shades(rng, palette[:3], len(out)), LeafShape(0.16, 0.25, 6)
        add_leaves(scene, rng, fronds[:, 3:].reshape(-1, 3), out, lengths, shades, materials.thin(0.35), shape)
    return 2 * count * (points - 3)


def _shades(rng: Rng, palette: tuple[tuple[float, float, float], ...], count: int) -> np.ndarray:
    own = np.array([colours.of(rng, palette) for _ in range(3)])
    return own[rng.integers(3, size=count)] * rng.uniform(0.6, 1.4, (count, 1))
