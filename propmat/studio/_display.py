"""The matte that is shown, from preview to exact."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.studio._preview import Small
from propmat.studio._reduced import Pyramid
from propmat.studio._shown import Shown
from propmat.studio._types import BACKGROUND, FOREGROUND, Bytes

WAITING, PREVIEW, EIGHT_BITS, EXACT = "waiting", "preview", "8 bits", "exact"


@dataclass(frozen=True, eq=False)
class Asked:
    """What a preview is asked for: a version of the labels, and those of its cells."""

    version: int
    cells: Bytes
    waiting: bool
    since: float
    stroke: str


@dataclass(frozen=True, eq=False)
class Posed(Asked):
    """What a matte of full size is asked for: the labels of the picture, and the method."""

    labels: Bytes
    method: str

    @property
    def trimap(self) -> Trimap:
        """The labels as methods take them."""
        return Trimap(self.labels == FOREGROUND, self.labels == BACKGROUND)


class Display:
    """What is shown, and the exact matte for exports.

    Attributes
    ----------
    shown : Shown
    exact : (H, W) array or None
        The exact matte of the last version whose solve has `ended`.
    ended : int
        That version.
    """

    def __init__(self, side: int) -> None:
        self.shown = Shown(0, WAITING, side=side)
        self.exact: Array | None = None
        self.ended = 0
        self._small: Small | None = None
        self._small_of_base: Small | None = None

    def preview(self, asked: Asked, small: Small | None) -> None:
        """Change the last matte as that of the small picture has changed."""
        former, self._small = self._small_of_base, small
        base = None if former is None else self.shown.base
        change = small if base is None or former is None or small is None else small - former
        if asked.waiting:
            self._small_of_base = base = change = None
        self._set(asked, WAITING if asked.waiting else PREVIEW, base, change)

    def matte(self, asked: Asked, alpha: Bytes, phase: str) -> None:
        """Show a matte of full size."""
        self._small_of_base = self._small
        self._set(asked, phase, Pyramid(alpha))

    def keep(self, asked: Asked, exact: Array | None, note: str) -> None:
        """Keep the exact matte, and tell how its solve ended, or why there is none."""
        self.exact, self.ended = exact, asked.version
        self.shown = replace(self.shown, note=note)

    def announce(self, note: str) -> None:
        """Tell a sentence until something else is shown."""
        self.shown = replace(self.shown, note=note)

    def find(self, findings: tuple[str, ...]) -> None:
        """Tell what is unusual about the labels."""
        self.shown = replace(self.shown, findings=findings)

    def _set(self, asked: Asked, phase: str, base: Pyramid | None, change: Small | None = None) -> None:
        before, seconds = self.shown, time.monotonic() - asked.since
        self.shown = Shown(asked.version, phase, base, change, before.side, before.findings, asked.stroke, seconds)
