"""What a target is, and what is said of an input that breaks one."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

MODULES = {
    "images": "images",
    "written": "written",
    "weights": "weights",
    "configurations": "configurations",
    "archives": "archives",
    "folders": "folders",
    "problems": "problems",
    "adjoints": "adjoints",
    "torch": "bindings",
    "jax": "bindings",
    "removals": "removals",
    "work_lists": "work_lists",
    "commands": "commands",
}


class Broken(Exception):
    """A law does not hold.

    Parameters
    ----------
    law : str
        Its name, the same for all inputs that break it.
    told : str
        What was found for this one.
    kind : {"law", "half-written", "memory"}
    """

    def __init__(self, law: str, told: str = "", kind: str = "law") -> None:
        super().__init__(f"{law}: {told}")
        self.law, self.told, self.kind = law, told, kind


def require(holds: object, law: str, told: object = "") -> None:
    """Raise `Broken` unless the law holds."""
    if not holds:
        raise Broken(law, str(told))


class Unavailable(Exception):
    """A package that the target needs is not installed."""


@dataclass(frozen=True)
class Target:
    """Something that takes bytes and keeps promises about them.

    Attributes
    ----------
    name : str
    run : callable (bytes) -> bool
        Whether the input was taken; False if it was refused as it should be. Raises if a promise is broken.
    seeds : callable () -> list of bytes
        Inputs to start from: valid ones, and those that failed once.
    draw : callable (Random) -> bytes
        One more input.
    describe : callable (bytes) -> str
        The input in words.
    """

    name: str
    run: Callable[[bytes], bool]
    seeds: Callable[[], list[bytes]]
    draw: Callable[[Random], bytes]
    describe: Callable[[bytes], str] = repr

    def inputs(self, seed: int, first: int = 0) -> Iterator[bytes]:
        """The seeds, then what is drawn; input number n depends on nothing but `seed` and n."""
        seeds = self.seeds()
        yield from seeds[first:]
        number = max(first, len(seeds))
        while True:
            yield self.draw(Random(f"{self.name} {seed} {number}"))
            number += 1


def find(name: str) -> Target:
    """The target of a name out of `MODULES`, or, for tests of the runner, ``module:name``.

    Raises
    ------
    Unavailable
        If a package that it needs is not installed.
    """
    module, _, inner = name.rpartition(":")
    found = importlib.import_module(module or f"tests.fuzz.{MODULES[name]}")
    target: Target = found.TARGETS[inner]
    return target
