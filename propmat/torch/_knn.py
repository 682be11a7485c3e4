"""KNN matting on tensors."""

from __future__ import annotations

from torch import Tensor

from propmat._batching._verbs import KNN
from propmat.solvers._base import Solver
from propmat.torch._arguments import Labels, Weights, taken
from propmat.torch._layer import Layer
from propmat.torch._operation import solve


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


class Knn(Layer):
    """`knn` as a layer: (image, trimap) → alpha.

    Parameters
    ----------
    **options
        Those of `propmat.torch.knn` but `trimap`: values, confidence, preset, solver.
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
    >>> propmat.torch.Knn(preset="rgb")(image, torch.tensor([0, 0.5, 0.5, 0.5, 1]).expand(3, 5)).shape
    torch.Size([3, 5])
    """

    verb = staticmethod(knn)
    _takes = KNN

    def forward(self, image: Tensor, trimap: Labels) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image, trimap
            As in `propmat.torch.knn`.

        Returns
        -------
        (..., H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            As `propmat.torch.knn`.
        """
        return knn(image, trimap, **self.given())
