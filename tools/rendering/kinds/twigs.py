"""Bare branches, down to twigs of a pixel; sometimes with thorns or buds."""

from __future__ import annotations

import math

import bpy
import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, log_uniform, pick
from rendering.geometry import unit
from rendering.growth import Growth, grow, tapered
from rendering.plants import Branch, add_branches, branches
from rendering.scene import Scene


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.2)
    bpy.context.scene.cycles_curves.shape = "THICK"
    material, colour = materials.thin(0, 0.8), colours.of(rng, colours.BARK)
    grown: list[Branch] = []
    for _ in range(pick(rng, (1, 1, 2, 3))):
        root, heading = _start(rng)
        grown += branches(rng, root, heading, rng.uniform(1.3, 2), log_uniform(rng, 0.012, 0.06), pick(rng, (2, 2, 3)))
    add_branches(scene, rng, grown, material, colour)
    ends = pick(rng, ("bare", "thorns", "buds"), (3, 1, 1))
    if ends != "bare":
        _ends(scene, rng, grown, ends)
    scene.brightness = 0.7
    scene.facts |= {"style": ends, "strands": len(grown)}


def _start(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """From below or from aside."""
    if chance(rng, 0.5):
        return np.array([rng.normal(0, 0.3), 0, -1.1]), unit(rng.normal(scale=0.25, size=3) + (0, 0, 1))
    angle = rng.uniform(0, 2 * math.pi)
    out = np.array([math.cos(angle), 0, math.sin(angle)])
    return 1.2 * out, unit(rng.normal(scale=0.25, size=3) - out)


def _ends(scene: Scene, rng: Rng, grown: list[Branch], kind: str) -> None:
    """Short spikes or fluffy buds all along."""
    points = np.concatenate([one.points[3:] for one in grown])
    roots = points[rng.integers(len(points), size=min(400, 2 * len(points)))]
    if kind == "thorns":
        strands = grow(roots, unit(rng.normal(size=roots.shape)), 0.06, Growth(4, spread=0), rng)
        scene.strands(strands, materials.thin(0, 0.6), np.array([0.3, 0.2, 0.1]), width=2 * tapered(4))
        return
    down = np.repeat(roots[:60], 80, axis=0) + rng.normal(scale=0.012, size=(min(60, len(roots)) * 80, 3))
    strands = grow(down, unit(rng.normal(size=down.shape)), 0.05, Growth(4, spread=0.3), rng)
    scene.strands(strands, materials.hair(rng), np.array([0.7, 0.68, 0.6]), width=0.6 * tapered(4))
