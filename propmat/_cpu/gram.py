"""Products with R'R for a sparse R in CSR, of which only R is stored."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import over_chunks, share

PARTS = 4  # bands of rows of R, each with a sum of its own: fixed, so that the result does not depend on the threads


def multiply(rows, x, out):
    """out = R' R x for R (k, n) in CSR; R is read once."""
    indptr, indices = (numbers.view(f"u{numbers.itemsize}") for numbers in (rows.indptr, rows.indices))
    sums = np.empty((PARTS, out.size))
    share(_multiply_bands, PARTS, indptr, indices, rows.data, x, sums)
    _add_bands(np.arange(PARTS + 1) * out.size // PARTS, sums, out)


@compiled(fastmath={"contract", "reassoc"})
def _multiply_bands(low, high, indptr, indices, data, x, sums):
    count = np.int64(indptr.size - 1)
    for band in range(low, high):
        out = sums[band]
        for i in range(out.size):
            out[i] = 0.0
        for row in range(band * count // PARTS, (band + 1) * count // PARTS):
            total = 0.0
            for k in range(indptr[row], indptr[row + 1]):
                total += data[k] * x[indices[k]]
            for k in range(indptr[row], indptr[row + 1]):
                out[indices[k]] += data[k] * total


@over_chunks()
def _add_bands(low, high, chunks, sums, out):
    for i in range(chunks[low], chunks[high]):
        total = 0.0
        for band in range(PARTS):
            total += sums[band, i]
        out[i] = total
