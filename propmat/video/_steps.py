"""From frame to frame, with those after it that a solve takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from typing import NamedTuple

from propmat._solve._matte import Matte
from propmat.video._steadiness import Before, Computed, Frame, State, Steadiness, Ways


class Steadied(NamedTuple):
    """A frame, its matte, and the state after it."""

    frame: Frame
    matte: Matte
    state: State


def steadied(
    frames: Iterator[Frame], how: Steadiness, before: Before | None = None, ways: Ways | None = None
) -> Iterator[Steadied]:
    """The mattes of successive frames that are checked; `before` is what came before the first one.

    `ways` is given if the flow is not to be computed of the frames.
    """
    computed, window = Computed(ways or Ways()), deque[Frame]()
    for frame in frames:
        window.append(frame)
        if len(window) > how.ahead:
            before = yield from _next(window, how, before, computed)
    while window:
        before = yield from _next(window, how, before, computed)


def _next(
    window: deque[Frame], how: Steadiness, before: Before | None, computed: Computed
) -> Generator[Steadied, None, Before]:
    """Answer the first frame of the window, and take it off."""
    matte, state = how(before, list(window), computed)
    frame = window.popleft()
    yield Steadied(frame, matte, state)
    frames = [] if before is None else before.frames
    return Before([*frames, frame][-how.behind :], state)
