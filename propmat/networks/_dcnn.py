"""DCNN matting: a small network that merges a local and a non-local matte of the same picture.

D. Cho, Y.-W. Tai, I. Kweon, "Natural Image Matting Using Deep Convolutional Neural Networks", ECCV 2016.
43,904 weights. https://doi.org/10.1007/978-3-319-46475-6_39
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from propmat.errors import InputError, shown
from propmat.matting._methods import POSED
from propmat.networks._network import Network, check_planes, flag, whole
from propmat.networks._weights import PathLike, answered
from propmat.trimap import Trimap

Array = NDArray[np.float64]

PATCH, TARGET = 27, 15
MARGIN = (PATCH - TARGET) // 2
# Rows that go through the network at a time: their memory stays small, and in the processor's cache.
BAND = 64

MOST_MATTES = 16

# Beside the methods with their defaults. Networks were trained on KNN of the preset "rgb"; the paper speaks of HSV.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "knn": ("knn", {"preset": "rgb"}),
    "knn_hsv": ("knn", {"preset": "hsv"}),
}


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
    ) -> None:
        super().__init__()
        self.mattes = _mattes(mattes)
        remapping, filters = whole(remapping, "remapping", 0, 64), whole(filters, "filters", 1, 1024)
        bias = flag(bias, "bias")
        self.options = {"mattes": list(mattes), "remapping": remapping, "filters": filters, "bias": bias}
        # For patches of 27 x 27.
        layers: list[nn.Module] = [nn.Conv2d(3 + len(mattes), filters, 9, bias=bias), nn.ReLU()]  # 64 x 19 x 19
        for _ in range(remapping):
            layers += [nn.Conv2d(filters, filters, 1, bias=bias), nn.ReLU()]  # 64 x 19 x 19
        self.layers = nn.Sequential(*layers, nn.Conv2d(filters, 1, 5, bias=bias))  # 1 x 15 x 15
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        check_planes(x, "x", 3 + len(self.mattes))
        if min(x.shape[2:]) <= 2 * MARGIN:
            raise InputError(f"x: takes at least {2 * MARGIN + 1} pixels a side, got shape {tuple(x.shape)}")
        alpha: Tensor = self.layers(x)
        return alpha


def _mattes(names: Any) -> tuple[str, ...]:
    takes = [*POSED, *VARIANTS]
    if not isinstance(names, list | tuple) or not 1 <= len(names) <= MOST_MATTES:
        raise InputError(f"mattes: takes a list of 1 to {MOST_MATTES} names, got {shown(names)}")
    for name in names:
        if name not in takes:
            raise InputError(f"mattes: takes names out of {', '.join(takes)}, got {shown(name)}")
    return tuple(names)


def _initialise(layer: nn.Module) -> None:
    """Xavier's initialisation as Caffe has it: uniform, of variance 1 / fan-in."""
    if isinstance(layer, nn.Conv2d):
        reach = (3 / layer.weight[0].numel()) ** 0.5
        nn.init.uniform_(layer.weight, -reach, reach)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def euclidean_loss(alpha: Tensor, truth: Tensor) -> Tensor:
    """Caffe's loss, Σ (α̂ - α)² / 2B: on patches of 15 x 15 it is 112.5 times the mean squared error."""
    return (alpha - truth).square().sum() / (2 * len(alpha))


def absolute_loss(alpha: Tensor, truth: Tensor) -> Tensor:
    """Σ abs(α̂ - α) / B: a departure, which chooses between mattes where the square takes their mean."""
    return (alpha - truth).abs().sum() / len(alpha)


def normalised(image: Tensor) -> Tensor:
    """Colours divided by their length: (..., 3, H, W), unit vectors, black stays black."""
    return image / image.norm(dim=-3, keepdim=True).clamp_min(1e-6)


def stacked(image: Array, mattes: Sequence[Array]) -> Tensor:
    """What the network sees of a picture, (3 + mattes, H, W) of float32."""
    colours = normalised(torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)))
    planes = [torch.from_numpy(np.asarray(matte, dtype=np.float32))[None] for matte in mattes]
    return torch.cat([colours, *planes])


def matte(name: str, image: Array, labels: Trimap) -> Array:
    """One of the mattes that the network merges."""
    method, settings = VARIANTS.get(name, (name, {}))
    return POSED[method](image, labels, **settings).alpha


@torch.inference_mode()
def merged(network: DCNN, x: Tensor) -> Tensor:
    """Alpha of a whole picture, (3 + mattes, H, W) → (H, W), clipped to [0, 1]; zeros lie around the picture."""
    padded = functional.pad(x, (MARGIN,) * 4)
    bands = [padded[:, top : top + BAND + 2 * MARGIN] for top in range(0, x.shape[1], BAND)]
    return torch.cat([network(band[None])[0, 0] for band in bands]).clamp(0, 1)


def dcnn(image: Any, trimap: Any, *, weights: PathLike | None = None, keep_labels: bool = True) -> Array:
    """DCNN matting: a network tells at every pixel which of two mattes to believe.

    Of the mattes of `propmat.closed_form` and `propmat.knn` a network that sees 13 x 13 pixels at a time makes one.

    Parameters
    ----------
    image : (H, W), (H, W, 3) array
    trimap : (H, W) array or Trimap
        As in `propmat.closed_form`.
    weights : str or os.PathLike, optional
        A file made by training; by default the weights that come with the package (`docs/weights.md`).
    keep_labels : bool, default True
        Set known pixels to their label. The network alone, as in the paper, leaves them near it.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1].

    Raises
    ------
    InputError
        If an argument is not as above, or a file of weights is not there or not one of this network.

    References
    ----------
    D. Cho, Y.-W. Tai, I. Kweon, "Natural Image Matting Using Deep Convolutional Neural Networks", ECCV 2016.

    Examples
    --------
    >>> from propmat import datasets
    >>> from propmat.networks import dcnn
    >>> scene = datasets.synthetic(0, (48, 64))
    >>> dcnn(scene.image, scene.trimap).shape
    (48, 64)
    """
    return answered(DCNN, weights, image, trimap, _whole, keep_labels)


def _whole(network: DCNN, image: Array, labels: Trimap) -> Array:
    mattes = [matte(name, image, labels) for name in network.mattes]
    alpha: Array = merged(network, stacked(image, mattes)).double().numpy()
    return alpha
