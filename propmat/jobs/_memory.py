"""Who may take the memory that there is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from propmat._memory import available

# Of what is free at the beginning; other programs want some later.
_SHARE = 0.8

# A process that has loaded propmat and its kernels, before any picture.
BYTES_OF_A_PROCESS = 300 * 2**20


class Admission:
    """Lets items in while their estimates fit a number of bytes, in the order in which they ask."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._turn = threading.Lock()
        self._changed = threading.Condition()
        self._taken = 0

    @contextmanager
    def __call__(self, wanted: int) -> Iterator[None]:
        """Wait until that much is free; one that is larger than the budget waits until nothing else is at work."""
        with self._turn, self._changed:
            self._changed.wait_for(lambda: not self._taken or self._taken + wanted <= self.budget)
            self._taken += wanted
        try:
            yield
        finally:
            with self._changed:
                self._taken -= wanted
                self._changed.notify_all()


def budget(processes: int) -> int:
    """Bytes that pictures may take in so many processes."""
    return max(2**28, int(_SHARE * available()) - processes * BYTES_OF_A_PROCESS)
