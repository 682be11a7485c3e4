"""OpenImageIO, where it is installed."""

from __future__ import annotations

from typing import Protocol

from propmat.errors import MissingDependencyError


class Reporter(Protocol):
    """What keeps a message of an error: a reader, a writer, or OpenImageIO itself."""

    def geterror(self) -> str: ...


def check_openimageio(what: str) -> None:
    """Refuse `what` where OpenImageIO is not installed."""
    try:
        import OpenImageIO  # noqa: F401
    except ImportError as error:
        message = f'{what} needs OpenImageIO: pip install "propmat[vfx]"'
        raise MissingDependencyError(message) from error


def complaint(reporter: Reporter) -> str:
    """OpenImageIO's error message, which may quote bytes of a damaged file that are no text."""
    try:
        return reporter.geterror().strip().partition("\n")[0] or "OpenImageIO gives no reason"
    except UnicodeDecodeError:
        return "the file is damaged"
