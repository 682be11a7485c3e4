"""Compiled kernels: plain functions of arrays and numbers.

They check nothing and raise nothing; where one can fail it returns a code. This is the one room that knows numba.
"""
