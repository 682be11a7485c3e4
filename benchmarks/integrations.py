"""rembg's alpha matting with PyMatting's functions and with propmat's, and `propmat.rembg` beside both.

    python -m benchmarks.integrations [--megapixels 1 4 12] [--blur 0] [--photographs 5] [--masks] [--data DIR]

Needs rembg (``pip install 'rembg[cpu]'``); networks are not downloaded: the mask is the true matte, of 8 bits.

Times: `rembg.bg.alpha_matting_cutout` on the lemur enlarged to so many megapixels, before and after
`propmat.pymatting.install`, each in a process of its own with 16 GiB of address space, after a call on a small copy
that compiles. In parentheses are seconds of the processor, of all threads, and iterations: where others use the
machine, only these can be compared. A run that fails shows its error; in place of a ValueError rembg returns the mask
itself. propmat.rembg.remove has the same mask, with its band of 1 %. A blurred mask is that of an unsure network:
more is unknown.

Photographs: differences of the two results, means over all pixels, those of colours weighted by alpha. Of colours there
are two: of the floating numbers, and of the 8 bits to which rembg truncates them. Columns "a level less" say at which
share of the opaque pixels a result differs from the photograph itself, whose colours are the truth there.

Masks: sums of absolute differences from the truth, in thousands, of the masks that a network of low resolution would
give (the true matte, its edges displaced by up to 4 pixels, reduced to 320 x 320, blurred by one of these, enlarged)
and of the mattes that the modes of `propmat.rembg.remove` make of them, "upsample" of the mask before it is enlarged.
Only every other photograph: the confidence was chosen on the others.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator, Sized
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage

import propmat
import propmat.pymatting
import propmat.rembg
from benchmarks.data.problems import DATA, Problem, photographs
from propmat.io import read_image, read_matte
from propmat.rembg import remove

THRESHOLDS = 240, 10, 10  # rembg's own: foreground above, background below, size of the erosion
ENOUGH = 0.5  # megapixels of which enough are unknown for multigrid, so that the call before compiles all
MEMORY = 16 * 2**30  # bytes of address space for each process
NETWORK, DISPLACED = (
    320,
    4,
)  # the size of a network's output, and the largest error of its edges in pixels of the picture


class Measured(NamedTuple):
    """Wall time and processor time of a call, the iterations of its solver, and its error in place of a result."""

    seconds: float
    processor: float
    iterations: int = 0
    failure: str = ""

    @classmethod
    def of(cls, call: Callable[[], object], iterations: Sized = ()) -> Measured:
        """A call; `iterations` has grown by one with each."""
        start, processor, failure = time.perf_counter(), time.process_time(), ""
        try:
            call()
        except (ValueError, MemoryError) as error:
            failure = f" {type(error).__name__}: {error}"
        return cls(time.perf_counter() - start, time.process_time() - processor, len(iterations), failure)

    def cell(self) -> str:
        iterations = f"; {self.iterations}" if self.iterations else ""
        return f"{self.seconds:.2f} ({self.processor:.2f}{iterations}){self.failure}"


class Case(NamedTuple):
    """The lemur, its size, and how much its mask is blurred, in percent of its width."""

    data: Path
    megapixels: float
    blur: float


class Session:
    """A session that predicts a mask that is known."""

    def __init__(self, mask: np.ndarray) -> None:
        self.mask = mask

    def predict(self, image: Image.Image) -> list[np.ndarray]:
        return [self.mask]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, nargs="*", default=[1, 4, 12])
    parser.add_argument("--blur", type=float, default=0, help="of the mask, in percent of its width (%(default)s)")
    parser.add_argument("--photographs", type=int, default=5, help="how many (%(default)s)")
    parser.add_argument("--masks", action="store_true", help="errors of the modes of propmat.rembg.remove")
    parser.add_argument("--data", type=Path, default=DATA)
    arguments = parser.parse_args()
    cases = [Case(arguments.data, size, arguments.blur) for size in arguments.megapixels]
    tables = [times(cases), differences(arguments.data, arguments.photographs)]
    for table in [*tables, *([errors(arguments.data)] if arguments.masks else [])]:
        for line in table:
            print(line, flush=True)
        print()


def times(cases: list[Case]) -> Iterator[str]:
    """One row for each size."""
    if not cases:
        return
    yield "| megapixels | unknown | rembg with PyMatting | with propmat | ratio | propmat.rembg.remove |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for case in cases:
        measured = []
        for run in (theirs, ours, removal):
            with ProcessPoolExecutor(1, get_context("spawn"), _limit) as pool:
                measured.append(pool.submit(run, case).result())
        host, installed, whole = measured
        ratio = f"{host.seconds / installed.seconds:.1f} ({host.processor / installed.processor:.1f})"
        unknown = np.count_nonzero(_trimap(enlarged(case)[1]) == 128)
        yield f"| {case.megapixels:g} | {unknown} | {host.cell()} | {installed.cell()} | {ratio} | {whole.cell()} |"


def _limit() -> None:
    """Make an array that is too large an error of the process, before it takes the memory of others."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def enlarged(case: Case) -> tuple[Image.Image, Image.Image]:
    """The lemur and its mask, of about so many pixels."""
    folder = case.data / "lemur"
    image, alpha = (Image.fromarray(read(folder / kind / "lemur.png")) for kind, read in READERS.items())
    alpha = alpha.filter(ImageFilter.GaussianBlur(case.blur / 100 * alpha.width))
    factor = (1e6 * case.megapixels / (image.width * image.height)) ** 0.5
    size = round(factor * image.width), round(factor * image.height)
    return image.resize(size, Image.Resampling.LANCZOS), alpha.resize(size, Image.Resampling.LANCZOS)


READERS = {"image": read_image, "alpha": read_matte}


def theirs(case: Case) -> Measured:
    """rembg's matting as it is."""
    return _cutout_timed(case)


def ours(case: Case) -> Measured:
    """rembg's matting with propmat's functions."""
    import rembg.bg  # noqa: F401  # what is imported is replaced

    with propmat.pymatting.installed():
        return _cutout_timed(case)


def removal(case: Case) -> Measured:
    """`propmat.rembg.remove`."""
    image, mask = enlarged(case)
    small = enlarged(case._replace(megapixels=ENOUGH))
    remove(small[0], Session(np.asarray(small[1])))
    return Measured.of(lambda: remove(image, Session(np.asarray(mask))))


def _cutout_timed(case: Case) -> Measured:
    """A call, after one that compiles."""
    from rembg import bg

    image, mask = enlarged(case)
    iterations: list[object] = []
    estimate = bg.estimate_alpha_cf
    bg.alpha_matting_cutout(*enlarged(case._replace(megapixels=ENOUGH)), *THRESHOLDS)
    bg.estimate_alpha_cf = lambda *given: estimate(*given, cg_kwargs={"callback": lambda *_: iterations.append(None)})
    try:
        return Measured.of(lambda: bg.alpha_matting_cutout(image, mask, *THRESHOLDS), iterations)
    finally:
        bg.estimate_alpha_cf = estimate


def _trimap(mask: Image.Image) -> np.ndarray:
    """The trimap that rembg makes of a mask."""
    values, (above, below, size) = np.asarray(mask), THRESHOLDS
    square = np.ones((size, size))
    foreground = ndimage.binary_erosion(values > above, square)
    background = ndimage.binary_erosion(values < below, square, border_value=1)
    return np.where(foreground, 255, np.where(background, 0, 128))


def differences(data: Path, count: int) -> Iterator[str]:
    """One row for each photograph."""
    if not count:
        return
    yield "| photograph | alpha | colours | colours in 8 bits | a level less: PyMatting | propmat |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    known = list(photographs(data))
    for problem in known[:: max(1, len(known) // count)][:count]:
        yield _row(problem)


def _row(problem: Problem) -> str:
    one, other = (_results(problem, install) for install in (False, True))
    alpha = one.cutout[:, :, 3:] / 255
    floating = (alpha * np.abs(one.colours - other.colours)).mean()
    levels = alpha * np.abs(one.cutout[:, :, :3] - other.cutout[:, :, :3]) / 255
    opaque = (one.cutout[:, :, 3] == 255) & (other.cutout[:, :, 3] == 255)
    lost = [np.mean((result.cutout[:, :, :3] != problem.image)[opaque]) for result in (one, other)]
    of_alpha = np.abs(one.cutout[:, :, 3] - other.cutout[:, :, 3]).mean() / 255
    shown = f"{of_alpha:.1e} | {floating:.1e} | {levels.mean():.1e} | {lost[0]:.1%} | {lost[1]:.1%}"
    return f"| {problem.name} | {shown} |"


class Results(NamedTuple):
    """What rembg returns, (H, W, 4), and the colours (H, W, 3) before they are truncated to 8 bits."""

    cutout: np.ndarray
    colours: np.ndarray


def _results(problem: Problem, install: bool) -> Results:
    from rembg import bg

    kept: list[np.ndarray] = []
    with propmat.pymatting.installed() if install else nullcontext():
        estimate = bg.estimate_foreground_ml
        bg.estimate_foreground_ml = lambda *given: kept.append(estimate(*given)) or kept[0]
        mask = np.round(255 * problem.truth).astype(np.uint8)
        try:
            made = bg.alpha_matting_cutout(Image.fromarray(problem.image), Image.fromarray(mask), *THRESHOLDS)
        finally:
            bg.estimate_foreground_ml = estimate
    return Results(np.asarray(made, np.float64), kept[0])


def errors(data: Path) -> Iterator[str]:
    """One row for each photograph, and the means."""
    modes = "matte", "refine", "upsample"
    yield f"| photograph | mask | {' | '.join(modes)} |"
    yield f"| --- |{' ---: |' * (1 + len(modes))}"
    rng, sums = np.random.default_rng(0), []
    for problem in list(photographs(data))[1::2]:
        small = network_mask(problem.truth, rng)
        mask = np.asarray(Image.fromarray(small).resize(problem.truth.shape[::-1], Image.Resampling.LANCZOS))
        sessions = [Session(small if mode == "upsample" else mask) for mode in modes]
        cutouts = [
            remove(problem.image / 255, session, mode)[:, :, 3] for session, mode in zip(sessions, modes, strict=True)
        ]
        sums.append([np.abs(alpha - problem.truth).sum() / 1000 for alpha in (mask / 255, *cutouts)])
        yield f"| {problem.name} | {' | '.join(f'{error:.2f}' for error in sums[-1])} |"
    yield f"| mean | {' | '.join(f'{error:.2f}' for error in np.mean(sums, axis=0))} |"


def network_mask(truth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mask of 8 bits as a network computes it, of a picture squeezed to its size."""
    shifts = [ndimage.gaussian_filter(rng.standard_normal(truth.shape), 25) for _ in range(2)]
    places = [
        grid + DISPLACED * one / np.abs(one).max() for grid, one in zip(np.indices(truth.shape), shifts, strict=True)
    ]
    moved = ndimage.map_coordinates(truth, places, order=1, mode="nearest").astype(np.float32)
    small = np.asarray(Image.fromarray(moved).resize((NETWORK, NETWORK), Image.Resampling.BOX))
    small = ndimage.gaussian_filter(small, 1)
    return (255 * (small - small.min()) / (small.max() - small.min())).astype(np.uint8)


if __name__ == "__main__":
    main()
