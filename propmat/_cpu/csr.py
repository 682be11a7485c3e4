"""Products with sparse matrices in CSR."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share


def stored(matrix):
    """A sparse matrix of SciPy in the format of `multiply`, CSR."""
    return matrix.tocsr()


def multiply(matrix, x, out):
    """out = A x for a matrix in CSR, its rows shared between threads; SciPy's product uses one."""
    # Unsigned: for signed indices numba tests the sign each time, which takes half as long again.
    indptr, indices = (numbers.view(f"u{numbers.itemsize}") for numbers in (matrix.indptr, matrix.indices))
    share(_multiply_rows, out.size, indptr, indices, matrix.data, x, out)


def accumulate(matrix, x, out):
    """out += A x."""
    indptr, indices = (numbers.view(f"u{numbers.itemsize}") for numbers in (matrix.indptr, matrix.indices))
    share(_add_rows, out.size, indptr, indices, matrix.data, x, out)


@compiled()
def _add_rows(low, high, indptr, indices, data, x, out):
    for i in range(low, high):
        for k in range(indptr[i], indptr[i + 1]):
            out[i] += data[k] * x[indices[k]]


@compiled()
def _multiply_rows(low, high, indptr, indices, data, x, out):
    for i in range(low, high):
        total = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            total += data[k] * x[indices[k]]
        out[i] = total


def relax(matrix, b, x, step, old, new, out):
    """step = old step + new (b - A x), out = x + step."""
    np.multiply(step, old, out=step)
    step += new * (b - matrix @ x)
    np.add(x, step, out=out)
