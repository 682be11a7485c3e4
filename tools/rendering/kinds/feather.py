"""One to four feathers: shaft, barbs that split, down at the base."""

from __future__ import annotations

import math

import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, pick
from rendering.geometry import rotation, unit
from rendering.growth import tapered
from rendering.scene import Material, Scene

POINTS = 12  # of a barb


def build(scene: Scene, rng: Rng) -> None:
    count, downy = pick(rng, (1, 1, 2, 3, 4)), chance(rng, 0.4)
    scene.look(rng, 1.15, (-0.1, 0.2))
    material = materials.thin(0.3, 0.5)
    barbs = sum(_feather(scene, rng, material, (one - count / 2) * 0.35, downy) for one in range(count))
    scene.facts |= {"style": "down" if downy else "vane", "objects": count, "strands": barbs}


def _feather(scene: Scene, rng: Rng, material: Material, lean: float, downy: bool) -> int:
    """Returns the number of barbs."""
    turn = rotation(rng.normal(0, 0.3), rng.uniform(-0.9, 0.9) + lean, rng.normal(0, 0.5))
    root, bend = np.array([rng.normal(0, 0.1), rng.normal(0, 0.15), -0.95]), rng.uniform(-0.5, 0.5)

    def shaft(part: np.ndarray) -> np.ndarray:
        return np.stack([bend * part**2, 0.12 * np.sin(2 * part), 1.95 * part], axis=1)

    rows = int(rng.integers(240, 420))
    part, side = np.repeat(np.linspace(0.04, 1, rows), 2), np.tile([-1.0, 1.0], rows)
    tangent = unit(np.stack([2 * bend * part, 0.24 * np.cos(2 * part), np.full(2 * rows, 1.95)], axis=1))
    fluffy = part < rng.uniform(0.1, 0.3)
    barbs = _barbs(rng, shaft(part), tangent, part, side, fluffy, downy)
    thin = 0.45 * scene.pixel
    wide = thin if downy else 1.9 / rows * rng.uniform(0.55, 0.8)
    radii = np.where(fluffy, thin, wide)[:, np.newaxis] * tapered(POINTS, 0.75)
    scene.strands(barbs @ turn.T + root, material, _colours(rng, part), radius=radii)
    line = shaft(np.linspace(-0.12, 1, 24))[np.newaxis] @ turn.T + root
    quill = np.array([0.6, 0.5, 0.35]) * rng.uniform(0.3, 1.2)
    scene.strands(line, material, quill, radius=np.linspace(0.022, 0.003, 24))
    return 2 * rows


def _barbs(
    rng: Rng,
    roots: np.ndarray,
    tangent: np.ndarray,
    part: np.ndarray,
    side: np.ndarray,
    fluffy: np.ndarray,
    downy: bool,
) -> np.ndarray:
    """Barbs (n, points, 3): groups that split from each other, loose where fluffy."""
    count, angle = len(part), rng.uniform(0.5, 0.95)
    profile = np.clip(np.sin(np.pi * part**0.8), 0.06, 1) ** 0.6 * np.where(
        part > 0.92, np.clip((1.02 - part) * 8 + 0.2, 0.15, 1), 1
    )
    lengths = rng.uniform(0.16, 0.4) * profile * np.where(side > 0, 1, rng.uniform(0.5, 1)) / math.sin(angle)
    group = np.cumsum(rng.random(count) < rng.uniform(0.01, 0.05))
    split = rng.normal(scale=rng.uniform(0.03, 0.2), size=group[-1] + 1)[group]
    open_by = (angle + split * np.where(fluffy, 2.5, 1))[:, np.newaxis]
    sideways = np.stack([side, *np.zeros((2, count))], axis=1)
    heading = unit(tangent * np.cos(open_by) + sideways * np.sin(open_by))
    heading[:, 1] += rng.normal(scale=np.where(fluffy, 0.5, 0.03))
    loose = np.where(fluffy, 0.25, 0.08 if downy else 0.0)[:, np.newaxis]
    at, barb = roots, [roots]
    for _ in range(POINTS - 1):
        heading = unit(heading + 0.6 / POINTS * tangent + loose * rng.normal(size=heading.shape))
        at = at + heading * (lengths * np.where(fluffy, 1.2, 1))[:, np.newaxis] / (POINTS - 1)
        barb.append(at)
    return np.stack(barb, axis=1)


def _colours(rng: Rng, part: np.ndarray) -> np.ndarray:
    """Bars along the shaft, and edges of another colour."""
    ground, bar, edge = (
        colours.of(rng, colours.NATURAL) if chance(rng, 0.5) else colours.any_colour(rng) for _ in range(3)
    )
    barred = (np.sin(part * rng.uniform(10, 40)) > rng.uniform(-0.3, 0.7)) * pick(rng, (0, 1, 1))
    outer = np.clip(3 * (np.linspace(0, 1, POINTS) - 0.6), 0, 1) * pick(rng, (0, 0.8))
    colour = np.where(barred[:, np.newaxis] > 0, bar, ground)[:, np.newaxis]
    colour = colour * (1 - outer[:, np.newaxis]) + edge * outer[:, np.newaxis]
    return colour * rng.normal(1, 0.08, (len(part), 1, 1))
