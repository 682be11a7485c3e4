"""Gradients with respect to the arguments of a method from the gradient with respect to alpha."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import cast

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._backend import guarded, on_device
from propmat._cached import cached_property
from propmat._solve._prepared import Prepared
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError, shown
from propmat.laplacian._contract import Laplacian
from propmat.solvers._answers import solved

# Rounding and the solver's tolerance leave alpha this far outside [0, 1] where it lies on the border; a gradient
# passes there as it does inside.
CLIP_SLACK = 1e-6


class Gradients(SimpleNamespace):
    """Gradients as attributes, named after arguments and each of the shape of its argument."""


@dataclass(frozen=True, eq=False)
class Pullback:
    """The function from dℓ/dα of a scalar ℓ to the gradients of ℓ. It keeps the matrix, the solver's set-up and alpha.

    Arguments that are arrays of float64 are kept without a copy: do not write to them before it has been called.

    Attributes
    ----------
    parameters : tuple of str
        The names of the gradients.
    graph : Laplacian
        L.
    trimap : Trimap
        Which pixels are known.
    values : (H, W) array of float64
        The values that known pixels are held to.
    sources : mapping of str to str
        For each name of an argument that of its gradient within `graph` and the constraints.
    shapes : mapping of str to tuple of int
        The shapes of arguments that are not (H, W).
    alpha : (H, W) array of float64
        The solution, not clipped.
    setup : propmat.Prepared, callable () -> Prepared, or None
        The system and its solver, or how to prepare them; None if no pixel is unknown.
    prepared : propmat.Prepared or None
        The same, prepared when it is first asked for.
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
    def __call__(self, gradient: ArrayLike, wanted: Iterable[str] | None = None) -> Gradients:
        """Solve A λ = dℓ/dα and return the gradients of ℓ.

        Parameters
        ----------
        gradient : (H, W) array or float
            dℓ/dα; a number is the same for all pixels.
        wanted : iterable of str, optional
            Which of `parameters` to compute; all by default.

        Returns
        -------
        Gradients

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
        memory = {"trimap": self.trimap.known}
        upstream = _inputs.real_map(gradient, "gradient", self.trimap.shape, memory=memory) * passes_clip(self.alpha)
        with guarded(upstream):
            adjoint = self._adjoint(upstream)
            constraints = self._constraints(upstream, adjoint)
            sources = [self.sources[name] for name in names]
            found = self.graph.pullback(adjoint, self.alpha, [name for name in sources if name not in constraints])
            found |= {name: constraints[name]() for name in sources if name in constraints}
            return Gradients(**{name: self._fitted(name, found[self.sources[name]]) for name in names})

    def reshaped(self, **shapes: tuple[int, ...]) -> Pullback:
        """The same pullback with gradients in the shapes that arguments were given in.

        Parameters
        ----------
        **shapes : tuple of int
            By name of the argument.

        Returns
        -------
        Pullback
        """
        return replace(self, shapes={**self.shapes, **shapes})

    def renamed(self, **names: str) -> Pullback:
        """The same pullback with gradients named after the arguments of a method.

        Parameters
        ----------
        **names : str
            The new name for each old one.

        Returns
        -------
        Pullback
        """
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
            solution = solved(self.prepared.solve_linear, system.restrict(upstream))
            solution.check(self.prepared.solver.strict)
            adjoint[system.solved_for] = solution.x
        return adjoint

    def _constraints(self, upstream: Array, adjoint: Array) -> dict[str, Callable[[], Array]]:
        """The gradients of the terms of the right-hand side and the diagonal, each as a function."""
        if self.prepared is None:
            nothing = np.zeros_like(upstream)
            return {"values": lambda: upstream, "prior": lambda: nothing, "prior_confidence": lambda: nothing}
        system, known = self.prepared.system, self.trimap.known
        prior = self.values if self.prepared.prior is None else self.prepared.prior  # any: its gradient has no name
        return {
            "values": lambda: np.where(
                system.solved_for, system.confidence * adjoint, upstream - system.laplacian.times(adjoint)
            ),
            "confidence": lambda: np.where(known, adjoint * (self.values - self.alpha), 0.0),
            "prior": lambda: system.prior_confidence * adjoint,
            "prior_confidence": lambda: adjoint * (prior - self.alpha),
        }

    def _fitted(self, name: str, gradient: object) -> object:
        shape = self.shapes.get(name)
        if shape is None or not (isinstance(gradient, np.ndarray) or on_device(gradient)):
            return gradient
        array = cast(Array, gradient)
        return float(array.sum()) if shape == () else array.reshape(shape)


def wanted_names(wanted: Iterable[str] | None, parameters: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the gradients to compute, all by default; refuses what is no such name."""
    if wanted is None:
        return parameters
    takes = f"a list of names out of {', '.join(parameters)}"
    if isinstance(wanted, str):
        raise InputError(f"wanted: takes {takes}, got {shown(wanted)}")
    names = tuple(_inputs.several(wanted, "wanted", takes))
    _inputs.known_names(names, parameters, "wanted", "gradient")
    return names


def passes_clip(alpha: Array) -> Mask:
    """Where clipping to [0, 1] does not change alpha."""
    return (alpha >= -CLIP_SLACK) & (alpha <= 1 + CLIP_SLACK)
