"""The loops of one multigrid cycle; matrices of unit diagonal are whole numbers times a unit.

Vectors in single precision go with matrices of 16-bit integers, in double precision with matrices in single precision
(`preconditioners._level`); bases are in single precision.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import over_chunks
from propmat._cpu.blocks import LANES
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


def relax_blocks(values, unit, chunks, offsets, neighbours, starts, sizes, b, x, step, old, new, out):
    """The same for matrices of blocks, whose diagonal matrices are the identity.

    Only the matrices to the up to four neighbours ahead (`multigrid_setup`) are stored, side by side: a line is one row
    of all of them. Each line is read once for both directions: products with its transpose are written to a buffer,
    which is added in a second pass.
    """
    sent = np.empty(values.size // LANES, x.dtype)
    layout = offsets, neighbours, starts, sizes
    _multiply_ahead(values, chunks, *layout, x, out, sent)
    _relax_behind(unit, chunks, *layout, sent, b, x, step, old, new, out)


@compiled(forceinline=True)
def line_width(p, neighbours, sizes):
    """The number of unknowns of the blocks ahead of block p: the length of its lines."""
    width = 0
    for s in range(5, 9):
        if neighbours[p, s] >= 0:
            width += sizes[neighbours[p, s]]
    return width


@over_chunks(fastmath={"contract", "reassoc"})
def _multiply_ahead(low, high, values, chunks, offsets, neighbours, starts, sizes, x, out, sent):
    """out = B x_ahead and sent = Bᵀ x for the lines B of every block."""
    number = x.dtype.type
    widest = 0
    for p in range(chunks[low], chunks[high]):
        widest = max(widest, line_width(p, neighbours, sizes))
    ahead = np.empty(widest, x.dtype)
    for p in range(chunks[low], chunks[high]):
        if sizes[p] == 0:
            continue
        line = 0
        for s in range(5, 9):
            q = neighbours[p, s]
            if q >= 0:
                for j in range(sizes[q]):
                    ahead[line + j] = x[starts[q] + j]
                line += sizes[q]
        begin, given = offsets[p, 1], ahead[:line]
        target = sent[begin // LANES : begin // LANES + line]
        target[:] = 0
        for i in range(starts[p], starts[p] + sizes[p], 4):  # four rows at a time: sizes are multiples of LANES
            r0, r1 = values[begin : begin + line], values[begin + line : begin + 2 * line]
            r2, r3 = values[begin + 2 * line : begin + 3 * line], values[begin + 3 * line : begin + 4 * line]
            f0, f1, f2, f3 = x[i], x[i + 1], x[i + 2], x[i + 3]
            t0 = t1 = t2 = t3 = number(0)
            for j in range(line):
                v0, v1, v2, v3 = number(r0[j]), number(r1[j]), number(r2[j]), number(r3[j])
                target[j] += (f0 * v0 + f1 * v1) + (f2 * v2 + f3 * v3)
                t0 += v0 * given[j]
                t1 += v1 * given[j]
                t2 += v2 * given[j]
                t3 += v3 * given[j]
            out[i], out[i + 1], out[i + 2], out[i + 3] = t0, t1, t2, t3
            begin += 4 * line


@over_chunks(fastmath={"contract", "reassoc"})
def _relax_behind(low, high, unit, chunks, offsets, neighbours, starts, sizes, sent, b, x, step, old, new, out):
    """Add the products that the blocks behind have written to the buffer, and relax."""
    for p in range(chunks[low], chunks[high]):
        start, stop = starts[p], starts[p] + sizes[p]
        product = out[start:stop]
        for s in range(4):
            q = neighbours[p, s]
            if q >= 0 and sizes[q] > 0:
                begin = offsets[q, 1] // LANES + (offsets[q, 4 - s] - offsets[q, 1]) // sizes[q]
                received = sent[begin : begin + sizes[p]]
                for i in range(stop - start):
                    product[i] += received[i]
        for i in range(start, stop):
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


@over_chunks(fastmath={"contract"})
def restrict_squares(low, high, chunks, basis, begins, first, members, starts, sizes, squares, out):
    """out = (P ∘ P)ᵀ squares, with the squares of the entries of P."""
    for c in range(low, high):
        for p in range(chunks[c], chunks[c + 1]):
            size = sizes[p]
            target = out[starts[p] : starts[p] + size]
            for i in range(first[p + 1] - first[p]):
                f = squares[members[first[p] + i]]
                row = basis[begins[p] + i * size : begins[p] + (i + 1) * size]
                for j in range(size):
                    target[j] += f * np.float64(row[j]) * np.float64(row[j])


@over_chunks(fastmath={"contract", "reassoc"})
def prolong(low, high, chunks, basis, begins, first, members, starts, sizes, coarse, out):
    """out += P coarse."""
    for c in range(low, high):
        for p in range(chunks[c], chunks[c + 1]):
            size = sizes[p]
            source = coarse[starts[p] : starts[p] + size]
            for i in range(first[p + 1] - first[p]):
                row = basis[begins[p] + i * size : begins[p] + (i + 1) * size]
                total = out.dtype.type(0)
                for j in range(size):
                    total += row[j] * source[j]
                out[members[first[p] + i]] += total


@compiled(fastmath={"contract", "reassoc"})
def multiply_dense(matrix, x, out):
    for i in range(matrix.shape[0]):
        row = matrix[i]
        total = x.dtype.type(0)
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
