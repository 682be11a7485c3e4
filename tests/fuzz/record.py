"""Failures: told apart, made small, kept in files and read again."""

from __future__ import annotations

import base64
import hashlib
import json
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fuzz.target import Broken

KEPT = 5  # of each signature


@dataclass(frozen=True)
class Failure:
    """An input that breaks a promise.

    Attributes
    ----------
    kind : {"traceback", "law", "half-written", "memory", "hang", "crash"}
    signature : str
        The same for failures that have the same cause, as far as that can be told.
    told : str
        The traceback, or what was found.
    data : str
        The input, base64.
    """

    target: str
    seed: int
    number: int
    kind: str
    signature: str
    told: str
    data: str
    described: str = ""

    @property
    def input(self) -> bytes:
        return base64.b64decode(self.data)

    def keep(self, folder: Path) -> Path | None:
        """Write it to a file, unless there are enough of its signature."""
        name = f"{self.target}-{self.kind}-{hashlib.blake2b(self.signature.encode(), digest_size=4).hexdigest()}"
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(KEPT):
            path = folder / f"{name}-{number}.json"
            if not path.exists():
                path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
                return path
        return None

    @classmethod
    def read(cls, path: Path) -> Failure:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def of_exception(error: BaseException) -> tuple[str, str, str]:
    """Kind, signature and words of what a target raised."""
    told = "".join(traceback.format_exception(error))
    if isinstance(error, Broken):
        return error.kind, error.law, str(error)
    kind = "memory" if isinstance(error, MemoryError) else "traceback"
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/propmat/" in frame.filename and "/tests/" not in frame.filename] or frames
    place = "/".join(Path(ours[-1].filename).parts[-2:])
    return kind, f"{type(error).__name__} in {ours[-1].name} ({place})", told


def signature_of(run: Callable[[bytes], object], data: bytes) -> str | None:
    """How an input fails; None if it does not."""
    try:
        run(data)
    except Exception as error:
        return of_exception(error)[1]
    return None


def shrunk(run: Callable[[bytes], object], data: bytes) -> bytes:
    """A smaller input that fails in the same way: cut short, pieces left out, bytes set to 0."""
    signature = signature_of(run, data)
    progress = signature is not None
    while progress:
        progress = False
        for smaller in _smaller(data):
            if signature_of(run, smaller) == signature:
                data, progress = smaller, True
                break
    return data


def _smaller(data: bytes) -> Iterator[bytes]:
    size = len(data) // 2
    while size:
        yield data[:-size]
        for start in range(0, len(data) - size, size):
            yield data[:start] + data[start + size :]
        size //= 2
    for place, byte in enumerate(data):
        if byte:
            yield data[:place] + b"\0" + data[place + 1 :]
            yield data[:place] + bytes([byte // 2]) + data[place + 1 :] if byte > 1 else b""
