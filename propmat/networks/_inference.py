"""From the arguments of a network's public function to alpha: checks, weights, and the labels of known pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from propmat import _inputs
from propmat._memory import available
from propmat._solve._trivial import without_solving
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, PathLike
from propmat.errors import InputError
from propmat.networks._network import N
from propmat.networks._weights import load_weights, shipped
from propmat.pictures._colours import coloured

SHARE = 0.8  # of the memory that is free; other programs want some later


def checked(image: ArrayLike, trimap: ArrayLike | Trimap | None, keep_labels: bool) -> tuple[Array, Trimap]:
    """Colours (H, W, 3) and labels; all arguments but the weights are checked before any work.

    A network that takes None for a trimap has no labels then.
    """
    _inputs.flag(keep_labels, "keep_labels")
    pixels = coloured(_inputs.image(image), "image")
    if trimap is None:
        return pixels, Trimap.unlabelled((pixels.shape[0], pixels.shape[1]))
    return pixels, Trimap.parse(trimap, pixels.shape)


def free_memory(device: torch.device) -> int:
    """Bytes that a network may take."""
    return int(SHARE * (torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available()))


def inferred(
    kind: type[N],
    alpha_of: Callable[[N, Array, Trimap], Array],
    image: Array,
    labels: Trimap,
    weights: PathLike | None,
    keep_labels: bool,
    *,
    labels_alone: bool = True,
) -> Array:
    """Alpha by the network of a file of weights, by default of those that come with the package.

    Parameters
    ----------
    kind : type
        A class of `Network`.
    alpha_of : callable (network, image, labels)
        Alpha (H, W) of a whole image.
    image : (H, W, 3) array
    labels : Trimap
    weights : path, optional
    keep_labels : bool
        Set known pixels to their labels.
    labels_alone : bool, default True
        Whether nothing but labels tells what is foreground, so that with one label all is of that.

    Raises
    ------
    InputError
        If the weights cannot be read, are of another network, or lead to NaN or infinite numbers.
    """
    path = shipped(kind.name) if weights is None else weights
    network, _ = load_weights(path, kind)
    alpha = without_solving(labels, soft=False, labels_alone=labels_alone)
    if alpha is not None:
        return alpha
    alpha = alpha_of(network, image, labels)
    if not np.isfinite(alpha).all():
        raise InputError(f"weights: {path} answers NaN or infinite numbers; its weights are too large")
    return np.where(labels.known, labels.labels, alpha) if keep_labels else alpha
