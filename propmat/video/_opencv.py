"""OpenCV, imported late."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from propmat.errors import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType


def opencv() -> ModuleType:
    """OpenCV, imported when it is first needed."""
    try:
        import cv2
    except ImportError as error:
        raise MissingDependencyError("optical flow needs OpenCV: pip install 'propmat[video]'") from error
    return cast("ModuleType", cv2)
