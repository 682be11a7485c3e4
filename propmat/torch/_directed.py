"""Propagation along directed affinities on tensors."""

from __future__ import annotations

from torch import Tensor

from propmat._batching._arguments import FOUR, named
from propmat._batching._verbs import PROPAGATE_DIRECTED
from propmat.torch._arguments import Labels, Weights, taken
from propmat.torch._operation import solve


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
