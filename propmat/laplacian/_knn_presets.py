"""The constants of the published forms of KNN matting."""

from __future__ import annotations

from dataclasses import dataclass

from propmat.errors import InputError, shown


@dataclass(frozen=True)
class Preset:
    """The constants of one published form.

    Attributes
    ----------
    neighbours : tuple of int
        K of each search, the pixel itself included.
    spatial : tuple of float
        What coordinates are multiplied by in each search.
    kernel_spatial : float or None
        What they are multiplied by in the kernel 1 - |X_i - X_j|₁ / (number of features); None: every pair weighs 1.
    hue : bool
        Colours are (cos h, sin h, s / 2, v / 2) instead of those of the image.
    by_diagonal : bool
        Coordinates are in image diagonals; else each axis runs from 0 to 1.
    repeated : bool
        A pair counts as often as it was found: from both its ends, and in both searches.
    """

    neighbours: tuple[int, ...]
    spatial: tuple[float, ...]
    kernel_spatial: float | None = None
    hue: bool = False
    by_diagonal: bool = True
    repeated: bool = True


# The authors' code divides the coordinates by 100 after each of two searches, and then computes the kernel.
PRESETS = {
    "rgb": Preset((10, 2), (1.0, 0.01), kernel_spatial=1e-4),
    "hsv": Preset((10, 2), (2.0, 0.02), kernel_spatial=2e-4, hue=True, repeated=False),
    "two": Preset((20, 10), (2.0, 0.1), by_diagonal=False),
}


def known_preset(preset: object) -> str:
    """The name of a preset, or an `InputError`."""
    if not isinstance(preset, str) or preset not in PRESETS:
        raise InputError(f"preset: takes {', '.join(map(repr, PRESETS))}, got {shown(preset)}")
    return preset


def checked_preset(preset: object, channels: int) -> str:
    """The name of a preset that takes images of so many channels."""
    name = known_preset(preset)
    if PRESETS[name].hue and channels != 3:
        raise InputError(f"image: preset {name!r} takes 3 channels, red, green and blue; got {channels}")
    return name
