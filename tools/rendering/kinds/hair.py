"""A head with hair: straight to curly, in wind, tied, with stray strands; sometimes with a beard or glasses."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from rendering import colours, materials
from rendering.draws import Rng, chance, log_uniform, pick
from rendering.geometry import Field, rotation, smooth_noise, unit
from rendering.growth import Growth, Push, grow, outside, tapered
from rendering.heads import Head, add_head
from rendering.scene import Scene
from rendering.solids import ball, primitive, roots_on

BUST = np.array([0, 0.12, -1.75])


@dataclass(frozen=True)
class Style:
    """How hair is worn: range of lengths, growth, and how much strands start along the normal of the scalp."""

    length: tuple[float, float]
    growth: Growth
    upright: float = 0.5
    cover: float = 1.0
    over_face: bool = False


STYLES = {
    "straight": Style((0.9, 2.1), Growth(18, gravity=4, wave=0.6, spread=0.15)),
    "wavy": Style((0.9, 2.0), Growth(20, gravity=3.5, wave=3.5, spread=0.2)),
    "curly": Style((0.6, 1.4), Growth(30, gravity=2.2, wave=1, curl=0.06, turns=6, spread=0.25)),
    "afro": Style((0.3, 0.7), Growth(24, gravity=0.2, wave=1.5, curl=0.035, turns=5, spread=0.4), 1.0, 1.2, True),
    "short": Style((0.12, 0.35), Growth(9, gravity=0.8, wave=0.6, spread=0.2), 0.8, 1.4, True),
    "bob": Style((0.6, 1.0), Growth(16, gravity=4, wave=0.5, spread=0.15)),
    "wind": Style((0.8, 1.8), Growth(20, gravity=3, wave=2, spread=0.3), 0.7, 1.0, True),
    "wild": Style((0.4, 1.2), Growth(18, gravity=0.9, wave=2.5, frizz=0.2, spread=0.5), 1.0, 1.0, True),
    "flyaway": Style((0.7, 1.6), Growth(22, gravity=2.5, wave=1.8, frizz=0.25, spread=0.25), 0.6, 0.6),
    "tied": Style((0.8, 1.7), Growth(16, gravity=3, wave=0.8, spread=0.3)),
}


def build(scene: Scene, rng: Rng) -> None:
    name = pick(rng, tuple(STYLES), (2, 1.5, 1.5, 1, 1, 1, 1.5, 1, 3, 1.5))
    length = rng.uniform(*STYLES[name].length)
    scene.look(rng, 1.7 if length > 0.8 else 1.4, (-0.25, 0.3), 0.1)
    scene.cut_below = True
    head = add_head(scene, rng, _yaw(rng))
    _bust(scene, rng, head)
    palette = pick(rng, ("natural", "dyed", "white"), (6, 2, 2))
    colour, width = _colour(rng, palette), scene.strand_width(rng, 1.0 if name == "flyaway" else None)
    count = _hair(scene, rng, head, name, length, colour, width)
    if colour.max() < 0.06:
        scene.brightness = 0.55
    if head.faces_camera and chance(rng, 0.2):
        _beard(scene, rng, head, colour, count // 3, width)
    if head.faces_camera and chance(rng, 0.15):
        _glasses(scene, rng, head)
    scene.facts |= {"style": name, "colour": palette, "strands": count, "length": round(length, 2)}


def _hair(scene: Scene, rng: Rng, head: Head, name: str, length: float, colour: np.ndarray, width: float) -> int:
    """Hair of a style, `width` in pixels; returns the number of strands."""
    style = STYLES[name]
    count = int(np.clip(style.cover * log_uniform(rng, 14000, 32000) / width, 4000, 50000))
    roots, normals, _ = roots_on(rng, [head.skull], count, _scalp(rng, head))
    strands = _worn(rng, name, style, _varied(rng, name, style.growth), head, roots, normals, length)
    shades, widths = _strand_colours(rng, colour, strands.shape), _widths(rng, strands) * width
    scene.strands(strands, materials.hair(rng), shades, width=widths)
    return count


def _yaw(rng: Rng) -> float:
    """The head turned towards the camera, aside, or away."""
    aside = rng.uniform(0.8, 2.1) * pick(rng, (-1, 1))
    return pick(rng, (rng.uniform(-0.6, 0.6), aside, math.pi + rng.uniform(-0.7, 0.7)), (5, 3, 2))


def _bust(scene: Scene, rng: Rng, head: Head) -> None:
    """Neck and clothes."""
    ball(scene, materials.surface(rng, "plain", head.skin, 0.5), (0, 0.06, -0.72), (0.27, 0.28, 0.6))
    noise = smooth_noise(rng, 1.5)

    def shoulders(at: np.ndarray) -> np.ndarray:
        return 1 + 0.05 * noise(at) + 0.12 * at[:, 0] ** 2 * np.clip(0.5 + 1.5 * at[:, 2], 0, 1)

    cloth = materials.surface(rng, pick(rng, ("noise", "stripes", "checks", "plain")), rough=0.8)
    radii = (rng.uniform(1.0, 1.25), 0.55, 0.85)
    ball(scene, cloth, BUST, radii, rotation(z=0.3 * head.yaw), deform=shoulders, detail=5)


def _varied(rng: Rng, name: str, growth: Growth) -> Growth:
    """The growth of a style with the parameters of one head."""
    heading = rng.uniform(0, 2 * math.pi)
    wind = unit(np.array([1.6 * math.cos(heading), 0.3, rng.uniform(-0.7, 0.5)]))
    return replace(
        growth,
        gravity=growth.gravity * rng.uniform(0.7, 1.3),
        wave=growth.wave * rng.uniform(0.6, 1.5),
        curl=growth.curl * rng.uniform(0.6, 1.4),
        turns=growth.turns * rng.uniform(0.7, 1.4),
        clump=rng.uniform(0.1, 0.85) * (0.4 if name in ("short", "afro") else 1),
        clumps=int(log_uniform(rng, 60, 900)),
        stray=pick(rng, (0.2, 0.35)) if name == "flyaway" else pick(rng, (0.03, 0.08, 0.15)),
        pull=tuple(wind) if name == "wind" else growth.pull,
    )


def _scalp(rng: Rng, head: Head) -> Field:
    """The density of roots: above the line of the hair."""
    line, noise = rng.uniform(0.42, 0.62), smooth_noise(rng, 4)

    def density(at: np.ndarray) -> np.ndarray:
        x, y, z = head.inward(at).T
        lowest = np.where(y < -0.15, line, np.where(y < 0.25, 0.12, -0.35)) + 0.12 * ((np.abs(x) > 0.75) & (y < 0))
        return (z > lowest + 0.06 * noise(at)).astype(float)

    return density


def _worn(
    rng: Rng, name: str, style: Style, growth: Growth, head: Head, roots: np.ndarray, normals: np.ndarray, length: float
) -> np.ndarray:
    """Strands of a style."""
    push = _clear(rng, head, style.over_face)
    if name == "tied":
        return _tied(rng, growth, head, roots, length, push)
    x, y, _ = head.inward(roots).T
    side = np.where(x > rng.uniform(-0.35, 0.35), 1.0, -1.0) * rng.uniform(0.3, 1.0)
    comb = np.stack([side, np.where(y < -0.1, 0.9, 0.35), np.full(len(x), -0.15)], axis=1)
    start = unit(normals * style.upright + (1 - style.upright) * head.outward(comb, directions=True))
    return grow(roots, start, length, growth, rng, push)


def _clear(rng: Rng, head: Head, over_face: bool) -> Push:
    """Pushes hair out of the head and the bust, and aside of the face."""
    skull, bust = outside(np.zeros(3), np.full(3, 1.03)), outside(BUST, np.array([1.08, 0.6, 0.9]))
    middle = rng.uniform(-0.1, 0.1)

    def push(at: np.ndarray) -> np.ndarray:
        inside = skull(head.inward(at))
        if not over_face:
            x, y, z = inside.T
            before = (y < -0.35) & (z < 0.45) & (z > -1.1) & (np.abs(x) < 0.62)
            inside[:, 0] = np.where(before, np.sign(x - middle) * (0.25 * np.abs(x) + 0.6), x)
        return bust(head.outward(inside))

    return push


def _tied(rng: Rng, growth: Growth, head: Head, roots: np.ndarray, length: float, push: Push) -> np.ndarray:
    """Hair drawn over the head to a knot behind it, from where it falls."""
    knot = head.outward(np.array([[0, rng.uniform(0.95, 1.15), rng.uniform(-0.1, 0.75)]]))
    part = np.linspace(0, 1, 9)[:, np.newaxis]
    ends = knot + rng.normal(scale=0.04, size=roots.shape)
    drawn = roots[:, np.newaxis] * (1 - part) + ends[:, np.newaxis] * part
    over = outside(np.zeros(3), np.full(3, 1.06))
    drawn = head.outward(over(head.inward(drawn.reshape(-1, 3)))).reshape(drawn.shape)
    loose = (rng.random(len(roots)) < growth.stray)[:, np.newaxis, np.newaxis]
    wander = np.cumsum(rng.normal(scale=0.03, size=drawn.shape), axis=1) * np.sin(np.pi * part)
    away = unit(head.outward(np.array([[0, 1, 0.2]]), directions=True) + rng.normal(scale=0.35, size=roots.shape))
    falling = grow(drawn[:, -1], away, length, replace(growth, clump=0.5 * growth.clump), rng, push)
    return np.concatenate([drawn + loose * wander, falling[:, 1:] + loose * wander[:, -1:]], axis=1)


def _colour(rng: Rng, palette: str) -> np.ndarray:
    if palette == "white":
        return np.array([0.86, 0.85, 0.82]) * rng.uniform(0.85, 1.05)
    return colours.vivid(rng) if palette == "dyed" else colours.of(rng, colours.NATURAL)


def _strand_colours(rng: Rng, colour: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Each strand lighter or darker; in some, streaks or tips of another colour."""
    count, points = shape[:2]
    other = colour * rng.uniform(0.5, 1.6) if chance(rng, 0.6) else colours.of(rng, colours.NATURAL)
    streaks = 0.8 * (rng.random((count, 1, 1)) < pick(rng, (0, 0.15, 0.4)))
    tips = np.clip(3 * (np.linspace(0, 1, points)[:, np.newaxis] - rng.uniform(0.2, 0.6)), 0, 1) * chance(rng, 0.3)
    share = np.clip(streaks + tips, 0, 1)
    return (colour * (1 - share) + other * share) * rng.normal(1, 0.12, (count, 1, 1)).clip(0.5, 1.5)


def _widths(rng: Rng, strands: np.ndarray) -> np.ndarray:
    """Relative widths (n, points): tapered, and no two strands alike."""
    return tapered(strands.shape[1], pick(rng, (0.4, 0.85))) * rng.uniform(0.7, 1.2, (len(strands), 1))


def _beard(scene: Scene, rng: Rng, head: Head, colour: np.ndarray, count: int, width: float) -> None:
    highest = rng.uniform(-0.35, -0.15)

    def density(at: np.ndarray) -> np.ndarray:
        x, y, z = head.inward(at).T
        mouth = (np.abs(x) < 0.2) & (np.abs(z + 0.44) < 0.06)
        return ((z < highest) & (z > -0.97) & (y < 0.15) & ~mouth).astype(float)

    roots, normals, _ = roots_on(rng, [head.skull], count, density)
    how = Growth(
        8, gravity=rng.uniform(0.5, 2.5), wave=rng.uniform(0.5, 2), clump=0.4, clumps=200, stray=0.1, spread=0.2
    )
    strands = grow(roots, unit(normals - (0, 0, 0.5)), rng.uniform(0.06, 0.4), how, rng)
    scene.strands(strands, materials.hair(rng), 0.9 * colour, width=tapered(8) * width)


def _glasses(scene: Scene, rng: Rng, head: Head) -> None:
    frame, turn = materials.surface(rng, pick(rng, ("plain", "metal"))), rotation(z=head.yaw)
    for side in (-1, 1):
        at = head.outward(np.array([[side * 0.34, -1.04, 0.12]]))[0]
        primitive(scene, "torus", frame, at, 0.19, turn @ rotation(x=math.pi / 2), thickness=0.09)
    primitive(scene, "box", frame, head.outward(np.array([[0, -1.08, 0.14]]))[0], (0.05, 0.012, 0.012), turn, bevel=0)
