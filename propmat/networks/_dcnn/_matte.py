"""Image and trimap → alpha by DCNN matting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, PathLike
from propmat.matting._mattes import matte
from propmat.networks._dcnn._network import DCNN, MARGIN
from propmat.networks._inference import checked, inferred
from propmat.networks._last_solve import last_solved

# Rows that go through the network at a time, so that its activations stay in the processor's cache.
BAND = 64


def dcnn(
    image: ArrayLike, trimap: ArrayLike | Trimap, *, weights: PathLike | None = None, keep_labels: bool = True
) -> Array:
    """DCNN matting: a network tells at every pixel which of several mattes to believe.

    Of the mattes of `propmat.closed_form`, `propmat.knn` and `propmat.information_flow` a network that sees 13 x 13
    pixels at a time makes one, which is then the prior of a solve with the closed form.

    Parameters
    ----------
    image : (H, W), (H, W, 3) array
    trimap : (H, W) array or Trimap
        As in `propmat.closed_form`.
    weights : str or os.PathLike, optional
        A file made by training; by default the weights that come with the package (`docs/weights.md`).
    keep_labels : bool, default True
        Set known pixels to their label. The network alone, as in the paper, leaves them near it.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1].

    Raises
    ------
    InputError
        If an argument is not as above, or a file of weights is not there or not one of this network.

    References
    ----------
    D. Cho, Y.-W. Tai, I. Kweon, "Natural Image Matting Using Deep Convolutional Neural Networks", ECCV 2016.

    Examples
    --------
    >>> from propmat import datasets
    >>> from propmat.networks import dcnn
    >>> scene = datasets.synthetic(0, (48, 64))
    >>> dcnn(scene.image, scene.trimap).shape
    (48, 64)
    """
    pixels, labels = checked(image, trimap, keep_labels)
    return matte_of(pixels, labels, weights=weights, keep_labels=keep_labels)


def matte_of(image: Array, labels: Trimap, *, weights: PathLike | None, keep_labels: bool) -> Array:
    """`dcnn` of an image (H, W, 3) and labels that are checked."""
    return inferred(DCNN, _alpha, image, labels, weights, keep_labels)


def _alpha(network: DCNN, image: Array, labels: Trimap) -> Array:
    mattes = [matte(name, image, labels) for name in network.mattes]
    return whole(network, image, labels, mattes)


def whole(network: DCNN, image: Array, labels: Trimap, mattes: Sequence[Array]) -> Array:
    """Alpha of a whole picture by its mattes, and by a last solve where the network has one."""
    device = next(network.parameters()).device
    alpha: Array = merged(network, stacked(image, mattes).to(device)).double().cpu().numpy()
    return last_solved(image, labels, alpha, network.confidence)


def normalised(image: Tensor) -> Tensor:
    """Colours divided by their length: (..., 3, H, W), unit vectors, black stays black."""
    return image / image.norm(dim=-3, keepdim=True).clamp_min(1e-6)


def stacked(image: Array, mattes: Sequence[Array]) -> Tensor:
    """What the network sees of a picture, (3 + mattes, H, W) of float32."""
    colours = normalised(torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)))
    planes = [torch.from_numpy(np.asarray(matte, dtype=np.float32))[None] for matte in mattes]
    return torch.cat([colours, *planes])


@torch.inference_mode()
def merged(network: DCNN, x: Tensor) -> Tensor:
    """Alpha of a whole picture, (3 + mattes, H, W) → (H, W), clipped to [0, 1]; zeros lie around the picture."""
    padded = functional.pad(x, (MARGIN,) * 4)
    bands = [padded[:, top : top + BAND + 2 * MARGIN] for top in range(0, x.shape[1], BAND)]
    return torch.cat([network(band[None])[0, 0] for band in bands]).clamp(0, 1)
