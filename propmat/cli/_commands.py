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
from propmat._threads import get_num_threads
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat._version import __version__
from propmat.cli import _masks, _method, _names, _photograph
from propmat.cli._method import Method
from propmat.cli._photograph import Photograph
from propmat.errors import InputError, PropmatError
from propmat.io._picture import Pixels
from propmat.io._reading import matte_of

DEMO = ("alpha", "cutout", "composite", "sheet")
OPTIONAL = {
    "torch": ("torch", "torch"),
    "jax": ("jax", "jax"),
    "CuPy": ("cupy", "gpu"),
    "OpenImageIO": ("OpenImageIO", "vfx"),
    "PyMatting": ("pymatting", "bench"),
    "pypardiso": ("pypardiso", "bench"),
}
REQUIRED = ("numpy", "scipy", "numba", "pyamg", "scikit-learn", "pillow")


def demo(arguments: argparse.Namespace) -> str:
    """Cut the flower out of the photograph that scikit-learn ships."""
    start = time.perf_counter()
    folder = _names.check_folder(arguments.output, [f"{name}.png" for name in DEMO])
    sample = datasets.flower()
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
    outputs = _names.check(arguments, ("image", "trimap", "mask", "weights"))
    _masks.check_width(arguments.width, masked=arguments.mask is not None)
    method = Method.asked_for(arguments)
    photograph, labels = _read_problem(arguments)
    depth = _photograph.depth(arguments.depth, photograph, outputs)
    solution = method.solve(_photograph.bounded(photograph), labels, depth)
    _names.write({arguments.output: solution.alpha}, depth, io.Metadata(resolution=photograph.metadata.resolution))
    return _method.told(labels, solution, depth, time.perf_counter() - start) if arguments.info else ""


def cutout(arguments: argparse.Namespace) -> str:
    """Write the foreground with its matte, or over a new background."""
    start = time.perf_counter()
    transparent = arguments.background is None
    inputs = ("image", "trimap", "mask", "weights", "background")
    outputs = _names.check(arguments, inputs, transparent=transparent, coloured=True)
    _masks.check_width(arguments.width, masked=arguments.mask is not None)
    method = Method.asked_for(arguments)
    _photograph.check_background(arguments.background)
    photograph, labels = _read_problem(arguments)
    depth = _photograph.depth(arguments.depth, photograph, outputs, transparent=transparent, coloured=True)
    background = _photograph.background(arguments.background, photograph)
    solution = method.solve(_photograph.bounded(photograph), labels, depth)
    colours = pictures.colours(_photograph.layers(photograph, solution.alpha)[0])
    if background is not None:
        colours = pictures.over(colours, solution.alpha, background)
    colours = _photograph.converted({arguments.output: colours}, photograph)[arguments.output]
    picture = np.dstack([colours, solution.alpha]) if background is None else colours
    _names.write({arguments.output: picture}, depth, photograph.metadata)
    return _method.told(labels, solution, depth, time.perf_counter() - start) if arguments.info else ""


def trimap(arguments: argparse.Namespace) -> str:
    """Write a trimap: a mask with an unknown band around its edge."""
    _names.check(arguments, ("mask",))
    _masks.check_width(arguments.width)
    picture = io.read(_names.source(arguments.mask))
    labels = _masks.from_mask(matte_of(_names.shown(arguments.mask), picture), arguments.width)
    _names.write({arguments.output: labels.labels}, 8, io.Metadata(resolution=picture.metadata.resolution))
    return ""


def foreground(arguments: argparse.Namespace) -> str:
    """Write the colours of the foreground of an image with a known matte."""
    outputs = _names.check(arguments, ("image", "alpha"), ("output", "background_output"))
    photograph = _photograph.read(arguments.image)
    image = photograph.image
    matte = _masks.matte(arguments.alpha, "alpha", image)
    depth = _photograph.depth(arguments.depth, photograph, outputs, coloured=image.ndim == 3)
    layers = _photograph.layers(photograph, matte, linear=arguments.linear)
    written = _photograph.converted(dict(zip(outputs, layers, strict=False)), photograph)
    _names.write(written, depth, photograph.metadata)
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


def _read_problem(arguments: argparse.Namespace) -> tuple[Photograph, Trimap]:
    """Photograph and trimap, checked before any work."""
    photograph = _photograph.read(arguments.image)
    return photograph, _masks.labels(arguments, photograph.image)


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
