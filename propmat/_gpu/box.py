"""Twin of `_cpu.box`: box sums; columns by running sums, rows directly."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from propmat._gpu._launch import launch, over

STRIPE = 64  # rows after which a running sum restarts, as in box.cu


class Windows(NamedTuple):
    """All windows of a picture.

    Attributes
    ----------
    image : (H, W, d) array
        Centred colours.
    mean, inverse : arrays (H - side + 1, W - side + 1, d), (H - side + 1, W - side + 1, d, d)
        Mean colour of each window, and the inverse of its regularised covariance.
    count : (H, W) array
        Number of windows that contain each pixel.
    unknown : (H, W) array of bool
        The pixels at which products are wanted.
    side : int
        Width of the windows.
    """

    image: Any
    mean: Any
    inverse: Any
    count: Any
    unknown: Any
    side: int


def windows_of(image: Any, unknown: Any, side: int, epsilon: float) -> Windows:
    """The `Windows` of colours (H, W, d) with a mean of 0."""
    depth = image.shape[2]
    products = (image[..., None] * image[..., None, :]).reshape(*image.shape[:2], -1)
    sums = _box_sums(np.concatenate([image, products], axis=2), side) / side**2
    mean = np.ascontiguousarray(sums[..., :depth], like=sums)
    moments = sums[..., depth:].reshape(*mean.shape, depth)
    covariance = moments - mean[..., None] * mean[..., None, :]
    inverse = np.linalg.inv(covariance + epsilon / side**2 * np.eye(depth, like=image))
    count = _over_windows(np.ones((*mean.shape[:2], 1), like=image), side)[..., 0]
    return Windows(image, mean, np.ascontiguousarray(inverse, np.float64, like=image), count, unknown, side)


def times(windows: Windows, values: Any) -> Any:
    """The product with values (H, W), at the unknown pixels, (n,)."""
    image, mean, inverse, count, unknown, side = windows
    moments = np.concatenate([image * values[..., None], values[..., None]], axis=2)
    fits = np.empty((*mean.shape[:2], moments.shape[2]), like=values)
    number = mean.size // mean.shape[2]
    given = _box_sums(moments, side), mean, inverse, number, float(side**2), fits
    launch("ridge", "fit_windows", over(number), *given, DEPTH=mean.shape[2])
    summed = _over_windows(fits, side)
    return (count * values - summed[..., -1] - (image * summed[..., :-1]).sum(axis=2))[unknown]


def diagonal(windows: Windows) -> Any:
    """The diagonal at the unknown pixels, (n,): the quadratic form of the centred colour, expanded into box sums."""
    image, mean, inverse, count, unknown, side = windows
    depth = mean.shape[2]
    weighted = (inverse @ mean[..., None])[..., 0]
    constant = (mean * weighted).sum(axis=2, keepdims=True)
    squares = inverse.reshape(*mean.shape[:2], -1)
    summed = _over_windows(np.concatenate([squares, weighted, constant], axis=2), side)
    quadratic = summed[..., : depth * depth].reshape(*image.shape, depth)
    form = np.einsum("yxc,yxce,yxe->yx", image, quadratic, image)
    form += summed[..., -1] - 2 * (image * summed[..., depth * depth : -1]).sum(axis=2)
    return (count * (1 - 1 / side**2) - form / side**2)[unknown]


def _box_sums(fields: Any, side: int) -> Any:
    """Sums of (H, W, m) fields over the windows inside: (H - side + 1, W - side + 1, m)."""
    height, width, depth = fields.shape
    rows, columns = height - side + 1, width - side + 1
    out = np.empty((rows, columns, depth), like=fields)
    strips = np.empty((rows, width, depth), like=fields)
    launch("box", "sum_down", over(-(-rows // STRIPE) * width * depth), fields, rows, width * depth, side, strips)
    launch("box", "sum_across", over(out.size), strips, rows, columns, depth, side, out)
    return out


def _over_windows(fields: Any, side: int) -> Any:
    """For fields over windows the sums over the windows that contain each pixel."""
    return _box_sums(np.pad(fields, [(side - 1, side - 1), (side - 1, side - 1), (0, 0)]), side)
