"""Colours of materials: linear RGB in [0, 1], and patterns of them over positions."""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Sequence

import numpy as np

from rendering.draws import Rng, pick
from rendering.geometry import smooth_noise, unit

Colours = Callable[[np.ndarray], np.ndarray]  # positions (n, 3) to linear RGB (n, 3)

# Hair and fur from black over brown and red to blond, grey and white.
NATURAL = (
    (0.012, 0.009, 0.008),
    (0.035, 0.018, 0.010),
    (0.090, 0.045, 0.020),
    (0.160, 0.080, 0.035),
    (0.300, 0.100, 0.030),
    (0.420, 0.200, 0.060),
    (0.550, 0.360, 0.160),
    (0.680, 0.520, 0.300),
    (0.300, 0.280, 0.260),
    (0.750, 0.720, 0.680),
    (0.850, 0.840, 0.820),
)
GREENS = (
    (0.06, 0.16, 0.02),
    (0.12, 0.25, 0.03),
    (0.03, 0.09, 0.015),
    (0.30, 0.30, 0.05),
    (0.40, 0.30, 0.10),
    (0.10, 0.20, 0.08),
)
AUTUMN = ((0.50, 0.08, 0.02), (0.60, 0.30, 0.03), (0.35, 0.05, 0.04), (0.55, 0.40, 0.05))
BARK = ((0.09, 0.055, 0.035), (0.20, 0.15, 0.10), (0.04, 0.03, 0.025), (0.25, 0.12, 0.05), (0.35, 0.33, 0.30))
SKIN = ((0.62, 0.38, 0.28), (0.50, 0.28, 0.19), (0.35, 0.17, 0.10), (0.16, 0.07, 0.04), (0.70, 0.48, 0.40))
METALS = ((0.90, 0.90, 0.90), (0.95, 0.70, 0.35), (0.60, 0.60, 0.65), (0.75, 0.45, 0.30), (0.08, 0.08, 0.09))


def of(rng: Rng, palette: Sequence[tuple[float, float, float]], spread: float = 0.15) -> np.ndarray:
    """A colour of a palette, lighter or darker by up to `spread`."""
    return np.array(pick(rng, palette)) * rng.uniform(1 - spread, 1 + spread)


def vivid(rng: Rng) -> np.ndarray:
    """A saturated colour."""
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.55, 0.97), rng.uniform(0.35, 0.95))) ** 1.6


def any_colour(rng: Rng) -> np.ndarray:
    """A colour of any hue, saturation and lightness."""
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.random() ** 0.8, rng.uniform(0.15, 0.95))) ** 1.8


def pattern(rng: Rng, first: np.ndarray, second: np.ndarray, scale: float = 1.0) -> tuple[str, Colours]:
    """Two colours as patches, stripes, spots, light below, or one colour with slow changes."""
    style = pick(rng, ("plain", "patches", "stripes", "spots", "belly"))
    share = _share(rng, style, scale)
    fine = smooth_noise(rng, 5 * scale)

    def colours(positions: np.ndarray) -> np.ndarray:
        second_share = share(positions)[:, np.newaxis]
        mixed = first * (1 - second_share) + second * second_share
        return np.clip(mixed * (1 + 0.18 * fine(positions))[:, np.newaxis], 0.003, 0.92)

    return style, colours


def _share(rng: Rng, style: str, scale: float) -> Callable[[np.ndarray], np.ndarray]:
    """The share of the second colour at positions."""
    coarse, fine = smooth_noise(rng, 1.6 * scale), smooth_noise(rng, 5 * scale)
    axis, waves = unit(rng.normal(size=3) * (0.3, 1, 0.6)), rng.uniform(7, 16) * scale
    threshold = rng.uniform(-0.3, 0.3)
    return {
        "plain": lambda at: 0.25 * step(coarse(at), 0.5),
        "patches": lambda at: step(coarse(at) - threshold, 0.06),
        "stripes": lambda at: step(np.sin(waves * (at @ axis) + 2.2 * coarse(at)) - 0.2, 0.15),
        "spots": lambda at: step(fine(at) - 0.28, 0.05),
        "belly": lambda at: step(at[:, 2].mean() - at[:, 2] + 0.25 * coarse(at), 0.15),
    }[style]


def step(values: np.ndarray, width: float) -> np.ndarray:
    """0 below zero, 1 above, smooth over about `width`."""
    return 1 / (1 + np.exp(-np.clip(values / width, -30, 30)))
