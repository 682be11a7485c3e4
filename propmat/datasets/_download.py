"""Downloads over HTTP: complete or not at all, resumed after interruptions, and within limits."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from propmat.datasets._addresses import checked
from propmat.datasets._connection import Pace
from propmat.datasets._remote import CHUNK, Remote, check, length
from propmat.datasets._responses import extent, response_to
from propmat.errors import DownloadError, one_line

if TYPE_CHECKING:
    from http.client import HTTPResponse

Progress = Callable[[str, int, int | None], None]

# Interrupted downloads are resumed until this many attempts in a row have delivered next to nothing.
FRUITLESS_ATTEMPTS = 3
FRUITFUL = 1 << 16  # bytes
STALLED_AFTER = 30.0  # seconds in which less arrives than the limits ask for


class Limits(NamedTuple):
    """Limits on a download."""

    size: int = 4 << 30  # bytes, of a file whose size is not known
    rate: float = 1024  # bytes a second at the least, in every `timeout` seconds of a connection
    seconds: float = 24 * 3600  # all attempts together


def download(
    remote: Remote,
    target: Path,
    progress: Progress | None = None,
    timeout: float = STALLED_AFTER,
    limits: Limits = Limits(),  # noqa: B008 - immutable
) -> None:
    """Fetch a file to `target`, which appears only when it is complete.

    Bytes received so far are kept in ``target.part``; a later call requests only the rest.
    """
    from http.client import HTTPException

    checked(remote.url)
    part = target.with_name(target.name + ".part")
    most, fruitless, end = length(part), 0, time.monotonic() + limits.seconds
    while True:
        try:
            _receive(remote, part, progress, Pace(timeout, limits.rate, end), limits.size)
            break
        except (OSError, HTTPException) as error:
            if isinstance(error, DownloadError):
                raise
            fruitless = 0 if length(part) >= most + FRUITFUL else fruitless + 1
            most = max(most, length(part))
            if fruitless == FRUITLESS_ATTEMPTS or time.monotonic() > end:
                raise DownloadError(f"{remote.url}: {_reason(error)}. {_advice(part)}") from error
    _check(remote, part)
    os.replace(part, target)


def _receive(remote: Remote, part: Path, progress: Progress | None, pace: Pace, limit: int) -> None:
    """Append what is missing to `part`; raise OSError or HTTPException if the connection ends too early."""
    have = length(part)
    if have == remote.size:
        return
    with pace, response_to(remote.url, have, pace) as response:
        have, total = extent(response, have, remote)
        most = _most(remote, total, limit)
        _not_too_long(remote, max(have, total or 0), part, *most)
        for piece in _appended(response, part, have):
            have += piece
            pace.count(piece)
            _not_too_long(remote, have, part, *most)
            if progress:
                progress(remote.url.rpartition("/")[2], have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def _appended(response: HTTPResponse, part: Path, have: int) -> Iterator[int]:
    """Write received bytes after the first `have` ones, and yield their number each time."""
    with _writing(part):
        file = open(part, "r+b" if have else "wb")  # noqa: SIM115
    with file:
        with _writing(part):
            file.seek(have)
            file.truncate()
        while chunk := response.read1(CHUNK):
            with _writing(part):
                file.write(chunk)
                file.flush()
            yield len(chunk)


@contextmanager
def _writing(part: Path) -> Iterator[None]:
    """Turn errors of writing into `DownloadError`, which is not retried: the cause is the disk, not the connection."""
    try:
        yield
    except OSError as error:
        raise DownloadError(f"cannot write {part}: {one_line(error)}") from error


def _most(remote: Remote, total: int | None, limit: int) -> tuple[int, str]:
    """How many bytes may come, and why not more."""
    if remote.size is not None:
        return remote.size, f"the {remote.size} bytes of the file"
    if total is not None and total <= limit:
        return total, f"the {total} bytes that it announced"
    return limit, f"{limit} bytes, which no file here has"


def _not_too_long(remote: Remote, have: int, part: Path, most: int, told: str) -> None:
    if have > most:
        part.unlink(missing_ok=True)
        raise DownloadError(f"{remote.url}: the server sends more than {told}")


def _check(remote: Remote, part: Path) -> None:
    """Delete a finished file if it does not have the known size and checksum."""
    try:
        check(remote, part)
    except DownloadError as error:
        part.unlink()
        raise DownloadError(f"{error}; nothing was kept") from None


def _reason(error: BaseException) -> str:
    """The cause of an error, which urllib wraps."""
    from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected

    cause = getattr(error, "reason", error)
    if isinstance(cause, BadStatusLine) and not isinstance(cause, RemoteDisconnected):
        return "the server does not answer in HTTP"
    if isinstance(cause, IncompleteRead):
        return "the connection broke off"
    if isinstance(cause, TimeoutError) and str(cause) in ("", "timed out"):
        return "no answer in time"
    return one_line(cause if isinstance(cause, BaseException) else error)


def _advice(part: Path) -> str:
    if length(part):
        return f"{length(part)} bytes are kept in {part}; the same call goes on from there"
    return "Is there a network? The archives can also be fetched by other means and unpacked by hand"
