"""The curves of a training as a picture, drawn with Pillow, which propmat needs anyway; matplotlib it does not."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from propmat.io._replacing import replace_file

if TYPE_CHECKING:
    from PIL import ImageDraw

Points = list[tuple[float, float]]

WIDTH, HEIGHT, LEFT, EDGE = 900, 320, 90, 36
COLOURS = ("#20639b", "#ed553b", "#3caea3", "#d1a53d", "#7a5195")


def draw_curves(log: Sequence[dict[str, Any]], path: Path) -> None:
    """The losses, and below them the SAD of what is held out, both over iterations."""
    from PIL import Image, ImageDraw

    charts = {"losses, logarithmic": _curves(log, "losses", lambda loss: math.log10(loss) if loss > 0 else None)}
    if tried := _curves(log, "validation", lambda scores: scores["sad"]):
        charts["SAD of held-out pictures"] = tried
    picture = Image.new("RGB", (WIDTH, HEIGHT * len(charts)), "white")
    for place, (title, curves) in enumerate(charts.items()):
        _draw_chart(ImageDraw.Draw(picture), place * HEIGHT, title, curves)
    content = io.BytesIO()
    picture.save(content, "PNG")
    replace_file(path, content.getvalue())


def _curves(log: Sequence[dict[str, Any]], kind: str, height: Callable[[Any], float | None]) -> dict[str, Points]:
    """The points of each name in the records of a kind; those without a height are left out."""
    found: dict[str, Points] = {}
    for record in log:
        for name, value in record.get(kind, {}).items():
            if (y := height(value)) is not None:
                found.setdefault(name, []).append((record["iteration"], y))
    return found


def _draw_chart(draw: ImageDraw.ImageDraw, top: int, title: str, curves: dict[str, Points]) -> None:
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return
    last = max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    span = (high - low) or 1.0
    right, bottom = WIDTH - EDGE, top + HEIGHT - EDGE

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + (right - LEFT) * x / last, bottom - (bottom - top - EDGE) * (y - low) / span

    draw.rectangle((LEFT, top + EDGE, right, bottom), outline="#a0a0a0")
    draw.text((LEFT, top + 8), title, "black", font_size=16)
    for value in (low, (low + high) / 2, high):
        shown = 10**value if "logarithmic" in title else value
        draw.text((LEFT - 8, at(0, value)[1]), f"{shown:.3g}", "black", anchor="rm", font_size=14)
    draw.text((right, bottom + 6), f"{last} iterations", "black", anchor="ra", font_size=14)
    for place, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[place % len(COLOURS)]
        draw.line([at(x, y) for x, y in curve], colour, 2)
        draw.text((right - 8, top + EDGE + 6 + 18 * place), name, colour, anchor="ra", font_size=14)
