"""Set-up of the multigrid hierarchy: local functions, Galerkin products, normalised bases.

The 3 x 3 blocks around a block, itself included, are numbered row by row and called slots: slot 4 is the block itself,
slots 5-8 are ahead of it (east, south-west, south, south-east), slots 0-3 behind. If block q is in slot s of p, then p
is in slot 8 - s of q. Matrices between blocks are stored for the slots 4-8 only, with the block's unknowns as rows and
the neighbour's as columns. The matrix of slot 4, between a block's own unknowns, is called its diagonal matrix.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu.multigrid import line_width

# Bases are in single precision, so pivots with a smaller relative difference are taken for equal; the first is chosen.
EQUAL = 1 - 1e-5


@compiled(fastmath={"contract", "reassoc", "nnan", "nsz"})
def eliminate(matrix, most, threshold, upper, order):
    """Cholesky of a semidefinite matrix with diagonal pivoting, until all remaining pivots are below the threshold.

    Row and column k of `upper` belong to unknown order[k]: of `upper` columns are exchanged, so that those of unknowns
    that are gone need not be computed; of the Schur complement only the diagonal is updated. Returns the number of
    eliminated unknowns; the rest of `order` are the remaining ones: at most `most`, unless the elimination ended early
    because the matrix is singular. Sizes are padded to multiples of eight, so the last eliminations are undone until
    the number of remaining unknowns is such a multiple.
    """
    n = matrix.shape[0]
    pivots = np.empty(n)
    for i in range(n):
        pivots[i] = matrix[i, i]
        order[i] = i
    gone = 0
    while gone < n - 1:
        pivot = -1.0
        for i in range(gone, n):
            pivot = max(pivot, pivots[i])
        left = n - gone
        if pivot < 1e-13 or (pivot < threshold and left <= most):
            gone = max(0, n - min(most, (left + 7) // 8 * 8)) if left <= most else gone
            break
        k = gone
        while pivots[k] < EQUAL * pivot:
            k += 1
        order[gone], order[k] = order[k], order[gone]
        pivots[gone], pivots[k] = pivots[k], pivots[gone]
        for i in range(gone):
            upper[i, gone], upper[i, k] = upper[i, k], upper[i, gone]
        subtract_rows(upper, gone, matrix, order)
        row, scale = upper[gone], 1.0 / np.sqrt(pivot)
        for i in range(gone, n):
            row[i] *= scale
            pivots[i] -= row[i] * row[i]
        gone += 1
    return min(gone, max(0, n - 8))


@compiled(inline="always")
def subtract_rows(upper, gone, matrix, order):
    """Row `gone` of the factor, not yet scaled, from its diagonal on: the matrix minus Σ_k upper[k, gone] upper[k]."""
    row, source = upper[gone, gone:], matrix[order[gone]]
    for j in range(row.size):
        row[j] = source[order[gone + j]]
    whole = gone // 4 * 4
    for k in range(0, whole, 4):
        r0, r1, r2, r3 = upper[k, gone:], upper[k + 1, gone:], upper[k + 2, gone:], upper[k + 3, gone:]
        f0, f1, f2, f3 = r0[0], r1[0], r2[0], r3[0]
        for j in range(row.size):
            row[j] -= (f0 * r0[j] + f1 * r1[j]) + (f2 * r2[j] + f3 * r3[j])
    for k in range(whole, gone):
        r0 = upper[k, gone:]
        f0 = r0[0]
        for j in range(row.size):
            row[j] -= f0 * r0[j]


@compiled(fastmath={"contract", "reassoc"})
def extend(upper, gone, most, order, functions):
    """Functions (columns) that are 1 on one remaining unknown, 0 on the others, and have least energy otherwise.

    By back substitution with the factor of `eliminate`; returns their number, at most `most`.
    """
    count = min(order.size - gone, most)
    functions[:, :count] = 0.0
    for j in range(count):
        functions[order[gone + j], j] = 1.0
    for k in range(gone - 1, -1, -1):
        source = upper[k]
        row = functions[order[k], :count]
        for j in range(count):
            row[j] = source[gone + j]
        first = k + 1 + (gone - k - 1) % 4
        for i in range(k + 1, first):
            f0, r0 = source[i], functions[order[i]]
            for j in range(count):
                row[j] += f0 * r0[j]
        for i in range(first, gone, 4):
            f0, f1, f2, f3 = source[i], source[i + 1], source[i + 2], source[i + 3]
            r0, r1 = functions[order[i]], functions[order[i + 1]]
            r2, r3 = functions[order[i + 2]], functions[order[i + 3]]
            for j in range(count):
                row[j] += (f0 * r0[j] + f1 * r1[j]) + (f2 * r2[j] + f3 * r3[j])
        scale = -1.0 / source[k]
        for j in range(count):
            row[j] *= scale
    return count


@compiled()
def blocks_of_pixels(unknown, number, edge):
    """Blocks of edge x edge pixels with an unknown one: map, coordinates, first members, members, cells.

    Members are the support numbers of the unknown pixels of a block, a cell is the index of one within its block,
    row by row.
    """
    height, width = unknown.shape
    grid = np.full(((height + edge - 1) // edge, (width + edge - 1) // edge), -1, np.int32)
    total = 0
    for y in range(height):
        for x in range(width):
            if unknown[y, x]:
                grid[y // edge, x // edge] = 0
                total += 1
    blocks = 0
    for y in range(grid.shape[0]):
        for x in range(grid.shape[1]):
            if grid[y, x] == 0:
                grid[y, x] = blocks
                blocks += 1
    where = np.empty((blocks, 2), np.int32)
    first = np.zeros(blocks + 1, np.int64)
    members = np.empty(total, np.int32)
    cells = np.empty(total, np.uint8)
    k = 0
    for gy in range(grid.shape[0]):
        for gx in range(grid.shape[1]):
            p = grid[gy, gx]
            if p < 0:
                continue
            where[p, 0], where[p, 1] = gy, gx
            first[p] = k
            for y in range(gy * edge, min(height, (gy + 1) * edge)):
                for x in range(gx * edge, min(width, (gx + 1) * edge)):
                    if unknown[y, x]:
                        members[k] = number[y + 2, x + 2]
                        cells[k] = (y - gy * edge) * edge + x - gx * edge
                        k += 1
    first[blocks] = k
    return grid, where, first, members, cells


@compiled()
def find_neighbours(grid, where):
    """The number of the block in each of the nine slots, -1 for none."""
    neighbours = np.full((where.shape[0], 9), -1, np.int32)
    for p in range(where.shape[0]):
        for s in range(9):
            y, x = where[p, 0] + s // 3 - 1, where[p, 1] + s % 3 - 1
            if 0 <= y < grid.shape[0] and 0 <= x < grid.shape[1]:
                neighbours[p, s] = grid[y, x]
    return neighbours


@compiled()
def scale_pixels(low, high, values, runs, scale, units, out):
    """S A S times `units`, rounded, in rows of unknown pixels; `scale` (diagonal of S) is 0 elsewhere."""
    for r in range(low, high):
        first, count = runs[r, 0], runs[r, 1]
        mine = scale[first : first + count]
        for k in range(13):
            dy = (k + 2) // 5
            there = first + k - 5 * dy
            if dy > 0:
                there += runs[r, 3 + dy]
            source, target, other = values[k, first:], out[k, first:], scale[there:]
            for t in range(count):
                target[t] = np.rint(units * source[t] * mine[t] * other[t])


@compiled()
def pixel_functions(low, high, values, between, scale, first, members, cells, edge, most, threshold, out, counts):
    """Local functions of every block of pixels, in the rows of `out` in the order of `members`; numbers in `counts`.

    `values` - `between` is block diagonal and positive semidefinite: the sum of the elements inside single blocks.
    Functions are 0 on pixels whose `scale` is 0, which are known.
    """
    for p in range(low, high):
        n = 0
        local = np.full(edge * edge, -1, np.int64)
        used = np.empty(first[p + 1] - first[p], np.int64)
        for i in range(first[p], first[p + 1]):
            if scale[members[i]] > 0.0:
                local[cells[i]] = n
                used[n] = i
                n += 1
        matrix = np.zeros((n, n))
        for i in range(n):
            cell, here = cells[used[i]], members[used[i]]
            y, x = cell // edge, cell % edge
            for k in range(13):
                dy = (k + 2) // 5
                v, u = y + dy, x + k - 5 * dy
                if v < edge and 0 <= u < edge and local[v * edge + u] >= 0:
                    j = local[v * edge + u]
                    inside = values[k, here] - between[k, here]
                    matrix[i, j] = inside * scale[here] * scale[members[used[j]]]
                    matrix[j, i] = matrix[i, j]
        order = np.empty(n, np.int64)
        upper = np.empty((n, n))
        functions = np.empty((n, most))
        gone = eliminate(matrix, most, threshold, upper, order)
        counts[p] = extend(upper, gone, most, order, functions)
        for i in range(first[p], first[p + 1]):
            for j in range(counts[p]):
                out[i, j] = 0.0
        for i in range(n):
            for j in range(counts[p]):
                out[used[i], j] = functions[i, j]


@compiled()
def block_functions(
    low,
    high,
    stencil,
    offsets,
    sizes,
    starts,
    neighbours,
    live,
    parent,
    first,
    children,
    capacity,
    most,
    threshold,
    out,
    base,
    counts,
):
    """Local functions of every block of blocks, of at most `capacity` unknowns; 0 on unknowns that are not `live`."""
    local = np.empty(capacity, np.int64)
    for p in range(low, high):
        n = 0
        for c in range(first[p], first[p + 1]):
            q = children[c]
            for j in range(starts[q], starts[q] + sizes[q]):
                n += live[j]
        begins = np.empty(first[p + 1] - first[p], np.int64)
        n = 0
        total = 0
        for c in range(first[p], first[p + 1]):
            q = children[c]
            begins[c - first[p]] = total
            for j in range(starts[q], starts[q] + sizes[q]):
                local[total] = n if live[j] else -1
                n += live[j]
                total += 1
        matrix = np.zeros((n, n))
        for c in range(first[p], first[p + 1]):
            q = children[c]
            for s in range(4, 9):
                r = neighbours[q, s]
                if r < 0 or parent[r] != p:
                    continue
                d = first[p]
                while children[d] != r:
                    d += 1
                for i in range(sizes[q]):
                    a = local[begins[c - first[p]] + i]
                    for j in range(sizes[r]):
                        b = local[begins[d - first[p]] + j]
                        if a >= 0 and b >= 0:
                            value = stencil[offsets[q, s - 4] + i * sizes[r] + j]
                            matrix[a, b] = value
                            matrix[b, a] = value
        order = np.empty(n, np.int64)
        upper = np.empty((n, n))
        functions = np.empty((n, most))
        gone = eliminate(matrix, most, threshold, upper, order)
        counts[p] = extend(upper, gone, most, order, functions)
        for i in range(total):
            for j in range(counts[p]):
                out[base[p] + i, j] = functions[local[i], j] if local[i] >= 0 else 0.0


@compiled()
def pack(low, high, functions, first, counts, sizes, begins, packed):
    """Copy rows of `functions`, of fixed width, to rows of the padded size of each block."""
    for p in range(low, high):
        for i in range(first[p + 1] - first[p]):
            for j in range(counts[p]):
                packed[begins[p] + i * sizes[p] + j] = functions[first[p] + i, j]


@compiled()
def galerkin_pixels(
    low, high, values, scale, block, edge, basis, row, owner, where, first, members, cells, number, sizes, offsets, out
):
    """Galerkin product Pᵀ S A S P for blocks of edge x edge pixels; `number` are the support numbers of pixels.

    If block > 0, A is the sum of the elements across blocks of block x block pixels: only pixels near their borders are
    visited, and only entries inside such a block are computed. A diagonal matrix is computed from half of the entries
    of A, and its transpose added.
    """
    for p in range(low, high):
        size = sizes[p]
        product = np.empty((5, 64))
        touched = np.empty(5, np.int64)
        for i in range(first[p], first[p + 1]):
            y = where[p, 0] * edge + cells[i] // edge
            x = where[p, 1] * edge + cells[i] % edge
            here = members[i]
            if scale[here] == 0.0 or (block > 0 and 2 <= y % block < block - 2 and 2 <= x % block < block - 2):
                continue
            touched[:] = 0
            for k in range(25):
                dy, dx = k // 5 - 2, k % 5 - 2
                there = number[y + dy + 2, x + dx + 2]
                q = owner[there] if there >= 0 else -1
                if q < 0:
                    continue
                slot = 3 * (where[q, 0] - where[p, 0]) + where[q, 1] - where[p, 1]
                if slot < 0 or (slot == 0 and k < 12):
                    continue
                value = values[k - 12, here] if k >= 12 else values[12 - k, there]
                if value == 0.0 or (block > 0 and ((y + dy) // block != y // block or (x + dx) // block != x // block)):
                    continue
                value *= scale[here] * scale[there] * (0.5 if k == 12 else 1.0)
                target = product[slot]
                source = basis[row[there] : row[there] + sizes[q]]
                if touched[slot] == 0:
                    touched[slot] = sizes[q]
                    for j in range(sizes[q]):
                        target[j] = value * source[j]
                else:
                    for j in range(sizes[q]):
                        target[j] += value * source[j]
            mine = basis[row[here] : row[here] + size]
            for slot in range(5):
                width = touched[slot]
                if width == 0:
                    continue
                source = product[slot]
                for a in range(size):
                    factor = mine[a]
                    begin = offsets[p, slot] + a * width
                    target = out[begin : begin + width]
                    for j in range(width):
                        target[j] += factor * source[j]
        add_transpose(out, offsets[p, 0], size)


@compiled()
def add_transpose(matrices, begin, size):
    """B += Bᵀ for a square block."""
    for i in range(size):
        for j in range(i + 1):
            total = matrices[begin + i * size + j] + matrices[begin + j * size + i]
            matrices[begin + i * size + j] = total
            matrices[begin + j * size + i] = total


@compiled(forceinline=True, fastmath={"contract"})
def add_product(rows, inner, columns, a, a_begin, a_row, a_column, b, b_begin, c, c_begin):
    """C += A B; B and C are stored row by row, A with the strides `a_row` and `a_column`.

    Four rows of B are added at a time, so that C is loaded and stored a quarter as often; `inner` is a multiple of 4.
    """
    for i in range(rows):
        target = c[c_begin + i * columns : c_begin + (i + 1) * columns]
        for k in range(0, inner, 4):
            at = a_begin + i * a_row + k * a_column
            f0, f1, f2, f3 = a[at], a[at + a_column], a[at + 2 * a_column], a[at + 3 * a_column]
            if f0 == 0.0 and f1 == 0.0 and f2 == 0.0 and f3 == 0.0:
                continue
            begin = b_begin + k * columns
            b0 = b[begin : begin + columns]
            b1 = b[begin + columns : begin + 2 * columns]
            b2 = b[begin + 2 * columns : begin + 3 * columns]
            b3 = b[begin + 3 * columns : begin + 4 * columns]
            for j in range(columns):
                target[j] += (f0 * b0[j] + f1 * b1[j]) + (f2 * b2[j] + f3 * b3[j])


@compiled()
def galerkin_blocks(
    low,
    high,
    stencil,
    offsets,
    sizes,
    neighbours,
    parent,
    basis,
    begins,
    where,
    first,
    children,
    wide,
    coarse_offsets,
    most,
    capacity,
    fresh,
    out,
):
    """Galerkin product Pᵀ A P for blocks of blocks; if most > 0 only entries inside squares of most x most blocks.

    Only matrices between two blocks of which one is `fresh`. A diagonal matrix is computed from half of the entries of
    A, and its transpose added.
    """
    product = np.empty((5, capacity))  # A P, for the rows of one finer block and each of the slots 4-8
    part = np.empty(capacity)  # basis of one finer block, in double precision
    none, one = np.int64(0), np.int64(1)  # not literals: the product would be compiled again for these
    for p in range(low, high):
        touched = np.empty(5, np.int64)
        for c in range(first[p], first[p + 1]):
            q = children[c]
            rows = sizes[q]
            touched[:] = 0
            for k in range(9):
                s = (k + 4) % 9  # the block itself first: its product is halved before others are added
                r = neighbours[q, s]
                if r < 0:
                    continue
                other = parent[r]
                dy, dx = where[other, 0] - where[p, 0], where[other, 1] - where[p, 1]
                slot = 3 * dy + dx
                if slot < 0 or (slot == 0 and s < 4) or not (fresh[p] or fresh[other]):
                    continue
                if most > 0 and (leaves(where[p, 0], dy, most) or leaves(where[p, 1], dx, most)):
                    continue
                inner, width = sizes[r], wide[other]
                begin = offsets[q, s - 4] if s >= 4 else offsets[r, 4 - s]
                if not stencil[begin : begin + rows * inner].any():
                    continue
                if touched[slot] == 0:
                    touched[slot] = width
                    product[slot, : rows * width] = 0.0
                down, right = (inner, one) if s >= 4 else (one, rows)
                for i in range(inner * width):
                    part[i] = basis[begins[r] + i]
                add_product(rows, inner, width, stencil, begin, down, right, part, none, product[slot], none)
                if s == 4:
                    for i in range(rows * width):  # a loop: array expressions take seconds to compile
                        product[0, i] *= 0.5
            for i in range(rows * wide[p]):
                part[i] = basis[begins[q] + i]
            for slot in range(5):
                width = touched[slot]
                if width > 0:
                    target = coarse_offsets[p, slot]
                    add_product(wide[p], rows, width, part, none, one, wide[p], product[slot], none, out, target)
        if fresh[p]:
            add_transpose(out, coarse_offsets[p, 0], wide[p])


@compiled(inline="always")
def leaves(here, step, most):
    """Whether a step leaves the interval of length `most` that contains `here`."""
    return (here + step) // most != here // most


@compiled(fastmath={"contract", "reassoc"})
def factor_block(block, size, live):
    """Cholesky in place; an unknown that depends on the previous ones, up to rounding, is not `live` and left out."""
    for i in range(size):
        before = block[i * size + i]
        for j in range(i):
            total = block[i * size + j]
            for k in range(j):
                total -= block[i * size + k] * block[j * size + k]
            block[i * size + j] = total / block[j * size + j] if live[j] else 0.0
        total = before
        for k in range(i):
            total -= block[i * size + k] * block[i * size + k]
        live[i] = before > 0.0 and total > 1e-9 * before
        block[i * size + i] = np.sqrt(total) if live[i] else 0.0


@compiled(fastmath={"contract", "reassoc"})
def invert_factor(block, size, out):
    """L⁻ᵀ of a lower triangular block, row by row; rows and columns of unknowns that are not live are zero."""
    out[: size * size] = 0.0
    for j in range(size):
        if block[j * size + j] == 0.0:
            continue
        row = out[j * size : (j + 1) * size]
        row[j] = 1.0 / block[j * size + j]
        for i in range(j + 1, size):
            pivot = block[i * size + i]
            if pivot > 0.0:
                total = 0.0
                for k in range(j, i):
                    total -= block[i * size + k] * row[k]
                row[i] = total / pivot


@compiled()
def factor_blocks(low, high, stencil, offsets, sizes, starts, where, inverses, live):
    """Write L⁻ᵀ of every diagonal matrix L Lᵀ to `inverses`, from `where` on, and the identity to its place."""
    for p in range(low, high):
        size, start = sizes[p], offsets[p, 0]
        own = stencil[start : start + size * size]
        factor_block(own, size, live[starts[p] : starts[p] + size])
        invert_factor(own, size, inverses[where[p] : where[p] + size * size])
        own[:] = 0.0
        for i in range(size):
            own[i * size + i] = 1.0


@compiled()
def change_basis(
    low, high, stencil, offsets, sizes, where, inverses, neighbours, first, begins, basis, fresh, units, values
):
    """Normalise the bases: P_p ← P_p L_p⁻ᵀ, and the matrices between blocks accordingly, A_pq ← L_p⁻¹ A_pq L_q⁻ᵀ.

    The bases of `fresh` blocks, and matrices between two of which one is; others are normalised. All matrices are also
    written to `values`, times `units` and rounded, as lines (`multigrid.relax_blocks`).
    """
    none, one = np.int64(0), np.int64(1)  # not literals: the product would be compiled again for these
    for p in range(low, high):
        size = sizes[p]
        rows = first[p + 1] - first[p]
        if fresh[p]:
            own = basis[begins[p] : begins[p] + rows * size]
            before, after = np.empty(rows * size), np.zeros(rows * size)
            for i in range(rows * size):
                before[i] = own[i]
            add_product(rows, size, size, before, none, size, one, inverses, where[p], after, none)
            for i in range(rows * size):
                own[i] = after[i]
        first_ahead, line = offsets[p, 1], line_width(p, neighbours, sizes)
        for s in range(5, 9):
            q = neighbours[p, s]
            if q < 0 or size == 0:
                continue
            width, start = sizes[q], offsets[p, s - 4]
            block = stencil[start : start + size * width]
            if fresh[p] or fresh[q]:
                half = np.zeros(size * width)
                add_product(size, width, width, block, none, width, one, inverses, where[q], half, none)
                block[:] = 0.0
                add_product(size, size, width, inverses, where[p], one, size, half, none, block, none)
            at = first_ahead + (start - first_ahead) // size
            for i in range(size):
                for j in range(width):
                    values[at + i * line + j] = np.rint(units * block[i * width + j])


@compiled(fastmath={"contract", "reassoc"})
def solve_rows(low, high, inverses, corners, finer, first_child, children, begins, sizes, basis):
    """B_c ← L_cᵀ B_c for the rows of every child c of blocks, whose L_c⁻ᵀ is in `inverses`, by back substitution.

    `finer` are the sizes of the children. Rows of unknowns that are not live become 0.
    """
    for p in range(low, high):
        width = sizes[p]
        row = np.empty(width)
        for child in children[first_child[p] : first_child[p + 1]]:
            size, begin, corner = finer[child], begins[child], corners[child]
            for i in range(size - 1, -1, -1):
                pivot, at = inverses[corner + i * size + i], begin + i * width
                for j in range(width):
                    row[j] = basis[at + j]
                for k in range(i + 1, size):
                    factor, other = inverses[corner + i * size + k], begin + k * width
                    for j in range(width):
                        row[j] -= factor * basis[other + j]
                for j in range(width):
                    basis[at + j] = row[j] / pivot if pivot > 0.0 else 0.0


@compiled(fastmath={"contract", "reassoc"})
def symmetric_inverse(matrix):
    """The inverse; unknowns that depend on the previous ones, up to rounding, are left out.

    Not by LAPACK, whose result depends on the number of its threads.
    """
    size = matrix.shape[0]
    live = np.zeros(size, np.bool_)
    factor_block(matrix.reshape(-1), size, live)
    rows = np.empty(size * size)
    invert_factor(matrix.reshape(-1), size, rows)
    inverse = np.empty((size, size))
    for a in range(size):
        for b in range(size):
            total = 0.0
            for k in range(max(a, b), size):
                total += rows[a * size + k] * rows[b * size + k]
            inverse[a, b] = total
    return inverse
