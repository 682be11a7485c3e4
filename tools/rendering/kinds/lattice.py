"""Stiff things one looks through: bicycles, wheels, baskets, cages, grids, fences and chains."""

from __future__ import annotations

import bpy
import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, pick
from rendering.geometry import rotation
from rendering.scene import Material, Scene
from rendering.solids import primitive


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.2, (-0.1, 0.35))
    bpy.context.scene.cycles_curves.shape = "THICK"
    style = pick(rng, tuple(STYLES), (3, 2, 2, 2, 2, 2))
    turn = rotation(rng.normal(0, 0.1), rng.normal(0, 0.1), rng.uniform(-0.9, 0.9))
    STYLES[style](scene, rng, turn)
    scene.facts["style"] = style


def _rods(
    scene: Scene, lines: list[np.ndarray], radius: float, material: Material, colour: np.ndarray, turn: np.ndarray
) -> None:
    """Rods of equal radius along polylines of any lengths."""
    for points in lines:
        scene.strands(points[np.newaxis] @ turn.T, material, colour, radius=radius)


def _line(*corners: tuple[float, float, float]) -> np.ndarray:
    """A polyline through corners, with points between them."""
    at = np.array(corners, float)
    return np.stack([np.interp(np.linspace(0, len(at) - 1, 24), np.arange(len(at)), axis) for axis in at.T], axis=1)


def _circle(radius: float, centre: tuple[float, float, float], upright: bool, points: int = 97) -> np.ndarray:
    """A circle in the plane of x and z, or of x and y."""
    angle = np.linspace(0, 2 * np.pi, points)
    flat = radius * np.stack([np.cos(angle), np.zeros(points), np.sin(angle)], axis=1)
    return np.array(centre) + (flat if upright else flat[:, [0, 2, 1]])


def _metal(rng: Rng) -> np.ndarray:
    return colours.of(rng, colours.METALS)


def _spokes(rng: Rng, centre: np.ndarray, radius: float) -> np.ndarray:
    """Spokes (n, 4, 3) from both sides of a hub to a rim, crossing each other."""
    count = 2 * int(rng.integers(8, 19))
    angle, side = np.arange(count) / count * 2 * np.pi, np.where(np.arange(count) % 2, 1.0, -1.0)
    lean = rng.uniform(0.1, 1.1) * np.where(np.arange(count) // 2 % 2, 1, -1)
    hub = 0.08 * radius * np.stack([np.cos(angle + lean), side, np.sin(angle + lean)], axis=1)
    rim = radius * np.stack([np.cos(angle), 0 * angle, np.sin(angle)], axis=1)
    part = np.linspace(0, 1, 4)[:, np.newaxis]
    return centre + hub[:, np.newaxis] * (1 - part) + rim[:, np.newaxis] * part


def _wheel(scene: Scene, rng: Rng, centre: tuple[float, float, float], radius: float, turn: np.ndarray) -> None:
    """Tyre, rim, hub and spokes in the plane of x and z."""
    at, material = np.array(centre), materials.thin(0, 0.3)
    tyre = rng.uniform(0.03, 0.1) * radius
    rubber = materials.surface(rng, "plain", np.full(3, 0.015) if chance(rng, 0.7) else colours.any_colour(rng), 0.7)
    upright = turn @ rotation(np.pi / 2)
    primitive(scene, "torus", rubber, turn @ at, radius, upright, thickness=tyre / radius)
    _rods(scene, [_circle(radius - tyre, centre, True)], 0.35 * tyre, material, _metal(rng), turn)
    scene.strands(_spokes(rng, at, radius - tyre) @ turn.T, material, _metal(rng), width=rng.uniform(0.6, 2.0))
    hub = materials.surface(rng, "metal")
    primitive(scene, "cylinder", hub, turn @ at, np.array([0.06, 0.06, 0.12]) * radius, upright, bevel=0.005)


def _one_wheel(scene: Scene, rng: Rng, turn: np.ndarray) -> None:
    _wheel(scene, rng, (0, 0, 0), 1.0, turn)


# Places of a bicycle of length 2 with its front to the right: axles, bottom bracket, saddle, head.
BACK, FRONT, CRANK, SADDLE, HEAD = (-0.75, 0, -0.4), (0.75, 0, -0.4), (-0.1, 0, -0.4), (-0.35, 0, 0.35), (0.5, 0, 0.3)
CHAIN = ((-0.1, 0.06, -0.3), (-0.75, 0.06, -0.36), (-0.75, 0.06, -0.44), (-0.1, 0.06, -0.5), (-0.1, 0.06, -0.3))


def _bicycle(scene: Scene, rng: Rng, turn: np.ndarray) -> None:
    for centre in (BACK, FRONT):
        _wheel(scene, rng, centre, 0.5, turn)
    paint, material = colours.any_colour(rng), materials.thin(0, 0.25)
    tubes = [_line(CRANK, SADDLE), _line(SADDLE, HEAD), _line(CRANK, HEAD), _line(HEAD, FRONT)]
    stays = [_line((x, side * 0.05, z), BACK) for x, _, z in (CRANK, SADDLE) for side in (-1, 1)]
    _rods(scene, tubes, 0.03, material, paint, turn)
    _rods(scene, stays, 0.015, material, paint, turn)
    _controls(scene, rng, turn)


def _controls(scene: Scene, rng: Rng, turn: np.ndarray) -> None:
    """Handlebars, pedals, chain and saddle of a bicycle."""
    metal, material = _metal(rng), materials.thin(0, 0.25)
    top = (0.52, 0, 0.5)
    bars = [_line(HEAD, top), _line((0.4, -0.3, 0.55), top, (0.4, 0.3, 0.55)), _line(SADDLE, (-0.38, 0, 0.45))]
    pedals = [_line((-0.1, side * 0.1, -0.4), (-0.1 + side * 0.15, side * 0.12, -0.52)) for side in (-1, 1)]
    _rods(scene, bars + pedals, 0.02, material, metal, turn)
    _rods(scene, [_line(*CHAIN)], 0.008, material, 0.3 * metal, turn)
    leather = materials.surface(rng, "plain", np.full(3, 0.03), 0.7)
    primitive(scene, "box", leather, turn @ (-0.38, 0, 0.48), (0.16, 0.07, 0.03), turn, bevel=0.02)
    primitive(scene, "torus", leather, turn @ np.array(CRANK), 0.1, turn @ rotation(np.pi / 2), thickness=0.12)


def _basket(scene: Scene, rng: Rng, turn: np.ndarray) -> None:
    """Stakes and weavers that go in and out, with a handle or not."""
    height, top, bottom = rng.uniform(0.5, 0.9), rng.uniform(0.75, 1.0), rng.uniform(0.5, 0.75)
    stakes, rows = 2 * int(rng.integers(10, 20)) + 1, int(rng.integers(4, 12))
    angle, straw = np.arange(stakes) / stakes * 2 * np.pi, np.array([0.45, 0.28, 0.12]) * rng.uniform(0.5, 1.5)
    feet, heads = ([(r * np.cos(a), r * np.sin(a), z) for a in angle] for r, z in ((bottom, -height), (top, height)))
    material, radius = materials.thin(0.05, 0.7), rng.uniform(0.012, 0.03)
    _rods(scene, [_line(foot, end) for foot, end in zip(feet, heads, strict=True)], radius, material, straw, turn)
    around = np.linspace(0, 2 * np.pi, 16 * stakes + 1)
    for row, part in enumerate(np.linspace(0.04, 1, rows)):
        wave = radius * 1.8 * np.cos(stakes / 2 * around + np.pi * (row % 2))
        out = bottom + (top - bottom) * part + wave
        level = np.full_like(around, -height + 2 * height * part)
        _rods(
            scene,
            [np.stack([out * np.cos(around), out * np.sin(around), level], axis=1)],
            radius,
            material,
            0.85 * straw,
            turn,
        )
    if chance(rng, 0.5):
        arc = np.linspace(0, np.pi, 60)
        handle = np.stack([top * np.cos(arc), 0 * arc, height + 1.1 * top * np.sin(arc)], axis=1)
        _rods(scene, [handle], 1.5 * radius, material, straw, turn)


def _cage(scene: Scene, rng: Rng, turn: np.ndarray) -> None:
    """A bird cage with a dome."""
    count, radius = int(rng.integers(12, 30)), rng.uniform(0.6, 0.85)
    arc = np.concatenate([np.zeros(10), np.linspace(0, np.pi / 2, 30)])
    level = np.concatenate([np.linspace(-1, 0.3, 10), 0.3 + radius * np.sin(arc[10:])])
    out = radius * np.cos(arc)
    wires = [np.stack([out * np.cos(a), out * np.sin(a), level], axis=1) for a in np.arange(count) / count * 2 * np.pi]
    rings = [_circle(radius, (0, 0, z), False) for z in np.linspace(-1, 0.3, int(rng.integers(2, 5)))]
    thin, material = rng.uniform(0.008, 0.018), materials.thin(0, 0.3)
    colour = _metal(rng) if chance(rng, 0.6) else colours.any_colour(rng)
    _rods(scene, wires, thin, material, colour, turn)
    _rods(scene, [*rings, _circle(0.12, (0, 0, 0.42 + radius), True)], 1.6 * thin, material, colour, turn)
    primitive(scene, "cylinder", materials.surface(rng), turn @ (0, 0, -1.02), (radius, radius, 0.04), turn)
    if chance(rng, 0.5):
        _rods(scene, [_line((-radius, 0, -0.2), (radius, 0, -0.2))], 0.03, material, np.array([0.3, 0.2, 0.1]), turn)


def _fence(scene: Scene, rng: Rng, turn: np.ndarray) -> None:
    """Wrought iron: bars with points, rails and curls between them."""
    material, colour = materials.thin(0, 0.5), colours.of(rng, (*colours.METALS, (0.02, 0.02, 0.02)))
    at, radius = np.linspace(-1, 1, int(rng.integers(6, 16))), rng.uniform(0.012, 0.03)
    bars = [_line((x, 0, -0.9), (x, 0, 0.9)) for x in at]
    rails = [_line((-1.1, 0, z), (1.1, 0, z)) for z in (-0.8, rng.uniform(0.2, 0.6), 0.8)]
    curl = np.diff(at)[0] * rng.uniform(0.25, 0.48) * _curl()
    curls = [curl + (x, 0, z) for x in (at[1:] + at[:-1]) / 2 for z in (-0.5, 0)]
    _rods(scene, bars + rails, radius, material, colour, turn)
    _rods(scene, curls, 0.6 * radius, material, colour, turn)
    iron, point = materials.surface(rng, "plain", colour, 0.5), (2 * radius, 2 * radius, 0.1)
    for x in at:
        primitive(scene, "cone", iron, turn @ (x, 0, 0.98), point, turn, bevel=0)


def _curl() -> np.ndarray:
    """A spiral of two turns in the plane of x and z."""
    angle, radius = np.linspace(0, 4 * np.pi, 80), np.linspace(1, 0.15, 80)
    return np.stack([radius * np.cos(angle), 0 * angle, radius * np.sin(angle)], axis=1)


def _chains(scene: Scene, rng: Rng, turn: np.ndarray) -> None:
    """Links that hang from two ends."""
    material = materials.surface(rng, "metal")
    for level in range(int(rng.integers(1, 4))):
        links, sag = int(rng.integers(12, 30)), rng.uniform(0.3, 1.2)
        x = np.linspace(-1.1, 1.1, links)
        z = sag * (x**2 - 0.7) + 0.35 * level
        slope, size = np.arctan(2 * sag * x), 1.45 / links * np.sqrt(1 + sag**2)
        for number, (across, height, tilt) in enumerate(zip(x, z, slope, strict=True)):
            own = rotation(y=-tilt) @ rotation(x=np.pi / 2 * (number % 2) + 0.3)
            scale = np.array([1.5, 0.9, 0.9]) * size
            primitive(scene, "torus", material, turn @ (across, 0, height), scale, turn @ own, thickness=0.22)


STYLES = {
    "bicycle": _bicycle,
    "wheel": _one_wheel,
    "basket": _basket,
    "cage": _cage,
    "fence": _fence,
    "chains": _chains,
}
