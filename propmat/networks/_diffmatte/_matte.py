"""Image and trimap → alpha by DiffMatte, in several steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from propmat import _inputs
from propmat._inputs._numbers import integer, within
from propmat._inputs._settings import choice
from propmat._memory import gibibytes
from propmat._solve._problem import Problem
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, PathLike
from propmat.errors import InputError
from propmat.laplacian._closed_form import ClosedForm
from propmat.matting._mattes import matte
from propmat.matting._methods import LIMITS
from propmat.networks._diffmatte._diffusion import SAMPLERS, Sampler
from propmat.networks._diffmatte._network import DiffMatte
from propmat.networks._diffmatte._seen import COLOURS_AND_LABELS
from propmat.networks._inference import checked, free_memory, inferred
from propmat.networks._last_solve import EPSILON, checked_confidence, last_solved
from propmat.solvers._base import Callback

EARLIEST = 1e-3  # time of the first step


def diffmatte(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    steps: int = 10,
    seed: int = 0,
    sampler: str = "ddim",
    start: float = 1.0,
    projection: float | None = None,
    weights: PathLike | None = None,
    keep_labels: bool = True,
    callback: Callback | None = None,
) -> Array:
    """DiffMatte: alpha out of noise, step by step, by a decoder of what an encoder saw once.

    Parameters
    ----------
    image : (H, W), (H, W, 3) array
    trimap : (H, W) array or Trimap
        As in `propmat.closed_form`.
    steps : int, default 10
        How often the decoder answers, at most 1000. One step is a network without noise taken out.
    seed : int, default 0
        Of the noise, on which alpha depends; from 0 to 2⁶³ - 1.
    sampler : {"ddim", "ddpm"}
        Whether steps add no noise, or new one.
    start : float, default 1
        A departure: the time of the first step, at least 0.001. Below 1 it begins at the mean of the mattes that the
        network takes, or at that of `propmat.closed_form`, with as much noise as there is at that time.
    projection : float, optional
        A departure: every answer α̂ is replaced by the solution of (L + C + κ U) α = C α* + κ α̂ with the closed form's
        L, over the unknown pixels U, for this κ > 0, on the scale of `propmat.refine`. One set-up serves all steps. By
        default there is only the last solve that the weights may ask for.
    weights : str or os.PathLike, optional
        A file made by training; by default the weights that come with the package (`docs/weights.md`).
    keep_labels : bool, default True
        Set known pixels to their label. The network alone leaves them near it.
    callback : callable (step, share), optional
        Called after each step, with its number and the share of the steps that are left; returning True ends with its
        answer.

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
    Y. Hu, Y. Lin, W. Wang, Y. Zhao, Y. Wei, H. Shi, "Diffusion for Natural Image Matting", ECCV 2024.
    https://arxiv.org/abs/2312.05915

    Examples
    --------
    Of first weights, which training has not moved:

    >>> import tempfile
    >>> from propmat import datasets
    >>> from propmat.networks import DiffMatte, diffmatte, save_weights
    >>> scene = datasets.synthetic(0, (48, 64))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(f"{folder}/first.safetensors", DiffMatte.preset("small"), {})
    ...     alpha = diffmatte(scene.image, scene.trimap, steps=2, weights=f"{folder}/first.safetensors")
    >>> alpha.shape
    (48, 64)
    """
    sampling = Sampling(steps, seed, sampler, start, projection)
    _inputs.function(callback, "callback", "(step, share of the steps that are left)")
    pixels, labels = checked(image, trimap, keep_labels)
    alpha_of = partial(_alpha, sampling=sampling, callback=callback)
    return inferred(DiffMatte, alpha_of, pixels, labels, weights, keep_labels)


@dataclass(frozen=True)
class Sampling:
    """How noise is taken out, as in `diffmatte`; checked."""

    steps: int = 10
    seed: int = 0
    sampler: str = "ddim"
    start: float = 1.0
    projection: float | None = None

    def __post_init__(self) -> None:
        integer(self.steps, "steps", *LIMITS["steps"])
        integer(self.seed, "seed", *LIMITS["seed"])
        choice(self.sampler, "sampler", SAMPLERS)
        within(self.start, "start", EARLIEST, 1)
        checked_confidence(self.projection, "projection")


def _alpha(network: DiffMatte, image: Array, labels: Trimap, *, sampling: Sampling, callback: Callback | None) -> Array:
    mattes = [matte(name, image, labels) for name in network.mattes]
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a quarter faster on CPUs

    def told(step: int, x: Tensor) -> object:
        return None if callback is None else callback(step, 1 - step / sampling.steps)

    return whole(network, image, labels, mattes, sampling, told)


@torch.inference_mode()
def whole(
    network: DiffMatte,
    image: Array,
    labels: Trimap,
    mattes: Sequence[Array],
    sampling: Sampling,
    told: Callable[[int, Tensor], object] | None = None,
) -> Array:
    """Alpha of a whole picture by its mattes, and by the last solve where the network has one.

    `told` is called after each step with the matte that it predicts, and ends the steps by returning True.
    """
    first = next(network.parameters())
    wanted, free = labels.known.size * bytes_per_pixel(network), free_memory(first.device)
    if wanted > free:
        raise InputError(
            f"image: {labels.shape[1]} x {labels.shape[0]} pixels would take about {gibibytes(wanted)} of memory, "
            f"{gibibytes(free)} may be taken; make it smaller"
        )

    def tensor(planes: Array) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(planes, dtype=np.float32)).to(first)[None]

    def noise() -> Tensor:
        drawn = torch.randn(1, 1, *labels.shape, generator=generator, dtype=torch.float32, device=generator.device)
        return drawn.to(first)

    generator = torch.Generator("cpu").manual_seed(int(sampling.seed))
    given = tensor(image.transpose(2, 0, 1)), tensor(labels.labels[np.newaxis])
    seen = network.seen(network.planes(*given, tensor(np.stack(mattes)) if mattes else None))
    projected = None if sampling.projection is None else Projection(image, labels, sampling.projection)

    def predict(x: Tensor, time: Tensor) -> Tensor:
        found = network.answer(seen, x, time)
        return found if projected is None else projected(found)

    begin = None
    if sampling.start < 1:
        begin = 2 * tensor(np.mean(mattes or [matte("closed_form", image, labels)], axis=0)[np.newaxis]) - 1
    steps = Sampler(network.scale, sampling.steps, sampling.sampler, sampling.start)
    alpha: Array = _alpha_of(steps(predict, noise, begin, told))
    return alpha if projected else last_solved(image, labels, alpha, network.confidence)


def bytes_per_pixel(network: DiffMatte) -> int:
    """What the decoder's last block takes at a time, about: its input as it is and enlarged, and what it makes."""
    down, up = network.options["down"], network.options["up"]
    return 4 * (2 * (down[0] + up[-2]) + 4 * up[-1] + COLOURS_AND_LABELS + len(network.mattes) + 1)


class Projection:
    """Mattes replaced by those of the closed form that they are the prior of; all by one set-up.

    Parameters
    ----------
    image : (H, W, 3) array
    labels : Trimap
    confidence : float
        Of mattes as priors.
    """

    def __init__(self, image: Array, labels: Trimap, confidence: float) -> None:
        self.last = labels.labels
        graph = ClosedForm.of(image, EPSILON, 1)
        self.prepared = Problem.posed(graph, labels, prior=(self.last, confidence)).prepared(None)

    def __call__(self, x: Tensor) -> Tensor:
        """The projection of a matte (1, 1, H, W) in [-1, 1]; one that is not finite as it is."""
        alpha = _alpha_of(x)
        if not np.isfinite(alpha).all():  # which `inferred` tells
            return x
        self.last = self.prepared.solve(prior=alpha, x0=self.last).alpha
        return torch.from_numpy(2 * self.last - 1).to(x)[None, None]


def _alpha_of(x: Tensor) -> Array:
    alpha: Array = (0.5 * x[0, 0].double() + 0.5).clamp(0, 1).cpu().numpy()
    return alpha
