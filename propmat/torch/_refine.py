"""A given matte, refined on tensors."""

from __future__ import annotations

from torch import Tensor

from propmat._batching._verbs import REFINE
from propmat.solvers._base import Solver
from propmat.torch._arguments import Labels, Weights, taken
from propmat.torch._layer import Layer
from propmat.torch._operation import solve


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


class Refine(Layer):
    """`refine` as a layer: (image, alpha, confidence[, trimap]) → alpha.

    Parameters
    ----------
    **options
        Those of `propmat.torch.refine` but `trimap`: values, epsilon, solver.
        Tensors among them become parameters or buffers of the layer.

    Raises
    ------
    InputError
        If an option has another name, or is not as there.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> image = torch.linspace(0, 1, 5).expand(1, 3, 5)
    >>> propmat.torch.Refine()(image, torch.full((3, 5), 0.5), 1.0)[0]
    tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000])
    """

    verb = staticmethod(refine)
    _takes = REFINE

    def forward(self, image: Tensor, alpha: Tensor, confidence: Weights, trimap: Labels | None = None) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image, alpha, confidence, trimap
            As in `propmat.torch.refine`.

        Returns
        -------
        (..., H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            As `propmat.torch.refine`.
        """
        return refine(image, alpha, confidence, trimap=trimap, **self.given())
