"""Compare two records of the suite: what improved or got worse, by how much, and whether by more than noise.

    python -m benchmarks.compare OLD.jsonl NEW.jsonl

Pictures and trimaps that occur in both are paired. "change" is the change of the total; "interval" is the 95 %
confidence interval of the mean change per picture (Student's t over the pictures, of 2 (new - old) / (new + old)). A
change is significant if the whole interval is above, or below minus, the noise of the quantity: 1e-4 for errors, the
effect of the solvers' tolerance, 5 % for memory, 10 % for times. Smaller is better for all quantities. Times are
omitted if the records are from different machines.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from benchmarks.suite import records
from benchmarks.suite.records import METRICS, Record

NOISE = dict.fromkeys(METRICS, 1e-4) | {"seconds": 0.1, "cpu_seconds": 0.1, "memory_mb": 0.05}
OF_THE_MACHINE = ("seconds", "cpu_seconds")


class Change(NamedTuple):
    """One quantity of one method, old and new."""

    method: str
    quantity: str
    old: float
    new: float
    low: float
    high: float
    better: int
    worse: int

    @property
    def verdict(self) -> str:
        noise = NOISE[self.quantity]
        if self.high < -noise:
            return "better"
        return "worse" if self.low > noise else "within noise"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    arguments = parser.parse_args()
    for path in (arguments.old, arguments.new):
        if not path.is_file():
            parser.error(f"there is no {path}; python -m benchmarks.suite makes such files")
    old, new = records.read(arguments.old), records.read(arguments.new)
    print("| method | quantity | old | new | change | interval | pictures better : worse | verdict |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    for change in changes(old, new):
        print(line(change))
    for remark in remarks(old, new):
        print(remark)


def changes(old: list[Record], new: list[Record]) -> Iterator[Change]:
    """The changes of every method and quantity that occurs in both records."""
    before, after = ({records.key(record): record for record in results} for results in (old, new))
    common = [key for key in before if key in after]
    quantities = [name for name in NOISE if name not in OF_THE_MACHINE or same_machine(old, new)]
    for method in dict.fromkeys(key[2] for key in common):
        for quantity in quantities:
            pairs = [(before[key].get(quantity), after[key].get(quantity)) for key in common if key[2] == method]
            values = np.array([pair for pair in pairs if None not in pair], dtype=float)
            if len(values):
                yield measured(method, quantity, *values.T)


def measured(method: str, quantity: str, old: np.ndarray, new: np.ndarray) -> Change:
    total = np.maximum(old + new, np.finfo(float).tiny)
    relative = 2 * (new - old) / total
    spread = relative.std(ddof=1) / math.sqrt(len(old)) if len(old) > 1 else math.inf
    reach = student.ppf(0.975, len(old) - 1) * spread if 0 < spread < math.inf else spread
    better, worse = (int(np.count_nonzero(sign * relative > NOISE[quantity])) for sign in (-1, 1))
    middle = relative.mean()
    return Change(method, quantity, old.mean(), new.mean(), middle - reach, middle + reach, better, worse)


def line(change: Change) -> str:
    gain = f"{change.new / change.old - 1:+.2%}" if change.old else "–"
    cells = [
        change.method,
        change.quantity,
        f"{change.old:.4g}",
        f"{change.new:.4g}",
        gain,
        f"{change.low:+.2%} to {change.high:+.2%}",
        f"{change.better} : {change.worse}",
        change.verdict,
    ]
    return f"| {' | '.join(cells)} |"


def same_machine(old: list[Record], new: list[Record]) -> bool:
    return {(r["machine"], r["threads"]) for r in old} == {(r["machine"], r["threads"]) for r in new}


def remarks(old: list[Record], new: list[Record]) -> Iterator[str]:
    """Remarks on what cannot be paired."""
    if not same_machine(old, new):
        yield "\nThe machines or numbers of threads differ: times are not compared."
    before, after = ({records.key(record): "error" in record for record in results} for results in (old, new))
    for words, keys in {
        "only in old": before.keys() - after.keys(),
        "only in new": after.keys() - before.keys(),
        "fails now": {key for key in before.keys() & after.keys() if after[key] and not before[key]},
        "failed before": {key for key in before.keys() & after.keys() if before[key] and not after[key]},
    }.items():
        for method in sorted({key[2] for key in keys}):
            yield f"\n{words}: {method}, {sum(key[2] == method for key in keys)} results"


if __name__ == "__main__":
    main()
