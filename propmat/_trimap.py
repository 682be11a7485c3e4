"""The trimap: which pixels are known foreground, known background, unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs, _trimap_checks
from propmat._backend import to_host
from propmat._cached import cached_property
from propmat._inputs._images import BACKGROUND_AT_MOST
from propmat._typing import Array, ArrayLike, Mask
from propmat.errors import InputError, shown

FOREGROUND_AT_LEAST = 0.9


@dataclass(frozen=True, eq=False)
class Trimap:
    """Known foreground, known background, and all the rest unknown.

    Parameters
    ----------
    foreground, background : (H, W) array of bool
        Where alpha is known to be 1 and 0. They may not overlap.
    read_from : (H, W) array, optional
        The grey values that the masks were read from, which `check` looks at too.

    Attributes
    ----------
    shape : (int, int)
        Height and width.
    known : (H, W) array of bool
        The labelled pixels.
    unknown : (H, W) array of bool
        The pixels whose alpha is asked for.
    labels : (H, W) array of float64
        1 on known foreground, 0 on known background, 0.5 on unknown pixels.

    Raises
    ------
    InputError
        If a mask is not (H, W), not of bool, the two differ in shape, or some pixel is in both.

    Examples
    --------
    >>> import numpy as np
    >>> trimap = Trimap.parse(np.array([[0.0, 0.5, 0.7, 1.0]]))
    >>> trimap.unknown
    array([[False,  True,  True, False]])
    """

    foreground: Mask
    background: Mask
    read_from: ArrayLike | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("foreground", "background"):
            object.__setattr__(self, name, _inputs.mask(getattr(self, name), name))
        if self.foreground.shape != self.background.shape:
            raise InputError(
                f"background: shape {self.background.shape} does not fit foreground of shape {self.foreground.shape}"
            )
        both = int(np.count_nonzero(self.foreground & self.background))
        if both:
            raise InputError(f"background: {both} pixels are foreground too; a pixel has one label")

    @classmethod
    def parse(
        cls,
        trimap: ArrayLike | Trimap,
        shape: tuple[int, ...] | None = None,
        *,
        memory: Mapping[str, object] | None = None,
    ) -> Trimap:
        """Read a trimap from grey values: at most 0.1 is background, at least 0.9 foreground, the rest unknown.

        Parameters
        ----------
        trimap : (H, W) array or Trimap
            Floating in [0, 1], uint8 or uint16 (scaled by their maximum), or bool.
        shape : tuple of int, optional
            The height and width that it must have; that of an image may have channels after them.
        memory : mapping of str to array of any shape, optional
            Other arguments by name, whose memory it must share: all in host memory, or all on one GPU. An empty mapping
            allows either; without it, only host memory is allowed.

        Returns
        -------
        Trimap

        Raises
        ------
        InputError
            If it is not an array of that kind, does not fit `shape`, or holds small integers (labels 0, 1, 2, say),
            which as greys would all be background.
        UnsupportedError
            If it lies on a GPU and `memory` is not given.

        Examples
        --------
        >>> import numpy as np
        >>> Trimap.parse(np.array([[0, 128, 255]], dtype=np.uint8)).labels
        array([[0. , 0.5, 1. ]])
        """
        if isinstance(trimap, Trimap):
            _inputs.in_memory(trimap.foreground, "trimap", memory)
            labels = trimap
        else:
            values = _inputs.greys(trimap, "trimap", memory=memory)
            labels = cls(values >= FOREGROUND_AT_LEAST, values <= BACKGROUND_AT_MOST, read_from=trimap)
        if not isinstance(shape, (tuple, list, type(None))):
            raise InputError(f"shape: takes (height, width), got {shown(shape)}")
        if shape is not None and labels.shape != tuple(shape[:2]):
            first = labels.shape == tuple(shape[1:])  # (channels, H, W)
            hint = "; channels go last, numpy.moveaxis(image, 0, -1)" if first else ""
            raise InputError(f"trimap: shape {labels.shape} does not fit image of shape {tuple(shape)}{hint}")
        return labels

    @classmethod
    def unlabelled(cls, shape: tuple[int, int], *, like: NDArray[np.generic] | None = None) -> Trimap:
        """A trimap without any known pixel.

        Parameters
        ----------
        shape : (int, int)
            Height and width.
        like : array of any shape, optional
            The masks are made in the memory of this array, host or GPU; in host memory by default.

        Returns
        -------
        Trimap

        Raises
        ------
        InputError
            If a side of `shape` is 0.
        """
        none = np.zeros(shape, dtype=bool, like=like)
        return cls(none, none)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.foreground.shape
        return height, width

    @cached_property
    def known(self) -> Mask:
        """(H, W) mask of the labelled pixels."""
        return self.foreground | self.background

    @cached_property
    def unknown(self) -> Mask:
        """(H, W) mask of the pixels whose alpha is asked for."""
        return ~self.known

    @cached_property
    def labels(self) -> Array:
        """(H, W) array: 1 on known foreground, 0 on known background, 0.5 on unknown pixels."""
        return np.where(self.known, self.foreground.astype(np.float64), 0.5)

    def check(self) -> list[str]:
        """List likely mistakes, each in a sentence; none of them keeps a method from running.

        They are: a label that no pixel has; no unknown pixel; foreground and background less than 2 pixels apart;
        unknown islands that touch one label only; more grey levels than black, white and one between, as soft edges
        have. An array with colours is refused by `parse`.

        Returns
        -------
        list of str
            Empty if there is none.

        Raises
        ------
        InputError
            If `read_from` was given by hand and is not an (H, W) array of grey values.

        Examples
        --------
        >>> import numpy as np
        >>> Trimap.parse(np.array([[0.0, 0.0, 0.5, 0.5, 1.0]])).check()
        []
        >>> Trimap.parse(np.array([[0.0, 0.0, 0.5, 0.5, 0.2]])).check()[0]
        'no pixel is known foreground'
        """
        odd = list(_trimap_checks.of_labels(to_host(self.foreground), to_host(self.background)))
        if self.read_from is not None:
            odd += _trimap_checks.of_greys(to_host(_inputs.plane(self.read_from, "trimap", memory=_inputs.ANYWHERE)))
        return odd

    def __repr__(self) -> str:
        shares = (float(mask.mean()) for mask in (self.foreground, self.background, self.unknown))
        foreground, background, unknown = (f"{share:.1%}" for share in shares)
        return f"Trimap({self.shape}: foreground {foreground}, background {background}, unknown {unknown})"
