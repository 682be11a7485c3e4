"""Image and trimap → alpha by DeepMattePropNet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from propmat._solve._problem import Problem
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, PathLike
from propmat.laplacian._affinity import affinity
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._weighted_windows import WeightedWindows
from propmat.matting._mattes import matte
from propmat.networks._deep_matte_prop_net._network import DeepMattePropNet
from propmat.networks._inference import checked, inferred
from propmat.solvers._cg import CG


def deep_matte_prop_net(
    image: ArrayLike, trimap: ArrayLike | Trimap, *, weights: PathLike | None = None, keep_labels: bool = True
) -> Array:
    """DeepMattePropNet: propagation of the trimap along affinities that a network has learned.

    The network of the package makes a prior and its confidence of the mattes of `propmat.closed_form`, `propmat.knn`
    and `propmat.information_flow`, with which labels are propagated along windows of the closed form.

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
    return inferred(DeepMattePropNet, _alpha, image, labels, weights, keep_labels)


def _alpha(network: DeepMattePropNet, image: Array, labels: Trimap) -> Array:
    return propagated(network, image, labels, [matte(name, image, labels) for name in network.mattes])


@torch.inference_mode()
def propagated(network: DeepMattePropNet, image: Array, labels: Trimap, mattes: Sequence[Array] = ()) -> Array:
    """Alpha of a whole picture, as the solve leaves it."""
    device = next(network.parameters()).device
    planes = [image.transpose(2, 0, 1), labels.labels[np.newaxis], *([np.stack(mattes)] if mattes else [])]
    given = [torch.from_numpy(np.ascontiguousarray(plane, dtype=np.float32)).to(device)[None] for plane in planes]
    weights = [weight[0].cpu().double().numpy() for weight in network.affinities(*given)]
    if not all(np.isfinite(weight).all() for weight in weights):  # which `inferred` tells
        return np.full(labels.shape, np.nan)
    prior = (weights[3], weights[4]) if mattes else None
    graph = _graph(image, weights[:3], network.epsilon)
    return Problem.posed(graph, labels, network.confidence, prior).solve(CG()).alpha


def _graph(image: Array, weights: Sequence[Array], epsilon: float) -> Laplacian:
    """The Laplacian of edges, and perhaps windows, that `DeepMattePropNet.affinities` returns."""
    across, down, *windows = weights
    return WeightedWindows.of(image, windows[0], (across, down), epsilon) if windows else affinity(across, down)
