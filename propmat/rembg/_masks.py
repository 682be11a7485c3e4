"""The masks that a session predicts, checked."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from propmat import _inputs
from propmat._trimap_making import LEVELS
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError, MissingDependencyError, refused_as, shown, warn

if TYPE_CHECKING:
    import PIL.Image


class Session(Protocol):
    """A network, as rembg's sessions are."""

    def predict(self, img: PIL.Image.Image, /) -> Sequence[ArrayLike]:
        """Soft masks of the objects in a picture, each of its size."""


def session_of(given: Session | None) -> Session:
    """The session, by default the one that rembg makes by default."""
    if given is None:
        return _default_session()
    if isinstance(given, type) or not callable(getattr(given, "predict", None)):
        raise InputError(f"session: takes an object with predict, as of rembg.new_session(), got {shown(given)}")
    return given


def _default_session() -> Session:
    try:
        # Without onnxruntime rembg ends the process where it is imported.
        session: Session = importlib.import_module("rembg").new_session()
    except (ImportError, SystemExit):
        raise MissingDependencyError(
            "session: rembg is not installed, or has no backend: pip install 'rembg[cpu]', "
            "or pass an object with predict"
        ) from None
    except Exception as error:
        raise InputError(f"session: rembg cannot make its own ({type(error).__name__}: {error})") from error
    return session


def input_size(session: Session, size: tuple[int, int]) -> tuple[int, int]:
    """The width and height that the network of one of rembg's sessions takes, if they are equal and the picture larger.

    Otherwise, and where the session does not tell, `size`, that of the picture.
    """
    try:
        height, width = session.inner_session.get_inputs()[0].shape[-2:]  # type: ignore[attr-defined]
    except Exception:  # sessions of others have no such network
        return size
    # Inputs that take any size have names instead of numbers.
    return (width, height) if isinstance(width, int) and width == height and 0 < width <= min(size) else size


def masks_of(
    session: Session, picture: PIL.Image.Image, checked: Callable[[ArrayLike, str], Array]
) -> list[Array | None]:
    """What the session predicts, each mask in [0, 1]; None in place of one without foreground beside others.

    `checked` makes an array of a mask, which it may name in an error.
    """
    with refused_as(InputError, "session: its predict failed"):
        answer = session.predict(picture)
    if hasattr(answer, "__array_interface__"):
        raise InputError(f"session: its predict returned {shown(answer)}; takes a sequence of masks, as [mask]")
    with refused_as(InputError, "session: its predict failed"):
        predicted = list(answer)
    if not predicted:
        raise InputError("session: its predict returned no mask")
    names = [f"mask {k} of {len(predicted)}" if len(predicted) > 1 else "mask" for k in range(1, len(predicted) + 1)]
    planes = [checked(mask, name) for mask, name in zip(predicted, names, strict=True)]
    empty = [name for plane, name in zip(planes, names, strict=True) if not _has_foreground(plane)]
    if len(empty) == len(planes):
        highest = max(float(plane.max()) for plane in planes)
        some = "mask: has" if len(planes) == 1 else "mask: all have"
        raise InputError(
            f"{some} no foreground; takes at least one pixel {LEVELS['foreground']}, got up to {highest:.2g}"
        )
    for name in empty:
        warn(f"{name}: has no foreground; its cut-out is transparent")
    return [plane if _has_foreground(plane) else None for plane in planes]


def whole_mask(mask: ArrayLike, name: str, *, size: tuple[int, int]) -> Array:
    """A mask (H, W) of the picture's size, in [0, 1]: what resampling overshot is clipped."""
    plane = _inputs.plane(mask, name).clip(0.0, 1.0)
    if plane.shape != size[::-1]:
        turned = "; it is turned by 90 degrees" if plane.shape == size else ""
        raise InputError(
            f"{name}: has {plane.shape[1]} x {plane.shape[0]} pixels, the picture {size[0]} x {size[1]}{turned}; "
            "the session's predict has to return masks of the size of the picture that it is given"
        )
    return plane


def _has_foreground(plane: Array) -> bool:
    return bool(plane.max() >= 1 - _inputs.BACKGROUND_AT_MOST)
