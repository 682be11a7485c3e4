"""What reading and writing share: OpenImageIO, where it is installed, and reasons of failure."""

from __future__ import annotations

import os
from typing import Any

from propmat.errors import MissingDependencyError

PathLike = str | os.PathLike[str]


def reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


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
        return reporter.geterror().partition("\n")[0] or "OpenImageIO gives no reason"
    except UnicodeDecodeError:
        return "the file is damaged"
