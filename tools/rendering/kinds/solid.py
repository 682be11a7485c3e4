"""Hard objects with sharp and round edges: tools, toys, furniture, heaps of blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, pick
from rendering.geometry import resampled, rotation, unit
from rendering.growth import Growth, grow
from rendering.scene import Material, Scene
from rendering.solids import primitive, turned

SIDES = (-1, 1)


@dataclass(frozen=True, eq=False)
class Assembly:
    """Parts that are placed, turned and scaled as one."""

    scene: Scene
    rng: Rng
    at: np.ndarray
    turn: np.ndarray
    size: float
    materials: list[Material]

    def add(
        self,
        shape: str,
        number: int,
        at: tuple[float, ...],
        scale: tuple[float, ...],
        turn: tuple[float, float, float] = (0, 0, 0),
        **options: float,
    ) -> None:
        """A part of one of the materials, in coordinates of the assembly."""
        options["bevel"] = options.get("bevel", 0.03) * self.size
        place = self.turn @ (np.array(at) * self.size) + self.at
        material, own = self.materials[number % len(self.materials)], self.turn @ rotation(*turn)
        primitive(self.scene, shape, material, place, np.array(scale) * self.size, own, **options)

    def turned(self, profile: list[tuple[float, float]], number: int) -> None:
        """A profile of (radius, height), turned."""
        rounded = resampled(profile, 80, 1) * self.size
        turned(self.scene, rounded, self.materials[number % len(self.materials)], self.at, self.turn)

    def wires(self, lines: np.ndarray, width: float, colour: np.ndarray) -> None:
        """Thin lines (n, k, 3), `width` in pixels."""
        self.scene.strands((lines * self.size) @ self.turn.T + self.at, materials.thin(0, 0.3), colour, width=width)


def build(scene: Scene, rng: Rng) -> None:
    count = pick(rng, (1, 1, 1, 1, 2, 3))
    scene.look(rng, 1.15 if count == 1 else 1.5)
    names = [pick(rng, tuple(OBJECTS)) for _ in range(count)]
    for place, name in enumerate(names):
        aside = np.array([1.1 * (place - (count - 1) / 2), *rng.normal(0, 0.25, 2)]) * (count > 1)
        own = [materials.surface(rng) for _ in range(4)]
        size = 1.0 if count == 1 else rng.uniform(0.55, 0.75)
        OBJECTS[name](Assembly(scene, rng, aside, _pose(rng, name), size, own))
    if chance(rng, 0.2):
        _strings(scene, rng)
    scene.facts |= {"style": "+".join(names), "objects": count}


def _pose(rng: Rng, name: str) -> np.ndarray:
    """Upright what stands, in any position what lies or is held."""
    if name in STANDING:
        return rotation(rng.normal(0, 0.1), rng.normal(0, 0.1), rng.uniform(-3, 3))
    return rotation(rng.normal(0, 0.5), rng.normal(0, 0.5), rng.uniform(-1.5, 1.5))


def _strings(scene: Scene, rng: Rng) -> None:
    """A few wires across."""
    roots = rng.normal(scale=0.5, size=(4, 3)) + (0, 0, 0.3)
    lines = grow(roots, unit(rng.normal(size=(4, 3))), 1.6, Growth(30, gravity=2, wave=3, spread=0.2), rng)
    scene.strands(lines, materials.thin(0, 0.4), colours.any_colour(rng), width=rng.uniform(0.8, 3))


def _blocks(to: Assembly) -> None:
    for level in range(int(to.rng.integers(3, 8))):
        at = (to.rng.normal(0, 0.35), to.rng.normal(0, 0.2), -0.8 + 0.28 * level)
        scale = (*to.rng.uniform(0.15, 0.4, 2), 0.15)
        to.add(pick(to.rng, ("box", "box", "cylinder", "cone")), level, at, scale, (0, 0, to.rng.uniform(0, 3)))


def _robot(to: Assembly) -> None:
    to.add("box", 0, (0, 0, 0), (0.45, 0.28, 0.5))
    to.add("box", 1, (0, 0, 0.8), (0.32, 0.26, 0.24))
    to.add("cylinder", 2, (0, 0, 1.15), (0.02, 0.02, 0.16), bevel=0)
    to.add("ball", 3, (0, 0, 1.32), (0.06,) * 3)
    for side in SIDES:
        to.add("ball", 3, (side * 0.13, -0.26, 0.84), (0.07,) * 3)
        to.add("cylinder", 2, (side * 0.6, 0, 0.1), (0.09, 0.09, 0.4), (0, side * to.rng.uniform(-0.3, 0.6), 0))
        to.add("box", 1, (side * 0.22, 0, -0.8), (0.13, 0.15, 0.32))
        to.add("cylinder", 3, (side * 0.12, -0.29, 0.1), (0.08, 0.08, 0.03), (math.pi / 2, 0, 0), bevel=0.01)


def _mug(to: Assembly) -> None:
    to.turned([(0, -0.7), (0.5, -0.7), (0.52, -0.65), (0.52, 0.7), (0.47, 0.7), (0.46, -0.6), (0, -0.62)], 0)
    to.add("torus", 0, (0.62, 0, 0), (0.36, 0.36, 0.3), (math.pi / 2, 0, 0), thickness=0.22)


def _chair(to: Assembly) -> None:
    to.add("box", 0, (0, 0, -0.1), (0.55, 0.55, 0.06))
    to.add("box", 0, (0, 0.5, 0.95), (0.55, 0.05, 0.12))
    for x in np.linspace(-0.36, 0.36, int(to.rng.integers(2, 7))):
        to.add("cylinder", 1, (x, 0.5, 0.4), (0.025, 0.025, 0.5), bevel=0)
    for side in SIDES:
        to.add("cylinder", 1, (side * 0.48, 0.5, 0.45), (0.045, 0.045, 0.6), bevel=0.01)
        for end in SIDES:
            to.add("cylinder", 1, (side * 0.48, end * 0.48, -0.65), (0.045, 0.045, 0.55), bevel=0.01)


def _hammer(to: Assembly) -> None:
    to.add("cylinder", 0, (0, 0, -0.3), (0.1, 0.07, 0.85))
    to.add("box", 1, (0, 0, 0.65), (0.3, 0.16, 0.16))
    to.add("cylinder", 1, (0.42, 0, 0.65), (0.2, 0.2, 0.1), (0, math.pi / 2, 0))
    to.add("cone", 1, (-0.5, 0, 0.65), (0.18, 0.05, 0.3), (0, -math.pi / 2, 0), bevel=0.01)


def _gear(to: Assembly) -> None:
    to.add("cylinder", 0, (0, 0, 0), (0.75, 0.75, 0.12), (math.pi / 2, 0, 0))
    teeth = int(to.rng.integers(9, 22))
    for angle in np.arange(teeth) / teeth * 2 * math.pi:
        to.add("box", 0, (0.82 * math.cos(angle), 0, 0.82 * math.sin(angle)), (0.1, 0.12, 1.6 / teeth), (0, -angle, 0))
    to.add("cylinder", 1, (0, 0, 0), (0.2, 0.2, 0.3), (math.pi / 2, 0, 0))


def _fork(to: Assembly) -> None:
    to.add("cylinder", 0, (0, 0, -0.5), (0.06, 0.035, 0.6))
    to.add("box", 0, (0, 0, 0.2), (0.2, 0.03, 0.14))
    for x in np.linspace(-0.17, 0.17, 4):
        to.add("box", 0, (x, 0, 0.62), (0.028, 0.025, 0.32), bevel=0.015)


def _comb(to: Assembly) -> None:
    to.add("box", 0, (0, 0, 0.25), (1.0, 0.06, 0.14))
    for x in np.linspace(-0.95, 0.95, int(to.rng.integers(18, 46))):
        to.add("box", 0, (x, 0, -0.25), (0.012, 0.03, 0.4), bevel=0)


def _racket(to: Assembly) -> None:
    to.add("torus", 0, (0, 0, 0.4), (0.6, 0.78, 0.6), (math.pi / 2, 0, 0), thickness=0.07)
    to.add("cylinder", 1, (0, 0, -0.85), (0.07, 0.06, 0.5))
    x, part = np.linspace(-0.9, 0.9, int(to.rng.integers(10, 22)))[:, np.newaxis], np.linspace(-1, 1, 6)
    span = np.sqrt(1 - x**2) * part
    upright = np.stack([0.6 * x + 0 * span, 0 * span, 0.4 + 0.78 * span], axis=-1)
    level = np.stack([0.6 * span, 0 * span, 0.4 + 0.78 * x + 0 * span], axis=-1)
    to.wires(np.concatenate([upright, level]), to.rng.uniform(0.7, 2), np.array([0.7, 0.7, 0.6]))


def _car(to: Assembly) -> None:
    to.add("box", 0, (0, 0, -0.2), (0.5, 1.0, 0.2), bevel=0.1)
    to.add("box", 1, (0, 0.1, 0.15), (0.42, 0.5, 0.2), bevel=0.12)
    for side in SIDES:
        for end in SIDES:
            to.add("cylinder", 2, (side * 0.5, end * 0.6, -0.4), (0.22, 0.22, 0.09), (0, math.pi / 2, 0), bevel=0.04)


def _lamp(to: Assembly) -> None:
    to.add("cylinder", 0, (0, 0, -0.95), (0.4, 0.4, 0.06))
    to.add("cylinder", 1, (0, 0, -0.3), (0.035, 0.035, 0.65), bevel=0)
    to.add("cone", 2, (0, 0, 0.6), (0.6, 0.6, 0.4), top=0.55)


def _key(to: Assembly) -> None:
    to.add("torus", 0, (0, 0, 0.7), (0.33, 0.33, 0.3), (math.pi / 2, 0, 0), thickness=0.25)
    to.add("cylinder", 0, (0, 0, -0.2), (0.07, 0.07, 0.6))
    for level in range(int(to.rng.integers(2, 4))):
        to.add("box", 0, (0.16, 0, -0.72 + 0.2 * level), (0.13, 0.05, 0.06))


def _scissors(to: Assembly) -> None:
    angle = to.rng.uniform(0.15, 0.5)
    for side in SIDES:
        blade = rotation(y=side * angle)
        to.add("box", 0, tuple(blade @ (0, side * 0.03, 0.5)), (0.09, 0.02, 0.55), (0, side * angle, 0), bevel=0.015)
        to.add("cylinder", 0, tuple(blade @ (0, side * 0.03, -0.2)), (0.06, 0.05, 0.25), (0, side * angle, 0))
        ring = tuple(blade @ (0, side * 0.03, -0.55))
        to.add("torus", 1, ring, (0.2, 0.26, 0.2), (math.pi / 2, side * angle, 0), thickness=0.25)


def _balloons(to: Assembly) -> None:
    for number in range(int(to.rng.integers(2, 6))):
        at, size = to.rng.normal(0, 0.45, 3) * (1, 0.5, 0.6) + (0, 0, 0.4), to.rng.uniform(0.25, 0.45)
        to.add("ball", number, tuple(at), (size, size, 1.2 * size))
        part = np.linspace(0, 1, 24)[:, np.newaxis]
        sway = 0.05 * np.sin(6 * part + number) * (1, 0, 0)
        line = (at - (0, 0, 1.2 * size)) * (1 - part) + np.array([0, 0, -1.2]) * part + sway
        to.wires(line[np.newaxis], to.rng.uniform(0.7, 1.6), np.full(3, 0.6))


def _heap(to: Assembly) -> None:
    for number in range(int(to.rng.integers(4, 10))):
        shape = pick(to.rng, ("box", "cylinder", "cone", "torus", "ball"))
        at, scale = to.rng.normal(0, 0.4, 3), to.rng.uniform(0.1, 0.45, 3)
        to.add(shape, number, tuple(at), tuple(scale), tuple(to.rng.uniform(0, 3, 3)))


OBJECTS: dict[str, Callable[[Assembly], None]] = {
    "blocks": _blocks,
    "robot": _robot,
    "mug": _mug,
    "chair": _chair,
    "hammer": _hammer,
    "gear": _gear,
    "fork": _fork,
    "comb": _comb,
    "racket": _racket,
    "car": _car,
    "lamp": _lamp,
    "key": _key,
    "scissors": _scissors,
    "balloons": _balloons,
    "heap": _heap,
}
STANDING = {"blocks", "robot", "mug", "chair", "car", "lamp", "balloons"}
