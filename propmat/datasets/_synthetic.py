"""Scenes that are hard to matte, rendered with their exact alpha and colours.

Each stage shows a furry lump, a net on a ring, a piece of glass and two blobs out of focus. Lengths
are in units of the stage's shorter side, so that scenes look alike at every size.
"""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import NamedTuple

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat._typing import Array
from propmat.datasets._canvas import Canvas, inside, line, strokes, texture
from propmat.datasets._sample import Sample, trimap_around
from propmat.errors import InputError, shown

MINIMUM_SIDE = 16
# Long pictures are cut into stages about this many times as long as wide.
LONGEST_STAGE = 1.5
# On a stage under this many pixels the fur alone fits.
FULL_STAGE = 64


class Bent(NamedTuple):
    """How fur differs from its first shape: turned by an angle, its hairs swayed, each with its own phase."""

    turn: float = 0.0
    sway: float = 0.0
    time: float = 0.0


STILL = Bent()


@usual_arithmetic
def synthetic(seed: int = 0, shape: tuple[int, int] = (240, 320)) -> Sample:
    """Render fur, a net, glass and blurred blobs over a textured background.

    The compositing equation ``image = alpha * foreground + (1 - alpha) * background`` holds to
    rounding. The same seed and shape give the same sample. A picture under 64 pixels on a side
    shows the fur alone; one much longer than wide repeats the scene with variations.

    Parameters
    ----------
    seed : int, default 0
        Nonnegative; each gives another scene.
    shape : (int, int), default (240, 320)
        Height and width in pixels, each at least 16.

    Returns
    -------
    Sample
        With exact ``alpha``, ``foreground`` and ``background``. The trimap is unknown
        within a few pixels of every fractional alpha (a 120th of the shorter side, at least one);
        where it is known, alpha is exactly 0 or 1.

    Raises
    ------
    InputError
        If `seed` is not a nonnegative integer or `shape` not two integers of at least 16.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.datasets import synthetic
    >>> sample = synthetic(seed=7, shape=(60, 80))
    >>> alpha = sample.alpha[..., None]
    >>> np.allclose(sample.image, alpha * sample.foreground + (1 - alpha) * sample.background)
    True
    """
    seed, shape = checked_seed(seed), checked_shape(shape)
    rng = np.random.default_rng(seed)
    background = texture(rng, shape, cells=4) * rng.uniform(0.5, 0.9)
    canvas = Canvas(texture(rng, shape, cells=12))
    for corner, extent in _stages(shape):
        _fill_stage(canvas, rng, corner, extent)
    alpha, foreground = canvas.unmixed()
    image = alpha[..., None] * foreground + (1 - alpha[..., None]) * background
    trimap = trimap_around(alpha, max(1, round(min(shape) / 120)))
    return Sample(f"synthetic-{seed}", image, trimap, alpha, foreground, background)


def checked_seed(seed: int) -> int:
    if not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"seed: got {shown(seed)}, takes an integer of at least 0")
    return int(seed)


def checked_shape(shape: tuple[int, int]) -> tuple[int, int]:
    sides = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) else ()
    if len(sides) != 2 or not all(isinstance(n, Integral) and n >= MINIMUM_SIDE for n in sides):
        raise InputError(f"shape: got {shown(shape)}, takes (height, width), two integers of at least {MINIMUM_SIDE}")
    return int(sides[0]), int(sides[1])


def _stages(shape: tuple[int, int]) -> Iterator[tuple[Array, Array]]:
    """Corner and extent, (y, x) in pixels, of the stages along the picture's longer side."""
    longer = int(np.argmax(shape))
    count = max(1, round(max(shape) / min(shape) / LONGEST_STAGE))
    extent = np.array(shape, dtype=float)
    extent[longer] /= count
    for i in range(count):
        corner = np.zeros(2)
        corner[longer] = i * extent[longer]
        yield corner, extent


def _fill_stage(canvas: Canvas, rng: np.random.Generator, corner: Array, extent: Array) -> None:
    """Put the things on a stage, back to front; half of the stages are mirrored."""
    mirrored = rng.random() < 0.5

    def place(y: float, x: float) -> Array:
        where = np.array([y, 1 - x if mirrored else x]) + rng.uniform(-0.04, 0.04, 2)
        return corner + extent * where - 0.5

    if extent.min() < FULL_STAGE:
        return put_fur(canvas, rng, place(0.5, 0.5), extent.min())
    # On a square stage the things would crowd each other at full size.
    unit = min(extent.min(), 0.88 * np.sqrt(extent.prod()))
    put_net(canvas, rng, place(0.25, 0.22), unit)
    put_blob(canvas, rng, place(0.12, 0.9), unit)
    put_fur(canvas, rng, place(0.62, 0.47), unit)
    _put_glass(canvas, rng, place(0.45, 0.82), unit)
    put_blob(canvas, rng, place(0.92, 0.1), unit)


def put_net(canvas: Canvas, rng: np.random.Generator, centre: Array, unit: float, turned: float = 0.0) -> None:
    """A wavy square net in a ring, turned by an angle."""
    radius, mesh = 0.17 * unit, 0.03 * unit
    thread = max(0.3, 0.0022 * unit)
    part, y, x = canvas.window(centre, 1.1 * radius + 1)
    turn, phase = rng.uniform(0, np.pi, 2)
    turn += turned
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    along, across = (
        p + 0.3 * mesh * np.sin(2 * np.pi * q / radius + phase) for p, q in ((along, across), (across, along))
    )
    threads = (line(np.abs((p / mesh) % 1 - 0.5) * mesh, thread) for p in (along, across))
    distance = np.hypot(y, x)
    net = np.maximum(*threads) * inside(radius - distance)
    ring = line(np.abs(distance - radius), max(0.5, 0.01 * unit))
    canvas.put(part, np.maximum(net, ring), rng.uniform(0.3, 1, 3))


def _put_glass(canvas: Canvas, rng: np.random.Generator, centre: Array, unit: float) -> None:
    """A rounded pane, nearly even inside, denser towards its rim, with a highlight."""
    height, width = unit * rng.uniform(0.11, 0.18, 2)
    part, y, x = canvas.window(centre, max(height, width) + 1)
    lean = rng.uniform(-0.2, 0.2)
    y, x = (y + lean * x) / height, (x - lean * y) / width
    reach = (y**4 + x**4) ** 0.25
    ripple = np.sin(rng.uniform(2, 4) * x + rng.uniform(2, 4) * y + rng.uniform(0, 6))
    highlight = np.exp(-8 * (x + 0.4) ** 2 - 30 * (y + 0.5 + 0.4 * x) ** 2)
    body = rng.uniform(0.25, 0.4) + 0.08 * ripple + 0.3 * reach**10 + 0.4 * highlight
    alpha = np.clip(body, 0, 0.95) * inside((1 - reach) * min(height, width))
    canvas.put(part, alpha, 0.6 * rng.uniform(0.7, 1, 3) + 0.4 * highlight[..., None])


def put_blob(canvas: Canvas, rng: np.random.Generator, centre: Array, unit: float) -> None:
    """A disc far out of focus."""
    radius = unit * rng.uniform(0.08, 0.13)
    blur = radius * rng.uniform(0.3, 1)
    part, y, x = canvas.window(centre, radius + blur)
    t = np.clip((radius - np.hypot(y, x)) / (2 * blur) + 0.5, 0, 1)
    peak = min(1, rng.uniform(0.6, 1.3))
    canvas.put(part, peak * t**2 * (3 - 2 * t), rng.uniform(0.2, 1, 3))


def put_fur(canvas: Canvas, rng: np.random.Generator, centre: Array, unit: float, bent: Bent = STILL) -> None:
    """A solid lump with curved hairs growing from it, in layers of different shade."""
    radius = 0.2 * unit
    hide = rng.uniform(0.2, 0.9, 3)
    part, y, x = canvas.window(centre, 1.2 * radius + 1)
    angle = np.arctan2(y, x) - bent.turn
    lobes = sum(rng.uniform(-0.04, 0.04) * np.sin(k * angle + rng.uniform(0, 6)) for k in (2, 3, 5))
    distance = np.hypot(y, x)
    roundness = np.sqrt(np.clip(1.3 - (distance / radius) ** 2, 0.1, 1))[..., None]
    canvas.put(part, inside(radius * (1 + lobes) - distance), hide * roundness)
    part, y, x = canvas.window(centre, 2.6 * radius + 3)
    origin = np.array([y[0, 0], x[0, 0]])
    hairs = int(np.clip(unit / 20, 1, 30))
    for shade in rng.uniform(0.5, 1.4, 10):
        points, thickness = _hairs(rng, hairs, radius, max(0.3, 0.0017 * unit), bent)
        alpha = strokes(points - origin, thickness, (y.shape[0], x.shape[1]))
        canvas.put(part, alpha, np.clip(shade * hide, 0, 1))


def _hairs(
    rng: np.random.Generator, count: int, body: float, thickness: float, bent: Bent = STILL
) -> tuple[Array, Array]:
    """Points (y, x) along hairs on a body around the origin, close together; the radius at each."""
    angle, curl, phase = rng.uniform(0, 2 * np.pi, (3, count, 1))
    length = body * rng.uniform(0.4, 1.2, (count, 1))
    t = np.linspace(0, 1, 2 + int(4 * length.max()))
    away = body * rng.uniform(0.75, 0.98, (count, 1)) + length * t
    # A hair turns about the body as it leaves it, waves more towards its tip and hangs.
    angle = angle + 0.5 * np.sin(curl) * t**2 + 0.06 * t * np.sin(9 * t + phase)
    angle = angle + bent.turn + bent.sway * t**2 * np.sin(bent.time + phase)
    y = away * np.sin(angle) + 0.3 * length * t**2
    points = np.stack([y, away * np.cos(angle)], axis=-1)
    return points.reshape(-1, 2), np.tile(thickness * (1 - t) ** 0.6, count)
