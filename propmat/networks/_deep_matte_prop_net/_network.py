"""The network of DeepMattePropNet.

Y. Wang, Y. Niu, P. Duan, J. Lin, Y. Zheng, "Deep Propagation Based Image Matting", IJCAI 2018. 29,557,121 weights:
29,480,640 of the semantic branch, 76,224 of the low-level branch, 257 of the affinities.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from propmat._inputs._images import BACKGROUND_AT_MOST
from propmat._inputs._numbers import integer, within
from propmat._inputs._settings import choice, flag
from propmat._trimap import FOREGROUND_AT_LEAST
from propmat.networks._deep_matte_prop_net._window_facts import FACTS, window_facts
from propmat.networks._network import Network, check_planes
from propmat.networks._trunks._segnet import NORMS, SHRINKS, SegNet
from propmat.solvers._base import Solver
from propmat.torch._affinities import PAIRS, Affinities, along, positive
from propmat.torch._propagate import propagate
from propmat.torch._weighted_windows import weighted_windows

FAINT = 1e-3  # factor on affinities when windows of the closed form are used too, so that the windows dominate
STEEP = 10.0  # steps of an optimiser move logarithms of windows' weights so many times as far as features
# The statistics of ImageNet's colours.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Other names of `pair`, in files of weights and configurations.
PAIRS_ONCE = {"concat": "concatenated", "absdiff": "differences"}


class DeepMattePropNet(Network):
    """(image (B, 3, H, W), trimap (B, 1, H, W)) → alpha (B, 1, H, W), of any size, floating and in [0, 1].

    What is at most 0.1 in the trimap is background, at least 0.9 foreground, the rest unknown.

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
    presets = {
        "faithful": {},
        "small": {"width": 4, "pair": "both", "norm": "group", "confidence": None, "colours": True},
    }

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
    ) -> None:
        super().__init__()
        width, norm = integer(width, "width", 1, 64), choice(norm, "norm", NORMS)
        pair = choice(PAIRS_ONCE.get(pair, pair) if isinstance(pair, str) else pair, "pair", PAIRS)
        confidence = None if confidence is None else within(confidence, "confidence", 0)
        tie, colours, closed_form = flag(tie, "tie"), flag(colours, "colours"), flag(closed_form, "closed_form")
        self.options = {
            "width": width,
            "pair": pair,
            "tie": tie,
            "norm": norm,
            "confidence": confidence,
            "colours": colours,
            "closed_form": closed_form,
        }
        self.confidence, self.colours, self.closed_form = confidence, colours, closed_form
        features, facts = max(64 // width, 16), FACTS * closed_form
        self.semantic = SegNet(4, width, norm)  # 64 x H x W
        self.low_level = nn.Sequential(  # 64 x H x W
            nn.Conv2d(4 + facts, features, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(features, features, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        features += 64 // width + facts + 3 * colours
        self.affinity = Affinities(features, pair=pair, tie=tie)
        if colours:
            start_from_last(self.affinity, 3)
        self.windows = WindowWeights(features) if closed_form else None

    def features(self, image: Tensor, trimap: Tensor) -> Tensor:
        """What the affinities are made of.

        Parameters
        ----------
        image : (B, 3, H, W) tensor
            Floating in [0, 1].
        trimap : (B, 1, H, W) tensor
            Exactly 0, 0.5 and 1.

        Returns
        -------
        (B, 128, H, W) tensor
            64 channels of the semantic branch and 64 of the low-level branch, fewer of a narrower network; then what
            options add.
        """
        mean, deviation = (image.new_tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
        x = torch.cat([(image - mean) / deviation, trimap], dim=1)  # 4 x H x W
        height, width = x.shape[-2:]
        padded = functional.pad(x, (0, -width % SHRINKS, 0, -height % SHRINKS), mode="replicate")
        semantic = self.semantic(padded)[..., :height, :width]
        facts = window_facts(image, trimap) if self.closed_form else x[:, :0]
        colours = x[:, : 3 * self.colours]
        return torch.cat([semantic, self.low_level(torch.cat([x, facts], dim=1)), facts, colours], dim=1)

    def affinities(self, image: Tensor, trimap: Tensor) -> tuple[Tensor, ...]:
        """The weights that alpha is propagated along.

        Parameters
        ----------
        image, trimap
            As in `features`.

        Returns
        -------
        horizontal, vertical : (B, H, W - 1) and (B, H - 1, W) tensors
            Of edges, > 0.
        windows : (B, H - 2, W - 2) tensor
            Of windows, > 0; with the option ``closed_form`` alone.
        """
        features = self.features(image, trimap)
        across, down = self.affinity(features)
        return (across, down) if self.windows is None else (FAINT * across, FAINT * down, self.windows(features))

    def solved(self, image: Tensor, trimap: Tensor, weights: Sequence[Tensor], solver: Solver | None = None) -> Tensor:
        """The matte of weights, of a batch or of one image.

        Parameters
        ----------
        image : (..., 3, H, W) tensor
        trimap : (..., 1, H, W) tensor
        weights : sequence of tensors
            As `affinities` returns them, of shapes (..., H, W - 1), (..., H - 1, W) and perhaps (..., H - 2, W - 2).
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
        if windows:
            alpha = weighted_windows(image, windows[0], labels, edges=edges, confidence=confidence, solver=solver)
        else:
            alpha = propagate(edges, labels, confidence=confidence, solver=solver)
        return alpha.unsqueeze(-3)

    def forward(self, image: Tensor, trimap: Tensor, solver: Solver | None = None) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image : (B, 3, H, W) tensor
            Floating in [0, 1].
        trimap : (B, 1, H, W) tensor
            Floating. At most 0.1 is background, at least 0.9 foreground, the rest unknown.
        solver : Solver, optional
            As in `propmat.solve`.

        Returns
        -------
        (B, 1, H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            If an argument is not as above.
        """
        check_planes(image, "image", 3)
        check_planes(trimap, "trimap", 1, like=image)
        labels = torch.full_like(trimap, 0.5)
        labels = labels.masked_fill(trimap <= BACKGROUND_AT_MOST, 0).masked_fill(trimap >= FOREGROUND_AT_LEAST, 1)
        return self.solved(image, labels, self.affinities(image, labels), solver)


@torch.no_grad()
def start_from_last(affinity: Affinities, features: int) -> None:
    """Let differences of the last features decide at first, and those of all others hardly count."""
    if affinity.contrast is not None:
        affinity.contrast[:-features] -= 3  # softplus 0.05
        affinity.contrast[-features:] = 16  # on photographs then as good as random walks at their sigma


class WindowWeights(nn.Module):
    """Features (B, T, H, W) → weights (B, H - 2, W - 2) of windows of 3 x 3 pixels, at first all 1."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        return positive(STEEP * (along(self.slope, features[..., 1:-1, 1:-1]) + self.bias))
