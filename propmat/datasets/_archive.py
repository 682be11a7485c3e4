"""Zip archives: unpacked completely or not at all, and within limits that follow from their size."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import stat
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from propmat.errors import DownloadError, one_line

CHUNK = 1 << 18
# Deflate needs little memory, whatever an archive claims; LZMA allocates as much as the archive asks for.
PACKED_BY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1
# Errors of writing a member whose cause is its name, not the disk.
OF_NAMES = (errno.EEXIST, errno.EINVAL, errno.EILSEQ, errno.EISDIR, errno.ENAMETOOLONG, errno.ENOTDIR)
# Names of devices, alternate streams, and endings of names that Windows drops.
OF_WINDOWS = re.compile(r"(aux|con|nul|prn|(com|lpt)[0-9])( *\..*)?|.*:.*|.+[. ]", re.IGNORECASE | re.DOTALL)
MACOS = "__MACOSX"  # what macOS adds to the archives that it makes


class Limits(NamedTuple):
    """Limits on the contents of an archive. Image files are compressed already, so that ratios are low."""

    members: int = 10_000
    directory: int = 4 << 20  # bytes of the list of members
    unpacked: int = 8 << 30  # bytes
    ratio: int = 100  # unpacked by packed
    harmless: int = 16 << 20  # bytes that an archive may unpack to at any ratio


def unpack(archive: Path, target: Path, limits: Limits = Limits()) -> None:  # noqa: B008 - immutable
    """Unpack a zip archive to the folder `target`, which appears only when it is complete.

    Raises
    ------
    DownloadError
        If the archive is damaged, encrypted, packed otherwise than by deflate or beyond the limits, or if a member
        would lie outside `target`.
    OSError
        If the folder cannot be written.
    """
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        folder.chmod(0o755)
        _unpack_into(folder, archive, target.name, limits)
        # Some archives hold one folder of their own name.
        inner = folder / target.name
        os.replace(inner if os.listdir(folder) == [target.name] and inner.is_dir() else folder, target)
    except (DownloadError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, *OF_NAMES):
            raise
        raise _refusal(target.name, f"is damaged ({one_line(error)})") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack_into(folder: Path, archive: Path, name: str, limits: Limits) -> None:
    packed = archive.stat().st_size
    left = min(limits.unpacked, max(limits.harmless, limits.ratio * packed))
    with _Bounded(io.FileIO(archive)) as file, zipfile.ZipFile(file.of(limits.directory)) as members:
        for member in _checked(members, name, limits):
            path = folder.joinpath(*PurePosixPath(member.filename).parts)
            if member.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with members.open(member) as source, open(path, "xb") as sink:
                while chunk := source.read(CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise _refusal(name, f"has {packed} bytes and unpacks to more than such an archive may")
                    sink.write(chunk)
                sink.flush()
                os.fsync(sink.fileno())  # once the folder exists, the archive is never unpacked again


class _Bounded(io.BufferedReader):
    """A file with a limit on the size of one read, since `zipfile` reads as much as the archive claims."""

    most: int

    def of(self, most: int) -> _Bounded:
        self.most = most
        return self

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = os.fstat(self.fileno()).st_size - self.tell() if size is None or size < 0 else size
        if wanted > self.most:
            raise zipfile.BadZipFile(f"claims a list of members of {wanted} bytes, at most {self.most} are read")
        return super().read(wanted)


def _checked(members: zipfile.ZipFile, archive: str, limits: Limits) -> Iterator[zipfile.ZipInfo]:
    """The members, all of them fit to be unpacked."""
    listed = members.infolist()
    if len(listed) > limits.members:
        raise _refusal(archive, f"has {len(listed)} members, at most {limits.members} are unpacked")
    kept = [member for member in listed if PurePosixPath(member.filename).parts[:1] != (MACOS,)]
    for member in kept:
        if reason := _unfit(member):
            raise _refusal(archive, f"has a member {member.orig_filename[:80]!r} that {reason}")
    if all(member.is_dir() for member in kept):
        raise _refusal(archive, "holds no files")
    if len({_place(member.filename) for member in kept}) < len(kept):
        raise _refusal(archive, "has two members of one name")
    yield from kept


def _place(name: str) -> tuple[str, ...]:
    """The place of a member; the same for names that some systems take for one, as they differ in case or accents."""
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in PurePosixPath(name).parts)


def _unfit(member: zipfile.ZipInfo) -> str | None:
    """Why a member is refused, or None; also for names that ``zipfile`` would silently change to harmless ones."""
    # `orig_filename` is the name in the archive, before zipfile replaces separators and truncates at a zero byte.
    name = member.orig_filename
    windows, posix = PureWindowsPath(name), PurePosixPath(name)
    elsewhere = posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts
    if elsewhere or "\0" in name or stat.S_ISLNK(member.external_attr >> 16):
        return "would lie outside its folder"
    if not windows.parts and not name.endswith("/"):
        return "has no name"
    if any(OF_WINDOWS.fullmatch(part) for part in windows.parts):
        return "Windows takes for something else"
    if member.flag_bits & ENCRYPTED:
        return "is encrypted"
    if member.compress_type not in PACKED_BY:
        return f"is packed by method {member.compress_type}, where stored and deflated ones are read"
    return None


def _refusal(archive: str, reason: str) -> DownloadError:
    return DownloadError(f"{archive}.zip: {reason}; nothing was kept")
