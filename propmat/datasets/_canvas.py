"""Rendering of scenes: textures, layers, and shapes with partial coverage of pixels."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from propmat._typing import Array

# Opacities closer than this to 0 or 1, half a level of 8 bits, become 0 or 1, so that blurs end.
FAINTEST = 1 / 512


def _noise(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> Array:
    """Smooth field of deviation about 1: `cells` bumps along the shorter side, and finer detail."""
    field = np.zeros(shape)
    for octave in range(4):
        # Bumps under two pixels would be lost between the samples.
        spacing = max(2.0, min(shape) / (cells * 2**octave))
        rows, columns = (_spline_basis(n, spacing) for n in shape)
        knots = rng.standard_normal((columns.shape[1], rows.shape[1]))
        field += 0.55**octave * (rows @ (columns @ knots).T)
    return field


def _spline_basis(length: int, spacing: float) -> csr_array:
    """(length, knots) cubic B-splines of height 1 with the knots `spacing` pixels apart."""
    position = np.arange(length)[:, None] / spacing
    knots = position.astype(int) + np.arange(4)
    t = np.abs(position - (knots - 1))
    weights = np.maximum(2 - t, 0) ** 3 / 4 - np.maximum(1 - t, 0) ** 3
    starts = np.arange(0, 4 * length + 1, 4)
    return csr_array((weights.ravel(), knots.ravel(), starts), shape=(length, int(knots.max()) + 1))


def texture(rng: np.random.Generator, shape: tuple[int, int], cells: int) -> Array:
    """(H, W, 3) colours in (0, 1): three random ones, mixed and shaded by noise."""
    from scipy.special import expit

    first, second, third = rng.uniform(0.1, 1, (3, 3))
    mix, patch, shade = (expit(1.5 * _noise(rng, shape, n))[..., None] for n in (cells, cells, 2 * cells))
    colours = first + mix * (second - first)
    shaded: Array = (colours + patch**2 * (third - colours)) * (0.5 + 0.5 * shade)
    return shaded


class Canvas:
    """The foreground so far: opacity, and colours multiplied by it."""

    def __init__(self, texture: Array) -> None:
        self.texture = texture
        self.shape = texture.shape[:2]
        self.alpha = np.zeros(self.shape)
        self.colours = np.zeros(texture.shape)

    def window(self, centre: Array, reach: float) -> tuple[tuple[slice, slice], Array, Array]:
        """The part of the canvas within `reach` of `centre`, and y and x counted from there."""
        low = np.maximum(np.floor(centre - reach).astype(int), 0)
        high = np.minimum(np.ceil(centre + reach).astype(int) + 1, self.shape)
        part = slice(low[0], high[0]), slice(low[1], high[1])
        y, x = np.ogrid[part]
        return part, y - centre[0], x - centre[1]

    def put(self, part: tuple[slice, slice], alpha: Array, colour: Array) -> None:
        """Composite a layer over the canvas; the texture of the canvas shades its colour."""
        layer = 0.65 * colour + 0.35 * self.texture[part]
        self.colours[part] += alpha[..., None] * (layer - self.colours[part])
        self.alpha[part] += alpha * (1 - self.alpha[part])

    def unmixed(self) -> tuple[Array, Array]:
        """Opacity and straight colours; without any layer the colour is the texture."""
        faint, full = self.alpha < FAINTEST, self.alpha > 1 - FAINTEST
        colours = self.colours / np.where(faint, 1, self.alpha)[..., None]
        foreground = np.where(faint[..., None], self.texture, np.clip(colours, 0, 1))
        return np.select([faint, full], [0.0, 1.0], self.alpha), foreground


def inside(depth: Array) -> Array:
    """Share of a pixel covered by a shape whose edge is `depth` pixels beyond the centre of the pixel."""
    return np.clip(depth + 0.5, 0, 1)


def line(distance: Array, radius: Array | float) -> Array:
    """Share of a pixel that a line covers; a line thinner than the pixel never covers all of it."""
    return np.clip(radius + 0.5 - distance, 0, np.minimum(1, 2 * radius))


def strokes(points: Array, radius: Array, shape: tuple[int, int]) -> Array:
    """Coverage by strokes of dense points (y, x) with a radius each, cropped to `shape`."""
    alpha = np.zeros(shape)
    nearest = np.round(points).astype(int)
    reach = int(np.ceil(radius.max() + 0.5))
    for dy, dx in np.ndindex(2 * reach + 1, 2 * reach + 1):
        pixels = nearest + (dy - reach, dx - reach)
        kept = np.all((pixels >= 0) & (pixels < shape), axis=1)
        y, x = pixels[kept].T
        cover = line(np.hypot(*(pixels - points)[kept].T), radius[kept])
        np.maximum.at(alpha, (y, x), cover)
    return alpha
