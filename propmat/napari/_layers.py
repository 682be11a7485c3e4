"""Layers from layers: arrays in, and tuples of data, settings and kind out, as napari takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs
from propmat._foreground._estimate import foreground
from propmat._trimap import Trimap
from propmat._trimap_making import Width, trimap_from_mask
from propmat._typing import ArrayLike
from propmat.errors import InputError
from propmat.matting._matte import matte
from propmat.pictures._colours import colours

LayerData: TypeAlias = tuple[NDArray[Any], dict[str, Any], str]
Place = Mapping[str, Any]  # scale, translation and so on of the layer that a result lies on

UNKNOWN, BACKGROUND, FOREGROUND = 0, 1, 2


def alpha_layer(image: ArrayLike, labels: ArrayLike, method: str, place: Place) -> LayerData:
    """Alpha from an image and painted labels, by any method of `propmat.matte`."""
    alpha = matte(method, _colours(image), trimap_of(labels)).alpha
    return alpha, {"name": f"alpha ({method})", "contrast_limits": (0, 1), **place}, "image"


def trimap_layer(mask: ArrayLike, width: Width, place: Place) -> LayerData:
    """Labels with an unknown band around the edge of a mask, whose labels other than 0 are foreground."""
    band = trimap_from_mask(_inputs.as_array(mask, "mask") != 0, width=width)
    return labels_of(band), {"name": "trimap", **place}, "labels"


def cutout_layer(image: ArrayLike, alpha: ArrayLike, place: Place) -> LayerData:
    """Colours of the foreground with alpha, RGBA."""
    share = _inputs.plane(alpha, "alpha").clip(0.0, 1.0)
    front = foreground(_inputs.image(_colours(image)), share)[0].clip(0, 1)
    return np.dstack([colours(front, "image"), share]), {"name": "cut-out", "rgb": True, **place}, "image"


def trimap_of(labels: ArrayLike) -> Trimap:
    """The trimap that labels 0 (unknown), 1 (background) and 2 (foreground) are."""
    given = _inputs.as_array(labels, "labels")
    if given.ndim != 2 or given.dtype.kind not in "iub":
        raise InputError(f"labels: takes integers (H, W), got {given.dtype} of shape {given.shape}")
    others = np.setdiff1d(given, (UNKNOWN, BACKGROUND, FOREGROUND))
    if others.size:
        raise InputError(f"labels: takes 0 (unknown), 1 (background) and 2 (foreground), got {others[0]}")
    return Trimap(given == FOREGROUND, given == BACKGROUND)


def labels_of(trimap: Trimap) -> NDArray[np.uint8]:
    """A trimap as labels."""
    return np.uint8(BACKGROUND) * trimap.background + np.uint8(FOREGROUND) * trimap.foreground


def _colours(image: ArrayLike) -> ArrayLike:
    """An image layer's data, without its transparency."""
    pixels = _inputs.as_array(image, "image")
    return pixels[:, :, :3] if pixels.ndim == 3 and pixels.shape[2] == 4 else pixels
