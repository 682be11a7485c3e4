"""Cholesky factors of dense matrices, the same for any number of threads, unlike those of LAPACK."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share

GROUP = 32  # rows that are finished together


def factor(matrix, least):
    """Replace the lower triangle of a matrix of unit diagonal by its Cholesky factor L; returns 1 / diagonal of L.

    Unknowns whose pivot is at most `least`, because they depend on those before, are left out: 0 in place of 1 / 0.
    """
    size = len(matrix)
    inverse = np.zeros(size)
    for first in range(0, size, GROUP):
        last = min(first + GROUP, size)
        _factor_group(first, last, least, matrix, inverse)
        share(_divide_rows, size - last, first, last, matrix, inverse)
        panel = np.ascontiguousarray(matrix[last:, first:last].T)
        share(_update_rows, size - last, last, panel, matrix)
    return inverse


@compiled(fastmath={"contract", "reassoc"})
def _factor_group(first, last, least, matrix, inverse):
    """Factor the diagonal block of rows first..last - 1, from which the columns before have been eliminated."""
    for i in range(first, last):
        for j in range(first, i + 1):
            total = matrix[i, j]
            for k in range(first, j):
                total -= matrix[i, k] * matrix[j, k]
            if j < i:
                matrix[i, j] = total * inverse[j]
            elif total > least:
                inverse[i] = 1.0 / np.sqrt(total)


@compiled(fastmath={"contract", "reassoc"})
def _divide_rows(low, high, first, last, matrix, inverse):
    """Columns first..last - 1 of L in the rows from last + low on."""
    for i in range(last + low, last + high):
        for j in range(first, last):
            total = matrix[i, j]
            for k in range(first, j):
                total -= matrix[i, k] * matrix[j, k]
            matrix[i, j] = total * inverse[j]


@compiled(fastmath={"contract"})
def _update_rows(low, high, last, panel, matrix):
    """Subtract the products of the finished columns, which are the rows of `panel`, from the rows last + low on."""
    for i in range(low, high):
        row = matrix[last + i, last:]
        for k in range(0, panel.shape[0], 4):
            one, two, three, four = panel[k], panel[k + 1], panel[k + 2], panel[k + 3]
            a, b, c, d = one[i], two[i], three[i], four[i]
            for j in range(i + 1):
                row[j] -= a * one[j] + b * two[j] + c * three[j] + d * four[j]


@compiled(fastmath={"contract", "reassoc"})
def solve(matrix, inverse, x):
    """Overwrite x by the solution of L L' x = b, of which it is the right-hand side; 0 for unknowns left out."""
    for i in range(x.size):
        row, total = matrix[i], x[i]
        for j in range(i):
            total -= row[j] * x[j]
        x[i] = total * inverse[i]
    for i in range(x.size - 1, -1, -1):
        row, own = matrix[i], x[i] * inverse[i]
        x[i] = own
        for j in range(i):
            x[j] -= row[j] * own
