"""Addresses that are fetched from, and redirections that are followed."""

from __future__ import annotations

import string
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from propmat.errors import DownloadError, refused_as, shown


def checked(url: str) -> SplitResult:
    """The parts of an address, which must be one of HTTP."""
    parts = _address(url)
    if parts is None:
        raise DownloadError(
            f"{shown(url)}: is no address that is fetched from; takes https://... or http://... in ASCII (%20 for a "
            f"blank), without a user's name"
        )
    return parts


def redirected(url: str, location: str) -> str:
    """Where the server sends us: to the same server, or from one https server to another."""
    with refused_as(DownloadError, f"{url}: the server redirects to {location[:200]!r}"):
        target = quote(urljoin(url, location), encoding="iso-8859-1", safe=string.punctuation)
    old, new = checked(url), _address(target)
    if new is None or not _may_follow(old, new):
        raise DownloadError(
            f"{url}: the server redirects to {target[:200]!r}; takes the same server, or https from one server to "
            f"another"
        )
    return target


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


def _may_follow(old: SplitResult, new: SplitResult) -> bool:
    same = old.hostname == new.hostname and (new.port == old.port or new.scheme != old.scheme)
    if new.scheme == "https":
        return same or old.scheme == "https"
    return same and new.scheme == old.scheme
