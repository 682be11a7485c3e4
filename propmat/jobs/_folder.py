"""A folder for the records of a job, on a disk or behind a URL; on a disk it can be locked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from propmat.errors import InputError, one_line
from propmat.io import _remote
from propmat.io._replacing import replace_file


@dataclass(frozen=True)
class Folder:
    """A folder by its path or URL; it may not exist yet."""

    place: str

    @property
    def is_remote(self) -> bool:
        return _remote.is_url(self.place)

    def within(self, name: str) -> Folder:
        """The folder of that name in this one."""
        return Folder(self.place_of(name))

    def place_of(self, name: str) -> str:
        return f"{self.place.rstrip('/')}/{name}" if self.is_remote else os.path.join(self.place, name)

    def make(self) -> None:
        """Make the folder on a disk; storages behind URLs make it with the first file."""
        if self.is_remote:
            return
        try:
            os.makedirs(self.place, exist_ok=True)
        except OSError as error:
            raise InputError(f"output: cannot make the folder {self.place}: {one_line(error)}") from error

    def names(self) -> list[str]:
        """The names of files and folders in it, sorted."""
        if self.is_remote:
            return sorted(_remote.names_in(self.place))
        try:
            return sorted(os.listdir(self.place))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if it is not there."""
        if self.is_remote:
            return _remote.read_bytes(self.place_of(name)) if name in self.names() else None
        try:
            return Path(self.place_of(name)).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file that is there; what follows the last end of a line is one too."""
        if self.is_remote:
            yield from _remote.read_bytes(self.place_of(name)).split(b"\n")
        else:
            with open(self.place_of(name), "rb") as file:
                yield from file

    def write(self, name: str, content: bytes) -> None:
        """Replace a file as a whole."""
        if self.is_remote:
            _remote.write_bytes(self.place_of(name), content)
        else:
            self.make()
            replace_file(self.place_of(name), content)
