"""Straight sRGB colours from a rendered, premultiplied picture in linear light."""

from __future__ import annotations

import numpy as np


def straight(premultiplied: np.ndarray, coverage: np.ndarray, alpha: np.ndarray, brightness: float) -> np.ndarray:
    """Straight colours (H, W, 3) in sRGB, defined everywhere.

    Parameters
    ----------
    premultiplied : (H, W, 3) array
        Linear light, denoised.
    coverage : (H, W) array
        Alpha of the same render.
    alpha : (H, W) array
        Alpha of many samples, which is delivered.
    brightness : float
        The 96th percentile of opaque pixels becomes this value of linear light.
    """
    light = np.maximum(premultiplied, 0)
    direct = light / np.maximum(coverage, 1e-4)[:, :, np.newaxis]
    pooled = _wide(light) / np.maximum(_wide(coverage), 1e-4)[:, :, np.newaxis]
    sure = np.clip((np.minimum(alpha, coverage) - 0.5) / 0.45, 0, 1)[:, :, np.newaxis]
    colour = exposed(sure * direct + (1 - sure) * pooled, alpha, brightness)
    known = np.clip(_wide(coverage) / 0.3, 0, 1) ** 1.5 * np.clip(alpha / 0.05, 0, 1)
    return np.clip(extended(srgb(colour), known), 0, 1)


def exposed(light: np.ndarray, alpha: np.ndarray, brightness: float) -> np.ndarray:
    """Light scaled to a brightness, highlights compressed above 0.7."""
    opaque = alpha > 0.6
    if opaque.sum() < 30:
        opaque = alpha > 0.5 * alpha.max()
    level = np.percentile(light[opaque].max(axis=-1), 96)
    scaled = light * (brightness / max(level, 1e-4))
    return np.where(scaled > 0.7, 0.7 + 0.3 * (1 - np.exp(-(np.maximum(scaled, 0.7) - 0.7) / 0.3)), scaled)


def srgb(light: np.ndarray) -> np.ndarray:
    """sRGB values of linear light."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)


def extended(colour: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) where `known` (H, W) is 1, elsewhere mixed with weighted means over ever larger squares."""
    height, width = known.shape
    if min(height, width) < 2:
        return colour
    weight = known[:, :, np.newaxis]
    edges = ((0, height % 2), (0, width % 2), (0, 0))
    weights = _sums(np.pad(weight, edges))
    coarse = _sums(np.pad(colour * weight, edges)) / np.maximum(weights, 1e-9)
    around = extended(coarse, np.minimum(weights[:, :, 0], 1))
    around = smoothed(around.repeat(2, axis=0).repeat(2, axis=1))[:height, :width]
    return colour * weight + around * (1 - weight)


def smoothed(picture: np.ndarray) -> np.ndarray:
    """Binomial means over 3 by 3 pixels, edges repeated."""
    for axis in (0, 1):
        edges = [(1, 1) if axis == other else (0, 0) for other in range(picture.ndim)]
        padded, last = np.pad(picture, edges, "edge"), picture.shape[axis]
        before, at, after = (padded.take(range(start, start + last), axis) for start in range(3))
        picture = (before + 2 * at + after) / 4
    return picture


def _wide(picture: np.ndarray) -> np.ndarray:
    return smoothed(smoothed(picture))


def _sums(picture: np.ndarray) -> np.ndarray:
    """Sums over squares of 2 by 2 pixels."""
    rows = picture[::2] + picture[1::2]
    return rows[:, ::2] + rows[:, 1::2]
