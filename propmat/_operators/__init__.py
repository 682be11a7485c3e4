"""Matrices that solvers meet: one protocol, and the three ways in which propmat stores a symmetric matrix."""

from propmat._operators._boxes import BoxOperator, Windows, box_sums, over_windows
from propmat._operators._contract import Array, Mask, NearNullSpace, Operator, greatest, length
from propmat._operators._grid import Assemble, GridOperator, Support
from propmat._operators._stored import Stored, canonical, host_entries, own_entries, wrapped

__all__ = [
    "Array",
    "Assemble",
    "BoxOperator",
    "GridOperator",
    "Mask",
    "NearNullSpace",
    "Operator",
    "Stored",
    "Support",
    "Windows",
    "box_sums",
    "canonical",
    "greatest",
    "host_entries",
    "length",
    "over_windows",
    "own_entries",
    "wrapped",
]
