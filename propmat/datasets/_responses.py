"""Responses of HTTP servers: status, redirections, and headers that say which bytes they send."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from propmat.datasets._addresses import redirected
from propmat.datasets._connection import Pace, opened
from propmat.datasets._remote import Remote
from propmat.errors import DownloadError, one_line

if TYPE_CHECKING:
    from http.client import HTTPResponse

REDIRECTIONS = 5
# Longer numbers are not the length of any file, and take long to parse.
LENGTH = r"([0-9]{1,18})"


def response_to(url: str, have: int, pace: Pace) -> HTTPResponse:
    """The response to a request for all bytes but the first `have`; an error if it is a refusal."""
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
                here = redirected(here, response.headers["Location"])
            elif response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                return response_to(url, 0, pace)
            else:
                raise _refusal(url, response)
    raise DownloadError(f"{url}: the server redirects more than {REDIRECTIONS} times")


def _refusal(url: str, response: HTTPResponse) -> Exception:
    told = f"the server answers {response.status} {one_line(Exception(response.reason))}"
    if response.status >= 500:  # may pass
        return ConnectionError(told)
    return DownloadError(f"{url}: {told}")


def extent(response: HTTPResponse, have: int, remote: Remote) -> tuple[int, int | None]:
    """The first byte that is sent, and the length of the whole file, None if it is not known."""
    _check_encoding(response, remote.url)
    total: int | None
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        total = _total(_header(response, "Content-Range"), have, remote.url)
    else:
        have, total = 0, _announced(response, remote.url)
    if remote.size is not None and total not in (None, remote.size):
        raise DownloadError(f"{remote.url}: the server announces {total} bytes, the file has {remote.size}")
    return have, remote.size or total


def _check_encoding(response: HTTPResponse, url: str) -> None:
    """Refuse compressed content, whose decompression has no limit, and chunks that would be taken for content."""
    encodings = _header(response, "Content-Encoding").lower(), _header(response, "Transfer-Encoding").lower()
    if encodings[0] not in ("", "identity") or encodings[1] not in ("", "identity", "chunked"):
        sent = encodings[1] if encodings[0] in ("", "identity") else encodings[0]
        raise DownloadError(f"{url}: the server was asked for plain bytes and sends {sent[:40]!r}")


def _total(place: str, have: int, url: str) -> int:
    """The length of the whole file according to the range of the response, which must be all bytes still missing."""
    given = re.fullmatch(rf"bytes {LENGTH}-{LENGTH}/(?:{LENGTH}|\*)", place)
    last = int(given[2]) if given else 0
    total = int(given[3]) if given and given[3] else last + 1
    if not given or int(given[1]) != have or not have <= last < total:
        raise DownloadError(f"{url}: the server was asked for bytes from {have} on and sends others")
    return total


def _announced(response: HTTPResponse, url: str) -> int | None:
    length = _header(response, "Content-Length")
    if not response.headers.get_all("Content-Length"):
        return None
    if not re.fullmatch(LENGTH, length):
        raise DownloadError(f"{url}: the server announces a length of {length[:40]!r}, which is no number of bytes")
    return int(length)


def _header(response: HTTPResponse, name: str) -> str:
    """The value of a header; of several that differ, all of them."""
    return ", ".join(dict.fromkeys(value.strip() for value in response.headers.get_all(name, [])))
