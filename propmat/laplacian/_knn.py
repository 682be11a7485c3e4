"""The Laplacian of nearest neighbours in colour and position, of Chen, Li and Tang."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat import _inputs
from propmat.errors import InputError
from propmat.laplacian._base import Laplacian, edges_block

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Pixels = NDArray[np.int32]

LEAF = 16  # points in a leaf of the search tree; 8 and 32 take as long


@dataclass(frozen=True)
class Preset:
    """The constants of one published form.

    Attributes
    ----------
    neighbours : tuple of int
        K of each search, the pixel itself included.
    spatial : tuple of float
        What coordinates are multiplied by in each search.
    kernel_spatial : float or None
        What they are multiplied by in the kernel 1 - |X_i - X_j|₁ / (number of features); None: every pair weighs 1.
    hue : bool
        Colours are (cos h, sin h, s / 2, v / 2) instead of those of the image.
    by_diagonal : bool
        Coordinates are in image diagonals; else each axis runs from 0 to 1.
    repeated : bool
        A pair counts as often as it was found: from both its ends, and in both searches.
    """

    neighbours: tuple[int, ...]
    spatial: tuple[float, ...]
    kernel_spatial: float | None = None
    hue: bool = False
    by_diagonal: bool = True
    repeated: bool = True


# The authors' code divides the coordinates by 100 after each of two searches, and then computes the kernel.
PRESETS = {
    "rgb": Preset((10, 2), (1.0, 0.01), kernel_spatial=1e-4),
    "hsv": Preset((10, 2), (2.0, 0.02), kernel_spatial=2e-4, hue=True, repeated=False),
    "two": Preset((20, 10), (2.0, 0.1), by_diagonal=False),
}


class Pairs(NamedTuple):
    """The edges of the graph, each once; `first` < `second`, in lexicographic order.

    Attributes
    ----------
    first, second : (m,) array of int32
        Pixels ``y * W + x``.
    times : (m,) array of int64
        How often the pair was found.
    weight : (m,) array
        `times` times the kernel, >= 0.
    """

    first: Pixels
    second: Pixels
    times: NDArray[np.int64]
    weight: Array


def knn(image: Any, preset: str = "rgb") -> Knn:
    r"""KNN matting Laplacian: alpha is alike on pixels of like colour, near or far.

    .. math:: L = D - W, \quad W_{ij} = m_{ij} \max\Big(0, 1 - \frac{\|X_i - X_j\|_1}{d + 2}\Big), \quad
        D_{ii} = \sum_j W_{ij}

    with X_i the colour of pixel i and its position, and :math:`m_{ij}` how often i and j are found among the K nearest
    (Euclidean distance, exact search) of each other, in two searches that differ in the weight of positions.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16.
    preset : {"rgb", "hsv", "two"}
        ``"rgb"``: the authors' code for RGB. K = 10 and 2, the pixel itself included; positions in image diagonals
        times 1 and 0.01, and next to nothing in the kernel. ``"hsv"``: their code for HSV, colours (cos h, sin h,
        s / 2, v / 2), positions times 2 and 0.02, every pair counted once. ``"two"``: two wide neighbourhoods
        as in PyMatting, K = 20 and 10, positions from 0 to 1 times 2 and 0.1, all weights 1.

    Returns
    -------
    Knn
        Lazy: a solve searches only for pairs that hold an unknown pixel.

    Raises
    ------
    InputError
        If an argument is not as above, or ``"hsv"`` is asked for without three channels.

    Notes
    -----
    Of neighbours at the same distance those that come first in the image count, whatever the number of threads. An
    image of K pixels or fewer ties each to all others. The authors search approximately, and move positions by up to
    1e-6 at random; PyMatting divides the rows of W by their sums, which leaves it unsymmetric.

    References
    ----------
    Q. Chen, D. Li, C.-K. Tang, "KNN Matting", IEEE TPAMI 35(9), 2013. https://doi.org/10.1109/TPAMI.2013.18

    Examples
    --------
    >>> import numpy as np
    >>> graph = knn(np.eye(4))
    >>> graph
    Knn(4 x 4 pixels, preset 'rgb')
    >>> bool(abs(graph.matrix.sum(axis=1)).max() < 1e-12)
    True
    """
    pixels = _inputs.image(image)
    if preset not in PRESETS:
        raise InputError(f"preset: takes {', '.join(map(repr, PRESETS))}, got {preset!r}")
    if PRESETS[preset].hue and pixels.shape[2] != 3:
        raise InputError(f"image: preset {preset!r} takes 3 channels, red, green and blue; got {pixels.shape[2]}")
    return Knn(pixels, preset)


@dataclass(frozen=True, eq=False, repr=False)
class Knn(Laplacian):
    """What `knn` returns."""

    image: Array
    preset: str

    ties_all_pixels = False
    bridges_gaps = True

    @property
    def shape(self) -> tuple[int, int]:  # type: ignore[override]
        height, width, _ = self.image.shape
        return height, width

    def features(self, spatial: float) -> Array:
        """Colours, and coordinates times `spatial`: (H * W, d + 2)."""
        preset = PRESETS[self.preset]
        colours = _hue_saturation_value(self.image) if preset.hue else self.image
        height, width = self.shape
        y, x = np.mgrid[:height, :width]
        diagonal = np.hypot(height, width)
        scale_y, scale_x = (diagonal, diagonal) if preset.by_diagonal else (max(height - 1, 1), max(width - 1, 1))
        return np.dstack([colours, spatial * x / scale_x, spatial * y / scale_y]).reshape(height * width, -1)

    def pairs(self, touching: Mask | None = None) -> Pairs:
        """The edges of the graph; with an (H, W) mask those that have an end in it."""
        preset = PRESETS[self.preset]
        wanted = np.ones(self.image.shape[0] * self.image.shape[1], bool) if touching is None else touching.ravel()
        searches = zip(preset.neighbours, preset.spatial, strict=True)
        found = [_found(self.features(spatial), neighbours - 1, wanted) for neighbours, spatial in searches]
        edges, times = np.unique(np.concatenate(found), return_counts=True)
        first, second = (end.astype(np.int32) for end in np.divmod(edges, wanted.size))
        times = times if preset.repeated else np.ones_like(times)
        return Pairs(first, second, times, times * self.kernel(first, second))

    def kernel(self, first: Pixels, second: Pixels) -> Array:
        """How alike the ends of each pair are, from 0 to 1."""
        spatial = PRESETS[self.preset].kernel_spatial
        if spatial is None:
            return np.ones(first.size)
        features = self.features(spatial)
        distance = np.zeros(first.size)
        for feature in features.T:
            distance += np.abs(feature[first] - feature[second])
        return np.maximum(0.0, 1.0 - distance / features.shape[1])

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        pairs = self.pairs(row_mask)
        return edges_block(pairs.first, pairs.second, pairs.weight, row_mask, column_mask)

    def near_null_space(self, mask: Mask) -> Array:
        return np.ones((np.count_nonzero(mask), 1))

    def __repr__(self) -> str:
        height, width = self.shape
        return f"Knn({height} x {width} pixels, preset {self.preset!r})"


def _found(points: Array, count: int, wanted: Mask) -> NDArray[np.int64]:
    """Pairs of which one pixel is among the `count` nearest of the other, and one is wanted, as first * N + second."""
    from propmat._cpu import neighbours as kernels

    if wanted.size == 1:
        return np.empty(0, np.int64)
    pixels = np.arange(wanted.size, dtype=np.int32)
    depth = max(0, int(np.ceil(np.log2(wanted.size / LEAF))))
    boxes = kernels.build(points, pixels, depth)
    nearest = kernels.search(points, pixels, boxes, depth, wanted[pixels], min(count, wanted.size - 1))
    searched = nearest[:, 0] >= 0
    one, other = np.repeat(pixels[searched], nearest.shape[1]), nearest[searched].ravel()
    inside = wanted[one] | wanted[other]
    one, other = one[inside].astype(np.int64), other[inside]
    return np.minimum(one, other) * wanted.size + np.maximum(one, other)


def _hue_saturation_value(image: Array) -> Array:
    """(cos h, sin h, s / 2, v / 2) of RGB; the hue of grey is 0, the saturation of black 0."""
    colours = np.clip(image, 0.0, 1.0)
    red, green, blue = np.moveaxis(colours, 2, 0)
    value, chroma = colours.max(axis=2), np.ptp(colours, axis=2)
    sixth = np.divide(1.0, chroma, out=np.zeros_like(chroma), where=chroma > 0)
    hue = np.select(
        [value == red, value == green], [(green - blue) * sixth, 2 + (blue - red) * sixth], 4 + (red - green) * sixth
    )
    angle = np.where(chroma > 0, hue, 0.0) * (np.pi / 3)
    saturation = np.divide(chroma, value, out=np.zeros_like(value), where=value > 0)
    return np.dstack([np.cos(angle), np.sin(angle), saturation / 2, value / 2])
