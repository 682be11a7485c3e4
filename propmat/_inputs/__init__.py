"""One checker for each kind of argument; it returns the canonical array or raises `InputError`.

Public functions call them before any work. The keyword `memory` says where an argument may be: None, the default,
allows host memory only; `ANYWHERE` allows host memory or a GPU; a mapping of names to arrays requires the memory of
these arrays, so that all arguments of a call are either in host memory or on one GPU.
"""

from propmat._inputs._arrays import ANYWHERE, Memory, as_array, ends, in_memory, is_number, mask, size, vector
from propmat._inputs._images import BACKGROUND_AT_MOST, BRIGHTEST, OVERSHOOT, greys, image, plane, same_aspect
from propmat._inputs._numbers import integer, positive, real_number, shape_of, tolerance, whole_number, within
from propmat._inputs._settings import choice, flag, function, known_names, pair, settings, several, solving
from propmat._inputs._weights import edge_weights, real_map, weights

__all__ = [
    "ANYWHERE",
    "Memory",
    "BACKGROUND_AT_MOST",
    "BRIGHTEST",
    "OVERSHOOT",
    "as_array",
    "choice",
    "edge_weights",
    "ends",
    "flag",
    "function",
    "greys",
    "image",
    "in_memory",
    "integer",
    "is_number",
    "known_names",
    "mask",
    "pair",
    "plane",
    "positive",
    "real_map",
    "real_number",
    "settings",
    "same_aspect",
    "several",
    "shape_of",
    "size",
    "solving",
    "tolerance",
    "vector",
    "weights",
    "whole_number",
    "within",
]
