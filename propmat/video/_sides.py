"""Labels of one key frame carried along optical flow, and the trimap from those of one or two key frames.

A key's labels are a map of signed distances: to the nearest pixel that is not known foreground, above 0, or not known
background, below 0; unknown pixels have 0. Where a pixel was in the key frame follows from the composed flow, with an
error e, the sum of the disagreements of forward and backward flow along the way. Two sides are combined as estimates
of variance e²: s is the weighted mean, and its variance is that within plus that between the sides. A pixel is known
if |s| exceeds the standard deviation, so that the band widens where flow is uncertain, at most by `widest` pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from propmat._trimap import Trimap
from propmat._typing import Mask
from propmat.video._flow import Motion, carried, composed, enlarged, standing
from propmat.video._flows import Flows
from propmat.video._objects import inverse, object_motion
from propmat.video._opencv import opencv
from propmat.video._reduced import reduced, reduced_shape

ROUNDING = 0.5  # pixels: the error of a label that was carried between pixels


@dataclass(frozen=True, eq=False)
class CarriedTrimap:
    """The trimap of a frame that was carried from key frames.

    Attributes
    ----------
    labels : Trimap
    uncertain : float
        The share of the unknown pixels that are unknown only because the flow is uncertain or the keys disagree.
    disagreeing : float
        The share of the unknown pixels at which the two keys disagree by more than the errors of their flows.
    """

    labels: Trimap
    uncertain: float = 0.0
    disagreeing: float = 0.0

    @property
    def reason(self) -> str:
        """Why the frame is uncertain, in words."""
        if self.disagreeing > self.uncertain / 2:
            return "the keys before and after it disagree"
        return "forward and backward flow disagree"


class Side(NamedTuple):
    """The signed distances of a key's labels carried to a frame, and their errors, (H, W) both, in pixels."""

    distance: NDArray[np.float32]
    error: NDArray[np.float32]


class WayFiles:
    """Motions by the number of their frame, kept in files of a folder."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def keep(self, number: int, way: Motion) -> None:
        np.save(self._path(number), np.dstack([way.flow, way.error]))

    def __getitem__(self, number: int) -> Motion:
        stored = np.load(self._path(number))
        return Motion(stored[:, :, :2], stored[:, :, 2])

    def _path(self, number: int) -> Path:
        return self._folder / f"way-{number}.npy"


class Key:
    """The labels of a key frame, which are carried to others."""

    def __init__(self, labels: Trimap, widest: float) -> None:
        self._labels = labels
        self._distances = signed_distance(labels, 2 * widest)

    def ways(self, flows: Flows, numbers: Iterable[int]) -> Iterator[tuple[int, Motion]]:
        """From each of some frames to the first, the key, in their order and without that; between reduced frames."""
        shape = reduced_shape(self._labels.shape)
        distances = reduced(self._distances, shape)
        half = self._labels.shape[0] / shape[0] / 2  # of a reduced pixel
        way, here = standing(shape), self._labels
        for number, onward in pairwise(numbers):
            way = composed(inverse(object_motion(flows(number, onward), here)), way)
            moved = carried(distances, way.flow)
            here = Trimap(moved > half, moved < -half)
            yield onward, way

    def side(self, way: Motion) -> Side:
        """The labels carried to a frame, from which a motion leads to the key."""
        whole = enlarged(way, self._labels.shape)
        return Side(carried(self._distances, whole.flow), whole.error + np.float32(ROUNDING))


def signed_distance(labels: Trimap, most: float) -> NDArray[np.float32]:
    """Distance in pixels to what is not foreground, > 0, or not background, < 0, at most `most`; 0 if unknown."""
    inside, outside = (_depth(mask, most) for mask in (labels.foreground, labels.background))
    return inside - outside


def _depth(mask: Mask, most: float) -> NDArray[np.float32]:
    if mask.all():
        return np.full(mask.shape, most, np.float32)
    cv2 = opencv()
    found = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.minimum(found, np.float32(most))


def combined(sides: Sequence[Side], widest: float) -> CarriedTrimap:
    """The trimap from the labels of one or two key frames, carried to one frame."""
    weights = [1 / np.square(side.error) for side in sides]
    total = sum(weights[1:], weights[0])
    mean = sum(weight * side.distance for weight, side in zip(weights, sides, strict=True)) / total
    between = sum(w * np.square(side.distance - mean) for w, side in zip(weights, sides, strict=True)) / total
    within = len(sides) / total  # the weighted mean of the squared errors
    margin = np.minimum(np.sqrt(within + between), widest)
    labels = Trimap(mean > margin, mean < -margin)
    widened, disagreeing = np.abs(mean) >= 1, between > within
    return CarriedTrimap(labels, _share(widened, labels.unknown), _share(disagreeing & widened, labels.unknown))


def _share(mask: Mask, of: Mask) -> float:
    return float(mask[of].mean()) if of.any() else 0.0
