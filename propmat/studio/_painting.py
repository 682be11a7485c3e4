"""A picture's labels, their history and their journal: what the page changes, one change at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from propmat.errors import InputError, one_line
from propmat.studio._brush import Box, fill, paint, whole
from propmat.studio._history import History
from propmat.studio._journal import Journal, Record
from propmat.studio._layers import Change, Layers, Source
from propmat.studio._messages import Band, Fill, Order, Settings, Stroke
from propmat.studio._types import UNPAINTED, Bytes

# A journal that is longer, and twice as long as the last one that was shortened, is replaced by a shorter one with the
# same result.
LONGEST_JOURNAL = 96 * 2**20

# So many identifiers of strokes are remembered.
_MOST_STROKES, _TOLD_STROKES = 1000, 32


@dataclass
class Begun:
    """A stroke whose end has not come: its identifier, the painted layer before, and what it has touched."""

    identifier: str
    before: Bytes
    touched: Box | None = None


class Painting:
    """Labels as they are painted. Every method returns the rectangle in which labels may have changed, or None.

    Attributes
    ----------
    layers : Layers
    history : History
    settings : Settings
    unkept : str
        Why the journal lacks changes, such as a full disk; empty if it has them all. The next change writes all anew.
    """

    def __init__(self, shape: tuple[int, int], journal: Path) -> None:
        self.layers = Layers(shape)
        self.history = History()
        self.settings = Settings()
        self._strokes: deque[str] = deque(maxlen=_MOST_STROKES)
        self._begun: Begun | None = None
        self._journal = Journal(journal)
        self._longest, self.unkept = LONGEST_JOURNAL, ""
        for record in self._journal.read():
            with suppress(InputError, ValueError, TypeError, KeyError):  # a damaged line
                self._repeat(record)

    @property
    def moving(self) -> bool:
        """Whether a stroke is being painted."""
        return self._begun is not None

    @property
    def ended_strokes(self) -> list[str]:
        """Identifiers of the last strokes that have ended."""
        return list(self._strokes)[-_TOLD_STROKES:]

    def stroke(self, stroke: Stroke) -> Box | None:
        """Paint a part of a stroke; one that has ended before, sent again after a lost connection, is passed over."""
        if stroke.identifier in self._strokes:
            return None
        if self._begun is None or self._begun.identifier != stroke.identifier:
            self.end_stroke()
            self._begun = Begun(stroke.identifier, self.layers.painted.copy())
        value = UNPAINTED if stroke.label is None else stroke.label
        box = paint(self.layers.painted, stroke.points, stroke.radius, value)
        if box is not None:
            self._begun.touched = box.joined(self._begun.touched)
            self.layers.update(box)
        if stroke.end:
            self.end_stroke()
            self._strokes.append(stroke.identifier)
            self._write({"stroke": stroke.identifier})  # last: a killed process gets the stroke again, or had it all
        return box

    def end_stroke(self) -> None:
        """Make what has been painted of a stroke a change: it has ended, another one begins, or its page is gone."""
        begun, self._begun = self._begun, None
        if begun is not None and begun.touched is not None:
            self._done(self.layers.change("painted", begun.touched, begun.before[begun.touched.slices]))

    def fill(self, message: Fill) -> Box | None:
        """Fill an area of one label."""
        self.end_stroke()
        before = self.layers.painted.copy()
        value = UNPAINTED if message.label is None else message.label
        box = fill(self.layers.painted, self.layers.labels, message.point, value)
        if box is not None:
            self._done(self.layers.change("painted", box, before[box.slices]))
        return box

    def order(self, order: Order) -> Box | None:
        """Undo, redo, or clear what was painted."""
        self.end_stroke()
        if order.name == "clear":
            return self._cleared()
        change = self._step(order.name)
        if change is not None:
            self._write({order.name: True})
        return None if change is None else change.box

    def import_base(self, base: Bytes, source: Source) -> Box:
        """Replace the base; another band of the mask that is there replaces the change by which it came."""
        self.end_stroke()
        box, former = whole(self.layers.shape), self.layers.base
        self.layers.base = base
        change = self.layers.change("base", box, former, source)
        last = self.history.done[-1] if self.history.done else None
        if last is not None and last.layer == "base" and last.sources[1].file == source.file:
            self._step("undo")
            self._write({"undo": True})
            change = replace(change, before=last.before, sources=(last.sources[0], source))
            self.layers.apply(change)
        self._done(change)
        return box

    def set(self, settings: Settings) -> None:
        """Keep settings."""
        self.settings = settings
        self._write({"settings": vars(settings)})

    def band_of(self, band: Band) -> Source:
        """The source of a mask that is there with another width of its band."""
        if self.layers.source.kind != "mask":
            raise InputError("width: goes with a mask; import one first")
        return replace(self.layers.source, width=band.width)

    def close(self) -> None:
        """Keep a stroke that has begun, and close the journal."""
        self.end_stroke()
        self._journal.close()

    def _cleared(self) -> Box:
        box = whole(self.layers.shape)
        before = self.layers.painted.copy()
        self.layers.painted[:] = UNPAINTED
        self._done(self.layers.change("painted", box, before))
        return box

    def _step(self, name: str) -> Change | None:
        change = self.history.undo() if name == "undo" else self.history.redo()
        if change is not None:
            self.layers.apply(change)
        return change

    def _done(self, change: Change) -> None:
        self.history.push(change)
        self._write({"change": change.record()})

    def _write(self, record: Record) -> None:
        try:
            if not self.unkept:
                self._journal.write(record)
            if self.unkept or self._journal.size > self._longest:
                self._journal.rewrite(self._shortened())
                self._longest = max(LONGEST_JOURNAL, 2 * self._journal.size)
            self.unkept = ""
        except (OSError, InputError) as error:
            self.unkept = f"folder: what is painted cannot be kept: {one_line(error)}"

    def _shortened(self) -> Iterator[Record]:
        """Records with the same result: the layers, and the history, which ends with them."""
        yield {"settings": vars(self.settings)}
        yield from ({"snapshot": change.record()} for change in self.layers.snapshot())
        yield from ({"done": change.record()} for change in self.history.done)
        yield from ({"undone": change.record()} for change in self.history.undone)
        yield from ({"stroke": identifier} for identifier in self._strokes)

    def _repeat(self, record: Record) -> None:
        """Do again what a line of the journal says."""
        if "stroke" in record:
            self._strokes.append(str(record["stroke"]))
        if "settings" in record:
            self.settings = Settings.of_record(record["settings"])
        for name in ("change", "snapshot", "done", "undone"):
            given = record.get(name)
            if isinstance(given, dict):
                self._take(name, Change.of_record(given))
        for name in ("undo", "redo"):
            if name in record:
                self._step(name)

    def _take(self, name: str, change: Change) -> None:
        if name in ("change", "snapshot"):
            self.layers.apply(change)
        if name in ("change", "done"):
            self.history.push(change)
        elif name == "undone":
            self.history.undone.append(change)
