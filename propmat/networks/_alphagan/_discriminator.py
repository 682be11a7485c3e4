"""The discriminator of AlphaGAN, which judges patches of composites.

P. Isola, J.-Y. Zhu, T. Zhou, A. Efros, "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017.
2,766,657 weights.
"""

from __future__ import annotations

from torch import Tensor, nn

from propmat._inputs._numbers import integer
from propmat.errors import InputError
from propmat.networks._network import Network, check_planes

SLOPE = 0.2  # of LeakyReLU below 0
DEVIATION = 0.02  # of the first weights
MOST_DOUBLINGS = 3


class PatchGAN(Network):
    """(B, 4, H, W) → logits (B, 1, H', W'), each of a patch of 70 x 70 pixels: how real a composite looks there.

    Batch normalisation has the statistics of the batch at hand always, and keeps none: real and composited batches are
    passed one at a time.

    Parameters
    ----------
    features : int, default 64
        Channels of the first layer, doubled by each of the next, at most eight times as many; at most 512.
    strided : int, default 3
        Layers of stride 2, from 1 to 6; with 2 a patch is 34 x 34 pixels.
    channels : int, default 4
        Three of normalised colours of a composite, one of the trimap; at most 64.

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> from propmat.networks import PatchGAN
    >>> PatchGAN.preset("small")(torch.rand(2, 4, 320, 320)).shape
    torch.Size([2, 1, 38, 38])
    """

    name = "patch_gan"
    presets = {"faithful": {}, "shallow": {"strided": 2}, "small": {"features": 12}}

    def __init__(self, features: int = 64, strided: int = 3, *, channels: int = 4) -> None:
        super().__init__()
        features, strided = integer(features, "features", 1, 512), integer(strided, "strided", 1, 6)
        self.options = {"features": features, "strided": strided, "channels": integer(channels, "channels", 1, 64)}
        # For 320 x 320 pixels and 3 strided layers: 64 x 160², 128 x 80², 256 x 40², 512 x 39², 1 x 38².
        layers = [nn.Conv2d(channels, features, 4, 2, padding=1), nn.LeakyReLU(SLOPE, inplace=True)]
        before = features
        for k in range(1, strided + 1):
            after = features * 2 ** min(k, MOST_DOUBLINGS)
            stride = 2 if k < strided else 1
            layers += [
                nn.Conv2d(before, after, 4, stride, padding=1, bias=False),
                nn.BatchNorm2d(after, track_running_stats=False),
                nn.LeakyReLU(SLOPE, inplace=True),
            ]
            before = after
        self.layers = nn.Sequential(*layers, nn.Conv2d(before, 1, 4, 1, padding=1))
        self.least = 3 * 2**strided
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of patches; their mean is the score of an image.

        Parameters
        ----------
        x : (B, channels, H, W) tensor
            At least 24 pixels high and wide.

        Returns
        -------
        (B, 1, H', W') tensor
            Above 0 where it looks real.

        Raises
        ------
        InputError
            If the shape or the dtype is another.
        """
        check_planes(x, "x", self.options["channels"])
        if min(x.shape[2:]) < self.least:
            raise InputError(f"x: takes at least {self.least} pixels a side, got shape {tuple(x.shape)}")
        logits: Tensor = self.layers(x)
        return logits


def _initialise(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.normal_(layer.weight, std=DEVIATION)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
