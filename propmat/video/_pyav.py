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
RATE = Fraction(24)  # frames per second of pictures, which have none


class Tags(NamedTuple):
    """What a movie says beside its frames; None and 2 where it does not say.

    Attributes
    ----------
    rate : Fraction or None
        Frames per second.
    matrix, primaries, transfer : int
        Code points of ITU-T H.273.
    aspect : Fraction or None
        Width of a pixel relative to its height.
    sound : bool
        Whether there is sound beside the frames.
    """

    rate: Fraction | None = None
    matrix: int = UNSPECIFIED
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    aspect: Fraction | None = None
    sound: bool = False

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
