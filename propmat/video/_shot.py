"""One shot: trimaps of all frames from those of its keys, then mattes, one frame after another; restartable.

In the folder `Output.work`: what the results depend on (job.json), a trimap and its figures for every frame, and the
state after the last frame that was written. All files are replaced as a whole, and a frame is written before its state,
so that a run that is killed at any time goes on from there with the same results.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from propmat import io
from propmat._cached import cached_property
from propmat._photographs import _photograph
from propmat._photographs._photograph import Photograph
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat._version import __version__
from propmat.errors import InputError
from propmat.io._locking import locked
from propmat.io._replacing import replace_file, write_files
from propmat.video._contract import Clip, Output, png
from propmat.video._flows import Flows
from propmat.video._keys import carried_trimaps
from propmat.video._reduced import greys_of
from propmat.video._sides import CarriedTrimap
from propmat.video._steadiness import Before, Frame, State, Steadiness, Ways
from propmat.video._steps import steadied


class Progress(NamedTuple):
    """How far a shot is.

    Attributes
    ----------
    stage : {"trimaps", "mattes", "writing"}
    done, total : int
        Frames of this stage.
    seconds : float
        Since the stage began.
    now : int
        How many frames were done in this time.
    """

    stage: str
    done: int
    total: int
    seconds: float
    now: int


Told = Callable[[Progress], object]


class Uncertain(NamedTuple):
    """A frame that was told of as uncertain, and why.

    Attributes
    ----------
    number : int
    share : float
        Of the unknown pixels those that are unknown only because of the uncertainty.
    reason : str
    """

    number: int
    share: float
    reason: str


@dataclass(frozen=True)
class Shot:
    """What is made of a clip.

    Attributes
    ----------
    clip : Clip
    numbers : range
        The frames.
    keys : mapping of int to Trimap
        By the number of their frame.
    output : Output
    how : Steadiness
    configuration : mapping
        What the results depend on.
    told : callable (Progress) or None
    """

    clip: Clip
    numbers: range
    keys: Mapping[int, Trimap]
    output: Output
    how: Steadiness
    configuration: Mapping[str, Any]
    told: Told | None = None

    def run(self) -> tuple[int, list[Uncertain]]:
        """Do what is missing; how many frames were done now, and how uncertain every frame is."""
        with locked(self._work, "output", "run"):
            self._agree()
            with self._empty("flows"):
                uncertain = self._carry()
                count = self._solve()
            self._tell("writing", 0, len(self.numbers), time.perf_counter(), 0)
            self.output.finish(self.clip, self.numbers)
            return count, uncertain

    @property
    def _work(self) -> Path:
        return self.output.work

    def _agree(self) -> None:
        """Refuse results of another configuration."""
        about, wanted = self._work / "job.json", json.loads(json.dumps({**self.configuration, "version": __version__}))
        found = json.loads(about.read_bytes()) if about.exists() else wanted
        differing = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        if differing:
            raise InputError(
                f"output: has results of another run ({', '.join(differing)} differ); name another output, or remove "
                f"{self._work} to begin anew"
            )
        replace_file(about, json.dumps(wanted, indent=1).encode())

    # Trimaps

    def _carry(self) -> list[Uncertain]:
        """Write the trimaps that are missing, from the last key before the first of them."""
        start, places = time.perf_counter(), {number - self.numbers[0]: key for number, key in self.keys.items()}
        (self._work / "trimaps").mkdir(exist_ok=True)
        count = len(self.numbers)
        missing = next((k for k in range(count) if not self._trimap(k, ".json").exists()), count)
        begin = max((place for place in places if place <= missing), default=0) if missing < count else count
        if begin < count:
            later = {place - begin: key for place, key in places.items() if place >= begin}
            carried = carried_trimaps(self._flows_from(self.numbers[begin]), count - begin, later)
            for index, trimap in enumerate(carried, begin):
                self._keep(index, trimap)
                self._tell("trimaps", index + 1, count, start, index + 1 - begin)
        return [Uncertain(**json.loads(self._trimap(k, ".json").read_bytes())) for k in range(count)]

    @contextmanager
    def _empty(self, name: str) -> Iterator[None]:
        """A folder that is removed in the end; by the next run, if this one is killed."""
        folder = self._work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _flows_from(self, first: int) -> Flows:
        """The flow between frames counted from one of them, for trimaps and mattes."""
        return Flows(self._work / "flows", lambda number: greys_of(self._image(number)), first)

    @cached_property
    def _read(self) -> Callable[[int], Photograph]:
        """Frames by their numbers; the last of them are kept."""
        return lru_cache(maxsize=self.how.ahead + self.how.behind + 1)(self.clip.read)

    def _image(self, number: int) -> Array:
        image = _photograph.bounded(self._read(number))
        return image[:, :, np.newaxis] if image.ndim == 2 else image

    def _keep(self, index: int, trimap: CarriedTrimap) -> None:
        figures = Uncertain(self.numbers[index], trimap.uncertain, trimap.reason)
        levels = np.rint(255 * trimap.labels.labels).astype(np.uint8)
        pictures = self._trimap(index, ".png"), png(levels, 8)
        write_files([pictures, (self._trimap(index, ".json"), json.dumps(figures._asdict()).encode())])

    def _trimap(self, index: int, suffix: str) -> Path:
        return self._work / "trimaps" / f"{self.numbers[index]:06d}{suffix}"

    # Mattes

    def _solve(self) -> int:
        """Solve for the frames that are missing, and write them; how many."""
        start, before = time.perf_counter(), self._before()
        first = self.numbers.index(before.frame.number) + 1 if before else 0
        flows = self._flows_from(0)
        ways = Ways(lambda frame, _: flows.between(frame.number))
        for count, (frame, _, state) in enumerate(steadied(self._frames(first), self.how, before, ways), 1):
            self.output.write(frame.number, self._read(frame.number), state.mattes[0])
            replace_file(self._state, _packed(frame.number, state))
            self._tell("mattes", first + count, len(self.numbers), start, count)
        return len(self.numbers) - first

    @property
    def _state(self) -> Path:
        return self._work / "state.npz"

    def _before(self) -> Before | None:
        """The last frame that was written, with the state after it; None if not all frames up to it are there."""
        if not self._state.exists():
            return None
        with np.load(self._state) as stored:
            number, state = int(stored["number"]), State(stored["mattes"])
        if not all(self.output.there(earlier) for earlier in range(self.numbers[0], number + 1)):
            return None
        begin = max(self.numbers[0], number + 1 - self.how.behind)
        return Before([self._frame(earlier) for earlier in range(begin, number + 1)], state)

    def _frames(self, first: int) -> Iterator[Frame]:
        return (self._frame(number) for number in self.numbers[first:])

    def _frame(self, number: int) -> Frame:
        trimap = io.read_image(self._trimap(number - self.numbers[0], ".png"))
        return Frame(number, self._image(number), Trimap(trimap == 255, trimap == 0))

    def _tell(self, stage: str, done: int, total: int, start: float, now: int) -> None:
        if self.told is not None:
            self.told(Progress(stage, done, total, time.perf_counter() - start, now))


def _packed(number: int, state: State) -> bytes:
    memory = BytesIO()
    np.savez(memory, number=number, mattes=state.mattes)
    return memory.getvalue()
