"""Blocks of the matrix of a graph that is given by weighted pairs of pixels."""

import numpy as np

from propmat._cpu._compiled import compiled


def cut(first, second, weight, unknown, diagonal):
    """D - W of weighted pairs, which include all with an unknown pixel, cut for the elimination of known pixels.

    `unknown` is a mask of the pixels; `diagonal`, (n,) for the n unknown ones, is added. Pairs are in lexicographic
    order. Returns the block of the unknown pixels and the block of unknown rows and known columns, both as data,
    indices, indptr of a canonical CSR; edges without weight are left out.
    """
    number = np.where(unknown, np.cumsum(unknown), np.cumsum(~unknown)).astype(np.int32) - np.int32(1)
    places = np.zeros((3, diagonal.size + 1), np.int64)
    given = first, second, weight, unknown, number
    _count_entries(*given, places)
    inner, outer = (np.zeros(diagonal.size + 1, np.int32) for _ in range(2))
    np.cumsum(1 + places[0, :-1] + places[1, :-1], out=inner[1:])
    np.cumsum(places[2, :-1], out=outer[1:])
    blocks = [(np.empty(ends[-1]), np.empty(ends[-1], np.int32), ends) for ends in (inner, outer)]
    _fill_entries(*given, diagonal, places, *blocks[0], *blocks[1])
    return blocks


@compiled()
def _count_entries(first, second, weight, unknown, number, places):
    """Count the entries of each row: before the diagonal, after it, and in known columns."""
    for k in range(first.size):
        one, other = first[k], second[k]
        if weight[k] == 0.0:
            continue
        if unknown[one] and unknown[other]:
            places[1, number[one]] += 1
            places[0, number[other]] += 1
        elif unknown[one]:
            places[2, number[one]] += 1
        elif unknown[other]:
            places[2, number[other]] += 1


@compiled()
def _fill_entries(
    first, second, weight, unknown, number, diagonal, places, data, indices, inner, outer_data, outer_indices, outer
):
    """Fill both blocks; in lexicographic order the entries of a row come in the order of their columns."""
    for i in range(diagonal.size):
        begin, middle = inner[i], inner[i] + places[0, i]
        data[middle], indices[middle] = diagonal[i], i
        places[0, i], places[1, i], places[2, i] = begin, middle + 1, outer[i]
    for k in range(first.size):
        one, other, value = first[k], second[k], weight[k]
        if value == 0.0:
            continue
        i, j = number[one], number[other]
        if unknown[one] and unknown[other]:
            data[places[1, i]], indices[places[1, i]] = -value, j
            data[places[0, j]], indices[places[0, j]] = -value, i
            places[1, i] += 1
            places[0, j] += 1
        elif unknown[one]:
            outer_data[places[2, i]], outer_indices[places[2, i]] = -value, j
            places[2, i] += 1
        elif unknown[other]:
            outer_data[places[2, j]], outer_indices[places[2, j]] = -value, i
            places[2, j] += 1
    _add_degrees(diagonal.size, data, indices, inner, outer_data, outer)


@compiled()
def _add_degrees(rows, data, indices, inner, outer_data, outer):
    """Add to the diagonal what makes the sums of rows 0, with both blocks."""
    for i in range(rows):
        total, middle = 0.0, inner[i]
        for k in range(inner[i], inner[i + 1]):
            if indices[k] == i:
                middle = k
            else:
                total -= data[k]
        for k in range(outer[i], outer[i + 1]):
            total -= outer_data[k]
        data[middle] += total
