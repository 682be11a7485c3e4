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


def far(matrix, distance):
    """The part of the entries that are further than `distance` from the diagonal."""
    return _count_far(matrix.indptr, matrix.indices, distance) / max(matrix.nnz, 1)


@compiled()
def _count_far(indptr, indices, distance):
    count = 0
    for i in range(indptr.size - 1):
        for k in range(indptr[i], indptr[i + 1]):
            count += abs(indices[k] - i) > distance
    return count


def tied(matrix, anchored):
    """Which rows of a matrix of symmetric structure are connected to one that is `anchored`, itself included."""
    found = anchored.copy()
    _flood(matrix.indptr, matrix.indices, found)
    return found


@compiled()
def _flood(indptr, indices, found):
    stack = np.empty(found.size, np.int32)
    waiting = 0
    for i in range(found.size):
        if found[i]:
            stack[waiting] = i
            waiting += 1
    while waiting > 0:
        waiting -= 1
        i = stack[waiting]
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            if not found[j]:
                found[j] = True
                stack[waiting] = j
                waiting += 1
