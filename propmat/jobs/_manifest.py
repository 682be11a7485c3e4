"""Manifests: tables with a line for every picture, as CSV, JSON Lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
import os
import posixpath
from collections.abc import Iterable, Mapping
from numbers import Real

from propmat.errors import InputError, MissingDependencyError, refused_as
from propmat.io import _remote
from propmat.jobs._folder import Folder

SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")

Columns = dict[str, list[str]]


def is_manifest(place: str) -> bool:
    """Whether the suffix is that of a manifest."""
    return place.lower().endswith(SUFFIXES)


def columns_of(place: str) -> Columns:
    """The columns of a manifest as text, all of one length; what is missing is empty."""
    folder, _, name = place.replace("\\", "/").rpartition("/")
    content = Folder(folder or ".").read(name) if not _remote.is_url(place) else _remote.read_bytes(place)
    if content is None:
        raise InputError(f"images: there is no manifest {place}")
    with refused_as(InputError, f"images: cannot read the manifest {place}"):
        columns = _PARSERS[posixpath.splitext(place.lower())[1]](content)
    if not columns or not next(iter(columns.values())):
        raise InputError(f"images: the manifest {place} has no lines")
    return columns


def _csv(content: bytes) -> Columns:
    lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    names = [name.strip() for name in next(lines, [])]
    if len(set(names)) < len(names) or not all(names):
        raise InputError(f"two columns of one name, or one without, in {', '.join(names)}")
    columns: Columns = {name: [] for name in names}
    for line in lines:
        if not line:
            continue
        if len(line) != len(names):
            raise InputError(f"line {lines.line_num} has {len(line)} values for {len(names)} columns")
        for name, value in zip(names, line, strict=True):
            columns[name].append(value)
    return columns


def _json_lines(content: bytes) -> Columns:
    return columns_of_rows(dict(json.loads(line)) for line in content.decode("utf-8-sig").splitlines() if line.strip())


def columns_of_rows(rows: Iterable[Mapping[str, object]]) -> Columns:
    """The columns of rows as text, all of one length; what is missing, None or NaN is empty."""
    columns: Columns = {}
    count = 0
    for row in rows:
        for name in row.keys() - columns.keys():
            columns[str(name)] = [""] * count
        for name, values in columns.items():
            values.append(_text(row.get(name)))
        count += 1
    return columns


def _parquet(content: bytes) -> Columns:
    try:
        from pyarrow import BufferReader, parquet
    except ImportError as error:
        raise MissingDependencyError("a manifest of Parquet needs pyarrow: pip install pyarrow") from error
    table = parquet.read_table(BufferReader(content))
    return {name: [_text(value) for value in table.column(name).to_pylist()] for name in table.column_names}


def _text(value: object) -> str:
    if value is None or value != value:  # NaN, as tables of numbers have it in place of what is missing
        return ""
    if isinstance(value, (str, Real, os.PathLike)) and not isinstance(value, bool):
        return str(value)
    raise InputError(f"takes text and numbers, got {type(value).__name__}")


_PARSERS = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
