"""A small matte at the size of its image, on tensors."""

from __future__ import annotations

from torch import Tensor

from propmat._batching._verbs import UPSAMPLE
from propmat.matting._upsample import CONFIDENCE, EPSILON
from propmat.solvers._base import Solver
from propmat.torch._arguments import Labels, taken
from propmat.torch._layer import Layer
from propmat.torch._operation import solve


def upsample(
    image: Tensor,
    alpha: Tensor,
    *,
    trimap: Labels | None = None,
    confidence: float | Tensor = CONFIDENCE,
    epsilon: float | Tensor = EPSILON,
    solver: Solver | None = None,
) -> Tensor:
    """`propmat.upsample`, differentiable in image, alpha, confidence and epsilon.

    Parameters
    ----------
    image : (..., C, H, W) tensor
        Floating in [0, 1], uint8 or uint16 (scaled by their maximum).
    alpha : (..., h, w) tensor
        The matte at a smaller size, in [0, 1].
    trimap : (..., H, W) tensor, array or Trimap, optional
        Known pixels are exact; without it no pixel is known.
    confidence, epsilon : float or tensor (), (B,), > 0
        As in `propmat.upsample`.
    solver
        As in `propmat.upsample`. The default leaves relative errors of about 1e-4 in gradients.

    Returns
    -------
    (..., H, W) tensor
        Alpha in [0, 1].

    Raises
    ------
    InputError, UnsupportedError, ConvergenceError
        As `propmat.upsample`.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> image = (torch.arange(8) > 2).float().expand(1, 4, 8)
    >>> small = torch.tensor([0, 0.5, 1, 1]).expand(2, 4)
    >>> propmat.torch.upsample(image, small)[0].round(decimals=2) + 0.0
    tensor([0., 0., 0., 1., 1., 1., 1., 1.])
    """
    given = {"image": image, "alpha": alpha, "trimap": trimap, "epsilon": epsilon, "confidence": confidence}
    return solve(UPSAMPLE, taken(UPSAMPLE, given), solver=solver)


class Upsample(Layer):
    """`upsample` as a layer: (image, alpha[, trimap]) → alpha at the size of the image.

    Parameters
    ----------
    **options
        Those of `propmat.torch.upsample` but `trimap`: confidence, epsilon, solver.
        Tensors among them become parameters or buffers of the layer.

    Raises
    ------
    InputError
        If an option has another name, or is not as there.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> propmat.torch.Upsample()(torch.rand(2, 3, 8, 12), torch.zeros(2, 4, 6)).shape
    torch.Size([2, 8, 12])
    """

    verb = staticmethod(upsample)
    _takes = UPSAMPLE

    def forward(self, image: Tensor, alpha: Tensor, trimap: Labels | None = None) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image, alpha, trimap
            As in `propmat.torch.upsample`.

        Returns
        -------
        (..., H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            As `propmat.torch.upsample`.
        """
        return upsample(image, alpha, trimap=trimap, **self.given())
