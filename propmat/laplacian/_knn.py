"""The Laplacian of nearest neighbours in colour and position, of Chen, Li and Tang."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._backend import HOST, moved_like, to_host
from propmat._typing import Array, ArrayLike, Mask
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._hue import hue_saturation_value, pull_back_hue
from propmat.laplacian._knn_presets import PRESETS, Preset, checked_preset
from propmat.laplacian._pairs import Pairs, Pixels, cut_edges, edges_block, pair_gradient, upper_triangle
from propmat.laplacian._split import Split, stored


@usual_arithmetic
def knn(image: ArrayLike, preset: str = "two") -> Knn:
    r"""KNN matting Laplacian: alpha is similar at pixels of similar colour, near or far.

    .. math:: L = D - W, \quad W_{ij} = m_{ij} \max\Big(0, 1 - \frac{\|X_i - X_j\|_1}{d + 2}\Big), \quad
        D_{ii} = \sum_j W_{ij}

    with X_i the colour of pixel i and its position, and :math:`m_{ij}` how often i and j are found among the K nearest
    (Euclidean distance, exact search) of each other, in two searches that differ in the weight of positions.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating in [0, 1], uint8 or uint16.
    preset : {"two", "rgb", "hsv"}
        ``"two"``, the default: two wide neighbourhoods as in PyMatting, K = 20 and 10, the pixel itself included,
        positions from 0 to 1 times 2 and 0.1, all weights 1. ``"rgb"``: the authors' code for RGB. K = 10 and 2,
        positions in image diagonals times 1 and 0.01, and times 1e-4 in the kernel. ``"hsv"``: their code for HSV,
        colours (cos h, sin h, s / 2, v / 2), positions times 2 and 0.02, every pair counted once.

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
    Pixels as far away as the K-th are neighbours too, so that a picture flipped or transposed has the same graph. An
    image of K pixels or fewer connects each to all others. Steps of coordinates are rounded to single precision. The
    authors search approximately, and shift positions by up to 1e-6 at random; PyMatting divides the rows of W by their
    sums, so that it is not symmetric.

    Of 20 training photographs of alphamatting.com and their two trimaps, ``"two"`` has the lower mean squared error,
    0.0164 against 0.0180 of ``"rgb"``, and about the same sum of absolute differences, 6161 against 6222 pixels (5019
    and 5358 with the small trimap, 7304 and 7086 with the large); on PyMatting's lemur its error is lower by 6 % at a
    tenth of the size and by 28 % at full size. Hence the default. ``"rgb"`` has an error of gradients that is lower
    by 8 %, takes two thirds of the time, and its weights, unlike those of ``"two"``, have a gradient with respect to
    the image. Errors and times: ``python -m benchmarks.suite --methods knn knn.rgb knn.hsv``.

    References
    ----------
    Q. Chen, D. Li, C.-K. Tang, "KNN Matting", IEEE TPAMI 35(9), 2013. https://doi.org/10.1109/TPAMI.2013.18

    Examples
    --------
    >>> import numpy as np
    >>> graph = knn(np.eye(4))
    >>> graph
    Knn(4 x 4 pixels, preset 'two')
    >>> bool(abs(graph.matrix.sum(axis=1)).max() < 1e-12)
    True
    """
    return Knn.of(_inputs.image(image, memory=_inputs.ANYWHERE), preset)


class Knn(Laplacian):
    """The `Laplacian` that `knn` returns.

    Attributes
    ----------
    image : (H, W, d) array of float64
        Colours in [0, 1], in host memory.
    preset : str
        The name of its constants.
    constants : Preset
        Features, neighbourhoods and kernel.

    Methods
    -------
    pairs
        The edges of the graph.
    """

    parameters = ("weights", "image")
    ties_all_pixels = False
    bridges_gaps = True

    def __init__(
        self,
        image: Array,
        preset: str,
        memory: Mapping[str, Any] | None = None,
        constants: Preset | None = None,
    ) -> None:
        height, width, _ = image.shape
        self.shape = self.extent = (height, width)  # coordinates run over the extent
        self.image = image
        self.preset = preset
        self.constants = PRESETS[preset] if constants is None else constants
        self.memory = memory  # the image in the memory in which it was given
        self._searched: tuple[Mask, Pairs] | None = None  # the last search, for a gradient after a solve

    @classmethod
    def of(cls, pixels: Array, preset: str) -> Knn:
        """The Laplacian of an image that has been checked; the preset is checked here."""
        return cls(to_host(pixels), checked_preset(preset, pixels.shape[2]), {"image": pixels})

    def features(self, spatial: float) -> Array:
        """Coordinates times `spatial`, and colours: (H * W, 2 + d).

        The step from pixel to pixel is rounded to single precision, so that differences of coordinates are exact and
        the same in both directions; coordinates come first, so that the sum of their squares is the same for the
        transposed picture.
        """
        preset = self.constants
        colours = hue_saturation_value(self.image) if preset.hue else self.image
        height, width = self.extent
        diagonal = np.hypot(height, width)
        scale_y, scale_x = (diagonal, diagonal) if preset.by_diagonal else (max(height - 1, 1), max(width - 1, 1))
        down, right = np.float64(np.float32(spatial / scale_y)), np.float64(np.float32(spatial / scale_x))
        rows, columns = self._coordinates()
        features = np.empty((*self.shape, 2 + colours.shape[2]))
        features[:, :, 0], features[:, :, 1], features[:, :, 2:] = down * rows, right * columns, colours
        return features.reshape(self.shape[0] * self.shape[1], -1)

    def _coordinates(self) -> tuple[Array, Array]:
        """Row and column of each pixel, which broadcast to (H, W)."""
        height, width = self.shape
        return np.arange(height, dtype=np.float64)[:, np.newaxis], np.arange(width, dtype=np.float64)

    def pairs(self, touching: Mask | None = None) -> Pairs:
        """The edges of the graph.

        Parameters
        ----------
        touching : (H, W) array of bool, optional
            Only those with an end in this mask.

        Returns
        -------
        Pairs
            ``first`` and ``second``, (m,) indices ``y * W + x`` with first < second; ``times``, how often the pair was
            found; ``weight``, that number times the kernel.
        """
        wanted = np.ones(self.image.shape[0] * self.image.shape[1], bool) if touching is None else touching.ravel()
        searched = self._searched  # read once: another thread may replace it
        if searched is None or (wanted & ~searched[0]).any():
            self._searched = searched = wanted.copy(), self._search(wanted)
        mask, (first, second, times, weight) = searched
        inside = slice(None) if np.array_equal(mask, wanted) else wanted[first] | wanted[second]
        return Pairs(first[inside], second[inside], times[inside], weight[inside])

    def _search(self, wanted: Mask) -> Pairs:
        preset = self.constants
        searches = zip(preset.neighbours, preset.spatial, strict=True)
        found = [_found(self.features(spatial), neighbours - 1, wanted) for neighbours, spatial in searches]
        kernels = HOST.kernels("neighbours")
        first, second, times = kernels.tally(*map(np.concatenate, zip(*found, strict=True)), wanted.size)
        times = times if preset.repeated else np.ones_like(times)
        return Pairs(first, second, times, times * self.kernel(first, second))

    def kernel(self, first: Pixels, second: Pixels) -> Array:
        """The similarity of the two pixels of each pair, from 0 to 1."""
        spatial = self.constants.kernel_spatial
        if spatial is None:
            return np.ones(first.size)
        features = self.features(spatial)
        distance = np.zeros(first.size)
        for feature in features.T:
            distance += np.abs(feature[first] - feature[second])
        return np.maximum(0.0, 1.0 - distance / features.shape[1])

    def split(self, unknown: Mask, diagonal: Array | None = None) -> Split:
        inside = to_host(unknown)
        added = np.zeros(inside.shape) if diagonal is None else to_host(diagonal)
        return stored(*cut_edges(self.pairs(inside), inside, added[inside]), unknown)

    def rows(self, row_mask: Mask, column_mask: Mask) -> sp.csr_array:
        pairs = self.pairs(row_mask)
        return edges_block(pairs.first, pairs.second, pairs.weight, row_mask, column_mask)

    def times(self, plane: Array) -> Array:
        here = to_host(plane)
        first, second, _, weight = self.pairs(here != 0)
        values, pixels = here.ravel(), here.size
        flow = weight * (values[first] - values[second])
        product = np.bincount(first, flow, pixels) - np.bincount(second, flow, pixels)
        return moved_like(np.asarray(product, np.float64).reshape(self.shape), plane)

    def pullback(self, adjoint: Array, alpha: Array, wanted: Iterable[str]) -> dict[str, Any]:
        """Gradients of the weights of pairs, as upper triangular CSR, and of colours, for fixed neighbours.

        The weights are in host memory.
        """
        here = to_host(adjoint)
        pairs = self.pairs(here != 0)
        gradient = pair_gradient(here, to_host(alpha), pairs.first, pairs.second)
        found: dict[str, Any] = {}
        if "weights" in wanted:
            found["weights"] = upper_triangle(gradient, pairs.first, pairs.second, adjoint.size)
        if "image" in wanted:
            found["image"] = moved_like(self._colour_gradient(pairs, gradient * pairs.times), adjoint)
        return found

    def _colour_gradient(self, pairs: Pairs, kernel_gradient: Array) -> Array:
        preset = self.constants
        if preset.kernel_spatial is None:
            return np.zeros(self.image.shape)
        features = self.features(preset.kernel_spatial)
        slope = np.where(pairs.weight > 0, -kernel_gradient / features.shape[1], 0.0)
        colours = np.empty((*self.shape, features.shape[1] - 2))
        for c in range(colours.shape[2]):
            share = slope * np.sign(features[pairs.first, 2 + c] - features[pairs.second, 2 + c])
            ends = (np.bincount(end, share, len(features)) for end in (pairs.first, pairs.second))
            colours[:, :, c] = np.subtract(*ends).reshape(self.shape)
        return pull_back_hue(self.image, colours) if preset.hue else colours

    def near_null_space(self, mask: Mask) -> Array:
        return np.ones((np.count_nonzero(mask), 1))

    def _described(self) -> str:
        return f", preset {self.preset!r}"


def _found(points: Array, count: int, wanted: Mask) -> tuple[Pixels, Pixels]:
    """Pairs in which one pixel is among the `count` nearest of the other, and one is wanted; smaller index first."""
    kernels = HOST.kernels("neighbours")
    if wanted.size == 1 or not count:
        return np.empty(0, np.int32), np.empty(0, np.int32)
    tree = kernels.build(points)
    nearest = kernels.search(tree, wanted[tree.pixels], min(count, wanted.size - 1))
    found: tuple[Pixels, Pixels] = kernels.pairs_with(wanted, tree.pixels, nearest)
    return found
