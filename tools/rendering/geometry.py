"""Vectors, rotations, smooth noise and profiles. Positions are in scene units: an object is 1 to 2 in radius."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rendering.draws import Rng

Field = Callable[[np.ndarray], np.ndarray]  # positions (..., 3) to values (...)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1, along the last axis."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def rotation(x: float = 0, y: float = 0, z: float = 0) -> np.ndarray:
    """Rotation by angles about x, then y, then z."""
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(angle), np.sin(angle)) for angle in (x, y, z))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def smooth_noise(rng: Rng, scale: float = 1.0, octaves: int = 3) -> Field:
    """A smooth random function of position, about -1 to 1: a sum of plane waves."""
    octave = np.repeat(np.arange(octaves), 6)
    waves = (
        unit(rng.normal(size=(octave.size, 3))) * (scale * 2.0**octave * rng.uniform(0.7, 1.4, octave.size))[:, None]
    )
    phases, heights = rng.uniform(0, 2 * np.pi, octave.size), 0.6**octave
    return lambda positions: np.sin(positions @ waves.T + phases) @ heights / (0.45 * heights.sum())


def across(directions: np.ndarray, near: Sequence[float] = (0.3, 0.9, 0.2)) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors perpendicular to each direction and to each other."""
    first = unit(np.cross(directions, near))
    return first, np.cross(directions, first)


def along(points: np.ndarray) -> np.ndarray:
    """Unit tangents of polylines (..., k, 3)."""
    return unit(np.gradient(points, axis=-2))


def twisted(points: np.ndarray, radius: float, turns: np.ndarray, phase: float) -> np.ndarray:
    """A helix about a polyline (k, 3), at the angles `turns` (k,) in turns."""
    first, second = across(along(points))
    angle = (2 * np.pi * (turns + phase))[:, np.newaxis]
    return points + radius * (np.cos(angle) * first + np.sin(angle) * second)


def lengths(points: np.ndarray) -> np.ndarray:
    """The length of a polyline (k, 3) up to each of its points."""
    return np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])


def resampled(points: Sequence[tuple[float, float]], count: int, smoothings: int = 2) -> np.ndarray:
    """A profile of `count` points at equal distances, corners rounded."""
    corners = np.array(points, float)
    at = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    profile = np.stack([np.interp(np.linspace(0, at[-1], count), at, column) for column in corners.T], axis=1)
    for _ in range(smoothings):
        profile[1:-1] = (profile[:-2] + 2 * profile[1:-1] + profile[2:]) / 4
    return profile


def folded_sheet(rng: Rng, fold: float = 0.15, extent: tuple[float, float] = (1.1, 1.1)) -> Field:
    """A hanging sheet with folds, turned: (n, 2) coordinates in [0, 1] to positions (n, 3)."""
    angles, phases = rng.uniform(0, 2 * np.pi, 6), rng.uniform(0, 2 * np.pi, 6)
    waves, heights = rng.uniform(1, 5, 6), rng.uniform(0.3, 1, 6)
    turn = rotation(rng.uniform(-0.4, 0.5), rng.uniform(-0.4, 0.4), rng.uniform(-0.5, 0.5))
    sag = rng.uniform(0, 0.35)

    def sheet(places: np.ndarray) -> np.ndarray:
        x, z = ((places - 0.5) * 2 * extent).T
        distance = x[:, np.newaxis] * np.cos(angles) + z[:, np.newaxis] * np.sin(angles)
        y = np.sin(1.6 * waves * distance + phases) @ (1.6 * fold * heights / waves)
        z = z - sag * x**2 + 0.05 * np.sin(4 * x + 2 * y)
        return np.stack([x * (1 - 0.12 * np.abs(y)), y, z], axis=-1) @ turn.T

    return sheet
