"""One multigrid cycle's loops in float32."""

import numpy as np
from numba import prange

from propmat._cpu._compiled import compiled
from propmat._cpu.grid import multiply_runs


@compiled(parallel=True, fastmath={"contract"})
def relax_pixels(values, runs, chunks, scale, b, x, step, old, new, out):
    """step = old step + new scale (b - A x), out = x + step."""
    for c in prange(chunks.size - 1):
        multiply_runs(values, runs, chunks[c], chunks[c + 1], x, out)
        for k in range(chunks[c], chunks[c + 1]):
            low, high = runs[k, 0], runs[k, 0] + runs[k, 1]
            s, f, o = step[low:high], b[low:high], out[low:high]
            d, v = scale[low:high], x[low:high]
            for i in range(high - low):
                s[i] = old * s[i] + new * d[i] * (f[i] - o[i])
                o[i] = v[i] + s[i]


@compiled(parallel=True, fastmath={"contract"})
def relax_blocks(values, begins, pointers, others, starts, sizes, b, x, step, old, new, out):
    """The same on blocks, whose own matrices are the identity."""
    for p in prange(sizes.size):
        start, size = starts[p], sizes[p]
        for i in range(0, size, 8):
            a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = np.float32(0)
            for k in range(pointers[p], pointers[p + 1]):
                q = others[k]
                for j in range(sizes[q]):
                    f = x[starts[q] + j]
                    begin = begins[k] + j * size + i
                    column = values[begin : begin + 8]
                    a0 += column[0] * f
                    a1 += column[1] * f
                    a2 += column[2] * f
                    a3 += column[3] * f
                    a4 += column[4] * f
                    a5 += column[5] * f
                    a6 += column[6] * f
                    a7 += column[7] * f
            at = start + i
            out[at] = a0
            out[at + 1] = a1
            out[at + 2] = a2
            out[at + 3] = a3
            out[at + 4] = a4
            out[at + 5] = a5
            out[at + 6] = a6
            out[at + 7] = a7
        for i in range(start, start + size):
            step[i] = old * step[i] + new * (b[i] - x[i] - out[i])
            out[i] = x[i] + step[i]


@compiled(parallel=True, fastmath={"contract"})
def restrict(basis, begins, first, members, starts, sizes, residual, out):
    """out = Pᵀ residual."""
    for p in prange(sizes.size):
        size = sizes[p]
        target = out[starts[p] : starts[p] + size]
        target[:] = 0
        for i in range(first[p + 1] - first[p]):
            f = residual[members[first[p] + i]]
            row = basis[begins[p] + i * size : begins[p] + (i + 1) * size]
            for j in range(size):
                target[j] += row[j] * f


@compiled(parallel=True, fastmath={"contract", "reassoc"})
def prolong(basis, begins, first, members, starts, sizes, coarse, out):
    """out += P coarse."""
    for p in prange(sizes.size):
        size = sizes[p]
        source = coarse[starts[p] : starts[p] + size]
        for i in range(first[p + 1] - first[p]):
            row = basis[begins[p] + i * size : begins[p] + (i + 1) * size]
            total = np.float32(0)
            for j in range(size):
                total += row[j] * source[j]
            out[members[first[p] + i]] += total


@compiled(fastmath={"contract", "reassoc"})
def multiply_dense(matrix, x, out):
    for i in range(matrix.shape[0]):
        row = matrix[i]
        total = np.float32(0)
        for j in range(matrix.shape[1]):
            total += row[j] * x[j]
        out[i] = total
