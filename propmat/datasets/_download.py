"""Files over HTTP: whole or not at all, and taken up again where the last attempt broke off."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from propmat.errors import DownloadError

Progress = Callable[[str, int, int | None], None]

CHUNK = 1 << 18
# Connections that break off are taken up again until so many in a row have brought nothing.
FRUITLESS_ATTEMPTS = 3
STALLED_AFTER = 30.0  # seconds without a byte


class Remote(NamedTuple):
    """A file to fetch, and what is known of it."""

    url: str
    size: int | None = None
    sha256: str | None = None


def download(remote: Remote, target: Path, progress: Progress | None = None, timeout: float = STALLED_AFTER) -> None:
    """Fetch a file to `target`, which appears only when it is whole.

    What arrives is kept in ``target.part``; a later call asks for the rest only.
    """
    from http.client import HTTPException

    part = target.with_name(target.name + ".part")
    most, fruitless = _length(part), 0
    while True:
        try:
            _receive(remote, part, progress, timeout)
            break
        except (OSError, HTTPException) as error:
            if isinstance(error, DownloadError):
                raise
            fruitless = 0 if _length(part) > most else fruitless + 1
            most = max(most, _length(part))
            if fruitless == FRUITLESS_ATTEMPTS:
                raise DownloadError(f"{remote.url}: {_reason(error)}. {_advice(part)}") from error
    _check(remote, part)
    os.replace(part, target)


def _receive(remote: Remote, part: Path, progress: Progress | None, timeout: float) -> None:
    """Append what is missing to `part`; raise OSError or HTTPException if the connection ends too early."""
    have = _length(part)
    if have == remote.size:
        return
    with _open(remote.url, have, timeout) as response:
        have, total = _extent(response, have, remote)
        with open(part, "r+b" if have else "wb") as file:
            file.seek(have)
            file.truncate()
            while chunk := response.read(CHUNK):
                file.write(chunk)
                have += len(chunk)
                _not_too_long(remote, have, part)
                if progress:
                    progress(remote.url.rpartition("/")[2], have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def _open(url: str, have: int, timeout: float) -> Any:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    headers = {"User-Agent": "propmat", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        return urlopen(Request(url, headers=headers), timeout=timeout)
    except HTTPError as error:
        with error:
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                return _open(url, 0, timeout)
            if error.code >= 500:  # may pass
                raise ConnectionError(f"the server answers {error.code} {error.reason}") from error
            raise DownloadError(f"{url}: the server answers {error.code} {error.reason}") from error
    except ValueError as error:  # no address at all
        raise DownloadError(f"{url}: {error}") from error


def _extent(response: Any, have: int, remote: Remote) -> tuple[int, int | None]:
    """Where the answer starts, and how long the whole file is as far as is known."""
    length = response.headers.get("Content-Length", "")
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        given = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if not given or int(given[1]) != have:
            raise DownloadError(f"{remote.url}: the server was asked for bytes from {have} on and sends others")
        total = None if given[2] == "*" else int(given[2])
    else:
        have, total = 0, int(length) if length.isdigit() else None
    if remote.size is not None and total not in (None, remote.size):
        raise DownloadError(f"{remote.url}: the server announces {total} bytes, the file has {remote.size}")
    return have, remote.size or total


def _not_too_long(remote: Remote, have: int, part: Path) -> None:
    if remote.size is not None and have > remote.size:
        part.unlink()
        raise DownloadError(f"{remote.url}: the server sends more than the {remote.size} bytes of the file")


def _check(remote: Remote, part: Path) -> None:
    """Throw a finished file away if it is not the one that is known."""
    if remote.size is not None and _length(part) != remote.size:
        found, known = f"{_length(part)} bytes", f"{remote.size} bytes"
    elif remote.sha256 is not None:
        with open(part, "rb") as file:
            digest = hashlib.sha256()
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        found, known = f"SHA-256 {digest.hexdigest()}", f"SHA-256 {remote.sha256}"
    else:
        return
    if found != known:
        part.unlink()
        raise DownloadError(f"{remote.url}: got {found}, the file has {known}; nothing was kept")


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: BaseException) -> str:
    """What went wrong, from inside urllib's wrapping."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    return getattr(cause, "strerror", None) or str(cause) or type(cause).__name__


def _advice(part: Path) -> str:
    if _length(part):
        return f"{_length(part)} bytes are kept in {part}; the same call goes on from there"
    return "Is there a network? The archives can also be fetched by other means and unpacked by hand"
