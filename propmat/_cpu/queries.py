"""Exact nearest neighbours of any points in a tree of `neighbours`, and all points within a distance of them."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share
from propmat._cpu.neighbours import FAR, STACK, WIDTH, _gaps


def nearest(tree, queries, count):
    """The `count` nearest pixels of each query (n, d), and their squared distances, (n, count) each, nearest first.

    Of equally near ones the one of smallest index is first. The tree has at least `count` points.
    """
    pixels, distances = np.empty((len(queries), count), np.int32), np.empty((len(queries), count))
    share(_search, len(queries), tree, queries, pixels, distances)
    return pixels, distances


def within(tree, queries, limits):
    """All pixels within squared distances `limits` (n,) of each query: those of query i from starts[i] on."""
    sizes = np.empty(len(queries), np.int64)
    share(_collect, len(queries), tree, queries, limits, sizes, np.empty(0, np.int32))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    found = np.empty(starts[-1], np.int32)
    share(_collect, len(queries), tree, queries, limits, starts, found)
    return starts, found


@compiled()
def _search(low, high, tree, queries, pixels, distances):
    leaves, count = tree.points.shape[0], pixels.shape[1]
    stack, waits, gaps = np.empty(STACK, np.int64), np.empty(STACK), np.empty(WIDTH)
    up = 0
    while tree.pixels.size < count * (leaves >> up):
        up += 1
    for row in range(low, high):
        point, found, near = queries[row], pixels[row], distances[row]
        for k in range(count):
            found[k], near[k] = -1, FAR
        begin = _leaf_near(tree, point, gaps) >> up << up
        end = begin + (1 << up)
        for leaf in range(begin, end):
            _visit(tree, point, leaf, found, near, gaps)
        stack[0], waits[0] = 0, 0.0
        waiting = 1
        while waiting > 0:
            waiting -= 1
            v = stack[waiting]
            if waits[waiting] > near[count - 1]:
                continue
            if v < leaves:
                _gaps(point, point, tree.boxes[v, 0], tree.boxes[v, 1], gaps)
                first, limit = waiting, near[count - 1]
                for i in range(WIDTH):
                    stack[waiting], waits[waiting] = v * WIDTH + i, gaps[i]
                    waiting += gaps[i] <= limit
                _nearest_last(stack, waits, first, waiting)
            elif not begin <= v - leaves < end:
                _visit(tree, point, v - leaves, found, near, gaps)


@compiled(forceinline=True)
def _nearest_last(stack, waits, first, end):
    """Exchange the nearest of the nodes that have just been added with the last, which is visited next."""
    best = first
    for k in range(first + 1, end):
        if waits[k] < waits[best]:
            best = k
    if best < end:
        stack[best], stack[end - 1] = stack[end - 1], stack[best]
        waits[best], waits[end - 1] = waits[end - 1], waits[best]


@compiled()
def _leaf_near(tree, point, gaps):
    """A leaf near a point: the nearest box of each group on the way down."""
    leaves = tree.points.shape[0]
    v = 0
    while v < leaves:
        _gaps(point, point, tree.boxes[v, 0], tree.boxes[v, 1], gaps)
        best = 0
        for i in range(1, WIDTH):
            if gaps[i] < gaps[best]:
                best = i
        v = v * WIDTH + best
    return v - leaves


@compiled(forceinline=True)
def _visit(tree, point, leaf, found, near, gaps):
    """Insert the points of a leaf into the nearest so far."""
    points, start, last = tree.points[leaf], tree.starts[leaf], near.size - 1
    _gaps(point, point, points, points, gaps)
    for i in range(WIDTH):
        distance = gaps[i]
        if distance > near[last]:
            continue
        pixel = tree.pixels[start + i]
        if distance == near[last] and pixel > found[last]:
            continue
        k = last
        while k > 0 and (near[k - 1] > distance or (near[k - 1] == distance and found[k - 1] > pixel)):
            near[k], found[k] = near[k - 1], found[k - 1]
            k -= 1
        near[k], found[k] = distance, pixel


@compiled()
def _collect(low, high, tree, queries, limits, starts, found):
    """The pixels within the limits of queries low..high - 1; if there is no memory for them, only their numbers."""
    leaves = tree.points.shape[0]
    stack, gaps = np.empty(STACK, np.int64), np.empty(WIDTH)
    for row in range(low, high):
        point, limit = queries[row], limits[row]
        place = starts[row] if found.size else 0
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
                if gaps[i] <= limit:
                    if found.size:
                        found[place] = tree.pixels[tree.starts[v - leaves] + i]
                    place += 1
        if not found.size:
            starts[row] = place
