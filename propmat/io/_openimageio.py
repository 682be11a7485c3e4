"""OpenImageIO, where it is installed."""

from __future__ import annotations

from typing import Any

from propmat.errors import MissingDependencyError


def openimageio(what: str) -> Any:
    try:
        import OpenImageIO
    except ImportError as error:
        message = f'{what} needs OpenImageIO: pip install "propmat[vfx]"'
        raise MissingDependencyError(message) from error
    return OpenImageIO


def complaint(reporter: Any) -> str:
    """OpenImageIO's error message, which may quote bytes of a damaged file that are no text."""
    try:
        return reporter.geterror().strip().partition("\n")[0] or "OpenImageIO gives no reason"
    except UnicodeDecodeError:
        return "the file is damaged"
