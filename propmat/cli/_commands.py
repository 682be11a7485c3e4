"""One function per command: read files, call a verb, write files, return what to print."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import platform
import time
from pathlib import Path

import numpy as np

from propmat import datasets, io, metrics, pictures
from propmat._foreground._estimate import foreground as colours_under
from propmat._photographs import _making, _masks, _method
from propmat._photographs._making import Made, Wanted
from propmat._photographs._method import DEFAULT, SETTINGS, WITHOUT_TRIMAP, Method, Upsampling
from propmat._threads import get_num_threads
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat._version import __version__
from propmat.cli import _names
from propmat.cli._progress import solving
from propmat.errors import InputError, PropmatError, warn
from propmat.io._picture import Pixels
from propmat.io._reading import matte_of

DEMO = ("alpha", "cutout", "composite", "sheet")
OPTIONAL = {
    "torch": ("torch", "torch"),
    "jax": ("jax", "jax"),
    "CuPy": ("cupy", "gpu"),
    "OpenImageIO": ("OpenImageIO", "vfx"),
    "OpenCV": ("cv2", "video"),
    "PyAV": ("av", "video"),
    "PyMatting": ("pymatting", "bench"),
    "pypardiso": ("pypardiso", "bench"),
}
REQUIRED = ("numpy", "scipy", "numba", "pyamg", "scikit-learn", "pillow")


def demo(arguments: argparse.Namespace) -> str:
    """Cut a rendered animal, whose matte is known, out of the photograph behind it."""
    start = time.perf_counter()
    folder = _names.check_folder(arguments.output, [f"{name}.png" for name in DEMO])
    sample = datasets.fur()
    image, labels = sample.image, Trimap.parse(sample.trimap)
    solution = Method("closed_form").solve(image, labels, 8)
    colours, _ = colours_under(image, solution.alpha)
    cutout = np.dstack([colours, solution.alpha])
    composite = pictures.over(colours, solution.alpha, _backdrop(labels.shape))
    on_board = pictures.over(colours, solution.alpha, pictures.checkerboard(labels.shape))
    sheet = pictures.contact_sheet(
        {"image": image, "trimap": labels.labels, "matte": solution.alpha, "cut-out": on_board}
    )
    _make(folder)
    drawn: tuple[Pixels, ...] = (solution.alpha, cutout, composite, sheet)
    io.write_images({folder / f"{name}.png": pixels for name, pixels in zip(DEMO, drawn, strict=True)})
    told = _method.told(labels, solution, 8, time.perf_counter() - start)
    return f"{told}\nwrote        {', '.join(f'{name}.png' for name in DEMO)} in {folder}"


def alpha(arguments: argparse.Namespace) -> str:
    """Write the matte of an image."""
    start = time.perf_counter()
    _names.check(arguments, ("image", "trimap", "mask", "matte", "weights"))
    wanted = _wanted(arguments)
    made = _making.alpha(wanted, solving)
    _names.write(made)
    return _told(made, start) if arguments.info else ""


def cutout(arguments: argparse.Namespace) -> str:
    """Write the foreground with its matte, or over a new background."""
    start = time.perf_counter()
    inputs = ("image", "trimap", "mask", "matte", "weights", "background")
    _names.check(arguments, inputs, transparent=arguments.background is None, coloured=True)
    wanted = _wanted(arguments)
    made = _making.cutout(wanted, solving)
    _names.write(made)
    return _told(made, start) if arguments.info else ""


def trimap(arguments: argparse.Namespace) -> str:
    """Write a trimap: a mask with an unknown band around its edge."""
    _names.check(arguments, ("mask",))
    _masks.check_width(arguments.width)
    picture = io.read(_names.source(arguments.mask))
    labels = _masks.from_mask(matte_of(_names.shown(arguments.mask), picture), arguments.width)
    resolution = io.Metadata(resolution=picture.metadata.resolution)
    _names.write(Made({_names.target(arguments.output): labels.labels}, 8, resolution))
    return ""


def foreground(arguments: argparse.Namespace) -> str:
    """Write the colours of the foreground of an image with a known matte."""
    outputs = _names.check(arguments, ("image", "alpha"), ("output", "background_output"))
    inputs = _names.source(arguments.image), _names.source(arguments.alpha)
    _names.write(_making.foreground(*inputs, outputs, arguments.depth, linear=arguments.linear))
    return ""


def evaluate(arguments: argparse.Namespace) -> str:
    """Measure a matte against the truth."""
    _names.check(arguments, ("alpha", "truth", "trimap"), ())
    alpha, truth = io.read_matte(_names.source(arguments.alpha)), io.read_matte(_names.source(arguments.truth))
    scores = metrics.evaluate(alpha, truth, io.read_trimap(_names.source(arguments.trimap)))
    return "\n".join(f"{name:<12} {score:.6g}" for name, score in scores.items())


def info(arguments: argparse.Namespace) -> str:
    """List versions of packages, the number of threads and the GPU."""
    rows = {"propmat": __version__, "python": platform.python_version(), "platform": platform.platform()}
    rows |= {name: importlib.metadata.version(name) for name in REQUIRED}
    rows["threads"] = str(get_num_threads())
    rows |= {name: _optional(module, extra) for name, (module, extra) in OPTIONAL.items()}
    rows["GPU"] = _device()
    return "\n".join(f"{name:<16} {value}" for name, value in rows.items())


def _device() -> str:
    from propmat._gpu import _device

    try:
        return _device.described()
    except PropmatError as error:
        return str(error)


def _wanted(arguments: argparse.Namespace) -> Wanted:
    """What is asked for of one photograph, its settings checked before anything is read."""
    settings = {key: getattr(arguments, key) for key in SETTINGS if getattr(arguments, key) is not None}
    method = Method(_method_name(arguments), settings, arguments.gpu, arguments.exact)
    matte = _names.given(arguments.matte)
    wanted = Wanted(
        _names.source(arguments.image),
        _names.target(arguments.output),
        method if matte is None else Upsampling(matte, method),
        _names.given(arguments.trimap),
        _names.given(arguments.mask),
        arguments.width,
        arguments.depth,
        _names.given(getattr(arguments, "background", None)),
    )
    wanted.check()
    return wanted


def _method_name(arguments: argparse.Namespace) -> str:
    """The method that was asked for, or else one for what there is; that there is no trimap is said."""
    given = any(place is not None for place in (arguments.trimap, arguments.mask, arguments.matte))
    if arguments.method is not None:
        return str(arguments.method)
    if given:
        return DEFAULT
    warn(
        f"trimap: none was given, nor a mask; the method {WITHOUT_TRIMAP} looks for one thing that stands out. With a "
        "trimap or a mask the matte is better"
    )
    return WITHOUT_TRIMAP


def _told(made: Made, start: float) -> str:
    if made.labels is None or made.solution is None:
        return ""
    return _method.told(made.labels, made.solution, made.depth, time.perf_counter() - start)


def _backdrop(shape: tuple[int, int]) -> Array:
    """A new background: a vertical gradient of two colours, orange below and blue above."""
    low, high = np.array([0.98, 0.62, 0.38]), np.array([0.12, 0.20, 0.45])
    height = np.linspace(1, 0, shape[0])[:, np.newaxis, np.newaxis]
    return np.broadcast_to(low + (high - low) * height, (*shape, 3))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"output: cannot make the folder {folder}: {error.strerror}") from error


def _optional(module: str, extra: str) -> str:
    if importlib.util.find_spec(module) is None:
        return f"missing: pip install 'propmat[{extra}]'"
    versions = importlib.metadata.packages_distributions().get(module)
    return importlib.metadata.version(versions[0]) if versions else "found"
