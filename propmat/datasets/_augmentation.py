"""What makes composites look more like photographs: colours that fit, blur, noise, compression, uneven trimaps."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from propmat import _inputs
from propmat._typing import Array
from propmat.errors import InputError

Rng = np.random.Generator

KNOTS = 5  # of the spline by which the width of a trimap varies, along each side
RATIO = (0.5, 2.0)  # limits of the change of contrast when colours are matched
KNOWN = 0.1  # of the opaque pixels, and of the transparent ones, that a trimap labels at least
FAINTEST = 1 / 512  # of opacities; half a step of files of 8 bits
STEPS = 255  # of the values that a JPEG file holds


@dataclass(frozen=True)
class Augmentation:
    """Ranges of random changes to a composite, each ``(least, most)``, both ends included.

    Colour match, gamma and the blurs change the layers, so that
    ``image = alpha * foreground + (1 - alpha) * background`` still holds for those of the sample; noise and compression
    change the image alone.

    Parameters
    ----------
    match : (float, float), default (0, 0.6)
        How far mean and standard deviation of the foreground's colours move towards those of the background: from 0,
        not at all, to 1, all the way.
    gamma : (float, float), default (0.8, 1.25)
        Exponent of the colours of both layers, drawn with a uniform logarithm; 0.1 to 10.
    blur : (float, float), default (0, 0.8)
        Standard deviation, in pixels, of a Gaussian blur of all layers and alpha; 0 to 100.
    background_blur : (float, float), default (0, 3)
        The same for the background alone, as if it were out of focus; 0 to 100.
    noise : (float, float), default (0, 0.015)
        Standard deviation of Gaussian noise of the image; 0 to 1. It is the same in all places and channels.
    jpeg : (int, int) or None, default (60, 98)
        Quality of JPEG compression of the image; 1 to 100. None compresses nothing.
    unevenness : (float, float), default (0, 0.6)
        How much the width of the trimap's unknown band varies from place to place, as where people draw it by hand; 0
        to 1, as a share of the width.

    Raises
    ------
    InputError
        If a range is not as above.

    Examples
    --------
    >>> import propmat
    >>> gentle = propmat.datasets.Augmentation(noise=(0, 0.005), jpeg=None)
    >>> scene, sky = propmat.datasets.synthetic(1, (48, 64)), propmat.datasets.flower().image
    >>> layers = [scene.foreground], [scene.alpha], [sky]
    >>> samples = propmat.datasets.composites(*layers, repeats=2, augmentation=gentle)
    >>> bool((samples[1].image == samples[1].image).all())  # made twice, from the same seed
    True
    """

    match: tuple[float, float] = (0.0, 0.6)
    gamma: tuple[float, float] = (0.8, 1.25)
    blur: tuple[float, float] = (0.0, 0.8)
    background_blur: tuple[float, float] = (0.0, 3.0)
    noise: tuple[float, float] = (0.0, 0.015)
    jpeg: tuple[int, int] | None = (60, 98)
    unevenness: tuple[float, float] = (0.0, 0.6)

    def __post_init__(self) -> None:
        for name, limits in LIMITS.items():
            ends = _inputs.pair(getattr(self, name), name, "(least, most)")
            _ascending(name, *(_inputs.within(end, name, *limits) for end in ends))
        if self.jpeg is not None:
            _ascending(
                "jpeg",
                *(_inputs.integer(end, "jpeg", 1, 100) for end in _inputs.pair(self.jpeg, "jpeg", "(least, most)")),
            )


def _ascending(name: str, least: float, most: float) -> None:
    if least > most:
        raise InputError(f"{name}: takes (least, most), got ({least:g}, {most:g})")


LIMITS = {  # of the ranges of real numbers
    "match": (0, 1),
    "gamma": (0.1, 10),
    "blur": (0, 100),
    "background_blur": (0, 100),
    "noise": (0, 1),
    "unevenness": (0, 1),
}


@dataclass(frozen=True, eq=False)
class Layers:
    """Colours and alpha of a composite."""

    foreground: Array
    alpha: Array
    background: Array


@dataclass(frozen=True)
class Draw:
    """What is drawn for one composite, and the generator of its noise."""

    match: float
    gamma: float
    blur: float
    background_blur: float
    noise: float
    jpeg: int | None
    unevenness: float
    rng: Rng

    def layers(self, given: Layers) -> Layers:
        """Layers with matched colours, blur and gamma."""
        background = blurred(given.background, np.hypot(self.blur, self.background_blur))
        foreground = matched(given.foreground, given.alpha, background, self.match)
        foreground, alpha = blurred(foreground, self.blur), settled(blurred(given.alpha, self.blur), given.alpha)
        return Layers(foreground**self.gamma, alpha, background**self.gamma)

    def image(self, composite: Array) -> Array:
        """A composite with noise, compressed."""
        noisy = np.clip(composite + self.noise * self.rng.standard_normal(composite.shape), 0, 1)
        return noisy if self.jpeg is None else compressed(noisy, self.jpeg)

    def trimap(self, alpha: Array, reach: int) -> Array:
        """1 and 0 where alpha is, 0.5 within about `reach` pixels of fractional alpha; narrower if little is left."""
        from scipy.ndimage import distance_transform_edt

        fractional = (alpha > 0) & (alpha < 1)
        if not fractional.any():
            return alpha
        width = reach * (1 + self.unevenness * smooth_field(alpha.shape, self.rng))
        distance = distance_transform_edt(~fractional)
        while True:
            labels = np.where(distance <= np.maximum(width, 1), 0.5, alpha)
            if width.max() <= 1 or all((labels == end).sum() >= KNOWN * (alpha == end).sum() for end in (0, 1)):
                return labels
            width = width / 2


def draw(ranges: Augmentation, seed: tuple[int, ...]) -> Draw:
    """The changes to one composite; everything is drawn, whether it is used or not."""
    rng = np.random.default_rng(seed)
    uniform = {name: rng.uniform(*getattr(ranges, name)) for name in LIMITS if name != "gamma"}
    gamma = np.exp(rng.uniform(*np.log(ranges.gamma)))
    quality = int(rng.integers(*(ranges.jpeg or (1, 100)), endpoint=True))
    return Draw(gamma=gamma, jpeg=quality if ranges.jpeg else None, rng=rng, **uniform)


def matched(foreground: Array, alpha: Array, background: Array, share: float) -> Array:
    """Foreground with mean and standard deviation moved by a share towards those of the background."""
    weights = alpha / max(alpha.sum(), 1e-9)
    mean = np.tensordot(weights, foreground, 2)
    deviation = np.sqrt(np.tensordot(weights, (foreground - mean) ** 2, 2))
    ratio = np.clip(background.std(axis=(0, 1)) / np.maximum(deviation, 1e-3), *RATIO)
    target = background.mean(axis=(0, 1)) + ratio * (foreground - mean)
    return np.clip((1 - share) * foreground + share * target, 0, 1)


def blurred(picture: Array, deviation: float) -> Array:
    """A Gaussian blur of the two first axes, edges repeated; values stay in [0, 1]."""
    from scipy.ndimage import gaussian_filter

    if deviation <= 0:
        return picture
    sides = (deviation, deviation, 0)[: picture.ndim]
    return np.clip(gaussian_filter(picture, sides, mode="nearest"), 0, 1)


def settled(alpha: Array, before: Array) -> Array:
    """Alpha after a blur, 0 and 1 where it is so but for the tails of the Gaussian; as before if nothing changed."""
    if alpha is before:
        return alpha
    return np.where(alpha < FAINTEST, 0.0, np.where(alpha > 1 - FAINTEST, 1.0, alpha))


def compressed(picture: Array, quality: int) -> Array:
    """A picture after JPEG compression, with colours of half the resolution."""
    from PIL import Image

    file = io.BytesIO()
    levels = Image.fromarray(np.rint(STEPS * picture).astype(np.uint8))
    levels.save(file, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(file) as stored:
        return np.asarray(stored, np.float64) / STEPS


def smooth_field(shape: tuple[int, ...], rng: Rng) -> Array:
    """Values from -1 to 1 that change slowly over the picture."""
    from scipy.ndimage import map_coordinates

    knots = rng.uniform(-1, 1, (KNOTS, KNOTS))
    places = np.meshgrid(*(np.linspace(0, KNOTS - 1, side) for side in shape), indexing="ij")
    return np.clip(map_coordinates(knots, places, order=3, mode="nearest"), -1, 1)
