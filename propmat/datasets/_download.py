"""Files over HTTP: whole or not at all, taken up again where the last attempt broke off, and within limits."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from propmat.datasets._connection import Pace, opened
from propmat.errors import DownloadError, one_line, refused_as, warn

Progress = Callable[[str, int, int | None], None]

CHUNK = 1 << 18
# Connections that break off are taken up again until so many in a row have brought next to nothing.
FRUITLESS_ATTEMPTS = 3
FRUITFUL = 1 << 16  # bytes
STALLED_AFTER = 30.0  # seconds in which less arrives than the limits ask for
REDIRECTIONS = 5
# More digits than any file has bytes are no length, and take long to read.
LENGTH = r"([0-9]{1,18})"


class Remote(NamedTuple):
    """A file to fetch, and what is known of it."""

    url: str
    size: int | None = None
    sha256: str | None = None


class Limits(NamedTuple):
    """What a server may take."""

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
    """Fetch a file to `target`, which appears only when it is whole.

    What arrives is kept in ``target.part``; a later call asks for the rest only.
    """
    from http.client import HTTPException

    _address(remote.url)
    part = target.with_name(target.name + ".part")
    most, fruitless, end = _length(part), 0, time.monotonic() + limits.seconds
    while True:
        try:
            _receive(remote, part, progress, Pace(timeout, limits.rate, end), limits.size)
            break
        except (OSError, HTTPException) as error:
            if isinstance(error, DownloadError):
                raise
            fruitless = 0 if _length(part) >= most + FRUITFUL else fruitless + 1
            most = max(most, _length(part))
            if fruitless == FRUITLESS_ATTEMPTS or time.monotonic() > end:
                raise DownloadError(f"{remote.url}: {_reason(error)}. {_advice(part)}") from error
    _check(remote, part)
    os.replace(part, target)


def _receive(remote: Remote, part: Path, progress: Progress | None, pace: Pace, limit: int) -> None:
    """Append what is missing to `part`; raise OSError or HTTPException if the connection ends too early."""
    have = _length(part)
    if have == remote.size:
        return
    with pace, _answer(remote.url, have, pace) as response:
        have, total = _extent(response, have, remote)
        _not_too_long(remote, max(have, total or 0), part, limit)
        for piece in _appended(response, part, have):
            have += piece
            pace.count(piece)
            _not_too_long(remote, have, part, limit)
            if progress:
                progress(remote.url.rpartition("/")[2], have, total)
    if total is not None and have < total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")


def _appended(response: Any, part: Path, have: int) -> Iterator[int]:
    """Write what arrives behind the first `have` bytes, and yield how much it was each time."""
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
    """A full disk is no broken connection: trying again does not help."""
    try:
        yield
    except OSError as error:
        raise DownloadError(f"cannot write {part}: {one_line(error)}") from error


def _answer(url: str, have: int, pace: Pace) -> Any:
    """The response to a request for all bytes but the first `have`."""
    headers = {"User-Agent": "propmat", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    here = url
    for _ in range(REDIRECTIONS + 1):
        response = opened(here, headers, pace)
        if response.status < 300:
            return response
        with response:
            if response.status in (301, 302, 303, 307, 308) and response.headers.get("Location"):
                here = _redirected(here, response.headers["Location"])
            elif response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                return _answer(url, 0, pace)
            else:
                raise _refusal(url, response)
    raise DownloadError(f"{url}: the server redirects more than {REDIRECTIONS} times")


def _refusal(url: str, response: Any) -> Exception:
    told = f"the server answers {response.status} {one_line(Exception(response.reason))}"
    if response.status >= 500:  # may pass
        return ConnectionError(told)
    return DownloadError(f"{url}: {told}")


def _address(url: str) -> SplitResult:
    """The parts of an address of HTTP."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        known = False
    if not known or not url.isprintable() or " " in url:
        raise DownloadError(f"{url!r}: is no address that is fetched from; takes https://... or http://...")
    return parts


def _redirected(url: str, location: str) -> str:
    """Where the server sends us: to the same server, or from one https server to another."""
    with refused_as(DownloadError, f"{url}: the server redirects to {location[:200]!r}"):
        target = urljoin(url, location)
    old, new = _address(url), _address(target)
    same = old.hostname == new.hostname and (new.port == old.port or new.scheme != old.scheme)
    if not (new.scheme == "https" and (same or old.scheme == "https") or same and new.scheme == old.scheme):
        raise DownloadError(
            f"{url}: the server redirects to {target!r}; takes the same server, or https from one server to another"
        )
    return target


def _extent(response: Any, have: int, remote: Remote) -> tuple[int, int | None]:
    """Where the answer starts, and how long the whole file is as far as is known."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise DownloadError(f"{remote.url}: the server was asked for plain bytes and sends {encoding[:40]!r}")
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        given = re.fullmatch(rf"bytes {LENGTH}-{LENGTH}/(?:{LENGTH}|\*)", response.headers.get("Content-Range", ""))
        if not given or int(given[1]) != have:
            raise DownloadError(f"{remote.url}: the server was asked for bytes from {have} on and sends others")
        total = int(given[3]) if given[3] else None
    else:
        have, total = 0, _announced(response, remote.url)
    if remote.size is not None and total not in (None, remote.size):
        raise DownloadError(f"{remote.url}: the server announces {total} bytes, the file has {remote.size}")
    return have, remote.size or total


def _announced(response: Any, url: str) -> int | None:
    length = response.headers.get("Content-Length")
    if length is None:
        return None
    if not re.fullmatch(LENGTH, length.strip()):
        raise DownloadError(f"{url}: the server announces a length of {length[:40]!r}, which is no number of bytes")
    return int(length)


def _not_too_long(remote: Remote, have: int, part: Path, limit: int) -> None:
    if have > (limit if remote.size is None else remote.size):
        part.unlink(missing_ok=True)
        if remote.size is not None:
            raise DownloadError(f"{remote.url}: the server sends more than the {remote.size} bytes of the file")
        raise DownloadError(f"{remote.url}: the server sends more than {limit} bytes, which no file here has")


def _check(remote: Remote, part: Path) -> None:
    """Throw a finished file away if it is not the one that is known."""
    try:
        check(remote, part)
    except DownloadError as error:
        part.unlink()
        raise DownloadError(f"{error}; nothing was kept") from None


def check(remote: Remote, path: Path) -> None:
    """Refuse a file that is not the one that is known."""
    if remote.size is not None and _length(path) != remote.size:
        found, known = f"{_length(path)} bytes", f"{remote.size} bytes"
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
    """Say that nothing tells whether this is the right file."""
    if _address(remote.url).scheme == "http" and remote.sha256 is None:
        warn(
            f"{remote.url}: no checksum of it is known and http does not protect it on its way, so that it may be "
            "another file than the one that was meant; take an https address where there is one"
        )


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _reason(error: BaseException) -> str:
    """What went wrong, from inside urllib's wrapping."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError) and str(cause) in ("", "timed out"):
        return "no answer in time"
    return one_line(cause if isinstance(cause, BaseException) else error)


def _advice(part: Path) -> str:
    if _length(part):
        return f"{_length(part)} bytes are kept in {part}; the same call goes on from there"
    return "Is there a network? The archives can also be fetched by other means and unpacked by hand"
