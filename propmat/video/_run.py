"""`run`: mattes or cut-outs of the frames of a clip, from trimaps of a few of them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from propmat import _inputs, io
from propmat._arithmetic import usual_arithmetic
from propmat._photographs._method import FOR_8_BITS
from propmat._trimap import Trimap
from propmat._typing import PathLike
from propmat.errors import InputError, shown
from propmat.solvers._auto import Chosen
from propmat.video._clip import check_frames, opened
from propmat.video._contract import Clip
from propmat.video._flow import check_same_size
from propmat.video._mattes import steadiness
from propmat.video._numbered import checked_sizes, numbered_files
from propmat.video._outputs import WHAT, Wanted, output_at
from propmat.video._shot import Shot, Told, Uncertain

DEPTHS = (8, 16)


@dataclass(frozen=True)
class Report:
    """What a run has done.

    Attributes
    ----------
    frames : int
        Of the clip, or those that were asked for.
    done : int
        How many mattes were made by this run.
    seconds : float
    uncertain : list of Uncertain
        For every frame its number, the share of its unknown pixels that are unknown only because flow is uncertain or
        the keys disagree, and the reason.
    """

    frames: int
    done: int
    seconds: float
    uncertain: list[Uncertain]

    @property
    def next_key(self) -> Uncertain | None:
        """The frame for which a trimap would help most, the most uncertain one; None if all are certain."""
        worst = max(self.uncertain, key=lambda frame: frame.share)
        return worst if worst.share else None


@usual_arithmetic
def run(
    clip: PathLike,
    trimaps: PathLike,
    output: PathLike,
    *,
    method: str = "closed_form",
    steady: str = "prior",
    what: str = "cutout",
    frames: tuple[int, int] | None = None,
    depth: int | None = None,
    settings: Mapping[str, Any] | None = None,
    progress: Told | None = None,
) -> Report:
    """Make mattes or cut-outs of the frames of a clip, as far as they are not there yet, from trimaps of key frames.

    Trimaps of all frames are carried from those of the keys (`carry`), and mattes made one frame after another
    (`mattes`). A call with the same arguments goes on where an earlier one was ended, by whatever, with the same
    results. What it needs for that is in a folder ``.propmat`` beside the output.

    Parameters
    ----------
    clip : path
        A folder of numbered pictures, a pattern like ``shot.%04d.exr`` or ``shot.####.exr``, or a movie, whose frames
        are numbered from 1.
    trimaps : path
        Those of the key frames, with the numbers of their frames: a folder, a pattern, or one numbered picture.
    output : path
        A pattern or a folder for pictures with the numbers of the frames, or a movie: .mov (ProRes 4444), .webm (VP9)
        or .mkv (FFV1), with rate and colour tags of the clip.
    method, steady
        As in `mattes`.
    what : {"cutout", "alpha"}
        Colours of the foreground with straight alpha, or mattes as greys.
    frames : (int, int), optional
        The first and the last number; all frames by default.
    depth : {8, 16}, optional
        Bits per sample; those of the frames by default.
    settings : mapping, optional
        Of the method.
    progress : callable (Progress), optional
        Called after every frame.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If an argument is not as above; a number is missing, sizes differ, a key is of no frame, the output cannot hold
        alpha, is also an input, or has results of another run; all before any work.
    MissingDependencyError
        If OpenCV is not installed, PyAV for movies, or OpenImageIO for formats of film.
    PropmatError
        If the alpha of a movie is not read back as it was written.

    Examples
    --------
    >>> import os
    >>> import propmat
    >>> import propmat.video
    >>> os.makedirs("shot", exist_ok=True)
    >>> os.makedirs("keys", exist_ok=True)
    >>> for number, sample in enumerate(propmat.datasets.moving(seed=0, frames=3, shape=(48, 64)), 101):
    ...     propmat.io.write_image(f"shot/{number}.png", sample.image)
    ...     if number != 102:
    ...         propmat.io.write_image(f"keys/{number}.png", sample.trimap)
    >>> report = propmat.video.run("shot", "keys", "cutouts")
    >>> report.done, sorted(os.listdir("cutouts")), report.next_key
    (3, ['.propmat', '101.png', '102.png', '103.png'], None)
    """
    start = time.perf_counter()
    arguments = {"clip": clip, "trimaps": trimaps, "output": output}
    places = {name: _place(given, name) for name, given in arguments.items()}
    _inputs.function(progress, "progress", "(Progress)")
    shot = posed(
        places["clip"],
        places["trimaps"],
        places["output"],
        Options(method, steady, what, frames, depth, _plain({} if settings is None else settings)),
        progress,
    )
    done, uncertain = shot.run()
    return Report(len(shot.numbers), done, time.perf_counter() - start, uncertain)


@dataclass(frozen=True)
class Options:
    """How a shot is treated; as of `run`."""

    method: str = "closed_form"
    steady: str = "prior"
    what: str = "cutout"
    frames: tuple[int, int] | None = None
    depth: int | None = None
    settings: Mapping[str, Any] | None = None

    def check(self) -> None:
        """Refuse what no clip could be treated with."""
        _inputs.choice(self.what, "what", WHAT)
        if self.depth not in (None, *DEPTHS):
            raise InputError(f"depth: takes {' or '.join(map(str, DEPTHS))}, got {shown(self.depth)}")
        if self.frames is not None:
            for end in _inputs.pair(self.frames, "frames", "(first, last)"):
                _inputs.integer(end, "frames", 0, 2**31)
        steadiness(self.method, self.steady, None, self.settings or {})


def posed(place: str, trimaps: str, output: str, options: Options, told: Told | None = None) -> Shot:
    """A shot, all of whose arguments are checked."""
    options.check()
    files = numbered_files(trimaps, "trimaps", single=True)
    clip = opened(place)
    check_same_size(clip.shape, clip.shape, f"clip: {place}")
    numbers = check_frames(options.frames, clip, place)
    keys = _keys(files, clip, numbers, place)
    solver = Chosen(FOR_8_BITS) if (options.depth or clip.read(numbers[0]).depth) == 8 else None
    how = steadiness(options.method, options.steady, solver, options.settings or {}, clip.shape)
    wanted = Wanted(options.what, options.depth)
    folders = [given for given in (place, trimaps) if os.path.isdir(given)]
    target = output_at(output, wanted, clip, numbers, [*clip.paths, *files.values(), *folders])
    stamps = [(path, os.stat(path).st_size, os.stat(path).st_mtime_ns) for path in files.values()]
    configuration = {
        "clip": [os.path.abspath(place), clip.stamp],
        "trimaps": stamps,
        "frames": [numbers[0], numbers[-1]],
        "method": options.method,
        "steady": options.steady,
        "what": options.what,
        "depth": options.depth,
        "settings": dict(options.settings or {}),
    }
    return Shot(clip, numbers, keys, target, how, configuration, told)


def _keys(files: Mapping[int, str], clip: Clip, numbers: range, place: str) -> dict[int, Trimap]:
    """The trimaps of key frames, by their numbers."""
    for number, path in files.items():
        if number not in clip.numbers:
            has = f"{clip.numbers[0]} to {clip.numbers[-1]}"
            raise InputError(f"trimaps: {path} is of frame {number}, and {place} has frames {has}")
    inside = {number: path for number, path in files.items() if number in numbers}
    if not inside:
        raise InputError(f"trimaps: none is of a frame from {numbers[0]} to {numbers[-1]}")
    checked_sizes(inside, "trimaps", clip.shape)
    keys = {number: Trimap.parse(io.read_trimap(path), clip.shape) for number, path in inside.items()}
    for number, key in keys.items():
        if not key.known.any():
            raise InputError(f"trimaps: {inside[number]} has no known pixel, neither foreground nor background")
    return keys


def _plain(settings: object) -> dict[str, Any]:
    """Settings as a file holds them, numbers of NumPy as those of Python."""
    if not isinstance(settings, Mapping):
        raise InputError(f"settings: takes a mapping of names to values, got {shown(settings)}")
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in settings.items()}


def _place(given: object, name: str) -> str:
    if not isinstance(given, (str, os.PathLike)) or not os.fspath(given):
        raise InputError(f"{name}: takes a path, got {shown(given)}")
    return str(os.fspath(given))
