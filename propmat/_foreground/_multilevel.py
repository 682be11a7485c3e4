"""Both layers from one pixel up to the full size, a few Gauss-Seidel sweeps on every grid: Germer et al. 2020."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from propmat._backend import backend_of, to_host
from propmat._typing import Array

# Germer et al. 2020, section III: many sweeps while the grid is small, two after that.
SMALL_SIDE, SMALL_SWEEPS, SWEEPS = 32, 10, 2

# Pixels a side that the first pair of colours is fitted to.
START_SIDE = 128


def multilevel(image: Array, alpha: Array, regularization: float, gradient_weight: float) -> Array:
    """Both layers, (2, H, W, d): Germer et al. 2020, algorithm 1, with red-black sweeps."""
    kernels = backend_of(image).kernels("foreground")
    layers = _constant_colours(image, alpha)
    if alpha.size == 1:
        return show_image(image, alpha, layers)
    for shape in _grids(*alpha.shape):
        smaller = layers
        layers = np.empty((2, *shape, image.shape[2]), like=image)
        picked = (_nearest(coarse, fine, image) for coarse, fine in zip(alpha.shape, shape, strict=True))
        before = (_nearest(coarse, fine, image) for coarse, fine in zip(smaller.shape[1:3], shape, strict=True))
        sweeps = SMALL_SWEEPS if max(shape) <= SMALL_SIDE else SWEEPS
        kernels.refine(image, alpha, *picked, smaller, *before, layers, sweeps, (regularization, gradient_weight))
    return layers


def show_image(image: Array, alpha: Array, layers: Array) -> Array:
    """Copy the image into the only visible layer where alpha is exactly 1 or 0."""
    for layer, alone in zip(layers, (alpha == 1, alpha == 0), strict=True):
        np.copyto(layer, image, where=alone[:, :, np.newaxis])
    return layers


def _nearest(coarse: int, fine: int, like: Array) -> NDArray[np.int64]:
    """For each of `fine` equal cells of a line, the one of `coarse` cells that contains its centre."""
    return (2 * np.arange(fine, like=like) + 1) * coarse // (2 * fine)


def _grids(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes from 2 pixels a side at most to the full one, each about twice the one before."""
    steps = int(np.ceil(np.log2(max(height, width))))
    return [(round(height ** (k / steps)), round(width ** (k / steps))) for k in range(1, steps + 1)]


def _constant_colours(image: Array, alpha: Array) -> Array:
    """The least-squares pair of constant colours, as the layers of a grid of one pixel.

    Where alpha does not determine them (it is constant, say) the pair closest to the mean colour. An alpha of little
    contrast could give colours far outside the image; they are clipped to its range. Some ten thousand of the pixels
    are enough for a start.
    """
    step = max(alpha.shape) // START_SIDE + 1
    image, alpha = image[::step, ::step], alpha[::step, ::step]
    channels = image.shape[2]
    shares = np.stack([alpha.ravel(), 1.0 - alpha.ravel()])
    normal = to_host(shares @ shares.T / alpha.size)
    mixed = to_host(shares @ image.reshape(-1, channels) / alpha.size)
    mean = mixed.sum(axis=0)
    offset = np.linalg.pinv(normal, rcond=1e-9, hermitian=True) @ (mixed - normal.sum(axis=1)[:, None] * mean)
    pair = np.clip(mean + offset, float(image.min()), float(image.max()))
    return np.asarray(pair[:, np.newaxis, np.newaxis], like=image)
