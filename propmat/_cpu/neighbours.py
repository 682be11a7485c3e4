"""Exact nearest neighbours among all pixels of an image, by a balanced kd-tree.

Node v of the tree has the children 2v and 2v + 1, its root is 1 and its 2^depth leaves are the last nodes. The points
lie in the order of the leaves, so node p of level t holds those from n p / 2^t on: no pointers, no ranges to store.
Among equal distances the pixel of the smaller number comes first, which makes the neighbours the same for every order
of the work and any number of threads.
"""

import numpy as np
from numba import prange

from propmat._cpu._compiled import compiled

STACK = 64  # nodes that wait in one search: at most one for each level
TIGHT = 2  # levels to climb from the leaf before the distance found so far rules marked points out


@compiled(inline="always")
def _swap(points, pixels, i, j):
    for c in range(points.shape[1]):
        points[i, c], points[j, c] = points[j, c], points[i, c]
    pixels[i], pixels[j] = pixels[j], pixels[i]


@compiled()
def _select(points, pixels, start, stop, middle, axis):
    """Reorder start..stop - 1 so that along `axis` no point before `middle` exceeds one after it (Hoare 1961)."""
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
    """The box around points start..stop - 1."""
    for c in range(points.shape[1]):
        box[0, c] = np.inf
        box[1, c] = -np.inf
    for i in range(start, stop):
        for c in range(points.shape[1]):
            box[0, c] = min(box[0, c], points[i, c])
            box[1, c] = max(box[1, c], points[i, c])


@compiled(parallel=True)
def build(points, pixels, depth):
    """Reorder `points` (n, d) and their `pixels` in place; returns the boxes of all nodes (2^(depth + 1), 2, d)."""
    n, dimensions = points.shape
    boxes = np.empty((2 << depth, 2, dimensions))
    for level in range(depth + 1):
        for p in prange(1 << level):
            start, stop = n * p >> level, n * (p + 1) >> level
            box = boxes[(1 << level) + p]
            _bound(points, start, stop, box)
            if level < depth:
                axis = 0
                for c in range(1, dimensions):
                    if box[1, c] - box[0, c] > box[1, axis] - box[0, axis]:
                        axis = c
                _select(points, pixels, start, stop, n * (2 * p + 1) >> (level + 1), axis)
    return boxes


@compiled(inline="always")
def _distance(points, i, point):
    """Squared distance."""
    total = 0.0
    for c in range(point.size):
        gap = points[i, c] - point[c]
        total += gap * gap
    return total


@compiled(inline="always")
def _distance_to_box(point, box):
    """Squared distance, 0 inside; rounded like that to a point, so never above that to a point of the box."""
    total = 0.0
    for c in range(point.size):
        gap = max(box[0, c] - point[c], point[c] - box[1, c])
        if gap > 0.0:
            total += gap * gap
    return total


@compiled(inline="always")
def _visit(points, pixels, own, start, stop, nearest, distances, limit):
    """Sort the points start..stop - 1, but for `own`, into the nearest so far; returns the largest distance kept."""
    last = nearest.size - 1
    point = points[own]
    for i in range(start, stop):
        if i == own:
            continue
        distance = _distance(points, i, point)
        if distance > limit or (distance == limit and pixels[i] > nearest[last]):
            continue
        k = last
        while k > 0 and (distances[k - 1] > distance or (distances[k - 1] == distance and nearest[k - 1] > pixels[i])):
            distances[k] = distances[k - 1]
            nearest[k] = nearest[k - 1]
            k -= 1
        distances[k] = distance
        nearest[k] = pixels[i]
        limit = distances[last]
    return limit


@compiled(inline="always")
def _leaf_of(place, points, depth):
    """The node of the leaf that holds the point at `place`."""
    return (1 << depth) + ((place + 1 << depth) - 1) // points


@compiled(inline="always")
def _push(boxes, point, v, stack, gaps, waiting):
    """Let the children of node v wait, the nearer one on top."""
    left = _distance_to_box(point, boxes[2 * v])
    right = _distance_to_box(point, boxes[2 * v + 1])
    nearer = 1 if right < left else 0
    stack[waiting], gaps[waiting] = 2 * v + 1 - nearer, max(left, right)
    stack[waiting + 1], gaps[waiting + 1] = 2 * v + nearer, min(left, right)


@compiled()
def _nodes_with(marked, depth):
    """Mask of the nodes that hold a marked point."""
    n = marked.size
    holds_marked = np.zeros(2 << depth, np.bool_)
    for v in range((2 << depth) - 1, 0, -1):
        if v >> depth:
            p = v - (1 << depth)
            holds_marked[v] = marked[n * p >> depth : n * (p + 1) >> depth].any()
        else:
            holds_marked[v] = holds_marked[2 * v] or holds_marked[2 * v + 1]
    return holds_marked


@compiled()
def _marked_within(points, boxes, depth, marked, holds_marked, own, limit, stack, gaps):
    """Whether a marked point lies within the squared distance `limit` of point `own`."""
    n = points.shape[0]
    point = points[own]
    stack[0], gaps[0] = 1, 0.0
    waiting = 1
    while waiting > 0:
        waiting -= 1
        v = stack[waiting]
        if gaps[waiting] > limit or not holds_marked[v]:
            continue
        if not v >> depth:
            _push(boxes, point, v, stack, gaps, waiting)
            waiting += 2
            continue
        p = v - (1 << depth)
        for i in range(n * p >> depth, n * (p + 1) >> depth):
            if marked[i] and _distance(points, i, point) <= limit:
                return True
    return False


@compiled()
def _cut_off(boxes, depth, node, holds_marked, stack):
    """Whether all marked points are further from all points of a node than these can be from each other."""
    box, limit = boxes[node], 0.0
    for c in range(box.shape[1]):
        limit += (box[1, c] - box[0, c]) ** 2
    stack[0] = 1
    waiting = 1
    while waiting > 0:
        waiting -= 1
        v = stack[waiting]
        gap = 0.0
        for c in range(box.shape[1]):
            gap += max(0.0, boxes[v, 0, c] - box[1, c], box[0, c] - boxes[v, 1, c]) ** 2
        if gap > limit or not holds_marked[v]:
            continue
        if v >> depth:
            return False
        stack[waiting], stack[waiting + 1] = 2 * v, 2 * v + 1
        waiting += 2
    return True


@compiled()
def _search(points, pixels, boxes, depth, marked, holds_marked, own, stack, gaps, nearest, distances):
    """The nearest points to point `own`, from its leaf upwards, where the bound soon is tight.

    False, with the search cut short, if the first distances prove that neither it nor one of them is marked.
    """
    n = pixels.size
    point = points[own]
    node = _leaf_of(own, n, depth)
    p = node - (1 << depth)
    distances[:] = np.inf
    nearest[:] = -1
    limit = _visit(points, pixels, own, n * p >> depth, n * (p + 1) >> depth, nearest, distances, np.inf)
    reaches = marked[own]
    while node > 1:
        if not reaches and node >> max(depth - TIGHT, 0) <= 1:
            if not _marked_within(points, boxes, depth, marked, holds_marked, own, limit, stack, gaps):
                return False
            reaches = True
        stack[0] = node ^ 1
        gaps[0] = _distance_to_box(point, boxes[node ^ 1])
        waiting = 1
        while waiting > 0:
            waiting -= 1
            v = stack[waiting]
            if gaps[waiting] > limit:
                continue
            if v >> depth:
                p = v - (1 << depth)
                limit = _visit(points, pixels, own, n * p >> depth, n * (p + 1) >> depth, nearest, distances, limit)
            else:
                _push(boxes, point, v, stack, gaps, waiting)
                waiting += 2
        node >>= 1
    return True


@compiled(parallel=True)
def search(points, pixels, boxes, depth, marked, count):
    """The `count` nearest pixels, nearest first, of each point that is marked or has a marked one among them.

    Rows are in the order of the leaves. A row of a point for which neither holds may be filled with -1.
    """
    n = pixels.size
    holds_marked = _nodes_with(marked, depth)
    neighbours = np.empty((n, count), np.int32)
    level = max(depth - TIGHT, 0)
    for p in prange(1 << level):
        stack = np.empty(STACK, np.int64)
        gaps = np.empty(STACK)
        distances = np.empty(count)
        first, last = n * p >> level, n * (p + 1) >> level
        if last - first > count and _cut_off(boxes, depth, (1 << level) + p, holds_marked, stack):
            neighbours[first:last] = -1
            continue
        for own in range(first, last):
            nearest = neighbours[own]
            if not _search(points, pixels, boxes, depth, marked, holds_marked, own, stack, gaps, nearest, distances):
                nearest[:] = -1
    return neighbours
