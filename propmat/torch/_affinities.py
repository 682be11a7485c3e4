"""A layer that makes affinities of features."""

from __future__ import annotations

import torch
from torch import Tensor

from propmat import _inputs
from propmat.errors import InputError

PAIRS = ("concatenated", "differences", "both")


class Affinities(torch.nn.Module):
    """From features to affinities of neighbours, w = exp(z).

    "concatenated" is the published form, z = a · f_i + b · f_j + c, with i the left or upper pixel of a pair: features
    have to say by themselves where an edge is. "differences", z = c - softplus(d) · |f_i - f_j|, compares them, as in
    convolutional random walks. "both" adds the two, z = a · f_i + b · f_j - softplus(d) · |f_i - f_j| + c. z is bounded
    smoothly, z ← bound tanh(z / bound), so that weights and gradients stay in a range that a solver can handle.

    Parameters
    ----------
    features : int
        Channels of the features (..., features, H, W), >= 1.
    pair : {"concatenated", "differences", "both"}, default "concatenated"
    tie : bool, default False
        a = b, so that mirrored features have mirrored affinities, as those of differences always have.
    bound : float, > 0, default 8
        Weights are between exp(-bound) and exp(bound).

    Raises
    ------
    InputError
        If an argument is not as above, or features have another number of channels.

    References
    ----------
    Y. Wang et al., "Deep Propagation Based Image Matting", IJCAI 2018, equation 1. The bound is ours.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> horizontal, vertical = propmat.torch.Affinities(16)(torch.rand(2, 16, 10, 12))
    >>> horizontal.shape, vertical.shape
    (torch.Size([2, 10, 11]), torch.Size([2, 9, 12]))
    """

    def __init__(self, features: int, *, pair: str = "concatenated", tie: bool = False, bound: float = 8.0) -> None:
        super().__init__()
        self.pair = _inputs.choice(pair, "pair", PAIRS)
        self.tie = _inputs.flag(tie, "tie")
        self.bound = _inputs.positive(bound, "bound")
        self.features = _inputs.whole_number(features, "features")
        concatenated, differences = pair != "differences", pair != "concatenated"
        self.first = self._small() if concatenated else None  # a
        self.second = self._small() if concatenated and not tie else None  # b
        self.contrast = self._small() if differences else None  # d
        self.bias = torch.nn.Parameter(torch.zeros(()))  # c

    def _small(self) -> torch.nn.Parameter:
        return torch.nn.Parameter(0.01 * torch.randn(self.features))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Affinities of neighbouring pixels.

        Parameters
        ----------
        features : (..., features, H, W) tensor
            Floating, of the precision of the layer's weights.

        Returns
        -------
        horizontal, vertical : (..., H, W - 1) and (..., H - 1, W) tensors
            > 0, for `propmat.torch.propagate`.

        Raises
        ------
        InputError
            If the features have another number of channels, or are not floating.
        """
        if not isinstance(features, Tensor) or features.ndim < 3 or features.shape[-3] != self.features:
            got = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise InputError(f"features: takes a tensor of shape (..., {self.features}, H, W), got {got}")
        if not features.is_floating_point():
            raise InputError(f"features: takes a floating tensor, got {features.dtype}")
        return (
            self.weights(features[..., :, :-1], features[..., :, 1:]),
            self.weights(features[..., :-1, :], features[..., 1:, :]),
        )

    def extra_repr(self) -> str:
        tied = ", tie=True" if self.tie else ""
        return f"{self.features}, pair={self.pair!r}{tied}, bound={self.bound:g}"

    def weights(self, one: Tensor, other: Tensor) -> Tensor:
        """Affinities of pairs of pixels.

        Parameters
        ----------
        one, other : (..., features, h, w) tensor
            The features of the two pixels of each pair.

        Returns
        -------
        (..., h, w) tensor
        """
        z: Tensor = self.bias
        if self.first is not None:
            second = self.first if self.second is None else self.second
            z = z + along(self.first, one) + along(second, other)
        if self.contrast is not None:
            z = z - along(torch.nn.functional.softplus(self.contrast), (one - other).abs())
        return positive(z, self.bound)


def positive(z: Tensor, bound: float = 8.0) -> Tensor:
    """exp(z), bounded smoothly."""
    return torch.exp(bound * torch.tanh(z / bound))


def along(weights: Tensor, features: Tensor) -> Tensor:
    """The sum over the channels of features (..., features, h, w), each times its weight."""
    return torch.einsum("f,...fhw->...hw", weights, features)
