"""PyAV, and what movies say of their frames."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from propmat.errors import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType

MOVIES = (".mov", ".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mxf", ".mpg", ".ts")

# Of the code points of ITU-T H.273 those that the conversion of FFmpeg knows; 601 for all others, 709 if the file does
# not say and the picture is large.
BT709, BT601, LARGE = 1, 5, 720
MATRICES = {1: 1, 4: 4, 7: 7, 9: 9}
UNSPECIFIED = 2


class Tags(NamedTuple):
    """Frames per second and the colour of a movie; None and 2 where it does not say, as ITU-T H.273 numbers them.

    Attributes
    ----------
    rate : Fraction or None
    matrix, primaries, transfer : int
        Code points of ITU-T H.273.
    """

    rate: Fraction | None = None
    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    def conversion(self, height: int) -> int:
        """The matrix between RGB and YCbCr, by the number that FFmpeg's conversion has for it."""
        if self.matrix == UNSPECIFIED and height >= LARGE:
            return BT709
        return MATRICES.get(self.matrix, BT601)


def pyav() -> ModuleType:
    """PyAV, imported when it is first needed."""
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError("movies need PyAV: pip install 'propmat[video]'") from error
    return av
