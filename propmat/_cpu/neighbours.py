"""Exact nearest neighbours among all pixels of an image, by a balanced kd-tree.

Node v of the tree has the children 2v and 2v + 1; the root is 1, and the leaves are the last nodes. Points are stored
in the order of the leaves, at most 16 in each. Searches descend four levels at a time: group g holds the bounding boxes
of the nodes 16g to 16g + 15, coordinate by coordinate as a leaf holds its points, so that one vectorised loop over 16
numbers tests a whole group or leaf. Ties: all pixels at the distance of the k-th neighbour are neighbours too, so that
the result does not depend on the order of pixels or on the number of threads.
"""

import math
from typing import NamedTuple

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share

LEVELS = 4
WIDTH = 1 << LEVELS
STACK = 10 * WIDTH  # capacity of the stack of one search: at most 15 nodes for each four levels
FAR = np.finfo(np.float64).max  # above all distances between points, below those to padding, which are inf


class Tree(NamedTuple):
    """A kd-tree.

    Attributes
    ----------
    pixels : (n,) array of int32
        The pixel of each point, in the order of the leaves.
    starts : (leaves + 1,) array
        Leaf p, which is node leaves + p, holds the points starts[p] to starts[p + 1] - 1.
    points : (leaves, d, 16) array
        The coordinates of the points of each leaf, padded with inf.
    boxes : (groups, 2, d, 16) array
        Smallest and largest coordinates in each node of a group, padded with inf.
    """

    pixels: np.ndarray
    starts: np.ndarray
    points: np.ndarray
    boxes: np.ndarray


class Marked(NamedTuple):
    """Which points are marked, and the bounding boxes of the marked points; an empty box is from inf to -inf."""

    points: np.ndarray
    boxes: np.ndarray


class Nearest(NamedTuple):
    """Neighbours of the points, in the order of the leaves.

    Attributes
    ----------
    pixels : (n, k) array of int32
        The k nearest pixels of each point, nearest first; of equally distant ones those of smaller index, first. -1 in
        rows whose search was terminated early.
    limits : (n,) array
        Squared distance to the k-th.
    starts : (n + 1,) array
        Row r has the further neighbours tied[starts[r]] to tied[starts[r + 1] - 1].
    tied : (m,) array of int32
        Further pixels at the distance of the k-th.
    """

    pixels: np.ndarray
    limits: np.ndarray
    starts: np.ndarray
    tied: np.ndarray


class Work(NamedTuple):
    """Work arrays of the search for the points of one leaf, with a row for each point. All distances are squared.

    Attributes
    ----------
    distances : (16, k) array
        To the nearest points found so far.
    limits : (16,) array
        Upper bound of the distance to the k-th neighbour; -1 for a point whose search is terminated early.
    reach : (16,) array
        Upper bound of the distance to the nearest marked point; inf before one is found.
    tied : (16,) array
        Number of points found at the distance of the k-th so far that are not among the k.
    stack, waits : (STACK,) array
        Nodes still to be visited, and the distances to their boxes.
    gaps, near : (16,) array
        Distances to the boxes of a group or the points of a leaf.
    """

    distances: np.ndarray
    limits: np.ndarray
    reach: np.ndarray
    tied: np.ndarray
    stack: np.ndarray
    waits: np.ndarray
    gaps: np.ndarray
    near: np.ndarray


@compiled(inline="always")
def _swap(points, pixels, i, j):
    for c in range(points.shape[1]):
        points[i, c], points[j, c] = points[j, c], points[i, c]
    pixels[i], pixels[j] = pixels[j], pixels[i]


@compiled()
def _select(points, pixels, start, stop, middle, axis):
    """Quickselect (Hoare 1961): reorder points start..stop - 1 so that none before `middle` exceeds a later one."""
    low, high = start, stop - 1
    while low < high:
        pivot = points[(low + high) // 2, axis]
        i, j = low, high
        while i <= j:
            while points[i, axis] < pivot:
                i += 1
            while points[j, axis] > pivot:
                j -= 1
            if i <= j:
                _swap(points, pixels, i, j)
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            return


@compiled()
def _bound(points, start, stop, box):
    """The bounding box of points start..stop - 1."""
    for c in range(points.shape[1]):
        box[0, c] = np.inf
        box[1, c] = -np.inf
    for i in range(start, stop):
        for c in range(points.shape[1]):
            box[0, c] = min(box[0, c], points[i, c])
            box[1, c] = max(box[1, c], points[i, c])


def build(points):
    """The tree of `points` (n, d), which are reordered."""
    n, dimensions = points.shape
    depth = max(0, math.ceil(math.log2(n / WIDTH)))
    leaves = 1 << depth
    tree = Tree(
        np.arange(n, dtype=np.int32),
        n * np.arange(leaves + 1) >> depth,
        np.full((leaves, dimensions, WIDTH), np.inf),
        np.full((max(2 * leaves >> LEVELS, 1), 2, dimensions, WIDTH), np.inf),
    )
    for level in range(depth + 1):
        share(_halve, 1 << level, level, depth, points, *tree)
    return tree


@compiled()
def _halve(low, high, level, depth, points, pixels, starts, leaves, boxes):
    """Split nodes low..high - 1 of a level at the median along their longest side; copy points to the leaves."""
    dimensions = points.shape[1]
    box = np.empty((2, dimensions))
    for p in range(low, high):
        start, stop = starts[p << depth - level], starts[p + 1 << depth - level]
        v = (1 << level) + p
        _bound(points, start, stop, box)
        if (depth - level) % LEVELS == 0:
            for c in range(dimensions):  # a loop: array assignments take seconds to compile
                boxes[v >> LEVELS, 0, c, v % WIDTH], boxes[v >> LEVELS, 1, c, v % WIDTH] = box[0, c], box[1, c]
        if level == depth:
            for c in range(dimensions):
                for i in range(start, stop):
                    leaves[p, c, i - start] = points[i, c]
            continue
        axis = 0
        for c in range(1, dimensions):
            if box[1, c] - box[0, c] > box[1, axis] - box[0, axis]:
                axis = c
        _select(points, pixels, start, stop, starts[2 * p + 1 << depth - level - 1], axis)


@compiled()
def _boxes_of_marked(tree, marked):
    """The boxes of `Marked`, in the layout of the boxes of the tree."""
    leaves, dimensions, _ = tree.points.shape
    boxes = np.full(tree.boxes.shape, np.inf)
    first = leaves
    while first > 0:
        for v in range(first, 2 * first):
            box = boxes[v >> LEVELS, :, :, v % WIDTH]
            for c in range(dimensions):
                box[1, c] = -np.inf
                if first == leaves:
                    p = v - leaves
                    start = tree.starts[p]
                    for i in range(tree.starts[p + 1] - start):
                        if marked[start + i]:
                            box[0, c] = min(box[0, c], tree.points[p, c, i])
                            box[1, c] = max(box[1, c], tree.points[p, c, i])
                else:
                    for i in range(WIDTH):
                        box[0, c] = min(box[0, c], boxes[v, 0, c, i])
                        box[1, c] = max(box[1, c], boxes[v, 1, c, i])
        first >>= LEVELS
    return boxes


@compiled(forceinline=True)
def _gaps(low, high, lows, highs, gaps):
    """Squared distances between a box and 16 boxes; a point is a box without extent.

    The same operations for boxes and points: rounding cannot make a box more distant than a point in it.
    """
    gaps[:] = 0.0
    for c in range(low.size):
        least, greatest = low[c], high[c]
        for i in range(gaps.size):  # for a constant length the compiler would unroll the loop and not vectorise it
            below, above = lows[c, i] - greatest, least - highs[c, i]
            gap = below if below > above else above
            gap = gap if gap > 0.0 else 0.0
            gaps[i] += gap * gap


@compiled(forceinline=True)
def _visit(tree, p, q, other, limit, nearest, distances, tied, gaps):
    """Insert the points of leaf `other` into the nearest so far of point q of leaf p; returns the new limit."""
    point, points = tree.points[p, :, q], tree.points[other]
    _gaps(point, point, points, points, gaps)
    if other == p:
        gaps[q] = np.inf
    last = nearest.size - 1
    for i in range(WIDTH):
        distance = gaps[i]
        if distance > limit:
            continue
        pixel = tree.pixels[tree.starts[other] + i]
        farthest = distances[last]
        if distance == farthest and pixel > nearest[last]:
            tied[q] += 1
            continue
        k = last
        while k > 0 and (distances[k - 1] > distance or (distances[k - 1] == distance and nearest[k - 1] > pixel)):
            distances[k] = distances[k - 1]
            nearest[k] = nearest[k - 1]
            k -= 1
        distances[k] = distance
        nearest[k] = pixel
        tied[q] = tied[q] + 1 if farthest == distances[last] else 0
        limit = min(limit, distances[last])
    return limit


@compiled()
def _search_beside(tree, p, q, node, up, nearest, work):
    """Search for point q of leaf p in the group of its ancestor `node`, except below the node ``node >> up``."""
    leaves, point, group = tree.points.shape[0], tree.points[p, :, q], node >> LEVELS
    stack, waits, gaps = work.stack, work.waits, work.gaps
    limit, distances = work.limits[q], work.distances[q]
    _gaps(point, point, tree.boxes[group, 0], tree.boxes[group, 1], gaps)
    waiting = 0
    for i in range(WIDTH - 1, (1 << up) - 1, -1):  # the sibling last, so that it is visited first
        stack[waiting], waits[waiting] = node ^ i, gaps[(node ^ i) % WIDTH]
        waiting += gaps[(node ^ i) % WIDTH] <= limit
    while waiting > 0:
        waiting -= 1
        v = stack[waiting]
        if waits[waiting] > limit:
            continue
        if v >= leaves:
            limit = _visit(tree, p, q, v - leaves, limit, nearest, distances, work.tied, gaps)
            continue
        _gaps(point, point, tree.boxes[v, 0], tree.boxes[v, 1], gaps)
        for i in range(WIDTH):
            stack[waiting], waits[waiting] = v * WIDTH + i, gaps[i]
            waiting += gaps[i] <= limit
    work.limits[q] = limit


@compiled()
def _extent(tree, p, up):
    """Upper bound of the squared distances from points of leaf p to points below its ancestor `up` levels higher."""
    leaf = tree.points.shape[0] + p
    boxes, own = tree.boxes[leaf >> LEVELS], leaf % WIDTH
    start = own >> up << up
    extent = 0.0
    for c in range(boxes.shape[1]):
        gap = 0.0
        for i in range(start, start + (1 << up)):
            gap = max(gap, boxes[1, c, i] - boxes[0, c, own], boxes[1, c, own] - boxes[0, c, i])
        extent += gap * gap
    return extent


@compiled(forceinline=True)
def _greatest_open(limits, reach):
    """The largest limit within which no marked point has been found yet."""
    greatest = -1.0
    for q in range(WIDTH):
        if reach[q] > limits[q] > greatest:
            greatest = limits[q]
    return greatest


@compiled()
def _rule_out(tree, marked, p, work):
    """Set limits of points of leaf p to -1 if no marked point is within them; returns whether any limit is left."""
    leaves, points = tree.points.shape[0], tree.points[p]
    own = tree.boxes[leaves + p >> LEVELS, :, :, (leaves + p) % WIDTH]
    limits, reach, stack, waits, gaps, near = work.limits, work.reach, work.stack, work.waits, work.gaps, work.near
    greatest = _greatest_open(limits, reach)
    stack[0], waits[0] = 0, 0.0
    waiting = 1
    while waiting > 0:
        waiting -= 1
        v = stack[waiting]
        if waits[waiting] > greatest:
            continue
        if v < leaves:
            _gaps(own[0], own[1], marked.boxes[v, 0], marked.boxes[v, 1], gaps)
            for i in range(WIDTH):
                stack[waiting], waits[waiting] = v * WIDTH + i, gaps[i]
                waiting += gaps[i] <= greatest
            continue
        box = marked.boxes[v >> LEVELS, :, :, v % WIDTH]
        start, others = tree.starts[v - leaves], tree.points[v - leaves]
        _gaps(box[0], box[1], points, points, near)
        for q in range(WIDTH):
            if near[q] <= limits[q] < reach[q]:
                _gaps(points[:, q], points[:, q], others, others, gaps)
                for i in range(WIDTH):
                    if gaps[i] <= limits[q] and marked.points[start + i]:
                        reach[q] = gaps[i]
                        break
        greatest = _greatest_open(limits, reach)
    left = False
    for q in range(WIDTH):
        if reach[q] > limits[q]:
            limits[q] = -1.0
        left = left or limits[q] >= 0.0
    return left


@compiled()
def _search(tree, marked, p, up, nearest, work):
    """The nearest points of those of leaf p: first those below its ancestor `up` levels higher, then the rest upwards.

    Starting nearby makes the limits tight early, if that ancestor has more than k points. A search is terminated early
    when neither the point nor any of its neighbours can be marked.
    """
    size, own = nearest.shape[0], tree.points.shape[0] + p
    extent = _extent(tree, p, up) if _has_more_points(tree, nearest.shape[1], up) else FAR
    limits, reach = work.limits, work.reach
    limits[:], reach[:] = -1.0, np.inf
    limits[:size] = extent
    marked_here = marked.points[tree.starts[p] : tree.starts[p + 1]]
    if marked_here.any():
        for q in range(size):
            reach[q] = 0.0 if marked_here[q] else extent
    nearest[:], work.distances[:], work.tied[:] = -1, FAR, 0
    if not _rule_out(tree, marked, p, work):
        return
    for q in range(size):
        if limits[q] >= 0.0:
            for other in range(p >> up << up, (p >> up) + 1 << up):
                limits[q] = _visit(tree, p, q, other, limits[q], nearest[q], work.distances[q], work.tied, work.gaps)
    if not _rule_out(tree, marked, p, work):
        return
    for q in range(size):
        if limits[q] >= 0.0:
            _search_beside(tree, p, q, own, up, nearest[q], work)
    if not _rule_out(tree, marked, p, work):
        return
    none = np.int64(0)  # not a literal: the search would be compiled again for it
    for q in range(size):
        node = own >> LEVELS
        while node > 0 and limits[q] >= 0.0:
            _search_beside(tree, p, q, node, none, nearest[q], work)
            node >>= LEVELS


@compiled()
def _has_more_points(tree, count, up):
    """Whether there are more than `count` points below each node `up` levels above the leaves."""
    return tree.pixels.size >= (count + 1) * (tree.points.shape[0] >> up)


@compiled()
def _search_leaves(low, high, tree, marked, neighbours, farthest, ties):
    """The rows of `Nearest.pixels` for leaves low..high - 1, and the number of further tied neighbours of each."""
    count = neighbours.shape[1]
    distances, limits, reach, tied = (
        np.empty((WIDTH, count)),
        np.empty(WIDTH),
        np.empty(WIDTH),
        np.empty(WIDTH, np.int64),
    )
    stack, waits, gaps, near = np.empty(STACK, np.int64), np.empty(STACK), np.empty(WIDTH), np.empty(WIDTH)
    work = Work(distances, limits, reach, tied, stack, waits, gaps, near)
    up = np.int64(0)  # not a literal, as in _search
    while up < LEVELS and not _has_more_points(tree, count, up):
        up += 1
    for p in range(low, high):
        start = tree.starts[p]
        nearest = neighbours[start : tree.starts[p + 1]]
        _search(tree, marked, p, up, nearest, work)
        for q in range(nearest.shape[0]):
            farthest[start + q], ties[start + q] = distances[q, count - 1], tied[q]
            if limits[q] < 0.0:
                nearest[q], ties[start + q] = -1, 0


@compiled()
def _collect_ties(low, high, tree, nearest):
    """Fill in the further pixels at the distance of the k-th neighbour, for leaves low..high - 1."""
    leaves = tree.points.shape[0]
    stack, gaps = np.empty(STACK, np.int64), np.empty(WIDTH)
    for p in range(low, high):
        start = tree.starts[p]
        for row in range(start, tree.starts[p + 1]):
            place = nearest.starts[row]
            if place == nearest.starts[row + 1]:
                continue
            point, limit, last = tree.points[p, :, row - start], nearest.limits[row], nearest.pixels[row, -1]
            stack[0] = 0
            waiting = 1
            while waiting > 0:
                waiting -= 1
                v = stack[waiting]
                if v < leaves:
                    _gaps(point, point, tree.boxes[v, 0], tree.boxes[v, 1], gaps)
                    for i in range(WIDTH):
                        stack[waiting] = v * WIDTH + i
                        waiting += gaps[i] <= limit
                    continue
                _gaps(point, point, tree.points[v - leaves], tree.points[v - leaves], gaps)
                for i in range(WIDTH):
                    if gaps[i] == limit and tree.starts[v - leaves] + i != row:
                        pixel = tree.pixels[tree.starts[v - leaves] + i]
                        if pixel > last:
                            nearest.tied[place] = pixel
                            place += 1


def search(tree, marked, count):
    """The `count` < n nearest pixels, nearest first, of each point that is marked or has a marked neighbour.

    All pixels at the distance of the last are neighbours too. The row of a point that is not marked and has no marked
    neighbour may be filled with -1.
    """
    n = tree.pixels.size
    neighbours, limits, ties = np.empty((n, count), np.int32), np.empty(n), np.empty(n, np.int64)
    points = Marked(marked, _boxes_of_marked(tree, marked))
    share(_search_leaves, len(tree.points), tree, points, neighbours, limits, ties)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(ties)])
    nearest = Nearest(neighbours, limits, starts, np.empty(starts[-1], np.int32))
    share(_collect_ties, len(tree.points), tree, nearest)
    return nearest


@compiled()
def pairs_with(wanted, pixels, nearest):
    """The pairs of a pixel and a neighbour, at least one of them wanted, as arrays of smaller and of larger indices."""
    most = nearest.pixels.size + nearest.tied.size
    first, second = np.empty(most, np.int32), np.empty(most, np.int32)
    found = 0
    for row in range(pixels.size):
        one = pixels[row]
        for others in (nearest.pixels[row], nearest.tied[nearest.starts[row] : nearest.starts[row + 1]]):
            for other in others:
                if other >= 0 and (wanted[one] or wanted[other]):
                    first[found], second[found] = min(one, other), max(one, other)
                    found += 1
    return first[:found].copy(), second[:found].copy()


@compiled()
def _sorted_by(keys, others, pixels):
    """Both columns of a table, sorted by the first; the sort is stable (counting sort)."""
    places = np.zeros(pixels + 1, np.int64)
    for key in keys:
        places[key + 1] += 1
    for pixel in range(pixels):
        places[pixel + 1] += places[pixel]
    sorted_keys, sorted_others = np.empty_like(keys), np.empty_like(others)
    for row in range(keys.size):
        place = places[keys[row]]
        places[keys[row]] += 1
        sorted_keys[place], sorted_others[place] = keys[row], others[row]
    return sorted_keys, sorted_others


@compiled()
def tally(first, second, pixels):
    """The distinct pairs in lexicographic order, and the number of occurrences of each."""
    second, first = _sorted_by(second, first, pixels)
    first, second = _sorted_by(first, second, pixels)
    times = np.empty(first.size, np.int64)
    kept = 0
    for row in range(first.size):
        if kept and first[kept - 1] == first[row] and second[kept - 1] == second[row]:
            times[kept - 1] += 1
        else:
            first[kept], second[kept], times[kept] = first[row], second[row], 1
            kept += 1
    return first[:kept], second[:kept], times[:kept]
