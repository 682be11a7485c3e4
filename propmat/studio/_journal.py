"""A file of lines to which every change is added as it is made, so that a killed process loses none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from propmat.io._replacing import replace_file

Record = Mapping[str, object]


class Journal:
    """Records, one JSON object a line. A line without its end was being written when the process was killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("ab", buffering=0)  # what a full disk refuses must not be written later
        if self.size and not self._ends_with_a_line():
            self._file.write(b"\n")

    def read(self) -> Iterator[Record]:
        """The records so far; lines that are none are passed over."""
        with self.path.open("rb") as lines:
            for line in lines:
                try:
                    found = json.loads(line)
                except ValueError:
                    continue
                if isinstance(found, dict):
                    yield found

    def write(self, record: Record) -> None:
        """Add one record."""
        rest = memoryview(json.dumps(record, separators=(",", ":")).encode() + b"\n")
        while rest:
            rest = rest[self._file.write(rest) :]

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace all records by others."""
        text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
        self._file.close()
        try:
            replace_file(self.path, text.encode())
        finally:
            self._file = self.path.open("ab", buffering=0)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _ends_with_a_line(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == b"\n"
