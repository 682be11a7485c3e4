"""Frames of a sequence, read one at a time: what a clip is, and which clip is meant."""

from __future__ import annotations

import os

from propmat.errors import InputError, shown
from propmat.video._contract import Clip
from propmat.video._movie import Movie
from propmat.video._numbered import NumberedPictures
from propmat.video._pyav import MOVIES


def opened(place: str) -> Clip:
    """The clip at a place: a movie, a folder of numbered pictures, or their pattern such as ``shot.%04d.exr``.

    Raises
    ------
    InputError
        If there is none, a number is missing, or sizes differ.
    """
    if not isinstance(place, (str, os.PathLike)):
        takes = "the path of a movie, a folder, or a pattern like shot.%04d.exr"
        raise InputError(f"clip: takes {takes}; got {shown(place)}")
    path = os.fspath(place)
    if os.path.splitext(path)[1].lower() in MOVIES:
        return Movie(path)
    return NumberedPictures.found(path, "clip")


def check_frames(wanted: tuple[int, int] | None, clip: Clip, place: str) -> range:
    """The numbers of the frames that are wanted, all by default; refused if the clip has not all of them."""
    if wanted is None:
        return clip.numbers
    first, last = wanted
    if first > last:
        raise InputError(f"frames: takes the first and the last number, got {first}-{last}")
    if first not in clip.numbers or last not in clip.numbers:
        has = f"{clip.numbers[0]} to {clip.numbers[-1]}"
        raise InputError(f"frames: {first}-{last} are not all there: {place} has frames {has}")
    return range(first, last + 1)
