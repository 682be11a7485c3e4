"""The network of DeepMattePropNet.

Y. Wang, Y. Niu, P. Duan, J. Lin, Y. Zheng, "Deep Propagation Based Image Matting", IJCAI 2018. 29,557,121 weights:
29,480,640 of the semantic branch, 76,224 of the low-level branch, 257 of the affinities.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from propmat.errors import InputError
from propmat.networks._deep_matte_prop_net._layers import MergedPrior, WindowWeights, low_level, start_from_last
from propmat.networks._deep_matte_prop_net._options import PRESETS, checked
from propmat.networks._deep_matte_prop_net._window_facts import FACTS, window_facts
from propmat.networks._network import Network, checked_labels
from propmat.networks._trunks._dilated import Dilated, Surrounded
from propmat.networks._trunks._layers import normalised
from propmat.networks._trunks._segnet import SHRINKS, SegNet
from propmat.solvers._base import Solver
from propmat.torch._affinities import Affinities
from propmat.torch._propagate import propagate
from propmat.torch._weighted_windows import weighted_windows

WINDOW = 3  # pixels a side of the windows of the closed form
FAINT = 1e-3  # factor on affinities when windows of the closed form are used too, so that the windows dominate

OTHERS = {"dilated": Dilated, "surrounded": Surrounded}  # in place of the paper's branches


class DeepMattePropNet(Network):
    """(image (B, 3, H, W), trimap (B, 1, H, W)) → alpha (B, 1, H, W), of any size, floating and in [0, 1].

    What is at most 0.1 in the trimap is background, at least 0.9 foreground, the rest unknown. With `mattes` it takes
    these too, (B, m, H, W).

    Parameters
    ----------
    width : int, default 1
        Divides all numbers of channels; the low-level branch keeps 16. At most 64.
    pair : {"concatenated", "differences", "both"}
        As in `propmat.torch.Affinities`; "concatenated" is the paper's, and may be called "concat" here, "differences"
        "absdiff".
    tie : bool, default False
        As in `propmat.torch.Affinities`.
    norm : {"batch", "group"}
        Normalisation over the batch as in the paper, or over groups of channels, independent of the batch.
    confidence : float or None, default 0.8
        With which known pixels hold their labels; None makes them exact, and the solve smaller.
    colours : bool, default False
        The colours of the image are features too. With a `pair` of differences the first affinities are then close to
        those of `propmat.random_walk`, where they are else close to 1 between all pixels.
    closed_form : bool, default False
        A departure from the paper: the windows of the closed form are propagated along too, each with a weight
        κ = exp(a · f + b) of the features of its middle. At first κ = 1 and the affinities are faint. How much the
        colours of a window vary and how far it is from known pixels are features too, and the low-level branch
        sees both.
    mattes : sequence of str, default ()
        A departure, with `closed_form` alone: the network sees these mattes, named as in `DCNN`, and tells a prior p
        and its confidence κ for every pixel, which (L + C + diag κ) α = C α* + κ p takes. p is a convex combination of
        the mattes, 0 and 1, by a softmax; κ = exp(a · f + b).
    branches : {"paper", "dilated", "surrounded"}
        SegNet and the low-level branch, or in their place one of dilated convolutions, 47 x 47 pixels, or these after
        an encoder at a stride of 8 that sees 248 x 248. `norm` has no effect on either.
    epsilon : float, default 1e-7
        Regulariser of the closed form.

    Raises
    ------
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import torch
    >>> from propmat.networks import DeepMattePropNet
    >>> network = DeepMattePropNet.preset("small", width=16)
    >>> trimap = torch.tensor([0, 0.5, 0.5, 1]).repeat_interleave(8).expand(1, 1, 24, 32)
    >>> network(torch.rand(1, 3, 24, 32), trimap).shape
    torch.Size([1, 1, 24, 32])
    """

    name = "deep_matte_prop_net"
    presets = PRESETS

    def __init__(
        self,
        width: int = 1,
        *,
        pair: str = "concatenated",
        tie: bool = False,
        norm: str = "batch",
        confidence: float | None = 0.8,
        colours: bool = False,
        closed_form: bool = False,
        mattes: Sequence[str] = (),
        branches: str = "paper",
        epsilon: float = 1e-7,
    ) -> None:
        super().__init__()
        options = checked(width, pair, tie, norm, confidence, colours, closed_form, mattes, branches, epsilon)
        self.options = options
        self.confidence, self.epsilon = options["confidence"], options["epsilon"]
        self.colours, self.closed_form = options["colours"], options["closed_form"]
        self.mattes = tuple(options["mattes"])
        seen, facts, features = 4 + len(self.mattes), FACTS * self.closed_form, 64 // width
        if branches == "paper":
            self.semantic = SegNet(seen, width, norm)  # 64 x H x W
            self.low_level = low_level(seen + facts, max(features, 16))  # 64 x H x W
            features += max(features, 16)
        else:
            self.dilated = OTHERS[branches](seen + facts, features)  # 64 x H x W
        features += facts + 3 * self.colours
        self.affinity = Affinities(features, pair=options["pair"], tie=tie)
        if colours:
            start_from_last(self.affinity, 3)
        self.windows = WindowWeights(features) if self.closed_form else None
        self.prior = MergedPrior(features, len(self.mattes)) if self.mattes else None

    def features(self, image: Tensor, trimap: Tensor, mattes: Tensor | None = None) -> Tensor:
        """What the affinities are made of.

        Parameters
        ----------
        image : (B, 3, H, W) tensor
            Floating in [0, 1].
        trimap : (B, 1, H, W) tensor
            Exactly 0, 0.5 and 1.
        mattes : (B, m, H, W) tensor, optional
            In the order of the option; needed with it.

        Returns
        -------
        (B, 128, H, W) tensor
            64 channels of the semantic branch and 64 of the low-level branch, fewer of a narrower network; then what
            options add.
        """
        x = torch.cat([normalised(image), trimap], dim=1)  # 4 x H x W
        colours = x[:, : 3 * self.colours]
        if mattes is not None:
            x = torch.cat([x, 2 * mattes - 1], dim=1)
        facts = window_facts(image, trimap) if self.closed_form else x[:, :0]
        return torch.cat([*self._seen(x, torch.cat([x, facts], dim=1)), facts, colours], dim=1)

    def _seen(self, x: Tensor, with_facts: Tensor) -> list[Tensor]:
        """What the branches make of a picture, (B, ..., H, W) each."""
        if self.options["branches"] in OTHERS:
            return [self.dilated(with_facts)]
        height, width = x.shape[-2:]
        padded = functional.pad(x, (0, -width % SHRINKS, 0, -height % SHRINKS), mode="replicate")
        return [self.semantic(padded)[..., :height, :width], self.low_level(with_facts)]

    def affinities(self, image: Tensor, trimap: Tensor, mattes: Tensor | None = None) -> tuple[Tensor, ...]:
        """The weights that alpha is propagated along, and the prior.

        Parameters
        ----------
        image, trimap, mattes
            As in `features`.

        Returns
        -------
        horizontal, vertical : (B, H, W - 1) and (B, H - 1, W) tensors
            Of edges, > 0.
        windows : (B, H - 2, W - 2) tensor
            Of windows, > 0; with the option ``closed_form`` alone.
        prior, prior_confidence : (B, H, W) tensors
            In [0, 1], and > 0; with the option ``mattes`` alone.
        """
        features = self.features(image, trimap, mattes)
        across, down = self.affinity(features)
        if self.windows is None:
            return across, down
        weights = FAINT * across, FAINT * down, self.windows(features)
        return weights if self.prior is None or mattes is None else (*weights, *self.prior(features, mattes))

    def solved(self, image: Tensor, trimap: Tensor, weights: Sequence[Tensor], solver: Solver | None = None) -> Tensor:
        """The matte of weights, of a batch or of one image.

        Parameters
        ----------
        image : (..., 3, H, W) tensor
        trimap : (..., 1, H, W) tensor
        weights : sequence of tensors
            As `affinities` returns them, of shapes (..., H, W - 1), (..., H - 1, W), perhaps (..., H - 2, W - 2), and
            perhaps twice (..., H, W).
        solver : Solver, optional
            As in `propmat.solve`.

        Returns
        -------
        (..., 1, H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            If an argument is not as above.
        """
        across, down, *windows = weights
        labels, edges, confidence = trimap.squeeze(-3), (across, down), self.confidence
        if not windows:
            return propagate(edges, labels, confidence=confidence, solver=solver).unsqueeze(-3)
        prior, epsilon = (windows[1], windows[2]) if len(windows) > 1 else None, self.epsilon
        given = image, windows[0], labels
        alpha = weighted_windows(
            *given, edges=edges, confidence=confidence, prior=prior, epsilon=epsilon, solver=solver
        )
        return alpha.unsqueeze(-3)

    def forward(
        self, image: Tensor, trimap: Tensor, solver: Solver | None = None, mattes: Tensor | None = None
    ) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image : (B, 3, H, W) tensor
            Floating in [0, 1].
        trimap : (B, 1, H, W) tensor
            Floating. At most 0.1 is background, at least 0.9 foreground, the rest unknown.
        solver : Solver, optional
            As in `propmat.solve`.
        mattes : (B, m, H, W) tensor, optional
            In [0, 1], in the order of the option `mattes`; needed with it, and only then.

        Returns
        -------
        (B, 1, H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            If an argument is not as above.
        """
        labels = checked_labels(self, image, trimap, mattes)
        if self.closed_form and min(image.shape[2:]) < WINDOW:
            raise InputError(f"image: takes at least {WINDOW} pixels a side, got shape {tuple(image.shape)}")
        return self.solved(image, labels, self.affinities(image, labels, mattes), solver)
