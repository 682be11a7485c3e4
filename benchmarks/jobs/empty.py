"""A job of which nothing is made but small files, so that its time is that of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from propmat.io._replacing import replace_file
from propmat.jobs._contract import Job


@dataclass(frozen=True)
class Nothing:
    """An item of which nothing is made but a small file."""

    name: str
    output: str
    key: str = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.output,)


class Writing:
    """A task that writes a file of ten bytes as propmat writes files."""

    configuration = {"what": "nothing"}  # noqa: RUF012

    def memory(self, item: Nothing) -> int:
        return 0

    def __call__(self, item: Nothing) -> dict[str, int]:
        replace_file(item.output, b"0123456789")
        return {}


def empty_job(folder: Path, count: int) -> Job[Nothing]:
    folder.mkdir()
    return Job([Nothing(f"{k:05d}", f"{folder}/{k:05d}") for k in range(count)], Writing(), f"{folder}/state")
