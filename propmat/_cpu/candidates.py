"""Candidates for the colours of a pixel: clusters of known pixels, and what all pairs of them say of alpha.

Candidates of one label are a tuple with the names of `propmat.sampling._comprehensive.Candidates`. Costs are negative
logarithms of densities.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share

NEGLIGIBLE = 12.0  # above the least cost: a weight of 6e-6


@compiled()
def _scatter(points, owner, own, squares, mean):
    """Mean and sum of squared deviations, by channel, of the points of one owner; returns how many there are."""
    size = 0
    mean[:] = 0.0
    squares[:] = 0.0
    for i in range(owner.size):
        if owner[i] == own:
            size += 1
            mean += points[i]
    mean /= size
    for i in range(owner.size):
        if owner[i] == own:
            squares += (points[i] - mean) ** 2
    return size


@compiled()
def cluster(colours, starts, most, smallest):
    """Cut each run of `colours` (n, d), from starts[k] to starts[k + 1], into up to `most` clusters.

    What scatters most, of all clusters and channels, is cut at its mean, as long as its variance is above `smallest`.
    Returns the number of each point's cluster.
    """
    owner = np.zeros(colours.shape[0], np.int64)
    squares = np.empty((most, colours.shape[1]))
    means = np.empty_like(squares)
    sizes = np.empty(most, np.int64)
    total = 0
    for run in range(starts.size - 1):
        points = colours[starts[run] : starts[run + 1]]
        own = owner[starts[run] : starts[run + 1]]
        sizes[0] = _scatter(points, own, 0, squares[0], means[0])
        count = 1
        while count < most:
            k, c = divmod(np.argmax(squares[:count]), squares.shape[1])
            if squares[k, c] <= smallest * sizes[k]:
                break
            for i in range(own.size):
                if own[i] == k and points[i, c] > means[k, c]:
                    own[i] = count
            for part in (k, count):
                sizes[part] = _scatter(points, own, part, squares[part], means[part])
            count += 1
        own += total
        total += count
    return owner


@compiled()
def _near(candidates, count, y, x):
    """Numbers of the `count` candidates nearest to (y, x), and of all that stand for a whole ring."""
    away = np.square(candidates.places[:, 0] - y) + np.square(candidates.places[:, 1] - x) + candidates.extents
    away[candidates.of_ring] = -1.0
    last = min(away.size, count + np.count_nonzero(candidates.of_ring)) - 1
    return np.flatnonzero(away <= np.partition(away, last)[last])


@compiled()
def _pair(foreground, f, background, b, noise, mixed, apart, precision, fixed):
    """For all pairs: squared difference of colours, half the inverse variance around their line, and cost."""
    channels = foreground.colours.shape[1]
    for i in range(f.size):
        for j in range(b.size):
            square = scatter = 0.0
            for c in range(channels):
                square += (foreground.colours[f[i], c] - background.colours[b[j], c]) ** 2
                scatter += foreground.variances[f[i], c] + background.variances[b[j], c]
            variance = noise + scatter / (4 * channels)  # of the mixture of halves
            apart[i, j] = max(square, noise * 1e-6)
            precision[i, j] = 0.5 / variance
            fixed[i, j] = (
                0.5 * (channels - 1) * np.log(variance / noise)
                + 0.5 * np.log(1.0 + square / (2.0 * np.pi * noise))
                - mixed
            )


@compiled()
def _single(colour, y, x, reach, candidates, taken, noise, closeness, off, pure):
    """For all candidates of a label, `reach` away from (y, x): cost of its place, squared distance to the colour, and
    cost of the colour being of this candidate alone."""
    weights = 0.0
    for k in range(taken.size):
        i = taken[k]
        away = (candidates.places[i, 0] - y) ** 2 + (candidates.places[i, 1] - x) ** 2 + candidates.extents[i]
        weight = reach / np.sqrt(max(away, reach * reach))
        weights += weight
        closeness[k] = -np.log(weight)
        off[k] = pure[k] = 0.0
        for c in range(colour.size):
            square = (colour[c] - candidates.colours[i, c]) ** 2
            variance = noise + candidates.variances[i, c]
            off[k] += square
            pure[k] += 0.5 * (square / variance + np.log(variance / noise))
    closeness += np.log(weights)


@compiled(inline="always")
def _project(off_f, off_b, apart):
    """Projection of a colour on a segment, and its squared distance, from the sides of the triangle (Stewart)."""
    along = min(1.0, max(0.0, 0.5 * (off_b - off_f + apart) / apart))
    return along, max(0.0, along * off_f + (1.0 - along) * off_b - along * (1.0 - along) * apart)


def explain(image, labels, reaches, corners, side, background, foreground, count, noise, mixed, strange):
    """Alpha of every unknown pixel as its expectation over all candidates (see `propmat.sampling.comprehensive`).

    `reaches` (2, H, W) are the distances to the labels, `corners` those of the tiles, of `side` pixels, that hold
    unknown pixels; pixels of a tile share their candidates. `mixed` and `strange` are the prior log odds of mixed
    pixels and of those that no candidate explains, the latter with the log density of their colours.

    Returns alpha and its variance, both (H, W), and the colours of the likeliest pair (H, W, 2, d), background first.
    """
    height, width, channels = image.shape
    alpha, variance = np.zeros((2, height, width))
    pairs = np.zeros((height, width, 2, channels))
    candidates = background, foreground, count, noise, mixed, strange
    share(_explain_tiles, len(corners), image, labels, reaches, corners, side, *candidates, alpha, variance, pairs)
    return alpha, variance, pairs


@compiled()
def _explain_tiles(
    low,
    high,
    image,
    labels,
    reaches,
    corners,
    side,
    background,
    foreground,
    count,
    noise,
    mixed,
    strange,
    alpha,
    variance,
    pairs,
):
    height, width = labels.shape
    for tile in range(low, high):
        top, left = corners[tile]
        middle = 0.5 * (side - 1)
        f = _near(foreground, count, top + middle, left + middle)
        b = _near(background, count, top + middle, left + middle)
        apart, precision, fixed, cost = np.empty((4, f.size, b.size))
        close_f, off_f, pure_f = np.empty((3, f.size))
        close_b, off_b, pure_b, lowest = np.empty((4, b.size))
        _pair(foreground, f, background, b, noise, mixed, apart, precision, fixed)
        for y in range(top, min(height, top + side)):
            for x in range(left, min(width, left + side)):
                if labels[y, x] >= 0:
                    continue
                to_b, to_f = reaches[0, y, x], reaches[1, y, x]
                _single(image[y, x], y, x, to_f, foreground, f, noise, close_f, off_f, pure_f)
                _single(image[y, x], y, x, to_b, background, b, noise, close_b, off_b, pure_b)
                pure_f += close_f - np.log(to_b / (to_b + to_f))
                pure_b += close_b - np.log(to_f / (to_b + to_f))
                lowest[:] = np.inf  # by column; to look for it afterwards would take an eighth of the time
                for i in range(f.size):
                    for j in range(b.size):
                        _, off = _project(off_f[i], off_b[j], apart[i, j])
                        cost[i, j] = close_f[i] + close_b[j] + fixed[i, j] + off * precision[i, j]
                        lowest[j] = cost[i, j] if cost[i, j] < lowest[j] else lowest[j]
                j = np.argmin(lowest)
                i = np.argmin(cost[:, j])
                pairs[y, x, 0], pairs[y, x, 1] = background.colours[b[j]], foreground.colours[f[i]]
                least = min(cost[i, j], pure_f.min(), pure_b.min(), -strange)
                neither = np.exp(least + strange)
                alone = np.exp(least - pure_f).sum()
                total = alone + np.exp(least - pure_b).sum() + neither
                first = alone + neither / 2.0
                second = alone + neither / 3.0
                for i in range(f.size):
                    for j in range(b.size):
                        if cost[i, j] > least + NEGLIGIBLE:
                            continue
                        weight = np.exp(least - cost[i, j])
                        along, _ = _project(off_f[i], off_b[j], apart[i, j])
                        total += weight
                        first += weight * along
                        second += weight * along * along
                alpha[y, x] = first / total
                variance[y, x] = max(0.0, second / total - alpha[y, x] ** 2)
