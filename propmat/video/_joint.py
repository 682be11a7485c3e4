"""The Laplacian of several frames at once: those of the frames, and edges along the flow between neighbours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._operators._parts import Parts
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError
from propmat.laplacian._closed_form import ClosedForm
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._knn_presets import checked_preset
from propmat.laplacian._learning_based import LearningBased
from propmat.video._edges import FlowEdges, Link
from propmat.video._flow import Motion, check_same_size, composed, enlarged, motions, standing, trust
from propmat.video._moving_knn import MovingKnn
from propmat.video._reduced import alike, greys_of

# The weight of the edges along consistent flow, beside diagonals of the closed form of up to 9.
WEIGHT = 0.002


class Stack(NamedTuple):
    """Frames and the flow between neighbours.

    Attributes
    ----------
    images : list of (H, W, d) arrays
    ways : list of pairs of Motion
        For each frame but the last: to the next frame, and back from there.
    """

    images: list[Array]
    ways: list[tuple[Motion, Motion]]

    @classmethod
    def of(cls, images: Sequence[Array]) -> Stack:
        """With the flow computed."""
        return cls.along(images, [motions(greys_of(first), greys_of(second)) for first, second in pairwise(images)])

    @classmethod
    def along(cls, images: Sequence[Array], ways: Sequence[tuple[Motion, Motion]]) -> Stack:
        """With motions between reduced frames."""
        shape = images[0].shape[:2]
        return cls(alike(images), [(enlarged(there, shape), enlarged(back, shape)) for there, back in ways])

    @property
    def frame_shape(self) -> tuple[int, int]:
        height, width = self.images[0].shape[:2]
        return height, width

    def stacked(self) -> Array:
        """The frames below each other, (T H, W, d)."""
        return np.ascontiguousarray(np.concatenate(self.images))

    def parts(self) -> Parts:
        """The frames as bands of rows of the stack."""
        height = self.frame_shape[0]
        return Parts(tuple(range(height, height * len(self.images), height)))

    def edges(self, weight: float) -> FlowEdges:
        """The edges along the flow in both directions, weighted by how consistent it is."""
        links, everywhere = [], np.ones(self.frame_shape, bool)
        for number, (there, back) in enumerate(self.ways):
            here, after = self.images[number], self.images[number + 1]
            links.append(
                Link(
                    number,
                    number + 1,
                    there.flow,
                    weight * trust(there, here, after, everywhere).reshape(here.shape[:2]),
                )
            )
            links.append(
                Link(
                    number + 1, number, back.flow, weight * trust(back, after, here, everywhere).reshape(here.shape[:2])
                )
            )
        return FlowEdges(tuple(links), len(self.images), self.frame_shape)

    def places(self) -> tuple[Array, Array]:
        """Rows and columns, (T H, W), of where the flow leads the pixels of all frames in the first frame."""
        height, width = self.frame_shape
        way, found = standing(self.frame_shape), []
        for number in range(len(self.images)):
            way = composed(self.ways[number - 1][1], way) if number else way
            found.append(way.flow.astype(np.float64))
        moved = np.concatenate(found)
        rows = np.tile(np.arange(height), len(self.images))[:, np.newaxis] + moved[:, :, 1]
        return rows, np.arange(width) + moved[:, :, 0]


def _closed_form(stack: Stack, *, epsilon: float = 1e-7, radius: int = 1) -> Laplacian:
    return ClosedForm.of(stack.stacked(), epsilon, radius, stack.parts())


def _learning_based(stack: Stack, *, epsilon: float = 1e-7, radius: int = 1) -> Laplacian:
    return LearningBased.of(stack.stacked(), epsilon, radius, stack.parts())


def _knn(stack: Stack, *, preset: str = "two") -> Laplacian:
    image = stack.stacked()
    return MovingKnn(image, checked_preset(preset, image.shape[2]), stack.places(), stack.frame_shape)


# The methods whose Laplacians are known for several frames, and their settings.
JOINT: Mapping[str, Callable[..., Laplacian]] = {
    "closed_form": _closed_form,
    "knn": _knn,
    "learning_based": _learning_based,
}


def joined(stack: Stack, method: str, weight: float, settings: Mapping[str, object]) -> Laplacian:
    """`joint` for arguments that are checked, but for the settings."""
    return JOINT[method](stack, **settings) + stack.edges(weight)


@usual_arithmetic
def joint(
    frames: Sequence[ArrayLike], *, method: str = "closed_form", weight: float = WEIGHT, **settings: object
) -> Laplacian:
    r"""The Laplacian of several frames: those of each frame, and edges along optical flow between neighbours.

    .. math:: \alpha^\top L \alpha = \sum_t \alpha_t^\top L_t \alpha_t + \sum_{t, i} w_i \Big( \alpha_{t, i} -
        \sum_k b_{ik} \, \alpha_{t \pm 1, k} \Big)^2

    over neighbouring frames in both directions, with the weights b of cubic interpolation at the place that the flow
    leads pixel i to. The weights w are `weight` times exp(-(e / 0.4)² - (c / 0.02)²), where e is the distance in
    pixels by which the flow there and back misses the pixel and c the change of colour. Of ``knn`` the neighbours in
    colour and position are found in all frames, positions being carried to the first frame along the flow.

    Parameters
    ----------
    frames : sequence of T (H, W), (H, W, 3) or (H, W, d) arrays
        Of one size, at least 16 pixels high and wide, at least two.
    method : {"closed_form", "learning_based", "knn"}
        The Laplacian of the frames.
    weight : float, > 0, default 0.002
        Of the edges where flow is consistent, on the scale of L.
    **settings
        Of the method: ``epsilon`` and ``radius``, or ``preset``.

    Returns
    -------
    Laplacian
        Over the frames below each other, of shape (T * H, W), as `propmat.solve` and `propmat.adjoint.solve` take it
        with trimaps below each other. Its gradients are those of a sum: ``coefficients``, and ``terms``, of which the
        last has ``weights``, an (H, W) map for each link of two frames.

    Raises
    ------
    InputError
        If an argument is not as above.
    MissingDependencyError
        If OpenCV is not installed.

    References
    ----------
    S.-Y. Lee, J.-C. Yoon, I.-K. Lee, "Temporally Coherent Video Matting", Graphical Models 72(3), 2010; for ``knn`` D.
    Li, Q. Chen, C.-K. Tang, "Motion-Aware KNN Laplacian for Video Matting", ICCV 2013.

    Examples
    --------
    >>> import numpy as np
    >>> import propmat
    >>> import propmat.video
    >>> scene = propmat.datasets.moving(seed=0, frames=2, shape=(48, 64))
    >>> graph = propmat.video.joint([sample.image for sample in scene])
    >>> matte = propmat.solve(graph, np.concatenate([sample.trimap for sample in scene]))
    >>> matte.converged, matte.alpha.shape
    (True, (96, 64))
    """
    given = _inputs.several(frames, "frames", "a sequence of frames")
    images = [_inputs.image(frame, f"frames: frame {k}") for k, frame in enumerate(given)]
    if len(images) < 2:
        raise InputError(f"frames: takes two or more, got {len(images)}")
    for k, image in enumerate(images):
        check_same_size(image.shape, images[0].shape, f"frames: frame {k}")
    check_settings(method, settings)
    return joined(Stack.of(images), method, _inputs.positive(weight, "weight"), settings)


def check_settings(method: str, settings: Mapping[str, object]) -> None:
    """Refuse a method without a Laplacian of several frames, and settings that it does not take."""
    if method not in JOINT:
        raise InputError(f"method: {method} has no Laplacian of several frames; those that have: {', '.join(JOINT)}")
    takes = ("preset",) if method == "knn" else ("epsilon", "radius")
    _inputs.known_names(settings, takes, "settings", "setting")
