"""The graph of nearest neighbours in colour and position of several frames, whose positions move with the flow."""

from __future__ import annotations

from propmat._typing import Array
from propmat.laplacian._knn import Knn


class MovingKnn(Knn):
    """`Knn` over frames below each other: the coordinates of a pixel are those that the flow carries it to.

    Attributes
    ----------
    moved : pair of (T * H, W) arrays
        Rows and columns in a frame.
    extent : (int, int)
        Height and width of a frame, which coordinates are scaled by.
    """

    def __init__(self, image: Array, preset: str, moved: tuple[Array, Array], frame_shape: tuple[int, int]) -> None:
        super().__init__(image, preset)
        self.moved = moved
        self.extent = frame_shape

    def _coordinates(self) -> tuple[Array, Array]:
        return self.moved
