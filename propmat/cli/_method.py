"""The method of a command with its settings, and the report on its matte."""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from propmat import _inputs
from propmat._backend import to_device, to_host
from propmat._solve._matte import Matte
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.cli import _masks
from propmat.cli._progress import solving
from propmat.errors import InputError
from propmat.matting._matte import matte, named
from propmat.matting._methods import NETWORKS
from propmat.matting._upsample import EPSILON, SOLVER, enlarged_matte

DEFAULT = "closed_form"
SETTINGS = ("epsilon", "radius", "weights")


@dataclass(frozen=True)
class Method:
    """A method by name, and how it is to be called."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    gpu: bool = False

    @classmethod
    def asked_for(cls, arguments: argparse.Namespace) -> Method | Upsampling:
        """The method that the arguments name, checked together with its settings."""
        if arguments.matte is not None:
            return Upsampling.asked_for(arguments)
        name = arguments.method
        if arguments.gpu and name in NETWORKS:
            raise InputError(f"gpu: the method {name} does not take it; leave it out")
        settings = {key: getattr(arguments, key) for key in SETTINGS if getattr(arguments, key) is not None}
        named(name, settings)
        return cls(name, settings, arguments.gpu)

    def solve(self, image: Array, labels: Trimap) -> Matte:
        """The matte and how it went."""
        start = time.perf_counter()
        if self.name in NETWORKS:
            return matte(self.name, image, labels, **self.settings)
        if self.gpu:
            image, labels = to_device(image), Trimap(to_device(labels.foreground), to_device(labels.background))
        with solving() as callback:
            found = matte(self.name, image, labels, callback=callback, **self.settings)
        return replace(found, alpha=to_host(found.alpha), seconds=time.perf_counter() - start)


@dataclass(frozen=True)
class Upsampling:
    """`propmat.upsample` of a matte that was read from a file."""

    path: str
    epsilon: float = EPSILON

    @classmethod
    def asked_for(cls, arguments: argparse.Namespace) -> Upsampling:
        """The call that the arguments ask for, checked before the file is read."""
        refused = [name for name in ("radius", "weights", "gpu") if getattr(arguments, name)]
        if arguments.method != DEFAULT:
            refused.append("method")
        if refused:
            raise InputError(f"{refused[0]}: does not go with --matte, which is upsampled; leave it out")
        if arguments.epsilon is None:
            return cls(arguments.matte)
        return cls(arguments.matte, _inputs.positive(arguments.epsilon, "epsilon"))

    def solve(self, image: Array, labels: Trimap) -> Matte:
        """The matte and how it went."""
        small = _masks.small_matte(self.path, labels.shape)
        with solving(SOLVER.rtol) as callback:
            return enlarged_matte(image, small, trimap=labels, callback=callback, epsilon=self.epsilon)


def told(labels: Trimap, solution: Matte, seconds: float) -> str:
    """Size, unknown pixels, iterations, residual, times, and likely mistakes in a trimap, a line each."""
    height, width = labels.shape
    how = [f"iterations   {solution.iterations}", f"residual     {solution.residual:.1e}"]
    unknown = f"unknown      {labels.unknown.mean():.1%}, {np.count_nonzero(labels.unknown)} pixels"
    return "\n".join(
        [
            f"size         {width} x {height} pixels",
            *([unknown] if labels.known.any() else []),  # beside a matte there need not be a trimap
            *([] if math.isnan(solution.residual) else how),  # of a network there are none
            f"seconds      {solution.seconds:.2f} for the matte, {seconds:.2f} in all",
            *(f"odd          {sentence}" for sentence in (labels.check() if labels.known.any() else ())),
        ]
    )
