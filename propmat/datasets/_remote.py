"""A file to fetch, and checks of what was fetched."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from propmat.datasets._addresses import checked
from propmat.errors import DownloadError, warn

CHUNK = 1 << 18


class Remote(NamedTuple):
    """A file to fetch, with its size and checksum where they are known."""

    url: str
    size: int | None = None
    sha256: str | None = None


def check(remote: Remote, path: Path) -> None:
    """Refuse a file that does not have the known size and checksum."""
    if remote.size is not None and length(path) != remote.size:
        found, known = f"{length(path)} bytes", f"{remote.size} bytes"
    elif remote.sha256 is not None:
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        found, known = f"SHA-256 {digest.hexdigest()}", f"SHA-256 {remote.sha256}"
    else:
        return
    if found != known:
        raise DownloadError(f"{remote.url}: got {found}, the file has {known}")


def warn_if_unchecked(remote: Remote) -> None:
    """Warn that nothing verifies that this is the right file."""
    if checked(remote.url).scheme == "http" and remote.sha256 is None:
        warn(
            f"{remote.url}: no checksum of it is known and http does not protect it on its way, so that it may be "
            "another file than the one that was meant; take an https address where there is one"
        )


def length(path: Path) -> int:
    """Bytes of a file; 0 if it does not exist."""
    return path.stat().st_size if path.exists() else 0
