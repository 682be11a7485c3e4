"""Trimaps of all frames from those of key frames."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from propmat import _inputs
from propmat._arithmetic import each_in_usual_arithmetic, usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import ArrayLike
from propmat.errors import InputError, about, shown
from propmat.video._flow import check_same_size
from propmat.video._flows import Flows, Grey, Greys
from propmat.video._reduced import greys_of
from propmat.video._sides import CarriedTrimap, Key, WayFiles, combined

WIDEST = 1 / 40  # of the shorter side: by how much the band widens at most


@usual_arithmetic
def carry(
    frames: Sequence[ArrayLike], keys: Mapping[int, ArrayLike | Trimap], *, widest: float | None = None
) -> Iterator[CarriedTrimap]:
    """Trimaps of all frames from those of a few key frames.

    Labels are carried by optical flow from the key frames before and after; where forward and backward flow disagree,
    or the two sides do, the unknown band widens. Frames before the first and after the last key have one side only.

    Parameters
    ----------
    frames : sequence of (H, W), (H, W, 3) or (H, W, d) arrays
        Read when they are needed, two at a time; each may be asked for several times.
    keys : mapping of int to (H, W) array or Trimap
        Trimaps by the index of their frame.
    widest : float, > 0, optional
        By how many pixels the band widens at most; a fortieth of the shorter side by default.

    Returns
    -------
    iterator of CarriedTrimap
        Of every frame, in their order; key frames have the trimap that was given.

    Raises
    ------
    InputError
        If an argument is not as above, frames differ in size, or a key is of no frame or of another size.
    MissingDependencyError
        If OpenCV is not installed.

    References
    ----------
    Y.-Y. Chuang, A. Agarwala, B. Curless, D. H. Salesin, R. Szeliski, "Video Matting of Complex Scenes", SIGGRAPH 2002,
    carries trimaps along flow from both sides.

    Examples
    --------
    >>> import propmat
    >>> import propmat.video
    >>> scene = propmat.datasets.moving(seed=0, frames=3, shape=(48, 64))
    >>> keys = {0: scene[0].trimap, 2: scene[2].trimap}
    >>> trimaps = list(propmat.video.carry([sample.image for sample in scene], keys))
    >>> [trimap.labels.shape for trimap in trimaps], trimaps[0].uncertain
    ([(48, 64), (48, 64), (48, 64)], 0.0)
    """
    if not (hasattr(frames, "__len__") and hasattr(frames, "__getitem__")):
        raise InputError(f"frames: takes a sequence of frames, which are asked for by index; got {shown(frames)}")
    parsed = _parsed(keys, len(frames))
    shape = parsed[min(parsed)].shape

    def grey(index: int) -> Greys:
        image = _inputs.image(frames[index], f"frames: frame {index}")
        check_same_size(image.shape, shape, f"frames: frame {index}")
        return greys_of(image)

    bound = None if widest is None else _inputs.positive(widest, "widest")
    return each_in_usual_arithmetic(_carried(grey, len(frames), parsed, bound))


def _carried(grey: Grey, count: int, keys: Mapping[int, Trimap], widest: float | None) -> Iterator[CarriedTrimap]:
    """`carried_trimaps` with files for the flow."""
    with tempfile.TemporaryDirectory(prefix="propmat-") as folder:
        yield from carried_trimaps(Flows(Path(folder), grey), count, keys, widest)


def _parsed(keys: object, count: int) -> dict[int, Trimap]:
    """The trimaps of key frames, checked."""
    if not isinstance(keys, Mapping) or not keys:
        raise InputError(
            f"keys: takes a mapping of the index of a frame, one at least, to its trimap; got {shown(keys)}"
        )
    parsed = {}
    for given, trimap in keys.items():
        number = _index(given, count)
        with about(f"keys: frame {number}"):
            parsed[number] = Trimap.parse(trimap)
    shape = parsed[min(parsed)].shape
    for number, trimap in parsed.items():
        check_same_size(trimap.shape, shape, f"keys: the trimap of frame {number}")
    return parsed


def _index(number: object, count: int) -> int:
    """The index of a key frame."""
    index = _inputs.integer(number, "keys: the index of a frame", 0, 2**31)
    if index >= count:
        raise InputError(f"keys: there is no frame {index}; the {count} frames are 0 to {count - 1}")
    return index


def carried_trimaps(
    flows: Flows, count: int, keys: Mapping[int, Trimap], widest: float | None = None
) -> Iterator[CarriedTrimap]:
    """`carry` for arguments that are checked, and the flow between frames by their index."""
    places = sorted(keys)
    bound = min(keys[places[0]].shape) * WIDEST if widest is None else widest
    if places[0]:
        yield from _before(flows, places[0], keys[places[0]], bound)
    for first, last in pairwise(places):
        yield CarriedTrimap(keys[first])
        if last - first > 1:
            yield from _between(flows, first, last, keys, bound)
    yield CarriedTrimap(keys[places[-1]])
    if places[-1] < count - 1:
        key = Key(keys[places[-1]], bound)
        for _, way in key.ways(flows, range(places[-1], count)):
            yield combined([key.side(way)], bound)


def _before(flows: Flows, first: int, labels: Trimap, widest: float) -> Iterator[CarriedTrimap]:
    """The trimaps of the frames before the first key."""
    with tempfile.TemporaryDirectory(prefix="propmat-") as folder:
        kept, key = WayFiles(folder), Key(labels, widest)
        for number, way in key.ways(flows, range(first, -1, -1)):
            kept.keep(number, way)
        for number in range(first):
            yield combined([key.side(kept[number])], widest)


def _between(flows: Flows, first: int, last: int, keys: Mapping[int, Trimap], widest: float) -> Iterator[CarriedTrimap]:
    """The trimaps of the frames between two keys."""
    with tempfile.TemporaryDirectory(prefix="propmat-") as folder:
        kept = WayFiles(folder)
        earlier, later = Key(keys[first], widest), Key(keys[last], widest)
        for number, way in later.ways(flows, range(last, first, -1)):
            kept.keep(number, way)
        for number, way in earlier.ways(flows, range(first, last)):
            yield combined([earlier.side(way), later.side(kept[number])], widest)
