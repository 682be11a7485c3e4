"""Dense optical flow between two frames, maps carried along it, and by how much the flow back contradicts it."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError
from propmat.video._opencv import opencv
from propmat.video._reduced import SMALLEST, grey_of, levels_of

# (H, W, 2): by how many pixels a pixel moves, right and down.
Flow: TypeAlias = NDArray[np.float32]
Values: TypeAlias = NDArray[np.float32]

SIGMA_ERROR, SIGMA_COLOUR = 0.4, 0.02  # disagreements (pixels, colours) at which trust falls to exp(-1)
APART = 4.0  # pixels: colours count less where the background moves otherwise by more
ROW = 1024  # OpenCV takes places to interpolate at as a picture
CHANNELS = 4  # at most
LEAST_TRUST = 1e-3  # less counts as none


class Motion(NamedTuple):
    """Where the pixels of a frame are in another one.

    Attributes
    ----------
    flow : (H, W, 2) array of float32
        Displacement of each pixel, right and down.
    error : (H, W) array of float32
        Distance in pixels from where the flow there and back returns to; outside of the other frame also the distance
        to its edge.
    apart : (H, W) array of float32 or None
        By how many pixels the background moves otherwise; None if it is not known what is background.
    """

    flow: Flow
    error: NDArray[np.float32]
    apart: NDArray[np.float32] | None = None


@usual_arithmetic
def flow(first: ArrayLike, second: ArrayLike) -> Flow:
    """Dense optical flow, by dense inverse search: where each pixel of a frame is in another frame.

    Parameters
    ----------
    first, second : (H, W), (H, W, 3) or (H, W, d) array
        The frames, of one size, at least 16 pixels high and wide; as in `propmat.closed_form`.

    Returns
    -------
    (H, W, 2) array of float32
        Displacements right and down in pixels: ``first[y, x]`` is alike ``second[y + v, x + u]``.

    Raises
    ------
    InputError
        If an argument is not as above.
    MissingDependencyError
        If OpenCV is not installed.

    References
    ----------
    T. Kroeger, R. Timofte, D. Dai, L. Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> import propmat.video
    >>> image = propmat.datasets.synthetic(seed=0, shape=(64, 96)).background
    >>> moved = propmat.video.flow(image[:, :-2], image[:, 2:])
    >>> np.median(moved, axis=(0, 1)).round().tolist()
    [-2.0, 0.0]
    """
    before, after = _inputs.image(first, "first"), _inputs.image(second, "second")
    check_same_size(after.shape, before.shape, "second")
    return _flow(levels_of(grey_of(before)), levels_of(grey_of(after)))


def check_same_size(shape: tuple[int, ...], first: tuple[int, ...], name: str) -> None:
    """Refuse a frame of another size than the first one, or a size that is too small for optical flow."""
    if shape[:2] != first[:2]:
        raise InputError(f"{name}: is {shape[1]} x {shape[0]} pixels, other frames are {first[1]} x {first[0]}")
    if min(shape[:2]) < SMALLEST:
        raise InputError(f"{name}: is {shape[1]} x {shape[0]} pixels; optical flow takes {SMALLEST} x {SMALLEST}")


def enlarged(motion: Motion, shape: tuple[int, int]) -> Motion:
    """A motion between reduced frames as one between the frames, of this height and width."""
    cv2, given = opencv(), motion.error.shape
    if given == shape:
        return motion

    def whole(values: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR)
        return found

    down, right = np.float32(shape[0] / given[0]), np.float32(shape[1] / given[1])
    apart = None if motion.apart is None else down * whole(motion.apart)
    return Motion(whole(motion.flow) * np.array([right, down]), down * whole(motion.error), apart)


def _flow(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Flow:
    cv2 = opencv()
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found: Flow = search.calc(before, after, None)
    return found


def motions(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> tuple[Motion, Motion]:
    """From the first frame to the second, and from the second to the first; of frames as `greys_of` returns them."""
    there, back = _flow(before, after), _flow(after, before)
    return _measured(there, back), _measured(back, there)


def _measured(there: Flow, back: Flow) -> Motion:
    returned = there + np.stack([carried(back[:, :, axis], there) for axis in (0, 1)], axis=2)
    return Motion(there, np.hypot(returned[:, :, 0], returned[:, :, 1]) + _outside(there))


def _outside(displacement: Flow) -> NDArray[np.float32]:
    """By how many pixels each pixel is displaced beyond the edge of the frame."""
    height, width = displacement.shape[:2]
    y, x = np.ogrid[:height, :width]
    beyond = []
    for place, last in ((x + displacement[:, :, 0], width - 1), (y + displacement[:, :, 1], height - 1)):
        beyond.append(np.maximum(np.maximum(-place, place - last), 0))
    return np.hypot(*beyond).astype(np.float32)


def carried(values: NDArray[np.floating], displacement: Flow, *, cubic: bool = False) -> NDArray[np.float32]:
    """The map (H, W) of another frame, read where the flow from this frame leads; constant beyond the edges."""
    cv2 = opencv()
    height, width = displacement.shape[:2]
    x = np.arange(width, dtype=np.float32) + displacement[:, :, 0]
    y = np.arange(height, dtype=np.float32)[:, np.newaxis] + displacement[:, :, 1]
    kernel = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    found: NDArray[np.float32] = cv2.remap(
        values.astype(np.float32, copy=False), x, y, kernel, borderMode=cv2.BORDER_REPLICATE
    )
    return found


def composed(first: Motion, onward: Motion) -> Motion:
    """From a frame by way of a second one to a third: `first` leads to the second, `onward` from there to the third.

    Errors add up as those of independent steps.
    """
    total = first.flow + np.stack([carried(onward.flow[:, :, axis], first.flow) for axis in (0, 1)], axis=2)
    return Motion(total, np.hypot(first.error, carried(onward.error, first.flow)))


def standing(shape: tuple[int, int]) -> Motion:
    """From a frame to itself."""
    return Motion(np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32))


def trust(motion: Motion, image: Array, other: Array, where: Mask) -> Array:
    """How far the flow from one image to another is consistent, from 0 to 1, at the n pixels of a mask."""
    at = at_pixels(motion, where)
    return consistency(at, image[where] - carried_to(np.nonzero(where), other, at.flow), SIGMA_ERROR)


def consistency(motion: Motion, change: Array, sigma: float) -> Array:
    """How far a motion of n pixels is consistent, from 0 to 1, with the change of colours along it, (n, d).

    exp(-(e / σ)² - g (c / 0.02)²), for the error e of the flow and the greatest change c of a colour; 0 below 1e-3.
    Where the background moves otherwise by a pixels the colours of soft pixels change, whatever their alpha, and do not
    count: g = exp(-(a / 4)²).
    """
    counts = np.square(np.abs(change).max(axis=1) / SIGMA_COLOUR)
    if motion.apart is not None:
        counts *= np.exp(-np.square(motion.apart / APART))
    found = np.exp(-np.square(motion.error / sigma) - counts)
    return np.where(found < LEAST_TRUST, 0.0, found)


def at_pixels(motion: Motion, where: Mask) -> Motion:
    """The motion of the n pixels of a mask, interpolated if it is one between reduced frames."""
    apart = motion.apart
    if motion.error.shape == where.shape:
        return Motion(motion.flow[where], motion.error[where], None if apart is None else apart[where])
    down, right = np.array(where.shape, np.float32) / np.array(motion.error.shape, np.float32)
    y, x = (place.astype(np.float32) + np.float32(0.5) for place in np.nonzero(where))
    known = np.dstack([values for values in motion if values is not None])
    found = _at_places(known, x / right - np.float32(0.5), y / down - np.float32(0.5), opencv().INTER_LINEAR)
    flow, error = found[:, :2] * np.array([right, down]), down * found[:, 2]
    return Motion(flow, error, None if apart is None else down * found[:, 3])


def carried_to(pixels: tuple[NDArray[np.int64], ...], image: NDArray[np.floating], displacement: Flow) -> Values:
    """What `carried` gives of the channels at n pixels (y, x) displaced by (n, 2), (n, d), by cubic interpolation."""
    y, x = (place.astype(np.float32) for place in pixels)
    right, down = displacement.T
    return _at_places(image, x + right, y + down, opencv().INTER_CUBIC)


def _at_places(image: NDArray[np.floating], x: Values, y: Values, kernel: int) -> Values:
    """The channels of an image at n places, (n, d); constant beyond the edges."""
    cv2, count = opencv(), x.size
    rows = -(-count // ROW)
    if not rows:
        return np.zeros((0, image.shape[2]), np.float32)
    places = [np.resize(place, (rows, ROW)) for place in (x, y)]
    found = []
    for first in range(0, image.shape[2], CHANNELS):
        values = np.ascontiguousarray(image[:, :, first : first + CHANNELS], np.float32)
        part = cv2.remap(values, *places, kernel, borderMode=cv2.BORDER_REPLICATE)
        found.append(part.reshape(rows * ROW, -1)[:count])
    return np.concatenate(found, axis=1)
