"""How a device shares out work does not depend on the amount."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def threads_for(entries: int) -> Iterator[None]:
    """Nothing to set."""
    yield


def share(kernel: Callable[..., None], count: int, *arguments: Any) -> None:
    """Run a kernel on all of range(count): the device takes the whole at once."""
    kernel(0, count, *arguments)
