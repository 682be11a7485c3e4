"""How the matte of a frame follows those before it: by the start of its iteration, by a prior, or solved jointly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from propmat._solve._matte import Matte
from propmat._solve._problem import Problem
from propmat._trimap import Trimap
from propmat._typing import Array, Mask
from propmat.matting._posed import Pose
from propmat.solvers._base import Solver
from propmat.video._flow import Motion, carried, greys_of, motions, trust
from propmat.video._joint import WEIGHT, Stack, joined
from propmat.video._objects import object_motion

# Confidence in the carried matte where flow is consistent, beside diagonals of the closed form of up to 9.
CONFIDENCE = 0.02
AHEAD = 2  # frames after the one that is answered, which `Joint` solves for as well
FULL = 65535


class Frame(NamedTuple):
    """A frame of a sequence and its trimap, checked."""

    number: int
    image: Array
    labels: Trimap


@dataclass(frozen=True, eq=False)
class State:
    """What the next frame needs of those before it; mattes in 16 bits, so that a file holds them as they are.

    Attributes
    ----------
    mattes : (k, H, W) array of uint16
        The matte of the last frame, and estimates of those after it.
    """

    mattes: NDArray[np.uint16]

    @classmethod
    def of(cls, alphas: Array) -> State:
        """The state of mattes (k, H, W)."""
        return cls(np.rint(FULL * alphas).astype(np.uint16))

    def alpha(self, number: int) -> Array:
        """One of the mattes, (H, W)."""
        found: Array = self.mattes[number] / np.float64(FULL)
        return found


class Before(NamedTuple):
    """The frame before, and the state after it."""

    frame: Frame
    state: State


class Ways:
    """The flow between neighbouring frames, computed once for those that were asked for last."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Motion, Motion]] = {}

    def between(self, first: Frame, second: Frame) -> tuple[Motion, Motion]:
        """From the first to the second, and back."""
        if first.number not in self._known:
            while len(self._known) > AHEAD:
                del self._known[min(self._known)]
            self._known[first.number] = motions(greys_of(first.image), greys_of(second.image))
        return self._known[first.number]

    def of_objects(self, first: Frame, second: Frame) -> tuple[Motion, Motion]:
        """The same of the objects that the trimaps tell of."""
        there, back = self.between(first, second)
        return object_motion(there, first.labels), object_motion(back, second.labels)


class Steadiness(Protocol):
    """How frames are solved for.

    Attributes
    ----------
    ahead : int
        How many frames after the first one it takes.
    """

    @property
    def ahead(self) -> int: ...

    def __call__(self, before: Before | None, frames: list[Frame], ways: Ways) -> tuple[Matte, State]:
        """The matte of the first of some successive frames, and the state for the one after it."""


@dataclass(frozen=True)
class FrameByFrame:
    """One frame after another: the iteration starts at the matte before, carried by the flow, and may be held to it.

    Attributes
    ----------
    pose : callable (image, trimap, **settings) -> Posed
        The definition of the method.
    solver : Solver or None
    settings : mapping
        Of the method.
    confidence : float
        In the carried matte where the flow is consistent; 0 for a start alone.
    """

    pose: Pose
    solver: Solver | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    confidence: float = 0.0

    ahead: ClassVar[int] = 0

    def __call__(self, before: Before | None, frames: list[Frame], ways: Ways) -> tuple[Matte, State]:
        frame, start = frames[0], None
        graph, prior = self.pose(frame.image, frame.labels, **self.settings)
        if before is not None:
            back = ways.of_objects(before.frame, frame)[1]
            start = carried_matte(before.state.alpha(0), back, frame.labels)
            if self.confidence:
                held = start, self.confidence * trust(back, frame.image, before.frame.image)
                prior = held if prior is None else together(held, (np.asarray(prior[0]), np.asarray(prior[1])))
        matte = Problem.posed(graph, frame.labels, prior=prior).solve(self.solver, x0=start)
        return matte, State.of(matte.alpha[np.newaxis])


def carried_matte(alpha: Array, back: Motion, labels: Trimap) -> Array:
    """The matte of the frame before, carried to a frame by the flow back from it; labels where they are known."""
    moved = np.clip(carried(alpha, back.flow, cubic=True), 0, 1)
    return np.where(labels.known, labels.labels, moved)


def together(one: tuple[Array, Array], other: tuple[Array, Array]) -> tuple[Array, Array]:
    """The prior whose energy is the sum of those of two priors, but for a constant."""
    confidence = one[1] + other[1]
    mean = one[0] * one[1] + other[0] * other[1]
    return np.divide(mean, confidence, out=np.full_like(mean, 0.5), where=confidence > 0), confidence


@dataclass(frozen=True)
class Joint:
    """Each frame together with those after it in one system, in which the matte of the frame before is fixed.

    Attributes
    ----------
    method : str
        One of `JOINT`.
    alone : FrameByFrame
        The same method for a frame that is solved alone.
    weight : float
        Of the edges along the flow.
    """

    method: str
    alone: FrameByFrame
    weight: float = WEIGHT

    ahead: ClassVar[int] = AHEAD

    def __call__(self, before: Before | None, frames: list[Frame], ways: Ways) -> tuple[Matte, State]:
        window = [] if before is None else [fixed(before)]
        window += [Held(frame.image, frame.labels, frame.labels.labels) for frame in frames]
        if len(window) == 1 or not any(held.labels.unknown.any() for held in window):
            return self.alone(before, frames, ways)
        every = frames if before is None else [before.frame, *frames]
        stack = Stack([held.image for held in window], [ways.of_objects(*two) for two in pairwise(every)])
        start = None if before is None else np.concatenate(starts(before, frames, ways))
        labels = Trimap(*(np.concatenate(masks) for masks in zip(*(held.masks for held in window), strict=True)))
        held = CONFIDENCE if before is not None else None
        graph = joined(stack, self.method, self.weight, self.alone.settings, held)
        prepared = Problem.posed(graph, labels).prepared(self.alone.solver)
        matte = prepared.solve(np.concatenate([held.values for held in window]), x0=start)
        alphas = matte.alpha.reshape(len(window), *stack.frame_shape)[len(window) - len(frames) :]
        return replace(matte, alpha=np.ascontiguousarray(alphas[0])), State.of(alphas)


class Held(NamedTuple):
    """A frame of a window: its image, which pixels are known, and their values."""

    image: Array
    labels: Trimap
    values: Array

    @property
    def masks(self) -> tuple[Mask, Mask]:
        return self.labels.foreground, self.labels.background


def fixed(before: Before) -> Held:
    """The frame before, all of whose pixels are known."""
    alpha = before.state.alpha(0)
    return Held(before.frame.image, Trimap(alpha >= 0.5, alpha < 0.5), alpha)


def starts(before: Before, frames: list[Frame], ways: Ways) -> list[Array]:
    """Where the iteration begins: the matte before, estimates of those after it, and what the flow carries on."""
    found = [before.state.alpha(0)]
    for number, (last, frame) in enumerate(pairwise([before.frame, *frames]), 1):
        if number < len(before.state.mattes):
            found.append(np.where(frame.labels.known, frame.labels.labels, before.state.alpha(number)))
        else:
            back = ways.of_objects(last, frame)[1]
            found.append(carried_matte(found[-1], back, frame.labels))
    return found
