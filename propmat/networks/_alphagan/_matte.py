"""Image and trimap → alpha by AlphaGAN."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, PathLike
from propmat.matting._mattes import matte
from propmat.networks._alphagan._network import AlphaGAN
from propmat.networks._alphagan._tiles import answered
from propmat.networks._inference import checked, inferred
from propmat.networks._last_solve import last_solved


def alphagan(
    image: ArrayLike, trimap: ArrayLike | Trimap, *, weights: PathLike | None = None, keep_labels: bool = True
) -> Array:
    """AlphaGAN: alpha by a dilated encoder and a decoder, which were trained against a discriminator of composites.

    With the weights of the package it sees, beside the picture, the mattes of `propmat.closed_form`, `propmat.knn` and
    `propmat.information_flow`, and its answer is the prior of a last solve with the closed form; both are departures
    from the paper.

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

    Warns
    -----
    PropmatWarning
        If too little memory is free for the whole picture, which is then computed in tiles that overlap.

    References
    ----------
    S. Lutz, K. Amplianitis, A. Smolic, "AlphaGAN: Generative adversarial networks for natural image matting", BMVC
    2018. https://arxiv.org/abs/1807.10088

    Examples
    --------
    >>> from propmat import datasets
    >>> from propmat.networks import alphagan
    >>> scene = datasets.synthetic(0, (48, 64))
    >>> alphagan(scene.image, scene.trimap).shape
    (48, 64)
    """
    pixels, labels = checked(image, trimap, keep_labels)
    return matte_of(pixels, labels, weights=weights, keep_labels=keep_labels)


def matte_of(image: Array, labels: Trimap, *, weights: PathLike | None, keep_labels: bool) -> Array:
    """`alphagan` of an image (H, W, 3) and labels that are checked."""
    return inferred(AlphaGAN, _alpha, image, labels, weights, keep_labels)


def _alpha(network: AlphaGAN, image: Array, labels: Trimap) -> Array:
    return whole(network, image, labels, [matte(name, image, labels) for name in network.mattes])


@torch.inference_mode()
def whole(network: AlphaGAN, image: Array, labels: Trimap, mattes: Sequence[Array]) -> Array:
    """Alpha of a whole picture by its mattes, and by the last solve where the network has one."""
    device = next(network.parameters()).device
    planes = _planes(image.transpose(2, 0, 1), device), _planes(labels.labels[np.newaxis], device)
    of_mattes = _planes(np.stack(mattes), device) if mattes else None
    found = answered(network.answer, network.seen(*planes, of_mattes), network.options["width"])
    alpha: Array = found[0, 0, : image.shape[0], : image.shape[1]].double().cpu().numpy()
    return last_solved(image, labels, alpha, network.confidence)


def _planes(array: Array, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)[None]
