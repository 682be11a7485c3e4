"""Incomplete Cholesky with a drop tolerance, and its triangular solves.

Left-looking, column by column (Jones and Plassmann 1995): `next_entry[j]` is the next entry of column j that updates a
later column, and the columns that update the same column form a linked list, `linked`.
"""

import numpy as np

from propmat._cpu._compiled import compiled


@compiled()
def incomplete_cholesky(indptr, indices, data, shift, tolerance, smallest_pivot):
    """Lower factor of A + shift diag(A), without entries below `tolerance` times the norm of their column.

    `indptr, indices, data` are the lower triangle of A in CSC, the diagonal first. Returns (ok, indptr, indices, data);
    ok is False if a pivot was not above `smallest_pivot`.
    """
    n = indptr.size - 1
    capacity = 2 * data.size
    out_indptr = np.zeros(n + 1, np.int64)
    out_indices = np.empty(capacity, np.int32)
    out_data = np.empty(capacity)
    work = np.zeros(n)
    touched = np.empty(n, np.int32)
    seen = np.full(n, -1, np.int32)
    next_entry = np.zeros(n, np.int64)
    linked = np.full(n, -1, np.int32)
    filled = 0
    for j in range(n):
        count = 0
        norm = 0.0
        for k in range(indptr[j], indptr[j + 1]):
            i = indices[k]
            work[i] = data[k]
            norm += data[k] * data[k]
            seen[i] = j
            if i != j:
                touched[count] = i
                count += 1
        pivot = work[j] * (1.0 + shift)
        column = linked[j]
        while column >= 0:
            following = linked[column]
            start = next_entry[column]
            factor = out_data[start]
            pivot -= factor * factor
            for k in range(start + 1, out_indptr[column + 1]):
                i = out_indices[k]
                if seen[i] != j:
                    seen[i] = j
                    work[i] = 0.0
                    touched[count] = i
                    count += 1
                work[i] -= factor * out_data[k]
            _hang(column, start + 1, out_indptr, out_indices, next_entry, linked)
            column = following
        if not pivot > smallest_pivot:
            return False, out_indptr, out_indices, out_data
        root = np.sqrt(pivot)
        if filled + count + 1 > capacity:
            capacity = 2 * capacity + count + 1
            out_indices = _grown(out_indices, capacity)
            out_data = _grown(out_data, capacity)
        out_indices[filled] = j
        out_data[filled] = root
        filled += 1
        threshold = tolerance * np.sqrt(norm)
        start = filled
        rows = np.sort(touched[:count])
        for k in range(count):
            if abs(work[rows[k]]) > threshold:
                out_indices[filled] = rows[k]
                out_data[filled] = work[rows[k]] / root
                filled += 1
        out_indptr[j + 1] = filled
        _hang(j, start, out_indptr, out_indices, next_entry, linked)
    return True, out_indptr, out_indices[:filled].copy(), out_data[:filled].copy()


@compiled(inline="always")
def _hang(column, entry, indptr, indices, next_entry, linked):
    """Add `column` to the list of the row of its next entry."""
    next_entry[column] = entry
    if entry < indptr[column + 1]:
        row = indices[entry]
        linked[column] = linked[row]
        linked[row] = column


@compiled(inline="always")
def _grown(array, capacity):
    larger = np.empty(capacity, array.dtype)
    larger[: array.size] = array
    return larger


@compiled()
def solve_in_place(indptr, indices, data, x):
    """x ← (L L')⁻¹ x."""
    n = x.size
    for j in range(n):
        x[j] /= data[indptr[j]]
        for k in range(indptr[j] + 1, indptr[j + 1]):
            x[indices[k]] -= data[k] * x[j]
    for j in range(n - 1, -1, -1):
        value = x[j]
        for k in range(indptr[j] + 1, indptr[j + 1]):
            value -= data[k] * x[indices[k]]
        x[j] = value / data[indptr[j]]
