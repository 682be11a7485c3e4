"""The closed form on tensors."""

from __future__ import annotations

from torch import Tensor

from propmat._batching._verbs import CLOSED_FORM
from propmat.solvers._base import Solver
from propmat.torch._arguments import Labels, Weights, taken
from propmat.torch._layer import Layer
from propmat.torch._operation import solve


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


class ClosedForm(Layer):
    """`closed_form` as a layer: (image, trimap) → alpha.

    Parameters
    ----------
    **options
        Those of `propmat.torch.closed_form` but `trimap`: values, confidence, epsilon, radius, solver.
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
    >>> layer = propmat.torch.ClosedForm(epsilon=1e-5)
    >>> layer(image, torch.tensor([0, 0.5, 0.5, 0.5, 1]).expand(3, 5)).shape
    torch.Size([3, 5])
    """

    verb = staticmethod(closed_form)
    _takes = CLOSED_FORM

    def forward(self, image: Tensor, trimap: Labels) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image, trimap
            As in `propmat.torch.closed_form`.

        Returns
        -------
        (..., H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            As `propmat.torch.closed_form`.
        """
        return closed_form(image, trimap, **self.given())
