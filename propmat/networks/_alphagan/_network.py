"""The generator of AlphaGAN.

S. Lutz, K. Amplianitis, A. Smolic, "AlphaGAN: Generative adversarial networks for natural image matting", BMVC 2018.
https://arxiv.org/abs/1807.10088 40,302,336 weights: 23,511,168 of the encoder, 15,535,104 of pyramid pooling, 1,256,064
of the decoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from propmat._inputs._numbers import integer
from propmat._inputs._settings import choice
from propmat.errors import InputError, shown
from propmat.matting._mattes import checked_mattes
from propmat.networks._alphagan._decoder import Decoder, PyramidPooling
from propmat.networks._last_solve import EPSILON, checked_confidence
from propmat.networks._network import Network, checked_labels
from propmat.networks._trunks._layers import merged, normalised, reflected
from propmat.networks._trunks._resnet import STRIDE, ResNet50
from propmat.networks._trunks._segnet import NORMS
from propmat.solvers._base import Solver
from propmat.torch._refine import refine

WIDEST = 32  # 32 channels divided by it leave one
FARTHEST = 64  # pixels of the encoder's planes, eight of the picture each
LEAST = 16  # pixels a side; a plane of one pixel has no variance


class AlphaGAN(Network):
    """(image (B, 3, H, W), trimap (B, 1, H, W)) → alpha (B, 1, H, W), of any size, floating and in [0, 1].

    What is at most 0.1 in the trimap is background, at least 0.9 foreground, the rest unknown. Known pixels are near
    their labels, and exact with a `confidence`. With `mattes` it takes these too, (B, m, H, W).

    Parameters
    ----------
    width : int, default 1
        Divides all numbers of channels; at most 32.
    norm : {"batch", "group"}
        Normalisation over the batch, or over groups of channels, independent of the batch.
    rates : sequence of 3 int, default (6, 12, 18)
        Dilations of pyramid pooling, in pixels of planes of an eighth of the size; at most 64. Trained on crops of 160
        pixels the outer taps of a dilation of 18 always see nothing, and are not trained.
    mattes : sequence of str, default ()
        A departure: further planes of the input, also of the skip connection at full size, named as in `DCNN`. The
        answer is the mean of these mattes, plus each of them times a plane of the decoder, plus a last plane, in place
        of the sigmoid of one; planes are 0 at first. It is clipped to [0, 1] except in training, where that would stop
        gradients.
    confidence : float or None, default None
        A departure: alpha is that of (L + C + κ U) α = C α* + κ α̂ with the closed form's L, over the unknown pixels U,
        for the network's answer α̂ and this κ > 0, on the scale of `propmat.refine`; known pixels are exact. None for no
        such solve. Weights do not depend on it.

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> from propmat.networks import AlphaGAN
    >>> network = AlphaGAN.preset("small", width=16).eval()
    >>> network(torch.rand(1, 3, 24, 30), torch.full((1, 1, 24, 30), 0.5)).shape
    torch.Size([1, 1, 24, 30])
    """

    name = "alphagan"
    presets = {"faithful": {}, "small": {"width": 4, "rates": (2, 4, 8)}}

    def __init__(
        self,
        width: int = 1,
        *,
        norm: str = "batch",
        rates: Sequence[int] = (6, 12, 18),
        mattes: Sequence[str] = (),
        confidence: float | None = None,
    ) -> None:
        super().__init__()
        width, norm, rates = integer(width, "width", 1, WIDEST), choice(norm, "norm", NORMS), _rates(rates)
        self.mattes = () if isinstance(mattes, list | tuple) and not mattes else checked_mattes(mattes)
        self.confidence = checked_confidence(confidence)
        self.options = {
            "width": width,
            "norm": norm,
            "rates": list(rates),
            "mattes": list(self.mattes),
            "confidence": self.confidence,
        }
        self.encoder = ResNet50(4 + len(self.mattes), width, norm)
        self.pooling = PyramidPooling(width, rates, norm)
        answers = len(self.mattes) + 1
        self.decoder = Decoder(3 + len(self.mattes), width, norm, answers)
        if self.mattes:
            with torch.no_grad():
                self.decoder.deconv4.weight.zero_()

    def seen(self, image: Tensor, labels: Tensor, mattes: Tensor | None = None) -> Tensor:
        """What the network sees of pictures.

        Parameters
        ----------
        image : (B, 3, H, W) tensor
            Floating in [0, 1].
        labels : (B, 1, H, W) tensor
            Exactly 0, 0.5 and 1.
        mattes : (B, m, H, W) tensor, optional
            In the order of the option; needed with it.

        Returns
        -------
        (B, 4 + m, H', W') tensor
            Sides are the next multiples of 8, at least 16; beyond the last rows and columns the picture reflected.
        """
        planes = [normalised(image), labels, *([] if mattes is None else [mattes])]
        return reflected(torch.cat(planes, dim=1), STRIDE, LEAST)

    def answer(self, x: Tensor) -> Tensor:
        """Alpha before the last solve.

        Parameters
        ----------
        x : (B, 4 + m, H, W) tensor
            As `seen` makes it.

        Returns
        -------
        (B, 1, H, W) tensor
            In [0, 1]; from mattes, in training, near it.
        """
        features = self.encoder(x)
        mattes = x[:, 4:]
        planes = self.decoder(self.pooling(features.deepest), features, torch.cat([x[:, :3], mattes], dim=1))
        planes = planes.to(x.dtype)  # of autocast
        if not self.mattes:
            return planes.sigmoid()
        alpha = merged(planes, mattes)
        return alpha if self.training else alpha.clamp(0, 1)

    def solved(self, image: Tensor, labels: Tensor, alpha: Tensor, solver: Solver | None = None) -> Tensor:
        """Alpha of the last solve; without one, alpha as it is.

        Parameters
        ----------
        image, labels
            As in `seen`.
        alpha : (B, 1, H, W) tensor
            The network's answer.
        solver : Solver, optional
            As in `propmat.solve`.

        Returns
        -------
        (B, 1, H, W) tensor
            In [0, 1].

        Raises
        ------
        InputError
            If an argument is not as above.
        """
        if self.confidence is None:
            return alpha
        planes = alpha.clamp(0, 1).squeeze(1), self.confidence
        return refine(image, *planes, trimap=labels.squeeze(1), epsilon=EPSILON, solver=solver).unsqueeze(1)

    def forward(
        self, image: Tensor, trimap: Tensor, mattes: Tensor | None = None, solver: Solver | None = None
    ) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image : (B, 3, H, W) tensor
            Floating in [0, 1].
        trimap : (B, 1, H, W) tensor
            Floating. At most 0.1 is background, at least 0.9 foreground, the rest unknown.
        mattes : (B, m, H, W) tensor, optional
            In [0, 1], in the order of the option `mattes`; needed with it, and only then.
        solver : Solver, optional
            Of the last solve, as in `propmat.solve`.

        Returns
        -------
        (B, 1, H, W) tensor
            Alpha in [0, 1]; as `answer` without a last solve.

        Raises
        ------
        InputError
            If an argument is not as above.
        """
        labels = checked_labels(self, image, trimap, mattes)
        alpha = self.answer(self.seen(image, labels, mattes))[..., : image.shape[2], : image.shape[3]]
        return self.solved(image, labels, alpha, solver)


def _rates(given: object) -> tuple[int, ...]:
    if not isinstance(given, list | tuple) or len(given) != 3:
        raise InputError(f"rates: takes a list of 3 whole numbers, got {shown(given)}")
    return tuple(integer(rate, "rates", 1, FARTHEST) for rate in given)
