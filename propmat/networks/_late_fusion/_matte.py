"""Image → alpha by Late Fusion, refined by the closed form."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from propmat import _inputs
from propmat._solve._problem import Problem
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, PathLike
from propmat.errors import warn
from propmat.laplacian._closed_form import ClosedForm
from propmat.networks._inference import checked, inferred
from propmat.networks._last_solve import EPSILON
from propmat.networks._late_fusion._network import LateFusion

FAINTEST = 0.1  # the highest alpha of pictures in which nothing was found


class Answer(NamedTuple):
    """What the network says of a whole picture, (H, W) each.

    Attributes
    ----------
    alpha : array
    foreground, background : array
        Probabilities.
    confidence : array
        Of alpha as a prior.
    labels : Trimap
        Where the network is certain.
    """

    alpha: Array
    foreground: Array
    background: Array
    confidence: Array
    labels: Trimap


def late_fusion(
    image: ArrayLike,
    trimap: ArrayLike | Trimap | None = None,
    *,
    weights: PathLike | None = None,
    keep_labels: bool = True,
    refine: bool = True,
) -> Array:
    """Late Fusion: alpha of the salient object of a picture, without a trimap.

    A network sees the picture at a lesser size, and answers a probability of foreground, one of background, and the
    blend of both that is alpha. Where both are certain and agree, pixels are known; at the others the closed form is
    solved at the full size, with the network's alpha as a prior where its probabilities agree. A trimap, or strokes in
    one, says what the network cannot know, such as which of several objects is meant; it has the last word.
    `docs/weights.md` tells what the weights of the package recognise, and what they do not.

    Parameters
    ----------
    image : (H, W), (H, W, 3) array
        As in `propmat.closed_form`.
    trimap : (H, W) array or Trimap, optional
        Pixels that are known in it are so in the solve, whatever the network says.
    weights : str or os.PathLike, optional
        A file made by training; by default the weights that come with the package (`docs/weights.md`).
    keep_labels : bool, default True
        Set known pixels of the trimap to their label where the network alone is asked.
    refine : bool, default True
        Solve, as above. False for the network's alpha, enlarged to the size of the picture.

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
        If the network finds nothing that stands out.

    References
    ----------
    Y. Zhang, L. Gong, L. Fan, P. Ren, Q. Huang, H. Bao, W. Xu, "A Late Fusion CNN for Digital Matting", CVPR 2019.

    Examples
    --------
    Of first weights, which training has not moved:

    >>> import tempfile
    >>> from propmat import datasets
    >>> from propmat.networks import LateFusion, late_fusion, save_weights
    >>> scene = datasets.synthetic(0, (48, 64))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(f"{folder}/first.safetensors", LateFusion.preset("small"), {})
    ...     alpha = late_fusion(scene.image, weights=f"{folder}/first.safetensors")
    >>> alpha.shape
    (48, 64)
    """
    _inputs.flag(refine, "refine")
    pixels, labels = checked(image, trimap, keep_labels)
    alpha_of = partial(_alpha, refine=refine)
    return inferred(LateFusion, alpha_of, pixels, labels, weights, keep_labels, labels_alone=False)


def _alpha(network: LateFusion, image: Array, labels: Trimap, *, refine: bool) -> Array:
    answer = answered(network, image)
    if not np.isfinite(answer.alpha).all():  # which `inferred` tells
        return answer.alpha
    if answer.alpha.max() < FAINTEST and not labels.foreground.any():
        warn("image: the network found nothing that stands out, so alpha is nearly 0 everywhere; a trimap would tell")
    return refined(image, answer, labels) if refine else answer.alpha


@torch.inference_mode()
def answered(network: LateFusion, image: Array) -> Answer:
    """The answer of a network for a whole picture (H, W, 3), which it is shown at its own size."""
    first = next(network.parameters())
    planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)).to(first)[None]
    found = network(_shown(planes, network.side))
    soft = torch.cat([found.alpha, found.foreground, found.background, network.prior_confidence(found)], dim=1)
    shape = image.shape[:2]
    enlarged = functional.interpolate(soft, shape, mode="bilinear", align_corners=False)[0].double().cpu().numpy()
    known = functional.interpolate(found.labels, shape, mode="nearest-exact")[0, 0].cpu().numpy()
    alpha, front, behind, confidence = enlarged
    return Answer(alpha, front, behind, confidence, Trimap(known == 1, known == 0))


def _shown(planes: Tensor, side: int) -> Tensor:
    """A picture with at most so many pixels on the longer side, each the mean of an area."""
    longest = max(planes.shape[2:])
    if longest <= side:
        return planes
    shape = [max(round(extent * side / longest), 1) for extent in planes.shape[2:]]
    return functional.interpolate(planes, shape, mode="bilinear", align_corners=False, antialias=True).clamp(0, 1)


def refined(image: Array, answer: Answer, labels: Trimap) -> Array:
    """Alpha of the closed form with the known pixels of a trimap and of the network, and alpha as the prior."""
    foreground, background = (
        given | (found & labels.unknown)
        for given, found in (
            (labels.foreground, answer.labels.foreground),
            (labels.background, answer.labels.background),
        )
    )
    known = Trimap(foreground, background)
    if not known.unknown.any():
        return known.labels.copy()
    graph = ClosedForm.of(image, EPSILON, 1)
    return Problem.posed(graph, known, prior=(answer.alpha, answer.confidence)).solve().alpha
