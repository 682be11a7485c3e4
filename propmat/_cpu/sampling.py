"""Shared sampling, first stage: for every unknown pixel a pair of known foreground and background colours.

Labels are 1 (foreground), 0 (background) and -1 (unknown). A pair of colours F, B fits a colour C well if the chromatic
distortion |C - (a F + (1 - a) B)| is small, a being the projection of C on the line from B to F.

A flipped or transposed image has the flipped or transposed samples: no choice depends on the order of pixels or on
rounding. The second stage is `settling`.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share

ROUNDING = 1e-9  # sums with a smaller relative difference are taken for equal
SAME = 1e-18  # colours with a smaller squared distance are taken for equal


@compiled()
def mixture(colour, foreground, background):
    """Projection of a colour on the line from background to foreground, clipped to [0, 1]; 0.5 if they are equal."""
    along = 0.0
    length = 0.0
    for c in range(colour.size):
        side = foreground[c] - background[c]
        along += (colour[c] - background[c]) * side
        length += side * side
    return min(1.0, max(0.0, along / length)) if length > SAME else 0.5


@compiled()
def distortion(colour, foreground, background, alpha):
    """Squared distance from a colour to the mixture of two others."""
    total = 0.0
    for c in range(colour.size):
        off = colour[c] - alpha * foreground[c] - (1.0 - alpha) * background[c]
        total += off * off
    return total


@compiled()
def squared_distance(a, b):
    total = 0.0
    for c in range(a.size):
        total += (a[c] - b[c]) * (a[c] - b[c])
    return total


def expand(image, labels, radius, threshold, slope):
    """Labels in which an unknown pixel has the label of the nearest known pixel of similar colour, within a radius.

    Similar: the colours differ by at most threshold - slope * distance. Of equally near pixels the one with the most
    similar colour is used; if both labels are equally near and similar, the pixel stays unknown.
    """
    expanded = labels.copy()
    share(_expand_rows, len(labels), image, labels, radius, threshold, slope, expanded)
    return expanded


@compiled()
def _expand_rows(low, high, image, labels, radius, threshold, slope, expanded):
    height, width = labels.shape
    reach = int(radius)
    for y in range(low, high):
        for x in range(width):
            if labels[y, x] >= 0:
                continue
            nearest = radius * radius
            closest = np.inf
            for v in range(max(0, y - reach), min(height, y + reach + 1)):
                for u in range(max(0, x - reach), min(width, x + reach + 1)):
                    apart = float((v - y) ** 2 + (u - x) ** 2)
                    if labels[v, u] < 0 or apart > nearest:
                        continue
                    difference = np.sqrt(squared_distance(image[y, x], image[v, u]))
                    if difference > threshold - slope * np.sqrt(apart):
                        continue
                    if apart < nearest or difference < closest:
                        nearest = apart
                        closest = difference
                        expanded[y, x] = labels[v, u]
                    elif difference == closest and labels[v, u] != expanded[y, x]:
                        expanded[y, x] = -1


@compiled()
def _steps_to(away, y, x, ray):
    """Number of steps along a ray from (y, x) to the first pixel of a label; -1 if there is none inside the image.

    `away` is a lower bound of the steps from every pixel to the label (chessboard distance); so many are skipped.
    """
    height, width = away.shape
    steps = 0
    v, u = y, x
    while away[v, u] > 0:
        steps += away[v, u]
        if steps >= ray.shape[0]:
            return -1
        v, u = y + ray[steps, 0], x + ray[steps, 1]
        if v < 0 or u < 0 or v >= height or u >= width:
            return -1
    return steps


@compiled()
def _change_rows(low, high, image, changes):
    """Squared differences of colour between each pixel and four neighbours: the left one, then the three above."""
    height, width, channels = image.shape
    for y in range(low, high):
        for k in range(4):
            up, across = (0, -1) if k == 0 else (1, k - 2)
            if y < up:
                continue
            for x in range(max(0, -across), min(width, width - across)):
                for c in range(channels):
                    changes[k, y, x] += (image[y, x, c] - image[y - up, x + across, c]) ** 2


def _ways(rays, height, width):
    """Flat indices into the differences of `_change_rows` for each step of the rays, relative to the start pixel.

    A step and its reverse have the same difference, which is stored at the later pixel of the two in row order.
    """
    moves = np.diff(rays, axis=2)
    down, right = moves[..., 0], moves[..., 1]
    back = (down < 0) | ((down == 0) & (right < 0))
    later = np.where(back[..., np.newaxis], rays[:, :, :-1], rays[:, :, 1:])
    kind = np.where(down == 0, 0, 2 - down * right)
    return (kind * height + later[..., 0]) * width + later[..., 1]


@compiled()
def _least_energy(changes, place, ways, steps, lengths):
    """The smallest integral of the squared change of colour along rays of `steps` steps; inf if no ray has any.

    The shortest ray is computed first; the sums of most others can then be stopped early.
    """
    shortest = 0
    for ray in range(steps.size):
        if steps[shortest] < 0 or 0 < steps[ray] < steps[shortest]:
            shortest = ray
    least = np.inf
    for turn in range(steps.size):
        ray = (shortest + turn) % steps.size
        total = 0.0 if steps[ray] > 0 else np.inf
        for step in range(steps[ray]):
            total += changes[place + ways[ray, step]]
            if total >= least * lengths[ray]:
                total = np.inf
                break
        least = min(least, total / lengths[ray])
    return least


@compiled()
def _misfit(image, y, x, foreground, background, enough):
    """Sum of the squared distortion by one pair over the 3 x 3 pixels around (y, x); inf once it exceeds `enough`."""
    height, width, _ = image.shape
    total = 0.0
    for v in range(max(0, y - 1), min(height, y + 2)):
        for u in range(max(0, x - 1), min(width, x + 2)):
            alpha = mixture(image[v, u], foreground, background)
            total += distortion(image[v, u], foreground, background, alpha)
        if total > enough:
            return np.inf
    return total


@compiled()
def _spread(image, y, x):
    """Mean squared distance between the colour of (y, x) and those of the 5 x 5 pixels around it."""
    height, width, _ = image.shape
    total = 0.0
    count = 0
    for v in range(max(0, y - 2), min(height, y + 3)):
        for u in range(max(0, x - 2), min(width, x + 3)):
            total += squared_distance(image[v, u], image[y, x])
            count += 1
    return total / count


def gather(image, labels, away, directions, phases):
    """The best pair of colours along a few rays from every unknown pixel (Gastal and Oliveira 2010, section 4.1).

    `away` (2, H, W) are the chessboard distances to background and foreground, `directions[k]` the directions of the
    rays of pixels where `phases` (H, W) is k, each (down, right) of maximum norm 1.

    Returns colours (2, d, H, W), background first, their spread (H, W, 2), and a mask (H, W) of pixels with a pair.
    """
    height, width, channels = image.shape
    places = np.arange(max(height, width))[:, np.newaxis] * directions[:, :, np.newaxis]
    rays = (np.sign(places) * np.floor(np.abs(places) + 0.5)).astype(np.int64)
    lengths = np.linalg.norm(directions, axis=2)
    pairs = np.zeros((2, channels, height, width))
    spreads = np.zeros((height, width, 2))
    found = np.zeros((height, width), np.bool_)
    changes = np.zeros((4, height, width))
    share(_change_rows, height, image, changes)
    given = image, labels, away, changes.reshape(-1), phases, rays, _ways(rays, height, width), lengths
    share(_gather_rows, height, *given, pairs, spreads, found)
    return pairs, spreads, found


@compiled()
def _gather_rows(low, high, image, labels, away, changes, phases, rays, ways, lengths, pairs, spreads, found):
    count = lengths.shape[1]
    steps = np.empty((2, count), np.int64)
    spots = np.empty((2, count, 2), np.int64)
    energies = np.empty(2)
    for y in range(low, high):
        for x in range(labels.shape[1]):
            if labels[y, x] >= 0:
                continue
            phase, place = phases[y, x], y * labels.shape[1] + x
            for label in range(2):
                for ray in range(count):
                    steps[label, ray] = _steps_to(away[label], y, x, rays[phase, ray])
                    # Not used if the ray meets no label.
                    spots[label, ray, 0] = y + rays[phase, ray, steps[label, ray], 0]
                    spots[label, ray, 1] = x + rays[phase, ray, steps[label, ray], 1]
                energies[label] = _least_energy(changes, place, ways[phase], steps[label], lengths[phase])
            if energies[0] == np.inf or energies[1] == np.inf:
                continue
            found[y, x] = True
            for label, ray in enumerate(_best_pair(image, y, x, steps, spots, energies)):
                v, u = spots[label, ray]
                spreads[y, x, label] = _spread(image, v, u)
                for c in range(image.shape[2]):
                    pairs[label, c, y, x] = image[v, u, c]


@compiled()
def _best_pair(image, y, x, steps, spots, energies):
    """The rays of the background and the foreground that minimise the cost at (y, x)."""
    both = energies[0] + energies[1]
    probably = energies[0] / both if both > 0.0 else 0.5  # probability of foreground, which smooth rays reach
    least = np.inf
    best = -1, -1
    for f in range(steps.shape[1]):
        for b in range(steps.shape[1]):
            if steps[0, b] < 0 or steps[1, f] < 0:
                continue
            (by, bx), (fy, fx) = spots[0, b], spots[1, f]
            background, foreground = image[by, bx], image[fy, fx]
            alpha = mixture(image[y, x], foreground, background)
            unlikely = probably + (1.0 - 2.0 * probably) * alpha
            to_f = np.sqrt(float((fy - y) ** 2 + (fx - x) ** 2))
            to_b2 = float((by - y) ** 2 + (bx - x) ** 2)
            weight = unlikely**2 * to_f * to_b2**2
            enough = np.cbrt(least / weight) * (1.0 + ROUNDING) if weight > 0.0 else np.inf
            misfit = _misfit(image, y, x, foreground, background, enough)
            cost = misfit**3 * weight if misfit < np.inf else np.inf
            if best[0] < 0 or cost < (1.0 - ROUNDING) * least:
                least, best = cost, (b, f)
            elif cost <= (1.0 + ROUNDING) * least and _comes_before(image, y, x, spots, (b, f), best):
                least, best = min(cost, least), (b, f)
    return best


@compiled()
def _rank(image, y, x, spots, pair, rank):
    """Keys that decide between pairs of equal cost: distances, spread of colours around the samples, and colours."""
    channels = image.shape[2]
    for label in range(2):
        v, u = spots[label, pair[label], 0], spots[label, pair[label], 1]
        rank[label] = (v - y) ** 2 + (u - x) ** 2
        rank[2 + label] = _spread(image, v, u)
        for c in range(channels):
            rank[4 + channels * label + c] = image[v, u, c]


@compiled()
def _comes_before(image, y, x, spots, one, other):
    """Whether the first of two pairs of rays with equal cost is preferred, by the first key of `_rank` that differs."""
    ranks = np.empty((2, 4 + 2 * image.shape[2]))
    _rank(image, y, x, spots, one, ranks[0])
    _rank(image, y, x, spots, other, ranks[1])
    for k in range(ranks.shape[1]):
        if abs(ranks[0, k] - ranks[1, k]) > ROUNDING * abs(ranks[1, k]):
            return ranks[0, k] < ranks[1, k]
    return False
