"""Light: an environment map that comes with Blender (CC0), turned at random, and lamps."""

from __future__ import annotations

import math
import os
from collections.abc import Callable

import bpy
import numpy as np

from rendering.draws import Rng, pick
from rendering.plan import KINDS
from rendering.scene import Scene, direction

FRONT = -math.pi / 2  # the azimuth of the camera


def light(scene: Scene, rng: Rng) -> None:
    """One of the arrangements, in one of the environments."""
    backlit = KINDS[scene.item.kind].backlit
    name = pick(rng, tuple(ARRANGEMENTS), (0.2, 0.3, 0.15, 0.2, 0.15, backlit / (1 - backlit)))
    strength = ARRANGEMENTS[name](scene, rng)
    scene.facts |= {"light": name, "environment": _environment(rng, strength)}


def _soft(scene: Scene, rng: Rng) -> float:
    """The environment alone."""
    return rng.uniform(0.8, 1.4)


def _key(scene: Scene, rng: Rng) -> float:
    """A lamp at the side of the camera."""
    side = pick(rng, (-1, 1))
    _lamp(scene, rng, FRONT + side * rng.uniform(0.3, 1.4), rng.uniform(0.2, 1.1), rng.uniform(40, 90), _warmth(rng))
    return rng.uniform(0.3, 1.0)


def _sun(scene: Scene, rng: Rng) -> float:
    """Hard light with sharp shadows."""
    lamp = bpy.data.lights.new("sun", "SUN")
    lamp.energy, lamp.angle, lamp.color = rng.uniform(2, 5), rng.uniform(0.005, 0.05), _warmth(rng)
    _aim(scene, lamp, rng.uniform(-math.pi, math.pi), rng.uniform(0.3, 1.3))
    return rng.uniform(0.3, 0.8)


def _studio(scene: Scene, rng: Rng) -> float:
    """Key, fill and rim lamps."""
    side = pick(rng, (-1, 1))
    _lamp(scene, rng, FRONT + side * rng.uniform(0.5, 1.0), rng.uniform(0.4, 0.9), rng.uniform(40, 80), _warmth(rng))
    _lamp(scene, rng, FRONT - side * rng.uniform(0.5, 1.2), rng.uniform(0, 0.4), rng.uniform(8, 25), _warmth(rng))
    _lamp(scene, rng, -FRONT + side * rng.uniform(-0.8, 0.8), rng.uniform(0.3, 1.0), rng.uniform(50, 120), _warmth(rng))
    return rng.uniform(0.1, 0.4)


def _coloured(scene: Scene, rng: Rng) -> float:
    """Two lamps of different colours."""
    for side in (-1, 1):
        colour = np.clip(0.25 + rng.random(3), 0, 1)
        _lamp(scene, rng, FRONT + side * rng.uniform(0.6, 2.2), rng.uniform(0, 1), rng.uniform(40, 90), colour)
    return rng.uniform(0.1, 0.5)


def _backlit(scene: Scene, rng: Rng) -> float:
    """A strong lamp behind the object, so that edges shine."""
    azimuth = -FRONT + rng.normal(0, 0.5)
    _lamp(scene, rng, azimuth, rng.uniform(0.1, 0.9), rng.uniform(150, 400), _warmth(rng))
    return rng.uniform(0.25, 0.7)


ARRANGEMENTS: dict[str, Callable[[Scene, Rng], float]] = {
    "soft": _soft,
    "key": _key,
    "sun": _sun,
    "studio": _studio,
    "coloured": _coloured,
    "backlit": _backlit,
}


def _warmth(rng: Rng) -> np.ndarray:
    """White from that of a candle to that of the sky."""
    warm = rng.uniform(-1, 1)
    return np.array([min(1, 1 + 0.4 * warm), 1 - 0.15 * abs(warm), min(1, 1 - 0.55 * warm)])


def _lamp(scene: Scene, rng: Rng, azimuth: float, elevation: float, power: float, colour: np.ndarray) -> None:
    """A square lamp that faces the object; `power` is relative to its distance squared."""
    lamp = bpy.data.lights.new("lamp", "AREA")
    lamp.size = rng.uniform(0.2, 1.5) * scene.radius
    lamp.energy, lamp.color = power * (1.5 * scene.radius) ** 2, colour
    _aim(scene, lamp, azimuth, elevation)


def _aim(scene: Scene, lamp: object, azimuth: float, elevation: float) -> None:
    place = scene.link("lamp", lamp)
    place.location = 3 * scene.radius * direction(azimuth, elevation)
    place.rotation_euler = (-place.location).to_track_quat("-Z", "Y").to_euler()


def _environment(rng: Rng, strength: float) -> str:
    """Set the world to one of Blender's environment maps; returns its name."""
    folder = os.path.join(bpy.utils.resource_path("LOCAL"), "datafiles", "studiolights", "world")
    file = pick(rng, sorted(name for name in os.listdir(folder) if name.endswith(".exr") and name != "night.exr"))
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    tree = world.node_tree
    tree.nodes.clear()
    place, turn, picture, back, output = (
        tree.nodes.new(f"ShaderNode{kind}")
        for kind in ("TexCoord", "Mapping", "TexEnvironment", "Background", "OutputWorld")
    )
    picture.image = bpy.data.images.load(os.path.join(folder, file))
    turn.inputs["Rotation"].default_value = (0, 0, rng.uniform(0, 2 * math.pi))
    back.inputs["Strength"].default_value = strength
    outputs = (place.outputs["Generated"], turn.outputs[0], picture.outputs[0], back.outputs[0])
    for source, target in zip(outputs, (turn, picture, back, output), strict=True):
        tree.links.new(source, target.inputs[0])
    return file.removesuffix(".exr")
