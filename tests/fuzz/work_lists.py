"""Patterns, manifests and records of jobs: what `propmat batch` does before any work."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from propmat.jobs._batch import batch
from propmat.jobs._options import Options
from propmat.jobs._plan import planned
from propmat.jobs._records import ended
from propmat.jobs._state import State
from propmat.jobs._status import status_of
from tests.fuzz import mutation
from tests.fuzz.choices import Choices
from tests.fuzz.folders import NAMES, SUFFIXES
from tests.fuzz.laws import attempt
from tests.fuzz.target import Target, require

LENGTH = 128
IMAGES = (
    *("photos/*.png", "photos/*", "photos", "photos/{name}.png", "photos/**/*.png", "photos/[ab]*", "./photos/*.*"),
    *("photos/*/{name}.*", "", "*", "photos/cat.png", "nowhere", "{name}", "**", "photos/{name}{name}", "[", "a\0b"),
)
OUTPUTS = (
    *("out/{name}.png", "out/{name}.png", "{name}.png", "out/{name}/a.tif", "photos/{name}.png", "out/{shot}.png"),
    *("out/{shot}/{name}.jpg", "out.png", "", "{name}", "out/{name}", "/dev/null/{name}.png", "./../x/{name}.png"),
    *("out/%s{name}%.png", "out/a:{name}.png", "out//{name}.png", "out/{name}.{suffix}", "{name}/", "memory://x"),
)
BESIDE = (
    *("trimaps/{name}.png", "trimaps/{name}.png", "trimaps/{name}.*", "{image}", "trimap.png", "{strange}", ""),
    "photos/{name}.png",
)
KINDS = ("trimaps", "masks", "alphas")
MANIFESTS = ("list.csv", "list.jsonl", "photos/list.csv", "list.ndjson", "list.parquet", "LIST.CSV")
COLUMNS = ("image", "trimap", "mask", "name", "shot", "method", "epsilon", "radius", "depth", "width", "weights", "x y")
VALUES = (
    *(
        "a.png",
        "photos/a.png",
        "b",
        "c/d",
        "../e",
        "/f.png",
        "",
        "knn",
        "closed_form",
        "1e-5",
        "2",
        "-1",
        "nan",
        "9e99",
    ),
    *("é", "\u202e", "a\nb", '"', ",", "%s", "{name}", "s3://x/y.png", "memory://y.png", "x" * 300, "1_0", "16", "2.0"),
)
WHAT = (*("alpha",) * 8, *("cutout",) * 4, "foreground", "nothing")
USUAL = ("photos/cat.png", "photos/[dog].PNG", "photos/deeper/cat.png", "photos/c at.jpg", "photos/é.png")


class Case(NamedTuple):
    """Files that are there, and the arguments."""

    files: tuple[tuple[str, bytes], ...]
    images: Any
    output: str
    what: str
    beside: dict[str, str]
    changed: Random | None


def decode(data: bytes) -> Case:
    choices = Choices(data)
    files = [(name, b"1") for name in USUAL if not choices.one_in(3)] + [
        (f"{folder}/{choices.pick('name', NAMES)}{choices.pick('suffix', SUFFIXES)}", b"1")
        for folder in ("photos", "photos/deeper", "trimaps")
        for _ in range(choices.below(2))
    ]
    images = choices.pick("images", IMAGES if choices.one_in(3) else IMAGES[:8])
    if choices.one_in(2):
        rows = [
            {choices.pick("column", COLUMNS): choices.pick("value", VALUES) for _ in range(choices.below(3))}
            | {"image": f"{choices.pick('image', VALUES[:5])}{number}.png"}
            for number in range(choices.below(5))
        ]
        images = choices.pick("manifest", MANIFESTS)
        files.append((images, _written(choices, images, rows)))
        images = rows if choices.one_in(4) else images
    what = choices.pick("what", WHAT)
    beside = {"alphas" if what == "foreground" else choices.pick("kind", KINDS[:2]): choices.pick("beside", BESIDE)}
    beside |= {choices.pick("kind", KINDS): choices.pick("beside", BESIDE)} if choices.one_in(8) else {}
    changed = Random(choices.number(2)) if choices.one_in(3) else None
    output = choices.pick("output", OUTPUTS if choices.one_in(3) else OUTPUTS[:4])
    return Case(tuple(files), images, output, what, beside, changed)


def _written(choices: Choices, name: str, rows: list[dict[str, str]]) -> bytes:
    """A manifest, sometimes damaged."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    quoted = [
        [json.dumps(row.get(name, ""), ensure_ascii=False).replace('\\"', '""') for name in names] for row in rows
    ]
    as_csv = "\n".join([",".join(names), *(",".join(line) for line in quoted)])
    text = as_csv if name.lower().endswith(".csv") != choices.one_in(8) else "\n".join(map(json.dumps, rows))
    encodings = (*("utf-8",) * 5, "utf-8-sig", "utf-16", "latin-1")
    content = text.encode(choices.pick("encoding", encodings), errors="replace")
    if choices.one_in(8):
        random = Random(choices.number(2))
        return mutation.MUTATIONS[choices.below(len(mutation.MUTATIONS))](random, content)
    return content


def run(data: bytes) -> bool:
    case = decode(data)
    with _within(case) as root:
        before = _tree(root)
        found = attempt(lambda: batch(case.images, case.output, case.what, Options(), **case.beside))
        require(_tree(root) == before, "nothing is written before work begins", _tree(root) - before)
        if found.refusal is not None:
            return False
        _require_items(found.value)
        _require_records(found.value, case)
    return True


@contextmanager
def _within(case: Case) -> Iterator[Path]:
    """A folder with the files that the file system takes, as the current one."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        for path, content in case.files:
            with suppress(OSError, ValueError):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(content)
        os.chdir(root)
        try:
            yield root
        finally:
            os.chdir(before)


def _tree(root: Path) -> frozenset[str]:
    return frozenset(str(path) for path in root.parent.rglob("*"))


def _require_items(job: Any) -> None:
    items = list(job.items)
    names = [item.name for item in items]
    require(items and len(set(names)) == len(names), "items have names of their own", names)
    outputs = [os.path.abspath(item.output) for item in items]
    require(len(set(outputs)) == len(outputs), "items have outputs of their own", outputs)
    inputs = {os.path.abspath(place) for item in items for place in (item.image, item.trimap, item.mask) if place}
    require(not inputs & set(outputs), "an output is no input", inputs & set(outputs))
    for name in names:
        require(".." not in name.split("/") and not name.startswith("/"), "a name leads out of no folder", name)
    require(items == list(job.items), "items are the same when they are asked for again")


def _require_records(job: Any, case: Case) -> None:
    """What is left is all, then nothing of what is recorded as failed, whatever else the records have."""
    if "://" in job.state:
        return
    state = State(job.state)
    plan = planned(job, state.history())
    require(len(plan.todo) == plan.total == len(job.items), "all is left of what has not begun", plan)
    lines = [ended(item, "failed", 1.0, alone=False, error="E", message="é\n").line() for item in job.items]
    content = b"".join(lines)
    if case.changed is not None:
        content += mutation.MUTATIONS[case.changed.randrange(len(mutation.MUTATIONS))](case.changed, content)
    made = attempt(lambda: state.folder.within("records").within("pool").write("x.jsonl", content))
    if made.refusal is not None:  # no folder can be made there
        return
    plan = planned(job, state.history())
    require(plan.total == len(job.items), "every item is in a plan", plan)
    if case.changed is None:
        require(plan.failed == plan.total, "what has failed is not done again", plan)
    again = planned(job, state.history(), retry=True)
    require(again.failed == 0, "what has failed is done again when asked for", again)
    status_of(job.state)


def describe(data: bytes) -> str:
    case = decode(data)
    files = "\n".join(f"  {path!r}: {content!r}" for path, content in case.files)
    return f"batch({case.images!r}, {case.output!r}, {case.what!r}, **{case.beside})\n{files}"


def draw(random: Random) -> bytes:
    return random.randbytes(LENGTH)


def seeds() -> list[bytes]:
    return [b"", *(Random(number).randbytes(LENGTH) for number in range(20))]


TARGETS = {"work_lists": Target("work_lists", run, seeds, draw, describe)}
