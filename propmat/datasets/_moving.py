"""Moving scenes that are hard to matte, rendered with their exact alpha: fur, a net, a blurred blob, a camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._typing import Array
from propmat.datasets._canvas import Canvas, texture
from propmat.datasets._sample import Sample
from propmat.datasets._samples import Samples
from propmat.datasets._synthetic import Bent, checked_seed, checked_shape, put_blob, put_fur, put_net

SHUTTER, EXPOSURES = 0.5, 3  # of the time of a frame; moments within it that are averaged
MARGIN = 0.5  # of the shorter side: by how much textures exceed the picture, for what moves into it
SWAY, SWAYING = 0.08, 0.26  # of hairs: the greatest angle, and radians per frame of their swinging, once in 24 frames


@usual_arithmetic
def moving(seed: int = 0, frames: int = 12, shape: tuple[int, int] = (240, 320), *, noise: float = 1 / 255) -> Samples:
    """Render a moving scene: fur that turns and sways, a turning net and a blurred blob, seen by a moving camera.

    The shutter is open for half of the time, so that edges are blurred by motion. The compositing equation ``image =
    alpha * foreground + (1 - alpha) * background`` holds to rounding, but for `noise`. The same arguments give the same
    frames.

    Parameters
    ----------
    seed : int, default 0
        Nonnegative; each gives another scene.
    frames : int, >= 1, default 12
        How many.
    shape : (int, int), default (240, 320)
        Height and width in pixels, each at least 16.
    noise : float, >= 0, default 0.01
        Standard deviation of the noise of the camera, another one in each frame.

    Returns
    -------
    Samples
        The frames, each rendered when it is asked for, with exact ``alpha``, ``foreground`` and ``background``. The
        trimap of each is foreground where alpha is 1 in a square of 3 pixels, and background further than a few pixels
        from any alpha above 0 (a sixtieth of the shorter side, at least two).

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> from propmat.datasets import moving
    >>> scene = moving(seed=0, frames=4, shape=(60, 80))
    >>> len(scene), scene.names[1], scene[1].alpha.shape
    (4, 'moving-0-0001', (60, 80))
    """
    number, size = checked_seed(seed), checked_shape(shape)
    count = _inputs.whole_number(frames, "frames")
    sigma = _inputs.tolerance(noise, "noise")
    return Samples(_Moment(number, size, sigma, index) for index in range(count))


@dataclass(frozen=True)
class _Moment:
    """One frame of a scene, a `Source`."""

    seed: int
    shape: tuple[int, int]
    noise: float
    index: int

    @property
    def name(self) -> str:
        return f"moving-{self.seed}-{self.index:04d}"

    def read(self) -> Sample:
        scene = _scene(self.seed, self.shape)
        alpha, foreground = scene.exposed(self.index)
        background = scene.background(self.index)
        image = alpha[..., None] * foreground + (1 - alpha[..., None]) * background
        grain = np.random.default_rng([self.seed, 1 + self.index]).normal(0, 1, image.shape)
        image = np.clip(image + self.noise * grain, 0, 1)
        trimap = _trimap(alpha, max(2, round(min(self.shape) / 60)))
        return Sample(self.name, image, trimap, alpha, foreground, background)


def _trimap(alpha: Array, reach: int) -> Array:
    """1 within foreground, a pixel from its edge, 0 further than `reach` pixels from any alpha above 0, else 0.5."""
    from scipy.ndimage import maximum_filter, minimum_filter

    near = maximum_filter(alpha, size=2 * reach + 1) > 0
    return np.where(minimum_filter(alpha, size=3) == 1, 1.0, np.where(near, 0.5, 0.0))


class _Path(NamedTuple):
    """How something moves: from a place with a speed and a swing, in pixels (y, x), and a turn in radians per frame."""

    begin: Array
    speed: Array
    swing: Array
    turn: float

    def at(self, time: float) -> Array:
        place: Array = self.begin + time * self.speed + self.swing * np.sin(0.4 * time)
        return place


@dataclass(frozen=True, eq=False)
class _Scene:
    """What is in a scene: paths of camera, fur, net and blob, and textures of the background and of each of them."""

    seed: int
    shape: tuple[int, int]
    unit: float
    camera: _Path
    paths: tuple[_Path, _Path, _Path]
    behind: Array
    surfaces: tuple[Array, Array, Array]

    def background(self, index: int) -> Array:
        """What the camera sees behind everything in the middle of an exposure."""
        return _sampled(self.behind, self.shape, np.zeros(2), self.camera.at(index + SHUTTER / 2), 0.0)

    def exposed(self, index: int) -> tuple[Array, Array]:
        """Alpha and straight colours of a frame."""
        moments = [self._moment(index + SHUTTER * (k + 0.5) / EXPOSURES) for k in range(EXPOSURES)]
        whole = Canvas(sum((canvas.texture for canvas in moments[1:]), moments[0].texture) / EXPOSURES)
        for canvas in moments:
            whole.alpha += canvas.alpha / EXPOSURES
            whole.colours += canvas.colours / EXPOSURES
        return whole.unmixed()

    def _moment(self, time: float) -> Canvas:
        """Everything at one moment, the fur in front."""
        fur, net, blob = (path.at(time) - self.camera.at(time) for path in self.paths)
        drawn = []
        for k, (place, path) in enumerate(zip((fur, net, blob), self.paths, strict=True)):
            moved = _sampled(self.surfaces[k], self.shape, place, path.begin, time * path.turn)
            canvas, rng = Canvas(moved), np.random.default_rng([self.seed, 0, k])
            if k == 0:
                put_fur(canvas, rng, place, self.unit, Bent(time * path.turn, SWAY, SWAYING * time))
            elif k == 1:
                put_net(canvas, rng, place, self.unit, time * path.turn)
            else:
                put_blob(canvas, rng, place, self.unit)
            drawn.append(canvas)
        first, *others = drawn
        for other in others:
            first.colours += (1 - first.alpha[..., None]) * other.colours
            first.alpha += (1 - first.alpha) * other.alpha
        return first


@lru_cache(maxsize=2)
def _scene(seed: int, shape: tuple[int, int]) -> _Scene:
    rng = np.random.default_rng(seed)
    unit, extent = 0.85 * float(min(shape)), np.array(shape, float)
    step = 0.005 * unit  # pixels per frame

    def path(y: float, x: float, speed: float, turn: float) -> _Path:
        begin = extent * (np.array([y, x]) + rng.uniform(-0.04, 0.04, 2))
        heading = rng.uniform(0, 2 * np.pi)
        towards = speed * step * np.array([np.sin(heading), np.cos(heading)])
        return _Path(begin, towards, rng.uniform(-2, 2, 2) * step, turn * rng.choice([-1, 1]))

    camera = path(0, 0, 0.7, 0.0)
    paths = path(0.6, 0.45, 1.0, 0.006), path(0.28, 0.75, 1.0, 0.01), path(0.25, 0.18, 2.0, 0.0)
    large = tuple(int(side + 2 * MARGIN * min(shape)) for side in shape)
    behind = texture(rng, (large[0], large[1]), cells=6) * rng.uniform(0.5, 0.9)
    surfaces = tuple(texture(rng, (large[0], large[1]), cells=24) for _ in paths)
    return _Scene(seed, shape, unit, camera, paths, behind, (surfaces[0], surfaces[1], surfaces[2]))


def _sampled(picture: Array, shape: tuple[int, int], about: Array, origin: Array, turn: float) -> Array:
    """A part of a larger picture, turned by an angle about a place (y, x), at which its place `origin` is seen.

    `origin` is counted from the margin of the picture, beyond which it is mirrored.
    """
    from scipy.ndimage import map_coordinates

    y, x = np.mgrid[: shape[0], : shape[1]]
    y, x = y - about[0], x - about[1]
    corner = origin + (np.array(picture.shape[:2]) - shape) / 2
    rows = corner[0] + np.cos(turn) * y - np.sin(turn) * x
    columns = corner[1] + np.cos(turn) * x + np.sin(turn) * y
    channels = [map_coordinates(picture[:, :, c], [rows, columns], order=1, mode="mirror") for c in range(3)]
    return np.stack(channels, axis=2)
