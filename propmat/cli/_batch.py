"""`propmat batch`: many photographs; `propmat batch status`: how far they are."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from propmat.cli import _process
from propmat.cli._progress import working
from propmat.errors import InputError
from propmat.io._replacing import replace_file
from propmat.jobs._batch import WHAT, run
from propmat.jobs._page import page, text
from propmat.jobs._run import Summary
from propmat.jobs._status import status as told_of
from propmat.matting._matte import methods

_FAILURES = 10

HELP = """\
patterns: * stands for a part of a name, ** for any number of folders, {name} in other patterns for the part of the path
of a photograph that varies, without its suffix. A manifest (.csv, .jsonl, .parquet) has columns image, and trimap or
mask, name, method and other settings; patterns may have any column in braces.

The same command again does what is missing. Status: 0 all done, 1 could not, 3 some failed.
"""

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


_PASSED_ON = (
    *("trimaps", "masks", "alphas", "what", "method", "epsilon", "radius", "weights", "width", "depth", "background"),
    *("steps", "seed"),
    *("jobs", "rank", "ranks", "retry", "cluster"),
)


def batch(arguments: argparse.Namespace) -> tuple[str, int]:
    """Write mattes, cut-outs or foreground colours of many images."""
    given = {name: getattr(arguments, name) for name in _PASSED_ON}
    images, *others = arguments.images
    if others:
        found = f"{len(others) + 1} arguments, {images!r} and others"
        raise InputError(f"images: takes one pattern, in quotes so that the shell leaves it as it is; got {found}")
    start = time.perf_counter()
    last: list[Summary] = []
    try:
        with working() as show:

            def progress(summary: Summary) -> None:
                last[:] = [summary]
                show(summary)

            memory = _bytes(arguments.memory)
            summary = run(images, arguments.output, memory=memory, progress=progress, **given)
    except KeyboardInterrupt:
        if not last:
            raise
        return f"{_told(last[0], start)}\ninterrupted; the same command goes on from here", _process.INTERRUPTED
    return _told(summary, start), 0 if summary.complete else _process.SOME_FAILED


def status(arguments: argparse.Namespace) -> str:
    """Tell how far a batch is whose results go into a folder."""
    found = told_of(arguments.folder)
    if arguments.html is not None:
        replace_file(arguments.html, page(found).encode())
    return text(found)


def add_to(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], add_command: Callable[..., argparse.ArgumentParser]
) -> None:
    """Add `batch` and `batch status` to the commands."""
    command = add_command(commands, "batch", batch, HELP)
    command.add_argument("images", metavar="IMAGES", nargs="+", help="a pattern in quotes, a folder, a manifest")
    command.add_argument("--trimaps", metavar="PATTERN", help="such as 'trimaps/{name}.png'")
    command.add_argument("--masks", metavar="PATTERN", help="instead of trimaps")
    command.add_argument("--alphas", metavar="PATTERN", help="mattes, for --what foreground")
    command.add_argument("-o", "--output", metavar="PATTERN", required=True, help="such as 'mattes/{name}.png'")
    command.add_argument("--what", choices=WHAT, default="alpha", help="(%(default)s)")
    command.add_argument("--method", choices=sorted(methods()), default="closed_form", help="(%(default)s)")
    command.add_argument("--weights", metavar="FILE", help="of a network, made by training")
    command.add_argument("--steps", type=int, help="of diffmatte (10)")
    command.add_argument("--seed", type=int, help="of the noise of diffmatte (0)")
    command.add_argument("--epsilon", type=float, help="regulariser (closed_form: 1e-7); 1e-5 for blocky JPEGs")
    command.add_argument("--radius", type=int, help="windows are 2 radius + 1 pixels wide (closed_form: 1)")
    command.add_argument("--width", metavar="N", help="of the unknown band around the edge of a mask")
    command.add_argument("--background", metavar="COLOR|IMAGE", help="of cut-outs, instead of transparency")
    command.add_argument("--depth", type=int, choices=(8, 16), help="bits per sample (those of the image)")
    command.add_argument("--jobs", type=int, metavar="N", help="processes, of one thread each (one for each core)")
    command.add_argument("--memory", metavar="SIZE", help="for all images at work, such as 8G (80%% of what is free)")
    command.add_argument("--rank", type=int, default=0, metavar="K", help="do part K of N, counted from 0, ...")
    command.add_argument("--ranks", type=int, default=1, metavar="N", help="... as one of N processes")
    command.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler; or local")
    command.add_argument("--retry", action="store_true", help="try again what has failed")
    told = add_command(commands, "batch status", status)
    told.add_argument("folder", metavar="FOLDER", help="that of the results, as a path or URL")
    told.add_argument("--html", metavar="FILE", help="write a page, too")


def _bytes(size: str | None) -> int | None:
    if size is None:
        return None
    number, unit = size.upper().removesuffix("B").removesuffix("I"), ""
    if number[-1:] in _UNITS:
        number, unit = number[:-1], number[-1:]
    try:
        return int(float(number) * _UNITS[unit])
    except (ValueError, OverflowError):
        raise InputError(f"memory: takes a number of bytes such as 8G, got {size!r}") from None


def _told(summary: Summary, start: float) -> str:
    lines = [f"done         {summary.done_before + summary.done} of {summary.total}, {summary.done} of them now"]
    failed = summary.failed + summary.killed
    if failed or summary.failed_before:
        lines.append(f"failed       {failed} now, {summary.failed_before} before (--retry tries them again)")
    if summary.changed:
        lines.append(f"changed      {summary.changed} had other files or settings before, and are done again")
    if summary.unrecorded:
        lines.append(f"unrecorded   {summary.unrecorded}: their records were not written; the next run does them again")
    lines += [f"             {name}: {told}" for name, told in list(summary.failures.items())[:_FAILURES]]
    if len(summary.failures) > _FAILURES:
        lines.append("             ... and others, see propmat batch status")
    return "\n".join([*lines, f"seconds      {time.perf_counter() - start:.1f}"])
