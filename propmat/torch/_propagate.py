"""Propagation along affinities on tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from propmat._batching._arguments import PAIR, named
from propmat._batching._verbs import PROPAGATE
from propmat._trimap import FOREGROUND_AT_LEAST
from propmat.errors import InputError, shown
from propmat.solvers._base import Solver
from propmat.torch._arguments import Labels, Weights, scaled, taken
from propmat.torch._layer import Layer
from propmat.torch._operation import check_values, solve


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


class Propagate(Layer):
    """`propagate` as a layer: (affinities, trimap) → alpha; ``Propagate(confidence=0.8)`` is DeepMattePropNet's.

    Parameters
    ----------
    **options
        Those of `propmat.torch.propagate` but `trimap`: values, confidence, normalisation, solver.
        Tensors among them become parameters or buffers of the layer.

    Raises
    ------
    InputError
        If an option has another name, or is not as there.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> edges = torch.tensor([[1.0, 3.0]]), torch.ones(0, 3)
    >>> propmat.torch.Propagate()(edges, torch.tensor([[0, 0.5, 1]]))
    tensor([[0.0000, 0.7500, 1.0000]])
    """

    verb = staticmethod(propagate)
    _takes = PROPAGATE

    def __init__(self, **options: Any) -> None:
        check_normalisation(options.get("normalisation"))
        super().__init__(**options)

    def forward(self, affinities: tuple[Tensor, Tensor], trimap: Labels) -> Tensor:
        """Alpha of affinities.

        Parameters
        ----------
        affinities, trimap
            As in `propmat.torch.propagate`.

        Returns
        -------
        (..., H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            As `propmat.torch.propagate`.
        """
        return propagate(affinities, trimap, **self.given())
