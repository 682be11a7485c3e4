"""Lace, doilies and tulle: cloth cut out by a mask, in some with half-transparent ground."""

from __future__ import annotations

import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, pick
from rendering.geometry import folded_sheet, smooth_noise
from rendering.scene import Scene
from rendering.solids import sheet

SIDE = 1100  # of the mask in pixels


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.1, (-0.1, 0.35))
    scene.opaque = False
    style = pick(rng, ("hexagons", "diagonals", "rings", "doily"))
    ground = rng.uniform(0.12, 0.45) if chance(rng, 0.35) else 0.0
    first = pick(rng, (np.array([0.8, 0.78, 0.72]), np.full(3, 0.02), colours.any_colour(rng)))
    _, colour = colours.pattern(rng, first, colours.any_colour(rng) if chance(rng, 0.3) else first)
    cloth = materials.thin(0.35, 0.8, materials.from_mask(mask(rng, style), ground))
    sheet(scene, folded_sheet(rng, rng.uniform(0.05, 0.28)), (130, 130), cloth, colour)
    scene.facts |= {"style": style, "ground": round(ground, 2)}


def mask(rng: Rng, style: str) -> np.ndarray:
    """The mask of a pattern on the unit square, slightly warped."""
    v, u = np.meshgrid(*[np.linspace(0, 1, SIDE)] * 2, indexing="ij")
    places, warp = np.stack([u, v, np.zeros_like(u)], axis=-1), rng.uniform(0.003, 0.014)
    u, v = (axis + warp * smooth_noise(rng, 18, 2)(places) for axis in (u, v))
    if style == "doily":
        thread = _doily(rng, u - 0.5, v - 0.5)
    else:
        thread = _ground(style, u, v, int(rng.integers(20, 55)), rng.uniform(0.1, 0.2))
        for _ in range(int(rng.integers(4, 16))):
            thread = _flower(rng, thread, u, v)
        thread |= (
            np.minimum.reduce([places[:, :, 0], 1 - places[:, :, 0], places[:, :, 1], 1 - places[:, :, 1]]) < 0.012
        )
    soft = thread.astype(np.float32)
    return (soft + np.roll(soft, 1, 0) + np.roll(soft, 1, 1) + np.roll(soft, (1, 1), (0, 1))) / 4


def _ground(style: str, u: np.ndarray, v: np.ndarray, cells: int, width: float) -> np.ndarray:
    """A net of equal cells."""
    x, y = u * cells, 1.1547 * v * cells
    if style == "diagonals":
        return np.minimum(_off(x + y), _off(x - y)) < 0.8 * width
    if style == "rings":
        return np.abs(np.hypot(_off(x), _off(y)) - 0.42) < 0.75 * width
    rows = [np.round(y) + shift for shift in (-1, 0, 1)]
    distances = [np.hypot(_off(x - 0.5 * (row % 2)), 0.866 * (y - row)) for row in rows]
    return np.minimum.reduce(distances) > 0.5 - 0.7 * width


def _off(values: np.ndarray) -> np.ndarray:
    """Distance from the nearest whole number."""
    return np.abs(values - np.round(values))


def _flower(rng: Rng, thread: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A flower in place of the ground."""
    x, y, size, petals = rng.random(), rng.random(), rng.uniform(0.04, 0.12), pick(rng, (4, 5, 6, 8))
    radius, angle = np.hypot(u - x, v - y) / size, np.arctan2(v - y, u - x)
    edge = 0.65 + 0.35 * np.cos(petals * angle + rng.uniform(0, 6))
    filled = (radius < 0.7 * edge) & (radius > 0.2) & (np.abs(np.sin(2 * petals * angle)) > 0.3)
    drawn = (np.abs(radius - edge) < 0.09) | filled | (np.abs(radius - 0.17) < 0.06)
    return np.where(radius < 1.12 * edge, False, thread) | drawn


def _doily(rng: Rng, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rings, rays and petals about the middle."""
    radius, angle, petals, rings = np.hypot(x, y), np.arctan2(y, x), int(rng.integers(10, 28)), int(rng.integers(5, 11))
    thread = (np.abs(np.sin(petals * pick(rng, (0.5, 1)) * angle)) * radius < rng.uniform(0.003, 0.006)) & (
        radius < 0.46
    )
    for ring in np.arange(1, rings + 1) / rings * 0.46:
        wave = rng.uniform(0, 0.025) * np.cos(petals * angle * pick(rng, (1, 2)))
        thread |= np.abs(radius - ring - wave) < rng.uniform(0.003, 0.008)
    band = radius * rings / 0.46
    thread |= (
        (np.abs(band % 1 - 0.5) < 0.32) & (np.cos(petals * angle) > rng.uniform(0.3, 0.8)) & (np.floor(band) % 2 == 1)
    )
    return thread & (radius < 0.47 + 0.02 * np.cos(2 * petals * angle))
