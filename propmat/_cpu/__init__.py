"""Compiled kernels: plain functions of arrays and numbers.

They check nothing and raise nothing; where one can fail it returns a code. This is the one room that knows numba.
Importing it chooses numba's threading layer; see `_threads`.
"""

from propmat._cpu import _threads

_threads.prefer_tbb()
