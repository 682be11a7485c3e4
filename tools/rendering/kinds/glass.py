"""Thin glass, partly tinted: tumblers, bottles, bowls, bubbles and lenses, some with something inside."""

from __future__ import annotations

import math

import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, pick
from rendering.geometry import resampled, rotation, unit
from rendering.growth import Growth, grow
from rendering.scene import Material, Scene
from rendering.solids import ball, primitive, turned

PROFILES = {
    "tumbler": [(0, -0.85), (0.5, -0.85), (0.55, -0.4), (0.6, 0), (0.65, 0.85)],
    "wine": [
        (0, -1),
        (0.45, -1),
        (0.4, -0.96),
        (0.05, -0.92),
        (0.045, -0.2),
        (0.25, -0.1),
        (0.5, 0.25),
        (0.52, 0.6),
        (0.42, 1),
    ],
    "bottle": [(0, -1), (0.42, -1), (0.44, -0.9), (0.44, 0.15), (0.36, 0.35), (0.15, 0.5), (0.14, 0.95), (0.17, 1)],
    "bowl": [(0, -0.5), (0.3, -0.5), (0.7, -0.2), (0.9, 0.15), (0.95, 0.4)],
    "vase": [(0, -1), (0.35, -1), (0.55, -0.5), (0.5, 0), (0.28, 0.5), (0.3, 0.75), (0.45, 1)],
}


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.15, (-0.05, 0.4))
    scene.opaque = False
    style = pick(rng, (*PROFILES, "bubble", "lens"))
    material, turn = materials.glass(rng), rotation(rng.normal(0, 0.12), rng.normal(0, 0.2))
    if style == "bubble":
        _bubble(scene, rng, material)
    elif style == "lens":
        _lens(scene, rng, material, turn)
    else:
        _vessel(scene, rng, material, turn, style)
    scene.facts["style"] = style


def _bubble(scene: Scene, rng: Rng, material: Material) -> None:
    ball(scene, material, radii=0.9, detail=6)
    ball(scene, material, radii=0.9 * (1 - 0.4 * rng.uniform(0.015, 0.05)), detail=6).data.flip_normals()


def _lens(scene: Scene, rng: Rng, material: Material, turn: np.ndarray) -> None:
    """A magnifying glass."""
    ball(scene, material, radii=(0.8, 0.12, 0.8), turn=turn, detail=6)
    primitive(
        scene, "torus", materials.surface(rng, "metal"), (0, 0, 0), 0.83, turn @ rotation(math.pi / 2), thickness=0.07
    )
    primitive(scene, "cylinder", materials.surface(rng), turn @ (0, 0, -1.25), (0.08, 0.08, 0.42), turn)


def _vessel(scene: Scene, rng: Rng, material: Material, turn: np.ndarray, style: str) -> None:
    """A turned profile with a wall."""
    outer = resampled(PROFILES[style], 50)
    slope = np.gradient(outer, axis=0)
    inner = outer + rng.uniform(0.015, 0.05) * unit(np.stack([-slope[:, 1], slope[:, 0]], axis=1))
    inner[:, 0] = np.maximum(inner[:, 0], 0)
    turned(scene, np.concatenate([outer, inner[::-1]]), material, turn=turn)
    if chance(rng, 0.4):
        at = turn @ (0, 0, 0.25 if style == "wine" else -0.55)
        ball(scene, materials.surface(rng), at, 0.26)
    if chance(rng, 0.35):
        headings = unit(rng.normal(scale=0.15, size=(5, 3)) + (0, 0, 1))
        stalks = grow(np.tile(turn @ (0, 0, -0.6), (5, 1)), headings, 1.9, Growth(12, gravity=0.4, spread=0.05), rng)
        scene.strands(stalks, materials.thin(), colours.of(rng, colours.GREENS), radius=0.02)
