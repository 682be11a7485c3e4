"""The vector updates of conjugate gradients; sums do not depend on the number of threads."""

import numpy as np

from propmat._cpu._threads import over_chunks

SUMS = 64  # partial sums of a dot product: fixed, so that the result does not depend on the number of threads
CHECK_EVERY = 1  # iterations between two checks of the residual


def descend(x, r, p, q, rz, curvature, partial, record):
    """x += alpha p, r -= alpha q with alpha = rz / curvature, 0 unless both are positive.

    (rᵀr, curvature, rz, max |alpha p|) goes to `record`.
    """
    alpha = rz / curvature if rz > 0.0 and curvature > 0.0 else 0.0
    _descend(_chunks(r), x, r, p, q, alpha, partial)
    record[0], record[1], record[2], record[3] = (
        sum(partial[0].tolist()),
        curvature,
        rz,
        alpha * max(partial[1].tolist()),
    )


def turn(r, z, p, before, partial):
    """p = z + beta p with beta = rᵀz / before, 0 for before = 0; returns rᵀ z."""
    chunks = _chunks(r)
    _dot(chunks, r, z, partial)
    product = sum(partial.tolist())
    _extend(chunks, z, p, product / before if before > 0.0 else 0.0)
    return product


def _chunks(vector):
    return np.arange(SUMS + 1) * vector.size // SUMS


@over_chunks(fastmath={"contract", "reassoc", "nnan", "nsz"})
def _descend(low, high, chunks, x, r, p, q, alpha, partial):
    for c in range(low, high):
        total = largest = 0.0
        for i in range(chunks[c], chunks[c + 1]):
            x[i] += alpha * p[i]
            r[i] -= alpha * q[i]
            total += r[i] * r[i]
            largest = max(largest, abs(p[i]))
        partial[0, c] = total
        partial[1, c] = largest


@over_chunks(fastmath={"contract", "reassoc"})
def _dot(low, high, chunks, r, z, partial):
    for c in range(low, high):
        total = 0.0
        for i in range(chunks[c], chunks[c + 1]):
            total += r[i] * z[i]
        partial[c] = total


@over_chunks(fastmath={"contract"})
def _extend(low, high, chunks, z, p, beta):
    for i in range(chunks[low], chunks[high]):
        p[i] = z[i] + beta * p[i]


def look(records):
    """The records of `descend` in host memory, as lists."""
    return records.tolist()
