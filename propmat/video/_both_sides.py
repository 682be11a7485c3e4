"""Mattes of frames alone, carried to a frame from both sides, as a prior of its matte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from propmat._solve._matte import Matte
from propmat._typing import Array
from propmat.video._flow import carried_to, composed, enlarged, trust
from propmat.video._reduced import alike
from propmat.video._steadiness import (
    CONFIDENCE,
    Before,
    Frame,
    FrameByFrame,
    Matte16,
    State,
    Ways,
    alpha_of,
    sixteen_bits,
    together,
)

REACH = 2  # frames before and after
CONFIDENCES = {"knn": 5.0}  # in a carried matte, of methods whose diagonals are far greater: of `knn` about 50


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
    """

    alone: FrameByFrame
    confidence: float = CONFIDENCE

    ahead: ClassVar[int] = REACH
    behind: ClassVar[int] = REACH

    def __call__(self, before: Before | None, frames: list[Frame], ways: Ways) -> tuple[Matte, State]:
        past = [] if before is None else before.frames
        every, here = [*past, *frames], len(past)
        if len(every) == 1:  # the clip
            return self.alone(before, frames, ways)
        mattes = self._alone(before, every, ways)
        frame, start = every[here], alpha_of(mattes[here])
        prior = together(list(self._carried(every, mattes, here, ways)))
        matte = self.alone.solved(frame, start, (_map(prior[0], frame), _map(prior[1], frame)))
        return matte, State(np.stack([sixteen_bits(matte.alpha), *mattes[max(0, here + 1 - REACH) :]]))

    def _alone(self, before: Before | None, every: list[Frame], ways: Ways) -> list[Matte16]:
        """The mattes of frames, each for itself: those that the state has, and the others solved for."""
        found = [] if before is None else list(before.state.mattes[1:])
        for number in range(len(found), len(every)):
            last = Before([every[number - 1]], State(found[-1][np.newaxis])) if found else None
            found.append(self.alone(last, [every[number]], ways)[1].mattes[0])
        return found

    def _carried(
        self, every: list[Frame], mattes: list[Matte16], here: int, ways: Ways
    ) -> Iterator[tuple[Array, Array]]:
        """The mattes of the others carried to the unknown pixels of a frame, (n,), and the confidence in them."""
        frame, where = every[here], every[here].labels.unknown
        for others in (range(here - 1, -1, -1)[:REACH], range(here + 1, len(every))[:REACH]):
            way, near = None, here
            for number in others:
                one, other = every[near], every[number]
                step = ways.back(other, one) if number < near else ways.there(one, other)
                way = step if way is None else composed(way, step)._replace(apart=way.apart)
                whole = enlarged(way, where.shape)
                alphas = carried_to(where, alpha_of(mattes[number])[:, :, np.newaxis], whole.flow)[:, 0]
                image, of_other = alike([frame.image, other.image])
                consistent = trust(whole, image, of_other, where)
                yield np.clip(alphas, 0, 1), self.confidence * consistent
                near = number


def _map(values: Array, frame: Frame) -> Array:
    """Values at the unknown pixels of a frame as a map, 0 elsewhere."""
    found = np.zeros(frame.labels.shape)
    found[frame.labels.unknown] = values
    return found
