"""The method of a command with its settings, and the report on its matte."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from propmat._backend import to_device, to_host
from propmat._solve._matte import Matte
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.cli._progress import solving
from propmat.errors import InputError
from propmat.matting._matte import matte, named
from propmat.matting._methods import NETWORKS
from propmat.solvers._auto import Chosen

FOR_8_BITS = 1e-3  # error of alpha; half a step is 2e-3
SETTINGS = ("epsilon", "radius", "weights")


@dataclass(frozen=True)
class Method:
    """A method by name, and how it is to be called."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    gpu: bool = False

    @classmethod
    def asked_for(cls, arguments: argparse.Namespace) -> Method:
        """The method that the arguments name, checked together with its settings."""
        name = arguments.method
        if arguments.gpu and name in NETWORKS:
            raise InputError(f"gpu: the method {name} does not take it; leave it out")
        settings = {key: getattr(arguments, key) for key in SETTINGS if getattr(arguments, key) is not None}
        named(name, settings)
        return cls(name, settings, arguments.gpu)

    def solve(self, image: Array, labels: Trimap, depth: int) -> Matte:
        """The matte, as accurate as `depth` bits ask for, and how it went."""
        start = time.perf_counter()
        if self.name in NETWORKS:
            return matte(self.name, image, labels, **self.settings)
        if self.gpu:
            image, labels = to_device(image), Trimap(to_device(labels.foreground), to_device(labels.background))
        solver = Chosen(FOR_8_BITS) if depth == 8 else None
        with solving() as callback:
            found = matte(self.name, image, labels, solver=solver, callback=callback, **self.settings)
        return replace(found, alpha=to_host(found.alpha), seconds=time.perf_counter() - start)


def told(labels: Trimap, solution: Matte, depth: int, seconds: float) -> str:
    """Size, unknown pixels, iterations, residual, error, times, and likely mistakes in the trimap, a line each."""
    height, width = labels.shape
    enough = f", enough for 8 bits below {FOR_8_BITS:g}" if depth == 8 else ""
    how = [
        f"iterations   {solution.iterations}",
        f"residual     {solution.residual:.1e}",
        f"error        {solution.error:.1e} of alpha, estimated{enough}",
    ]
    return "\n".join(
        [
            f"size         {width} x {height} pixels",
            f"unknown      {labels.unknown.mean():.1%}, {np.count_nonzero(labels.unknown)} pixels",
            *([] if math.isnan(solution.residual) else how),  # of a network there are none
            f"seconds      {solution.seconds:.2f} for the matte, {seconds:.2f} in all",
            *(f"odd          {sentence}" for sentence in labels.check()),
        ]
    )
