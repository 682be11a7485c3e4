"""Matrices for solvers: their protocol, and the four ways in which propmat stores or multiplies a symmetric matrix."""

from propmat._operators._averages import Averaged
from propmat._operators._boxes import BoxOperator
from propmat._operators._contract import NearNullSpace, Operator
from propmat._operators._grid import GridOperator
from propmat._operators._norms import greatest, length
from propmat._operators._parts import WHOLE, Parts
from propmat._operators._stored import Sparse, Stored, canonical, host_entries, own_entries, wrapped

__all__ = [
    "WHOLE",
    "Averaged",
    "BoxOperator",
    "GridOperator",
    "NearNullSpace",
    "Operator",
    "Parts",
    "Sparse",
    "Stored",
    "canonical",
    "greatest",
    "host_entries",
    "length",
    "own_entries",
    "wrapped",
]
