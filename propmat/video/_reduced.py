"""Frames as flow is computed of them: grey, in 8 bits, and large ones reduced."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.errors import InputError
from propmat.video._opencv import opencv

Plane = TypeVar("Plane", NDArray[np.float32], NDArray[np.float64])

PIXELS = 640 * 360  # or about so many are those that flow is computed of
SMALLEST = 16  # pixels of the shorter side, for which patches of 8 pixels fit the coarser level
WHOLE = 1 - 1e-4  # a share that is all but for rounding


def grey_of(image: Array) -> Array:
    """The mean of the channels."""
    found: Array = image @ np.full(image.shape[2], 1 / image.shape[2])
    return found


def alike(images: Sequence[Array]) -> list[Array]:
    """Frames (H, W, d) with as many channels all: grey ones among coloured ones get those of the others."""
    counts = sorted({image.shape[2] for image in images})
    most = counts[-1]
    if len({*counts} - {1}) > 1:
        raise InputError(
            f"frames: have {counts[-2]} and {most} channels; takes as many in all frames, or one for greys"
        )
    return [np.broadcast_to(image, (*image.shape[:2], most)) for image in images]


def levels_of(grey: Array) -> NDArray[np.uint8]:
    return np.rint(255 * np.clip(grey, 0, 1)).astype(np.uint8)


def greys_of(image: Array) -> NDArray[np.uint8]:
    """The mean of the channels in 8 bits, reduced to what flow is computed of."""
    return levels_of(reduced(grey_of(image), reduced_shape(image.shape)))


def reduced_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Height and width of a frame when its flow is computed: divided by a whole number, 3 for 1920 x 1080."""
    height, width = shape[:2]
    factor = max(1, min(round(math.sqrt(height * width / PIXELS)), min(height, width) // SMALLEST))
    return -(-height // factor), -(-width // factor)


def reduced(plane: Plane, shape: tuple[int, int]) -> Plane:
    """A plane as means over larger pixels."""
    if plane.shape == shape:
        return plane
    found: Plane = opencv().resize(plane, shape[::-1], interpolation=opencv().INTER_AREA)
    return found


def reduced_labels(labels: Trimap, shape: tuple[int, int]) -> Trimap:
    """The labels of larger pixels: known are those that are as a whole."""
    if labels.shape == shape:
        return labels
    masks = labels.foreground, labels.background
    return Trimap(*(reduced(mask.astype(np.float32), shape) > WHOLE for mask in masks))
