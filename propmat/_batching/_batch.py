"""The arrays of a batch: those of several images by name, each with leading axes or shared by all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from propmat._batching._arguments import Argument, Array, Shape
from propmat._cached import cached_property

Index = tuple[int, ...]


def shape_of(leading: Mapping[str, Shape]) -> Shape:
    """The leading axes of a batch: those of the first argument that has any."""
    shapes = [shape for shape in leading.values() if shape]  # PyTorch 2.6 compiles no `next` with a default
    return shapes[0] if shapes else ()


@dataclass(frozen=True, eq=False)
class Batch:
    """The arguments of a verb for several images.

    Attributes
    ----------
    arrays : mapping of arrays
    axes : mapping of int
        How many of the last axes of an array belong to one image. Those before them are the batch's, or there are none
        and the images share the array.
    """

    arrays: Mapping[str, Array] = field(repr=False)
    axes: Mapping[str, int]

    @cached_property
    def leading(self) -> dict[str, Shape]:
        """The leading axes of every array."""
        return {name: array.shape[: array.ndim - self.axes[name]] for name, array in self.arrays.items()}

    @property
    def shape(self) -> Shape:
        """The leading axes of the batch."""
        return shape_of(self.leading)

    @property
    def like(self) -> Array:
        """An array that lies where all of them do."""
        return next(iter(self.arrays.values()))

    def size(self, first: Argument) -> tuple[int, int]:
        """Height and width of the images, told by one of their arrays."""
        height, width = self.arrays[first.name].shape[len(self.leading[first.name]) :][:2]
        return first.size(height, width)

    def images(self) -> dict[Index, dict[str, Array]]:
        """The arrays of every image."""
        return {
            index: {name: array[self.within(name, index)] for name, array in self.arrays.items()}
            for index in np.ndindex(self.shape)
        }

    def within(self, name: str, index: Index) -> Index:
        """Where an image has its part of an array: all of what the images share."""
        return index if self.leading[name] else ()


class BatchPullback(Protocol):
    """dℓ/dα of a batch → gradients of ℓ, in float64 and the shapes of the arrays.

    The gradient of what images share is summed over them.
    """

    @property
    def batch(self) -> Batch: ...

    def __call__(self, gradient: Array, wanted: Iterable[str]) -> dict[str, Array]: ...
