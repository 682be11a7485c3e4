"""From a gradient with respect to alpha to gradients with respect to all that alpha was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._backend import guarded, on_device
from propmat._cached import cached_property
from propmat._solve import Prepared
from propmat.errors import InputError, shown
from propmat.laplacian import Laplacian
from propmat.trimap import Trimap

Array = NDArray[np.float64]

# Rounding and the solver's tolerance leave alpha this far outside [0, 1] where it lies on the border; a gradient
# passes there as it does inside.
CLIP_SLACK = 1e-6


class Gradients(SimpleNamespace):
    """Gradients by name, each of the shape that its argument had."""


@dataclass(frozen=True, eq=False)
class Pullback:
    """Takes dℓ/dα of a scalar ℓ to the gradients of ℓ; it keeps the matrix, the solver's set-up and alpha.

    Arrays of float64 that were given are kept as they are, not copied: write to them only when it has been called.

    Attributes
    ----------
    parameters : tuple of str
        The gradients that there are.
    """

    graph: Laplacian
    trimap: Trimap
    values: Array = field(repr=False)
    sources: Mapping[str, str]  # name of an argument → name of its gradient here
    shapes: Mapping[str, tuple[int, ...]]  # of arguments that are not (H, W)
    alpha: Array = field(repr=False)  # not clipped
    setup: Prepared | Callable[[], Prepared] | None = field(repr=False)  # None where nothing is unknown

    @cached_property
    def prepared(self) -> Prepared | None:
        """The system and its solver, set up when first asked for where alpha needed no solve."""
        return self.setup() if callable(self.setup) else self.setup

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(self.sources)

    @usual_arithmetic
    def __call__(self, gradient: Any, wanted: Iterable[str] | None = None) -> Gradients:
        """Solve A λ = dℓ/dα and return the gradients of ℓ.

        Parameters
        ----------
        gradient : (H, W) array or float
            dℓ/dα.
        wanted : names, optional
            Which to compute; all by default.

        Raises
        ------
        InputError
            If the gradient is not an (H, W) map of finite numbers, or there is none of a wanted name.
        ConvergenceError
            If a solver with ``strict=True`` did not converge.

        Warns
        -----
        ConvergenceWarning
            If the solver did not converge; the gradients are those of its best λ.
        """
        names = wanted_names(wanted, self.parameters)
        beside = {"trimap": self.trimap.known}
        upstream = _inputs.real_map(gradient, "gradient", self.trimap.shape, beside=beside) * passes_clip(self.alpha)
        with guarded(upstream):
            adjoint = self._adjoint(upstream)
            constraints = self._constraints(upstream, adjoint)
            sources = [self.sources[name] for name in names]
            found = self.graph.pullback(adjoint, self.alpha, [name for name in sources if name not in constraints])
            found |= {name: constraints[name]() for name in sources if name in constraints}
            return Gradients(**{name: self._fitted(name, found[self.sources[name]]) for name in names})

    def reshaped(self, **shapes: tuple[int, ...]) -> Pullback:
        """With gradients in the shapes of arguments as they were given."""
        return replace(self, shapes={**self.shapes, **shapes})

    def renamed(self, **names: str) -> Pullback:
        """With gradients named after the arguments of a verb."""
        return replace(
            self,
            sources={names.get(name, name): source for name, source in self.sources.items()},
            shapes={names.get(name, name): shape for name, shape in self.shapes.items()},
        )

    def _adjoint(self, upstream: Array) -> Array:
        """λ, 0 on pixels that are not solved for."""
        adjoint = np.zeros_like(upstream)
        if self.prepared is not None:
            system = self.prepared.system
            solution = self.prepared.solve_linear(system.restrict(upstream))
            solution.check(self.prepared.solver.strict)
            adjoint[system.solved_for] = solution.x
        return adjoint

    def _constraints(self, upstream: Array, adjoint: Array) -> dict[str, Callable[[], Array]]:
        """The gradients of what the right-hand side and the diagonal hold."""
        if self.prepared is None:
            nothing = np.zeros_like(upstream)
            return {"values": lambda: upstream, "prior": lambda: nothing, "prior_confidence": lambda: nothing}
        system, known = self.prepared.system, self.trimap.known
        prior = self.values if self.prepared.prior is None else self.prepared.prior  # any: its gradient has no name
        return {
            "values": lambda: np.where(
                system.solved_for, system.held * adjoint, upstream - system.laplacian.times(adjoint)
            ),
            "confidence": lambda: np.where(known, adjoint * (self.values - self.alpha), 0.0),
            "prior": lambda: system.believed * adjoint,
            "prior_confidence": lambda: adjoint * (prior - self.alpha),
        }

    def _fitted(self, name: str, gradient: Any) -> Any:
        shape = self.shapes.get(name)
        if shape is None or not (isinstance(gradient, np.ndarray) or on_device(gradient)):
            return gradient
        return float(gradient.sum()) if shape == () else gradient.reshape(shape)


def wanted_names(wanted: Iterable[str] | None, parameters: tuple[str, ...]) -> tuple[str, ...]:
    """The gradients that are asked for, all of them by default."""
    if wanted is None:
        return parameters
    takes = f"a list of names out of {', '.join(parameters)}"
    if isinstance(wanted, str):
        raise InputError(f"wanted: takes {takes}, got {shown(wanted)}")
    names = tuple(_inputs.several(wanted, "wanted", takes))
    _inputs.known_names(names, parameters, "wanted", "gradient")
    return names


def passes_clip(alpha: Array) -> NDArray[np.bool_]:
    """Where clipping to [0, 1] leaves alpha as it is."""
    return (alpha >= -CLIP_SLACK) & (alpha <= 1 + CLIP_SLACK)
