"""How the matte of a frame follows those before it: by the start of its iteration, by a prior, or solved jointly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from propmat._solve._matte import Matte
from propmat._solve._problem import Problem
from propmat._trimap import Trimap
from propmat._typing import Array, Mask
from propmat.matting._posed import Pose
from propmat.solvers._base import Solver
from propmat.video._flow import Motion, carried, enlarged, motions
from propmat.video._joint import WEIGHT, Stack, joined
from propmat.video._objects import object_motion
from propmat.video._reduced import greys_of

# Confidence in a carried matte where flow is consistent, beside diagonals of the closed form of up to 9.
CONFIDENCE = 0.02
AHEAD = 2  # frames after the one that is answered, which `Joint` solves for as well
KEPT = 5  # pairs of frames whose flow is kept
FULL = 65535
Matte16: TypeAlias = NDArray[np.uint16]


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
        The matte of the last frame, and others that its `Steadiness` needs, in an order of its own.
    """

    mattes: Matte16

    @classmethod
    def of(cls, *alphas: Array) -> State:
        """The state of some mattes (H, W)."""
        return cls(np.stack([sixteen_bits(alpha) for alpha in alphas]))

    def alpha(self, number: int) -> Array:
        """One of the mattes, (H, W)."""
        return alpha_of(self.mattes[number])


def alpha_of(matte: Matte16) -> Array:
    """A matte from its 16 bits."""
    found: Array = matte / np.float64(FULL)
    return found


def sixteen_bits(alpha: Array) -> Matte16:
    """A matte in [0, 1] in 16 bits."""
    return (FULL * alpha + 0.5).astype(np.uint16)


class Before(NamedTuple):
    """The frames before, the last one last, and the state after it."""

    frames: list[Frame]
    state: State

    @property
    def frame(self) -> Frame:
        """The last one."""
        return self.frames[-1]


class Ways:
    """The motion of the object between neighbouring frames, reduced ones, computed once for those asked for last."""

    def __init__(self) -> None:
        self._flows: dict[int, tuple[Motion, Motion]] = {}
        self._motions: dict[tuple[int, bool], Motion] = {}

    def there(self, first: Frame, second: Frame) -> Motion:
        """From the first frame to the second, of the object in the first."""
        return self._motion(first, second, first, False)

    def back(self, first: Frame, second: Frame) -> Motion:
        """From the second frame to the first, of the object in the second."""
        return self._motion(first, second, second, True)

    def _motion(self, first: Frame, second: Frame, seen: Frame, back: bool) -> Motion:
        key = first.number, back
        if key not in self._motions:
            self._motions[key] = object_motion(self._between(first, second)[back], seen.labels)
        return self._motions[key]

    def _between(self, first: Frame, second: Frame) -> tuple[Motion, Motion]:
        """The flow there and back."""
        if first.number not in self._flows:
            for old in [number for number in self._flows if number < first.number - KEPT]:
                del self._flows[old]
                self._motions.pop((old, False), None)
                self._motions.pop((old, True), None)
            self._flows[first.number] = motions(greys_of(first.image), greys_of(second.image))
        return self._flows[first.number]


class Steadiness(Protocol):
    """How frames are solved for.

    Attributes
    ----------
    ahead, behind : int
        How many frames it takes after and before the one that is answered.
    """

    @property
    def ahead(self) -> int: ...

    @property
    def behind(self) -> int: ...

    def __call__(self, before: Before | None, frames: list[Frame], ways: Ways) -> tuple[Matte, State]:
        """The matte of the first of some successive frames, and the state for the one after it."""


@dataclass(frozen=True)
class FrameByFrame:
    """One frame after another: the iteration starts at the matte before, carried by the flow.

    Attributes
    ----------
    pose : callable (image, trimap, **settings) -> Posed
        The definition of the method.
    solver : Solver or None
    settings : mapping
        Of the method.
    """

    pose: Pose
    solver: Solver | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    ahead: ClassVar[int] = 0
    behind: ClassVar[int] = 1

    def __call__(self, before: Before | None, frames: list[Frame], ways: Ways) -> tuple[Matte, State]:
        frame, start = frames[0], None
        if before is not None:
            start = carried_matte(before.state.alpha(0), ways.back(before.frame, frame), frame.labels)
        matte = self.solved(frame, start)
        return matte, State.of(matte.alpha)

    def solved(self, frame: Frame, start: Array | None, held: tuple[Array, Array] | None = None) -> Matte:
        """The matte of a frame, from a start, with a prior (value, confidence) beside that of the method."""
        graph, prior = self.pose(frame.image, frame.labels, **self.settings)
        if held is not None:
            prior = held if prior is None else together([held, (np.asarray(prior[0]), np.asarray(prior[1]))])
        return Problem.posed(graph, frame.labels, prior=prior).solve(self.solver, x0=start)


def carried_matte(alpha: Array, back: Motion, labels: Trimap) -> Array:
    """The matte of the frame before, carried to a frame by the flow back from it; labels where they are known."""
    moved = np.clip(carried(alpha, enlarged(back, alpha.shape).flow, cubic=True), 0, 1)
    return np.where(labels.known, labels.labels, moved)


def together(priors: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """The prior whose energy is the sum of those of some priors, but for a constant."""
    confidence = np.sum([confidence for _, confidence in priors], axis=0)
    mean = np.sum([value * confidence for value, confidence in priors], axis=0)
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
    behind: ClassVar[int] = 1

    def __call__(self, before: Before | None, frames: list[Frame], ways: Ways) -> tuple[Matte, State]:
        window = [] if before is None else [fixed(before)]
        window += [Held(frame.image, frame.labels, frame.labels.labels) for frame in frames]
        if len(window) == 1 or not any(held.labels.unknown.any() for held in window):
            return self.alone(before, frames, ways)
        every = frames if before is None else [before.frame, *frames]
        moved = [(ways.there(*two), ways.back(*two)) for two in pairwise(every)]
        stack = Stack.along([held.image for held in window], moved)
        start = None if before is None else np.concatenate(starts(before, frames, ways))
        labels = Trimap(*(np.concatenate(masks) for masks in zip(*(held.masks for held in window), strict=True)))
        held = CONFIDENCE if before is not None else None
        graph = joined(stack, self.method, self.weight, self.alone.settings, held)
        prepared = Problem.posed(graph, labels).prepared(self.alone.solver)
        matte = prepared.solve(np.concatenate([held.values for held in window]), x0=start)
        alphas = matte.alpha.reshape(len(window), *stack.frame_shape)[len(window) - len(frames) :]
        return replace(matte, alpha=np.ascontiguousarray(alphas[0])), State.of(*alphas)


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
            back = ways.back(last, frame)
            found.append(carried_matte(found[-1], back, frame.labels))
    return found
