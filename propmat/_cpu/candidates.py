"""Comprehensive sampling: clusters of known colours as candidates, and alpha as the expectation over their pairs.

Candidates of one label are a tuple with the fields of `propmat.sampling._comprehensive.Candidates`; positions are
relative to the centre of the image. Costs are negative logarithms of probability densities.

Comparisons treat numbers whose relative difference is below `ROUNDING` as equal, so that the result does not depend on
the order in which pixels are summed.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share

NEGLIGIBLE = 12.0  # pairs whose cost is larger than the minimum by more than this, a weight below 6e-6, are skipped
ROUNDING = 1e-9


@compiled()
def _scatter(points, owner, own, squares, mean):
    """Mean and sum of squared deviations, by channel, of the points of cluster `own`; returns their number."""
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
def _greatest(squares):
    """Row and column of the largest number; of equal ones the first."""
    least = (1.0 - ROUNDING) * squares.max()
    for k in range(squares.shape[0]):
        for c in range(squares.shape[1]):
            if squares[k, c] >= least:
                return k, c
    return 0, 0


@compiled()
def cluster(colours, starts, most, smallest):
    """Divide each group of `colours` (n, d), from starts[k] to starts[k + 1] - 1, into up to `most` clusters.

    The cluster and channel with the largest sum of squared deviations are split at the mean, repeatedly, as long as the
    variance there is above `smallest`. Returns the number of the cluster of each point.
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
            k, c = _greatest(squares[:count])
            if squares[k, c] <= (1.0 + ROUNDING) * smallest * sizes[k]:
                break
            for i in range(own.size):
                if own[i] == k and points[i, c] > means[k, c] + ROUNDING:
                    own[i] = count
            for part in (k, count):
                sizes[part] = _scatter(points, own, part, squares[part], means[part])
            count += 1
        own += total
        total += count
    return owner


@compiled()
def _near(candidates, count, place):
    """Indices of the `count` candidates nearest to a position, and of all that represent a whole ring."""
    down, right = candidates.places[:, 0] - place[0], candidates.places[:, 1] - place[1]
    away = np.square(down) + np.square(right) + candidates.extents
    away[candidates.of_ring] = -1.0
    last = min(away.size, count + np.count_nonzero(candidates.of_ring)) - 1
    return np.flatnonzero(away <= np.partition(away, last)[last] + ROUNDING)


@compiled()
def _pair(foreground, f, background, b, noise, mixed, apart, precision, fixed):
    """For all pairs: squared distance of the colours, half the inverse variance around the line between them, cost."""
    channels = foreground.colours.shape[1]
    for i in range(f.size):
        for j in range(b.size):
            square = scatter = 0.0
            for c in range(channels):
                square += (foreground.colours[f[i], c] - background.colours[b[j], c]) ** 2
                scatter += foreground.variances[f[i], c] + background.variances[b[j], c]
            variance = noise + scatter / (4 * channels)  # of a mixture with alpha = 1/2
            apart[i, j] = max(square, noise * 1e-6)
            precision[i, j] = 0.5 / variance
            fixed[i, j] = (
                0.5 * (channels - 1) * np.log(variance / noise)
                + 0.5 * np.log(1.0 + square / (2.0 * np.pi * noise))
                - mixed
            )


@compiled()
def _single(colour, down, right, reach, candidates, taken, noise, closeness, off, pure):
    """For all candidates of a label: cost of the position, squared distance to the colour, cost of the colour alone.

    `reach` is the distance from (down, right) to the label. The last is the cost of the pixel being pure, its colour
    drawn from this candidate alone.
    """
    weights = 0.0
    for k in range(taken.size):
        i = taken[k]
        away = (candidates.places[i, 0] - down) ** 2 + (candidates.places[i, 1] - right) ** 2 + candidates.extents[i]
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
    """Projection of a colour on a segment, and squared distance to it, from the sides of the triangle.

    Arguments are squared lengths; the distance is by Stewart's theorem.
    """
    along = min(1.0, max(0.0, 0.5 * (off_b - off_f + apart) / apart))
    return along, max(0.0, along * off_f + (1.0 - along) * off_b - along * (1.0 - along) * apart)


def explain(image, labels, reaches, tiles, background, foreground, count, noise, mixed, strange):
    """Alpha of every unknown pixel as its expectation over all candidates (see `propmat.sampling.comprehensive`).

    `reaches` (2, H, W) are the distances to background and foreground; `tiles`
    (`propmat.sampling._comprehensive.Tiles`) contain the unknown pixels, and pixels of a tile have the same candidates.
    `mixed` and `strange` are prior log odds: of mixed pixels, and of pixels that no candidate explains, the latter plus
    the log density of their colours.

    Returns alpha and its variance, both (H, W), and the colours of the most probable pair (H, W, 2, d), background
    first.
    """
    height, width, channels = image.shape
    alpha, variance = np.zeros((2, height, width))
    pairs = np.zeros((height, width, 2, channels))
    candidates = background, foreground, count, noise, mixed, strange
    share(_explain_tiles, len(tiles.top), image, labels, reaches, tiles, *candidates, alpha, variance, pairs)
    return alpha, variance, pairs


@compiled()
def _explain_tiles(
    low,
    high,
    image,
    labels,
    reaches,
    tiles,
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
        f = _near(foreground, count, tiles.middles[tile])
        b = _near(background, count, tiles.middles[tile])
        apart, precision, fixed, cost = np.empty((4, f.size, b.size))
        close_f, off_f, pure_f = np.empty((3, f.size))
        close_b, off_b, pure_b, lowest = np.empty((4, b.size))
        _pair(foreground, f, background, b, noise, mixed, apart, precision, fixed)
        for y in range(tiles.top[tile], tiles.bottom[tile]):
            for x in range(tiles.left[tile], tiles.right[tile]):
                if labels[y, x] >= 0:
                    continue
                to_b, to_f = reaches[0, y, x], reaches[1, y, x]
                down, right = y - 0.5 * (height - 1), x - 0.5 * (width - 1)
                _single(image[y, x], down, right, to_f, foreground, f, noise, close_f, off_f, pure_f)
                _single(image[y, x], down, right, to_b, background, b, noise, close_b, off_b, pure_b)
                pure_f += close_f - np.log(to_b / (to_b + to_f))
                pure_b += close_b - np.log(to_f / (to_b + to_f))
                lowest[:] = np.inf  # minimum of each column, kept in this loop: a second pass would take 1/8 longer
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
