"""The motion of what a trimap calls foreground or unknown, where the flow alone may be that of the background.

In hair and at soft edges flow follows what has more contrast, which is often the background seen between. The motion of
the object there is continued from where it is certain: known foreground, and unknown pixels that move otherwise than
the background does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from propmat._trimap import Trimap
from propmat.video._flow import Flow, Motion, carried
from propmat.video._opencv import opencv
from propmat.video._reduced import reduced_labels

Map = NDArray[np.float32]

AGREE = 0.5  # pixels: forward and backward flow that disagree by more count little
OTHER = 1.0  # pixels: unknown pixels whose flow differs by more from that of the background belong to the object,
UNKNOWN = 4.0**-4  # with this weight beside that of known foreground: they decide 16 pixels from it and further
FAINT = 1e-4  # weight of pixels of the object that move as the background does
SURE = UNKNOWN / 2  # weights above count as certain,
BENDING = 0.01  # and a pixel this far away from there may move otherwise by so much of the distance
MOST = 1e4  # pixels: distances are cut to this
TRACKED = 0.5  # share of an object whose flow must be consistent
STEPS = 5  # of the iteration that inverts a motion
COARSEST = 2  # pixels of the shorter side of the coarsest picture


def object_motion(motion: Motion, labels: Trimap) -> Motion:
    """The flow of the object in a frame with these labels, continued over the whole frame, and how far it varies."""
    labels = reduced_labels(labels, motion.error.shape)
    sure = np.exp(-np.square(motion.error / AGREE))
    behind = continued(motion.flow, sure * labels.background)
    other = -np.expm1(-np.square(_length(motion.flow - behind) / OTHER))
    soft = labels.unknown * np.maximum(UNKNOWN * other, FAINT)
    weight = sure * np.where(labels.foreground, 1, soft).astype(np.float32)
    found = continued(motion.flow, weight)
    spread = continued(np.square(_length(motion.flow - found))[:, :, np.newaxis], weight)[:, :, 0]
    away = opencv().distanceTransform((weight < SURE).astype(np.uint8), opencv().DIST_L2, 5)
    error = np.sqrt(spread + np.square(BENDING * np.minimum(away, MOST))) + _astray(sure, labels)
    return Motion(found, error, _length(found - behind))


def _astray(sure: Map, labels: Trimap) -> np.float32:
    """More than any distance if flow there and back disagree at most pixels of the object, as at a cut; else 0."""
    of = labels.foreground if labels.foreground.any() else labels.unknown
    return np.float32(MOST if of.any() and sure[of].mean() < TRACKED else 0)


def inverse(motion: Motion) -> Motion:
    """The way back, from where a motion leads: v(x) = -u(x + v(x)), iterated; `motion` is smooth."""
    back = -motion.flow
    for _ in range(STEPS):
        back = -np.stack([carried(motion.flow[:, :, axis], back) for axis in (0, 1)], axis=2)
    return Motion(back, carried(motion.error, back))


def continued(values: NDArray[np.float32], weight: Map) -> NDArray[np.float32]:
    """Values (H, W, c) as they are where their weight is 1, elsewhere continued from coarser means (pull-push).

    Gortler, Grzeszczuk, Szeliski, Cohen, "The Lumigraph", SIGGRAPH 1996, section 3.4.
    """
    cv2 = opencv()
    sums, weights = [values * weight[:, :, np.newaxis]], [weight]
    while min(weights[-1].shape) > COARSEST:
        size = tuple(-(-side // 2) for side in weights[-1].shape[::-1])
        share = cv2.resize(weights[-1], size, interpolation=cv2.INTER_AREA)
        total = _planes(cv2.resize(sums[-1], size, interpolation=cv2.INTER_AREA))
        more = np.minimum(4, 1 / np.maximum(share, 1e-30))  # weights add up, but not beyond 1
        weights.append(share * more)
        sums.append(total * more[:, :, np.newaxis])
    whole = max(float(weights[-1].sum()), 1e-30)
    found = np.broadcast_to(sums[-1].sum(axis=(0, 1)) / whole, sums[-1].shape).astype(np.float32)
    for total, share in zip(sums[::-1], weights[::-1], strict=True):
        size = share.shape[::-1]
        found = total + (1 - share)[:, :, np.newaxis] * _planes(cv2.resize(found, size, interpolation=cv2.INTER_LINEAR))
    return found


def _planes(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """A picture with its last axis, which OpenCV drops if there is one channel."""
    return picture if picture.ndim == 3 else picture[:, :, np.newaxis]


def _length(flow: Flow) -> Map:
    found: Map = np.hypot(flow[:, :, 0], flow[:, :, 1])
    return found
