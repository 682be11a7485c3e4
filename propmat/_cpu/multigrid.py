"""One multigrid cycle's loops: vectors in float32, matrices as whole multiples of a unit, with 1 on the diagonal."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import over_chunks
from propmat._cpu.grid import multiply_runs


@over_chunks(fastmath={"contract"})
def relax_pixels(low, high, values, unit, runs, chunks, b, x, step, old, new, out):
    """step = old step + new (b - A x), out = x + step."""
    for c in range(low, high):
        multiply_runs(values, runs, chunks[c], chunks[c + 1], x, out)
        for k in range(chunks[c], chunks[c + 1]):
            low, high = runs[k, 0], runs[k, 0] + runs[k, 1]
            s, f, o = step[low:high], b[low:high], out[low:high]
            v = x[low:high]
            for i in range(high - low):
                s[i] = old * s[i] + new * (f[i] - unit * o[i])
                o[i] = v[i] + s[i]


@compiled(inline="always")
def add_transposed(values, begin, width, x, start, rows, out):
    """out += Bᵀ x for a block of `rows`, a multiple of 4, by `width`."""
    for i in range(0, rows, 4):
        at = begin + i * width
        r0, r1 = values[at : at + width], values[at + width : at + 2 * width]
        r2, r3 = values[at + 2 * width : at + 3 * width], values[at + 3 * width : at + 4 * width]
        f0, f1, f2, f3 = x[start + i], x[start + i + 1], x[start + i + 2], x[start + i + 3]
        for j in range(width):
            out[j] += (f0 * r0[j] + f1 * r1[j]) + (f2 * r2[j] + f3 * r3[j])


@over_chunks(fastmath={"contract", "reassoc"})
def relax_blocks(low, high, values, unit, chunks, offsets, neighbours, starts, sizes, b, x, step, old, new, out):
    """The same on blocks, whose own matrices are the identity.

    Only the matrices to the neighbours ahead are kept. A neighbour behind reads its own, transposed, a row of blocks
    later, while it is still in the cache: half the memory, and memory is what this waits for.
    """
    for c in range(low, high):
        for p in range(chunks[c], chunks[c + 1]):
            start, size = starts[p], sizes[p]
            product = out[start : start + size]
            product[:] = 0
            for s in range(4):
                q = neighbours[p, s]
                if q >= 0:
                    add_transposed(values, offsets[q, 4 - s], size, x, starts[q], sizes[q], product)
            for s in range(5, 9):
                q = neighbours[p, s]
                if q >= 0:
                    width, begin = sizes[q], offsets[p, s - 4]
                    other = x[starts[q] : starts[q] + width]
                    for i in range(size):
                        row = values[begin + i * width : begin + (i + 1) * width]
                        total = np.float32(0)
                        for j in range(width):
                            total += row[j] * other[j]
                        product[i] += total
            for i in range(start, start + size):
                step[i] = old * step[i] + new * (b[i] - x[i] - unit * out[i])
                out[i] = x[i] + step[i]


@over_chunks(fastmath={"contract"})
def restrict(low, high, chunks, basis, begins, first, members, starts, sizes, residual, out):
    """out = Pᵀ residual."""
    for c in range(low, high):
        for p in range(chunks[c], chunks[c + 1]):
            size = sizes[p]
            target = out[starts[p] : starts[p] + size]
            target[:] = 0
            for i in range(first[p + 1] - first[p]):
                f = residual[members[first[p] + i]]
                row = basis[begins[p] + i * size : begins[p] + (i + 1) * size]
                for j in range(size):
                    target[j] += row[j] * f


@over_chunks(fastmath={"contract", "reassoc"})
def prolong(low, high, chunks, basis, begins, first, members, starts, sizes, coarse, out):
    """out += P coarse."""
    for c in range(low, high):
        for p in range(chunks[c], chunks[c + 1]):
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


def begin(b, factor, x, step):
    """x = step = factor b."""
    np.multiply(b, factor, out=x)
    step[:] = x


def scale(x, diagonal, factor, out):
    """out = factor S x for a diagonal S."""
    np.multiply(x, factor, out=out)
    out *= diagonal
