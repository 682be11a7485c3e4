"""Strands that grow from roots: hair, fur, fibres, stalks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rendering.draws import Rng
from rendering.geometry import across, along, unit

Push = Callable[[np.ndarray], np.ndarray]  # positions (n, 3) to positions outside a body


@dataclass(frozen=True)
class Growth:
    """How strands grow.

    Attributes
    ----------
    points : int
        Points of a strand.
    pull : (float, float, float)
        Direction in which gravity or wind bends strands.
    gravity : float
        How much it bends them.
    wave : float
        Slow random bends.
    curl, turns : float
        Radius and number of the turns of curls.
    frizz : float
        Bends at every point.
    clump, clumps : float, int
        How close tips come to those of the nearest guide, 0 to 1, and the number of guides.
    stray : float
        Share of strands that follow no clump and leave the others.
    spread : float
        Standard deviation of the first direction.
    """

    points: int = 8
    pull: tuple[float, float, float] = (0.0, 0.0, -1.0)
    gravity: float = 0.0
    wave: float = 0.0
    curl: float = 0.0
    turns: float = 3.0
    frizz: float = 0.0
    clump: float = 0.0
    clumps: int = 0
    stray: float = 0.0
    spread: float = 0.1


def grow(
    roots: np.ndarray,
    directions: np.ndarray,
    length: float | np.ndarray,
    how: Growth,
    rng: Rng,
    push: Push | None = None,
) -> np.ndarray:
    """Strands (n, points, 3) from roots (n, 3) along directions (n, 3)."""
    stray = rng.random((len(roots), 1)) < how.stray
    strands = _bent(roots, directions, np.broadcast_to(length, (len(roots),)), how, rng, stray, push)
    guide = np.arange(len(roots))
    if how.clumps:
        guides = rng.choice(len(roots), min(how.clumps, len(roots)), replace=False)
        guide = guides[nearest(roots, roots[guides])]
        share = how.clump * np.linspace(0, 1, how.points)[:, np.newaxis] ** 1.2
        strands = np.where(stray[:, :, np.newaxis], strands, strands + (strands[guide] - strands) * share)
    return _curled(strands, guide, how, rng) if how.curl else strands


def _bent(
    roots: np.ndarray,
    directions: np.ndarray,
    length: np.ndarray,
    how: Growth,
    rng: Rng,
    stray: np.ndarray,
    push: Push | None,
) -> np.ndarray:
    """Strands bent by pull, waves and frizz, pushed out of the body step by step."""
    count = len(roots)
    stride = (length * rng.uniform(0.65, 1.15, count))[:, np.newaxis] / (how.points - 1)
    heading = unit(directions + rng.normal(scale=how.spread, size=(count, 3)) * (1 + 1.2 * stray))
    pull = np.array(how.pull) * how.gravity * rng.uniform(0.7, 1.3, (count, 1)) * np.where(stray, 0.5, 1)
    axes, phases, rates = (
        rng.normal(size=(count, 3)),
        rng.uniform(0, 6.28, (count, 1)),
        rng.uniform(0.6, 1.6, (count, 1)),
    )
    at, strand = roots, [roots]
    for part in np.linspace(0, 1, how.points)[1:]:
        waves = how.wave * (1 + stray) * axes * np.sin(phases + 9 * rates * part)
        frizz = how.frizz * np.sqrt(how.points) * rng.normal(size=(count, 3))
        heading = unit(heading + (pull * (1 + part) + waves + frizz) / how.points)
        at = at + heading * stride
        at = at if push is None else push(at)
        strand.append(at)
    return np.stack(strand, axis=1)


def _curled(strands: np.ndarray, guide: np.ndarray, how: Growth, rng: Rng) -> np.ndarray:
    """Strands wound about their paths, those of a clump alike."""
    count, part = len(strands), np.linspace(0, 1, how.points)[:, np.newaxis]
    phase = rng.uniform(0, 6.28, count)[guide] + rng.normal(scale=0.35, size=count)
    turns = how.turns * rng.uniform(0.8, 1.2, count)[guide]
    angle = phase[:, np.newaxis, np.newaxis] + 6.28 * turns[:, np.newaxis, np.newaxis] * part
    first, second = across(along(strands))
    return strands + how.curl * np.minimum(1, 3 * part) * (np.cos(angle) * first + np.sin(angle) * second)


def nearest(points: np.ndarray, others: np.ndarray, block: int = 4000) -> np.ndarray:
    """For each point the index of the nearest of the others."""
    squares = (others**2).sum(axis=1)
    blocks = (points[start : start + block] for start in range(0, len(points), block))
    return np.concatenate([np.argmin(squares - 2 * part @ others.T, axis=1) for part in blocks])


def tapered(points: int, by: float = 0.85) -> np.ndarray:
    """Relative widths of a strand from root to tip."""
    return 1 - by * np.linspace(0, 1, points) ** 1.5


def outside(centre: np.ndarray, radii: np.ndarray) -> Push:
    """Pushes points out of an ellipsoid, along rays from its centre."""

    def push(points: np.ndarray) -> np.ndarray:
        scaled = (points - centre) / radii
        distance = np.linalg.norm(scaled, axis=-1, keepdims=True)
        return np.where(distance < 1, scaled / np.maximum(distance, 1e-6) * radii + centre, points)

    return push
