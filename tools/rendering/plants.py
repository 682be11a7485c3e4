"""Branches, blades and leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rendering.draws import Rng
from rendering.geometry import along, smooth_noise, unit
from rendering.growth import Growth, grow
from rendering.scene import Material, Scene
from rendering.solids import quadrangles

POINTS = 14  # of a branch


@dataclass(frozen=True, eq=False)
class Branch:
    """Points (k, 3) and radii (k,) of a branch; `order` is 0 for the thinnest."""

    points: np.ndarray
    radii: np.ndarray
    order: int


def branches(rng: Rng, root: np.ndarray, heading: np.ndarray, length: float, radius: float, order: int) -> list[Branch]:
    """A branch with others on it, `order` times."""
    how = Growth(POINTS, gravity=rng.uniform(-0.5, 0.5), wave=1.8, frizz=0.1, spread=0.05)
    points = grow(root[np.newaxis], heading[np.newaxis], length, how, rng)[0]
    radii = np.linspace(radius, 0.45 * radius, POINTS)
    grown = [Branch(points, radii, order)]
    for _ in range(int(rng.integers(3, 7)) if order else 0):
        at = int(rng.integers(3, POINTS - 1))
        turn = unit(along(points)[at] + rng.normal(scale=0.75, size=3) + (0, 0, 0.15))
        grown += branches(
            rng, points[at], turn, length * rng.uniform(0.35, 0.7), radii[at] * rng.uniform(0.45, 0.75), order - 1
        )
    return grown


def add_branches(scene: Scene, rng: Rng, grown: list[Branch], material: Material, colour: np.ndarray) -> None:
    """Branches in a scene, no thinner than two thirds of a pixel."""
    points, radii = np.stack([one.points for one in grown]), np.stack([one.radii for one in grown])
    bark = 1 + 0.35 * smooth_noise(rng, 30)(points)[:, :, np.newaxis]
    scene.strands(points, material, colour * bark, radius=np.maximum(radii, 0.33 * scene.pixel))


def add_blades(
    scene: Scene,
    rng: Rng,
    roots: np.ndarray,
    headings: np.ndarray,
    lengths: np.ndarray,
    widths: np.ndarray,
    colours: np.ndarray,
    material: Material,
    gravity: float,
    stripe: np.ndarray | None = None,
) -> None:
    """Folded blades, narrow at the tip: (n, 3) roots, headings and colours, (n,) lengths and half widths."""
    points = 16
    spine = grow(
        roots, headings, lengths, Growth(points, gravity=gravity, wave=rng.uniform(0.1, 0.8), spread=0.05), rng
    )
    forward, part = along(spine), np.linspace(0, 1, points)
    sideways = unit(np.cross(forward, unit(rng.normal(size=(len(roots), 1, 3)))))
    up = np.cross(forward, sideways)
    profile = np.minimum(1, 0.35 + 2.5 * part) * np.clip(1.6 * (1 - part), 0, 1) ** 0.7
    half = (profile * widths[:, np.newaxis])[:, :, np.newaxis]
    edges = [spine + side * sideways * half + 0.25 * up * half for side in (-1, 1)]
    vertices = np.stack([edges[0], spine, edges[1]], axis=2)
    shades = np.broadcast_to(
        colours[:, np.newaxis, np.newaxis] * (0.75 + 0.5 * part)[:, np.newaxis, np.newaxis], vertices.shape
    ).copy()
    if stripe is not None:
        shades[:, :, 1] = stripe
    faces = quadrangles(np.arange(vertices.size // 3).reshape(len(roots), points, 3))
    scene.mesh(vertices.reshape(-1, 3), faces, material, shades.reshape(-1, 3))


@dataclass(frozen=True)
class LeafShape:
    """Width relative to length, depth and number of lobes."""

    width: float
    lobes: float = 0.0
    lobe_count: int = 5


def add_leaves(
    scene: Scene,
    rng: Rng,
    roots: np.ndarray,
    headings: np.ndarray,
    lengths: np.ndarray,
    colours: np.ndarray,
    material: Material,
    shape: LeafShape,
) -> None:
    """Curved leaves with a bright midrib: (n, 3) roots, headings and colours, (n,) lengths."""
    count, rows, columns = len(roots), 25, 9
    part, across = np.linspace(0, 1, rows), np.linspace(-1, 1, columns)
    lobes = 1 - shape.lobes / 2 * (1 + np.cos(2 * np.pi * shape.lobe_count * part))
    half = shape.width * np.sin(np.pi * part**0.75) ** 0.9 * lobes
    sideways = unit(np.cross(headings, rng.normal(size=(count, 3))))
    up = np.cross(headings, sideways)
    curl, cup = rng.normal(scale=0.35, size=(count, 1, 1)), rng.uniform(-0.1, 0.5, (count, 1, 1))
    ripple = 0.02 * np.sin(20 * part)[:, np.newaxis] * across
    height = curl * part[:, np.newaxis] ** 2 + cup * half[:, np.newaxis] * across**2 + ripple
    local = (
        np.broadcast_to(part[:, np.newaxis], height.shape),
        np.broadcast_to(np.outer(half, across), height.shape),
        height,
    )
    axes = (vectors[:, np.newaxis, np.newaxis] for vectors in (headings, sideways, up))
    offsets = sum(values[..., np.newaxis] * axis for values, axis in zip(local, axes, strict=True))
    vertices = roots[:, np.newaxis, np.newaxis] + lengths[:, np.newaxis, np.newaxis, np.newaxis] * offsets
    rib = 1 + 0.5 * (np.abs(across) < 0.12)[:, np.newaxis]
    shades = colours[:, np.newaxis, np.newaxis] * rib * (0.85 + 0.3 * part)[:, np.newaxis, np.newaxis]
    places = np.stack(np.broadcast_arrays(1.5 * part[:, np.newaxis], 0.5 * across), axis=-1).reshape(-1, 2)
    uv = (places + rng.uniform(0, 50, (count, 1, 2))).reshape(-1, 2)
    faces = quadrangles(np.arange(count * rows * columns).reshape(count, rows, columns))
    scene.mesh(vertices.reshape(-1, 3), faces, material, shades.reshape(-1, 3), uv=uv)
