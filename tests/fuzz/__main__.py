"""Fuzz for hours, or for some inputs; the table at the end, exit status 1 if a promise was broken.

python -m tests.fuzz --minutes 60 --jobs 2
python -m tests.fuzz --cases 1000 --targets images weights --seed 7
python -m tests.fuzz --reproduce fuzz-failures/images-traceback-0123abcd-0.json
python -m tests.fuzz --atheris images -- -max_total_time=600
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fuzz import record, target, watch

FAILURES = Path("fuzz-failures")


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    if given.reproduce:
        return reproduce(given.reproduce, given.shrink)
    if given.atheris:
        return atheris_alone(given.atheris, given.rest)
    tallies = fuzz(given)
    print(table(tallies))
    for tally in tallies:
        for signature, failure in tally.failures.items():
            print(f"{tally.target}: {tally.counts[signature]} x {failure.kind}: {signature}")
    return int(any(tally.failed for tally in tallies))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = tuple(target.MODULES)
    parser.add_argument("--minutes", type=float, default=1.0, help="in all, shared by the targets (%(default)s)")
    parser.add_argument("--cases", type=int, help="inputs for each target, instead of minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--targets", nargs="+", metavar="TARGET", choices=names, default=tuple(target.MODULES), help=", ".join(names)
    )
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time (%(default)s)")
    parser.add_argument("--mutator", choices=("own", "atheris"), help="atheris where it is installed, if not given")
    parser.add_argument("--failures", type=Path, default=FAILURES, metavar="DIR", help="where they go (%(default)s)")
    parser.add_argument("--reproduce", type=Path, metavar="FILE", help="try a failure that was kept once more")
    parser.add_argument("--shrink", action="store_true", help="with --reproduce: look for a smaller input")
    parser.add_argument("--atheris", metavar="TARGET", choices=names, help="libFuzzer's own run of one target")
    parser.add_argument("rest", nargs="*", help="after --: options of libFuzzer")
    return parser


def fuzz(given: argparse.Namespace) -> list[watch.Tally]:
    """All targets, some at a time."""
    share = 60 * given.minutes * given.jobs / len(given.targets)
    length = {"seconds": share} if given.cases is None else {"cases": given.cases}
    atheris = given.mutator == "atheris" or (given.mutator is None and watch.atheris_there())
    tasks = [watch.Task(name, given.seed, atheris=atheris, **length) for name in given.targets]

    def one(task: watch.Task) -> watch.Tally:
        [tally] = watch.run([task], watch.Limits(), lambda failure: _keep(failure, given.failures))
        print(f"{task.target}: {tally.cases} cases, {sum(tally.failed.values())} failures", file=sys.stderr, flush=True)
        return tally

    with ThreadPoolExecutor(given.jobs) as threads:
        return list(threads.map(one, tasks))


def _keep(failure: record.Failure, folder: Path) -> None:
    if path := failure.keep(folder):
        print(f"{path}: {failure.kind}: {failure.signature}", file=sys.stderr, flush=True)


def table(tallies: Sequence[watch.Tally]) -> str:
    """A row for each target, and their sum."""
    head = ("target", "cases", "refused", "passed", *watch.KINDS, "cases/s")
    rows = [_row(tally) for tally in tallies]
    rows.append(_row(_sum(tallies)))
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head))]
    lines = ([cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in (head, *rows))
    return "\n".join("  ".join(line) for line in lines)


def _row(tally: watch.Tally) -> tuple[str, ...]:
    if tally.unavailable:
        return (tally.target, tally.unavailable, *[""] * (len(watch.KINDS) + 3))
    speed = f"{tally.cases / tally.seconds:.1f}" if tally.seconds else ""
    numbers = (tally.cases, tally.refused, tally.passed, *(tally.failed[kind] for kind in watch.KINDS))
    return (tally.target, *map(str, numbers), speed)


def _sum(tallies: Sequence[watch.Tally]) -> watch.Tally:
    total = watch.Tally("all")
    for tally in tallies:
        total.cases, total.refused = total.cases + tally.cases, total.refused + tally.refused
        total.passed, total.seconds = total.passed + tally.passed, total.seconds + tally.seconds
        total.failed += tally.failed
    return total


def reproduce(path: Path, shrink: bool) -> int:
    """Try one kept failure in this process, without limits."""
    failure = record.Failure.read(path)
    found = target.find(failure.target)
    data = record.shrunk(found.run, failure.input) if shrink else failure.input
    print(f"{failure.target}, {failure.kind}: {failure.signature}\n{watch.described(found, data)}\n")
    if shrink:
        print(f"{len(data)} bytes: {data!r}\n")
    print("taken" if found.run(data) else "refused")
    return 0


def atheris_alone(name: str, options: Sequence[str]) -> int:
    """libFuzzer's own run: it prints, keeps crashes and ends as it always does."""
    import atheris  # type: ignore[import-untyped]

    found = watch._found(watch.Task(name, atheris=True))

    def one_input(data: bytes) -> None:
        found.run(data)

    atheris.Setup(["fuzz", *options], one_input)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
