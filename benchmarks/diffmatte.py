"""DiffMatte: errors and seconds by steps and options, what aligned training gains, pictures of steps, and times.

    python -m benchmarks.diffmatte steps CONFIG [--steps 1 2 5 10] [--projected 2 5 10] [--started 1 2 5]
        [--confidences 1] [--weights FILE] [--split all|held] [--output FILE]
    python -m benchmarks.diffmatte aligned CONFIG [--seeds 0 1 2] [--iterations N] [--output DIR] [--device cpu]
    python -m benchmarks.diffmatte pictures IMAGE TRIMAP --output FILE [--steps 5] [--weights FILE]
    python -m benchmarks.diffmatte time [--threads 1 2] [--steps 1 10]

`steps` computes mattes of the problems of CONFIG (`docs/weights.md`), all of them, such as those of a configuration for
photographs that nothing was trained on, or those it holds out: SAD, MSE and seconds beside the mattes that the network
takes, for numbers of steps: of the network alone, with last solves, with projections at every step, and from the time
0.2 on with the mean of the mattes. `aligned` trains from each seed twice for equally many iterations, with the second
part of the schedule and without it, and evaluates both by one and by ten steps on the pictures that are held out.
`pictures` draws what the network predicts after each step, one picture beside the other. `time` measures a picture of
800 x 600 pixels, with its peak of memory.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import propmat
from benchmarks.measuring.networks import tell_time
from propmat import io, pictures
from propmat.matting._mattes import matte
from propmat.networks import DiffMatte, diffmatte, load_weights, save_weights
from propmat.networks._diffmatte._matte import Sampling, whole
from propmat.networks._inference import checked
from propmat.networks._last_solve import last_solved
from propmat.networks._weights import shipped
from propmat.training import Config, prepare, read_config
from propmat.training._diffmatte import DiffMatteSchedule, DiffMatteTask
from propmat.training._loop import device_of
from propmat.training._problem import Problem
from propmat.training._problems import load

PICTURE = (600, 800)
START = 0.2

Row = tuple[float, float, float]  # SAD, MSE, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    stepping = commands.add_parser("steps")
    stepping.set_defaults(run=tell_steps)
    stepping.add_argument("config")
    stepping.add_argument("--steps", type=int, nargs="+", default=[1, 2, 5, 10], help="(1 2 5 10)")
    stepping.add_argument(
        "--projected", type=int, nargs="*", default=[2, 5, 10], help="steps with projections (2 5 10)"
    )
    stepping.add_argument("--started", type=int, nargs="*", default=[1, 2, 5], help="steps from the mattes (1 2 5)")
    stepping.add_argument(
        "--confidences", type=float, nargs="+", default=[1.0], help="of solves; the first one of projections too (1)"
    )
    stepping.add_argument("--split", choices=["all", "held"], default="all", help="(all)")
    stepping.add_argument("--weights", type=Path, default=shipped("diffmatte"), help="(those of the package)")
    stepping.add_argument("--output", type=Path, help="keep the errors of every problem in a file of JSON")
    aligning = commands.add_parser("aligned")
    aligning.set_defaults(run=tell_aligned)
    aligning.add_argument("config")
    aligning.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="(0 1 2)")
    aligning.add_argument("--iterations", type=int, help="of each training, if not those of the configuration")
    aligning.add_argument("--output", type=Path, default=Path("diffmatte-aligned"), help="(%(default)s)")
    aligning.add_argument("--device", help="cpu or cuda (cuda where there is one)")
    drawing = commands.add_parser("pictures")
    drawing.set_defaults(run=draw_steps)
    for name in ("image", "trimap"):
        drawing.add_argument(name)
    drawing.add_argument("--output", required=True, help="a sheet of pictures")
    drawing.add_argument("--steps", type=int, default=5, help="(5)")
    drawing.add_argument("--weights", type=Path, default=shipped("diffmatte"), help="(those of the package)")
    timing = commands.add_parser("time")
    timing.set_defaults(run=time_all)
    timing.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(1 2)")
    timing.add_argument("--steps", type=int, nargs="+", default=[1, 10], help="(1 10)")
    arguments = parser.parse_args()
    arguments.run(arguments)


# Steps and options


def tell_steps(arguments: argparse.Namespace) -> None:
    network, _ = load_weights(arguments.weights, DiffMatte)
    network.to(memory_format=torch.channels_last)  # as `diffmatte` has it
    train_on, held = load(read_config(arguments.config))
    problems = train_on if arguments.split == "all" else held
    found: dict[str, list[Row]] = {}
    for number, problem in enumerate(problems, 1):
        for way, row in rows(network, problem, arguments):
            found.setdefault(way, []).append(row)
        print(number, problem.name, {way: round(of[-1][0], 2) for way, of in found.items()}, flush=True)
    if arguments.output:
        arguments.output.write_text(json.dumps({"problems": [p.name for p in problems], "errors": found}))
    tell(found, network.mattes, [problem.uses[0] for problem in problems])


def rows(network: DiffMatte, problem: Problem, arguments: argparse.Namespace) -> Iterator[tuple[str, Row]]:
    """SAD, MSE and seconds of the mattes that a network takes and of all ways to its own."""
    for name, values in zip(network.mattes, problem.mattes, strict=True):
        yield name, (*errors(problem, problem.whole(values)), 0.0)
    confidences = arguments.confidences
    for steps in arguments.steps:
        alpha, seconds = timed(network, problem, Sampling(steps))
        yield f"{steps} steps, network alone", (*errors(problem, alpha), seconds)
        for confidence in confidences if steps == arguments.steps[0] else confidences[:1]:
            start = time.perf_counter()
            solved = last_solved(problem.image / 255, labels_of(problem), alpha, confidence)
            took = seconds + time.perf_counter() - start
            yield f"{steps} steps, last solve {confidence:g}", (*errors(problem, solved), took)
    for steps in arguments.projected:
        alpha, seconds = timed(network, problem, Sampling(steps, projection=confidences[0]))
        yield f"{steps} steps, projection {confidences[0]:g}", (*errors(problem, alpha), seconds)
    for steps in arguments.started:
        alpha, seconds = timed(network, problem, Sampling(steps, start=START))
        yield f"{steps} steps from {START:g}, network alone", (*errors(problem, alpha), seconds)


def timed(network: DiffMatte, problem: Problem, sampling: Sampling) -> tuple[np.ndarray, float]:
    """A matte without the last solve, and its seconds without those of the mattes that it takes."""
    network.confidence = None
    start = time.perf_counter()
    return matte_of(network, problem, sampling), time.perf_counter() - start


def matte_of(network: DiffMatte, problem: Problem, sampling: Sampling) -> np.ndarray:
    labels = labels_of(problem)
    mattes = [problem.whole(values) for values in problem.mattes]
    alpha = whole(network, problem.image / 255, labels, mattes, sampling)
    return np.where(labels.known, labels.labels, alpha)


def labels_of(problem: Problem) -> propmat.Trimap:
    return propmat.Trimap.parse(problem.trimap)


def errors(problem: Problem, alpha: np.ndarray) -> tuple[float, float]:
    scores = problem.scores(alpha)
    return scores["sad"], scores["mse"]


def tell(found: dict[str, list[Row]], inputs: Sequence[str], pictures_of: list[str]) -> None:
    """A table of means; wins are of pictures, over all their problems."""
    names = list(dict.fromkeys(pictures_of))
    by_picture = {
        way: np.array(
            [np.mean([row[0] for row, of in zip(of_way, pictures_of, strict=True) if of == n]) for n in names]
        )
        for way, of_way in found.items()
    }
    first = inputs[:1]  # none of a network without mattes
    beside = "".join([f" SAD / {way} |" for way in inputs] + [f" below {way} |" for way in first])
    print(f"| | SAD | MSE x 1000 |{beside} seconds |\n| --- |{' ---: |' * (3 + len(inputs) + len(first))}")
    for way, of_way in found.items():
        sad, mse, seconds = np.mean(of_way, axis=0)
        told = [f" {sad / np.mean([row[0] for row in found[other]]):.3f} |" for other in inputs]
        told += [f" {int((by_picture[way] < by_picture[other]).sum())} of {len(names)} |" for other in first]
        print(f"| {way} | {sad:.3f} | {1000 * mse:.2f} |{''.join(told)} {seconds:.2f} |")


# Aligned training


def tell_aligned(arguments: argparse.Namespace) -> None:
    config = read_config(arguments.config)
    prepare(config)
    problems, held = load(config)
    arguments.output.mkdir(parents=True, exist_ok=True)
    print("| seed | training | SAD by 1 step | by 10 steps |\n| --- | --- | ---: | ---: |")
    for seed in arguments.seeds:
        for name, begin in (("plain", 1.0), ("aligned", config.schedule.aligned_from)):
            schedule = replace(config.schedule, aligned_from=begin)
            schedule = replace(schedule, iterations=arguments.iterations or schedule.iterations)
            weights = arguments.output / f"{name}-{seed}.safetensors"
            if not weights.exists():
                save_weights(weights, trained(config, problems, schedule, seed, device_of(arguments.device)), {})
            network, _ = load_weights(weights, DiffMatte)
            sad = [
                np.mean([errors(problem, timed(network, problem, Sampling(steps))[0])[0] for problem in held])
                for steps in (1, 10)
            ]
            print(f"| {seed} | {name} | {sad[0]:.4f} | {sad[1]:.4f} |", flush=True)


def trained(
    config: Config, problems: list[Problem], schedule: DiffMatteSchedule, seed: int, device: torch.device
) -> DiffMatte:
    """The network of a configuration trained from another seed on the same problems."""
    torch.manual_seed(seed)
    task = DiffMatteTask(config.build().train(), problems, schedule, seed, device)
    optimisers = task.optimisers()
    for iteration in tqdm(range(schedule.iterations)):
        task.step(optimisers, iteration)
    return task.trained


# Pictures


def draw_steps(arguments: argparse.Namespace) -> None:
    image, labels = checked(io.read_image(arguments.image), io.read_trimap(arguments.trimap), True)
    network, _ = load_weights(arguments.weights, DiffMatte)
    shown = {"image": image, "trimap": labels.labels}

    def keep(step: int, x: torch.Tensor) -> None:
        shown[f"step {step}"] = (0.5 * x[0, 0].double() + 0.5).clamp(0, 1).numpy()

    mattes = [matte(name, image, labels) for name in network.mattes]
    alpha = whole(network, image, labels, mattes, Sampling(arguments.steps), keep)
    shown["matte"] = np.where(labels.known, labels.labels, alpha)
    io.write_image(arguments.output, pictures.contact_sheet(shown))


# Times


def time_all(arguments: argparse.Namespace) -> None:
    scene = propmat.datasets.synthetic(0, PICTURE)
    labels = propmat.Trimap.parse(scene.trimap)
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        propmat.set_num_threads(threads)
        for steps in arguments.steps:
            plain = DiffMatte.preset("small").eval()
            tell_time(
                f"small, {steps} steps, 800 x 600",
                threads,
                partial(whole, plain, scene.image, labels, [], Sampling(steps)),
            )
            tell_time(
                f"as it ships, {steps} steps, 800 x 600",
                threads,
                partial(diffmatte, scene.image, scene.trimap, steps=steps),
            )


if __name__ == "__main__":
    main()
