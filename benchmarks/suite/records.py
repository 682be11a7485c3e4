"""Results as JSON Lines: one line for every picture, trimap and method."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from propmat.io._replacing import replace_file

Record = dict[str, Any]
Key = tuple[str, int, str]

METRICS = ("sad", "mse", "gradient", "connectivity")
# Fields that differ between runs; all others are reproducible.
MEASURED = ("date", "seconds", "cpu_seconds", "memory_mb")


def key(record: Record) -> Key:
    return record["image"], record["trimap"], record["method"]


def read(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, records: Iterable[Record]) -> None:
    """Write sorted lines; the file is replaced atomically."""
    lines = (json.dumps(record) + "\n" for record in sorted(records, key=key))
    replace_file(path, "".join(lines).encode())


def ranks(records: Iterable[Record], metric: str) -> dict[Key, float]:
    """The rank of each method on its picture and trimap: 1 is best, ties have their mean rank, failures come last."""
    from scipy.stats import rankdata

    problems = defaultdict(list)
    for record in records:
        problems[record["image"], record["trimap"]].append(record)
    places = {}
    for rivals in problems.values():
        scores = [float("inf") if rival[metric] is None else rival[metric] for rival in rivals]
        places |= {key(rival): float(rank) for rival, rank in zip(rivals, rankdata(scores), strict=True)}
    return places
