"""Random command lines: exit statuses, one line for each problem, outputs whole or not at all."""

from __future__ import annotations

import io as streams
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

import propmat
from propmat import io
from propmat.cli import main
from tests.fuzz import images
from tests.fuzz.choices import Choices
from tests.fuzz.laws import attempt
from tests.fuzz.target import Broken, Target, require

LENGTH = 64
STATUSES = (0, 1, 2, 130)
ENCODINGS = ("utf-8", "utf-8", "ascii", "cp1252")

IMAGES = ("image.png", "image.png", "image.jpg", "grey.png", "deep.png", "rgba.png", "small.png", "one.png", "hdr.exr")
TRIMAPS = ("trimap.png", "trimap.png", "trimap.png", "mask.png", "labels.png", "known.png", "small.png", "rgba.png")
ODD = ("missing.png", "damaged.png", "text.txt", ".", "", "-", "名.png", "folder", "empty.png", "/dev/null", "a\nb.png")
OUTPUTS = (
    *("out.png", "out.png", "out.tif", "out.jpg", "out.webp", "out.exr", "out.bmp", "out.dpx", "名.png"),
    *("out.psd", "out", "nowhere/out.png", "image.png", "folder", "folder/out.png", "-", "", "out.PNG", "/dev/null"),
)
NUMBERS = ("1e-7", "1", "0", "-1", "nan", "inf", "x", "", "1e308", "9" * 400, "2.5", "１")
METHODS = ("closed_form", "knn", "random_walk", "learning_based", "information_flow", "shared_sampling", "strange")
WIDTHS = ("3", "1%", "0", "3,1", ",", "1,2,3", "-1", "x", "%", "1e9", "nan")
COLOURS = ("white", "#20a0ff", "rgb(1,2,3)", "strange", "image.png", "small.png", "damaged.png", "", "hdr.exr", "none")
FREE = ("--help", "--version", "--debug", "--", "-x", "--outputs", "-o", "\udcff", "@file", "--depth=16", "--mask=")


class Case(NamedTuple):
    """A command line, what comes in by a pipe, and the encoding of the terminal."""

    arguments: tuple[str, ...]
    stdin: str
    encoding: str


# Of --info, which goes to standard error where the picture goes to standard output.
INFORMATION = ("size ", "unknown ", "iterations ", "residual ", "seconds ", "odd ")


def decode(data: bytes) -> Case:
    choices = Choices(data)
    command = choices.pick("command", tuple(COMMANDS))
    arguments = [*command.split(), *COMMANDS[command](choices)]
    if choices.one_in(10):
        arguments.insert(choices.below(len(arguments) + 1), choices.pick("free", FREE))
    if arguments and choices.one_in(20):
        del arguments[choices.below(len(arguments))]
    return Case(
        tuple(arguments),
        choices.pick("stdin", ("image.png", "trimap.png", "damaged.png", "empty.png")),
        choices.pick("encoding", ENCODINGS),
    )


def _file(choices: Choices, usual: tuple[str, ...]) -> str:
    return choices.pick("odd", ODD) if choices.one_in(8) else choices.pick("file", usual)


def _option(choices: Choices, name: str, values: tuple[str, ...], count: int = 4) -> list[str]:
    return [name, choices.pick(name, values)] if choices.one_in(count) else []


def _known(choices: Choices) -> list[str]:
    """A trimap, or a mask and perhaps the width of its band."""
    if choices.one_in(3):
        return ["--mask", _file(choices, ("mask.png", "cut.png", "small.png")), *_option(choices, "--width", WIDTHS, 2)]
    return [_file(choices, TRIMAPS)]


def _solving(choices: Choices) -> list[str]:
    given = _option(choices, "--method", METHODS) + _option(choices, "--epsilon", NUMBERS, 8)
    given += _option(choices, "--radius", NUMBERS, 8) + _option(choices, "--depth", ("8", "16", "32", "x"))
    return given + [flag for flag in ("--info", "--gpu", "--debug") if choices.one_in(12)]


def _alpha(choices: Choices) -> list[str]:
    return [_file(choices, IMAGES), *_known(choices), "-o", choices.pick("output", OUTPUTS), *_solving(choices)]


def _cutout(choices: Choices) -> list[str]:
    return _alpha(choices) + _option(choices, "--background", COLOURS)


def _trimap(choices: Choices) -> list[str]:
    masks = ("mask.png", "cut.png", "trimap.png", "image.png", "one.png")
    return [
        _file(choices, masks),
        "-o",
        choices.pick("output", OUTPUTS),
        *_option(choices, "--width", WIDTHS, 2),
    ]


def _foreground(choices: Choices) -> list[str]:
    given = [_file(choices, IMAGES), _file(choices, ("mask.png", "truth.png", "cut.png", "small.png"))]
    given += ["-o", choices.pick("output", OUTPUTS), *_option(choices, "--background-output", OUTPUTS, 3)]
    return given + _option(choices, "--depth", ("8", "16")) + (["--linear"] if choices.one_in(4) else [])


def _evaluate(choices: Choices) -> list[str]:
    return [
        _file(choices, ("truth.png", "mask.png", "cut.png", "small.png")),
        _file(choices, ("truth.png",)),
        *_known(choices),
    ]


def _fetch(choices: Choices) -> list[str]:
    """Nothing is downloaded: no address answers."""
    addresses = ("http://127.0.0.1:9/", "file:///nowhere", "ftp://127.0.0.1:9", "nonsense", "http://[", "")
    given = [choices.pick("set", ("alphamatting", "strange")), "--root", choices.pick("root", ("data", "text.txt", ""))]
    given += _option(choices, "--part", ("training", "test", "x")) + _option(
        choices, "--resolution", ("low", "high", "x")
    )
    return [*given, "--base-url", choices.pick("address", addresses)]


def _nothing(choices: Choices) -> list[str]:
    return []


COMMANDS = {
    "alpha": _alpha,
    "cutout": _cutout,
    "trimap": _trimap,
    "foreground": _foreground,
    "evaluate": _evaluate,
    "datasets fetch": _fetch,
    "info": _nothing,
    "strange": _alpha,
    "": _nothing,
}


@cache
def files() -> dict[str, bytes]:
    """The folder that every command finds."""
    sample = propmat.datasets.synthetic(seed=2, shape=(18, 24))
    colours = np.rint(255 * sample.image).astype(np.uint8)
    levels = np.rint(255 * sample.trimap).astype(np.uint8)
    truth = np.rint(255 * np.asarray(sample.alpha)).astype(np.uint8)
    made = {
        "image.png": Image.fromarray(colours),
        "image.jpg": Image.fromarray(colours),
        "grey.png": Image.fromarray(colours[:, :, 1]),
        "rgba.png": Image.fromarray(np.dstack([colours, truth])),
        "cut.png": Image.fromarray(np.dstack([np.where(truth[:, :, None] > 0, colours, 0), truth])),
        "trimap.png": Image.fromarray(levels),
        "mask.png": Image.fromarray((truth > 127).astype(np.uint8) * 255),
        "labels.png": Image.fromarray(levels // 127),
        "known.png": Image.fromarray((truth > 127).astype(np.uint8) * 255),
        "truth.png": Image.fromarray(truth),
        "small.png": Image.fromarray(truth).resize((12, 9)),
        "one.png": Image.fromarray(colours[:1, :1]),
        "名.png": Image.fromarray(colours),
        "a\nb.png": Image.fromarray(colours),
    }
    whole = {}
    for name, picture in made.items():
        file = streams.BytesIO()
        picture.save(file, "JPEG" if name.endswith("jpg") else "PNG")
        whole[name] = file.getvalue()
    whole |= {"damaged.png": whole["image.png"][:150], "text.txt": b"text", "empty.png": b""}
    hdr = images.by_openimageio(".exr", 6 * np.asarray(sample.image), "float", {})
    return whole | {"deep.png": images.png(24, 18, 16, 2), "hdr.exr": hdr or whole["image.png"]}


def run(data: bytes) -> bool:
    case = decode(data)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in files().items():
            (root / name).write_bytes(content)
        (root / "folder").mkdir()
        status, out, err = called(case, root)
        try:
            _judged(case, root, status, err)
        except Broken as broken:
            raise Broken(f"{case.arguments[:1]}: {broken.law}", f"{broken.told}\n{err}", broken.kind) from None
    return status == 0


def _judged(case: Case, root: Path, status: int, err: str) -> None:
    require(status in STATUSES, "an exit status says what happened", status)
    debug = any(argument.startswith("--deb") for argument in case.arguments)
    if not debug:
        require("Traceback" not in err, "no traceback is shown", err)
        _require_lines(status, err.splitlines())
    named = {argument.partition("/")[0] for argument in case.arguments} | {"data"}
    changed, new = _changes(root)
    # A folder for data is made before anything is fetched, and keeps what has come of a download.
    require(status == 0 or not new - {"data"}, "nothing is left by what failed", new)
    require(status == 0 or not changed, "nothing is overwritten by what failed", changed)
    require(new <= named, "only what is named is written", new - named)
    require(not changed - set(case.arguments), "only what is named is overwritten", changed)
    for name in new:
        _require_whole(root / name)


def _require_lines(status: int, lines: list[str]) -> None:
    """Lines of propmat's own, or argparse's usage and reason."""
    if status == 2:
        require(any("error:" in line for line in lines), "wrong usage is told", lines)
        return
    for line in lines:
        told = line.startswith(
            ("propmat: ", *INFORMATION)
        )  # which goes there where the picture goes to standard output
        require(told, "one line for a problem", line)
    errors = [line for line in lines if line.startswith("propmat: error")]
    require(len(errors) == (status == 1), "one line for an error", lines)


def _changes(root: Path) -> tuple[set[str], set[str]]:
    """Names of files that were changed, and that are new."""
    before = files()
    there = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    changed = {name for name, content in before.items() if name not in there or (root / name).read_bytes() != content}
    return changed, {name.partition("/")[0] for name in there - before.keys()} | set(os.listdir(root)) - {
        "folder",
        *before,
    }


def _require_whole(path: Path) -> None:
    if path.is_file():
        found = attempt(lambda: io.read_image(path))
        if found.refusal is not None:
            raise Broken("an output is whole", f"{path.name}: {found.refusal}", "half-written")


def called(case: Case, root: Path) -> tuple[int, str, str]:
    """Exit status and what was printed, of both streams and of libraries in C."""
    before = os.getcwd()
    os.chdir(root)
    try:
        with (
            piped_in(files()[case.stdin]),
            caught(1, case.encoding, "strict") as out,
            caught(2, case.encoding, "backslashreplace") as err,
        ):
            try:
                status: Any = main(list(case.arguments))
            except SystemExit as end:
                status = end.code
            sys.stdout.flush()
            sys.stderr.flush()
        return status or 0, out.text(), err.text()
    finally:
        os.chdir(before)


class Caught:
    """A stream in a file."""

    def __init__(self, encoding: str) -> None:
        self.file, self.encoding = tempfile.TemporaryFile(), encoding

    def text(self) -> str:
        self.file.seek(0)
        return self.file.read().decode(self.encoding, errors="replace")


@contextmanager
def caught(number: int, encoding: str, errors: str) -> Iterator[Caught]:
    """What is written to a descriptor and to its stream in `sys`, which encodes as a terminal does."""
    caught, name = Caught(encoding), {1: "stdout", 2: "stderr"}[number]
    kept, kept_stream = os.dup(number), getattr(sys, name)
    os.dup2(caught.file.fileno(), number)
    stream = open(number, "w", encoding=encoding, errors=errors, closefd=False)
    setattr(sys, name, stream)
    try:
        yield caught
    finally:
        setattr(sys, name, kept_stream)
        os.dup2(kept, number)
        os.close(kept)


@contextmanager
def piped_in(content: bytes) -> Iterator[None]:
    """Standard input that holds these bytes."""
    kept, kept_stream = os.dup(0), sys.stdin
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        os.dup2(file.fileno(), 0)
        sys.stdin = open(0, encoding="utf-8", closefd=False)
        try:
            yield
        finally:
            sys.stdin = kept_stream
            os.dup2(kept, 0)
            os.close(kept)


def describe(data: bytes) -> str:
    case = decode(data)
    return f"propmat {' '.join(map(repr, case.arguments))} < {case.stdin}, terminal of {case.encoding}"


def draw(random: Random) -> bytes:
    return random.randbytes(LENGTH)


def seeds() -> list[bytes]:
    simple = [bytes([position]) for position in range(len(COMMANDS))]
    return simple + [Random(number).randbytes(LENGTH) for number in range(20)]


TARGETS = {"commands": Target("commands", run, seeds, draw, describe)}
