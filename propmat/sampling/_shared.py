"""Shared sampling of Gastal and Oliveira."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.sampling._samples import Labels, SampledMatte, read
from propmat.sampling._settling import settle

# The paper's constants; colours in [0, 1], distances in pixels.
EXPANSION_RADIUS = 10.0
EXPANSION_COLOUR = 5 / 256
RAYS = 4


@usual_arithmetic
def shared(image: ArrayLike, trimap: ArrayLike | Trimap) -> SampledMatte:
    r"""Shared sampling: known colours sampled along a few rays per pixel, and shared between neighbours.

    There are four steps. Unknown pixels near a known one of similar colour get its label. For every other unknown pixel
    four rays, whose directions vary from pixel to pixel, are followed to the first foreground and the first background,
    and the pair (f, b) is chosen that minimises

    .. math:: \Big( \sum_{q \in 3 \times 3} M_q(f, b)^2 \Big)^3 A(f, b)^2 \, |f - p| \, |b - p|^4

    with M the distance of a colour from the mixture of the two, and A the probability that alpha is wrong, estimated
    from the edges that the rays cross. Each pixel then gets the mean of the three pairs within 8 pixels that fit its
    colour best. Last, colours, alpha and confidence are averaged over a radius of 5.7 pixels.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        As in `propmat.closed_form`.
    trimap : (H, W) array or Trimap
        With at least one foreground and one background pixel.

    Returns
    -------
    SampledMatte
        ``.alpha`` and ``.confidence``, both (H, W), ``.foreground`` and ``.background``, both (H, W, d). Bitwise the
        same for any number of threads.

    Raises
    ------
    InputError
        If an argument is not as above.

    Notes
    -----
    The paper's 200 and 100 nearest pixels are replaced by discs of 197 and 101 pixels. If there is no pair on the rays
    or in the neighbourhood, alpha is that of the neighbourhood, or 0.5 with confidence 0. Public implementations search
    squares of 11 x 11 pixels instead of discs. The directions of rays are symmetric about the centre of the picture,
    and equally good pairs have equal weights, so that a flipped or transposed picture has the same samples. Swapped
    labels do not give 1 - alpha: the paper's cost has :math:`|b - p|^4` but :math:`|f - p|`, so that the best pair
    depends on which label is the foreground.

    References
    ----------
    E. S. L. Gastal, M. M. Oliveira, "Shared Sampling for Real-Time Alpha Matting", Computer Graphics Forum 29(2),
    2010, section 4. https://doi.org/10.1111/j.1467-8659.2009.01627.x

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> samples = propmat.sampling.shared(sample.image, sample.trimap)
    >>> samples.alpha.shape, samples.foreground.shape
    ((48, 64), (48, 64, 3))
    """
    return shared_samples(*read(image, trimap))


def shared_samples(pixels: Array, labels: Labels) -> SampledMatte:
    """`shared` for arguments that have been checked; `labels` as of `numbers_of`."""
    from scipy.ndimage import distance_transform_cdt

    from propmat._cpu import sampling as kernels

    labels = kernels.expand(pixels, labels, EXPANSION_RADIUS, EXPANSION_COLOUR, 0.0)
    away = np.stack([distance_transform_cdt(labels != label, "chessboard") for label in (0, 1)])
    pairs, spreads, found = kernels.gather(pixels, labels, away, ray_directions(), ray_phases(labels.shape))
    return settle(pixels, labels, pairs, spreads, found)


def ray_directions() -> Array:
    """Directions (down, right) of maximum norm 1, (18, RAYS, 2): rotated by 0 to 8 ninths of the angle between rays.

    The first nine are rotated to one side, the others to the other.
    """
    angles = np.pi / 2 * np.arange(9) / 9
    first = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    first /= first.max(axis=1, keepdims=True)
    down, right = first.T
    turned = np.stack([[down, right], [right, -down], [-down, -right], [-right, down]]).transpose(2, 0, 1)
    return np.concatenate([turned, turned * [1, -1]])


def ray_phases(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The index into `ray_directions` of every pixel, (H, W).

    The nine pixels of a 3 x 3 block have different rotations. Blocks are centred on the middle of the picture. The
    rotations are symmetric under reflections at the middle row, the middle column and the diagonals; on these lines
    rays are not rotated.
    """
    from_middle = [2 * np.arange(length) - (length - 1) for length in shape]
    down, right = np.meshgrid(*from_middle, indexing="ij")
    side = np.sign(down) * np.sign(right) * np.sign(np.abs(down) - np.abs(right))
    greater, lesser = np.maximum(np.abs(down), np.abs(right)) // 2, np.minimum(np.abs(down), np.abs(right)) // 2
    turns = 3 * (greater % 3) + lesser % 3
    return np.where(side == 0, 0, np.where(side > 0, turns, 9 + turns))
