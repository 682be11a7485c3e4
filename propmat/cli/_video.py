"""`propmat video`: mattes of all frames of a clip, from trimaps of a few."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable

from propmat.cli._process import SOME_FAILED
from propmat.cli._progress import frames_bar, working
from propmat.errors import InputError
from propmat.matting._methods import POSED
from propmat.video._mattes import STEADY
from propmat.video._outputs import WHAT
from propmat.video._run import Options, Report, run
from propmat.video._shots import PLACE, name_of, run_all

UNCERTAIN = 0.1  # share of the unknown pixels from which another key is advised

HELP = """\
clip: a folder of numbered pictures, a pattern like shot.%04d.exr or shot.####.exr, or a movie, with frames from 1 on.
trimaps: pictures with the numbers of their frames, of the first and the last frame say.
output: a folder or a pattern for numbered pictures, or a movie: .mov (ProRes 4444), .webm (VP9), .mkv (FFV1).
Of several clips, {name} in --trimaps and --output stands for the name of each.

The same command again goes on where it was interrupted.
"""


def video(arguments: argparse.Namespace) -> str | tuple[str, int]:
    """Write cut-outs or mattes of all frames of a clip, from trimaps of a few."""
    settings = {name: getattr(arguments, name) for name in ("epsilon", "radius", "preset")}
    options = Options(
        arguments.method,
        arguments.steady,
        arguments.what,
        None if arguments.frames is None else frames_of(arguments.frames),
        arguments.depth,
        {name: value for name, value in settings.items() if value is not None},
    )
    if len(arguments.clips) > 1:
        return _several(arguments, options)
    clip = arguments.clips[0]
    trimaps, output = (given.replace(PLACE, name_of(clip)) for given in (arguments.trimaps, arguments.output))
    with frames_bar() as show:
        report = run(clip, trimaps, output, **vars(options), progress=show)
    return told(report)


def _several(arguments: argparse.Namespace, options: Options) -> tuple[str, int]:
    start = time.perf_counter()
    with working() as show:
        summary = run_all(
            arguments.clips,
            arguments.trimaps,
            arguments.output,
            options,
            jobs=arguments.jobs,
            retry=arguments.retry,
            progress=show,
        )
    lines = [f"done         {summary.done_before + summary.done} of {summary.total} clips, {summary.done} of them now"]
    lines += [f"failed       {name}: {message}" for name, message in summary.failures.items()]
    lines.append(f"seconds      {time.perf_counter() - start:.1f}")
    return "\n".join(lines), 0 if summary.complete else SOME_FAILED


def frames_of(text: str) -> tuple[int, int]:
    """The first and the last number in a text like 101-180."""
    found = re.fullmatch(r"(\d+)-(\d+)", text)
    if found is None:
        raise InputError(f"frames: takes the first and the last number, such as 101-180, got {text!r}")
    return int(found[1]), int(found[2])


def told(report: Report) -> str:
    """What was done, and which frame needs a key next."""
    rate = f", {report.done / report.seconds:.3g} frames a second" if report.done else ""
    lines = [
        f"frames       {report.frames}, {report.done} of them now",
        f"seconds      {report.seconds:.1f}{rate}",
    ]
    key = report.next_key
    if key is not None and key.share >= UNCERTAIN:
        lines.append(f"next key     frame {key.number}: {key.share:.0%} of its band is uncertain, because {key.reason}")
    return "\n".join(lines)


def add_to(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], add_command: Callable[..., argparse.ArgumentParser]
) -> None:
    """Add `video` to the commands."""
    command = add_command(commands, "video", video, HELP)
    command.add_argument("clips", metavar="CLIP", nargs="+", help="a folder, a pattern or a movie")
    command.add_argument("--trimaps", metavar="KEYS", required=True, help="trimaps of key frames")
    command.add_argument("-o", "--output", metavar="OUT", required=True, help="a folder, a pattern or a movie")
    command.add_argument("--what", choices=WHAT, default="cutout", help="(%(default)s)")
    command.add_argument("--method", choices=sorted(POSED), default="closed_form", help="(%(default)s)")
    command.add_argument("--steady", choices=STEADY, default="prior", help="how mattes follow each other (%(default)s)")
    command.add_argument("--frames", metavar="FIRST-LAST", help="numbers of the frames (all)")
    command.add_argument("--depth", type=int, choices=(8, 16), help="bits per sample (those of the frames)")
    command.add_argument("--epsilon", type=float, help="regulariser (closed_form: 1e-7); 1e-5 for blocky JPEGs")
    command.add_argument("--radius", type=int, help="windows are 2 radius + 1 pixels wide (closed_form: 1)")
    command.add_argument("--preset", help="of knn: two, rgb or hsv (two)")
    command.add_argument("--jobs", type=int, metavar="N", help="clips at a time, of several (one for each core)")
    command.add_argument("--retry", action="store_true", help="of several clips, try again those that have failed")
