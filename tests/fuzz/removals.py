"""Pictures of any kind and what sessions return, through `propmat.rembg.remove`."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from propmat.rembg import remove
from tests.fuzz import arrays, images
from tests.fuzz.choices import Choices
from tests.fuzz.laws import attempt, fingerprint, require_equal
from tests.fuzz.target import Broken, Target, require

LENGTH = 64
MODES = ("refine", "upsample", "matte", "colours", "refine", "upsample")
WIDTHS = ("1%", 3, 0, "50%", (1, 2), "wide", None, -1, float("nan"), "1e9%")
CONFIDENCES = (None, None, 1e-2, 1e-12, 1e9, 0, -1, float("nan"), "much", 10**400)
PILLOW = ("RGB", "L", "P", "RGBA", "CMYK", "1", "LA", "I;16", "F", "HSV", "YCbCr", "I")

Array = np.ndarray[Any, Any]


class Session:
    """Predicts what was drawn; `side` is the size of its network, as sessions of rembg have one."""

    def __init__(self, predicted: Callable[[], Any], side: object = None) -> None:
        self.predicted = predicted
        if side is not None:
            inputs = [SimpleNamespace(shape=[1, 3, side, side])]
            self.inner_session = SimpleNamespace(get_inputs=lambda: inputs)

    def predict(self, img: Image.Image) -> Any:
        require(isinstance(img, Image.Image) and img.mode == "RGB", "a session is shown a picture of RGB", img)
        return self.predicted()


class Case(NamedTuple):
    """What `remove` is given."""

    data: Any
    session: Any
    settings: Mapping[str, Any]
    spoiled: bool


def decode(data: bytes) -> Case:
    choices = Choices(data)
    spoiled = choices.one_in(8)
    shape = choices.pick("shape", ((9, 12), (12, 9), (20, 7))) if choices.one_in(2) else arrays.size(choices)
    picture = choices.pick("data", DATA)(choices, shape)
    settings = {"mode": choices.pick("mode", MODES)}
    # What is none is among the last.
    some = len(WIDTHS) if spoiled else 5
    settings |= {"width": choices.pick("width", WIDTHS[:some])} if choices.one_in(2) else {}
    settings |= {"confidence": choices.pick("confidence", CONFIDENCES[:some])} if choices.one_in(2) else {}
    side = choices.pick("side", (None, None, 8, 3, "width", 0, 1000, -1))
    case = Case(picture, _session(choices, shape, side), settings, spoiled)
    if spoiled and choices.one_in(2):
        case = case._replace(data=arrays.BAD[choices.below(len(arrays.BAD))](picture))
    return case


def _session(choices: Choices, shape: tuple[int, int], side: object) -> Any:
    if choices.one_in(20):
        return choices.pick("session", (object(), Session, 5, "u2net", SimpleNamespace(predict=None)))
    masks = [_mask(choices, shape) for _ in range(choices.pick("masks", (1, 1, 1, 1, 1, 1, 2, 2, 3, 0)))]
    answer = choices.pick("answer", ANSWERS) if choices.one_in(8) else list
    return Session(partial(answer, masks), side)


def _mask(choices: Choices, shape: tuple[int, int]) -> Any:
    small = -(-shape[0] // 2), -(-shape[1] // 2)
    sizes = (small, (8, 8), shape[::-1]) if choices.one_in(5) else (shape,)
    size = choices.pick("size of the mask", sizes)
    drawn = choices.pick("mask", (arrays.banded, arrays.banded, arrays.mixed, arrays.greys, arrays.two_pixels))
    mask = drawn(choices.generator(), size)
    form = "wrong" if choices.one_in(12) else choices.pick("form", ("array", "8 bits", "Pillow"))
    if form == "array":
        return arrays.arranged(choices, mask)
    if form == "wrong":
        return arrays.BAD[choices.below(len(arrays.BAD))](mask)
    levels = np.rint(255 * mask).astype(np.uint8)
    return levels if form == "8 bits" else Image.fromarray(levels)


def _alone(masks: list[Any]) -> Any:
    """What forgets to make a list of its mask."""
    return masks[0] if masks else 5


def _failing(masks: list[Any]) -> Any:
    raise RuntimeError("out of\nmemory")


ANSWERS: tuple[Callable[[list[Any]], Any], ...] = (list, tuple, iter, _failing, lambda masks: None, _alone)


# What is given as data, functions of choices and a shape.


def as_array(choices: Choices, shape: tuple[int, int]) -> Any:
    pixels = arrays.image(choices, shape)
    if choices.one_in(4) and isinstance(pixels, np.ndarray) and pixels.ndim == 3:
        return np.dstack([pixels[:, :, :3], pixels[:, :, :1]]) if pixels.shape[2] >= 3 else pixels
    return pixels


def as_pillow(choices: Choices, shape: tuple[int, int]) -> Any:
    picture, mode = _colours(choices, shape), choices.pick("Pillow", PILLOW)
    picture = picture.convert("L").convert(mode) if mode in ("I;16", "F", "I") else picture.convert(mode)
    if choices.one_in(6):
        picture.info["icc_profile"] = b"no profile"
    return picture


def as_file(choices: Choices, shape: tuple[int, int]) -> Any:
    file = io.BytesIO()
    picture, form = _colours(choices, shape), choices.pick("format", ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"))
    exif = Image.Exif()
    exif[274] = choices.below(10)
    given = {"exif": exif} if form in ("JPEG", "PNG", "TIFF", "WEBP") else {}
    picture.save(file, form, **given)
    content = file.getvalue()
    if choices.one_in(8):
        return content[: choices.below(200)]
    return choices.pick("bytes", (bytes, bytes, bytearray, memoryview))(content)


def as_deep_file(choices: Choices, shape: tuple[int, int]) -> Any:
    return images.png(shape[1], shape[0], 16, choices.pick("colour type", (2, 0, 6, 4)))


def _colours(choices: Choices, shape: tuple[int, int]) -> Image.Image:
    drawn = choices.pick("picture", (arrays.smooth, arrays.noise, arrays.white))(choices.generator(), (*shape, 3))
    return Image.fromarray(np.rint(255 * drawn).astype(np.uint8))


DATA = (as_array, as_array, as_pillow, as_file, as_deep_file)


def run(data: bytes) -> bool:
    case = decode(data)
    before = fingerprint(case.data)
    found = attempt(lambda: remove(case.data, case.session, **case.settings))
    require(fingerprint(case.data) == before, "data are never written to")
    again = decode(data)
    require_equal(
        found._replace(value=None),
        attempt(lambda: remove(again.data, again.session, **again.settings))._replace(value=None),
        "the same call gives the same",
    )
    if found.refusal is not None:
        return False
    for cutout in found.value if isinstance(found.value, list) else [found.value]:
        _require_kind(case, cutout)
    return True


def _require_kind(case: Case, cutout: Any) -> None:
    """A cut-out is of the kind of what was given."""
    if isinstance(case.data, (bytes, bytearray, memoryview)):
        require(isinstance(cutout, bytes), "bytes become bytes", type(cutout))
        picture = Image.open(io.BytesIO(cutout))
        require(picture.format == "PNG" and "A" in picture.mode, "bytes become a PNG file with alpha", picture)
    elif isinstance(case.data, Image.Image):
        require(isinstance(cutout, Image.Image) and cutout.mode == "RGBA", "a picture of Pillow becomes RGBA", cutout)
    else:
        _require_array(np.asarray(case.data), cutout)


def _require_array(given: Array, cutout: Any) -> None:
    if not isinstance(cutout, np.ndarray) or cutout.ndim != 3 or cutout.shape != (*given.shape[:2], 4):
        raise Broken("an array becomes (H, W, 4)", f"{getattr(cutout, 'shape', cutout)} of {given.shape}")
    if given.dtype.kind in "uf":
        require(cutout.dtype == given.dtype.newbyteorder("="), "an array keeps its type", cutout.dtype)
    if cutout.dtype.kind == "f":
        inside = np.isfinite(cutout).all() and cutout.min() >= 0 and cutout.max() <= 1
        require(inside, "a cut-out is in [0, 1]", cutout)


def describe(data: bytes) -> str:
    case = decode(data)
    told = arrays.told(case.data) if isinstance(case.data, np.ndarray) else repr(case.data)[:300]
    masks = attempt(case.session.predicted).value if isinstance(case.session, Session) else case.session
    return f"remove({told}, {masks!r:.2000}, **{dict(case.settings)})"


def draw(random: Random) -> bytes:
    return random.randbytes(LENGTH)


def seeds() -> list[bytes]:
    return [b"", *(Random(number).randbytes(LENGTH) for number in range(20))]


TARGETS = {"removals": Target("removals", run, seeds, draw, describe)}
