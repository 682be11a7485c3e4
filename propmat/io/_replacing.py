"""Files are replaced completely or not at all, and properties that a rename would lose are copied.

A new file is written under a temporary name in the same folder, synced and renamed. Its writer holds a lock on it: a
temporary file without a lock was left by a run that was killed, and is removed by the next run that writes there.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from propmat.errors import InputError, warn

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(r"\.propmat-\d+-[0-9a-f]{16}\b")

# Where there are no locks, files that are older (in seconds) were left behind.
_ABANDONED = 3600

# So many names are looked at for each file that is written: in a large folder not all of them each time, for together
# the files of a long run would take time quadratic in their number.
_NAMES_PER_FILE = 64

# How many more files are written into each folder before it is swept again.
_until_sweep: dict[Path, int] = {}


def check_place(name: str, target: Path) -> None:
    """Whether a file may be made, or replaced, there."""
    if not os.path.isdir(target.parent):
        raise InputError(f"{name}: there is no folder {target.parent} to write into")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise InputError(f"{name}: the folder {target.parent} may not be written into")
    try:
        found = os.stat(target)  # raises also over a name that is too long
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{name}: is a directory or a device, not a file to replace")
    # The mode is asked as well: to root every file is writable.
    if not found.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise InputError(f"{name}: exists and is read-only; change its mode or take another name")


def replace_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write one file, or the target of a link.

    Raises
    ------
    InputError
        If there is no folder, or no file that may be replaced.
    OSError, ValueError
        If it cannot be written.
    """
    target = Path(os.path.realpath(path))
    check_place(str(path), target)
    write_files([(target, content)])


def write_files(contents: Sequence[tuple[Path, bytes]]) -> None:
    """Write all of these files or none: they are renamed once all of them are on the disk."""
    folders = {path.parent for path, _ in contents}
    for folder in folders:
        _sweep(folder)
    with ExitStack() as written:
        moves = [(written.enter_context(_written(path, content)), path) for path, content in contents]
        _move(moves)
    for folder in folders:
        _sync_folder(folder)


@contextmanager
def _written(target: Path, content: bytes) -> Iterator[Path]:
    """A context with a synced temporary file of this content, with the mode and owner of `target`."""
    with _beside(target, _create) as (temporary, descriptor):
        _carry_over(target, temporary)  # before the content, so that nobody can read it without permission
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
        yield temporary


def _move(moves: Sequence[tuple[Path, Path]]) -> None:
    """Move files into place; if one move fails, those before it are undone."""
    if len(moves) == 1:
        os.replace(*moves[0])
        return
    with ExitStack() as kept:
        done: list[tuple[Path, Path | None]] = []
        try:
            for temporary, target in moves:
                done.append((target, kept.enter_context(_kept(target)) if target.exists() else None))
                os.replace(temporary, target)
        except BaseException:
            for target, former in reversed(done):
                _take_back(target, former)
            raise


@contextmanager
def _kept(target: Path) -> Iterator[Path]:
    """A context with a second name of the file that is about to be replaced."""

    def link(name: Path) -> int:
        try:
            os.link(target, name)
        except OSError:  # the file system has no links
            shutil.copy2(target, name)
        return os.open(name, os.O_RDONLY)

    with _beside(target, link) as (former, _):
        yield former


def _take_back(target: Path, former: Path | None) -> None:
    if former is None:
        target.unlink(missing_ok=True)
    else:
        os.replace(former, target)


@contextmanager
def _beside(target: Path, make: Callable[[Path], int]) -> Iterator[tuple[Path, int]]:
    """A context with a locked temporary file in the folder of `target`, made by `make`; removed unless it was moved."""
    while True:
        # Not by tempfile, whose files are readable by their owner only.
        temporary = target.with_name(f".propmat-{os.getpid()}-{secrets.token_hex(8)}{target.suffix[:16]}")
        descriptor = make(temporary)
        if fcntl is None:
            break
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if temporary.exists():
            break
        os.close(descriptor)  # swept by another run before it was locked
    try:
        yield temporary, descriptor
    finally:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)


def _carry_over(target: Path, temporary: Path) -> None:
    """Give the new file what the old one has: owner, mode, extended attributes with access control lists."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        return
    if old.st_nlink > 1:
        message = f"{target}: is one of {old.st_nlink} hard links; the others keep the former content"
        warn(message)
    if hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(temporary, old.st_uid, old.st_gid)
    os.chmod(temporary, stat.S_IMODE(old.st_mode))  # after the owner, whose change clears bits
    if hasattr(os, "listxattr"):
        with suppress(OSError):
            for name in os.listxattr(target):
                os.setxattr(temporary, name, os.getxattr(target, name))


def _sweep(folder: Path) -> None:
    """Remove temporary files that killed runs left in a folder, at the first file and then now and again."""
    left = _until_sweep.get(folder, 0)
    if left:
        _until_sweep[folder] = left - 1
        return
    count = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for count, entry in enumerate(entries):  # noqa: B007
            if _TEMPORARY.match(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_abandoned(entry.path)
    _until_sweep[folder] = count // _NAMES_PER_FILE


def _remove_abandoned(path: str) -> None:
    with suppress(OSError):  # locked by a run that lives, or another user's
        if fcntl is None:
            if time.time() - os.stat(path).st_mtime > _ABANDONED:
                os.unlink(path)
            return
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Write renames to the disk, on systems where a folder can be synced."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
