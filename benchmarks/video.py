"""Sequences: errors, flicker, iterations and seconds a frame, by method and steadiness.

    python -m benchmarks.video [--clips NAME ...] [--methods NAME ...] [--steady NAME ...] [--data DIR] [--strip FILE]
    python -m benchmarks.video --seconds [--shape HEIGHT WIDTH] [--frames N]

Clips are `moving-SEED`, rendered by `propmat.datasets.moving`, and `lemur`, the composited clip in `--data`. Trimaps of
the first and the last frame alone are carried to all others (`propmat.video.carry`); the first table compares them with
trimaps on every frame: the mean SAD of the closed form, in thousands of pixels of the whole frame, the share of pixels
of fractional alpha that the carried band holds, and the share of unknown pixels.

The second table has for each method and steadiness, with the carried trimaps, mean SAD, dtSSD and MESSDdt over the
unknown pixels of the trimaps on every frame, and mean iterations, also as ratios to frame by frame, which is each frame
for itself from a start at 0. Iterations are those to 8 bits (tolerance 1e-3). `--strip` draws one column of the mattes
over time, a row of pictures for each steadiness.

`--seconds` times `propmat.video.run`, files included, on rendered frames of a large size with a band of a tenth of the
pixels; wall time and processor time a frame.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import propmat
import propmat.video
from benchmarks.data.problems import DATA
from propmat import Trimap, metrics
from propmat.datasets import Sample
from propmat.solvers import CG
from propmat.video._mattes import STEADY

CLIPS = ("moving-0", "moving-1", "moving-2", "moving-3", "lemur")
ALONE = "frame by frame"
SOLVER = CG(tolerance=1e-3)
FRAMES, BAND = 12, 0.10
SCENE = 4  # of whose pixels fewer than a tenth are fractional
WIDTH = 6  # of a frame in the strip


class Clip(NamedTuple):
    """Frames with their truth, and the trimaps that were carried from the first and the last."""

    name: str
    samples: list[Sample]
    carried: list[Trimap]

    @property
    def images(self) -> list[np.ndarray]:
        return [sample.image for sample in self.samples]

    @property
    def truths(self) -> list[np.ndarray]:
        return [sample.alpha for sample in self.samples]

    @property
    def own(self) -> list[Trimap]:
        """The trimaps on every frame."""
        return [Trimap.parse(sample.trimap) for sample in self.samples]


class Figures(NamedTuple):
    """Means over the frames of a clip."""

    sad: float
    dtssd: float
    messddt: float
    iterations: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--methods", nargs="+", default=["closed_form"])
    parser.add_argument("--steady", nargs="+", choices=STEADY, default=STEADY)
    parser.add_argument("--strip", type=Path, help="a picture of one column over time, of the first clip and method")
    parser.add_argument("--seconds", action="store_true")
    parser.add_argument("--shape", nargs=2, type=int, default=(1080, 1920))
    parser.add_argument("--frames", type=int, default=6)
    arguments = parser.parse_args()
    if arguments.seconds:
        print_seconds(tuple(arguments.shape), arguments.frames, arguments.steady)
        return
    clips = [clip(name, arguments.data) for name in arguments.clips]
    print_trimaps(clips)
    print_steadiness(clips, arguments.methods, arguments.steady)
    if arguments.strip:
        propmat.io.write_image(arguments.strip, strip(clips[0], arguments.methods[0], arguments.steady))


def clip(name: str, data: Path) -> Clip:
    samples = list(lemur(data) if name == "lemur" else propmat.datasets.moving(int(name.rpartition("-")[2]), FRAMES))
    keys = {0: samples[0].trimap, len(samples) - 1: samples[-1].trimap}
    carried = propmat.video.carry([sample.image for sample in samples], keys)
    return Clip(name, samples, [trimap.labels for trimap in carried])


def lemur(data: Path) -> Iterator[Sample]:
    folder = data / "lemur_clip"
    if not folder.is_dir():
        raise SystemExit(f"--data: there is no {folder}")
    for path in sorted((folder / "image").iterdir()):
        image = propmat.io.read_image(path) / 255
        alpha, trimap = (propmat.io.read_matte(folder / kind / path.name) / 255 for kind in ("alpha", "trimap"))
        yield Sample(f"lemur-{path.stem}", image, trimap, alpha)


def alone(images: list[np.ndarray], trimaps: list[Trimap], method: str) -> list[propmat.Matte]:
    """Each frame for itself."""
    return [propmat.matte(method, *frame, solver=SOLVER) for frame in zip(images, trimaps, strict=True)]


def whole_sad(alphas: list[np.ndarray], truths: list[np.ndarray]) -> float:
    """The mean over the frames of the sum of absolute differences of all pixels, in thousands."""
    return float(np.mean([np.abs(a - b).sum() / 1000 for a, b in zip(alphas, truths, strict=True)]))


def print_trimaps(clips: list[Clip]) -> None:
    print(
        "| clip | SAD, every frame | SAD, carried | ratio | fractional pixels kept | unknown, every frame | carried |"
    )
    print("| --- |" + " ---: |" * 6)
    for one in clips:
        every, carried = (
            whole_sad([matte.alpha for matte in alone(one.images, trimaps, "closed_form")], one.truths)
            for trimaps in (one.own, one.carried)
        )
        fractional = [(truth > 0) & (truth < 1) for truth in one.truths]
        inside = sum((mask & trimap.unknown).sum() for mask, trimap in zip(fractional, one.carried, strict=True))
        kept = inside / sum(mask.sum() for mask in fractional)
        unknown = (np.mean([trimap.unknown.mean() for trimap in trimaps]) for trimaps in (one.own, one.carried))
        shares = " | ".join(f"{share:.1%}" for share in unknown)
        print(
            f"| {one.name} | {every:.3f} | {carried:.3f} | {carried / every:.3f} | {kept:.2%} | {shares} |", flush=True
        )
    print()


def print_steadiness(clips: list[Clip], methods: list[str], steady: list[str]) -> None:
    print("| clip | method | steady | SAD | dtSSD | MESSDdt | iterations | ratio: SAD | dtSSD | MESSDdt | iterations |")
    print("| --- | --- | --- |" + " ---: |" * 8)
    for one in clips:
        flows = [propmat.video.flow(*pair) for pair in zip(one.images[:-1], one.images[1:], strict=True)]
        for method in methods:
            base = figures(one, alone(one.images, one.carried, method), flows)
            print(row(one.name, method, ALONE, base, base), flush=True)
            for how in steady:
                found = list(propmat.video.mattes(one.images, one.carried, method=method, steady=how, solver=SOLVER))
                print(row(one.name, method, how, figures(one, found, flows), base), flush=True)


def figures(one: Clip, mattes: list[propmat.Matte], flows: list[np.ndarray]) -> Figures:
    alphas = [matte.alpha for matte in mattes]
    return Figures(
        whole_sad(alphas, one.truths),
        metrics.dtssd(alphas, one.truths, one.own),
        metrics.messddt(alphas, one.truths, flows, one.own),
        float(np.mean([matte.iterations for matte in mattes[1:]])),
    )


def row(name: str, method: str, how: str, found: Figures, base: Figures) -> str:
    told = f"{found.sad:.3f} | {found.dtssd:.3f} | {found.messddt:.3f} | {found.iterations:.1f}"
    ratios = " | ".join(f"{a / b:.2f}" if b else "-" for a, b in zip(found, base, strict=True))
    return f"| {name} | {method} | {how} | {told} | {ratios} |"


def strip(one: Clip, method: str, steady: list[str]) -> np.ndarray:
    """The column with the most fractional pixels over time: the truth, frame by frame, and each steadiness."""
    fractional = sum(((truth > 0) & (truth < 1)).sum(axis=0) for truth in one.truths)
    column = int(np.argmax(fractional))
    rows = [one.truths, [matte.alpha for matte in alone(one.images, one.carried, method)]]
    for how in steady:
        found = propmat.video.mattes(one.images, one.carried, method=method, steady=how, solver=SOLVER)
        rows.append([matte.alpha for matte in found])
    pictures = [np.repeat(np.stack([alpha[:, column] for alpha in alphas], axis=1), WIDTH, axis=1) for alphas in rows]
    gap = np.full((len(pictures[0]), WIDTH), 0.5)
    return np.concatenate([part for picture in pictures for part in (picture, gap)][:-1], axis=1)


def print_seconds(shape: tuple[int, int], frames: int, steady: list[str]) -> None:
    scene = list(propmat.datasets.moving(SCENE, frames, shape))
    with tempfile.TemporaryDirectory() as folder:
        for number, sample in enumerate(scene):
            for kind, picture in (("shot", sample.image), ("keys", band(sample))):
                (Path(folder) / kind).mkdir(exist_ok=True)
                if kind == "shot" or number in (0, frames - 1):
                    propmat.io.write_image(f"{folder}/{kind}/{number:04d}.png", picture)
        share = np.mean(propmat.io.read_trimap(f"{folder}/keys/0000.png") == 128)
        print(f"{shape[1]} x {shape[0]}, {frames} frames, {share:.1%} unknown in the first\n")
        print(
            "| what | steadiness | seconds a frame | of the processor | trimaps | mattes |\n| --- | --- |"
            + " ---: |" * 4
        )
        for what in ("alpha", "cutout"):
            for how in steady:
                print(timed(folder, what, how, frames), flush=True)


def timed(folder: str, what: str, how: str, frames: int) -> str:
    """A row of the table; compiled code is loaded before."""
    stages: dict[str, float] = {}

    def told(progress: propmat.video.Progress) -> None:
        stages[progress.stage] = progress.seconds

    propmat.matte("closed_form", propmat.datasets.synthetic().image, propmat.datasets.synthetic().trimap)
    start, processor = time.perf_counter(), time.process_time()
    propmat.video.run(
        f"{folder}/shot", f"{folder}/keys", f"{folder}/{what}-{how}", what=what, steady=how, progress=told
    )
    wall, processor = time.perf_counter() - start, time.process_time() - processor
    parts = " | ".join(f"{stages[stage] / frames:.2f}" for stage in ("trimaps", "mattes"))
    return f"| {what} | {how} | {wall / frames:.2f} | {processor / frames:.2f} | {parts} |"


def band(sample: Sample) -> np.ndarray:
    """A trimap whose unknown pixels are a tenth of all, those nearest to fractional alpha; more if there are more."""
    from scipy.ndimage import distance_transform_edt

    distance = distance_transform_edt((sample.alpha == 0) | (sample.alpha == 1))
    return np.where(distance <= np.quantile(distance, BAND), 0.5, sample.alpha)


if __name__ == "__main__":
    main()
