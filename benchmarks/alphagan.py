"""AlphaGAN: what the game gains, and computing times.

    python -m benchmarks.alphagan game CONFIG [--seeds 0 1 2] [--output DIR] [--iterations N] [--device cpu]
    python -m benchmarks.alphagan time [--threads 1 2] [--presets small] [--crops 128 192] [--batch 8]

`game` trains the network of CONFIG (`docs/weights.md`) from each seed twice for equally many iterations, with the game
and without, and evaluates both on the pictures that it holds out: means of all errors, and on how many pictures the
gradient error is lower with the game. What is trained already is not trained again. `time` measures training steps,
with the share of the last solve, and a whole picture of 800 x 600 pixels, with its peak of memory, of first weights and
of those of the package, which take mattes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import propmat
from benchmarks.measuring.clock import least_seconds
from benchmarks.measuring.networks import tell_time
from propmat import metrics
from propmat.networks import AlphaGAN, alphagan, load_weights
from propmat.networks._alphagan._matte import whole
from propmat.solvers import CG
from propmat.training import Config, prepare, read_config, train
from propmat.training._alphagan import AlphaGANSchedule, AlphaGANTask
from propmat.training._alphagan_views import Views
from propmat.training._config import parse_config
from propmat.training._problem import Problem
from propmat.training._problems import load

ERRORS = ("sad", "mse", "gradient", "connectivity")
CONFIDENCE = 0.1
PICTURE = (600, 800)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    playing = commands.add_parser("game")
    playing.set_defaults(run=play)
    playing.add_argument("config")
    playing.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="(0 1 2)")
    playing.add_argument("--output", type=Path, default=Path("alphagan-game"), help="(%(default)s)")
    playing.add_argument("--iterations", type=int, help="of each training, if not those of the configuration")
    playing.add_argument("--device", help="cpu or cuda (cuda where there is one)")
    timing = commands.add_parser("time")
    timing.set_defaults(run=time_all)
    timing.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(1 2)")
    timing.add_argument("--presets", nargs="+", default=["small"], choices=list(AlphaGAN.presets), help="(small)")
    timing.add_argument("--crops", type=int, nargs="*", default=[128, 192], help="(128 192)")
    timing.add_argument("--batch", type=int, default=8, help="(%(default)s)")
    arguments = parser.parse_args()
    arguments.run(arguments)


def play(arguments: argparse.Namespace) -> None:
    print(f"| seed | game | {' | '.join(ERRORS)} |\n| --- | --- |{' ---: |' * len(ERRORS)}")
    for seed in arguments.seeds:
        found = {}
        for name, config in contests(read_config(arguments.config), seed, arguments):
            found[name] = errors(config, arguments.device)
            means = " | ".join(f"{mean:.4g}" for mean in found[name].mean(axis=0))
            print(f"| {seed} | {name} | {means} |")
        won = int((found["with"] < found["without"])[:, ERRORS.index("gradient")].sum())
        print(f"gradient error lower with the game on {won} of {len(found['with'])} pictures")


def contests(config: Config, seed: int, arguments: argparse.Namespace) -> Iterator[tuple[str, Config]]:
    """The training of a seed with the game and without, on the same problems."""
    for name, game in (("with", config.schedule.game), ("without", 0.0)):
        schedule = replace(config.schedule, game=game, iterations=arguments.iterations or config.schedule.iterations)
        yield name, replace(config, schedule=schedule, output=arguments.output / f"{name}-{seed}", seed=seed)


def errors(config: Config, device: str | None) -> np.ndarray:
    """Errors of a network on each picture that is held out, (pictures, errors)."""
    weights = config.output / "weights.safetensors"
    if not weights.exists():
        prepare(config)
        train(config, device, tqdm)
    network, _ = load_weights(weights, AlphaGAN)
    return np.array([scores(network, problem) for problem in load(config)[1]])


def scores(network: AlphaGAN, problem: Problem) -> list[float]:
    labels = propmat.Trimap.parse(problem.trimap)
    mattes = [problem.whole(values) for values in problem.mattes]
    alpha = np.where(labels.known, labels.labels, whole(network, problem.image / 255, labels, mattes))
    found = metrics.evaluate(alpha, problem.whole(problem.alpha), problem.trimap)
    return [found[name] for name in ERRORS]


def time_all(arguments: argparse.Namespace) -> None:
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        propmat.set_num_threads(threads)
        for preset in arguments.presets:
            for crop in arguments.crops:
                time_steps(preset, crop, arguments.batch, threads)
            time_picture(preset, threads)
        time_shipped(threads)


def time_steps(preset: str, crop: int, batch: int, threads: int) -> None:
    """A step before the game and in it, and one with the last solve, of which this is a share."""
    problems = scenes()
    schedule = AlphaGANSchedule(iterations=10, batch=batch, rate=1e-4, warm_up=0, crop=crop)
    seconds = {}
    for name, options, game in (("before", {}, 0.0), ("in", {}, 0.05), ("solved", {"confidence": CONFIDENCE}, 0.05)):
        network = AlphaGAN.preset(preset, **options).train()
        task = AlphaGANTask(network, problems, replace(schedule, game=game), 0, torch.device("cpu"))
        optimisers = task.optimisers()
        seconds[name] = least_seconds(lambda task=task, optimisers=optimisers: task.step(optimisers, 0), 3)
    solve = least_seconds(lambda: solved(task, Views.of(task.drawing.batch(0))), 3)
    print(
        f"{preset}, {batch} crops of {crop} x {crop}, threads {threads}: a step {seconds['before']:.2f} s before the "
        f"game, {seconds['in']:.2f} s in it, {seconds['solved']:.2f} s with the last solve, of it the solver "
        f"{solve / seconds['solved']:.0%}"
    )


def scenes() -> list[Problem]:
    source = {"source": "synthetic", "count": 2, "shape": [256, 320]}
    with tempfile.TemporaryDirectory() as folder:
        config = parse_config({"network": "alphagan", "cache": folder, "output": folder, "data": [source]})
        prepare(config)
        return load(config)[0]


def solved(task: AlphaGANTask, views: Views) -> None:
    """The last solve of a batch, forward and backward."""
    answer = views.labelled(torch.full_like(views.alpha, 0.5)).requires_grad_()
    task.network.solved(views.image, views.trimap, answer, CG(tolerance=1e-3)).sum().backward()


def time_picture(preset: str, threads: int) -> None:
    scene = propmat.datasets.synthetic(0, PICTURE)
    labels = propmat.Trimap.parse(scene.trimap)
    for name, options in (("", {}), (" with the last solve", {"confidence": CONFIDENCE})):
        network = AlphaGAN.preset(preset, **options).eval()
        tell_time(f"{preset}{name}, 800 x 600", threads, partial(whole, network, scene.image, labels, []))


def time_shipped(threads: int) -> None:
    """The weights of the package, with the mattes that they take and the last solve."""
    scene = propmat.datasets.synthetic(0, PICTURE)
    tell_time("as it ships, 800 x 600", threads, partial(alphagan, scene.image, scene.trimap))


if __name__ == "__main__":
    main()
