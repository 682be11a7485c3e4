"""Folders that one process at a time works in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from propmat._locks import lock_descriptor
from propmat.errors import InputError, one_line, refused_as, warn


@contextmanager
def locked(
    folder: Path, name: str, who: str = "training", file_name: str = ".lock", *, shared: bool = False
) -> Iterator[None]:
    """Make a folder, and hold it for this process alone, or with others that share it too.

    The lock ends with the process, however that ends. It is of an empty file, which stays: removed, it could be locked
    by two. `who` and the argument `name` are for messages.

    Raises
    ------
    InputError
        Naming the argument `name`, if the folder cannot be written or another process holds it.
    """
    with refused_as(InputError, f"{name}: cannot write to {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(folder / file_name, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            lock_descriptor(file, wait=False, shared=shared)
        except (BlockingIOError, PermissionError):
            raise InputError(
                f"{name}: another {who} is at work in {folder}; wait for its end, or name another folder"
            ) from None
        except OSError as error:  # of file systems that know no locks
            warn(f"{name}: {folder} cannot be locked ({one_line(error)}); let no other {who} work in it")
        yield
    finally:
        os.close(file)
