"""Twin of `_cpu.box`: box sums; columns by running sums, rows directly."""

from __future__ import annotations

from typing import Any

import numpy as np

from propmat._gpu._launch import launch, over

STRIPE = 64  # rows after which a running sum restarts, as in box.cu


def box_sums(fields: Any, side: int, out: Any) -> None:
    """out[y, x] = sum of fields[y : y + side, x : x + side], for fields (H, W, m) and out (H - side + 1, ..., m)."""
    rows, columns, depth = out.shape
    width = fields.shape[1] * depth
    strips = np.empty((rows, fields.shape[1], depth), like=fields)
    launch("box", "sum_down", over(-(-rows // STRIPE) * width), fields, rows, width, side, strips)
    launch("box", "sum_across", over(out.size), strips, rows, columns, depth, side, out)


def moments(image: Any, values: Any, out: Any) -> None:
    """out = (I p, p), (H, W, d + 1), for colours I (H, W, d) and values p (H, W)."""
    np.multiply(image, values[..., None], out=out[..., :-1])
    out[..., -1] = values


def fit_windows(sums: Any, mean: Any, inverse: Any, count: int, out: Any) -> None:
    """Slopes a and constant b of the ridge fit of p in every window, from the sums of (I p, p) over it."""
    windows, depth = mean.size // mean.shape[2], mean.shape[2]
    launch("ridge", "fit_windows", over(windows), sums, mean, inverse, windows, float(count), out, DEPTH=depth)


def residual(image: Any, values: Any, count: Any, fits: Any, out: Any) -> None:
    """out = n p - I · a - b, (H, W), with (a, b) the sums of the fits over the n windows that contain a pixel."""
    np.subtract(count * values, fits[..., -1], out=out)
    out -= (image * fits[..., :-1]).sum(axis=2)
