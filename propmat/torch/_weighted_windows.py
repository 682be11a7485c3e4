"""Propagation along weighted windows of the closed form on tensors."""

from __future__ import annotations

from torch import Tensor

from propmat._batching._arguments import PAIR, PRIOR, named
from propmat._batching._verbs import WEIGHTED_WINDOWS
from propmat.errors import InputError
from propmat.solvers._base import Solver
from propmat.torch._arguments import Labels, Weights, taken
from propmat.torch._operation import solve


def weighted_windows(
    image: Labels,
    windows: Tensor,
    trimap: Labels,
    *,
    edges: tuple[Tensor, Tensor] | None = None,
    values: Tensor | None = None,
    confidence: Weights | None = None,
    prior: tuple[Tensor, Weights] | None = None,
    epsilon: float | Tensor = 1e-7,
    solver: Solver | None = None,
) -> Tensor:
    """`propmat.adjoint.weighted_windows`, differentiable in windows, edges, values, confidence and prior.

    The windows of the closed form each have a weight, and so have the edges of neighbouring pixels where they are
    given. The image and epsilon are constants.

    Parameters
    ----------
    image : (..., C, H, W) tensor or array
        Floating in [0, 1], uint8 or uint16 (scaled by their maximum). At least 3 pixels high and wide.
    windows : (..., H - 2, W - 2) tensor
        Weights >= 0 of windows of 3 x 3 pixels, each by its top left pixel.
    trimap : (..., H, W) tensor, array or Trimap
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.
    edges : tuple (horizontal, vertical), optional
        (..., H, W - 1) and (..., H - 1, W) tensors >= 0; none by default. Make them with `Affinities`, or any other
        way.
    values, confidence
        As in `propmat.torch.closed_form`.
    prior : tuple (matte, confidence), optional
        An estimate of alpha, a (..., H, W) tensor in [0, 1], and with which weight >= 0 it is held: a float, a tensor
        () or (B,), or (..., H, W). None by default.
    epsilon, solver
        As in `propmat.torch.closed_form`.

    Returns
    -------
    (..., H, W) tensor
        Alpha in [0, 1], of the dtype of the windows' weights.

    Raises
    ------
    InputError, UnsupportedError, ConvergenceError
        As `propmat.torch.closed_form`.

    Examples
    --------
    Windows of weight 1 are those of the closed form:

    >>> import torch
    >>> import propmat.torch
    >>> image, trimap = torch.linspace(0, 1, 5).expand(1, 3, 5), torch.tensor([0, 0.5, 0.5, 0.5, 1]).expand(3, 5)
    >>> windows = torch.ones(1, 3, requires_grad=True)
    >>> alpha = propmat.torch.weighted_windows(image, windows, trimap)
    >>> alpha[0].detach()
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    >>> alpha.sum().backward()
    >>> windows.grad.shape
    torch.Size([1, 3])
    """
    pair = {} if edges is None else named(edges, PAIR, "edges")
    for name, weights in pair.items():
        if weights is None:
            raise InputError(f"{name}: takes a tensor, got None; without edges, edges=None")
    held = {} if prior is None else named(prior, PRIOR, "prior")
    for name, value in held.items():
        if value is None:
            raise InputError(f"{name}: takes a tensor, got None; without a prior, prior=None")
    given = {"windows": windows, **pair, "image": image, "trimap": trimap, "values": values, "confidence": confidence}
    return solve(WEIGHTED_WINDOWS, taken(WEIGHTED_WINDOWS, {**given, **held, "epsilon": epsilon}), solver=solver)
