"""Files of machine code: where they are kept, what makes them out of date, and writing by several processes at once.

numba's caches are used but for three things. Names of files are never given twice: numba counts, so that two processes
that compile one kernel for different arguments may both write file 1, and a third then runs the code of the wrong one.
Code is out of date when any of its sources has changed, those of kernels that it inlines included. And folders that
cannot be written are read all the same: what was compiled while an image or a package was built serves every user.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, NullCache, _CacheLocator

from propmat._locks import locked_file
from propmat.errors import InputError

LOCK = ".propmat-lock"
SAVING = threading.Lock()  # a process that ends itself holds it, so that no file is left half-written
_KERNELS = re.compile(r"^from propmat\._cpu\.(\w+) import", re.MULTILINE)


def writable_files(function: Callable[..., Any]) -> FunctionCache | NullCache:
    """The files of one kernel in the folder that numba chooses; none if neither it nor a home directory is writable."""
    try:
        return _with_own_index(FunctionCache(function))
    except RuntimeError:  # "no locator available"
        return NullCache()


def writable_folder() -> Path:
    """The folder that compiled kernels are written to.

    Raises
    ------
    InputError
        If the one that NUMBA_CACHE_DIR names cannot be written, or none can.
    """
    named = config.CACHE_DIR  # type: ignore[attr-defined]
    folder = writable_files(writable_folder).cache_path
    if named and (folder is None or Path(named) not in Path(folder).parents):
        raise InputError(f"NUMBA_CACHE_DIR: the folder {named} cannot be written")
    if folder is None:
        raise InputError("no folder for compiled kernels can be written; NUMBA_CACHE_DIR names one")
    return Path(folder)


def readable_files(function: Callable[..., Any]) -> FunctionCache | NullCache:
    """The files of one kernel in the folder of NUMBA_CACHE_DIR, else of the package, if it exists, writable or not."""
    source, named = Path(function.__code__.co_filename), config.CACHE_DIR  # type: ignore[attr-defined]
    subfolder = _CacheLocator.get_suitable_cache_subpath(str(source))
    folder = Path(named, subfolder) if named else source.parent / "__pycache__"
    try:
        return _with_own_index(_cache_in(folder)(function))
    except RuntimeError:
        return NullCache()


def has_nothing(files: FunctionCache | NullCache) -> bool:
    """Whether a folder is kept in which no code of the kernel was ever written."""
    return isinstance(files, FunctionCache) and not os.path.exists(files._cache_file._index_path)


def stamp_of(path: str) -> str:
    """A digest of a source of kernels and of those that it imports."""
    digest = hashlib.sha256()
    for source in sorted(_sources(Path(path))):
        digest.update(_text(source))
    return digest.hexdigest()


class CodeFiles(IndexDataCacheFile):
    """Index and data files of one kernel, of which numba reads and writes the parts."""

    def __init__(self, folder: str, base: str, stamp: str) -> None:
        super().__init__(cache_path=folder, filename_base=base, source_stamp=stamp)
        self.folder, self.base = Path(folder), base

    def save(self, key: Any, data: Any) -> None:
        """Write the code for one signature, then the index that names it."""
        with SAVING, locked_file(self.folder / LOCK):
            overloads = self._load_index()
            name = overloads.get(key) or f"{self.base}.{secrets.token_hex(8)}.nbc"
            self._save_data(name, data)
            if key not in overloads:
                self._save_index({**overloads, key: name})
            if not overloads:
                self._remove_outdated(name)

    def _remove_outdated(self, name: str) -> None:
        """Remove the code of former sources, once the index no longer names it."""
        for path in self.folder.iterdir():
            if path.name.startswith(f"{self.base}.") and path.suffix == ".nbc" and path.name != name:
                with suppress(OSError):
                    path.unlink()


def _with_own_index(cache: FunctionCache) -> FunctionCache:
    try:
        stamp = stamp_of(cache._py_func.__code__.co_filename)
    except OSError:  # the package is frozen or zipped
        stamp = cache._impl.locator.get_source_stamp()
    cache._cache_file = CodeFiles(cache.cache_path, cache._impl.filename_base, stamp)
    return cache


def _sources(path: Path) -> set[Path]:
    found, unread = set[Path](), {path}
    while unread:
        source = unread.pop()
        found.add(source)
        imported = (source.with_name(f"{name}.py") for name in _KERNELS.findall(_text(source).decode()))
        unread |= {path for path in imported if path.exists()} - found
    return found


@functools.cache
def _text(path: Path) -> bytes:
    return path.read_bytes()


@functools.cache
def _cache_in(folder: Path) -> type[FunctionCache]:
    """numba's cache, in a folder that has to exist but need not be writable."""

    class Located:
        """What numba asks of a locator."""

        def __init__(self, function: Callable[..., Any]) -> None:
            self.line = function.__code__.co_firstlineno

        @classmethod
        def from_function(cls, function: Callable[..., Any], path: str) -> Located | None:
            return cls(function) if folder.is_dir() else None

        def get_cache_path(self) -> str:
            return str(folder)

        def get_source_stamp(self) -> str:
            return ""  # that of `CodeFiles` counts

        def get_disambiguator(self) -> str:
            return str(self.line)

    class Implementation(CompileResultCacheImpl):
        _locator_classes = [Located]  # type: ignore[list-item]

    class Existing(FunctionCache):
        _impl_class = Implementation

    return Existing
