"""The table of all methods that compute alpha from an image and a trimap."""

from __future__ import annotations

import importlib
import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from propmat import _inputs
from propmat._solve._matte import Matte
from propmat._trimap import Trimap
from propmat._typing import ArrayLike
from propmat.errors import InputError
from propmat.matting import (
    _closed_form,
    _comprehensive_sampling,
    _information_flow,
    _knn,
    _large_kernel,
    _learning_based,
    _random_walk,
    _shared_sampling,
)
from propmat.matting._posed import Pose
from propmat.matting._solved import solved
from propmat.solvers._base import Callback, Solver, Status


class Method(Protocol):
    """A function from image and trimap to a matte.

    Attributes
    ----------
    about : str
        One line about the method.
    settings : tuple of str
        Its keyword arguments.
    needs_trimap : bool
        Whether there must be a trimap.
    """

    @property
    def about(self) -> str: ...

    @property
    def settings(self) -> tuple[str, ...]: ...

    @property
    def needs_trimap(self) -> bool: ...

    def __call__(
        self,
        image: ArrayLike,
        trimap: ArrayLike | Trimap | None,
        *,
        solver: Solver | None = None,
        callback: Callback | None = None,
        **settings: Any,
    ) -> Matte: ...


@dataclass(frozen=True)
class PosedMethod:
    """A method that solves one linear system, given by its function `pose`."""

    about: str
    pose: Pose

    needs_trimap: ClassVar[bool] = True

    @property
    def settings(self) -> tuple[str, ...]:
        return _keywords(self.pose)

    def __call__(
        self,
        image: ArrayLike,
        trimap: ArrayLike | Trimap | None,
        *,
        solver: Solver | None = None,
        callback: Callback | None = None,
        **settings: Any,
    ) -> Matte:
        return solved(self.pose, image, trimap, solver, callback, **settings)


@dataclass(frozen=True)
class NetworkMethod:
    """A network: a function of `propmat.networks`, which is imported when it is needed."""

    about: str
    name: str
    settings: tuple[str, ...] = ("weights", "keep_labels")  # of every network; wrong ones are refused without PyTorch
    needs_trimap: bool = True
    in_steps: bool = False  # whether it takes a callback, of the step and the share of the steps that are left

    def __call__(
        self,
        image: ArrayLike,
        trimap: ArrayLike | Trimap | None,
        *,
        solver: Solver | None = None,
        callback: Callback | None = None,
        **settings: Any,
    ) -> Matte:
        for name, given in {"solver": solver, "callback": callback}.items():
            if given is not None and not (self.in_steps and name == "callback"):
                raise InputError(f"{name}: the method {self.name} does not take it; leave it out")
        if callback is not None:
            settings["callback"] = callback
        start = time.perf_counter()
        alpha = self._network()(image, trimap, **settings)
        return Matte(alpha.ravel(), Status.converged, 0, np.nan, time.perf_counter() - start, alpha)

    def _network(self) -> Callable[..., np.ndarray]:
        network: Callable[..., np.ndarray] = getattr(importlib.import_module("propmat.networks"), self.name)
        return network


def _keywords(function: Callable[..., object]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)


POSED = {
    "closed_form": PosedMethod("alpha is nearly affine in colour within small windows; the fastest", _closed_form.pose),
    "knn": PosedMethod("pixels of similar colour, near or far, have similar alpha", _knn.pose),
    "learning_based": PosedMethod(
        "alpha is predicted from colour by linear models of small windows", _learning_based.pose
    ),
    "large_kernel": PosedMethod("the closed form with wide windows, matrix-free", _large_kernel.pose),
    "random_walk": PosedMethod("alpha is the probability that a random walk ends in the foreground", _random_walk.pose),
    "comprehensive_sampling": PosedMethod(
        "alpha from all pairs of known colours, smoothed by the closed form", _comprehensive_sampling.pose
    ),
    "information_flow": PosedMethod(
        "colour mixtures, similar and adjacent pixels in one system", _information_flow.pose
    ),
    "shared_sampling": PosedMethod(
        "alpha from sampled colours that neighbours share, smoothed likewise", _shared_sampling.pose
    ),
}
NETWORKS = {
    "alphagan": NetworkMethod("a network answers alpha, trained against one that judges composites", "alphagan"),
    "dcnn": NetworkMethod("a network that merges the mattes of other methods", "dcnn"),
    "deep_matte_prop_net": NetworkMethod(
        "a network learns what labels are propagated along, and which mattes to trust", "deep_matte_prop_net"
    ),
    "diffmatte": NetworkMethod(
        "a network takes noise out of alpha, in several steps",
        "diffmatte",
        ("weights", "keep_labels", "steps", "seed", "sampler", "start", "projection"),
        in_steps=True,
    ),
    "late_fusion": NetworkMethod(
        "a network finds the salient object; needs no trimap",
        "late_fusion",
        ("weights", "keep_labels", "refine"),
        needs_trimap=False,
    ),
}
LIMITS = {"steps": (1, 1000), "seed": (0, 2**63 - 1)}  # of whole numbers that a network takes
USUAL, WIDEST = 10, 1000  # radii of windows: none is wider if not asked for, and none if checked by a picture
METHODS: Mapping[str, Method] = {**POSED, **NETWORKS}


def named(method: str, settings: Iterable[str] = ()) -> Method:
    """The method of a given name, after a check that it has settings of these names.

    Raises
    ------
    InputError
        If there is no such method, or it takes no such setting.
    """
    found = METHODS[_inputs.choice(method, "method", METHODS)]
    for name in settings:
        if name not in found.settings:
            takes = ", ".join(found.settings) or "none"
            raise InputError(f"{name}: the method {method} has no such setting; takes {takes}")
    return found


def check_values(method: str, settings: Mapping[str, Any], shape: tuple[int, int] | None = None) -> None:
    """Refuse values that a method does not take, as far as its system of a black picture of one window tells.

    If the height and width of the pictures are given, they are refused if smaller than a window.
    """
    for name in LIMITS.keys() & settings.keys():
        _inputs.integer(settings[name], name, *LIMITS[name])
    if method in POSED and (settings or shape is not None):
        side = 2 * min(_inputs.whole_number(settings.get("radius", USUAL), "radius"), WIDEST) + 1
        height, width = (side, side) if shape is None else (min(side, length) for length in shape)
        labels = np.full((height, width), 0.5)
        labels[0], labels[-1] = 0, 1
        POSED[method].pose(np.zeros((height, width, 3)), Trimap.parse(labels), **settings)
