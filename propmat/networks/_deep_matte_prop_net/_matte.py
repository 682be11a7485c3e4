"""Image and trimap → alpha by DeepMattePropNet."""

from __future__ import annotations

import numpy as np
import torch

from propmat._solve._problem import Problem
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, PathLike
from propmat.laplacian._affinity import affinity
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._weighted_windows import WeightedWindows
from propmat.networks._deep_matte_prop_net._network import DeepMattePropNet
from propmat.networks._inference import checked, inferred
from propmat.solvers._cg import CG

EPSILON = 1e-7  # the default of `propmat.torch.weighted_windows`, with which the network was trained


def deep_matte_prop_net(
    image: ArrayLike, trimap: ArrayLike | Trimap, *, weights: PathLike | None = None, keep_labels: bool = True
) -> Array:
    """DeepMattePropNet: propagation of the trimap along affinities that a network has learned.

    Parameters
    ----------
    image : (H, W), (H, W, 3) array
    trimap : (H, W) array or Trimap
        As in `propmat.closed_form`.
    weights : str or os.PathLike, optional
        A file made by training; by default the weights that come with the package (`docs/weights.md`).
    keep_labels : bool, default True
        Set known pixels to their label, from which the solve may have drawn them.

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
    Y. Wang, Y. Niu, P. Duan, J. Lin, Y. Zheng, "Deep Propagation Based Image Matting", IJCAI 2018.

    Examples
    --------
    >>> from propmat import datasets
    >>> from propmat.networks import deep_matte_prop_net
    >>> scene = datasets.synthetic(0, (48, 64))
    >>> deep_matte_prop_net(scene.image, scene.trimap).shape
    (48, 64)
    """
    pixels, labels = checked(image, trimap, keep_labels)
    return matte_of(pixels, labels, weights=weights, keep_labels=keep_labels)


def matte_of(image: Array, labels: Trimap, *, weights: PathLike | None, keep_labels: bool) -> Array:
    """`deep_matte_prop_net` of an image (H, W, 3) and labels that are checked."""
    return inferred(DeepMattePropNet, propagated, image, labels, weights, keep_labels)


@torch.inference_mode()
def propagated(network: DeepMattePropNet, image: Array, labels: Trimap) -> Array:
    """Alpha of a whole picture, as the solve leaves it."""
    device = next(network.parameters()).device
    planes = (image.transpose(2, 0, 1), labels.labels[np.newaxis])
    given = (torch.from_numpy(np.ascontiguousarray(plane, dtype=np.float32)).to(device)[None] for plane in planes)
    pixels, trimap = given
    weights = [weight[0].cpu().double().numpy() for weight in network.affinities(pixels, trimap)]
    return Problem.posed(_graph(image, *weights), labels, network.confidence).solve(CG()).alpha


def _graph(image: Array, across: Array, down: Array, windows: Array | None = None) -> Laplacian:
    """The Laplacian of what `DeepMattePropNet.affinities` returns."""
    return affinity(across, down) if windows is None else WeightedWindows.of(image, windows, (across, down), EPSILON)
