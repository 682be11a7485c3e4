"""One process at a time in a folder: a lock that ends with the process, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from propmat.errors import InputError, one_line, refused_as, warn

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path, name: str, who: str = "training", file_name: str = ".lock") -> Iterator[None]:
    """Make a folder, and hold it for this process alone.

    The lock is of the system's and of an empty file, which stays: removed, it could be locked by two. `who` and the
    argument `name` are for messages.

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
            _lock(file)
        except (BlockingIOError, PermissionError):
            raise InputError(
                f"{name}: another {who} is at work in {folder}; wait for its end, or name another folder"
            ) from None
        except OSError as error:  # of file systems that know no locks
            warn(f"{name}: {folder} cannot be locked ({one_line(error)}); let no other {who} work in it")
        yield
    finally:
        os.close(file)
