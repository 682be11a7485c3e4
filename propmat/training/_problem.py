"""A problem to train on or to validate with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from propmat.metrics._differences import mse, sad

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Problem:
    """A picture in 8 bits, and what is known of its unknown pixels in half precision, in the order of the mask.

    Attributes
    ----------
    name : str
    uses : tuple of str
        The pictures that show in it.
    plain : bool
        A picture as it came, not a composite.
    image : (H, W, 3) array of uint8
    labels : (H, W) array of uint8
        0 background, 1 unknown, 2 foreground.
    alpha : (n,) array of float16
    contrast : (n, 3) array of float16
        The foreground's colour less that of the background.
    mattes : (m, n) array of float16
        In the order of the network's options.
    """

    name: str
    uses: tuple[str, ...]
    plain: bool
    image: Array
    labels: Array
    alpha: Array
    contrast: Array
    mattes: Array

    @property
    def unknown(self) -> Array:
        mask: Array = self.labels == 1
        return mask

    @property
    def two_labels(self) -> bool:
        """Whether both foreground and background are known somewhere."""
        return bool((self.labels == 0).any() and (self.labels == 2).any())

    @property
    def trimap(self) -> Array:
        """(H, W), 0, 0.5 and 1."""
        return (self.labels / 2).astype(np.float32)

    def whole(self, values: Array) -> Array:
        """(n,) values of unknown pixels → (H, W), labels elsewhere."""
        plane = self.trimap
        plane[self.unknown] = values
        return plane

    def scores(self, alpha: Array) -> dict[str, float]:
        """The errors of a matte over the unknown pixels."""
        truth = self.whole(self.alpha)
        return {score.__name__: score(alpha, truth, self.trimap) for score in (sad, mse)}
