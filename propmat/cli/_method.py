"""The method that was asked for, with its settings, and what is told of its answer."""

from __future__ import annotations

import argparse
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from propmat._backend import to_device, to_host
from propmat._solve import Matte, solve
from propmat.cli._progress import solving
from propmat.errors import InputError
from propmat.matting import METHODS
from propmat.trimap import Trimap

Array = NDArray[np.float64]

# Methods of `propmat.networks`, which needs PyTorch.
NETWORKS = ("dcnn", "deep_matte_prop_net")
SETTINGS = ("epsilon", "radius", "weights")


class Answer(NamedTuple):
    """The matte of a network; there is no residual to tell."""

    alpha: Array
    seconds: float


@dataclass(frozen=True)
class Method:
    """A method by name. `verb` poses its problem, (graph, prior), or answers it if it is a network."""

    name: str
    verb: Callable[..., Any]
    settings: dict[str, Any] = field(default_factory=dict)
    gpu: bool = False

    @classmethod
    def asked_for(cls, arguments: argparse.Namespace) -> Method:
        """The method of the arguments, which are checked against each other."""
        name = arguments.method
        if arguments.gpu and name in NETWORKS:
            raise InputError(f"gpu: the method {name} does not take it; leave it out")
        verb = _network(name) if name in NETWORKS else METHODS[name]
        settings = {key: getattr(arguments, key) for key in SETTINGS if getattr(arguments, key) is not None}
        for key in settings.keys() - inspect.signature(verb).parameters:
            raise InputError(f"{key}: the method {name} has no such setting; leave it out")
        return cls(name, verb, settings, arguments.gpu)

    def solve(self, image: Array, labels: Trimap) -> Matte | Answer:
        """The matte and how it went."""
        start = time.perf_counter()
        if self.name in NETWORKS:
            return Answer(self.verb(image, labels, **self.settings), time.perf_counter() - start)
        if self.gpu:
            image, labels = to_device(image), Trimap(to_device(labels.foreground), to_device(labels.background))
        graph, prior = self.verb(image, labels, **self.settings)
        with solving() as callback:
            matte = solve(graph, labels, prior=prior, callback=callback)
        return replace(matte, alpha=to_host(matte.alpha), seconds=time.perf_counter() - start)


def told(labels: Trimap, solution: Matte | Answer, seconds: float) -> str:
    """Size, unknown pixels, iterations, residual, times, and what is odd about the trimap."""
    height, width = labels.shape
    how = []
    if isinstance(solution, Matte):
        how = [f"iterations   {solution.iterations}", f"residual     {solution.residual:.1e}"]
    return "\n".join(
        [
            f"size         {width} x {height} pixels",
            f"unknown      {labels.unknown.mean():.1%}, {np.count_nonzero(labels.unknown)} pixels",
            *how,
            f"seconds      {solution.seconds:.2f} for the matte, {seconds:.2f} in all",
            *(f"odd          {sentence}" for sentence in labels.check()),
        ]
    )


def _network(name: str) -> Callable[..., Any]:
    from propmat import networks

    verb: Callable[..., Any] = getattr(networks, name)
    return verb
