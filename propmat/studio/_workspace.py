"""The working folder: a folder for each picture, with its file, its journal and what was imported."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from propmat.errors import InputError, one_line
from propmat.io._locking import locked
from propmat.io._replacing import replace_file
from propmat.studio._imports import KINDS
from propmat.studio._layers import Source
from propmat.studio._photo import Photo
from propmat.studio._session import Session
from propmat.studio._solving import Solving

_IDENTIFIER = re.compile(r"[0-9a-f]{20}")

# Bytes of a name; exports add to it, and file systems take 255.
_LONGEST_NAME = 200

# Pictures that are kept open; those that no page shows are closed first.
MOST_OPEN = 3


@dataclass(frozen=True, eq=False)
class Opened:
    """A picture that is open, and the lock that keeps other processes from it."""

    session: Session
    solving: Solving
    lock: ExitStack

    def close(self) -> None:
        self.session.close()
        self.solving.join()
        self.lock.close()


class Workspace:
    """The pictures in a folder. All methods may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._open: dict[str, Opened] = {}
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"folder: cannot make {folder}: {one_line(error)}") from error

    def add(self, name: str, data: bytes) -> str:
        """Keep a picture, and give its identifier, which the same file has always; refused if it is none."""
        identifier = hashlib.sha256(data).hexdigest()[:20]
        place = self.folder / identifier
        with self._lock:
            if not (place / "about.json").exists():
                place.mkdir(exist_ok=True)
                try:
                    (place / "photo").write_bytes(data)
                    Photo.read(place / "photo")
                except BaseException as error:
                    shutil.rmtree(place)
                    if isinstance(error, InputError):
                        raise InputError(str(error).replace(str(place / "photo"), plain_name(name))) from None
                    raise
                replace_file(place / "about.json", json.dumps({"name": plain_name(name)}).encode())
        return identifier

    def name(self, identifier: str) -> str:
        """The name of a picture's file."""
        place = self._place(identifier)
        return str(json.loads((place / "about.json").read_text(encoding="utf-8"))["name"])

    def pictures(self) -> list[dict[str, str]]:
        """Identifiers and names, the last one changed first."""
        with self._lock:
            found = sorted(self._identifiers(), key=self._changed_at, reverse=True)
            return [{"id": identifier, "name": self.name(identifier)} for identifier in found]

    def session(self, identifier: str) -> Session:
        """A picture, opened if it is not; refused if another process has it open, for its journal has one writer."""
        with self._lock:
            if identifier not in self._open:
                place = self._place(identifier)
                with ExitStack() as lock:
                    lock.enter_context(_alone(place))
                    session = Session(place)
                    self._open[identifier] = Opened(session, Solving(session), lock.pop_all())
                self._close_some()
            return self._open[identifier].session

    @property
    def sessions(self) -> list[Session]:
        """The pictures that are open. It takes no lock: threads of pictures that are being closed may ask."""
        return [opened.session for opened in tuple(self._open.values())]

    def import_file(self, identifier: str, kind: str, data: bytes, width: str) -> None:
        """Take a trimap or a mask for a picture; refused if it does not fit."""
        if kind not in KINDS:
            raise InputError(f"kind: takes {' or '.join(KINDS)}, got {kind!r:.40}")
        session = self.session(identifier)
        path = session.folder / f"import-{hashlib.sha256(data).hexdigest()[:20]}"
        known = path.exists()
        replace_file(path, data)
        try:
            session.import_base(Source(path.name, kind, width))
        except InputError as error:
            if not known:
                path.unlink()
            raise InputError(str(error).replace(str(path), kind)) from None

    def remove(self, identifier: str) -> None:
        """Delete a picture with all that was made of it."""
        with self._lock:
            self._close(identifier)
            place = self._place(identifier)
            with _alone(place):
                pass
            shutil.rmtree(place)

    def close(self) -> None:
        """Close all pictures."""
        with self._lock:
            for identifier in list(self._open):
                self._close(identifier)

    def _close_some(self) -> None:
        unseen = [identifier for identifier, opened in self._open.items() if not opened.session.watched]
        for identifier in unseen[: max(0, len(self._open) - MOST_OPEN)]:
            self._close(identifier)

    def _close(self, identifier: str) -> None:
        if identifier in self._open:
            self._open.pop(identifier).close()

    def _place(self, identifier: str) -> Path:
        place = self.folder / identifier
        if not _IDENTIFIER.fullmatch(identifier) or not (place / "about.json").exists():
            raise InputError(f"picture: there is none of identifier {identifier!r:.40}")
        return place

    def _identifiers(self) -> Iterator[str]:
        for place in self.folder.iterdir():
            if _IDENTIFIER.fullmatch(place.name) and (place / "about.json").exists():
                yield place.name

    def _changed_at(self, identifier: str) -> float:
        journal = self.folder / identifier / "journal.jsonl"
        return (journal if journal.exists() else journal.with_name("about.json")).stat().st_mtime


def _alone(place: Path) -> AbstractContextManager[None]:
    return locked(place, "image", "propmat studio")


def plain_name(name: str) -> str:
    """The last part of a file's name, of printable characters, for messages and for the names of exports."""
    last = re.split(r"[/\\]", name)[-1].strip()
    plain = "".join(c for c in last if c.isprintable()).lstrip("-.")[:100]
    return plain.encode()[:_LONGEST_NAME].decode(errors="ignore") or "picture"
