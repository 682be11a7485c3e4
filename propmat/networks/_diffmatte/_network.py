"""The network of DiffMatte.

Y. Hu, Y. Lin, W. Wang, Y. Zhao, Y. Wei, H. Shi, "Diffusion for Natural Image Matting", ECCV 2024.
https://arxiv.org/abs/2312.05915 29,014,273 weights with ViT-S, of which the decoder has 5,268,481; 101,458,945 with
ViT-B, 23,867,575 with ResNet-34-D and the vectors of its spectral normalisation, 38,753,560 with Swin-T.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from propmat._inputs._numbers import within
from propmat.matting._mattes import checked_mattes
from propmat.networks._diffmatte._decoder import Decoder
from propmat.networks._diffmatte._encoders import DOWN, UP
from propmat.networks._diffmatte._options import channels_of, check_times, encoder_of, features_of, multiple
from propmat.networks._diffmatte._seen import COLOURS_AND_LABELS, Seen, answered, checked_features, padded
from propmat.networks._last_solve import EPSILON, checked_confidence
from propmat.networks._network import Network, check_planes, checked_labels
from propmat.networks._trunks._layers import normalised
from propmat.solvers._base import Solver
from propmat.torch._refine import refine


class DiffMatte(Network):
    """(image (B, 3, H, W), trimap (B, 1, H, W), noisy matte, time) → the matte without noise, of any size.

    An encoder sees image and trimap once; a decoder answers the matte x = 2 α - 1 in [-1, 1] of a noisy one, and does
    so again at each step of `propmat.networks.diffmatte`.

    Parameters
    ----------
    encoder : str or module, default "vit_s"
        "vit_s", "vit_b", "resnet34" or "swin_t" as in the paper; "compact", a small one at a stride of 8;
        "efficientnet_lite0", "densenet201" and "resnet50", those of Late Fusion and AlphaGAN. Or a module from
        normalised colours and one-hot labels (background, unknown, foreground), (B, 6, H, W) with sides that are
        multiples of 32, to features (B, C, H/s, W/s), that has ``channels`` C and ``stride`` s, one of 4, 8, 16 and 32;
        `load_weights` cannot make that again, `torch.nn.Module.load_state_dict` can fill it.
    side : int, default 512
        Pixels a side of the crops of training, for which "vit_s" and "vit_b" have tables of positions; a multiple of
        16.
    down, up : sequence of int, optional
        Channels of the decoder's blocks: log2(s) - 1 that halve the size, and one more that double it. By default as in
        the paper.
    embedding : int, default 32
        Numbers that tell the decoder the time; even.
    t_scale : float, default 1
        Factor of times, which are at most 1, before sinusoids of periods from 2 π to 60,000; 1000 tells more of them.
    scale : float, default 0.2
        b, the factor of mattes in noisy ones b √γ x + √(1 - γ) ε, above 0 and at most 1.
    mattes : sequence of str, default ()
        A departure: further planes of the decoder's input, named as in `DCNN`. The answer is the mean of these mattes,
        plus each of them times a plane of the decoder, plus a last plane, in place of the sigmoid of one; planes are 0
        at first. It is clipped except in training, where that would stop gradients.
    confidence : float or None, default None
        A departure: as in `AlphaGAN`, the confidence of the answer in a last solve. Weights do not depend on it.

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> from propmat.networks import DiffMatte
    >>> network = DiffMatte.preset("small").eval()
    >>> image, trimap, noise = torch.rand(1, 3, 24, 30), torch.full((1, 1, 24, 30), 0.5), torch.randn(1, 1, 24, 30)
    >>> network(image, trimap, noise, torch.ones(1)).shape
    torch.Size([1, 1, 24, 30])
    """

    name = "diffmatte"
    presets = {
        "faithful": {},
        "vit_b": {"encoder": "vit_b"},
        "resnet34": {"encoder": "resnet34"},
        "swin_t": {"encoder": "swin_t"},
        "small": {"encoder": "compact", "down": (16, 32), "up": (32, 32, 16), "embedding": 16},
    }

    def __init__(
        self,
        encoder: str | nn.Module = "vit_s",
        *,
        side: int = 512,
        down: Sequence[int] | None = None,
        up: Sequence[int] | None = None,
        embedding: int = 32,
        t_scale: float = 1.0,
        scale: float = 0.2,
        mattes: Sequence[str] = (),
        confidence: float | None = None,
    ) -> None:
        super().__init__()
        self.scale = within(scale, "scale", 1e-3, 1)
        self.mattes = () if isinstance(mattes, list | tuple) and not mattes else checked_mattes(mattes)
        self.confidence = checked_confidence(confidence)
        embedding = multiple(embedding, "embedding", 2, 1024)
        self.encoder, name = encoder_of(encoder, multiple(side, "side", 16, 2**13))
        channels, stride = features_of(self.encoder)
        down, up = channels_of(down, "down", DOWN[stride]), channels_of(up, "up", UP[stride])
        self.options = {
            "encoder": name,
            "side": int(side),
            "down": list(down),
            "up": list(up),
            "embedding": embedding,
            "t_scale": within(t_scale, "t_scale", 1e-3, 1e6),
            "scale": self.scale,
            "mattes": list(self.mattes),
            "confidence": self.confidence,
        }
        planes, answers = COLOURS_AND_LABELS + len(self.mattes) + 1, len(self.mattes) + 1
        self.decoder = Decoder((planes, *down), (channels, *up), embedding, t_scale, answers)
        if self.mattes:
            last = self.decoder.head[-1]
            with torch.no_grad():
                for weight in last.parameters():
                    weight.zero_()

    def planes(self, image: Tensor, labels: Tensor, mattes: Tensor | None = None) -> Tensor:
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
        (B, 6 + m, H, W) tensor
        """
        one_hot = [(labels == value).to(image) for value in (0, 0.5, 1)]
        return torch.cat([normalised(image), *one_hot, *([] if mattes is None else [mattes])], dim=1)

    def seen(self, planes: Tensor) -> Seen:
        """Planes with the features of the encoder.

        Parameters
        ----------
        planes : (B, 6 + m, H, W) tensor
            As `planes` makes them.

        Returns
        -------
        Seen

        Raises
        ------
        InputError
            If the encoder answers features of another shape than its channels and its stride tell.
        """
        given = padded(planes[:, :COLOURS_AND_LABELS])
        return Seen(checked_features(self.encoder(given), self.encoder, given), planes)

    def answer(self, seen: Seen, x: Tensor, time: Tensor) -> Tensor:
        """The matte without noise, before the last solve.

        Parameters
        ----------
        seen : Seen
        x : (B, 1, H, W) tensor
            A noisy matte of standard deviation 1.
        time : (B,) tensor
            In [0, 1].

        Returns
        -------
        (B, 1, H, W) tensor
            In [-1, 1]; from mattes, in training, near it.
        """
        return answered(self.decoder, seen, x, time, clipped=not self.training)

    def solved(self, image: Tensor, labels: Tensor, x: Tensor, solver: Solver | None = None) -> Tensor:
        """The matte of the last solve; without one, as it is.

        Parameters
        ----------
        image, labels
            As in `planes`.
        x : (B, 1, H, W) tensor
            The network's answer.
        solver : Solver, optional
            As in `propmat.solve`.

        Returns
        -------
        (B, 1, H, W) tensor
            In [-1, 1].

        Raises
        ------
        InputError
            If an argument is not as above.
        """
        if self.confidence is None:
            return x
        given = (0.5 * x + 0.5).clamp(0, 1).squeeze(1), self.confidence
        alpha = refine(image, *given, trimap=labels.squeeze(1), epsilon=EPSILON, solver=solver)
        return 2 * alpha.unsqueeze(1) - 1

    def forward(
        self,
        image: Tensor,
        trimap: Tensor,
        x: Tensor,
        time: Tensor,
        mattes: Tensor | None = None,
        solver: Solver | None = None,
    ) -> Tensor:
        """The mattes of noisy ones.

        Parameters
        ----------
        image : (B, 3, H, W) tensor
            Floating in [0, 1].
        trimap : (B, 1, H, W) tensor
            Floating. At most 0.1 is background, at least 0.9 foreground, the rest unknown.
        x : (B, 1, H, W) tensor
            Noisy mattes divided by their standard deviations.
        time : (B,) tensor
            In [0, 1].
        mattes : (B, m, H, W) tensor, optional
            In [0, 1], in the order of the option `mattes`; needed with it, and only then.
        solver : Solver, optional
            Of the last solve, as in `propmat.solve`.

        Returns
        -------
        (B, 1, H, W) tensor
            2 α - 1, in [-1, 1]; as `answer` without a last solve.

        Raises
        ------
        InputError
            If an argument is not as above.
        """
        labels = checked_labels(self, image, trimap, mattes)
        check_planes(x, "x", 1, like=image)
        check_times(time, len(image))
        seen = self.seen(self.planes(image, labels, mattes))
        return self.solved(image, labels, self.answer(seen, x, time), solver)
