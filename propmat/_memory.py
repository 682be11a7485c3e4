"""How much memory this machine has, and how much of it is free."""

from __future__ import annotations

import os
from pathlib import Path

_GROUPS = (  # of Linux: a container's limit and use, in versions 2 and 1 of control groups
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available() -> int:
    """Bytes that are free for new work, by the system or by the limit of a container."""
    free = _meminfo("MemAvailable") or total()
    for limit, use in _GROUPS:
        most, used = _number(limit), _number(use)
        if most is not None and used is not None:
            free = min(free, max(0, most - used))
    return free


def total() -> int:
    """Bytes of memory of this machine or container."""
    machine = _meminfo("MemTotal") or _pages()
    return min([machine, *(most for limit, _ in _GROUPS if (most := _number(limit)) is not None)])


def gibibytes(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"


def _meminfo(name: str) -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")]
    return found[0] if found else None


def _pages() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 8 * 2**30  # a system that does not say


def _number(path: str) -> int | None:
    try:
        text = Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
