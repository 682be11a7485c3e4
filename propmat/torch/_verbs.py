"""The verbs: what is a tensor, what a number, and the forms of the Laplacian."""

from __future__ import annotations

import torch
from torch import Tensor

from propmat._batching._arguments import FOUR, PAIR, named
from propmat._batching._verbs import CLOSED_FORM, KNN, PROPAGATE, PROPAGATE_DIRECTED, REFINE
from propmat._trimap import FOREGROUND_AT_LEAST
from propmat.errors import InputError, shown
from propmat.solvers._base import Solver
from propmat.torch._arguments import Labels, Weights, scaled, taken
from propmat.torch._operation import check_values, solve


def closed_form(
    image: Tensor,
    trimap: Labels,
    *,
    values: Tensor | None = None,
    confidence: Weights | None = None,
    epsilon: float | Tensor = 1e-7,
    radius: int = 1,
    solver: Solver | None = None,
) -> Tensor:
    """`propmat.closed_form`, differentiable in image, values, confidence and epsilon.

    Parameters
    ----------
    image : (..., C, H, W) tensor
        Floating in [0, 1], uint8 or uint16 (scaled by their maximum).
    trimap : (..., H, W) tensor, array or Trimap
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.
    values : (..., H, W) tensor, optional
        In [0, 1], other values than the trimap's labels on its known pixels.
    confidence : float or tensor (), (B,) or (..., H, W), optional
        Holds known pixels softly, (L + C) α = C α*; by default they are exact. (B,): one number for each image.
    epsilon : float or tensor () or (B,)
    radius, solver
        As in `propmat.closed_form`.

    Returns
    -------
    (..., H, W) tensor
        Alpha in [0, 1], with the leading axes of the image, or of the maps if the image has none.

    Raises
    ------
    InputError
        If an argument is not as above, or its leading axes are not those of the others; of a batch it names the image.
    UnsupportedError
        For derivatives other than those of `backward`, see `propmat.torch`.
    ConvergenceError
        If a solver with ``strict=True`` did not converge, forwards or backwards.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> image = torch.linspace(0, 1, 5).expand(1, 3, 5)
    >>> propmat.torch.closed_form(image, torch.tensor([0, 0.5, 0.5, 0.5, 1]).expand(3, 5))[0]
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    given = {"image": image, "trimap": trimap, "values": values, "confidence": confidence, "epsilon": epsilon}
    return solve(CLOSED_FORM, taken(CLOSED_FORM, given), radius=radius, solver=solver)


def knn(
    image: Tensor,
    trimap: Labels,
    *,
    values: Tensor | None = None,
    confidence: Weights | None = None,
    preset: str = "two",
    solver: Solver | None = None,
) -> Tensor:
    """`propmat.knn`, differentiable in image, values and confidence; which pixels are near is held fixed.

    The gradient of the default preset "two" with respect to the image is 0, for its weights are 1; of "rgb" it is not.

    Parameters
    ----------
    image : (..., C, H, W) tensor
        Floating in [0, 1], uint8 or uint16 (scaled by their maximum).
    trimap, values, confidence, solver
        As in `propmat.torch.closed_form`.
    preset
        As in `propmat.knn`.

    Returns
    -------
    (..., H, W) tensor
        Alpha in [0, 1].

    Raises
    ------
    InputError, UnsupportedError, ConvergenceError
        As `propmat.torch.closed_form`.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> image = torch.linspace(0, 1, 5).expand(1, 3, 5)
    >>> propmat.torch.knn(image, torch.tensor([0, 0.5, 0.5, 0.5, 1]).expand(3, 5)).shape
    torch.Size([3, 5])
    """
    given = {"image": image, "trimap": trimap, "values": values, "confidence": confidence}
    return solve(KNN, taken(KNN, given), preset=preset, solver=solver)


def refine(
    image: Tensor,
    alpha: Tensor,
    confidence: Weights,
    *,
    trimap: Labels | None = None,
    values: Tensor | None = None,
    epsilon: float | Tensor = 1e-7,
    solver: Solver | None = None,
) -> Tensor:
    """`propmat.refine`, differentiable in image, alpha, confidence, values and epsilon.

    Parameters
    ----------
    image : (..., C, H, W) tensor
        Floating in [0, 1], uint8 or uint16 (scaled by their maximum).
    alpha : (..., H, W) tensor
        The matte to refine, in [0, 1].
    confidence : float or tensor (), (B,) or (..., H, W), >= 0
        How strongly each value is held.
    trimap, values, epsilon, solver
        As in `propmat.torch.closed_form`; without a trimap no pixel is known.

    Returns
    -------
    (..., H, W) tensor
        Alpha in [0, 1].

    Raises
    ------
    InputError, UnsupportedError, ConvergenceError
        As `propmat.torch.closed_form`.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> image = torch.linspace(0, 1, 5).expand(1, 3, 5)
    >>> rough = torch.tensor([0, 0, 0.5, 1, 1]).expand(3, 5)
    >>> propmat.torch.refine(image, rough, 0.01)[1]
    tensor([0.0000, 0.1976, 0.5000, 0.8024, 1.0000])
    """
    given = {"image": image, "alpha": alpha, "trimap": trimap, "values": values, "epsilon": epsilon}
    return solve(REFINE, taken(REFINE, {**given, "confidence": confidence}), solver=solver)


def propagate(
    affinities: tuple[Tensor, Tensor],
    trimap: Labels,
    *,
    values: Tensor | None = None,
    confidence: Weights | None = None,
    normalisation: str | None = None,
    solver: Solver | None = None,
) -> Tensor:
    """`propmat.propagate`, differentiable in affinities, values and confidence.

    With W the affinities and D their sums per pixel, solves (L + C) α = C α* for L = D - W, or by `normalisation`
    L = 1 - D⁻¹ W ("row") or L = 1 - D^(-1/2) W D^(-1/2) ("symmetric").

    Parameters
    ----------
    affinities : tuple (horizontal, vertical)
        (..., H, W - 1) and (..., H - 1, W) tensors >= 0. Make them with `Affinities`, or any other way.
    trimap, values, confidence, solver
        As in `propmat.torch.closed_form`. DeepMattePropNet takes a confidence of 0.8.
    normalisation : {"row", "symmetric"}, optional
        Every pixel then needs an affinity above 0. Without a confidence "row" changes nothing.

    Returns
    -------
    (..., H, W) tensor
        Alpha in [0, 1].

    Raises
    ------
    InputError, UnsupportedError, ConvergenceError
        As `propmat.torch.closed_form`.

    References
    ----------
    Y. Wang, Y. Niu, P. Duan, J. Lin, Y. Zheng, "Deep Propagation Based Image Matting", IJCAI 2018.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> edges = torch.tensor([[1.0, 3.0]]), torch.ones(0, 3)
    >>> propmat.torch.propagate(edges, torch.tensor([[0, 0.5, 1]]))
    tensor([[0.0000, 0.7500, 1.0000]])
    """
    check_normalisation(normalisation)
    given = {**named(affinities, PAIR), "trimap": trimap, "values": values, "confidence": confidence}
    tensors = taken(PROPAGATE, given)
    if normalisation is None:
        return solve(PROPAGATE, tensors, solver=solver)
    degree = _degree(tensors["horizontal"], tensors["vertical"])
    if check_values(PROPAGATE, tensors) and not degree.all():  # while values are those that were given
        y, x = (degree == 0).nonzero()[0, -2:].tolist()
        raise InputError(
            f"affinities: those of some pixels are all 0, of the first at ({y}, {x}); normalisation={normalisation!r} "
            f"takes at least one above 0 for every pixel"
        )
    # 1 - D⁻¹ W + C, times D from the left, is D - W + D C: the plain form under another confidence.
    if "confidence" in tensors:
        tensors["confidence"] = degree * _over_pixels(tensors["confidence"], degree)
    if normalisation == "row":
        return solve(PROPAGATE, tensors, solver=solver)
    # 1 - D^(-1/2) W D^(-1/2) + C, times D^(1/2) from both sides: the same for D^(-1/2) α, here scaled to at most 1.
    root = degree.sqrt()
    scale = root.detach().amin(dim=(-1, -2), keepdim=True) / root
    held = scaled(tensors["values"]) if "values" in tensors else _labels(tensors["trimap"])
    tensors["values"] = scale * held
    return (solve(PROPAGATE, tensors, solver=solver) / scale).clamp(0, 1)


def propagate_directed(
    affinities: tuple[Tensor, Tensor, Tensor, Tensor],
    trimap: Labels,
    *,
    values: Tensor | None = None,
    confidence: Weights | None = None,
) -> Tensor:
    """`propmat.adjoint.propagate_directed`: each pixel has its own weight for each neighbour.

    Parameters
    ----------
    affinities : tuple (right, left, down, up)
        Two (..., H, W - 1) and two (..., H - 1, W) tensors >= 0.
    trimap, values, confidence
        As in `propmat.torch.closed_form`.

    Returns
    -------
    (..., H, W) tensor
        Alpha in [0, 1].

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> none = torch.ones(0, 3)
    >>> edges = torch.tensor([[9, 1.0]]), torch.tensor([[3.0, 9]]), none, none
    >>> propmat.torch.propagate_directed(edges, torch.tensor([[0, 0.5, 1]]))
    tensor([[0.0000, 0.2500, 1.0000]])
    """
    given = {**named(affinities, FOUR), "trimap": trimap, "values": values, "confidence": confidence}
    return solve(PROPAGATE_DIRECTED, taken(PROPAGATE_DIRECTED, given))


def check_normalisation(name: object) -> None:
    """Refuse what is no form of the Laplacian."""
    if name not in (None, "row", "symmetric"):
        raise InputError(f"normalisation: takes 'row', 'symmetric' or None, got {shown(name)}")


def _degree(horizontal: Tensor, vertical: Tensor) -> Tensor:
    """The sum of every pixel's affinities."""
    pad = torch.nn.functional.pad
    across = pad(horizontal, (0, 1)) + pad(horizontal, (1, 0))
    return across + pad(vertical, (0, 0, 0, 1)) + pad(vertical, (0, 0, 1, 0))


def _over_pixels(confidence: Tensor, degree: Tensor) -> Tensor:
    """One number an image as a map that broadcasts over its pixels."""
    return confidence if confidence.shape[-2:] == degree.shape[-2:] else confidence[..., None, None]


def _labels(trimap: Tensor) -> Tensor:
    """1 on known foreground, 0 elsewhere."""
    return (scaled(trimap.detach()).double() >= FOREGROUND_AT_LEAST).double()
