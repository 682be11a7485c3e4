"""What a differentiable verb is to its bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from propmat._batching._arguments import (
    Argument,
    Array,
    Shape,
)
from propmat._on_device import FUNCTIONS
from propmat.adjoint import _pullback
from propmat.laplacian._closed_form import check_window

Option = int | str
Options = Mapping[str, Option]
Reader = Callable[[object], Option]  # of an option; raises `InputError`
Pose = Callable[..., tuple[Array, _pullback.Pullback]]


class Pullback(Protocol):
    """dℓ/dα of one image → gradients of ℓ by name, of `wanted` arguments alone."""

    def __call__(self, gradient: Array, wanted: Iterable[str] | None = None) -> _pullback.Gradients: ...


@dataclass(frozen=True, eq=False)
class Tall:
    """How a verb solves several images at once, as one tall image.

    Attributes
    ----------
    pose : callable (parts, *, solver, **arguments) -> (alpha, pullback)
        See `_poses`: `parts` are the images, one above the other, and arguments as high as all of them.
    alike : tuple of str
        Arguments that must be one number for all images.
    options : mapping
        Options that must have these values.
    """

    pose: Pose
    alike: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Verb:
    """A differentiable verb.

    Attributes
    ----------
    name : str
        As users and `_on_device` call it.
    function : callable (**arguments, **options, solver) -> (alpha, pullback)
        Of one image, in the layout of NumPy.
    arguments : tuple of Argument
        The first has the size of the image, and the precision of alpha.
    optional : tuple of str
        Arguments that may be None, and are then not passed on.
    size : callable (arguments) -> (height, width)
        Of one image, of arguments that it checks.
    options : mapping of callables
        What else it takes, each with what reads it or refuses it.
    constant : tuple of str
        Arguments that have no gradient.
    of_any_size : tuple of str
        Maps whose height and width are not those of the image.
    windows : bool
        Whether the image must hold a window of `radius`, 1 if that is no option.
    tall : Tall, optional
        How several images are solved at once, where that is possible.
    """

    name: str
    function: Callable[..., tuple[Array, Pullback]]
    arguments: tuple[Argument, ...]
    optional: tuple[str, ...]
    size: Callable[[Mapping[str, object]], Shape]
    options: Mapping[str, Reader] = field(default_factory=dict)
    constant: tuple[str, ...] = ("trimap",)
    of_any_size: tuple[str, ...] = ()
    windows: bool = False
    tall: Tall | None = None

    @property
    def on_device(self) -> bool:
        """Whether it runs where its arrays are on a GPU."""
        return self.name in FUNCTIONS.on_device

    def given(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """The arguments without those that are None and may be."""
        return {name: value for name, value in arguments.items() if value is not None or name not in self.optional}

    def read(self, options: Mapping[str, object]) -> dict[str, Option]:
        """The options as the verb of NumPy takes them.

        Raises
        ------
        InputError
            If one of them is something else.
        """
        return {name: self.options[name](value) for name, value in options.items()}

    def check(self, arguments: Mapping[str, object], options: Options) -> None:
        """Refuse the arguments of one image that are not as the verbs of NumPy take them.

        Raises
        ------
        InputError
            It names the argument.
        """
        shape = self.size(arguments)
        if self.windows:
            self.check_window(shape, options)
        for argument in self.arguments:
            if argument.name in arguments and argument.check is not None:
                argument.check(arguments[argument.name], argument.name, shape)

    def check_window(self, shape: Shape, options: Options) -> None:
        """Refuse an image that is smaller than a window."""
        check_window(shape, int(options.get("radius", 1)))
