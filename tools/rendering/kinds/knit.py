"""Loose knitting: rows of loops with fluff."""

from __future__ import annotations

import bpy
import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, log_uniform, pick
from rendering.geometry import folded_sheet, unit
from rendering.growth import Growth, grow, tapered
from rendering.scene import Scene

POINTS = 14  # of a loop


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.1, (-0.2, 0.3))
    bpy.context.scene.cycles_curves.shape = "THICK"
    loops = int(rng.integers(12, 32))
    yarn, radius = _rows(rng, loops), rng.uniform(0.08, 0.17) * 2.2 / loops
    material = materials.hair(rng) if chance(rng, 0.5) else materials.thin(0.2, 0.9)
    own, band = [colours.any_colour(rng) for _ in range(3)], pick(rng, (2, 3, 5, 1000))
    shades = np.array([own[row // band % 3] for row in range(len(yarn))])
    scene.strands(yarn, material, shades, radius=radius)
    count = int(log_uniform(rng, 2000, 12000))
    row, point = rng.integers(yarn.shape[0], size=count), rng.integers(yarn.shape[1], size=count)
    how = Growth(6, gravity=0.3, wave=3, spread=0.2)
    fluff = grow(yarn[row, point], unit(rng.normal(size=(count, 3))), radius * rng.uniform(1.5, 5), how, rng)
    scene.strands(fluff, material, 1.1 * shades[row], width=0.6 * tapered(6))
    scene.facts |= {"strands": count, "style": f"{loops} loops"}


def _rows(rng: Rng, loops: int) -> np.ndarray:
    """Yarn (rows, points, 3) of loops that hold those of the row below."""
    cloth, rows, tall = folded_sheet(rng, 0.18), int(1.25 * loops), rng.uniform(0.55, 0.95)
    at = np.linspace(0, loops, loops * POINTS)
    yarn = []
    for row in range(rows):
        size = np.interp(at, np.arange(loops + 1), rng.normal(1, 0.14, loops + 1))
        drift = 0.08 * np.cumsum(rng.normal(size=at.size)) / np.sqrt(POINTS)
        x = at + drift + 0.3 * np.sin(4 * np.pi * at) * size
        z = 0.8 * row - tall * np.cos(2 * np.pi * at) * size + 0.05 * rng.normal()
        points = cloth(np.stack([x / loops, z / (0.8 * rows)], axis=1))
        points[:, 1] += 0.36 / loops * np.cos(4 * np.pi * at)
        yarn.append(points)
    return np.stack(yarn)
