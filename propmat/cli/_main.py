"""Arguments in, exit status out: 0 done, 1 could not, 2 wrong usage."""

from __future__ import annotations

import argparse
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any

from propmat import __version__
from propmat.cli import _commands, _datasets
from propmat.errors import PropmatError, PropmatWarning
from propmat.matting import METHODS

LABELS = "dark is background, bright is foreground"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; `arguments` are those of the process if not given."""
    parsed = _parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("default", PropmatWarning)
        warnings.showwarning = _say  # type: ignore[assignment]
        try:
            told = parsed.run(parsed)
            print(told, end="\n" if told else "", flush=True)
        except (PropmatError, OSError, MemoryError) as error:
            if parsed.debug:
                traceback.print_exc()
            _say(str(error) or type(error).__name__, "error")
            return 1
        except KeyboardInterrupt:
            _say("interrupted; nothing was written", "error")
            return 130
    return 0


def _say(message: Any, category: Any, *_: Any) -> None:
    """One line on standard error."""
    kind = category if isinstance(category, str) else "warning"
    print(f"propmat: {kind}: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="propmat", description="Image matting: photograph and trimap to alpha matte.")
    parser.add_argument("--version", action="version", version=f"propmat {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = _command(commands, "demo", _commands.demo)
    demo.add_argument("--output", metavar="DIR", default="propmat-demo", help="folder for the pictures (%(default)s)")

    alpha = _command(commands, "alpha", _commands.alpha)
    alpha.add_argument("image", metavar="IMAGE")
    alpha.add_argument("trimap", metavar="TRIMAP", help=LABELS)
    _add_output(alpha)
    _add_method_options(alpha)

    cutout = _command(commands, "cutout", _commands.cutout)
    cutout.add_argument("image", metavar="IMAGE")
    known = cutout.add_mutually_exclusive_group(required=True)
    known.add_argument("trimap", metavar="TRIMAP", nargs="?", help=LABELS)
    known.add_argument("--mask", metavar="MASK", help="instead of a trimap")
    _add_width(cutout)
    _add_output(cutout)
    _add_method_options(cutout)
    cutout.add_argument("--background", metavar="COLOR|IMAGE", help="instead of transparency")

    trimap = _command(commands, "trimap", _commands.trimap)
    trimap.add_argument("mask", metavar="MASK", help=LABELS)
    _add_width(trimap)
    _add_output(trimap)

    foreground = _command(commands, "foreground", _commands.foreground)
    foreground.add_argument("image", metavar="IMAGE")
    foreground.add_argument("alpha", metavar="ALPHA")
    _add_output(foreground)
    foreground.add_argument("--background-output", metavar="FILE", help="write the colours of the background too")
    foreground.add_argument("--linear", action="store_true", help="estimate in linear light (the image is sRGB)")
    _add_depth(foreground)

    evaluate = _command(commands, "evaluate", _commands.evaluate)
    for name in ("alpha", "truth", "trimap"):
        evaluate.add_argument(name, metavar=name.upper())

    _command(commands, "info", _commands.info)
    _datasets.add_to(commands, _command)
    return parser


def _command(commands: Any, name: str, run: Any) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.set_defaults(run=run)
    return command


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument("-o", "--output", metavar="FILE", required=True, help="the suffix tells the format")


def _add_width(command: argparse.ArgumentParser) -> None:
    meaning = (
        "of the unknown band on either side of the mask's edge: 12 pixels, 2%% of the longer side; or INSIDE,OUTSIDE"
    )
    command.add_argument("--width", metavar="N", help=meaning)


def _add_depth(command: argparse.ArgumentParser) -> None:
    command.add_argument("--depth", type=int, choices=(8, 16), default=8, help="bits per sample (%(default)s)")


def _add_method_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--method", choices=sorted([*METHODS, *_commands.NETWORKS]), default="closed_form")
    command.add_argument("--weights", metavar="FILE", help="of a network (dcnn, deep_matte_prop_net), made by training")
    command.add_argument("--epsilon", type=float, help="regulariser (closed_form: 1e-7); 1e-5 for blocky JPEGs")
    command.add_argument("--radius", type=int, help="windows are 2 radius + 1 pixels wide (closed_form: 1)")
    _add_depth(command)
    command.add_argument("--gpu", action="store_true", help="compute the matte on a GPU, by CuPy")
    command.add_argument("--info", action="store_true", help="print size, iterations, residual and seconds")
