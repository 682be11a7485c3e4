"""The loop: steps, a log, checkpoints that go on to the same result, validation, and the curves."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from propmat import __version__
from propmat.errors import InputError, PropmatError, refused_as
from propmat.io._replacing import replace_file
from propmat.networks._network import Network, whole
from propmat.networks._weights import open_tensors, save_weights, write_tensors
from propmat.networks.training._batches import TASKS
from propmat.networks.training._config import Config, Schedule, check_config
from propmat.networks.training._curves import draw_curves
from propmat.networks.training._lock import held
from propmat.networks.training._problems import Progress, load
from propmat.networks.training._soap import Soap

Record = dict[str, Any]


def train(config: Config, device: str | None = None, progress: Progress = iter) -> Path:
    """Train on the problems that `prepare` left in the cache, from the last checkpoint on if there is one.

    In ``config.output`` lie then log.jsonl, curves.png, checkpoint.safetensors and weights.safetensors. While it
    lasts, no other training can work in that folder.

    Parameters
    ----------
    config : Config
    device : str, optional
        "cpu" or "cuda"; cuda where there is one.
    progress : callable, optional
        Wraps the iterations, as tqdm does.

    Returns
    -------
    Path
        The weights.

    Raises
    ------
    InputError
        If the cache lacks the problems, the output is of another training or another process is at work there, or
        there is no such device.
    PropmatError
        If the loss is no longer finite.
    """
    check_config(config)
    place = device_of(device)
    with held(config.output, "output"):
        run = Run(config, place)
        for _ in progress(range(run.iteration, config.schedule.iterations)):
            run.step()
        return run.finish()


def device_of(name: str | None) -> torch.device:
    """The device of a name that is there; by default a GPU where there is one."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with refused_as(InputError, f"device: takes 'cpu', 'cuda' or 'cuda:0', got {name!r}"):
        place = torch.device(name)
        torch.empty(1, device=place).cpu()
    return place


class Run:
    """A training at some iteration."""

    def __init__(self, config: Config, device: torch.device) -> None:
        torch.backends.cudnn.deterministic = True
        torch.manual_seed(config.seed)
        self.config, self.schedule = config, config.schedule
        train, self.kept = load(config)
        self.names = sorted({name for problem in train for name in problem.uses})
        # Channels last: a third faster on CPUs.
        self.network = config.build().train().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.task = TASKS[config.network](train, config, device)  # type: ignore[call-arg]
        self.optimiser = OPTIMISERS[self.schedule.optimiser](self.network, self.schedule)
        self.iteration = 0
        self.total = torch.zeros((), device=device)
        self.since = time.perf_counter()
        self.checkpoint = config.output / "checkpoint.safetensors"
        self.log: list[Record] = []
        if self.checkpoint.exists():
            self._resume()
        else:
            (config.output / "log.jsonl").unlink(missing_ok=True)

    def step(self) -> None:
        """One step of the optimiser, and whatever is due after it."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate(self.schedule, self.iteration)
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.task.loss(self.network, self.iteration)
        loss.backward()
        if self.schedule.clip:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.clip)
        self.optimiser.step()
        self.total += loss.detach()
        self.iteration += 1
        if self._due(self.schedule.log_every):
            self._note_loss()
        if self._due(self.schedule.validate_every):
            self._validate()
        if self._due(self.schedule.checkpoint_every):
            self._save()

    def finish(self) -> Path:
        """Write the weights, with all that is to be known about them."""
        scores = [record for record in self.log if "validation" in record]
        facts = {
            "preset": self.config.preset,
            "schedule": dataclasses.asdict(self.schedule),
            "data": self.names,
            "seed": self.config.seed,
            "iterations": self.iteration,
            "version": __version__,
            "commit": _commit(),
            "metrics": scores[-1]["validation"] if scores else {},
        }
        save_weights(self.config.output / "weights.safetensors", self.network, facts)
        return self.config.output / "weights.safetensors"

    def _due(self, every: int) -> bool:
        return self.iteration % every == 0 or self.iteration == self.schedule.iterations

    def _note_loss(self) -> None:
        before = next((record["iteration"] for record in reversed(self.log) if "loss" in record), 0)
        loss = float(self.total) / (self.iteration - before)
        if not math.isfinite(loss):
            raise PropmatError(f"training: the loss is {loss} after {self.iteration} iterations; take a smaller rate")
        self.total.zero_()
        now = time.perf_counter()
        seconds = round((now - self.since) / (self.iteration - before), 5)
        self.since = now
        self._note({"loss": loss, "rate": rate(self.schedule, self.iteration - 1), "seconds_per_iteration": seconds})

    def _validate(self) -> None:
        """Mean errors over the problems that are held out, beside those of the mattes they come with."""
        if self.kept:
            self.network.eval()
            of_network = [problem.scores(self.task.matte(self.network, problem)) for problem in self.kept]
            self.network.train()
            mattes = {
                name: _means([problem.scores(problem.whole(problem.mattes[k])) for problem in self.kept])
                for k, name in enumerate(self.config.mattes)
            }
            self._note({"validation": {self.config.network: _means(of_network)} | mattes})
            self.since = time.perf_counter()

    def _note(self, record: Record) -> None:
        self.log.append({"iteration": self.iteration} | record)
        with open(self.config.output / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(self.log[-1]) + "\n")

    def _save(self) -> None:
        draw_curves(self.log, self.config.output / "curves.png")
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= _states(self.optimiser) | {"total": self.total}
        about = {"training": self.config.digest(), "iteration": self.iteration, "lines": len(self.log)}
        write_tensors(self.checkpoint, tensors, about)

    def _resume(self) -> None:
        with open_tensors(self.checkpoint) as file:
            if file.about.get("training") != self.config.digest():
                raise InputError(
                    f"output: {self.config.output} holds another training; name another folder, or remove it"
                )
            self.iteration = whole(file.about.get("iteration"), "iteration", 0, self.schedule.iterations)
            count = whole(file.about.get("lines"), "lines", 0, 10**9)
            tensors = file.read(self._expected(begun=self.iteration > 0), "this training")
        self.network.load_state_dict(_under("network.", tensors))
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("optimiser.", tensors).items():
            number, _, what = name.partition(".")
            state.setdefault(int(number), {})[what] = tensor
        self.optimiser.load_state_dict(self.optimiser.state_dict() | {"state": state})
        self.total.copy_(tensors["total"])
        self._resume_log(count)

    def _resume_log(self, count: int) -> None:
        """Keep so many lines: what came after the checkpoint comes again."""
        path = self.config.output / "log.jsonl"
        with refused_as(InputError, f"output: cannot read {path}, which goes with checkpoint.safetensors"):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:count]
            self.log = [dict(json.loads(line)) for line in lines]
        if len(lines) < count:
            raise InputError(f"output: {path} has {len(lines)} lines, at the checkpoint it had {count}")
        replace_file(path, "".join(lines).encode())

    def _expected(self, begun: bool) -> dict[str, Tensor]:
        """What a checkpoint holds: shapes of the network, of the optimiser if it has begun, and of the sum."""
        weights = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        # A step of a network that takes no memory tells what the optimiser keeps.
        copy = self.config.outline()
        optimiser = OPTIMISERS[self.schedule.optimiser](copy, self.schedule)
        for weight in copy.parameters():
            weight.grad = torch.zeros_like(weight)
        if begun:
            optimiser.step()
        return weights | _states(optimiser) | {"total": self.total}


def rate(schedule: Schedule, iteration: int) -> float:
    """The learning rate of an iteration."""
    if schedule.decay == "constant":
        return schedule.rate
    return schedule.rate * 0.5 * (1 + math.cos(math.pi * iteration / schedule.iterations))


def _sgd(network: Network, schedule: Schedule) -> torch.optim.Optimizer:
    decay = schedule.weight_decay
    return torch.optim.SGD(network.parameters(), schedule.rate, schedule.momentum, weight_decay=decay)


def _adam(network: Network, schedule: Schedule) -> torch.optim.Optimizer:
    return torch.optim.AdamW(network.parameters(), schedule.rate, weight_decay=schedule.weight_decay)


def _soap(network: Network, schedule: Schedule) -> torch.optim.Optimizer:
    return Soap(network.parameters(), schedule.rate, schedule.weight_decay)


OPTIMISERS: dict[str, Callable[[Network, Schedule], torch.optim.Optimizer]] = {
    "sgd": _sgd,
    "adam": _adam,
    "soap": _soap,
}


def _states(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimiser keeps of each weight, by names in a file."""
    states = optimiser.state_dict()["state"].items()
    return {f"optimiser.{number}.{name}": value for number, state in states for name, value in state.items()}


def _means(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _commit() -> str | None:
    """Of the source that is run, where that is a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
