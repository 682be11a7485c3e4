"""Animals of blobs with fur: sitting, standing, a head, a ball of fur or a chick."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from rendering import colours, materials
from rendering.colours import Colours
from rendering.draws import Rng, chance, log_uniform, pick
from rendering.geometry import rotation, smooth_noise, unit
from rendering.growth import Growth, grow, tapered
from rendering.scene import Object, Scene
from rendering.solids import PLACE, ball, primitive, roots_on

# Ears of one side (x > 0) of a head of radius about 0.45: place, radii, turn about y, relative length of fur.
EARS = {
    "pointed": ((0.30, 0.02, 0.42), (0.13, 0.07, 0.27), 0.35, 0.4),
    "round": ((0.34, 0.05, 0.34), (0.18, 0.07, 0.18), 0.0, 0.5),
    "hanging": ((0.46, 0.03, -0.02), (0.08, 0.17, 0.32), -0.25, 0.8),
    "long": ((0.18, 0.08, 0.68), (0.10, 0.06, 0.46), 0.2, 0.35),
}


@dataclass(eq=False)
class Animal:
    """Parts that carry fur, with its relative length on each, and spots that stay bare."""

    scene: Scene
    rng: Rng
    turn: np.ndarray
    skin: Colours
    parts: list[Object] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    bare: list[tuple[np.ndarray, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.material, self.noise = materials.painted(0.8), smooth_noise(self.rng, 2)

    def part(
        self,
        at: tuple[float, ...] | np.ndarray,
        radii: tuple[float, ...] | np.ndarray,
        turn: np.ndarray = PLACE,
        length: float = 1.0,
        detail: int = 4,
    ) -> None:
        """An ellipsoid with fur."""
        place = self.turn @ np.asarray(at, float)
        uneven = 0.05 if min(radii) > 0.2 else 0.0
        self.parts.append(
            ball(
                self.scene,
                self.material,
                place,
                radii,
                self.turn @ turn,
                deform=lambda way: 1 + uneven * self.noise(way + place),
                colours=lambda way: 0.6 * self.skin(way * radii + place),
                detail=detail,
            )
        )
        self.lengths.append(length)

    def spot(self, at: np.ndarray, radius: float, colour: np.ndarray, radii: tuple[float, ...] = (1, 1, 1)) -> None:
        """An eye or nose without fur."""
        place, shiny = self.turn @ at, materials.surface(self.rng, "plain", colour, 0.06)
        ball(self.scene, shiny, place, radius * np.array(radii), self.turn, detail=4)
        self.bare.append((place, radius))


def build(scene: Scene, rng: Rng) -> None:
    pose = pick(rng, tuple(POSES), (4, 4, 4, 0.7, 1.5))
    scene.look(rng, 1.35, (-0.1, 0.4))
    palette, (first, second) = _palette(rng)
    pattern, colour = colours.pattern(rng, first, second)
    yaw = pick(rng, (-1, 1)) * rng.uniform(0.5, 2.2) if pose == "standing" else rng.uniform(-1.3, 1.3)
    animal = Animal(scene, rng, rotation(z=yaw), colour)
    POSES[pose](animal)
    length = log_uniform(rng, 0.07, 0.16) if chance(rng, 0.5) else log_uniform(rng, 0.16, 0.45)
    count = _fur(animal, length)
    if pose in ("sitting", "standing", "head") and chance(rng, 0.6):
        _whiskers(animal)
    if max(first.max(), second.max()) < 0.12:
        scene.brightness = 0.55
    scene.cut_below = pose == "head"
    scene.facts |= {"style": pose, "colour": f"{palette}, {pattern}", "strands": count, "length": round(length, 3)}


def _palette(rng: Rng) -> tuple[str, tuple[np.ndarray, np.ndarray]]:
    name = pick(rng, ("natural", "dyed", "white", "black"), (8, 1.5, 1.5, 1.5))
    if name == "white":
        return name, (np.array([0.85, 0.84, 0.80]), np.array([0.80, 0.78, 0.74]))
    if name == "black":
        return name, (np.array([0.012, 0.011, 0.011]), np.array([0.03, 0.025, 0.02]))
    draw = colours.vivid if name == "dyed" else lambda rng: colours.of(rng, colours.NATURAL)
    return name, (draw(rng), draw(rng))


def _sitting(animal: Animal) -> None:
    animal.part((0, 0.1, -0.35), (0.55, 0.55, 0.75), detail=5)
    animal.part((0, -0.15, 0.25), (0.38, 0.36, 0.45), detail=5)
    _head(animal, np.array([0, -0.3, 0.78]), animal.rng.uniform(0.85, 1.15))
    for side in (-1, 1):
        animal.part((side * 0.25, -0.5, -0.6), (0.15, 0.16, 0.5), length=0.5)
        animal.part((side * 0.28, -0.62, -1.03), (0.17, 0.24, 0.1), length=0.3)
        animal.part((side * 0.5, -0.05, -0.8), (0.27, 0.45, 0.32), length=0.8)
    lift = animal.rng.uniform(0.15, 0.5)
    for part in np.linspace(0, 1, 6):
        angle = 2.2 * part
        at = (0.55 + 0.35 * math.sin(angle), 0.55 - 0.25 * part, -0.9 + lift * part**2)
        animal.part(at, (0.14,) * 3, length=1.1, detail=3)


def _standing(animal: Animal) -> None:
    animal.part((0, 0.1, 0), (0.42, 0.85, 0.42), detail=5)
    animal.part((0, -0.6, 0.25), (0.3, 0.42, 0.36), rotation(-0.5), detail=5)
    _head(animal, np.array([0, -1.0, 0.62]), animal.rng.uniform(0.8, 1.1))
    for side in (-1, 1):
        for y in (-0.5, 0.68):
            animal.part((side * 0.22, y, -0.55), (0.13, 0.15, 0.55), length=0.5)
            animal.part((side * 0.22, y - 0.07, -1.05), (0.14, 0.2, 0.09), length=0.3)
    lift = animal.rng.uniform(-0.6, 1.2)
    for joint in range(7):
        at = (0.0, 0.9 + 0.13 * joint * math.cos(lift), 0.2 + 0.13 * joint * math.sin(lift))
        animal.part(at, (0.13 - 0.008 * joint,) * 3, length=1.2, detail=3)


def _portrait(animal: Animal) -> None:
    _head(animal, np.array([0, 0, 0.25]), 1.9 * animal.rng.uniform(0.85, 1.15))
    animal.part((0, 0.5, -0.75), (0.75, 0.6, 0.85), detail=5)


def _curled_up(animal: Animal) -> None:
    animal.part((0, 0, 0), animal.rng.uniform(0.75, 1.05, 3), detail=5)


def _chick(animal: Animal) -> None:
    animal.part((0, 0.1, -0.15), (0.6, 0.7, 0.62), detail=5)
    animal.part((0, -0.35, 0.5), (0.42, 0.42, 0.4), length=0.6, detail=5)
    legs = materials.surface(animal.rng, "plain", np.array([0.6, 0.25, 0.04]))
    for side in (-1, 1):
        animal.spot(np.array([side * 0.2, -0.68, 0.6]), 0.07, np.full(3, 0.005))
        animal.part((side * 0.6, 0.15, -0.1), (0.12, 0.45, 0.35), length=0.9)
        at = animal.turn @ (side * 0.2, -0.05, -0.95)
        primitive(animal.scene, "cylinder", legs, at, (0.04, 0.04, 0.3), bevel=0)
    beak = animal.turn @ rotation(math.pi / 2)
    primitive(animal.scene, "cone", legs, animal.turn @ (0, -0.85, 0.47), (0.1, 0.08, 0.16), beak, bevel=0.01)


POSES = {"sitting": _sitting, "standing": _standing, "head": _portrait, "ball": _curled_up, "chick": _chick}


def _head(animal: Animal, centre: np.ndarray, size: float) -> None:
    """Skull, muzzle, cheeks, ears, eyes and nose; it looks along -y."""
    rng = animal.rng
    turn, muzzle = rotation(*rng.normal(0, (0.12, 0.15, 0.25))), rng.uniform(0.12, 0.42)

    def at(*place: float) -> np.ndarray:
        return centre + turn @ (np.array(place) * size)

    animal.part(centre, np.array([0.46, 0.44, 0.42]) * size, turn, 0.55, detail=5)
    animal.part(at(0, -0.36 - 0.3 * muzzle, -0.12), np.array([0.2, 0.16 + muzzle / 2, 0.16]) * size, turn, 0.25)
    ears = pick(rng, (*EARS, None))
    iris = np.array(pick(rng, ((0.02, 0.01, 0.008), (0.5, 0.3, 0.03), (0.15, 0.35, 0.1))))
    for side in (-1, 1):
        animal.part(at(0.24 * side, -0.2, -0.16), np.array([0.2, 0.2, 0.17]) * size, turn, 0.6)
        if ears:
            (x, y, z), radii, lean, length = EARS[ears]
            animal.part(at(x * side, y, z), np.array(radii) * size, turn @ rotation(y=lean * side), length)
        eye = at(0.2 * side, -0.39, 0.09)
        animal.spot(eye, 0.08 * size, iris)
        animal.spot(eye + turn @ (0.012 * side, -0.045, 0.003) * size, 0.045 * size, np.full(3, 0.003))
    animal.spot(at(0, -0.4 - 0.78 * muzzle, -0.06), 0.075 * size, np.full(3, 0.01), (1, 0.7, 0.75))


def _fur(animal: Animal, length: float) -> int:
    """Strands on all parts; returns their number."""
    scene, rng = animal.scene, animal.rng
    width = scene.strand_width(rng, pick(rng, (1.0, 1.8, 2.5)))
    count = int(np.clip(log_uniform(rng, 26000, 52000) * (0.14 / length) ** 0.25 / width, 6000, 60000))
    roots, normals, part = _roots(animal, count)
    how = _coat(rng, length)
    lie = animal.turn @ (0, 0.6, -0.55) * rng.uniform(0.2, 0.9)
    own = length * np.array(animal.lengths)[part] * (1 + 0.25 * animal.noise(roots))
    strands = grow(roots, unit(normals * rng.uniform(0.5, 1.1) + lie), own, how, rng)
    shade = rng.normal(1, 0.12, (len(roots), 1, 1)).clip(0.5, 1.6)
    tips = 1 + (pick(rng, (1.0, 1.0, 1.5, 0.5)) - 1) * np.linspace(0, 1, how.points)[:, np.newaxis]
    colour = animal.skin(roots)[:, np.newaxis] * shade * tips
    scene.strands(strands, materials.hair(rng), colour, width=tapered(how.points) * width)
    return len(roots)


def _roots(animal: Animal, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Roots, normals and the numbers of the parts they are on, none on what is bare."""
    roots, normals, part = roots_on(animal.rng, animal.parts, count)
    free = np.ones(count, bool)
    for place, radius in animal.bare:
        free &= np.linalg.norm(roots - place, axis=1) > 1.25 * radius
    return roots[free], normals[free], part[free]


def _coat(rng: Rng, length: float) -> Growth:
    """How the fur of an animal grows."""
    curl = rng.uniform(0.02, 0.06) if length > 0.12 and chance(rng, 0.25) else 0.0
    return Growth(
        16 if curl else 8,
        gravity=rng.uniform(0.2, 1.4),
        wave=rng.uniform(0, 1.8),
        curl=curl,
        turns=rng.uniform(1.5, 3),
        frizz=pick(rng, (0, 0.1, 0.3)),
        clump=rng.uniform(0, 0.85),
        clumps=int(log_uniform(rng, 300, 2500)),
        stray=pick(rng, (0.05, 0.15, 0.3)),
        spread=rng.uniform(0.12, 0.35),
    )


def _whiskers(animal: Animal) -> None:
    rng, count = animal.rng, 14
    nose, radius = animal.bare[-1]
    roots = nose + rng.normal(scale=0.6 * radius, size=(count, 3)) * (1, 0.2, 0.5)
    sideways = np.stack([np.sign(np.arange(count) - 6.5), *rng.normal((-0.2, 0), 0.3, (count, 2)).T], axis=1)
    strands = grow(roots, unit(sideways @ animal.turn.T), rng.uniform(0.4, 0.7), Growth(10, gravity=0.5), rng)
    colour = np.full(3, pick(rng, (0.8, 0.8, 0.05)))
    animal.scene.strands(strands, materials.hair(rng), colour, width=0.9 * tapered(10, 0.9))
