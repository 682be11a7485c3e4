"""The method of a command with its settings, and the report on its matte."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._backend import to_device, to_host
from propmat._photographs import _masks
from propmat._photographs._making import Solving, silently
from propmat._photographs._places import Place
from propmat._solve._matte import Matte
from propmat._trimap import Trimap
from propmat._typing import Array
from propmat.errors import InputError
from propmat.matting._methods import NETWORKS, named
from propmat.matting._upsample import EPSILON, enlarged_matte
from propmat.solvers._auto import Chosen
from propmat.solvers._base import Callback, Solver

FOR_8_BITS = 1e-3  # error of alpha; half a step is 2e-3
DEFAULT, WITHOUT_TRIMAP = "closed_form", "late_fusion"
SETTINGS = ("epsilon", "radius", "weights", "steps", "seed")


@dataclass(frozen=True)
class Method:
    """A method by name, and how it is to be called: `exact` for 8 bits too, where otherwise less is enough."""

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    gpu: bool = False
    exact: bool = False

    @property
    def needs_labels(self) -> bool:
        """Whether there must be a trimap or a mask."""
        return named(self.name).needs_trimap

    def check(self) -> None:
        """Refuse an unknown method, a setting that it does not take, and a GPU for a network or where there is none."""
        if self.gpu and self.name in NETWORKS:
            raise InputError(f"gpu: the method {self.name} does not take it; leave it out")
        if self.gpu:
            to_device(np.zeros(1))  # raises if there is no GPU, before pictures are read
        named(self.name, self.settings)

    def solve(self, image: Array, labels: Trimap, depth: int, solving: Solving = silently) -> Matte:
        """The matte, as accurate as `depth` bits ask for, and how it went.

        `solving` gives the callback of the solver, or of the steps of a network; one without steps has none.
        """
        start = time.perf_counter()
        if self.name in NETWORKS:
            with solving(in_steps=True) if NETWORKS[self.name].in_steps else silently() as callback:
                return self._call(image, labels, callback=callback)
        if self.gpu:
            image, labels = to_device(image), Trimap(to_device(labels.foreground), to_device(labels.background))
        solver = Chosen(FOR_8_BITS) if depth == 8 and not self.exact else None
        with solving() as callback:
            found = self._call(image, labels, solver, callback)
        return replace(found, alpha=to_host(found.alpha), seconds=time.perf_counter() - start)

    @usual_arithmetic
    def _call(
        self, image: Array, labels: Trimap, solver: Solver | None = None, callback: Callback | None = None
    ) -> Matte:
        return named(self.name, self.settings)(image, labels, solver=solver, callback=callback, **self.settings)


@dataclass(frozen=True)
class Upsampling:
    """`propmat.upsample` of the matte at a place; there need not be a trimap.

    Attributes
    ----------
    matte : Place
    asked : Method
        What else was asked for, of which only an epsilon goes with it.
    """

    matte: Place
    asked: Method

    needs_labels: ClassVar[bool] = False

    def check(self) -> None:
        """Refuse settings that it does not take."""
        others = [name for name in self.asked.settings if name != "epsilon"]
        others += ["gpu"] * self.asked.gpu + ["exact"] * self.asked.exact + ["method"] * (self.asked.name != DEFAULT)
        if others:
            raise InputError(f"{others[0]}: does not go with --matte, which is upsampled; leave it out")
        _inputs.positive(self._epsilon, "epsilon")

    def solve(self, image: Array, labels: Trimap, depth: int, solving: Solving = silently) -> Matte:
        """As `Method.solve`, to one accuracy for all depths."""
        small = _masks.small_matte(self.matte, labels.shape)
        with solving() as callback:
            return enlarged_matte(image, small, trimap=labels, epsilon=self._epsilon, callback=callback)

    @property
    def _epsilon(self) -> float:
        epsilon: float = self.asked.settings.get("epsilon", EPSILON)
        return epsilon


def told(labels: Trimap, solution: Matte, depth: int, seconds: float) -> str:
    """Size, unknown pixels, iterations, residual, error, times, and likely mistakes in the trimap, a line each."""
    height, width = labels.shape
    enough = f"; iterated to {FOR_8_BITS:g}, enough for 8 bits" if depth == 8 else ""
    how = [
        f"iterations   {solution.iterations}",
        f"residual     {solution.residual:.1e}",
        f"error        {solution.error:.1e} of alpha, estimated{enough}",
    ]
    unknown = f"unknown      {labels.unknown.mean():.1%}, {np.count_nonzero(labels.unknown)} pixels"
    return "\n".join(
        [
            f"size         {width} x {height} pixels",
            *([unknown] if labels.known.any() else []),  # beside a small matte there need not be a trimap
            *([] if math.isnan(solution.residual) else how),  # of a network there are none
            f"seconds      {solution.seconds:.2f} for the matte, {seconds:.2f} in all",
            *(f"odd          {sentence}" for sentence in (labels.check() if labels.known.any() else ())),
        ]
    )
