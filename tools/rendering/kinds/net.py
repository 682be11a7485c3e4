"""Nets of knotted twine, wire mesh and ropes, some torn."""

from __future__ import annotations

import bpy
import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, log_uniform, pick
from rendering.geometry import Field, folded_sheet, lengths, twisted, unit
from rendering.growth import Growth, grow, tapered
from rendering.scene import Material, Scene
from rendering.solids import icosphere

TWINE = (
    (0.50, 0.42, 0.28),
    (0.75, 0.72, 0.65),
    (0.04, 0.12, 0.20),
    (0.02, 0.02, 0.02),
    (0.40, 0.08, 0.04),
    (0.05, 0.20, 0.08),
)
POINTS = 12  # of the twine between two knots


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.1, (-0.2, 0.3))
    bpy.context.scene.cycles_curves.shape = "THICK"
    style = pick(rng, ("diamond", "square", "wire", "ropes"), (4, 2, 2, 2))
    colour, material = colours.of(rng, TWINE, 0.25), materials.thin(0.1, 0.35 if style == "wire" else 0.8)
    count = _ropes(scene, rng, material, colour) if style == "ropes" else _net(scene, rng, style, material, colour)
    scene.facts |= {"style": style, "strands": count}


def _net(scene: Scene, rng: Rng, style: str, material: Material, colour: np.ndarray) -> int:
    """A net hung up; returns the number of its pieces."""
    sheet, cells = folded_sheet(rng, 0.2), int(rng.integers(6, 24))
    slack, knots = style != "wire", _places_of_knots(rng, style, cells)
    first, second = _pieces(cells, style == "diamond")
    kept = rng.random(len(first)) >= pick(rng, (0, 0, 0.03, 0.08))  # the others are torn
    places = _twine(rng, knots.reshape(-1, 2)[first[kept]], knots.reshape(-1, 2)[second[kept]], slack)
    twine = sheet((places / cells).reshape(-1, 2)).reshape(*places.shape[:2], 3)
    radius = min(log_uniform(rng, 0.7, 6) * scene.pixel, 0.32 / cells) / 2
    scene.strands(twine, material, colour * rng.normal(1, 0.12, (len(twine), 1)), radius=radius)
    if slack:
        _knots(scene, rng, sheet(knots.reshape(-1, 2) / cells), radius, colour)
    if chance(rng, 0.4):
        _border(scene, sheet, material, colour, 2.2 * radius)
    return len(twine)


def _places_of_knots(rng: Rng, style: str, cells: int) -> np.ndarray:
    """Where knots are, (n, n, 2) in cells: not quite regular but in wire mesh."""
    knots = np.stack(np.meshgrid(*[np.arange(cells + 1.0)] * 2, indexing="ij"), axis=-1)
    if style == "diamond":
        knots[:, 1::2, 0] += 0.5
    return knots + (style != "wire") * rng.normal(scale=rng.uniform(0.03, 0.18), size=knots.shape)


def _twine(rng: Rng, start: np.ndarray, end: np.ndarray, slack: bool) -> np.ndarray:
    """Places along pieces of twine (n, points, 2); slack ones hang."""
    part = np.linspace(0, 1, POINTS)[:, np.newaxis]
    hang = np.stack([0.12 * rng.normal(size=len(start)), np.full(len(start), -0.1)], axis=1)
    straight = start[:, np.newaxis] * (1 - part) + end[:, np.newaxis] * part
    return straight + slack * hang[:, np.newaxis] * np.sin(np.pi * part)


def _pieces(cells: int, diamond: bool) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the knots at both ends of each piece of twine."""
    numbers = np.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    if not diamond:
        pairs = [(numbers[:-1], numbers[1:]), (numbers[:, :-1], numbers[:, 1:])]
    else:
        even, odd, next_even = numbers[:, :-1:2], numbers[:, 1::2], numbers[:, 2::2]
        pairs = [(even[:, : odd.shape[1]], odd), (even[1:, : odd.shape[1]], odd[:-1])]
        pairs += [(odd[:, : next_even.shape[1]], next_even), (odd[:-1, : next_even.shape[1]], next_even[1:])]
    first, second = (np.concatenate([pair[end].ravel() for pair in pairs]) for end in (0, 1))
    return first, second


def _knots(scene: Scene, rng: Rng, at: np.ndarray, radius: float, colour: np.ndarray) -> None:
    directions, faces = icosphere(2)
    size = radius * rng.uniform(1.4, 2.1)
    vertices = at[:, np.newaxis] + directions * rng.uniform(0.7, 1.3, (len(at), 1, 3)) * size
    numbers = faces + (np.arange(len(at)) * len(directions))[:, np.newaxis, np.newaxis]
    scene.mesh(vertices.reshape(-1, 3), numbers.reshape(-1, 3), materials.painted(0.8), 0.85 * colour)


def _border(scene: Scene, sheet: Field, material: Material, colour: np.ndarray, radius: float) -> None:
    """A rope around a net."""
    part, ends = np.linspace(0, 1, 100), (np.zeros(100), np.ones(100))
    sides = [(part, end) for end in ends] + [(end, part) for end in ends]
    ropes = np.stack([sheet(np.stack(side, axis=1)) for side in sides])
    scene.strands(ropes, material, 0.7 * colour, radius=radius)


def _ropes(scene: Scene, rng: Rng, material: Material, colour: np.ndarray) -> int:
    """Twisted ropes with fibres that stand off; returns the number of strands."""
    count = int(rng.integers(2, 7))
    for _ in range(count):
        path, radius = _path(rng), log_uniform(rng, 0.015, 0.06)
        turns = lengths(path) / (7 * radius)
        strands = np.stack([twisted(path, 0.55 * radius, turns, phase / 3) for phase in range(3)])
        own = colour * rng.uniform(0.6, 1.3)
        scene.strands(strands, material, own * np.array([[1.0], [0.85], [1.1]]), radius=0.6 * radius)
        roots = strands.reshape(-1, 3)[rng.integers(strands.size // 3, size=600)]
        fibres = grow(roots, unit(rng.normal(size=roots.shape)), 2.5 * radius, Growth(5, gravity=0.3, wave=2), rng)
        scene.strands(fibres, material, 1.1 * own, width=0.7 * tapered(5))
    return 3 * count


def _path(rng: Rng) -> np.ndarray:
    """A sagging curve across the frame."""
    part = np.linspace(0, 1, 400)[:, np.newaxis]
    start, end = 1.3 * unit(rng.normal(size=(2, 3)))
    bends = 0.35 * np.sin(part * rng.uniform(2, 9, 3) + rng.uniform(0, 2 * np.pi, 3))
    return start * (1 - part) + end * part + bends - np.array([0, 0, 2]) * part * (1 - part)
