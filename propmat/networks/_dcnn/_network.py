"""The network of DCNN matting.

D. Cho, Y.-W. Tai, I. Kweon, "Natural Image Matting Using Deep Convolutional Neural Networks", ECCV 2016.
43,904 weights. https://doi.org/10.1007/978-3-319-46475-6_39
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from propmat._inputs._numbers import integer
from propmat._inputs._settings import flag
from propmat.errors import InputError
from propmat.matting._mattes import checked_mattes
from propmat.networks._last_solve import checked_confidence
from propmat.networks._network import Network, check_planes

# Pixels a side of what the network sees and answers in training; its convolutions take the margin between.
PATCH, TARGET = 27, 15
MARGIN = (PATCH - TARGET) // 2


class DCNN(Network):
    """(B, 3 + mattes, H, W) → (B, 1, H - 12, W - 12): normalised colours and mattes in, alpha out, not clipped.

    Parameters
    ----------
    mattes : sequence of str, default ("closed_form", "knn_hsv")
        The mattes to merge: names of methods (`propmat alpha --help`), or "knn_hsv"; "knn" is that of the preset "rgb".
        The paper's best variant has comprehensive sampling as the third. At most 16.
    remapping : int, default 4
        Layers of 1 x 1 convolutions, at most 64; the paper compares 1, 4 and 8.
    filters : int, default 64
        At most 1024.
    bias : bool, default False
        The paper's equation 4 has no bias.
    confidence : float or None, default None
        A departure: with which confidence κ > 0, on the scale of `propmat.refine`, the answer is the prior of a last
        solve with the closed form, (L + κ) α = κ p; None for no such solve. The network itself does not depend on it.

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> from propmat.networks import DCNN
    >>> DCNN()(torch.rand(2, 5, 27, 27)).shape
    torch.Size([2, 1, 15, 15])
    """

    name = "dcnn"
    presets = {
        "faithful": {},
        "three_mattes": {"mattes": ("closed_form", "knn_hsv", "comprehensive_sampling")},
        "small": {"filters": 16},
    }

    def __init__(
        self,
        mattes: Sequence[str] = ("closed_form", "knn_hsv"),
        *,
        remapping: int = 4,
        filters: int = 64,
        bias: bool = False,
        confidence: float | None = None,
    ) -> None:
        super().__init__()
        self.mattes = checked_mattes(mattes)
        remapping, filters = integer(remapping, "remapping", 0, 64), integer(filters, "filters", 1, 1024)
        bias = flag(bias, "bias")
        self.confidence = checked_confidence(confidence)
        self.options = {
            "mattes": list(mattes),
            "remapping": remapping,
            "filters": filters,
            "bias": bias,
            "confidence": self.confidence,
        }
        # For patches of 27 x 27.
        layers: list[nn.Module] = [nn.Conv2d(3 + len(mattes), filters, 9, bias=bias), nn.ReLU()]  # 64 x 19 x 19
        for _ in range(remapping):
            layers += [nn.Conv2d(filters, filters, 1, bias=bias), nn.ReLU()]  # 64 x 19 x 19
        self.layers = nn.Sequential(*layers, nn.Conv2d(filters, 1, 5, bias=bias))  # 1 x 15 x 15
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Alpha of the pixels that are at least 6 from the border.

        Parameters
        ----------
        x : (B, 3 + mattes, H, W) tensor
            Colours divided by their length, then the mattes; at least 13 pixels high and wide.

        Returns
        -------
        (B, 1, H - 12, W - 12) tensor
            Not clipped to [0, 1].

        Raises
        ------
        InputError
            If the shape or the dtype is another.
        """
        check_planes(x, "x", 3 + len(self.mattes))
        if min(x.shape[2:]) <= 2 * MARGIN:
            raise InputError(f"x: takes at least {2 * MARGIN + 1} pixels a side, got shape {tuple(x.shape)}")
        alpha: Tensor = self.layers(x)
        return alpha


def _initialise(layer: nn.Module) -> None:
    """Xavier's initialisation as Caffe has it: uniform, of variance 1 / fan-in."""
    if isinstance(layer, nn.Conv2d):
        reach = (3 / layer.weight[0].numel()) ** 0.5
        nn.init.uniform_(layer.weight, -reach, reach)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
