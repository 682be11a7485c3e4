"""Kernels of a coarse space of few functions, each of which is nonzero on one cluster of pixels.

Z (n, m q): pixel i belongs to cluster ``labels[i]``, one of m, on which q functions have the values ``functions[i]``.
A Z is stored by rows: row i has a block of q numbers, ``blocks[k]``, for each cluster ``clusters[k]`` that it touches,
k from ``starts[i]`` to ``starts[i + 1] - 1``. Pixel i is the entry ``position[i]`` of vectors. Coarse vectors have m q
numbers. Their sums are computed in a fixed number of parts, so that they do not depend on the number of threads.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import over_chunks, share

CHUNKS = 16


def assign(points, centres):
    """The nearest of the centres (m, f) to each of the points (n, f); of equally near ones the first."""
    labels = np.empty(len(points), np.int32)
    share(_assign, len(points), points, np.ascontiguousarray(centres.T), labels)
    return labels


@compiled(fastmath={"contract"})
def _assign(low, high, points, centres, labels):
    distances = np.empty(centres.shape[1])
    for i in range(low, high):
        for j in range(distances.size):
            distances[j] = 0.0
        for f in range(points.shape[1]):
            own, row = points[i, f], centres[f]
            for j in range(distances.size):
                gap = own - row[j]
                distances[j] += gap * gap
        best = 0
        for j in range(1, distances.size):
            if distances[j] < distances[best]:
                best = j
        labels[i] = best


def times_functions(first, second, through, inner, labels, functions, count):
    """(S + T + B C) Z as (starts, clusters, blocks), for S, T (k, n) and B (k, l) in CSR.

    C Z is given as `inner`, in the same form.
    """
    size = first.shape[0]
    found = np.empty(size, np.int64)
    given = _parts(first) + _parts(second) + _parts(through) + inner + (labels, functions, count)
    share(_row_blocks, size, *given, found, np.empty(0, np.int32), np.empty((0, functions.shape[1])))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(found)])
    clusters, blocks = np.empty(starts[-1], np.int32), np.zeros((starts[-1], functions.shape[1]))
    share(_row_blocks, size, *given, starts, clusters, blocks)
    return starts, clusters, blocks


def _parts(matrix):
    return matrix.indptr, matrix.indices, matrix.data


@compiled()
def _row_blocks(
    low,
    high,
    first_starts,
    first_columns,
    first_entries,
    second_starts,
    second_columns,
    second_entries,
    through_starts,
    through_columns,
    through_entries,
    inner_starts,
    inner_clusters,
    inner_blocks,
    labels,
    functions,
    count,
    starts,
    clusters,
    blocks,
):
    """The blocks of rows low..high - 1; if there is no memory for them, only their numbers, into `starts`."""
    counting = not clusters.size
    place, met = np.full(count, -1, np.int64), np.empty(count, np.int32)
    for i in range(low, high):
        begin, found = 0 if counting else starts[i], 0
        for k in range(first_starts[i], first_starts[i + 1]):
            j = first_columns[k]
            found = _meet(labels[j], place, met, found)
            if not counting:
                _add_to(blocks[begin + place[labels[j]]], first_entries[k], functions[j])
        for k in range(second_starts[i], second_starts[i + 1]):
            j = second_columns[k]
            found = _meet(labels[j], place, met, found)
            if not counting:
                _add_to(blocks[begin + place[labels[j]]], second_entries[k], functions[j])
        for k in range(through_starts[i], through_starts[i + 1]):
            j = through_columns[k]
            for own in range(inner_starts[j], inner_starts[j + 1]):
                found = _meet(inner_clusters[own], place, met, found)
                if not counting:
                    _add_to(blocks[begin + place[inner_clusters[own]]], through_entries[k], inner_blocks[own])
        if counting:
            starts[i] = found
        for k in range(found):
            place[met[k]] = -1
            if not counting:
                clusters[begin + k] = met[k]


@compiled(forceinline=True)
def _meet(cluster, place, met, found):
    """Give a cluster the next place if it has none in this row; returns how many have one."""
    if place[cluster] >= 0:
        return found
    place[cluster] = found
    met[found] = cluster
    return found + 1


@compiled(forceinline=True)
def _add_to(block, factor, values):
    for c in range(block.size):
        block[c] += factor * values[c]


def coarse_matrix(starts, clusters, blocks, labels, functions, count):
    """Z' (A Z), dense."""
    size = count * functions.shape[1]
    order = np.argsort(labels, kind="stable")
    begins = np.searchsorted(labels[order], np.arange(count + 1))
    matrix = np.zeros((size, size))
    share(_coarse_rows, count, starts, clusters, blocks, functions, order, begins, matrix)
    return matrix


@compiled()
def _coarse_rows(low, high, starts, clusters, blocks, functions, order, begins, matrix):
    width = functions.shape[1]
    for p in range(low, high):
        for own in range(begins[p], begins[p + 1]):
            i = order[own]
            for k in range(starts[i], starts[i + 1]):
                column = clusters[k] * width
                for a in range(width):
                    for b in range(width):
                        matrix[p * width + a, column + b] += functions[i, a] * blocks[k, b]


def restrict(space, vector, size):
    """Z' v."""
    sums = np.zeros((CHUNKS, size))
    _restrict(_chunks(space.position), space.position, space.labels, space.functions, vector, sums)
    return sums.sum(axis=0)


def restrict_image(space, vector, size):
    """(A Z)' v."""
    sums = np.zeros((CHUNKS, size))
    image = space.starts, space.clusters, space.blocks
    _restrict_image(_chunks(space.position), space.position, *image, vector, sums)
    return sums.sum(axis=0)


def subtract_image(space, coarse, vector, out):
    """out = v - A Z c."""
    image = space.starts, space.clusters, space.blocks
    _subtract_image(_chunks(space.position), space.position, *image, coarse, vector, out)


def add(space, coarse, vector, out):
    """out = v + Z c."""
    _add(_chunks(space.position), space.position, space.labels, space.functions, coarse, vector, out)


def _chunks(position):
    return np.arange(CHUNKS + 1) * position.size // CHUNKS


@over_chunks(fastmath={"contract"})
def _restrict(low, high, chunks, position, labels, functions, vector, sums):
    width = functions.shape[1]
    for part in range(low, high):
        out = sums[part]
        for i in range(chunks[part], chunks[part + 1]):
            own, first, row = vector[position[i]], labels[i] * width, functions[i]
            for c in range(0, width, 4):
                out[first + c] += row[c] * own
                out[first + c + 1] += row[c + 1] * own
                out[first + c + 2] += row[c + 2] * own
                out[first + c + 3] += row[c + 3] * own


@over_chunks(fastmath={"contract"})
def _restrict_image(low, high, chunks, position, starts, clusters, blocks, vector, sums):
    width = blocks.shape[1]
    for part in range(low, high):
        out = sums[part]
        for i in range(chunks[part], chunks[part + 1]):
            own = np.float64(vector[position[i]])
            for k in range(starts[i], starts[i + 1]):
                first, row = clusters[k] * width, blocks[k]
                for c in range(0, width, 4):
                    out[first + c] += row[c] * own
                    out[first + c + 1] += row[c + 1] * own
                    out[first + c + 2] += row[c + 2] * own
                    out[first + c + 3] += row[c + 3] * own


@over_chunks(fastmath={"contract", "reassoc"})
def _subtract_image(low, high, chunks, position, starts, clusters, blocks, coarse, vector, out):
    width = blocks.shape[1]
    for i in range(chunks[low], chunks[high]):
        total = vector[position[i]]
        for k in range(starts[i], starts[i + 1]):
            first, row = clusters[k] * width, blocks[k]
            for c in range(0, width, 4):
                total -= (
                    row[c] * coarse[first + c]
                    + row[c + 1] * coarse[first + c + 1]
                    + row[c + 2] * coarse[first + c + 2]
                    + row[c + 3] * coarse[first + c + 3]
                )
        out[position[i]] = total


@over_chunks(fastmath={"contract", "reassoc"})
def _add(low, high, chunks, position, labels, functions, coarse, vector, out):
    width = functions.shape[1]
    for i in range(chunks[low], chunks[high]):
        first, row = labels[i] * width, functions[i]
        total = np.float64(vector[position[i]])
        for c in range(0, width, 4):
            total += (
                row[c] * coarse[first + c]
                + row[c + 1] * coarse[first + c + 1]
                + row[c + 2] * coarse[first + c + 2]
                + row[c + 3] * coarse[first + c + 3]
            )
        out[position[i]] = total
