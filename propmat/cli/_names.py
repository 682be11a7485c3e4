"""Names of files on the command line, checked before anything is read; `-` is a standard stream, written as PNG."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import BinaryIO

from propmat import io
from propmat._photographs._making import Made
from propmat._photographs._places import STREAM_SUFFIX, Place, check_output
from propmat.cli import _process
from propmat.errors import InputError
from propmat.io._picture import Pixels

STREAM = "-"


def check(
    arguments: argparse.Namespace,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...] = ("output",),
    *,
    transparent: bool = False,
    coloured: bool = False,
) -> list[Place]:
    """The outputs that were asked for; refused if they cannot be written, or would take another file's place.

    `inputs` and `outputs` are names of arguments, each a name of a file or None. What the outputs hold
    (`transparent`, `coloured`) is as for `propmat.io.check_output`.
    """
    read, written = _given(arguments, inputs), list(_given(arguments, outputs).values())
    streams = [name for name, path in read.items() if path == STREAM]
    if len(streams) > 1:
        raise InputError(f"{' and '.join(streams)}: - is standard input, which is read for one of them only")
    _not_inputs(written, [path for path in read.values() if path != STREAM])
    for path in written:
        if path == STREAM:
            _process.check_standard_output()
        check_output(target(path), getattr(arguments, "depth", None) or 8, transparent, coloured)
    return [target(path) for path in written]


def source(path: str) -> str | BinaryIO:
    """The file as the readers of `propmat.io` take it."""
    return _process.standard_input() if path == STREAM else path


def given(path: str | None) -> str | BinaryIO | None:
    """`source` of a name that may not be given."""
    return None if path is None else source(path)


def target(path: str) -> str | BinaryIO:
    """The file as the writers of `propmat.io` take it."""
    return _process.standard_output() if path == STREAM else path


def shown(path: str) -> str:
    """The name of the file in messages."""
    return "<stdin>" if path == STREAM else path


def write(made: Made) -> None:
    """Write all pictures or none of them."""
    streams = [pixels for place, pixels in made.pictures.items() if not isinstance(place, (str, Path))]
    encoded = [_encoded(pixels, made.depth, made.metadata) for pixels in streams]
    made.write_files()
    for data in encoded:
        _process.write(data)


def check_folder(path: str, names: list[str]) -> Path:
    """The folder, which may not exist yet; refused if files of those names cannot be made in it."""
    if path == STREAM or _names_nothing(path):
        raise InputError(f"output: {path!r} names no folder")
    folder = Path(path)
    if folder.is_dir():
        for name in names:
            io.check_output(folder / name)
        return folder
    parent = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(parent))
    if not parent.is_dir():
        raise InputError(f"output: cannot make the folder {folder}: {parent} is not a folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"output: cannot make the folder {folder}: {parent} is not writable")
    return folder


def _given(arguments: argparse.Namespace, names: tuple[str, ...]) -> dict[str, str]:
    named = {name.replace("_", "-"): getattr(arguments, name) for name in names}
    for name, path in named.items():
        if path is not None and _names_nothing(path):
            raise InputError(f"{name}: {path!r} names no file")
    return {name: path for name, path in named.items() if path is not None}


def _names_nothing(path: str) -> bool:
    return not path or "\0" in path


def _not_inputs(outputs: list[str], inputs: list[str]) -> None:
    """Refuse to write over what is read, or twice to one file."""
    for output in outputs:
        if any(os.path.exists(path) and os.path.exists(output) and os.path.samefile(path, output) for path in inputs):
            raise InputError(f"output: {output} is also an input, and would be lost; give another name")
    if len({path if path == STREAM else os.path.realpath(path) for path in outputs}) < len(outputs):
        raise InputError(f"output: {outputs[0]} is named twice; give each picture a name of its own")


def _encoded(array: Pixels, depth: int, metadata: io.Metadata) -> bytes:
    from io import BytesIO

    memory = BytesIO()
    io.write_image(memory, array, depth=depth, metadata=metadata, suffix=STREAM_SUFFIX)
    return memory.getvalue()
