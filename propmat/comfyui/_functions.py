"""What the nodes compute: from tensors of ComfyUI to tensors, a tuple of a node's outputs."""

from __future__ import annotations

from functools import partial

import numpy as np

from propmat import _inputs
from propmat._foreground._estimate import foreground
from propmat._trimap_making import trimap_from_mask
from propmat._typing import Array
from propmat.comfyui._tensors import Tensor, pictures_of, planes_of, small_planes_of, stacked, without_edge
from propmat.matting._matte import matte
from propmat.matting._soft_mask import refined as soft_mask_refined
from propmat.matting._upsample import upsample
from propmat.pictures._colours import colours


def trimap(mask: Tensor, inside: float, outside: float) -> tuple[Tensor]:
    """A MASK with an unknown band, 0.5, around the edge of a mask; widths are in percent of the longer side."""

    def one(plane: Array) -> Array:
        return trimap_from_mask(plane, width=(f"{inside}%", f"{outside}%")).labels

    planes = planes_of(mask, "mask")
    return (stacked(one, planes, settled=without_edge(planes, "mask")),)


def matted(image: Tensor, trimap: Tensor, method: str) -> tuple[Tensor]:
    """Alpha from a trimap, by any method of `propmat.matte`."""
    pictures = pictures_of(image)
    return (stacked(partial(_alpha, method), pictures, planes_of(trimap, "trimap", pictures)),)


def refined(image: Tensor, mask: Tensor, width: float, confidence: float) -> tuple[Tensor]:
    """A soft mask refined in a band around its edge, where it is a prior."""
    pictures = pictures_of(image)

    def one(picture: Array, plane: Array) -> Array:
        return soft_mask_refined(picture, plane, f"{width}%", confidence)

    planes = planes_of(mask, "mask", pictures)
    return (stacked(one, pictures, planes, settled=without_edge(planes, "mask")),)


def upsampled(image: Tensor, mask: Tensor, confidence: float) -> tuple[Tensor]:
    """A soft mask of a smaller size at the size of its picture, with the picture's edges."""
    pictures = pictures_of(image)

    def one(picture: Array, plane: Array) -> Array:
        return upsample(picture, plane, confidence=confidence)

    return (stacked(one, pictures, small_planes_of(mask, "mask", pictures)),)


def coloured(image: Tensor, mask: Tensor, linear: bool) -> tuple[Tensor, Tensor]:
    """Colours of the foreground, and the cut-out: these colours with alpha, RGBA."""
    pictures = pictures_of(image)
    planes = planes_of(mask, "mask", pictures)

    def cutout(picture: Array, plane: Array) -> Array:
        front = foreground(_inputs.image(picture), plane, linear=linear)[0].clip(0, 1)
        return np.dstack([colours(front), plane.clip(0, 1)])

    cutouts = stacked(cutout, pictures, planes)
    return cutouts[..., :3], cutouts


def _alpha(method: str, picture: Array, labels: Array) -> Array:
    return matte(method, picture, labels).alpha
