"""How every kernel is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` without the interpreter's lock, its machine code kept on disk.

    Never by `parallel`: such a kernel takes twice as long to compile, and its threads belong to a layer that other
    packages choose. `_threads.share` runs kernels on several.

    Where neither the package's folder nor a home can be written (a container, a sandbox) numba refuses to compile
    what it cannot keep; then the code is kept for this process only.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(nogil=True, cache=True, error_model="numpy", **options)(function)
        except RuntimeError:
            return njit(nogil=True, error_model="numpy", **options)(function)

    return decorate
