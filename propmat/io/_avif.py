"""Properties of an AVIF file that Pillow does not report: its depth, and the meaning of its colours."""

from __future__ import annotations

import re
from typing import BinaryIO

# Boxes with properties of the picture come first, among them possibly a profile of colours.
_PROPERTIES = 2**22

_UNSPECIFIED = 2


def properties_of(file: BinaryIO) -> tuple[int, tuple[int, int, int, int] | None]:
    """Bits per sample (box pixi), and code points (box colr of type nclx) of the decoded RGB."""
    file.seek(0)
    start = file.read(_PROPERTIES)
    file.seek(0)
    bits = re.search(rb"pixi.{5}(.)", start, re.DOTALL)
    codes = re.search(rb"colrnclx(..)(..)", start, re.DOTALL)
    primaries, transfer = (int.from_bytes(code, "big") for code in codes.groups()) if codes else (_UNSPECIFIED,) * 2
    known = _UNSPECIFIED not in (primaries, transfer) and max(primaries, transfer) <= 255
    return bits[1][0] if bits else 8, (primaries, transfer, 0, 1) if known else None
