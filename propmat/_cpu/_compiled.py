"""How every kernel is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

# Of what numba can share between threads only the loops that say so: it also looks for array expressions inside them,
# which costs time to compile and gains none.
LOOPS = {
    "prange": True,
    "fusion": False,
    "setitem": False,
    "numpy": False,
    "reduction": False,
    "comprehension": False,
    "inplace_binop": False,
    "stencil": False,
}


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` without the interpreter's lock, its machine code kept on disk.

    Where neither the package's folder nor a home can be written (a container, a sandbox) numba refuses to compile
    what it cannot keep; then the code is kept for this process only.
    """

    if options.get("parallel"):
        options["parallel"] = LOOPS

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(nogil=True, cache=True, error_model="numpy", **options)(function)
        except RuntimeError:
            return njit(nogil=True, error_model="numpy", **options)(function)

    return decorate
