"""Files behind URLs (``s3://bucket/a.png``), by fsspec where it is installed."""

from __future__ import annotations

import posixpath
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from propmat.errors import InputError, MissingDependencyError, one_line

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

# A scheme has two letters at least: one is a drive of Windows.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(://|::)")

# Of these an object appears when all of it has come; elsewhere a file is written under another name and renamed.
_OBJECT_STORES = frozenset("abfs abfss adl az gcs gs memory oci oss r2 s3 s3a".split())


def is_url(place: object) -> bool:
    """Whether a place is a URL, and not a path of this machine."""
    return isinstance(place, str) and _URL.match(place) is not None


def suffix_of_url(url: str) -> str:
    """The suffix of the file that the URL names, the first one of a chain (``zip://a.png::s3://b/c.zip``)."""
    return posixpath.splitext(url.partition("::")[0].partition("?")[0])[1].lower()


@contextmanager
def reading(url: str) -> Iterator[BinaryIO]:
    """The file that a URL names, opened for reading."""
    system, path = located(url)
    with _told(url, "read"):
        file = system.open(path, "rb")
    with file:
        yield cast(BinaryIO, file)


def read_bytes(url: str, most: int | None = None) -> bytes:
    """All bytes of the file, or the first ones."""
    system, path = located(url)
    with _told(url, "read"):
        content: bytes = system.cat_file(path, start=None if most is None else 0, end=most)
    return content


def write_bytes(url: str, content: bytes) -> None:
    """Write a file so that others see all of it or none."""
    system, path = located(url)
    protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
    with _told(url, "written"):
        if protocols & _OBJECT_STORES:
            system.pipe_file(path, content)
            return
        folder, _, name = path.rpartition("/")
        system.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/.propmat-{secrets.token_hex(12)}{posixpath.splitext(name)[1]}"
        try:
            system.pipe_file(temporary, content)
            system.mv(temporary, path)
        except BaseException:
            if system.exists(temporary):
                system.rm_file(temporary)
            raise


def names_in(url: str) -> list[str]:
    """The names of all files in a folder; none where there is no folder."""
    system, path = located(url)
    with _told(url, "listed"):
        system.invalidate_cache()
        try:
            found = system.ls(path, detail=False)
        except FileNotFoundError:
            return []
    return [str(name).rstrip("/").rpartition("/")[2] for name in found]


def fitting(pattern: str) -> list[str]:
    """The URLs that fit a pattern with ``*`` and ``**``, sorted."""
    system, path = located(pattern)
    with _told(pattern, "listed"):
        return sorted(system.unstrip_protocol(found) for found in system.glob(path))


def located(url: str) -> tuple[AbstractFileSystem, str]:
    """The file system of a URL, and the path in it.

    Raises
    ------
    MissingDependencyError
        If fsspec, or its package for this kind of URL, is not installed.
    InputError
        If there is no such kind.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingDependencyError(f'{url}: needs fsspec: pip install "propmat[batch]"') from error
    try:
        system, path = url_to_fs(url)
    except ImportError as error:
        raise MissingDependencyError(f"{url}: {one_line(error)}") from error
    except Exception as error:  # of any package for a kind of storage
        raise InputError(f"{url}: cannot be opened: {one_line(error)}") from error
    return system, path


@contextmanager
def _told(url: str, what: str) -> Iterator[None]:
    """Turn whatever a storage raises into an `InputError` that names the URL."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else one_line(error)
        raise InputError(f"{url}: cannot be {what}: {reason}") from error
