"""What the loop needs of the training of one network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from propmat.networks._network import Network
from propmat.training._problem import Array, Problem
from propmat.training._processes import replicated
from propmat.training._schedule import Schedule

Scores = dict[str, float]


class Task(nn.Module, ABC):
    """The training of one network: what it draws, which losses it descends, what becomes of the weights.

    A task is a module, and all of its modules and buffers are kept in checkpoints: the network, and beside it a
    discriminator, say, or an average of the weights. What it draws at an iteration follows from the seed and the
    number of the iteration alone, so that a training goes on from a checkpoint as if it had not been stopped.

    Parameters
    ----------
    network : Network
        With its first weights.
    problems : sequence of Problem
        To train on.
    schedule : Schedule
        Of the class `settings`.
    seed : int
    device : torch.device

    Attributes
    ----------
    kind : type
        The class of the network.
    settings : type
        `Schedule` with the fields that this task adds.
    schedules : dict
        By the names that configurations have for them: the paper's as "faithful", and "fast", the default.
    losses : tuple of str
        Names of what `step` returns.
    predict : callable
        `network` for steps: its gradients become the means of all processes that train together.
    """

    kind: ClassVar[type[Network]]
    settings: ClassVar[type[Schedule]]
    schedules: ClassVar[Mapping[str, Schedule]]
    losses: ClassVar[tuple[str, ...]]

    network: Network

    def __init__(
        self, network: Network, problems: Sequence[Problem], schedule: Schedule, seed: int, device: torch.device
    ) -> None:
        super().__init__()
        # Channels last: a third faster on CPUs.
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.predict = replicated(self.network)

    @abstractmethod
    def optimisers(self) -> dict[str, Optimizer]:
        """New optimisers by name, each over the weights that it moves."""

    @abstractmethod
    def step(self, optimisers: Mapping[str, Optimizer], iteration: int) -> dict[str, Tensor]:
        """Draw the batch of an iteration and move the weights; return all `losses`, detached, of one element each.

        Of several processes each works on its `share` of the batch; losses are means over it, weighted so that their
        mean over the processes is the loss of the batch.
        """

    @abstractmethod
    def matte(self, problem: Problem) -> Array:
        """Alpha (H, W) of a whole problem by `trained`."""

    @property
    def trained(self) -> Network:
        """The network whose weights are the result."""
        return self.network

    def validate(self, problems: Sequence[Problem]) -> dict[str, Scores]:
        """Mean errors over problems that are held out, beside those of the mattes that they come with."""
        self.eval()
        scores = [problem.scores(self.matte(problem)) for problem in problems]
        self.train()
        mattes = {
            name: means([problem.scores(problem.whole(problem.mattes[k])) for problem in problems])
            for k, name in enumerate(self.network.mattes)
        }
        return {self.kind.name: means(scores)} | mattes


def means(scores: Sequence[Scores]) -> Scores:
    """The mean of each score."""
    return {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
