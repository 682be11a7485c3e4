"""Downloads over HTTP: complete or not at all, resumed after interruptions, and within limits."""

from __future__ import annotations

import hashlib
import os
import re
import string
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from propmat.datasets._connection import Pace, opened
from propmat.errors import DownloadError, one_line, refused_as, shown, warn

Progress = Callable[[str, int, int | None], None]

CHUNK = 1 << 18
# Interrupted downloads are resumed until this many attempts in a row have delivered next to nothing.
FRUITLESS_ATTEMPTS = 3
FRUITFUL = 1 << 16  # bytes
STALLED_AFTER = 30.0  # seconds in which less arrives than the limits ask for
REDIRECTIONS = 5
# Longer numbers are not the length of any file, and take long to parse.
LENGTH = r"([0-9]{1,18})"


class Remote(NamedTuple):
    """A file to fetch, with its size and checksum where they are known."""

    url: str
    size: int | None = None
    sha256: str | None = None


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

    _checked(remote.url)
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


def _appended(response: Any, part: Path, have: int) -> Iterator[int]:
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


def _answer(url: str, have: int, pace: Pace) -> Any:
    """The response to a request for all bytes but the first `have`."""
    headers = {"User-Agent": "propmat", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    here = url
    for _ in range(REDIRECTIONS + 1):
        response = opened(here, headers, pace)
        if response.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
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


def _address(url: str) -> SplitResult | None:
    """The parts of an address of HTTP, None of another."""
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")  # fails as looking it up would
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return None
    fit = url.isascii() and url.isprintable() and " " not in url and parts.username is None
    return parts if known and fit else None


def _checked(url: str) -> SplitResult:
    parts = _address(url)
    if parts is None:
        raise DownloadError(
            f"{shown(url)}: is no address that is fetched from; takes https://... or http://... in ASCII (%20 for a "
            f"blank), without a user's name"
        )
    return parts


def _redirected(url: str, location: str) -> str:
    """Where the server sends us: to the same server, or from one https server to another."""
    with refused_as(DownloadError, f"{url}: the server redirects to {location[:200]!r}"):
        target = quote(urljoin(url, location), encoding="iso-8859-1", safe=string.punctuation)
    old, new = _checked(url), _address(target)
    if new is None or not _may_follow(old, new):
        raise DownloadError(
            f"{url}: the server redirects to {target[:200]!r}; takes the same server, or https from one server to "
            f"another"
        )
    return target


def _may_follow(old: SplitResult, new: SplitResult) -> bool:
    same = old.hostname == new.hostname and (new.port == old.port or new.scheme != old.scheme)
    if new.scheme == "https":
        return same or old.scheme == "https"
    return same and new.scheme == old.scheme


def _extent(response: Any, have: int, remote: Remote) -> tuple[int, int | None]:
    """Where the answer starts, and how long the whole file is as far as is known."""
    _plain(response, remote.url)
    total: int | None
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        total = _total(_header(response, "Content-Range"), have, remote.url)
    else:
        have, total = 0, _announced(response, remote.url)
    if remote.size is not None and total not in (None, remote.size):
        raise DownloadError(f"{remote.url}: the server announces {total} bytes, the file has {remote.size}")
    return have, remote.size or total


def _plain(response: Any, url: str) -> None:
    """Refuse compressed content, whose decompression has no limit, and chunks that would be taken for content."""
    encodings = _header(response, "Content-Encoding").lower(), _header(response, "Transfer-Encoding").lower()
    if encodings[0] not in ("", "identity") or encodings[1] not in ("", "identity", "chunked"):
        sent = encodings[1] if encodings[0] in ("", "identity") else encodings[0]
        raise DownloadError(f"{url}: the server was asked for plain bytes and sends {sent[:40]!r}")


def _total(place: str, have: int, url: str) -> int:
    """The length of the whole file according to the range of the answer, which must be all bytes still missing."""
    given = re.fullmatch(rf"bytes {LENGTH}-{LENGTH}/(?:{LENGTH}|\*)", place)
    last = int(given[2]) if given else 0
    total = int(given[3]) if given and given[3] else last + 1
    if not given or int(given[1]) != have or not have <= last < total:
        raise DownloadError(f"{url}: the server was asked for bytes from {have} on and sends others")
    return total


def _announced(response: Any, url: str) -> int | None:
    length = _header(response, "Content-Length")
    if not response.headers.get_all("Content-Length"):
        return None
    if not re.fullmatch(LENGTH, length):
        raise DownloadError(f"{url}: the server announces a length of {length[:40]!r}, which is no number of bytes")
    return int(length)


def _header(response: Any, name: str) -> str:
    """The value of a header; of several that differ, all of them."""
    return ", ".join(dict.fromkeys(value.strip() for value in response.headers.get_all(name, [])))


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


def check(remote: Remote, path: Path) -> None:
    """Refuse a file that does not have the known size and checksum."""
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
    """Warn that nothing verifies that this is the right file."""
    if _checked(remote.url).scheme == "http" and remote.sha256 is None:
        warn(
            f"{remote.url}: no checksum of it is known and http does not protect it on its way, so that it may be "
            "another file than the one that was meant; take an https address where there is one"
        )


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


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
    if _length(part):
        return f"{_length(part)} bytes are kept in {part}; the same call goes on from there"
    return "Is there a network? The archives can also be fetched by other means and unpacked by hand"
