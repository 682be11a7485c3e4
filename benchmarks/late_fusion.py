"""Late Fusion: errors of mattes without a trimap, what to trust of them, computing times.

    python -m benchmarks.late_fusion rendered --root DIR --backgrounds DIR [--copies 2] [--weights FILE] [--output DIR]
    python -m benchmarks.late_fusion photographs [--data DIR] [--weights FILE] [--output DIR]
    python -m benchmarks.late_fusion confidence CONFIG [--weights FILE]
    python -m benchmarks.late_fusion time [--threads 1 2]

`rendered` evaluates on foregrounds and backgrounds of the splits for tests, each put into frames of 480 x 640 pixels:
before the backgrounds in which nothing stands out, so that the foreground is the one thing that does, then before all;
`photographs` on two portraits and the photographs of alphamatting.com. Errors are means over whole pictures and over
the transition region, where the true alpha is fractional; IoU is that of alpha above 0.5. Rows are the branches, their
blend, the matte refined by the closed form; and beside them a box in the middle and, where OpenCV is installed with its
contributions, spectral residual saliency and GrabCut from that box. With `--output` the pictures are drawn, from the
best to the worst. `confidence` compares κ₀ and m of the prior on what CONFIG holds out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

import propmat
from benchmarks.data import problems
from benchmarks.measuring.clock import least_seconds
from benchmarks.measuring.memory import forget_peak, peak
from benchmarks.measuring.saliency import box, peers
from propmat import datasets, io, pictures
from propmat.networks import LateFusion, load_weights
from propmat.networks._late_fusion._matte import Answer, answered, refined
from propmat.networks._weights import shipped
from propmat.training import prepare, read_config
from propmat.training._problems import load

FRAME, SCALE, REACH = (480, 640), (0.6, 1.0), (3, 20)
CHANGES = datasets.Augmentation(match=(0.0, 0.4), background_blur=(0.0, 1.5), noise=(0.0, 0.01), jpeg=(80, 100))
# Of the split for tests: maple leaves that fill the picture, trees in snow, a brook in a wood. In the others a fig in a
# red bowl and a white flower stand out themselves.
QUIET = "Red-Maple", "Snow-Trees", "life_by_Aitzol_Berasategi"
CONFIDENCES, EXPONENTS = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0), (0.0, 2.0, 4.0)
ROWS = "F", "1 - B", "blend", "refined"


@dataclass(frozen=True, eq=False)
class Case:
    """A picture and its true matte, (H, W, 3) and (H, W) in [0, 1]."""

    name: str
    image: np.ndarray
    truth: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    composing, showing = commands.add_parser("rendered"), commands.add_parser("photographs")
    choosing, timing = commands.add_parser("confidence"), commands.add_parser("time")
    composing.set_defaults(run=evaluate_composites)
    composing.add_argument("--root", type=Path, nargs="+", required=True, help="folders of rendered foregrounds")
    composing.add_argument("--backgrounds", type=Path, required=True)
    composing.add_argument("--copies", type=int, default=2, help="of each foreground (%(default)s)")
    showing.set_defaults(run=evaluate_photographs)
    showing.add_argument("--data", type=Path, default=problems.DATA, help="(%(default)s)")
    choosing.set_defaults(run=choose)
    choosing.add_argument("config")
    timing.set_defaults(run=time_picture)
    timing.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(1 2)")
    for command in (composing, showing):
        command.add_argument("--output", type=Path, help="a folder for pictures")
    for command in (composing, showing, choosing, timing):
        command.add_argument("--weights", type=Path, default=shipped(LateFusion.name), help="(those of the package)")
    arguments = parser.parse_args()
    arguments.run(arguments)


def evaluate_composites(arguments: argparse.Namespace) -> None:
    """Foregrounds for tests before two choices of backgrounds for tests."""
    behind = datasets.backgrounds(arguments.backgrounds, "test")
    choices = {"nothing else stands out": [path for path in behind if path.stem in QUIET], "all backgrounds": behind}
    for title, paths in choices.items():
        print(f"## {title}: {', '.join(path.stem for path in paths)}")
        evaluate(
            arguments, composites(arguments, paths), arguments.output and arguments.output / title.replace(" ", "-")
        )


def composites(arguments: argparse.Namespace, behind: list[Path]) -> Iterator[Case]:
    """Foregrounds for tests before these backgrounds."""
    for root in arguments.root:
        fronts = datasets.rendered(root, "test")
        put = datasets.placed(fronts, 1, repeats=arguments.copies, scale=SCALE, shape=FRAME)
        for name, sample in zip(
            put.names, datasets.composites(put, None, behind, 1, reach=REACH, augmentation=CHANGES), strict=True
        ):
            yield Case(f"{root.name} {name}", sample.image, sample.alpha)


def evaluate_photographs(arguments: argparse.Namespace) -> None:
    evaluate(arguments, photographs(arguments), arguments.output)


def photographs(arguments: argparse.Namespace) -> Iterator[Case]:
    """Two portraits, and the photographs of alphamatting.com."""
    folder = arguments.data / "p3m"
    for path in sorted((folder / "image").glob("*.png")):
        yield Case(path.stem, io.read_image(path) / 255, io.read_matte(folder / "alpha" / path.name) / 255)
    for problem in problems.photographs(arguments.data):
        yield Case(problem.name, problem.image / 255, problem.truth)


def evaluate(arguments: argparse.Namespace, cases: Iterator[Case], output: Path | None) -> None:
    network, _ = load_weights(arguments.weights, LateFusion)
    scores: dict[str, list[list[float]]] = {}
    for case in cases:
        answer = answered(network, case.image)
        mattes = mattes_of(case.image, answer)
        for name, matte in mattes.items():
            scores.setdefault(name, []).append(errors(matte, case.truth))
        error, _, iou = scores["refined"][-1]
        print(f"{case.name:28} refined {error:.4f}, blend {scores['blend'][-1][0]:.4f}; IoU {iou:.3f}", flush=True)
        if output:
            draw(output, case, mattes, error)
    print("| | mean error | transition region | IoU |\n| --- | ---: | ---: | ---: |")
    for name, found in scores.items():
        means = np.nanmean(found, axis=0)
        print(f"| {name} | {means[0]:.4f} | {means[1]:.4f} | {means[2]:.3f} |")
    tell_ratio(scores)


def tell_ratio(scores: dict[str, list[list[float]]]) -> None:
    within = {name: np.nanmean(np.array(scores[name])[:, 1]) for name in ROWS}
    print(
        f"in the transition region: refined / blend {within['refined'] / within['blend']:.3f}, "
        f"blend / the better branch {within['blend'] / min(within['F'], within['1 - B']):.3f}"
    )


def mattes_of(image: np.ndarray, answer: Answer) -> dict[str, np.ndarray]:
    """The rows of the table: mattes by their names."""
    nothing = propmat.Trimap.unlabelled(answer.alpha.shape)
    planes = answer.foreground, 1 - answer.background, answer.alpha, refined(image, answer, nothing)
    found = dict(zip(ROWS, planes, strict=True)) | {"a box in the middle": box(image)}
    return found | {name: make(image) for name, make in peers().items()}


def errors(matte: np.ndarray, truth: np.ndarray) -> list[float]:
    """Mean error over the picture and over the transition region, and IoU."""
    difference, fractional = np.abs(matte - truth), (truth > 0) & (truth < 1)
    found, wanted = matte > 0.5, truth > 0.5
    union = np.count_nonzero(found | wanted)
    within = float(difference[fractional].mean()) if fractional.any() else np.nan
    return [float(difference.mean()), within, np.count_nonzero(found & wanted) / union if union else 1.0]


def draw(folder: Path, case: Case, mattes: dict[str, np.ndarray], error: float) -> None:
    """Picture, truth, and three rows of the table side by side, named by the error."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = {"image": case.image, "truth": case.truth, **{name: mattes[name] for name in ("F", "blend", "refined")}}
    name = f"{error:.4f}-{case.name.replace(' ', '-')}.png"
    io.write_image(folder / name, pictures.contact_sheet(shown))


def choose(arguments: argparse.Namespace) -> None:
    """Mean errors of refined mattes, over pictures and over transition regions, for each pair of κ₀ and m."""
    config = read_config(arguments.config)
    prepare(config)
    network, _ = load_weights(arguments.weights, LateFusion)
    held_out = [(problem.image / 255, problem.whole(problem.alpha).astype(np.float64)) for problem in load(config)[1]]
    answers = [answered(network, image) for image, _ in held_out]
    bare = np.mean([errors(answer.alpha, truth) for answer, (_, truth) in zip(answers, held_out, strict=True)], axis=0)
    print(f"blend: {bare[0]:.4f}, {bare[1]:.4f} in the transition region")
    print(f"| κ₀ | m | mean error | transition region |\n| --- |{' ---: |' * 3}")
    for exponent in EXPONENTS:
        for confidence in CONFIDENCES:
            found = []
            for answer, (image, truth) in zip(answers, held_out, strict=True):
                agreement = 1 - np.abs(answer.foreground + answer.background - 1)
                changed = answer._replace(confidence=confidence * agreement**exponent)
                nothing = propmat.Trimap.unlabelled(truth.shape)
                found.append(errors(refined(image, changed, nothing), truth))
            means = np.nanmean(found, axis=0)
            print(f"| {confidence:g} | {exponent:g} | {means[0]:.4f} | {means[1]:.4f} |", flush=True)


def time_picture(arguments: argparse.Namespace) -> None:
    """A picture of 800 x 600 pixels with its refinement, and without."""
    network, _ = load_weights(arguments.weights, LateFusion)
    image = datasets.synthetic(0, (600, 800)).image
    nothing = propmat.Trimap.unlabelled((600, 800))
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        propmat.set_num_threads(threads)
        forget_peak()
        before = peak()
        bare = least_seconds(lambda: answered(network, image), 5)
        whole = least_seconds(lambda: refined(image, answered(network, image), nothing), 5)
        print(
            f"800 x 600, threads {threads}: {whole:.2f} s, of it the network {bare:.2f} s; "
            f"{peak() - before:.0f} MB above {before:.0f} MB of the process"
        )


if __name__ == "__main__":
    main()
