"""The method of a command with its settings, and the report on its matte."""

from __future__ import annotations

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat._backend import to_device, to_host
from propmat._photographs._making import Solving
from propmat._solve._matte import Matte
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.errors import InputError
from propmat.matting._methods import NETWORKS, named
from propmat.solvers._auto import Chosen
from propmat.solvers._base import Callback, Solver

FOR_8_BITS = 1e-3  # error of alpha; half a step is 2e-3
SETTINGS = ("epsilon", "radius", "weights")


@dataclass(frozen=True)
class Method:
    """A method by name, and how it is to be called."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    gpu: bool = False

    def check(self) -> None:
        """Refuse an unknown method, a setting that it does not take, and a GPU for a network or where there is none."""
        if self.gpu and self.name in NETWORKS:
            raise InputError(f"gpu: the method {self.name} does not take it; leave it out")
        if self.gpu:
            to_device(np.zeros(1))  # raises if there is no GPU, before pictures are read
        named(self.name, self.settings)

    def solve(self, image: Array, labels: Trimap, depth: int, solving: Solving = nullcontext) -> Matte:
        """The matte, as accurate as `depth` bits ask for, and how it went.

        `solving` gives the callback of the solver, which networks have none of.
        """
        start = time.perf_counter()
        if self.name in NETWORKS:
            return self._call(image, labels)
        if self.gpu:
            image, labels = to_device(image), Trimap(to_device(labels.foreground), to_device(labels.background))
        solver = Chosen(FOR_8_BITS) if depth == 8 else None
        with solving() as callback:
            found = self._call(image, labels, solver, callback)
        return replace(found, alpha=to_host(found.alpha), seconds=time.perf_counter() - start)

    @usual_arithmetic
    def _call(
        self, image: Array, labels: Trimap, solver: Solver | None = None, callback: Callback | None = None
    ) -> Matte:
        return named(self.name, self.settings)(image, labels, solver=solver, callback=callback, **self.settings)


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
