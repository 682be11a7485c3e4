"""A head with eyes, ears, nose and mouth, for hair to grow on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance
from rendering.geometry import Field, rotation, smooth_noise, unit
from rendering.scene import Material, Object, Scene
from rendering.solids import ball


@dataclass(frozen=True, eq=False)
class Head:
    """An ellipsoid about `centre` of `radii`, turned by `turn`; it looks along -y before."""

    centre: np.ndarray
    radii: np.ndarray
    turn: np.ndarray
    yaw: float
    skin: np.ndarray
    skull: Object = None

    @property
    def faces_camera(self) -> bool:
        return math.cos(self.yaw) > 0.2

    def inward(self, at: np.ndarray) -> np.ndarray:
        """Positions in coordinates in which the head is about the unit ball."""
        return ((at - self.centre) @ self.turn) / self.radii

    def outward(self, at: np.ndarray, directions: bool = False) -> np.ndarray:
        """Positions, or directions, of the scene."""
        return (at * self.radii) @ self.turn.T + self.centre * (not directions)


def add_head(scene: Scene, rng: Rng, yaw: float) -> Head:
    """A head turned by `yaw` about the vertical axis and a little in other directions."""
    turn = rotation(z=yaw) @ rotation(rng.normal(0, 0.15), rng.normal(0, 0.12))
    radii = np.array([rng.uniform(0.56, 0.66), rng.uniform(0.68, 0.78), rng.uniform(0.8, 0.9)])
    skin = colours.any_colour(rng) if chance(rng, 0.05) else colours.of(rng, colours.SKIN)
    head = Head(np.array([0, 0, 0.2]), radii, turn, yaw, skin)
    material, apart = materials.painted(rng.uniform(0.35, 0.6)), rng.uniform(0.34, 0.42)
    deform, paint = _features(rng, apart), _complexion(rng, skin)
    skull = ball(scene, material, head.centre, radii, turn, deform=deform, colours=paint, detail=6)
    for side in (-1, 1):
        _eye(scene, rng, head, material, side * apart)
        _ear(scene, head, material, side)
    return Head(head.centre, radii, turn, yaw, skin, skull)


def bump(at: np.ndarray, towards: Sequence[float], width: float) -> np.ndarray:
    """1 at a direction, falling to 0 around it."""
    return np.exp(-(1 - at @ unit(np.array(towards, float))) / width)


def _features(rng: Rng, apart: float) -> Field:
    """Radii of the head by direction: nose, sockets of eyes, lips, chin, cheeks."""
    nose, noise = rng.uniform(0.2, 0.36), smooth_noise(rng, 2.2)
    bumps = (
        (0.7 * nose, (0, -1, -0.12), 0.006),
        (0.10, (0, -1, 0.1), 0.006),
        (-0.10, (apart, -1, 0.14), 0.018),
        (-0.10, (-apart, -1, 0.14), 0.018),
        (0.05, (0, -1, -0.48), 0.006),
        (0.10, (0, -1, -0.95), 0.03),
        (0.04, (0.6, -0.8, -0.15), 0.05),
        (0.04, (-0.6, -0.8, -0.15), 0.05),
    )

    def shape(at: np.ndarray) -> np.ndarray:
        radius = 1 + 0.02 * noise(at) + sum(height * bump(at, towards, width) for height, towards, width in bumps)
        points = at * radius[:, np.newaxis]
        below = np.clip(-at[:, 2], 0, 1)
        points[:, 0] *= 1 - 0.28 * below**1.5
        points[:, 1] *= np.where(points[:, 1] > 0, 1 - 0.25 * below, 1)
        return points

    return shape


def _complexion(rng: Rng, skin: np.ndarray) -> colours.Colours:
    """Colours of the skin by direction: lips, brows, cheeks."""
    noise, lips = smooth_noise(rng, 7), np.clip(skin * (1.1, 0.45, 0.5), 0, 1)

    def spot(at: np.ndarray, x: float, z: float, width: float, height: float) -> np.ndarray:
        inside = ((at[:, 0] - x) / width) ** 2 + ((at[:, 2] - z) / height) ** 2
        return (np.exp(-(inside**2)) * (at[:, 1] < 0))[:, np.newaxis]

    def paint(at: np.ndarray) -> np.ndarray:
        colour = skin * (1 + 0.1 * noise(at))[:, np.newaxis]
        mouth = spot(at, 0, -0.44, 0.24, 0.055)
        colour = (colour * (1 - mouth) + lips * mouth) * (1 - 0.8 * spot(at, 0, -0.44, 0.22, 0.012))
        for side in (-1, 1):
            brow = 0.85 * spot(at, 0.36 * side, 0.3, 0.17, 0.03)
            colour = colour * (1 - brow) + 0.05 * skin * brow
            colour = colour * (1 - 0.25 * bump(at, (0.62 * side, -0.8, -0.2), 0.06)[:, np.newaxis] * (0, 1, 0.9))
        return colour

    return paint


def _eye(scene: Scene, rng: Rng, head: Head, skin: Material, x: float) -> None:
    at = head.outward(np.array([[0.87 * x, -0.83, 0.125]]))[0]
    gaze, iris = head.turn @ unit(np.array([rng.normal(0, 0.04), -1, 0])), 0.5 * colours.any_colour(rng)

    def paint(directions: np.ndarray) -> np.ndarray:
        ahead = (directions @ gaze)[:, np.newaxis]
        return np.where(ahead > 0.97, 0.004, np.where(ahead > 0.86, iris, (0.75, 0.72, 0.7)))

    radius = 0.15 * head.radii[0]
    ball(scene, materials.painted(0.05), at, radius, colours=paint)
    lid = at + head.turn @ (0, 0.004, 0.012)
    ball(
        scene,
        skin,
        lid,
        1.08 * radius,
        head.turn @ rotation(-0.55),
        deform=_lid,
        colours=_plain(0.85 * head.skin),
        detail=3,
    )


def _lid(at: np.ndarray) -> np.ndarray:
    return np.where(at[:, 2] > -0.1, 1.0, 0.9)


def _ear(scene: Scene, head: Head, skin: Material, side: int) -> None:
    def shell(at: np.ndarray) -> np.ndarray:
        hollow = np.exp(-((at[:, 1] / 0.5) ** 2 + ((at[:, 2] - 0.1) / 0.55) ** 2))
        return 1 - 0.45 * hollow * (at[:, 0] * side > 0)

    at, turn = head.outward(np.array([[0.98 * side, 0.1, 0.02]]))[0], head.turn @ rotation(0.2, 0, -0.5 * side)
    ball(scene, skin, at, (0.05, 0.14, 0.2), turn, deform=shell, colours=_plain(head.skin * (1, 0.82, 0.8)))


def _plain(colour: np.ndarray) -> colours.Colours:
    return lambda at: np.broadcast_to(colour, at.shape)
