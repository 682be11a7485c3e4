"""Networks: cross-validation on the photographs, errors on rendered composites, and computing times.

    python -m benchmarks.networks validate CONFIG --data DIR [--output DIR] [--folds 5] [--iterations N]
                                           [--beside NAME ...]
    python -m benchmarks.networks rendered --root DIR --backgrounds DIR [--methods NAME ...] [--draw NAME ...]
                                           [--weights NETWORK=FILE ...] [--output DIR]
    python -m benchmarks.networks cases --data DIR [--results DIR] [--method dcnn] [--against NAME ...] [--output DIR]
    python -m benchmarks.networks time [--threads 2]

`validate` trains a network once for every fold, without the photographs of the fold and without composites that contain
one of them, and evaluates it on these photographs. CONFIG is a configuration of training (`docs/weights.md`) with the
photographs among its sources. `--beside` names other methods to evaluate. An interrupted run is resumed. Results have
the format of the suite: `python -m benchmarks.report --data DIR --results DIR` makes a page of them. `cases` prints the
gain of a network over other methods, and draws the photographs with the largest and the smallest gain; these pictures
show the photographs: do not publish them. `rendered` evaluates methods on composites of the foregrounds for tests of a
rendered set (`docs/dataset.md`) over the backgrounds for tests, two of each, always the same, and draws those on which
some of them gain most and least over the first. `time` measures a pass of
DCNN and a training step of DeepMattePropNet.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

import propmat
from benchmarks.data import sets
from benchmarks.measuring.clock import least_seconds
from benchmarks.report.panels import panels, panels_of, sheet
from benchmarks.suite import contestants, records, worker
from benchmarks.suite.summary import markdown, summary
from propmat import datasets, io, metrics
from propmat.networks import DCNN, DeepMattePropNet
from propmat.networks._dcnn._matte import merged
from propmat.solvers import CG
from propmat.training import Config, prepare, read_config, train
from propmat.training._deep_matte_prop_net import matting_loss

TRIMAPS = (1, 2)
OUTPUT = Path("network-results")
ERRORS = (metrics.sad, metrics.mse)
# Of composites of a rendered set: as in the training of the weights that ship.
REACH = (3, 20)
CHANGES = datasets.Augmentation(match=(0, 0.4), background_blur=(0, 1.5), noise=(0, 0.01), jpeg=(80, 100))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    validation = commands.add_parser("validate")
    validation.set_defaults(run=validate)
    validation.add_argument("config")
    validation.add_argument("--data", type=Path, required=True, help="the photographs of alphamatting.com")
    validation.add_argument("--output", type=Path, default=OUTPUT, help="(%(default)s)")
    validation.add_argument("--folds", type=int, default=5, help="(%(default)s)")
    validation.add_argument("--only", type=int, help="one fold, for a look")
    validation.add_argument("--iterations", type=int, help="of each training, if not those of the configuration")
    validation.add_argument("--device", help="cpu or cuda (cuda where there is one)")
    memory = ["closed_form", "knn", "comprehensive_sampling", "information_flow"]
    known = [name for name in memory if name in contestants.ours()]
    validation.add_argument("--beside", nargs="*", default=known, help=", ".join(known))
    drawing = commands.add_parser("cases")
    drawing.set_defaults(run=draw_cases)
    drawing.add_argument("--data", type=Path, required=True, help="the photographs")
    drawing.add_argument("--results", type=Path, default=OUTPUT, help="(%(default)s)")
    drawing.add_argument("--method", default="dcnn", help="(%(default)s)")
    drawing.add_argument("--against", nargs="+", default=["closed_form", "knn"], help="(closed_form knn)")
    drawing.add_argument("--output", type=Path, default=Path("network-cases"), help="(%(default)s)")
    drawing.add_argument("--count", type=int, default=3, help="of each kind (%(default)s)")
    composing = commands.add_parser("rendered")
    composing.set_defaults(run=evaluate_rendered)
    composing.add_argument("--root", type=Path, required=True, help="the rendered set")
    composing.add_argument("--backgrounds", type=Path, required=True, help="photographs with credits.csv")
    everyone = ["closed_form", "knn.rgb", "information_flow", *contestants.networks()]
    composing.add_argument("--methods", nargs="+", default=everyone, help=", ".join(everyone))
    composing.add_argument("--draw", nargs="+", default=[], help="some of the methods, beside the others")
    composing.add_argument("--weights", nargs="+", type=contestants.weighed, default=[], metavar="NETWORK=FILE")
    composing.add_argument("--output", type=Path, default=Path("network-cases"), help="of pictures (%(default)s)")
    composing.add_argument("--count", type=int, default=2, help="of each kind (%(default)s)")
    commands.add_parser("time").set_defaults(run=time_networks)
    commands.choices["time"].add_argument("--threads", type=int, default=2, help="(%(default)s)")
    arguments = parser.parse_args()
    arguments.run(arguments)


def validate(arguments: argparse.Namespace) -> None:
    config = read_config(arguments.config)
    if arguments.iterations:
        config = replace(config, schedule=replace(config.schedule, iterations=arguments.iterations))
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = arguments.output / "results.jsonl"
    results = {records.key(record): record for record in records.read(path)} if path.exists() else {}
    for held_out, fold in folds(sets.names(arguments.data), arguments):
        for key, make in tasks(config, held_out, fold, arguments):
            if key not in results:
                results[key] = make()
                records.write(path, results.values())
    print(markdown(summary(list(results.values()))))


def folds(names: list[str], arguments: argparse.Namespace) -> Iterator[tuple[tuple[str, ...], int]]:
    """The photographs of each fold, and its number."""
    for fold in range(arguments.folds):
        if arguments.only in (None, fold):
            yield tuple(names[fold :: arguments.folds]), fold


def tasks(
    config: Config, held_out: tuple[str, ...], fold: int, arguments: argparse.Namespace
) -> Iterator[tuple[records.Key, Callable[[], records.Record]]]:
    """The tasks of a fold; the network is trained when its first matte is needed."""
    fold_config = replace(config, held_out=held_out, output=arguments.output / f"fold{fold}")
    for name in held_out:
        for trimap in TRIMAPS:
            key = name, trimap, config.network
            yield key, partial(answer, fold_config, arguments, key)
            for method in arguments.beside:
                key = name, trimap, method
                yield key, partial(worker.result, arguments.data, arguments.output, key)


def answer(config: Config, arguments: argparse.Namespace, key: records.Key) -> records.Record:
    """The matte of a network that was not trained on the photograph, scored as in the suite."""
    image, trimap, method = key
    weights = config.output / "weights.safetensors"
    if not weights.exists():
        print(f"without {', '.join(config.held_out)}", file=sys.stderr)
        prepare(config)
        train(config, arguments.device, tqdm)
    sample = sets.read_sample(arguments.data, image, trimap)
    network = contestants.network(method, weights)
    matte, measured = worker.run(network, sample)
    path = worker.matte_path(arguments.output, *key)
    path.parent.mkdir(parents=True, exist_ok=True)
    io.write_image(path, matte)
    facts = {"image": image, "trimap": trimap, "method": method, "set": sets.set_name(arguments.data)}
    where = {"versions": network.versions, "machine": worker.machine(), "threads": propmat.get_num_threads()}
    scores = metrics.evaluate(matte, sample.alpha, sample.trimap)
    return facts | where | measured | {name: float(f"{score:.7g}") for name, score in scores.items()}


def draw_cases(arguments: argparse.Namespace) -> None:
    """Draw the photographs with the largest and the smallest gain, with their wider trimaps."""
    scores = {records.key(record): record["sad"] for record in records.read(arguments.results / "results.jsonl")}
    methods = [arguments.method, *arguments.against]
    problems = sorted({key[:2] for key in scores if key[2] == arguments.method})
    photographs = sorted({image for image, _ in problems})
    table = {problem: [scores[(*problem, method)] for method in methods] for problem in problems}
    means = {name: np.mean([table[key] for key in problems if key[0] == name], axis=0) for name in photographs}
    print(gain(arguments.method, means, "photographs"))
    print(gain(arguments.method, table, "problems"))
    order = sorted(photographs, key=lambda name: means[name][0] / min(means[name][1:]))
    arguments.output.mkdir(parents=True, exist_ok=True)
    for kind, names in (("best", order[: arguments.count]), ("worst", order[: -arguments.count - 1 : -1])):
        for place, name in enumerate(names, 1):
            shown = sheet(panels(arguments.data, arguments.results, (name, TRIMAPS[-1]), methods), width=320)
            shown.save(arguments.output / f"{kind}{place}-{name}.png")


def gain(method: str, scores: Mapping[Any, Sequence[float]], kind: str) -> str:
    """A sentence that compares the first of some scores with the others."""
    own, *others = np.mean(list(scores.values()), axis=0)
    won = sum(score[0] < min(score[1:]) for score in scores.values())
    return f"{method}: mean SAD {own:.2f}, {own / min(others):.2f} of the next; best on {won} of {len(scores)} {kind}"


def evaluate_rendered(arguments: argparse.Namespace) -> None:
    """Mean SAD and MSE of methods on composites that are never trained on."""
    if strange := set(arguments.draw) - set(arguments.methods):
        sys.exit(f"--draw takes some of the methods, {', '.join(arguments.methods)}; got {', '.join(sorted(strange))}")
    fronts = datasets.rendered(arguments.root, "test")
    behind = datasets.backgrounds(arguments.backgrounds, "test")
    samples = datasets.composites(fronts, None, behind, repeats=2, reach=REACH, augmentation=CHANGES)
    methods = {name: (contestants.everyone() | dict(arguments.weights))[name] for name in arguments.methods}
    cases = [judged(methods, sample) for sample in tqdm(samples, total=len(samples))]
    tell_errors(cases)
    for name in arguments.draw:
        draw_composites(name, samples, cases, arguments)


class Case(NamedTuple):
    """Mattes of one composite in 8 bits, and their errors, by method."""

    mattes: dict[str, np.ndarray]
    sad: dict[str, float]
    mse: dict[str, float]


def judged(methods: Mapping[str, contestants.Method], sample: datasets.Sample) -> Case:
    mattes = {name: worker.run(method, sample)[0] for name, method in methods.items()}
    sad, mse = ({name: error(matte, sample.alpha, sample.trimap) for name, matte in mattes.items()} for error in ERRORS)
    return Case(mattes, sad, mse)


def tell_errors(cases: list[Case]) -> None:
    """A table of means, and of how often each method is better than the first."""
    first = next(iter(cases[0].mattes))
    print(f"| of {len(cases)} composites | SAD | MSE x 1000 | SAD / {first} | below it |\n| --- |{' ---: |' * 4}")
    for name in cases[0].mattes:
        sad, beside = (np.array([case.sad[of] for case in cases]) for of in (name, first))
        mse, ratio = 1000 * np.mean([case.mse[name] for case in cases]), sad.mean() / beside.mean()
        print(f"| {name} | {sad.mean():.2f} | {mse:.1f} | {ratio:.3f} | {np.count_nonzero(sad < beside)} |")


def draw_composites(name: str, samples: datasets.Samples, cases: list[Case], arguments: argparse.Namespace) -> None:
    """Draw the composites with the largest and the smallest gain of a method over the first."""
    order = np.argsort([case.sad[name] / case.sad[arguments.methods[0]] for case in cases])
    arguments.output.mkdir(parents=True, exist_ok=True)
    for kind, places in (("best", order[: arguments.count]), ("worst", order[: -arguments.count - 1 : -1])):
        for rank, place in enumerate(map(int, places), 1):
            alphas = {of: matte / 255 for of, matte in cases[place].mattes.items()}
            path = arguments.output / f"{name}-{kind}{rank}-{samples.names[place]}.png"
            sheet(panels_of(samples[place], alphas), width=240).save(path)


def time_networks(arguments: argparse.Namespace) -> None:
    """A pass of DCNN over 800 x 600 pixels, and the solver's share of a training step of DeepMattePropNet."""
    torch.set_num_threads(arguments.threads)
    propmat.set_num_threads(arguments.threads)
    x = torch.rand(5, 600, 800)
    print(f"DCNN, 800 x 600, the network alone: {least_seconds(lambda: merged(DCNN(), x), 5):.2f} s")
    scene = propmat.datasets.synthetic(0, (256, 256))
    planes = (scene.image.transpose(2, 0, 1), scene.trimap[None], scene.alpha[None])
    image, trimap, alpha = (torch.from_numpy(np.ascontiguousarray(plane)).float()[None] for plane in planes)
    networks = {preset: DeepMattePropNet.preset(preset) for preset in DeepMattePropNet.presets}
    networks["small, with the closed form"] = DeepMattePropNet.preset("small", closed_form=True)
    for name, network in networks.items():
        weights = [values.detach().requires_grad_() for values in network.affinities(image, trimap)]

        def step(network=network) -> None:
            matting_loss(network(image, trimap, solver=CG(rtol=1e-5)), alpha, alpha, trimap == 0.5).backward()

        def solve(network=network, weights=weights) -> None:
            (network.solved(image, trimap, weights, CG(rtol=1e-5)) - alpha).abs().sum().backward()

        whole, solver = least_seconds(step, 3), least_seconds(solve, 3)
        print(f"DeepMattePropNet {name}, a step on 256 x 256: {whole:.2f} s, of it the solver {solver / whole:.0%}")


if __name__ == "__main__":
    main()
