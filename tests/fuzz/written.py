"""Random arrays through `propmat.io.write_image`: whole or not at all, and read back as they were."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from propmat import io
from tests.fuzz import arrays
from tests.fuzz.choices import Choices
from tests.fuzz.laws import attempt, fingerprint
from tests.fuzz.target import Target, require

LENGTH = 48
SUFFIXES = (".png", ".tif", ".webp", ".bmp", ".exr", ".dpx", ".jpg", ".TIFF", ".jpeg", ".psd", "", ".", ".png/x.png")
LOSSLESS = (".png", ".tif", ".TIFF", ".webp", ".bmp", ".dpx")


class Case(NamedTuple):
    """What is written."""

    array: Any
    name: str
    depth: Any
    spoiled: bool


def decode(data: bytes) -> Case:
    choices = Choices(data)
    shape = arrays.size(choices)
    channels = choices.pick("channels", (3, 0, 4, 1, 2, 5))
    pixels = choices.pick("picture", (*arrays.PICTURES, arrays.highlights))(
        choices.generator(), (*shape, channels or 1)
    )
    array = arrays.arranged(choices, arrays.converted(choices, pixels if channels else pixels[:, :, 0]))
    given = {"array": array, "depth": choices.pick("depth", (8, 8, 16, 32, "8", None, 8.0))}
    spoil = choices.one_in(8)
    given = arrays.spoiled(choices, given) if spoil else given
    return Case(given["array"], f"picture{choices.pick('suffix', SUFFIXES)}", given["depth"], spoil)


def run(data: bytes) -> bool:
    case = decode(data)
    with tempfile.TemporaryDirectory() as folder:
        path, before = Path(folder) / case.name, fingerprint(case.array)
        written = attempt(lambda: io.write_image(path, case.array, depth=case.depth))
        require(fingerprint(case.array) == before, "arrays that are written stay as they are")
        there = [str(file.relative_to(folder)) for file in Path(folder).rglob("*")]
        require(there == ([] if written.refusal else [case.name]), "a file is written whole or not at all", there)
        if written.refusal is None:
            _require_the_same(path, case)
    return written.refusal is None


def _require_the_same(path: Path, case: Case) -> None:
    found = attempt(lambda: io.read_image(path))
    require(found.refusal is None, "what is written can be read", found.refusal)
    array = np.asarray(case.array)
    require(found.value.shape[:2] == array.shape[:2], "what is written has its size", found.value.shape)
    if path.suffix in LOSSLESS and array.ndim == found.value.ndim and array.shape == found.value.shape:
        top = np.iinfo(found.value.dtype).max
        scale = np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1
        off = np.abs(found.value / top - np.clip(array.astype(np.float64) / scale, 0, 1)).max()
        most = 0.5 / (2 ** int(case.depth) - 1) + np.finfo(np.float32).eps  # single precision is rounded as such
        require(off <= most, "what is written is within half a level", off)


def describe(data: bytes) -> str:
    case = decode(data)
    return f"write_image({case.name!r}, array, depth={case.depth!r})\n  array = {arrays.told(case.array)}"


def draw(random: Random) -> bytes:
    return random.randbytes(LENGTH)


def seeds() -> list[bytes]:
    return [b"", *(Random(number).randbytes(LENGTH) for number in range(20))]


TARGETS = {"written": Target("written", run, seeds, draw, describe)}
