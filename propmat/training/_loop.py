"""The loop: steps, a log, checkpoints that go on to the same result, validation, and the curves."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from propmat._version import __version__
from propmat.errors import InputError, PropmatError, refused_as
from propmat.io._locking import locked
from propmat.io._replacing import replace_file
from propmat.networks._weights import save_weights
from propmat.training import _checkpoint, _processes
from propmat.training._config import Config, check_config
from propmat.training._curves import draw_curves
from propmat.training._problems import load

Record = dict[str, Any]

Progress = Callable[..., Iterable[Any]]


def train(config: Config, device: str | None = None, progress: Progress = iter) -> Path:
    """Train on the problems that `prepare` left in the cache, from the last checkpoint on if there is one.

    In ``config.output`` lie then log.jsonl, curves.png, checkpoint.safetensors and weights.safetensors. While it
    lasts, no other training can work in that folder. In processes that ``torchrun`` started, each batch is shared by
    them; the folders must be the same for all.

    Parameters
    ----------
    config : Config
    device : str, optional
        "cpu" or "cuda"; cuda where there is one, under ``torchrun`` one for each process.
    progress : callable, optional
        Wraps the iterations, as tqdm does.

    Returns
    -------
    Path
        The weights.

    Raises
    ------
    InputError
        If the cache lacks the problems, the output is of another training or another process is at work there,
        there is no such device, or a batch cannot be shared equally by all processes.
    PropmatError
        If a loss is no longer finite.

    Examples
    --------
    >>> from propmat.networks import DeepMattePropNet, load_weights
    >>> from propmat.training import prepare, read_config, train
    >>> settings = '''
    ... network = "deep_matte_prop_net"
    ... preset = "small"
    ... options = {width = 32}
    ... cache = "problems"
    ... output = "trained"
    ... held_out = ["synthetic-1"]
    ... data = [{source = "synthetic", count = 2, shape = [48, 64]}]
    ... training = {iterations = 1, batch = 1, crop = 32}
    ... '''
    >>> with open("small.toml", "w") as file:
    ...     _ = file.write(settings)
    >>> config = read_config("small.toml")
    >>> prepare(config)
    >>> network, facts = load_weights(train(config, "cpu"), DeepMattePropNet)
    >>> facts["data"], list(facts["metrics"]["deep_matte_prop_net"])
    (['synthetic-0'], ['sad', 'mse'])
    """
    check_config(config)
    place = device_of(device)
    with _processes.joined(place), _processes.by_first(locked(config.output, "output")):
        _processes.check_batch(config.schedule.batch)
        run = Run(config, place)
        for _ in progress(range(run.iteration, config.schedule.iterations)):
            run.step()
        return run.finish()


def device_of(name: str | None) -> torch.device:
    """The device of a name that is there; by default a GPU where there is one."""
    if name is None:
        return torch.device(f"cuda:{_processes.local_rank()}" if torch.cuda.is_available() else "cpu")
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
        self.task = config.task(config.build().train(), train, config.schedule, config.seed, device)
        self.optimisers = self.task.optimisers()
        self.totals = {name: torch.zeros((), device=device) for name in self.task.losses}
        self.state = _checkpoint.State(self.task, self.optimisers, self.totals)
        self.iteration = 0
        self.since = time.perf_counter()
        self.checkpoint = config.output / "checkpoint.safetensors"
        self.log: list[Record] = []
        if self.checkpoint.exists():
            self.iteration, lines = _checkpoint.resume(
                self.checkpoint, self.state, config.digest(), self.schedule.iterations
            )
            self._resume_log(lines)
        elif _processes.is_first():
            (config.output / "log.jsonl").unlink(missing_ok=True)
        _processes.check_agreement(self.iteration, device)

    def step(self) -> None:
        """One step of the task, and whatever is due after it."""
        for name, loss in self.task.step(self.optimisers, self.iteration).items():
            self.totals[name] += _processes.mean(loss)
        self.iteration += 1
        if self._due(self.schedule.log_every):
            self._note_losses()
        if not _processes.is_first():
            return
        if self._due(self.schedule.validate_every):
            self._validate()
        if self._due(self.schedule.checkpoint_every):
            draw_curves(self.log, self.config.output / "curves.png")
            _checkpoint.save(self.checkpoint, self.state, self.config.digest(), self.iteration, len(self.log))

    def finish(self) -> Path:
        """Write the weights, with all that is to be known about them."""
        weights = self.config.output / "weights.safetensors"
        if not _processes.is_first():
            return weights
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
        save_weights(weights, self.task.trained, facts)
        return weights

    def _due(self, every: int) -> bool:
        return self.iteration % every == 0 or self.iteration == self.schedule.iterations

    def _note_losses(self) -> None:
        """The means of the losses since the last record, the rates of the last step, and the time of one."""
        before = next((record["iteration"] for record in reversed(self.log) if "losses" in record), 0)
        steps = self.iteration - before
        losses = {name: float(total) / steps for name, total in self.totals.items()}
        for name, loss in losses.items():
            if not math.isfinite(loss):
                raise PropmatError(
                    f"training: the loss {name} is {loss} after {self.iteration} iterations; take a smaller rate"
                )
            self.totals[name].zero_()
        rates = {name: optimiser.param_groups[0]["lr"] for name, optimiser in self.optimisers.items()}
        now = time.perf_counter()
        seconds = round((now - self.since) / steps, 5)
        self.since = now
        self._note({"losses": losses, "rates": rates, "seconds_per_iteration": seconds})

    def _validate(self) -> None:
        if self.kept:
            self._note({"validation": self.task.validate(self.kept)})
            self.since = time.perf_counter()

    def _note(self, record: Record) -> None:
        self.log.append({"iteration": self.iteration} | record)
        if not _processes.is_first():
            return
        with open(self.config.output / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(self.log[-1]) + "\n")

    def _resume_log(self, count: int) -> None:
        """Keep so many lines: what came after the checkpoint comes again."""
        path = self.config.output / "log.jsonl"
        with refused_as(InputError, f"output: cannot read {path}, which goes with checkpoint.safetensors"):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:count]
            self.log = [dict(json.loads(line)) for line in lines]
        if len(lines) < count:
            raise InputError(f"output: {path} has {len(lines)} lines, at the checkpoint it had {count}")
        if _processes.is_first():
            replace_file(path, "".join(lines).encode())


def _commit() -> str | None:
    """Of the source that is run, where that is a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
