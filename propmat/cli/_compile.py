"""`propmat compile`: fill the cache of compiled kernels."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from propmat._threads import get_num_threads
from propmat.cli._progress import compiling
from propmat.errors import warn
from propmat.matting._methods import POSED

TASKS = (*sorted(POSED), "foreground", "video")  # for cut-outs, and for sequences that are steady
ABOUT = """\
The code goes into the folder that the environment variable NUMBA_CACHE_DIR names, by default __pycache__ of the
package, or the user's cache if that is read-only. It is valid for this version of the package and this type of
processor, and serves every user who may read the folder. NUMBA_CPU_NAME=generic makes code for all processors of the
architecture, which is slower; the variable then needs this value when methods are called, too.
"""
MOST_JOBS = 8  # each takes some 300 MB, and the kernels that take longest set a bound


def compile_kernels(arguments: argparse.Namespace) -> str:
    """Compile kernels before they are needed, while an image of a container is built or after installation."""
    from propmat._cpu._code_files import writable_folder
    from propmat._cpu._queue import compile_in_processes
    from propmat._cpu._signatures import listed, needed_by

    folder = writable_folder()
    signatures = listed()
    wanted = needed_by(arguments.methods or TASKS, signatures)
    jobs = arguments.jobs or min(MOST_JOBS, get_num_threads())
    with compiling(sum(signatures[index].seconds for index in wanted)) as show:
        compiled, warnings = compile_in_processes(signatures, wanted, jobs, lambda done: show(done.seconds))
    for told in warnings:
        warn(told)
    return f"{len(wanted)} kernels in {folder}: {compiled} compiled, {len(wanted) - compiled} found"


def add_to(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], add_command: Callable[..., argparse.ArgumentParser]
) -> None:
    """Add the command to `commands`."""
    command = add_command(commands, "compile", compile_kernels, ABOUT)
    command.add_argument("methods", metavar="METHOD", nargs="*", type=_task, help=f"{', '.join(TASKS)} (all)")
    command.add_argument("--jobs", metavar="N", type=_count, help=f"processes (a core each, at most {MOST_JOBS})")


def _task(name: str) -> str:
    if name not in TASKS:
        raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(TASKS)}")
    return name


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)
