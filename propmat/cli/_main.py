"""Arguments in, exit status out.

0 done, 1 could not, 2 wrong usage, 3 some failed, 130 interrupted, 141 nobody reads the output.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence

from propmat._photographs._method import DEFAULT, WITHOUT_TRIMAP
from propmat._version import __version__
from propmat.cli import _batch, _commands, _compile, _datasets, _names, _process, _studio, _video
from propmat.errors import PropmatError
from propmat.matting._matte import methods

LABELS = "dark is background, bright is foreground"

WHICH_METHOD = """\
which method, by what is in the unknown band:
  soft edges, hair or fur before a smooth background   closed_form, the default and the fastest
  closed loops of hair, holes that no label reaches    knn, information_flow
  nets, lace, twigs                                    information_flow, comprehensive_sampling
  glass, smoke, motion blur                            comprehensive_sampling, information_flow
  the same colours in foreground and background        information_flow, closed_form; not knn
  no trimap, no mask: one thing that stands out        late_fusion
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and print what it did.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the name of the program; by default those of the process, which then ends when it is interrupted.

    Returns
    -------
    int
        The exit status: 0 done, 1 failed, 2 wrong usage, 3 some images of a batch failed, 130 interrupted, 141 output
        closed by its reader.
    """
    try:
        with _process.reporting():
            return _run(_parsed(arguments))
    except BaseException as error:
        if not _process.interrupted(error):
            raise
        _process.say("interrupted; nothing was written", "error")
        if arguments is None:
            _process.end(_process.INTERRUPTED)
        return _process.INTERRUPTED


def _run(parsed: argparse.Namespace) -> int:
    try:
        told, status = parsed.run(parsed), 0
        if isinstance(told, tuple):
            told, status = told
        _process.tell(told, sys.stderr if getattr(parsed, "output", None) == _names.STREAM else sys.stdout)
    except BrokenPipeError:
        return _process.CLOSED_PIPE
    except (PropmatError, OSError, MemoryError) as error:
        if _process.interrupted(error):
            raise
        if parsed.debug:
            traceback.print_exc()
        _process.say(str(error) or type(error).__name__, "error")
        return 1
    return status


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:2] == ["batch", "status"]:
        given[:2] = ["batch status"]
    try:
        parsed, rest = _parser().parse_known_args(given)
        rest = [given for given in rest if given != "--"]
        if getattr(parsed, "trimap", "") is None and rest and (rest[0] == _names.STREAM or rest[0][:1] != "-"):
            parsed.trimap = rest.pop(0)  # it came after options, where argparse takes no optional positional
        if rest:
            parsed.parser.error(f"unrecognized arguments: {' '.join(rest)}")
        if hasattr(parsed, "matte"):
            _check_problem(parsed)
    except SystemExit:  # help was asked for, or the usage is wrong
        _process.flush()
        raise
    except BrokenPipeError:  # by help: the argparse of earlier Pythons raises it, later ones do not
        _process.flush()
        raise SystemExit(0) from None
    return parsed


def _check_problem(parsed: argparse.Namespace) -> None:
    """Refuse wrong combinations of trimap, mask and matte; without any, a method is taken that needs none."""
    trimap, mask, matte = (given is not None for given in (parsed.trimap, parsed.mask, parsed.matte))
    if trimap and mask:
        parsed.parser.error("takes either TRIMAP or --mask MASK, or --matte MATTE")
    if not (trimap or mask or matte) and parsed.method not in (None, WITHOUT_TRIMAP):
        parsed.parser.error(f"takes TRIMAP, --mask MASK or --matte MATTE; only --method {WITHOUT_TRIMAP} does without")
    if mask and matte:
        parsed.parser.error("takes --mask MASK or --matte MATTE, not both; a trimap may go with a matte")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="propmat", description="Image matting: photograph and trimap to alpha matte.")
    parser.add_argument("--version", action="version", version=f"propmat {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = _command(commands, "demo", _commands.demo)
    demo.add_argument("--output", metavar="DIR", default="propmat-demo", help="folder for the pictures (%(default)s)")

    _add_problem(_command(commands, "alpha", _commands.alpha, WHICH_METHOD))

    cutout = _command(commands, "cutout", _commands.cutout, WHICH_METHOD)
    _add_problem(cutout)
    cutout.add_argument("--background", metavar="COLOR|IMAGE", help="instead of transparency")

    trimap = _command(commands, "trimap", _commands.trimap)
    trimap.add_argument("mask", metavar="MASK", help=LABELS)
    _add_width(trimap)
    _add_output(trimap)

    foreground = _command(commands, "foreground", _commands.foreground)
    foreground.add_argument("image", metavar="IMAGE")
    foreground.add_argument("alpha", metavar="ALPHA", help="a matte, or a cut-out with its matte")
    _add_output(foreground)
    foreground.add_argument("--background-output", metavar="FILE", help="write the colours of the background too")
    foreground.add_argument("--linear", action="store_true", help="estimate in linear light, as of EXR")
    _add_depth(foreground)

    evaluate = _command(commands, "evaluate", _commands.evaluate)
    for name in ("alpha", "truth", "trimap"):
        evaluate.add_argument(name, metavar=name.upper())

    _studio.add_to(commands, _command)
    _batch.add_to(commands, _command)
    _video.add_to(commands, _command)
    _command(commands, "info", _commands.info)
    _compile.add_to(commands, _command)
    _datasets.add_to(commands, _command)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], str | tuple[str, int]],
    more: str = "",
) -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    command = commands.add_parser(name, help=run.__doc__, description=run.__doc__, epilog=more, formatter_class=layout)
    command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    command.set_defaults(run=run, parser=command)
    return command


def _add_problem(command: argparse.ArgumentParser) -> None:
    command.add_argument("image", metavar="IMAGE", help="- is standard input, for one of the files")
    command.add_argument("trimap", metavar="TRIMAP", nargs="?", help=LABELS)
    command.add_argument(
        "--mask", metavar="MASK", help="instead of a trimap: a mask, of a lesser size perhaps, or a cut-out"
    )
    command.add_argument(
        "--matte", metavar="MATTE", help="a soft matte of the whole image at a lesser size, to be upsampled"
    )
    _add_width(command)
    _add_output(command)
    _add_method_options(command)


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the suffix tells the format; - is standard output, PNG"
    )


def _add_width(command: argparse.ArgumentParser) -> None:
    meaning = (
        "of the unknown band on either side of the mask's edge: 12 pixels, 2%% of the longer side; or INSIDE,OUTSIDE"
    )
    command.add_argument("--width", metavar="N", help=meaning)


def _add_depth(command: argparse.ArgumentParser) -> None:
    command.add_argument("--depth", type=int, choices=(8, 16), help="bits per sample (those of IMAGE)")


def _add_method_options(command: argparse.ArgumentParser) -> None:
    meaning = f"({DEFAULT}; {WITHOUT_TRIMAP} where neither trimap nor mask nor matte is given)"
    command.add_argument("--method", choices=sorted(methods()), help=meaning)
    command.add_argument("--weights", metavar="FILE", help="of a network, made by training")
    command.add_argument("--steps", type=int, help="of diffmatte (10)")
    command.add_argument("--seed", type=int, help="of the noise of diffmatte (0)")
    command.add_argument("--epsilon", type=float, help="regulariser (closed_form: 1e-7); 1e-5 for blocky JPEGs")
    command.add_argument("--radius", type=int, help="windows are 2 radius + 1 pixels wide (closed_form: 1)")
    _add_depth(command)
    command.add_argument("--exact", action="store_true", help="as accurate for 8 bits as for 16")
    command.add_argument("--gpu", action="store_true", help="compute the matte on a GPU, by CuPy")
    command.add_argument("--info", action="store_true", help="print size, iterations, residual, error and seconds")
