"""The network of Late Fusion.

Y. Zhang, L. Gong, L. Fan, P. Ren, Q. Huang, H. Bao, W. Xu, "A Late Fusion CNN for Digital Matting", CVPR 2019.
22,231,611 weights: 18,092,928 of the encoder, 2,045,893 of each decoder, 46,897 of the blend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from propmat._inputs._numbers import integer, within
from propmat._inputs._settings import choice
from propmat.networks._last_solve import EPSILON
from propmat.networks._late_fusion._decoder import Branch, Decoders, Fusion
from propmat.networks._network import Network, check_planes
from propmat.networks._trunks._densenet import DenseNet201
from propmat.networks._trunks._efficientnet import EfficientNetLite0
from propmat.networks._trunks._layers import normalised, reflected
from propmat.solvers._base import Solver
from propmat.torch._refine import refine

STRIDE = 32
WIDEST = 16  # 16 channels divided by it leave one
CERTAIN = 0.95  # a probability above which, with one below 1 minus it on the other side, a pixel is known

# How the encoder of a name is made; of pretrained weights the width is fixed.
ENCODERS: dict[str, Callable[[int], DenseNet201 | EfficientNetLite0]] = {
    "densenet201": DenseNet201,
    "efficientnet_lite0": lambda width: EfficientNetLite0(),
}


class Fused(NamedTuple):
    """What the network answers, all in [0, 1].

    Attributes
    ----------
    alpha : (B, 1, H, W) tensor
        β F + (1 - β) (1 - B).
    foreground, background : (B, 1, H, W) tensor
        F, the probability of foreground, and B, that of background.
    blend : (B, 1, H, W) tensor
        β.
    foreground_sides, background_sides : tuple of 5 tensors
        The answers of all blocks of the decoders, the coarsest first, at 1/16, 1/8, 1/4, 1/2 and 1 of the sides, those
        enlarged to multiples of 32.
    """

    alpha: Tensor
    foreground: Tensor
    background: Tensor
    blend: Tensor
    foreground_sides: tuple[Tensor, ...]
    background_sides: tuple[Tensor, ...]

    @property
    def labels(self) -> Tensor:
        """The derived trimap (B, 1, H, W), 0, 0.5 and 1: known where both branches are certain, a pixel from others."""
        known = [
            _inner((certain > CERTAIN) & (other < 1 - CERTAIN))
            for certain, other in ((self.foreground, self.background), (self.background, self.foreground))
        ]
        return 0.5 * (1 + known[0] - known[1])

    @property
    def agreement(self) -> Tensor:
        """1 - abs(F + B - 1), (B, 1, H, W): 1 where both branches say the same."""
        return 1 - (self.foreground + self.background - 1).abs()


class LateFusion(Network):
    """Image (B, 3, H, W) → `Fused`: alpha (B, 1, H, W) of the salient object, of any size; no trimap.

    Parameters
    ----------
    encoder : {"densenet201", "efficientnet_lite0"}
        As in the paper, or a smaller one, for which there are weights to start from (`load_encoder`).
    width : int, default 1
        Divides all numbers of channels, at most 16; EfficientNet-Lite0 has those of its weights.
    side : int, default 800
        `late_fusion` shows pictures with at most so many pixels on the longer side, at least 32: how large objects are
        matters. The network itself does not depend on it.
    confidence : float, default 0.1
        κ₀ ≥ 0 of the prior in `solved`, on the scale of `propmat.refine`.
    exponent : float, default 4
        m ≥ 0 of the prior in `solved`, at most 64.

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> from propmat.networks import LateFusion
    >>> network = LateFusion.preset("small").eval()
    >>> network(torch.rand(1, 3, 24, 30)).alpha.shape
    torch.Size([1, 1, 24, 30])
    """

    name = "late_fusion"
    presets = {"faithful": {}, "small": {"encoder": "efficientnet_lite0", "width": 4, "side": 320}}

    def __init__(
        self,
        encoder: str = "densenet201",
        width: int = 1,
        *,
        side: int = 800,
        confidence: float = 0.1,
        exponent: float = 4.0,
    ) -> None:
        super().__init__()
        encoder, width = choice(encoder, "encoder", ENCODERS), integer(width, "width", 1, WIDEST)
        self.side = integer(side, "side", STRIDE, 2**13)
        self.confidence, self.exponent = within(confidence, "confidence", 0, 1e6), within(exponent, "exponent", 0, 64)
        self.options = {
            "encoder": encoder,
            "width": width,
            "side": self.side,
            "confidence": self.confidence,
            "exponent": self.exponent,
        }
        self.encoder = ENCODERS[encoder](width)
        self.decoders = Decoders(self.encoder.channels, width)
        self.fusion = Fusion(width)

    def forward(self, image: Tensor) -> Fused:
        """Alpha of images, and what it is made of.

        Parameters
        ----------
        image : (B, 3, H, W) tensor
            Floating in [0, 1].

        Returns
        -------
        Fused
            Named tensors: ``alpha``, ``foreground``, ``background``, ``blend`` (B, 1, H, W), and the side outputs.

        Raises
        ------
        InputError
            If the shape or the dtype is another.
        """
        check_planes(image, "image", 3)
        x = reflected(image, STRIDE)
        front, behind = self.decoders(self.encoder(x))
        blend = self.fusion(front.features, behind.features, normalised(x))
        return fused(front, behind, blend, (image.shape[2], image.shape[3]))

    def prior_confidence(self, found: Fused) -> Tensor:
        """The confidence κ₀ (1 - abs(F + B - 1))ᵐ of alpha as a prior: that of branches that agree.

        Parameters
        ----------
        found : Fused

        Returns
        -------
        (B, 1, H, W) tensor
        """
        return self.confidence * found.agreement**self.exponent

    def solved(self, image: Tensor, found: Fused, solver: Solver | None = None) -> Tensor:
        """Alpha refined by the closed form; differentiable in the image and the answers, but not through the labels.

        Where F is above 0.95 and B below 0.05, or the reverse, and so are all neighbours, pixels are known. Of the
        others, (L + diag κ) α' = κ α with L of the closed form.

        Parameters
        ----------
        image : (B, 3, H, W) tensor
            As in `forward`.
        found : Fused
            The answer for this image.
        solver : Solver, optional
            As in `propmat.solve`.

        Returns
        -------
        (B, 1, H, W) tensor
            In [0, 1].

        Raises
        ------
        InputError
            If an argument is not as above, or nothing is known and κ₀ is 0.

        Examples
        --------
        >>> import torch
        >>> from propmat.networks import LateFusion
        >>> network, image = LateFusion.preset("small").eval(), torch.rand(1, 3, 24, 30)
        >>> network.solved(image, network(image)).shape
        torch.Size([1, 1, 24, 30])
        """
        given = (found.alpha, self.prior_confidence(found))
        planes = [plane.squeeze(1) for plane in given]
        labels = found.labels.squeeze(1)
        return refine(image, *planes, trimap=labels, epsilon=EPSILON, solver=solver).unsqueeze(1)


def fused(foreground: Branch, background: Branch, blend: Tensor, shape: tuple[int, int]) -> Fused:
    """Both branches by their blend, cropped to the size of the image."""
    height, width = shape
    planes = (foreground.probability, background.probability, blend)
    front, behind, share = (plane[..., :height, :width] for plane in planes)
    alpha = (share * front + (1 - share) * (1 - behind)).clamp(0, 1)  # of roundings
    return Fused(alpha, front, behind, share, foreground.sides, background.sides)


def _inner(mask: Tensor) -> Tensor:
    """Where a mask and all of its eight neighbours are set, as 0 and 1; the border of the picture is no neighbour."""
    return 1 - functional.max_pool2d(1 - mask.float(), 3, 1, 1)
