"""Random pictures, trimaps and what is no argument at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from propmat import Trimap
from tests.fuzz.choices import Choices

Array = np.ndarray[Any, Any]


class Problem(NamedTuple):
    """A picture and what is known of it."""

    image: Any
    trimap: Any
    shape: tuple[int, int]


def problem(choices: Choices, bounded: bool = True) -> Problem:
    """A random problem; colours go beyond [0, 1] unless `bounded`."""
    shape = size(choices)
    return Problem(image(choices, shape, bounded), trimap(choices, shape), shape)


def size(choices: Choices) -> tuple[int, int]:
    """Mostly small, some thin, a few up to 60 pixels a side."""
    kind = choices.pick("size", ("tiny", "tiny", "small", "small", "small", "thin", "tall", "large"))
    most = {"tiny": (5, 5), "small": (16, 16), "thin": (1, 60), "tall": (60, 2), "large": (60, 60)}[kind]
    return 1 + choices.below(most[0]), 1 + choices.below(most[1])


# Pictures, functions of a generator and a shape (H, W, channels).


def constant(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.full(shape, rng.random())


def black(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.zeros(shape)


def white(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.ones(shape)


def two_levels(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.choice(rng.random(2), shape[:2])[:, :, np.newaxis] * np.ones(shape)


def quantised(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.round(rng.random(shape) * 3) / 3


def noise(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.random(shape)


def gradient(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    y, x = np.mgrid[: shape[0], : shape[1]]
    slopes = rng.random((2, shape[2]))
    return (y[..., None] * slopes[0] + x[..., None] * slopes[1]) / (shape[0] + shape[1])


def smooth(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    noisy = gradient(rng, shape) + 0.02 * rng.standard_normal(shape)
    return np.clip(noisy, 0, 1)


def faint(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return 0.5 + 1e-9 * rng.standard_normal(shape)


def denormal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return 1e-310 * rng.random(shape)


def overshooting(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(-0.2, 1.2, shape)


def striped(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to((np.arange(shape[1]) % 2.0)[None, :, None], shape).copy()


def highlights(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.exp(rng.uniform(-10, 40, shape))


PICTURES = (
    *(constant, gradient, noise, smooth, two_levels, quantised, black, white, striped, overshooting, faint, denormal),
    *(smooth, noise),
)
DTYPES = ("f8", "f8", "f8", "u1", "f4", "u2", "f2", ">f8", ">u2", "?", "g")
WRONG_DTYPES = ("i8", "i4", "i1", "u4", "c16", "O", "U3", "M8[s]", "S2")


def image(choices: Choices, shape: tuple[int, int], bounded: bool = True) -> Any:
    """(H, W) or (H, W, d) of any dtype and layout."""
    channels = choices.pick("channels", (3, 3, 3, 1, 0, 2, 5, 6, 7))
    pictures = PICTURES if bounded else (*PICTURES, highlights)
    pixels = choices.pick("picture", pictures)(choices.generator(), (*shape, channels or 1))
    pixels = converted(choices, pixels if channels else pixels[:, :, 0])
    return arranged(choices, pixels)


def converted(choices: Choices, values: Array) -> Any:
    """The values in some dtype; once in a while in one that is none for pixels."""
    dtype = np.dtype(choices.pick("dtype", WRONG_DTYPES if choices.one_in(40) else DTYPES))
    if dtype.kind == "u":
        return np.rint(np.clip(values, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    with np.errstate(all="ignore"):
        return (values > 0.5).astype(dtype) if dtype.kind in "?US" else values.astype(dtype)


def arranged(choices: Choices, values: Array) -> Any:
    """The same values in another layout of memory."""
    return choices.pick("layout", LAYOUTS)(values)


def plain(values: Array) -> Array:
    return np.ascontiguousarray(values)


def columns_first(values: Array) -> Array:
    return np.asfortranarray(values)


def every_other(values: Array) -> Array:
    return np.repeat(values, 2, axis=1)[:, ::2]


def backwards(values: Array) -> Array:
    return values[::-1].copy()[::-1]


def read_only(values: Array) -> Array:
    values = values.copy()
    values.flags.writeable = False
    return values


LAYOUTS: tuple[Callable[[Array], Any], ...] = (plain, plain, plain, columns_first, every_other, backwards, read_only)

# Trimaps, functions of a generator and a shape, in 0, 0.5 and 1.


def banded(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    x = np.linspace(0, 1, shape[1])
    return np.broadcast_to(np.where(x < 0.3, 1.0, np.where(x > 0.7, 0.0, 0.5)), shape).copy()


def sparse(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.choice([0.0, 0.5, 1.0], shape, p=[0.05, 0.9, 0.05])


def mixed(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.choice([0.0, 0.5, 1.0], shape)


def dense(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.choice([0.0, 0.5, 1.0], shape, p=[0.45, 0.1, 0.45])


def two_pixels(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    labels = np.full(shape, 0.5)
    labels.flat[rng.integers(labels.size)] = 0
    labels.flat[rng.integers(labels.size)] = 1
    return labels


def one_label(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.choice([0.5, float(rng.integers(2))], shape)


def nothing_unknown(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.choice([0.0, 1.0], shape)


def nothing_known(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return np.full(shape, 0.5)


def greys(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.random(shape)


TRIMAPS = (
    *(banded, mixed, sparse, dense, banded, mixed, sparse, two_pixels, greys),
    *(one_label, nothing_unknown, nothing_known),
)


def trimap(choices: Choices, shape: tuple[int, int]) -> Any:
    """Labels as an array of any dtype, or a `Trimap`."""
    labels = choices.pick("trimap", TRIMAPS)(choices.generator(), shape)
    form = choices.pick("form", ("array", "array", "array", "8 bits", "16 bits", "single", "Trimap", "dtype"))
    if form == "Trimap":
        return Trimap.parse(labels)
    if form == "dtype":
        return converted(choices, labels)
    scale, dtype = {"array": (1, "f8"), "8 bits": (255, "u1"), "16 bits": (65535, "u2"), "single": (1, "f4")}[form]
    return arranged(choices, (np.floor(labels * scale) if scale > 1 else labels).astype(dtype))


def plane(choices: Choices, shape: tuple[int, int]) -> Any:
    """(H, W) values in [0, 1]."""
    values = choices.pick("plane", (constant, noise, gradient, black, white, quantised))(
        choices.generator(), (*shape, 1)
    )
    return arranged(choices, values[:, :, 0])


def weights(choices: Choices, shape: tuple[int, ...]) -> Any:
    """A number or a map of numbers >= 0, over many orders of magnitude."""
    if choices.one_in(2):
        return choices.pick("weight", (0.8, 1.0, 100.0, 1e-2, 1e-6, 1e6, 0, 3))
    reach = choices.pick("reach of weights", (1, 3, 7))
    values = 10 ** choices.generator().uniform(-reach, reach, shape)
    return np.where(values < 10 ** (-0.9 * reach), 0.0, values) if choices.one_in(4) else values


def edges(choices: Choices, shape: tuple[int, int]) -> tuple[Any, Any]:
    """Affinities to the right and downwards."""
    height, width = shape
    across, down = weights(choices, (height, width - 1)), weights(choices, (height - 1, width))
    return np.broadcast_to(across, (height, width - 1)).copy(), np.broadcast_to(down, (height - 1, width)).copy()


# What is no argument: each a function of what stands there.

BAD: tuple[Callable[[Any], Any], ...] = (
    lambda value: None,
    lambda value: "text",
    lambda value: np.nan,
    lambda value: np.inf,
    lambda value: -1,
    lambda value: 0,
    lambda value: 1.5,
    lambda value: 10**400,
    lambda value: 1e308,
    lambda value: True,
    lambda value: 1 + 2j,
    lambda value: [],
    lambda value: {},
    lambda value: object(),
    lambda value: int,
    lambda value: b"bytes",
    lambda value: (1, 2, 3),
    lambda value: [[1, 2], [3]],
    lambda value: np.zeros(3),
    lambda value: np.zeros((2, 2, 2, 2)),
    lambda value: np.zeros((0, 0)),
    lambda value: np.array(0.5),
    lambda value: np.array("x"),
    lambda value: np.array([[None, 1]]),
    lambda value: _damaged(value, np.nan),
    lambda value: _damaged(value, np.inf),
    lambda value: _damaged(value, 255.0),
    lambda value: _damaged(value, -1.0),
    lambda value: np.ma.masked_array(value if _is_floating(value) else np.zeros((2, 2)), mask=True),
    lambda value: value[1:] if isinstance(value, (np.ndarray, tuple)) else value,
    lambda value: np.asarray(value)[..., np.newaxis] if isinstance(value, np.ndarray) else value,
    lambda value: value.tolist() if isinstance(value, np.ndarray) else value,
    lambda value: value.T if isinstance(value, np.ndarray) else value,
    lambda value: _as_integers(value),
)


def _damaged(value: Any, by: float) -> Any:
    """One element replaced."""
    if not _is_floating(value) or not value.size:
        return by
    damaged = value.astype(np.float64)
    damaged.flat[value.size // 2] = by
    return damaged


def _as_integers(value: Any) -> Any:
    """Levels of 8 bits as whole numbers of 64, as arithmetic on them leaves them."""
    with np.errstate(all="ignore"):
        return np.rint(255 * value).astype(np.int64) if _is_floating(value) else value


def _is_floating(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def spoiled(choices: Choices, arguments: dict[str, Any]) -> dict[str, Any]:
    """One argument, or a part of one that is a tuple, replaced by what is none."""
    name = choices.pick("spoiled", list(arguments))
    value, bad = arguments[name], BAD[choices.below(len(BAD))]
    if isinstance(value, tuple) and value and choices.one_in(2):
        place = choices.below(len(value))
        return {**arguments, name: (*value[:place], bad(value[place]), *value[place + 1 :])}
    return {**arguments, name: bad(value)}


def told(value: Any) -> str:
    """An argument in words that can be pasted, if it is small."""
    if isinstance(value, tuple):
        return "(" + ", ".join(map(told, value)) + ")"
    if isinstance(value, np.ndarray):
        text = np.array2string(value, separator=", ", threshold=200, floatmode="unique")
        return f"numpy.array({text}, dtype={value.dtype.str!r})  # {value.shape}"
    if isinstance(value, Trimap):
        return f"Trimap.parse({told(value.labels)})"
    return repr(value)[:2000]
