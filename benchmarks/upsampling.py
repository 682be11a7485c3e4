"""Small mattes at the size of their image: errors and times of several methods.

    python -m benchmarks.upsampling [--data DIR] [--filter NAME] [--choose] [--highres]

The true mattes of the photographs are reduced to a half, a quarter and an eighth of the size, rounded to 8 bits, and
enlarged again. Error: SAD over all pixels in thousands. The settings of every method are those with the smallest mean
error on every second photograph; `--choose` tries all of them there, and prints them. The mean over the other
photographs, which no setting was chosen on, is in a row of its own. Needs OpenCV for the guided and the joint bilateral
filter (the extra `bench`).
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

import propmat
from benchmarks.data.problems import DATA, Problem, highres, photographs

FACTORS = (2, 4, 8)
FILTERS = ("box", "bilinear", "bicubic", "lanczos", "blurred", "point")
BLUR = 0.7  # standard deviation in cells, of the filter "blurred"

# By factor, as `--choose` finds them for the box filter.
GUIDED: Mapping[int, dict[str, float]] = {
    factor: {"radius": 1 / factor, "epsilon": 1e-5, "coarse": True} for factor in FACTORS
}
BILATERAL: Mapping[int, dict[str, float]] = {factor: {"space": 1, "colour": 0.02} for factor in FACTORS}
REFINE: Mapping[int, dict[str, float]] = {2: {"confidence": 1}, 4: {"confidence": 0.1}, 8: {"confidence": 0.1}}

Method = Callable[[np.ndarray, np.ndarray, int], np.ndarray]  # (image uint8, small matte, factor) → matte


def reduced(matte: np.ndarray, factor: int, name: str) -> np.ndarray:
    """A matte at a fraction of its size, in steps of 8 bits."""
    size = tuple(round(side / factor) for side in matte.shape)
    if name == "point":
        rows, columns = ((2 * np.arange(n) + 1) * side // (2 * n) for n, side in zip(size, matte.shape, strict=True))
        return matte[np.ix_(rows, columns)]
    resampling = Image.Resampling[("box" if name == "blurred" else name).upper()]
    small = np.asarray(Image.fromarray(matte.astype(np.float32)).resize(size[::-1], resampling), np.float64)
    small = ndimage.gaussian_filter(small, BLUR) if name == "blurred" else small
    return np.round(255 * np.clip(small, 0, 1)) / 255


def bicubic(image: np.ndarray, small: np.ndarray, factor: int) -> np.ndarray:
    picture = Image.fromarray(small.astype(np.float32))
    size = (image.shape[1], image.shape[0])
    return np.clip(np.asarray(picture.resize(size, Image.Resampling.BICUBIC), np.float64), 0, 1)


def guided(
    image: np.ndarray, small: np.ndarray, factor: int, radius: float, epsilon: float, coarse: bool
) -> np.ndarray:
    """The guided filter of K. He, J. Sun, X. Tang (ECCV 2010) on the bicubic matte; `radius` is in cells.

    If `coarse`, its coefficients are computed at the size of the small matte, and then enlarged: the fast guided filter
    (K. He, J. Sun, 2015), made for upsampling. OpenCV's is inaccurate for guides from 0 to 1.
    """
    from cv2 import ximgproc

    matte, reach = np.float32(bicubic(image, small, factor)), max(1, round(radius * factor))
    scale = 1 / factor if coarse else 1.0
    return np.clip(ximgproc.guidedFilter(image, matte, reach, 255**2 * epsilon, scale=scale), 0, 1)


def bilateral(image: np.ndarray, small: np.ndarray, factor: int, space: float, colour: float) -> np.ndarray:
    """The joint bilateral filter (Kopf et al., SIGGRAPH 2007) on the bicubic matte; `space` is in cells."""
    from cv2 import ximgproc

    guide, matte = np.float32(image) / 255, np.float32(bicubic(image, small, factor))
    reach = 2 * round(2 * space * factor) + 1
    return np.clip(ximgproc.jointBilateralFilter(guide, matte, reach, colour, space * factor), 0, 1)


def refined(image: np.ndarray, small: np.ndarray, factor: int, confidence: float) -> np.ndarray:
    """The bicubic matte as a prior of every pixel."""
    return propmat.refine(image, bicubic(image, small, factor), confidence, epsilon=1e-6)


def upsampled(image: np.ndarray, small: np.ndarray, factor: int, **settings: float) -> np.ndarray:
    return propmat.upsample(image, small, **settings)


def grid(**values: tuple[float, ...]) -> list[dict[str, float]]:
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


# What `--choose` tries.
TRIED: Mapping[str, tuple[Method, list[dict[str, float]]]] = {
    "guided filter": (guided, grid(radius=(0.125, 0.25, 0.5, 1), epsilon=(1e-6, 1e-5, 1e-4), coarse=(False, True))),
    "joint bilateral filter": (bilateral, grid(space=(0.5, 1), colour=(0.02, 0.05, 0.1, 0.2))),
    "propmat.refine": (refined, grid(confidence=(0.01, 0.1, 1))),
    "propmat.upsample": (upsampled, grid(confidence=(0.1, 0.3, 1, 3), epsilon=(1e-6,))),
}


def methods(factor: int) -> dict[str, Method]:
    return {
        "bicubic": bicubic,
        "guided filter": partial(guided, **GUIDED[factor]),
        "joint bilateral filter": partial(bilateral, **BILATERAL[factor]),
        "propmat.refine": partial(refined, **REFINE[factor]),
        "propmat.upsample": upsampled,
    }


def sad(matte: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(matte - truth).sum() / 1000)


def errors(problem: Problem, tried: Mapping[str, Method], factor: int, name: str) -> list[float]:
    small = reduced(problem.truth, factor, name)
    return [sad(method(problem.image, small, factor), problem.truth) for method in tried.values()]


def choices(problems: list[Problem], name: str) -> Iterator[str]:
    """For every factor and method the settings with the smallest mean error, and all of them."""
    for factor, (title, (method, settings)) in itertools.product(FACTORS, TRIED.items()):
        tried: dict[str, Method] = {str(given): partial(method, **given) for given in settings}
        means = np.mean([errors(problem, tried, factor, name) for problem in problems], axis=0)
        order = np.argsort(means)
        shown = "  ".join(f"{settings[k]} {means[k]:.3f}" for k in order)
        yield f"x{factor} {title}: {shown}"


def table(problems: list[Problem], name: str) -> Iterator[str]:
    """Mean errors by factor and method: of all photographs, and of those that nothing was chosen on."""
    yield "| | " + " | ".join(methods(FACTORS[0])) + " |"
    yield "| --- |" + " ---: |" * len(methods(FACTORS[0]))
    for factor in FACTORS:
        found = np.array([errors(problem, methods(factor), factor, name) for problem in problems])
        for title, rows in (("all", found), ("the other half", found[1::2])):
            means = rows.mean(axis=0)
            cells = (f"{mean:.2f} ({mean / means[0]:.2f})" for mean in means)
            yield f"| x{factor}, {title} | " + " | ".join(cells) + " |"


def large(problem: Problem, repeat: int) -> Iterator[str]:
    """Errors and seconds on a picture of 9 megapixels."""
    yield "| | " + " | ".join(methods(FACTORS[0])) + " |"
    yield "| --- |" + " ---: |" * len(methods(FACTORS[0]))
    for factor in FACTORS:
        small = reduced(problem.truth, factor, "box")
        cells = []
        corner = problem.image[: 64 * factor, : 64 * factor]
        for method in methods(factor).values():
            method(corner, small[:64, :64], factor)  # compiles
            seconds = np.inf
            for _ in range(repeat):
                start = time.perf_counter()
                matte = method(problem.image, small, factor)
                seconds = min(seconds, time.perf_counter() - start)
            cells.append(f"{sad(matte, problem.truth):.2f}, {seconds:.2f} s")
        yield f"| x{factor} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--filter", choices=FILTERS, default="box", help="that reduces the mattes (%(default)s)")
    parser.add_argument("--choose", action="store_true", help="try settings on every second photograph")
    parser.add_argument("--highres", action="store_true", help="the picture of 9 megapixels, with times")
    parser.add_argument("--repeat", type=int, default=1, help="timings, of which the least counts (%(default)s)")
    arguments = parser.parse_args()
    if arguments.highres:
        lines = large(highres(arguments.data), arguments.repeat)
    elif arguments.choose:
        lines = choices(list(photographs(arguments.data))[::2], arguments.filter)
    else:
        lines = table(list(photographs(arguments.data)), arguments.filter)
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
