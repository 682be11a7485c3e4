"""How the matte of a frame follows those around it, and the simplest way: the iteration starts at the matte before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from propmat._solve._matte import Matte, settled_matte
from propmat._solve._prepared import Prepared
from propmat._solve._problem import Problem
from propmat._solve._trivial import only_label
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.errors import about
from propmat.matting._posed import Pose
from propmat.solvers._base import Solver
from propmat.video._flow import Motion, at_pixels, carried_to, motions
from propmat.video._objects import object_motion
from propmat.video._reduced import greys_of

KEPT = 9  # pairs of frames whose flow is kept
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


def motions_of(first: Frame, second: Frame) -> tuple[Motion, Motion]:
    """The flow from a frame to another one, and back."""
    return motions(greys_of(first.image), greys_of(second.image))


class Ways:
    """The motion of the object between neighbouring frames, reduced ones, computed once for those asked for last.

    `between` gives the flow from a frame to the next one, and back.
    """

    def __init__(self, between: Callable[[Frame, Frame], tuple[Motion, Motion]] = motions_of) -> None:
        self._compute = between
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
            self._flows[first.number] = self._compute(first, second)
        return self._flows[first.number]


@dataclass(frozen=True)
class Computed:
    """What has been computed of frames, and is needed again.

    Attributes
    ----------
    ways : Ways
    prepared : dict of int to Prepared
        By the number of a frame that will be solved for once more, the problem of the frame alone.
    """

    ways: Ways = field(default_factory=Ways)
    prepared: dict[int, Prepared] = field(default_factory=dict)


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

    def __call__(self, before: Before | None, frames: list[Frame], computed: Computed) -> tuple[Matte, State]:
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

    def __call__(self, before: Before | None, frames: list[Frame], computed: Computed) -> tuple[Matte, State]:
        frame, start = frames[0], None
        if before is not None:
            start = carried_matte(before.state.alpha(0), computed.ways.back(before.frame, frame), frame.labels)
        matte = self.solved(frame, start)
        return matte, State(sixteen_bits(matte.alpha)[np.newaxis])

    def solved(self, frame: Frame, start: Array | None = None) -> Matte:
        """The matte of a frame alone; without a warning if the object is not in the frame."""
        labels = frame.labels
        if not labels.unknown.any() and only_label(labels) is not None:
            return settled_matte(labels.labels.copy())
        with about(f"frame {frame.number}"):
            return self.problem(frame).solve(self.solver, x0=start)

    def problem(self, frame: Frame) -> Problem:
        """That of a frame alone."""
        graph, prior = self.pose(frame.image, frame.labels, **self.settings)
        return Problem.posed(graph, frame.labels, prior=prior)


def carried_matte(alpha: Array, back: Motion, labels: Trimap) -> Array:
    """The matte of the frame before, carried to a frame by the flow back from it; labels where they are known."""
    found, where = labels.labels.copy(), labels.unknown
    moved = carried_to(np.nonzero(where), alpha[:, :, np.newaxis], at_pixels(back, where).flow)
    found[where] = np.clip(moved[:, 0], 0, 1)
    return found
