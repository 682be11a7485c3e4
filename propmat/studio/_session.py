"""A picture that is open: its labels, what is shown of its matte, and the threads that bring that up to date."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from propmat._foreground._estimate import foreground
from propmat._typing import Array
from propmat.errors import InputError
from propmat.studio import _imports
from propmat.studio._brush import Box
from propmat.studio._display import PREVIEW, Asked, Display, Posed
from propmat.studio._layers import Source
from propmat.studio._messages import Band, Fill, Message, Order, Settings, Stroke
from propmat.studio._painting import Painting
from propmat.studio._photo import Photo
from propmat.studio._reduced import Cells, cell_of
from propmat.studio._shown import Place, Shown, box_of
from propmat.studio._types import Bytes, Pixels


class Session:
    """The state of one picture, which pages change and threads answer. All methods may be called from any thread.

    Attributes
    ----------
    photo : Photo
    display : Display
    changed : threading.Condition
        Notified of every change; what is read together is read with it held.
    version : int
        Of labels and method.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.photo = Photo.read(folder / "photo")
        self._painting = Painting(self.photo.shape, folder / "journal.jsonl")
        self.side = cell_of(self.photo.shape)
        self._cells = {self.side: Cells(self._painting.layers.labels, self.side)}
        self.changed = threading.Condition()
        self.version, self._since, self._stroke = 1, time.monotonic(), ""
        self.display = Display(self.side)
        self.closed = False
        self._foreground: tuple[int, Pixels] | None = None
        self._watching: set[Callable[[], None]] = set()
        asked = self.asked()
        if asked.waiting:
            self.display.preview(asked, None)

    # What pages ask for

    def take(self, message: Message) -> None:
        """Do what a page asks for."""
        if isinstance(message, Band):
            self.import_base(self._painting.band_of(message))
            return
        with self.changed:
            self._check_open()
            if isinstance(message, Settings):
                self._painting.set(message)
                self._change(None)
            elif isinstance(message, (Stroke, Fill, Order)):
                self._paint(message)

    def import_base(self, source: Source) -> None:
        """Take a trimap or a mask as the labels under what is painted."""
        base = _imports.labels(self.folder, source, self.photo.shape)
        with self.changed:
            self._check_open()
            self._change(self._painting.import_base(base, source))

    def end_stroke(self) -> None:
        """End a stroke whose page is gone."""
        with self.changed:
            self._painting.end_stroke()

    def _check_open(self) -> None:
        if self.closed:
            raise InputError("image: was closed")

    def _paint(self, message: Stroke | Fill | Order) -> None:
        if isinstance(message, Stroke):
            self._stroke = message.identifier
            box = self._painting.stroke(message)
        else:
            box = self._painting.fill(message) if isinstance(message, Fill) else self._painting.order(message)
        if box is not None:
            self._change(box)
        self._tell()  # what can be undone may have changed

    def _change(self, box: Box | None) -> None:
        """Note that labels in a rectangle have changed, or the method has."""
        if box is not None:
            for cells in self._cells.values():
                cells.update(self._painting.layers.labels, box)
        self.version += 1
        self._since = time.monotonic()
        self.changed.notify_all()
        self._tell()

    # What threads ask for

    def asked(self) -> Asked:
        """The state of the labels of cells, to be called with `changed` held."""
        cells = self._cells[self.side]
        return Asked(self.version, cells.labels.copy(), not cells.both, self._since, self._stroke)

    def posed(self) -> Posed:
        """The state of all labels, which takes longer to copy, to be called with `changed` held."""
        labels, method = self._painting.layers.labels.copy(), self._painting.settings.method
        return Posed(**vars(self.asked()), labels=labels, method=method)

    def rested(self, seconds: float) -> float:
        """How much longer the labels have to rest until they have rested so long."""
        pause = 0.15 if self._painting.moving else 0.0
        return self._since + max(seconds, pause) - time.monotonic()

    def stale(self, asked: Asked) -> bool:
        """Whether the labels have changed since."""
        return self.closed or self.version != asked.version

    def show(self, asked: Asked, step: Callable[[Display], None], *, late: bool = False) -> None:
        """Take a step of the display, unless the labels have changed since; of previews an old one is shown, too."""
        with self.changed:
            if not self.closed and (late or not self.stale(asked)):
                step(self.display)
                self.changed.notify_all()
                self._tell()

    def announce(self, note: str) -> None:
        """Tell pages a sentence, until something else is shown."""
        with self.changed:
            self.display.announce(note)
            self._tell()

    # What is read

    def labels(self, place: Place) -> Bytes:
        """The labels of a tile."""
        return self._labels_at(place.level)[box_of(place, self.photo.shape).slices].copy()

    def alpha(self, shown: Shown, place: Place, labels: Bytes) -> Bytes:
        """Alpha in 8 bits of a tile with these labels."""
        return shown.tile(place.level, box_of(place, self.photo.shape), labels)

    def _labels_at(self, level: int) -> Bytes:
        """The labels of cells of 2**level pixels across."""
        with self.changed:
            if level == 0:
                return self._painting.layers.labels
            if 2**level not in self._cells:
                self._cells[2**level] = Cells(self._painting.layers.labels, 2**level)
            return self._cells[2**level].labels

    def photograph(self) -> Pixels:
        """The colours of the photograph."""
        return self.photo.pixels

    def foreground(self) -> Pixels:
        """The colours of the foreground under the exact matte."""
        asked, alpha = self.wait_for_exact()
        if self._foreground is None or self._foreground[0] != asked.version:
            self._foreground = asked.version, foreground(self.photo.pixels, alpha)[0].astype(np.float32)
        return self._foreground[1]

    def wait_for_exact(self) -> tuple[Posed, Array]:
        """The labels and their exact matte, as soon as it is there; `InputError` if there will be none."""
        with self.changed:
            if self.asked().waiting:
                raise InputError("trimap: paint some foreground and some background first")
            self.changed.wait_for(lambda: self.closed or self.display.ended == self.version)
            if self.closed or self.display.exact is None:
                raise InputError(self.display.shown.note or "image: was closed")
            return self.posed(), self.display.exact

    def state(self, ended: Iterable[str] = ()) -> dict[str, object]:
        """What the page is told beside pixels; strokes are the last of all pages, and those that it has `ended`."""
        with self.changed:
            shown, painting = self.display.shown, self._painting
            return {
                "phase": shown.phase if shown.version == self.version else PREVIEW,
                "version": shown.version,
                "stroke": shown.stroke,
                "seconds": round(shown.seconds, 3),
                "note": painting.unkept or shown.note,
                "findings": list(shown.findings),
                "undo": len(painting.history.done) + painting.moving,
                "redo": len(painting.history.undone),
                "strokes": list(dict.fromkeys([*painting.ended_strokes, *ended])),
                "method": painting.settings.method,
                "source": vars(painting.layers.source),
            }

    def will_show_more_than(self, shown: Shown | None) -> bool:
        """Whether this is what is shown, and is not of the labels as they are: a preview of these comes."""
        with self.changed:
            return not self.closed and self.display.shown is shown and self.version != shown.version

    def watch(self, tell: Callable[[], None]) -> None:
        """Call a function whenever something has changed."""
        with self.changed:
            self._watching.add(tell)

    def unwatch(self, tell: Callable[[], None]) -> None:
        """Call it no more."""
        with self.changed:
            self._watching.discard(tell)

    @property
    def watched(self) -> bool:
        """Whether a page shows the picture."""
        return bool(self._watching)

    def close(self) -> None:
        """Stop the threads and close the journal."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
            self._painting.close()
            self._tell()

    def _tell(self) -> None:
        for tell in tuple(self._watching):
            with suppress(RuntimeError):  # the event loop of a page has ended
                tell()
