"""Zip archives, damaged, lying and escaping, through `propmat.datasets._fetch.unpack`."""

from __future__ import annotations

import os
import stat
import tempfile
import warnings
import zipfile
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random

from propmat.datasets._fetch import unpack
from tests.fuzz import mutation
from tests.fuzz.laws import attempt
from tests.fuzz.target import Target, require

ESCAPED = Path(tempfile.gettempdir()) / "propmat-fuzz-escaped"
# No picture is packed as tightly; an archive of less than some megabytes may be anything.
MOST_TIMES, ALWAYS = 100, 16 << 20

NAMES = (
    *("GT01.png", "sub/GT02.png", "sub/", "data/GT01.png", "data/", "data", "a", "a/b", "A", "GT01.png"),
    *("..", "../x.png", "sub/../../x.png", "sub/../x.png", "./x.png", ".", "", "/", "//x", str(ESCAPED)),
    *(
        "C:\\x.png",
        "..\\x.png",
        "\\x.png",
        "a\0b.png",
        "x" * 300,
        "é.png",
        "con",
        "a:b",
        "a\nb.png",
        "~",
        "-rf",
        "a//b",
    ),
)
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2)
MODES = (0, 0o100644 << 16, 0o120777 << 16, 0o040755 << 16, 0o010644 << 16, 0o020644 << 16, 0o104777 << 16)
CONTENTS = (b"", b"pixels", b"../../x.png", bytes(range(256)) * 8, str(ESCAPED).encode())


def run(data: bytes) -> bool:
    with tempfile.TemporaryDirectory() as root:
        inside = Path(root) / "inside"
        inside.mkdir()
        archive, target = inside / "archive.zip", inside / "data"
        archive.write_bytes(data)
        unpacked = attempt(lambda: unpack(archive, target))
        _require_nothing_elsewhere(Path(root), kept=unpacked.refusal is None)
        if unpacked.refusal is None:
            _require_plain(target, len(data))
    return unpacked.refusal is None


def _require_nothing_elsewhere(root: Path, kept: bool) -> None:
    require(os.listdir(root) == ["inside"], "nothing lies outside", os.listdir(root))
    there, expected = sorted(os.listdir(root / "inside")), ["archive.zip", "data"]
    require(there == expected[: 1 + kept], "a folder is there whole or not at all", there)
    require(not os.path.lexists(ESCAPED), "nothing lies outside", ESCAPED)


def _require_plain(target: Path, size: int) -> None:
    """Files and folders only, not much larger than the archive."""
    total = 0
    for path in (target, *target.rglob("*")):
        mode = path.lstat().st_mode
        require(stat.S_ISREG(mode) or stat.S_ISDIR(mode), "files and folders come out", f"{path.name!r} {mode:o}")
        require(not mode & (stat.S_ISUID | stat.S_ISGID), "nothing that runs as another comes out", f"{mode:o}")
        total += path.lstat().st_size if stat.S_ISREG(mode) else 0
    require(total <= MOST_TIMES * size + ALWAYS, "a small archive stays small", f"{total} bytes out of {size}")


def zipped(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED, mode: int = 0) -> bytes:
    """An archive of members, whatever they are named."""
    file = BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")  # names that are there twice
        for name, content in members:
            member = zipfile.ZipInfo("x")
            member.filename, member.compress_type, member.external_attr = name, method, mode
            archive.writestr(member, content)
    return file.getvalue()


def bomb(size: int, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """So many zeros."""
    return zipped([("zeros", bytes(size))], method)


def draw(random: Random) -> bytes:
    if random.random() < 0.5:
        return mutation.mutated(random, seeds()[:-2])
    members = [(random.choice(NAMES), random.choice(CONTENTS)) for _ in range(random.randrange(1, 5))]
    data = zipped(members, random.choice(METHODS), random.choice(MODES))
    return mutation.mutated(random, [data]) if random.random() < 0.2 else data


@cache
def seeds() -> list[bytes]:
    pictures = [("GT01.png", CONTENTS[3]), ("sub/GT02.png", CONTENTS[1])]
    one_of_each = [zipped(pictures, method) for method in METHODS]
    lzma = one_of_each[2]
    damaged = [lzma[:45] + bytes([lzma[45] ^ 0xFF]) + lzma[46:], lzma[:40] + bytes(8) + lzma[48:]]
    strange = [zipped([(name, b"pixels")]) for name in NAMES] + [zipped(pictures, mode=mode) for mode in MODES]
    encrypted = bytearray(zipped(pictures))
    for head, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        encrypted[encrypted.index(head) + flags] |= 1
    folder = [zipped([("data/GT01.png", b"pixels")]), zipped([("data", b"a file")]), zipped([("a", b""), ("a/b", b"")])]
    return [*one_of_each, *damaged, *strange, *folder, bytes(encrypted), b"", b"PK", bomb(1 << 26), bomb(1 << 26, 12)]


def describe(data: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            told = [f"{m.orig_filename[:60]!r} {m.file_size} {m.external_attr >> 16:o}" for m in archive.infolist()]
            return f"{len(data)} bytes: {'; '.join(told)}"
    except Exception as error:
        return f"{len(data)} bytes, no archive ({error}): {data[:200]!r}"


TARGETS = {"archives": Target("archives", run, seeds, draw, describe)}
