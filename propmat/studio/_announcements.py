"""What the library announces by logging, that kernels are being compiled, told to the pages of open pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from propmat.studio._workspace import Workspace


class _ToPages(logging.Handler):
    def __init__(self, workspace: Workspace) -> None:
        super().__init__(logging.INFO)
        self._workspace = workspace

    def emit(self, record: logging.LogRecord) -> None:
        for session in self._workspace.sessions:
            session.announce(record.getMessage())


@contextmanager
def announced_on_pages(workspace: Workspace) -> Iterator[None]:
    """Tell pages what is logged meanwhile; the command logs it, a program that calls `serve` if its level is INFO."""
    log, handler = logging.getLogger("propmat"), _ToPages(workspace)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
