"""Files of a set. Each is written beside its place and renamed, and the facts of an item are written last."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

COLUMNS = (
    "name kind modifiers split seed size samples alpha_error seconds style light environment strands strand_px length "
    "colour ground objects lens_mm fill cut motion blur_px coverage soft"
).split()


class SettingsError(Exception):
    """A folder holds a set that was made with other settings."""


def claim(root: Path, settings: Mapping[str, object]) -> None:
    """Write down the settings of a set, or see that those of its folder are the same."""
    path, stated = root / "settings.json", json.dumps(settings, indent=1, sort_keys=True)
    root.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _write(path, lambda beside: beside.write_text(stated))
    elif path.read_text() != stated:
        raise SettingsError(f"{root} holds a set with other settings, see {path}; take another folder")


def done(root: Path, name: str) -> bool:
    """Whether an item is complete."""
    return _facts(root, name).exists()


def save(root: Path, name: str, colours: np.ndarray, alpha: np.ndarray, facts: Mapping[str, object]) -> None:
    """Write an item: colours as JPEG, alpha as PNG of 8 bits, facts as JSON."""
    from PIL import Image

    foreground, matte = (Image.fromarray(_levels(layer)) for layer in (colours, alpha))
    _write(
        root / "foreground" / f"{name}.jpg", lambda beside: foreground.save(beside, "JPEG", quality=93, subsampling=0)
    )
    _write(root / "alpha" / f"{name}.png", lambda beside: matte.save(beside, "PNG", optimize=True))
    _write(_facts(root, name), lambda beside: beside.write_text(json.dumps(facts)))


def index(root: Path) -> int:
    """Write index.csv from the facts of all complete items; returns their number."""
    rows = [json.loads(path.read_text()) for path in sorted((root / "facts").glob("*.json"))]

    def write(beside: Path) -> None:
        with beside.open("w", newline="") as file:
            table = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
            table.writeheader()
            table.writerows(rows)

    _write(root / "index.csv", write)
    return len(rows)


def _facts(root: Path, name: str) -> Path:
    return root / "facts" / f"{name}.json"


def _levels(layer: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(layer, 0, 1)).astype(np.uint8)


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    """Fill a file beside its place, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fill(beside)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
