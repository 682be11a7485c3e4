"""One function per command: read files, call a verb, write files, return what to print."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import inspect
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from propmat import __version__, _inputs, datasets, io, metrics, pictures
from propmat._backend import to_device, to_host
from propmat._foreground import foreground as colours_under
from propmat._solve import Matte, solve
from propmat.cli._progress import solving
from propmat.errors import InputError, PropmatError
from propmat.matting import METHODS
from propmat.threads import get_num_threads
from propmat.trimap import Trimap
from propmat.trimaps import trimap_from_mask

Array = NDArray[np.float64]

OPTIONAL = {
    "torch": ("torch", "torch"),
    "jax": ("jax", "jax"),
    "CuPy": ("cupy", "gpu"),
    "OpenImageIO": ("OpenImageIO", "vfx"),
    "PyMatting": ("pymatting", "bench"),
    "pypardiso": ("pypardiso", "bench"),
}
# Methods of `propmat.networks`, which needs PyTorch.
NETWORKS = ("dcnn", "deep_matte_prop_net")
REQUIRED = ("numpy", "scipy", "numba", "pyamg", "scikit-learn", "pillow")


def demo(arguments: argparse.Namespace) -> str:
    """Cut the flower out of the photograph that scikit-learn ships."""
    start = time.perf_counter()
    sample = datasets.flower()
    image, labels = sample.image, Trimap.parse(sample.trimap)
    solution = _solved(image, labels, arguments)
    colours, _ = colours_under(image, solution.alpha)
    cutout = np.dstack([colours, solution.alpha])
    composite = pictures.over(colours, solution.alpha, _backdrop(labels.shape))
    on_board = pictures.over(colours, solution.alpha, pictures.checkerboard(labels.shape))
    sheet = pictures.contact_sheet(
        {"image": image, "trimap": labels.labels, "matte": solution.alpha, "cut-out": on_board}
    )
    folder = _folder(arguments.output)
    for name, pixels in {"alpha": solution.alpha, "cutout": cutout, "composite": composite, "sheet": sheet}.items():
        io.write_image(folder / f"{name}.png", pixels)
    told = _told(labels, solution, time.perf_counter() - start)
    return f"{told}\nwrote        alpha.png, cutout.png, composite.png, sheet.png in {folder}"


def alpha(arguments: argparse.Namespace) -> str:
    """Write the matte of an image."""
    start = time.perf_counter()
    _not_inputs([arguments.output], arguments.image, arguments.trimap)
    image, labels = _read_problem(arguments)
    solution = _solved(image, labels, arguments)
    io.write_image(arguments.output, solution.alpha, depth=arguments.depth)
    return _told(labels, solution, time.perf_counter() - start) if arguments.info else ""


def cutout(arguments: argparse.Namespace) -> str:
    """Write the foreground with its matte, or over a new background."""
    start = time.perf_counter()
    _not_inputs([arguments.output], arguments.image, arguments.trimap, arguments.mask, arguments.background)
    image, labels = _read_problem(arguments)
    background = _background(arguments.background, labels.shape)
    solution = _solved(image, labels, arguments)
    colours = pictures.colours(colours_under(image, solution.alpha)[0])
    if background is None:
        picture = np.dstack([colours, solution.alpha])
    else:
        picture = pictures.over(colours, solution.alpha, background)
    io.write_image(arguments.output, picture, depth=arguments.depth)
    return _told(labels, solution, time.perf_counter() - start) if arguments.info else ""


def trimap(arguments: argparse.Namespace) -> str:
    """Write a trimap: a mask with an unknown band around its edge."""
    _not_inputs([arguments.output], arguments.mask)
    io.write_image(arguments.output, _labels_from_mask(io.read_matte(arguments.mask), arguments.width).labels)
    return ""


def foreground(arguments: argparse.Namespace) -> str:
    """Write the colours of the foreground of an image with a known matte."""
    outputs = [path for path in (arguments.output, arguments.background_output) if path]
    _not_inputs(outputs, arguments.image, arguments.alpha)
    layers = colours_under(io.read_image(arguments.image), io.read_matte(arguments.alpha), linear=arguments.linear)
    io.write_images(dict(zip(outputs, layers, strict=False)), depth=arguments.depth)
    return ""


def evaluate(arguments: argparse.Namespace) -> str:
    """Measure a matte against the truth."""
    mattes = (io.read_matte(arguments.alpha), io.read_matte(arguments.truth))
    scores = metrics.evaluate(*mattes, io.read_trimap(arguments.trimap))
    return "\n".join(f"{name:<12} {score:.6g}" for name, score in scores.items())


def info(arguments: argparse.Namespace) -> str:
    """Say what is installed and what the machine offers."""
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


def _read_problem(arguments: argparse.Namespace) -> tuple[Array, Trimap]:
    """Image and trimap, checked before any work."""
    image = io.read_image(arguments.image)
    if getattr(arguments, "mask", None):
        mask = _inputs.plane(io.read_matte(arguments.mask), "mask", image.shape[:2])
        return image, _labels_from_mask(mask, arguments.width)
    if getattr(arguments, "width", None):
        raise InputError("width: goes with --mask; a trimap has its band")
    return image, Trimap.parse(io.read_trimap(arguments.trimap), image.shape)


def _labels_from_mask(mask: Array, width: str | None) -> Trimap:
    """The mask with its band; the width may be two with a comma between."""
    if width is None:
        return trimap_from_mask(mask)
    inside, _, outside = width.partition(",")
    return trimap_from_mask(mask, width=(inside, outside or inside))


class Answer(NamedTuple):
    """The matte of a network; there is no residual to tell."""

    alpha: Array
    seconds: float


def _solved(image: Array, labels: Trimap, arguments: argparse.Namespace) -> Matte | Answer:
    method = getattr(arguments, "method", "closed_form")
    verb: Callable[..., Any] = _network(method) if method in NETWORKS else METHODS[method]
    given = {name: getattr(arguments, name, None) for name in ("epsilon", "radius", "weights")}
    settings = {name: value for name, value in given.items() if value is not None}
    if method in NETWORKS and getattr(arguments, "gpu", False):
        raise InputError(f"gpu: the method {method} does not take it; leave it out")
    for name in settings.keys() - inspect.signature(verb).parameters:
        raise InputError(f"{name}: the method {method} has no such setting; leave it out")
    start = time.perf_counter()
    if method in NETWORKS:
        return Answer(verb(image, labels, **settings), time.perf_counter() - start)
    if getattr(arguments, "gpu", False):
        image, labels = to_device(image), Trimap(to_device(labels.foreground), to_device(labels.background))
    graph, prior = verb(image, labels, **settings)
    with solving() as callback:
        matte = solve(graph, labels, prior=prior, callback=callback)
    return replace(matte, alpha=to_host(matte.alpha), seconds=time.perf_counter() - start)


def _network(method: str) -> Callable[..., Any]:
    from propmat import networks

    verb: Callable[..., Any] = getattr(networks, method)
    return verb


def _told(labels: Trimap, solution: Matte | Answer, seconds: float) -> str:
    height, width = labels.shape
    how = []
    if isinstance(solution, Matte):
        how = [f"iterations   {solution.iterations}", f"residual     {solution.residual:.1e}"]
    return "\n".join(
        [
            f"size         {width} x {height} pixels",
            f"unknown      {labels.unknown.mean():.1%}, {np.count_nonzero(labels.unknown)} pixels",
            *how,
            f"seconds      {solution.seconds:.2f} for the matte, {seconds:.2f} in all",
            *(f"odd          {sentence}" for sentence in labels.check()),
        ]
    )


def _backdrop(shape: tuple[int, int]) -> Array:
    """An evening sky, to see how the cut-out sits on a strange background."""
    low, high = np.array([0.98, 0.62, 0.38]), np.array([0.12, 0.20, 0.45])
    height = np.linspace(1, 0, shape[0])[:, np.newaxis, np.newaxis]
    return np.broadcast_to(low + (high - low) * height, (*shape, 3))


def _background(given: str | None, shape: tuple[int, int]) -> Array | None:
    """The new background: none, a picture, or one colour."""
    if given is None:
        return None
    if not os.path.exists(given):
        return pictures.flat(given, shape)
    pixels = io.read_image(given)
    scale = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    return pictures.fitted(pictures.colours(pixels / scale), shape)


def _folder(path: str) -> Path:
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"output: cannot make the folder {folder}: {error.strerror}") from error
    return folder


def _not_inputs(outputs: Sequence[str], *inputs: str | None) -> None:
    """Refuse to write over what is read, or twice to one file."""
    read = {os.path.realpath(path) for path in inputs if path}
    for output in outputs:
        if any(os.path.exists(path) and os.path.exists(output) and os.path.samefile(path, output) for path in read):
            raise InputError(f"output: {output} is also an input, and would be lost; give another name")
    if len({os.path.realpath(path) for path in outputs}) < len(outputs):
        raise InputError(f"output: {outputs[0]} is named twice; give each picture a name of its own")


def _optional(module: str, extra: str) -> str:
    if importlib.util.find_spec(module) is None:
        return f"missing: pip install 'propmat[{extra}]'"
    versions = importlib.metadata.packages_distributions().get(module)
    return importlib.metadata.version(versions[0]) if versions else "found"
