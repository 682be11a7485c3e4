"""Tufts of grass, some with seed heads; arching striped blades; dandelion clocks."""

from __future__ import annotations

import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, log_uniform, pick
from rendering.geometry import resampled, unit
from rendering.growth import Growth, grow, tapered
from rendering.plants import add_blades
from rendering.scene import Scene
from rendering.solids import ball, turned


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.15, (-0.05, 0.3))
    style = pick(rng, tuple(STYLES), (4, 2, 2))
    scene.facts |= {"style": style, "strands": STYLES[style](scene, rng)}


def _tuft(scene: Scene, rng: Rng) -> int:
    count, spread = int(log_uniform(rng, 60, 1400)), rng.uniform(0.08, 0.6)
    roots = np.concatenate([rng.normal(scale=spread, size=(count, 2)), np.full((count, 1), -1.0)], axis=1)
    lean = rng.normal(scale=rng.uniform(0.1, 0.35), size=(count, 3))
    headings = unit(roots * (0.5, 0.5, 0) + (0, 0, 1) + lean)
    shades = np.array(colours.GREENS)[rng.integers(len(colours.GREENS), size=count)]
    shades = shades * rng.normal(1, 0.2, (count, 1)).clip(0.4, 1.6)
    lengths, half = rng.uniform(0.5, 1.9, count), rng.uniform(0.5, 1, count) * log_uniform(rng, 1, 6) * scene.pixel / 2
    add_blades(scene, rng, roots, headings, lengths, half, shades, materials.thin(), rng.uniform(0.2, 2.2))
    if chance(rng, 0.5):
        _seed_heads(scene, rng, roots, headings)
    return count


def _seed_heads(scene: Scene, rng: Rng, roots: np.ndarray, headings: np.ndarray) -> None:
    """Stalks among the blades with fine bristles at their ends."""
    chosen = rng.integers(len(roots), size=pick(rng, (20, 50)))
    how = Growth(16, gravity=0.8, spread=0.1)
    stalks = grow(roots[chosen], headings[chosen], rng.uniform(1.3, 2.0), how, rng)
    straw, material = np.array([0.45, 0.36, 0.15]), materials.thin(0.3)
    scene.strands(stalks, material, straw, width=np.linspace(2.2, 1.0, 16))
    ends = np.repeat(stalks[:, -5:].reshape(-1, 3), 14, axis=0)
    ends = ends + rng.normal(scale=0.01, size=ends.shape)
    bristles = grow(ends, unit(rng.normal(size=ends.shape) + (0, 0, 0.8)), 0.13, Growth(5, gravity=0.3), rng)
    scene.strands(bristles, material, straw * 1.1, width=1.2 * tapered(5))


def _arching(scene: Scene, rng: Rng) -> int:
    """Long blades from one place, in a pot or not."""
    count = int(rng.integers(28, 130))
    angle, rise = rng.uniform(0, 2 * np.pi, count), rng.uniform(0.3, 1.4, count)
    headings = np.stack([np.cos(angle) * np.cos(rise), np.sin(angle) * np.cos(rise), np.sin(rise)], axis=1)
    shades = colours.of(rng, colours.GREENS[:4]) * rng.normal(1, 0.15, (count, 1)).clip(0.5, 1.5)
    half = rng.uniform(0.6, 1, count) * rng.uniform(0.012, 0.05)
    stripe = np.array([0.75, 0.75, 0.5]) if chance(rng, 0.6) else None
    roots, lengths = 0.06 * headings - (0, 0, 0.35), rng.uniform(0.8, 1.7, count)
    add_blades(scene, rng, roots, headings, lengths, half, shades, materials.thin(), rng.uniform(1.2, 3.2), stripe)
    if chance(rng, 0.6):
        pot = [(0, -1.0), (0.28, -1.0), (0.4, -0.38), (0.44, -0.38), (0.44, -0.3), (0.38, -0.3), (0, -0.42)]
        turned(scene, resampled(pot, 60, 1), materials.surface(rng, rough=0.6))
    return count


def _clocks(scene: Scene, rng: Rng) -> int:
    """Seed heads of dandelions: balls of stalks that end in parachutes."""
    total = 0
    for _ in range(int(rng.integers(1, 4))):
        centre, radius = rng.normal(scale=0.45, size=3) * (1, 0.5, 0.7) + (0, 0, 0.3), rng.uniform(0.35, 0.6)
        count = int(rng.integers(90, 260))
        out = unit(rng.normal(size=(count, 3)))
        if chance(rng, 0.4):  # some seeds have flown
            out = out[out @ unit(rng.normal(size=3)) > -0.4]
        ball(scene, materials.surface(rng, "plain", np.array([0.2, 0.12, 0.05]), 0.9), centre, 0.13 * radius)
        stem = grow(centre[np.newaxis], np.array([[0.0, 0, -1]]), 1.9, Growth(14, wave=0.6, spread=0.05), rng)
        scene.strands(stem, materials.thin(0.1), np.array([0.2, 0.25, 0.06]), radius=0.025)
        stalks = grow(np.broadcast_to(centre, out.shape), out, radius * 0.8, Growth(4, spread=0.02), rng)
        white, material = np.array([0.8, 0.79, 0.75]), materials.thin(0.4, 0.6)
        scene.strands(stalks, material, white, width=0.7)
        ends, axes = np.repeat(stalks[:, -1], 22, axis=0), np.repeat(out, 22, axis=0)
        hairs = grow(
            ends, unit(axes * 0.7 + 0.8 * rng.normal(size=axes.shape)), 0.26 * radius, Growth(4, spread=0.1), rng
        )
        scene.strands(hairs, material, white, width=0.5 * tapered(4, 0.6))
        total += len(hairs)
    return total


STYLES = {"tuft": _tuft, "arching": _arching, "clocks": _clocks}
