"""What a command shares with the process that runs it: standard streams, warnings, log records, interrupts."""

from __future__ import annotations

import _thread
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import BinaryIO, NoReturn, TextIO

from propmat.errors import InputError, PropmatWarning

# Exit statuses of a shell: 128 and the number of the signal, SIGINT and SIGPIPE.
INTERRUPTED, CLOSED_PIPE = 130, 141
SOME_FAILED = 3


def say(message: object, kind: str = "") -> None:
    """Print one line on standard error; nothing if that is closed."""
    if sys.stderr is None:  # print would take standard output
        return
    line = " ".join(str(message).splitlines())
    with suppress(OSError), _writing(sys.stderr):
        print("propmat:", f"{kind}: {line}" if kind else line, file=sys.stderr, flush=True)


def tell(text: str, stream: TextIO | None) -> None:
    """Print lines on a standard stream; nothing if that is closed."""
    if text and stream is not None:
        with _writing(stream):
            print(text, file=stream, flush=True)


def write(data: bytes) -> None:
    """Write bytes to standard output."""
    with _writing(sys.stdout):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def flush() -> None:
    """Flush standard output; no error if its reader has closed it."""
    if sys.stdout is not None:
        with suppress(OSError), _writing(sys.stdout):
            sys.stdout.flush()


def standard_input() -> BinaryIO:
    """The stream that `-` is read from."""
    if sys.stdin is None:
        raise InputError("-: standard input is closed")
    return sys.stdin.buffer


def standard_output() -> BinaryIO:
    """The stream that `-` is written to."""
    return sys.stdout.buffer


def check_standard_output() -> None:
    """Refuse to write a picture to a terminal or to a closed stream."""
    if sys.stdout is None:
        raise InputError("output: standard output is closed; give a file")
    if sys.stdout.isatty():
        raise InputError("output: - is standard output, which is a terminal here; redirect it or give a file")


@contextmanager
def reporting() -> Iterator[None]:
    """Show warnings and log records of propmat as lines on standard error, whatever characters they have."""
    with ExitStack() as undone:
        for stream in (sys.stdout, sys.stderr):
            undone.enter_context(_any_character(stream))
        undone.enter_context(warnings.catch_warnings())
        warnings.simplefilter("default", PropmatWarning)
        warnings.showwarning = lambda message, *_, **__: say(message, "warning")
        undone.enter_context(_log_shown())
        undone.enter_context(_interrupts_kept())
        yield


def interrupted(error: BaseException | None) -> bool:
    """Whether an error is a `KeyboardInterrupt` or was caused by one.

    Python turns one that is raised while a class is defined into another error.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def end(status: int) -> NoReturn:
    """End the process now; Python would wait for threads, which may be compiling for some seconds more."""
    os._exit(status)


@contextmanager
def _writing(stream: TextIO) -> Iterator[None]:
    """After an error (its reader is gone, the disk is full) redirect `stream` to the null device.

    Otherwise Python's own flush at exit would fail again.
    """
    try:
        yield
    except OSError:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
        raise


@contextmanager
def _any_character(stream: TextIO | None) -> Iterator[None]:
    """Write characters that the encoding of `stream` lacks, as in names of files, as escapes."""
    if stream is None or not hasattr(stream, "reconfigure"):
        yield
        return
    before = stream.errors
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        stream.reconfigure(errors=before)


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


@contextmanager
def _log_shown() -> Iterator[None]:
    logger, handler = logging.getLogger("propmat"), _Lines(logging.INFO)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(before or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Raise an interrupt again that came in a callback of C code, where Python only prints exceptions."""
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            _thread.interrupt_main()
        else:
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
