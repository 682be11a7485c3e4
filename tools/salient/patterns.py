"""Backgrounds that are computed: leaves that cover one another, noise of all scales, planes of walls, gradients."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

HEIGHT, WIDTH = 360, 480
LEAVES = 3000


def dead_leaves(rng: np.random.Generator) -> Image.Image:
    """Discs, boxes and triangles that cover one another, sizes as r^-3, such as natural pictures have.

    A. Lee, D. Mumford, J. Huang, "Occlusion Models for Natural Images", IJCV 2001.
    """
    picture = Image.new("RGB", (WIDTH, HEIGHT))
    drawing = ImageDraw.Draw(picture)
    least, most = rng.uniform(2, 6), rng.uniform(25, 70)
    radii = (least**-2 + rng.random(LEAVES) * (most**-2 - least**-2)) ** -0.5
    middle, spread = rng.uniform(0.2, 0.8, 3), rng.uniform(0.05, 0.25)
    colours = np.rint(
        255 * np.clip(middle + rng.normal(0, spread, (LEAVES, 1)) + rng.normal(0, 0.06, (LEAVES, 3)), 0, 1)
    )
    places, turns, corners = (
        rng.random((LEAVES, 2)) * (WIDTH, HEIGHT),
        rng.random(LEAVES),
        rng.choice([3, 4, 24], LEAVES),
    )
    for radius, colour, place, turn, count in zip(radii, colours, places, turns, corners, strict=True):
        angles = 2 * np.pi * (np.arange(count) / count + turn)
        outline = place + radius * np.column_stack([np.cos(angles), np.sin(angles)])
        drawing.polygon([tuple(point) for point in outline], fill=tuple(int(level) for level in colour))
    return picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.4, 4))))


def clouds(rng: np.random.Generator) -> Image.Image:
    """Noise whose spectrum falls with the frequency, between two colours."""
    fall = rng.uniform(0.8, 2)
    frequency = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.fftfreq(WIDTH) / rng.uniform(0.3, 3))
    spectrum = np.fft.fft2(rng.normal(size=(HEIGHT, WIDTH))) / (frequency + 1 / WIDTH) ** fall
    noise = np.fft.ifft2(spectrum).real
    share = (noise - noise.min()) / np.ptp(noise)
    return mixed(share, rng, rng.uniform(0.2, 1))


def walls(rng: np.random.Generator) -> Image.Image:
    """Two planes that meet at an edge, each with light that falls off and its own grain, out of focus."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] / WIDTH
    edge = rng.uniform(0.3, 0.7) + rng.uniform(-0.2, 0.2) * columns
    side = rng.uniform(0.1, 0.9) + rng.uniform(-0.1, 0.1) * rows
    parts = np.where(rows > edge, 0, np.where(columns > side, 1, 2))
    tones = rng.uniform(0.15, 0.9, 3) if rng.random() < 0.5 else rng.uniform(0.4, 0.6) + rng.uniform(-0.2, 0.2, 3)
    tint = rng.uniform(-0.1, 0.1, (3, 3))
    light = 1 - rng.uniform(0, 0.6) * np.hypot(columns - rng.random(), rows - 0.75 * rng.random())
    colours = (tones[:, None] + tint)[parts] * light[..., None] + rng.normal(0, rng.uniform(0, 0.05), parts.shape)[
        ..., None
    ]
    picture = Image.fromarray(np.rint(255 * colours.clip(0, 1)).astype(np.uint8))
    return picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.5, 6))))


def lights(rng: np.random.Generator) -> Image.Image:
    """Discs of light as a lens makes them of points out of focus, on something dark."""
    shown = np.asarray(gradient(rng, narrow=True), dtype=np.float64) * rng.uniform(0.1, 0.6)
    for _ in range(int(rng.integers(20, 90))):
        disc = Image.new("L", (WIDTH, HEIGHT))
        x, y, radius = rng.random() * WIDTH, rng.random() * HEIGHT, rng.uniform(5, 30)
        ImageDraw.Draw(disc).ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        shown += np.asarray(disc)[..., None] * rng.uniform(0.05, 0.5) * rng.uniform(0.3, 1, 3)
    return Image.fromarray(shown.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2))


def gradient(rng: np.random.Generator, narrow: bool) -> Image.Image:
    """From one colour to another, a similar one if that is asked for, with noise."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH] / WIDTH
    angle, steepness = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 2)
    share = np.clip(0.5 + steepness * (np.cos(angle) * (columns - 0.5) + np.sin(angle) * (rows - 0.37)), 0, 1)
    return mixed(share, rng, 0.15 if narrow else 1.0)


def mixed(share: np.ndarray, rng: np.random.Generator, reach: float) -> Image.Image:
    """A colour, another within reach, and shares (H, W) of the second, with noise."""
    first = rng.uniform(0.05, 0.95, 3)
    second = first + reach * (rng.uniform(0.05, 0.95, 3) - first)
    colours = first + share[..., None] * (second - first) + rng.normal(0, rng.uniform(0, 0.03), (*share.shape, 1))
    return Image.fromarray(np.rint(255 * colours.clip(0, 1)).astype(np.uint8))


MAKERS = dead_leaves, clouds, dead_leaves, walls, lights
