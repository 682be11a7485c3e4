"""Sources of bytes: a file on a disk is read in place, everything else (pipes, devices, file objects) completely."""

from __future__ import annotations

import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from propmat._typing import PathLike
from propmat.errors import InputError, PropmatError
from propmat.io._remote import is_url, reading

# Most bytes that are read from a stream, whose length is not known; an uncompressed photograph of 16 bits and 179
# megapixels has as many.
STREAM_LIMIT = 2**30

# How many of the first bytes are used to detect the format.
_HEAD = 512


@dataclass(frozen=True)
class Source:
    """A seekable file, its name in messages, and its first bytes."""

    name: str
    file: BinaryIO
    head: bytes
    path: str | None

    @contextmanager
    def on_disk(self, suffix: str) -> Iterator[str]:
        """A context with a path, for parsers that open files themselves; of a stream, a copy with this suffix."""
        if self.path is not None:
            yield self.path
            return
        with tempfile.TemporaryDirectory(prefix="propmat-") as folder:
            copy = Path(folder, f"stream{suffix}")
            self.file.seek(0)
            copy.write_bytes(self.file.read())
            yield str(copy)


@contextmanager
def opened(source: PathLike | BinaryIO) -> Iterator[Source]:
    """Open a path, or take a binary file object from its current position."""
    if hasattr(source, "read"):
        name = stream_name(source)
        with failing_as_input(name):
            whole = _whole(cast(BinaryIO, source))
        yield _source(name, whole, None)
        return
    name = path_name(source)
    if is_url(source):
        with reading(name) as remote, failing_as_input(name):
            whole = _whole(remote)
        yield _source(name, whole, None)
        return
    with failing_as_input(name):
        file = open(source, "rb")
    with file:
        with failing_as_input(name):
            on_disk = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            seekable = file if on_disk else _whole(file)
            found = _source(name, seekable, os.fspath(source) if on_disk else None)
        yield found


@contextmanager
def failing_as_input(name: str) -> Iterator[None]:
    """Turn whatever a parser or the system raises over a file into `InputError`; our own errors pass."""
    try:
        yield
    except PropmatError:
        raise
    except MemoryError as error:
        raise InputError(f"{name}: cannot be read: there is too little memory for it") from error
    except Exception as error:  # parsers of damaged data raise anything, and no list was ever complete
        raise InputError(f"{name}: cannot be read: {_damage(error)}") from error


def path_name(path: object) -> str:
    """The path as messages show it."""
    if not isinstance(path, (str, os.PathLike)):
        remedy = "; io.BytesIO makes a file object of it" if isinstance(path, (bytes, bytearray, memoryview)) else ""
        raise InputError(f"takes a path or a binary file object, got {type(path).__name__}{remedy}")
    return os.fspath(path) if isinstance(os.fspath(path), str) else repr(path)


def stream_name(stream: object) -> str:
    """The name of a file object as messages show it."""
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else f"<{type(stream).__name__}>"


def reason(error: BaseException) -> str:
    """An error in one line."""
    text = getattr(error, "strerror", None) or str(error)
    return text.strip().partition("\n")[0] or type(error).__name__


def _damage(error: Exception) -> str:
    told = isinstance(error, (OSError, ValueError, SyntaxError, EOFError, OverflowError)) and str(error)
    return reason(error) if told else f"the file is damaged ({type(error).__name__})"


def _source(name: str, file: BinaryIO, path: str | None) -> Source:
    head = file.read(_HEAD)
    if not head:
        raise InputError(f"{name}: cannot be read: the file is empty")
    file.seek(0)
    return Source(name, file, head, path)


def _whole(stream: BinaryIO) -> BinaryIO:
    """The rest of a stream."""
    kept = io.BytesIO()
    while block := stream.read(min(2**20, STREAM_LIMIT + 1 - kept.tell())):
        if isinstance(block, str):
            raise ValueError("it gives text; open it in binary mode")
        kept.write(block)
        if kept.tell() > STREAM_LIMIT:
            raise ValueError(f"the stream does not end within {STREAM_LIMIT} bytes; pass a file")
    kept.seek(0)
    return kept
