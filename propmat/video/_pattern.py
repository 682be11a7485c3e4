"""Names with a number in them."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

_NUMBER = re.compile(r"%(0(\d+))?d|#+")
_NAMED = re.compile(r"(.*?)(\d+)(\.\w+)", re.DOTALL)


class Pattern(NamedTuple):
    """A path with a number in it, written with at least so many digits."""

    before: str
    digits: int
    after: str

    @classmethod
    def parsed(cls, text: str) -> Pattern | None:
        """The pattern in a text like ``shot.%04d.exr`` or ``shot.####.exr``; None if there is no number in it."""
        name = os.path.basename(text)
        found = _NUMBER.search(name)
        if found is None:
            return None
        start = len(text) - len(name)
        digits = int(found[2] or 1) if found[0].startswith("%") else len(found[0])
        return cls(text[: start + found.start()], digits, text[start + found.end() :])

    @classmethod
    def of_name(cls, name: str) -> tuple[Pattern, int] | None:
        """The pattern and the number of a name like ``shot.0101.exr``; None if it has no number before its suffix."""
        found = _NAMED.fullmatch(name)
        return (cls(found[1], len(found[2]), found[3]), int(found[2])) if found else None

    def place(self, number: int) -> str:
        """The path of a number."""
        return f"{self.before}{number:0{self.digits}d}{self.after}"

    def number(self, path: str) -> int | None:
        """The number of a path; None of others."""
        found = re.fullmatch(f"{re.escape(self.before)}(\\d+){re.escape(self.after)}", path)
        return int(found[1]) if found and self.place(int(found[1])) == path else None

    def pictures_in(self, folder: str) -> Pattern:
        """The same names in a folder, of PNG files."""
        return Pattern(os.path.join(folder, os.path.basename(self.before)), self.digits, ".png")
