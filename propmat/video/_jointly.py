"""Frames in one system with those next to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from propmat._solve._matte import Matte
from propmat._solve._problem import Problem
from propmat._trimap import Trimap
from propmat.errors import about
from propmat.video._both_sides import BothSides, after, is_alone
from propmat.video._joint import Stack, joined
from propmat.video._steadiness import Before, Computed, Frame, Matte16, State, alpha_of

NEXT = 1  # frames before and after that are in one system
REACH = 3  # frames before and after each of them whose mattes it is held to


@dataclass(frozen=True)
class Joint:
    """Each frame together with those next to it, in one system; all are held to carried mattes of frames alone.

    Without the latter, the mattes of several frames at once would have to be linear in the colours of each of them,
    which blurs them where the background moves otherwise.

    Attributes
    ----------
    method : str
        One of `JOINT`.
    sides : BothSides
        What the frames are held to. Edges in the two directions have the same confidence together.
    """

    method: str
    sides: BothSides

    @property
    def ahead(self) -> int:
        return self.sides.reach + NEXT

    @property
    def behind(self) -> int:
        return self.sides.reach + NEXT

    def __call__(self, before: Before | None, frames: list[Frame], computed: Computed) -> tuple[Matte, State]:
        past = [] if before is None else before.frames
        every, here = [*past, *frames], len(past)
        mattes = self.sides.rough(before, every, computed)
        computed.prepared.clear()  # they are for frames alone
        near = range(max(0, here - NEXT), min(len(every), here + NEXT + 1))
        if is_alone(every, mattes, here):
            matte = self.sides.alone.solved(every[here])
        else:
            with about(f"frame {every[here].number}"):
                matte = self._solved(every, mattes, near, near.index(here), computed)
        return matte, after(matte, mattes, here, self.behind)

    def _solved(self, every: list[Frame], mattes: list[Matte16], near: range, place: int, computed: Computed) -> Matte:
        """The matte of one of some successive frames that are solved for together."""
        window, ways, alone = every[near.start : near.stop], computed.ways, self.sides.alone
        stack = Stack.along(
            [frame.image for frame in window], [(ways.there(*two), ways.back(*two)) for two in pairwise(window)]
        )
        graph = joined(stack, self.method, self.sides.confidence / 2, alone.settings)
        masks = ([frame.labels.foreground for frame in window], [frame.labels.background for frame in window])
        labels = Trimap(*(np.concatenate(mask) for mask in masks))
        priors = zip(*(self.sides.prior(every, mattes, number, ways) for number in near), strict=True)
        problem = Problem.posed(graph, labels, prior=(np.concatenate(next(priors)), np.concatenate(next(priors))))
        start = np.concatenate([alpha_of(mattes[number]) for number in near])
        matte = problem.prepared(alone.solver).solve(x0=start)
        alphas = matte.alpha.reshape(len(window), *stack.frame_shape)
        return replace(matte, alpha=np.ascontiguousarray(alphas[place]))
