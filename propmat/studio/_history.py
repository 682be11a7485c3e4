"""Changes that can be taken back and made again, as many as fit into a number of bytes."""

from __future__ import annotations

from collections import deque

from propmat.studio._layers import Change

MOST_BYTES = 64 * 2**20


class History:
    """Two stacks of changes. Where they take too many bytes, the oldest ones are forgotten.

    Parameters
    ----------
    most : int
        Bytes of all changes that can be taken back.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.done: deque[Change] = deque()
        self.undone: list[Change] = []
        self._most, self._size = most, 0

    def push(self, change: Change) -> None:
        """Add a change, after which none can be made again."""
        self.undone.clear()
        self._add(change)

    def undo(self) -> Change | None:
        """The change that takes the last one back; None if there is none."""
        if not self.done:
            return None
        change = self.done.pop()
        self._size -= change.size
        self.undone.append(change)
        return change.reversed

    def redo(self) -> Change | None:
        """The change that was taken back last, to be made again; None if there is none."""
        if not self.undone:
            return None
        change = self.undone.pop()
        self._add(change)
        return change

    def _add(self, change: Change) -> None:
        self.done.append(change)
        self._size += change.size
        while self._size > self._most and len(self.done) > 1:
            self._size -= self.done.popleft().size
