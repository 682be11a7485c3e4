"""Mattes of frames alone, carried to a frame from both sides, as a prior of its matte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from propmat._solve._held import held, together
from propmat._solve._matte import Matte
from propmat._solve._prepared import Prepared
from propmat._solve._trivial import only_label
from propmat._typing import Array
from propmat.errors import about
from propmat.solvers._base import Solve
from propmat.solvers._prepared_cg import PreparedCG
from propmat.video._flow import at_pixels, carried_to, composed, consistency
from propmat.video._reduced import alike
from propmat.video._steadiness import (
    FULL,
    Before,
    Computed,
    Frame,
    FrameByFrame,
    Matte16,
    State,
    Ways,
    alpha_of,
    carried_matte,
    sixteen_bits,
)

REACH = 2  # frames before and after
# Confidence in a carried matte where flow is consistent, beside diagonals of the closed form of up to 9.
CONFIDENCE = 0.02
CONFIDENCES = {"knn": 5.0}  # of methods whose diagonals are far greater: of `knn` about 50
# An error of the flow (pixels), and a difference from the median of all mattes, at which confidence falls to exp(-1).
SIGMA_ERROR, SIGMA_ALPHA = 1.6, 0.1
ROUGH = 1e-2  # tolerance of mattes that are carried: a prior is weak, and their mean counts


@dataclass(frozen=True)
class BothSides:
    """Each frame is held to the mattes of the frames before and after it, carried along the flow.

    Those are mattes of each frame alone, so that no error is carried on from frame to frame.

    Attributes
    ----------
    alone : FrameByFrame
        The same method for each frame alone.
    confidence : float
        In each of the carried mattes, where the flow is consistent.
    reach : int
        How many frames before and after count.
    """

    alone: FrameByFrame
    confidence: float = CONFIDENCE
    reach: int = REACH

    @property
    def ahead(self) -> int:
        return self.reach

    @property
    def behind(self) -> int:
        return self.reach

    def __call__(self, before: Before | None, frames: list[Frame], computed: Computed) -> tuple[Matte, State]:
        past = [] if before is None else before.frames
        every, here = [*past, *frames], len(past)
        mattes = self.rough(before, every, computed)
        frame = every[here]
        if is_alone(every, mattes, here):
            matte = self.alone.solved(frame)
        else:
            prior = self.prior(every, mattes, here, computed.ways)
            with about(f"frame {frame.number}"):
                matte = held(self._prepared(frame, computed), *prior).solve(x0=alpha_of(mattes[here]))
        return matte, after(matte, mattes, here, self.behind)

    def rough(self, before: Before | None, every: list[Frame], computed: Computed) -> list[Matte16]:
        """The mattes of frames, each for itself: those that the state has, and the others solved for."""
        found = [] if before is None else list(before.state.mattes[1:])
        for number in range(len(found), len(every)):
            frame, start = every[number], None
            if found:
                back = computed.ways.back(every[number - 1], frame)
                start = carried_matte(alpha_of(found[-1]), back, frame.labels)
            with about(f"frame {frame.number}"):
                found.append(self._roughly(frame, start, computed))
        return found

    def _roughly(self, frame: Frame, start: Array | None, computed: Computed) -> Matte16:
        problem = self.alone.problem(frame)
        known = problem.settled()
        if known is not None:
            return sixteen_bits(known.alpha)
        ready = computed.prepared[frame.number] = problem.prepared(self.alone.solver, "prior")
        return sixteen_bits(replace(ready, solve_linear=less_accurate(ready.solve_linear)).solve(x0=start).alpha)

    def _prepared(self, frame: Frame, computed: Computed) -> Prepared:
        """The problem of a frame alone: that which its rough matte came from, unless the run was ended in between."""
        ready = computed.prepared.pop(frame.number, None)
        return self.alone.problem(frame).prepared(self.alone.solver, "prior") if ready is None else ready

    def prior(self, every: list[Frame], mattes: list[Matte16], here: int, ways: Ways) -> tuple[Array, Array]:
        """The mattes of other frames carried to one of them, and the confidence in them, (H, W) both.

        Where they differ from the median of all, one of them is wrong, or its motion.
        """
        frame, where = every[here], every[here].labels.unknown
        carried = list(self._carried(every, mattes, here, ways))
        if not carried:
            return np.full(where.shape, 0.5), np.zeros(where.shape)
        usual = np.median([alpha_of(mattes[here])[where], *(alphas for alphas, _ in carried)], axis=0)
        agreed = [(alphas, c * np.exp(-np.square((alphas - usual) / SIGMA_ALPHA))) for alphas, c in carried]
        value, confidence = together(agreed)
        return _map(value, frame), _map(confidence, frame)

    def _carried(
        self, every: list[Frame], mattes: list[Matte16], here: int, ways: Ways
    ) -> Iterator[tuple[Array, Array]]:
        """The mattes of the others carried to the unknown pixels of a frame, (n,), and the confidence in their flow."""
        frame, where = every[here], every[here].labels.unknown
        pixels = np.nonzero(where)
        for others in (range(here - 1, -1, -1)[: self.reach], range(here + 1, len(every))[: self.reach]):
            way, near = None, here
            for number in others:
                one, other = every[near], every[number]
                step = ways.back(other, one) if number < near else ways.there(one, other)
                way = step if way is None else composed(way, step)._replace(apart=way.apart)
                motion = at_pixels(way, where)
                image, of_other = alike([frame.image, other.image])
                change = image[where] - carried_to(pixels, of_other, motion.flow)
                alphas = carried_to(pixels, alpha_of(mattes[number])[:, :, np.newaxis], motion.flow)[:, 0]
                yield np.clip(alphas, 0, 1), self.confidence * consistency(motion, change, SIGMA_ERROR)
                near = number


def is_alone(every: list[Frame], mattes: list[Matte16], here: int) -> bool:
    """Whether no other of some frames tells of the matte of one: its labels do, or all have its only label."""
    labels = every[here].labels
    label = only_label(labels)
    same = label is not None and all((matte == FULL * label).all() for matte in mattes)
    return len(every) == 1 or not labels.unknown.any() or same


def after(matte: Matte, mattes: list[Matte16], here: int, behind: int) -> State:
    """The state after a frame: its matte, and the rough ones of those that come before the next one, and after it."""
    return State(np.stack([sixteen_bits(matte.alpha), *mattes[max(0, here + 1 - behind) :]]))


def less_accurate(ready: Solve) -> Solve:
    """A prepared solver to the accuracy of mattes that are carried, if it would end when it estimates the error."""
    if not isinstance(ready, PreparedCG) or ready.settings.rtol is not None:
        return ready
    return ready.to(max(ROUGH, ready.settings.tolerance or 0.0))


def _map(values: Array, frame: Frame) -> Array:
    """Values at the unknown pixels of a frame as a map, 0 elsewhere."""
    found = np.zeros(frame.labels.shape)
    found[frame.labels.unknown] = values
    return found
