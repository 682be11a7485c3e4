"""Symmetric operators on the unknown pixels of an image, stored as 13 arrays.

The pixels that an operator may read, called the support, are the unknown ones dilated by two pixels, numbered row
by row in an image with a border of two pixels. In this numbering the five neighbours of a pixel on each of its five
rows are consecutive, so that a run, a maximal horizontal sequence of unknown pixels, needs one offset for each
neighbouring row and no column indices. Array 0 is the diagonal; arrays 1-2 hold the entries to the next two pixels of
the row, 3-7 to the five of the next row, 8-12 to the five of the row after that. The other half follows by symmetry:
it is read from the neighbour's entries.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import over_chunks

LANES = 64  # windows processed together (one is a lane) in vectorised loops; their statistics fit the L1 cache
STRIPE = 32  # rows of one task, which no other task writes to
CHUNKS = 64  # parts of a parallel loop: fixed, so that sums do not depend on the number of threads


@compiled()
def number_support(unknown):
    """Support numbers (height + 4, width + 4), -1 outside; the centres of windows with an unknown pixel; the size."""
    height, width = unknown.shape
    near = np.zeros((height + 4, width + 4), np.uint8)
    for y in range(height):
        for x in range(width):
            if unknown[y, x]:
                for v in range(-2, 3):
                    for u in range(-2, 3):
                        ring = 1 if max(abs(u), abs(v)) == 2 else 2
                        if near[y + 2 + v, x + 2 + u] < ring:
                            near[y + 2 + v, x + 2 + u] = ring
    number = np.full((height + 4, width + 4), -1, np.int32)
    size = 0
    for y in range(height + 4):
        for x in range(width + 4):
            if near[y, x]:
                number[y, x] = size
                size += 1
    centres = np.zeros((height, width), np.bool_)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            centres[y, x] = near[y + 2, x + 2] == 2
    return number, centres, size


@compiled()
def find_runs(unknown, number):
    """One row per run of unknown pixels: first number, length, and the offsets to rows -2, -1, 1 and 2."""
    height, width = unknown.shape
    count = 0
    for y in range(height):
        for x in range(width):
            if unknown[y, x] and (x == 0 or not unknown[y, x - 1]):
                count += 1
    runs = np.empty((count, 6), np.int64)
    k = -1
    for y in range(height):
        for x in range(width):
            if not unknown[y, x]:
                continue
            if x == 0 or not unknown[y, x - 1]:
                k += 1
                first = number[y + 2, x + 2]
                runs[k, 0] = first
                runs[k, 1] = 0
                runs[k, 2] = number[y, x + 2] - first
                runs[k, 3] = number[y + 1, x + 2] - first
                runs[k, 4] = number[y + 3, x + 2] - first
                runs[k, 5] = number[y + 4, x + 2] - first
            runs[k, 1] += 1
    return runs


def cut_runs(runs):
    """The first run of each chunk, and the end of the last; chunks have about equally many pixels."""
    ends = np.cumsum(runs[:, 1])
    chunks = np.searchsorted(ends, np.linspace(0, runs[:, 1].sum(), CHUNKS + 1))
    chunks[-1] = len(runs)
    return np.unique(chunks)


@compiled(inline="always")
def straddles(unknown, top, left, height, width, block):
    """Whether the unknown pixels of a small rectangle lie in more than one block."""
    if top % block + height <= block and left % block + width <= block:
        return False
    found_y, found_x = -1, -1
    for y in range(top, top + height):
        for x in range(left, left + width):
            if unknown[y, x]:
                if found_y < 0:
                    found_y, found_x = y // block, x // block
                elif found_y != y // block or found_x != x // block:
                    return True
    return False


@compiled(inline="always")
def window_factors(image, y, centres, count, epsilon, centred, covariance, out):
    """M with B = I - 1/9 - M Mᵀ for the windows around (y, centres[t]); M = Y K⁻ᵀ / 3, K Kᵀ = Σ + ε/9 I.

    Y are the centred colours of a window, Σ their covariance. The innermost loops are over windows, so that they are
    vectorised.
    """
    depth = image.shape[2]
    for c in range(depth):
        mean = out[c, 0]
        for t in range(count):
            mean[t] = 0.0
        for a in range(9):
            row, lane = image[y - 1 + a // 3], centred[a, c]
            for t in range(count):
                lane[t] = row[centres[t] - 1 + a % 3, c]
                mean[t] += lane[t]
        for a in range(9):
            lane = centred[a, c]
            for t in range(count):
                lane[t] -= mean[t] / 9.0
    for c in range(depth):
        for e in range(c + 1):
            total = covariance[c, e]
            start = epsilon if c == e else 0.0
            for t in range(count):
                total[t] = start
            for a in range(9):
                left, right = centred[a, c], centred[a, e]
                for t in range(count):
                    total[t] += left[t] * right[t]
            for t in range(count):
                total[t] /= 9.0
            for k in range(e):
                left, right = covariance[c, k], covariance[e, k]
                for t in range(count):
                    total[t] -= left[t] * right[t]
            # If the colours are collinear, cancellation may destroy the pivot; ε/9 is an exact lower bound. Stored is
            # its reciprocal.
            pivot = covariance[e, e]
            for t in range(count):
                total[t] = 1.0 / np.sqrt(max(total[t], epsilon / 9.0)) if c == e else total[t] * pivot[t]
    for a in range(9):
        for c in range(depth):
            total, lane, pivot = out[c, a], centred[a, c], covariance[c, c]
            for t in range(count):
                total[t] = lane[t] / 3.0
            for k in range(c):
                left, right = covariance[c, k], out[k, a]
                for t in range(count):
                    total[t] -= left[t] * right[t]
            for t in range(count):
                total[t] *= pivot[t]


@compiled(inline="always")
def square_factor(factor, lane, work):
    """Replace M of B = I - 1/9 - M Mᵀ by the factor of B² = I - 1/9 - M (2 - MᵀM) Mᵀ."""
    depth = factor.shape[0]
    for c in range(depth):
        for e in range(c + 1):
            total = 2.0 if c == e else 0.0
            for a in range(9):
                total -= factor[c, a, lane] * factor[e, a, lane]
            for k in range(e):
                total -= work[c, k] * work[e, k]
            work[c, e] = np.sqrt(total) if c == e else total / work[e, e]  # eigenvalues are in [1, 2]
    for a in range(9):
        for c in range(depth):
            total = 0.0
            for k in range(c, depth):
                total += factor[k, a, lane] * work[k, c]
            factor[c, a, lane] = total


@compiled(inline="always")
def scatter_windows(factor, begin, count, number, y, x, rectangle, values):
    """Add the matrices of windows around (y, x), (y, x + 1), … from lane `begin` on to the pixels of a rectangle."""
    depth = factor.shape[0]
    top, left, bottom, right = rectangle
    for a in range(9):
        row, column = y - 1 + a // 3, x - 1 + a % 3
        if row < top or row >= bottom:
            continue
        skipped = max(0, left - column)
        length = min(count, right - column) - skipped
        if length <= 0:
            continue
        first, low = number[row + 2, column + 2 + skipped], begin + skipped
        for b in range(a, 9):
            dy, dx = b // 3 - a // 3, b % 3 - a % 3
            k = dx if dy == 0 else 5 * dy + dx
            target = values[k, first : first + length]
            constant = (1.0 if a == b else 0.0) - 1.0 / 9.0
            for t in range(length):
                target[t] += constant
            for c in range(depth):
                one, other = factor[c, a, low : low + length], factor[c, b, low : low + length]
                for t in range(length):
                    target[t] -= one[t] * other[t]


@compiled(inline="always")
def clear_rows(number, top, bottom, values):
    """Set the entries of the pixels of some rows to zero; their support numbers are consecutive."""
    first, last = -1, -1
    for y in range(top + 2, bottom + 2):
        for x in range(number.shape[1]):
            if number[y, x] >= 0:
                first, last = (number[y, x] if first < 0 else first), number[y, x]
    if first >= 0:
        for k in range(values.shape[0]):
            values[k, first : last + 1] = 0.0


@compiled(fastmath={"contract"})
def sum_windows(image, unknown, centres, number, epsilon, squared, block, rectangle, values):
    """Add the window matrices B, or B², to the entries of the pixels of a rectangle (top, left, bottom, right).

    If block > 0, only those of windows with unknown pixels in several blocks.
    """
    height, width, depth = image.shape
    top, left, bottom, right = rectangle
    factor = np.empty((depth, 9, LANES))
    centred = np.empty((9, depth, LANES))
    covariance = np.empty((depth, depth, LANES))
    work = np.empty((depth, depth))
    lanes = np.empty(LANES, np.int64)
    end_x = min(width - 1, right + 1)
    for y in range(max(1, top - 1), min(height - 1, bottom + 1)):
        x = max(1, left - 1)
        while x < end_x:
            count = np.int64(0)  # not a literal: callees would be compiled again for literal arguments
            while count < LANES and x < end_x:
                if centres[y, x] and (block == 0 or straddles(unknown, y - 1, x - 1, 3, 3, block)):
                    lanes[count] = x
                    count += 1
                x += 1
            window_factors(image, y, lanes, count, epsilon, centred, covariance, factor)
            if squared:
                for lane in range(count):
                    square_factor(factor, lane, work)
            begin = np.int64(0)
            while begin < count:
                end = begin + 1
                while end < count and lanes[end] == lanes[end - 1] + 1:
                    end += 1
                scatter_windows(factor, begin, end - begin, number, y, lanes[begin], rectangle, values)
                begin = end


@compiled()
def assemble_windows(low, high, image, unknown, centres, number, epsilon, squared, block, values):
    """Sum the closed-form window matrices B, or B²; if block > 0, only windows with unknown pixels in several blocks.

    For stripes `low` to `high` - 1 of STRIPE rows; each writes to its own rows only.
    """
    height, width, _ = image.shape
    for stripe in range(low, high):
        top, bottom = stripe * STRIPE, min(height, (stripe + 1) * STRIPE)
        clear_rows(number, top, bottom, values)
        rectangle = np.int64(top), np.int64(0), np.int64(bottom), np.int64(width)
        sum_windows(image, unknown, centres, number, epsilon, squared, block, rectangle, values)


@compiled()
def assemble_near(low, high, image, unknown, centres, number, epsilon, squared, block, rectangles, values):
    """The same for the entries of the pixels of disjoint rectangles, which are 0 at first; block > 0."""
    for k in range(low, high):
        rectangle = rectangles[k, 0], rectangles[k, 1], rectangles[k, 2], rectangles[k, 3]
        sum_windows(image, unknown, centres, number, epsilon, squared, block, rectangle, values)


@compiled()
def assemble_edges(horizontal, vertical, unknown, number, block, values):
    """Sum the matrices of 4-connected edges with an unknown pixel; `block` as for windows."""
    height, width = unknown.shape
    clear_rows(number, 0, height, values)
    for y in range(height):
        for x in range(width):
            here = number[y + 2, x + 2]
            if here < 0:
                continue
            for k in range(2):
                v, u = y + k, x + 1 - k
                if v >= height or u >= width or not (unknown[y, x] or unknown[v, u]):
                    continue
                if block > 0 and not straddles(unknown, y, x, 1 + k, 2 - k, block):
                    continue
                weight = vertical[y, x] if k else horizontal[y, x]
                there = number[v + 2, u + 2]
                values[0, here] += weight
                values[0, there] += weight
                values[5 if k else 1, here] -= weight


@compiled(fastmath={"contract"})
def multiply_runs(values, runs, begin, end, x, y):
    """y = A x on the pixels of some runs."""
    for k in range(begin, end):
        first, count = runs[k, 0], runs[k, 1]
        out = y[first : first + count]
        x0 = x[first - 2 : first + count + 2]
        a0 = values[0, first : first + count]
        a1 = values[1, first - 1 : first + count]
        a2 = values[2, first - 2 : first + count]
        for t in range(count):
            out[t] = (
                a0[t] * x0[t + 2] + a1[t + 1] * x0[t + 3] + a2[t + 2] * x0[t + 4] + a1[t] * x0[t + 1] + a2[t] * x0[t]
            )
        for dy in range(1, 3):
            low = first + runs[k, 3 + dy]
            high = first + runs[k, 4 - dy]
            below = x[low - 2 : low + count + 2]
            c0 = values[5 * dy - 2, first : first + count]
            c1 = values[5 * dy - 1, first : first + count]
            c2 = values[5 * dy, first : first + count]
            c3 = values[5 * dy + 1, first : first + count]
            c4 = values[5 * dy + 2, first : first + count]
            for t in range(count):
                out[t] += (
                    c0[t] * below[t]
                    + c1[t] * below[t + 1]
                    + c2[t] * below[t + 2]
                    + c3[t] * below[t + 3]
                    + c4[t] * below[t + 4]
                )
            above = x[high - 2 : high + count + 2]
            e4 = values[5 * dy + 2, high - 2 : high + count - 2]
            e3 = values[5 * dy + 1, high - 1 : high + count - 1]
            e2 = values[5 * dy, high : high + count]
            e1 = values[5 * dy - 1, high + 1 : high + count + 1]
            e0 = values[5 * dy - 2, high + 2 : high + count + 2]
            for t in range(count):
                out[t] += (
                    e4[t] * above[t]
                    + e3[t] * above[t + 1]
                    + e2[t] * above[t + 2]
                    + e1[t] * above[t + 3]
                    + e0[t] * above[t + 4]
                )


@over_chunks()
def _multiply_chunks(low, high, values, runs, chunks, x, y, partial):
    for c in range(low, high):
        multiply_runs(values, runs, chunks[c], chunks[c + 1], x, y)
        total = 0.0
        for k in range(chunks[c], chunks[c + 1]):
            for i in range(runs[k, 0], runs[k, 0] + runs[k, 1]):
                total += x[i] * y[i]
        partial[c] = total


def multiply(values, runs, chunks, x, y, partial):
    """y = A x on the unknown pixels; returns xᵀ A x, summed in a fixed order."""
    _multiply_chunks(values, runs, chunks, x, y, partial)
    return sum(partial[: len(chunks) - 1].tolist())


@compiled()
def to_csr(values, support_of, number, rank, coordinates, pointers, columns, data):
    """Convert to canonical CSR; with empty `columns` only the row pointers are computed."""
    n = support_of.size
    fill = columns.size > 0
    k = 0
    for i in range(n):
        pointers[i] = k
        y, x = coordinates[i, 0] + 2, coordinates[i, 1] + 2
        here = support_of[i]
        for dy in range(-2, 3):
            for dx in range(-2, 3):
                there = number[y + dy, x + dx]
                if there < 0 or rank[there] < 0:
                    continue
                forward = dy > 0 or (dy == 0 and dx >= 0)
                a, b, owner = (dy, dx, here) if forward else (-dy, -dx, there)
                value = values[b if a == 0 else 5 * a + b, owner]
                if value != 0.0:
                    if fill:
                        columns[k] = rank[there]
                        data[k] = value
                    k += 1
    pointers[n] = k
