"""Sampling: every unknown pixel finds a known foreground colour and a known background colour that explain it.

Labels are 1 (foreground), 0 (background) and -1 (unknown). A pair of colours F, B explains a colour C as far as the
chromatic distortion |C - (a F + (1 - a) B)| is small, a being the projection of C on the line from B to F.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share


@compiled()
def _mixture(colour, foreground, background):
    """Projection of a colour on the line from background to foreground, in [0, 1]; one half if they are the same."""
    along = 0.0
    length = 0.0
    for c in range(colour.size):
        side = foreground[c] - background[c]
        along += (colour[c] - background[c]) * side
        length += side * side
    return min(1.0, max(0.0, along / length)) if length > 0.0 else 0.5


@compiled()
def _distortion(colour, foreground, background, alpha):
    """Squared distance from a colour to the mixture of two others."""
    total = 0.0
    for c in range(colour.size):
        off = colour[c] - alpha * foreground[c] - (1.0 - alpha) * background[c]
        total += off * off
    return total


@compiled()
def _squared_distance(a, b):
    total = 0.0
    for c in range(a.size):
        total += (a[c] - b[c]) * (a[c] - b[c])
    return total


def expand(image, labels, radius, threshold, slope):
    """Labels in which an unknown pixel takes that of the nearest known pixel of nearly its colour.

    Nearly: the colours differ by at most threshold - slope * distance. Of pixels equally near the one of the most
    similar colour counts; where both labels are equally near and similar the pixel stays unknown.
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
                    difference = np.sqrt(_squared_distance(image[y, x], image[v, u]))
                    if difference > threshold - slope * np.sqrt(apart):
                        continue
                    if apart < nearest or difference < closest:
                        nearest = apart
                        closest = difference
                        expanded[y, x] = labels[v, u]
                    elif difference == closest and labels[v, u] != expanded[y, x]:
                        expanded[y, x] = -1


@compiled()
def _walk(image, labels, y, x, down, right, spots, costs):
    """Follow a ray from (y, x) to the first pixel of either label.

    `spots[label]` becomes its row and column (row -1: the ray leaves the picture first), `costs[label]` the energy of
    the way there, the integral of the squared change of colour.
    """
    height, width = labels.shape
    spots[0, 0] = spots[1, 0] = -1
    energy = 0.0
    step = np.sqrt(down * down + right * right)
    here_y, here_x = y, x
    count = 0
    while True:
        count += 1
        next_y = int(np.floor(y + count * down + 0.5))
        next_x = int(np.floor(x + count * right + 0.5))
        if next_y < 0 or next_x < 0 or next_y >= height or next_x >= width:
            break
        energy += _squared_distance(image[next_y, next_x], image[here_y, here_x]) / step
        here_y, here_x = next_y, next_x
        label = labels[here_y, here_x]
        if label >= 0 and spots[label, 0] < 0:
            spots[label, 0] = here_y
            spots[label, 1] = here_x
            costs[label] = energy
            if spots[1 - label, 0] >= 0:
                break


@compiled()
def _misfit(image, y, x, foreground, background):
    """Sum over the 3 x 3 pixels around (y, x) of the squared distortion by one pair."""
    height, width, _ = image.shape
    total = 0.0
    for v in range(max(0, y - 1), min(height, y + 2)):
        for u in range(max(0, x - 1), min(width, x + 2)):
            alpha = _mixture(image[v, u], foreground, background)
            total += _distortion(image[v, u], foreground, background, alpha)
    return total


@compiled()
def _spread(image, y, x):
    """Mean squared distance from the colour of (y, x) to those of the 5 x 5 pixels around it."""
    height, width, _ = image.shape
    total = 0.0
    count = 0
    for v in range(max(0, y - 2), min(height, y + 3)):
        for u in range(max(0, x - 2), min(width, x + 3)):
            total += _squared_distance(image[v, u], image[y, x])
            count += 1
    return total / count


def gather(image, labels, directions):
    """The best pair along a few rays from every unknown pixel (Gastal and Oliveira 2010, section 4.1).

    `directions[k]` are the rays of the pixels with 3 (y % 3) + x % 3 = k, each (down, right) with larger part 1.

    Returns (H, W, 2, d) colours, background first, (H, W, 2) their spread, and (H, W) which pixels found a pair.
    """
    height, width, channels = image.shape
    pairs = np.zeros((height, width, 2, channels))
    spreads = np.zeros((height, width, 2))
    found = np.zeros((height, width), np.bool_)
    share(_gather_rows, height, image, labels, directions, pairs, spreads, found)
    return pairs, spreads, found


@compiled()
def _gather_rows(low, high, image, labels, directions, pairs, spreads, found):
    rays = directions.shape[1]
    spots = np.empty((rays, 2, 2), np.int64)
    costs = np.empty((rays, 2))
    for y in range(low, high):
        for x in range(labels.shape[1]):
            if labels[y, x] >= 0:
                continue
            cheapest = np.full(2, np.inf)
            for ray in range(rays):
                down, right = directions[3 * (y % 3) + x % 3, ray]
                _walk(image, labels, y, x, down, right, spots[ray], costs[ray])
                for label in range(2):
                    if spots[ray, label, 0] >= 0:
                        cheapest[label] = min(cheapest[label], costs[ray, label])
            if cheapest[0] == np.inf or cheapest[1] == np.inf:
                continue
            both = cheapest[0] + cheapest[1]
            probably = cheapest[0] / both if both > 0.0 else 0.5  # foreground: the way there is the smoother one
            least = np.inf
            best_f = best_b = -1
            for f in range(rays):
                fy, fx = spots[f, 1]
                for b in range(rays):
                    by, bx = spots[b, 0]
                    if fy < 0 or by < 0:
                        continue
                    alpha = _mixture(image[y, x], image[fy, fx], image[by, bx])
                    unlikely = probably + (1.0 - 2.0 * probably) * alpha
                    to_f = np.sqrt(float((fy - y) ** 2 + (fx - x) ** 2))
                    to_b2 = float((by - y) ** 2 + (bx - x) ** 2)
                    misfit = _misfit(image, y, x, image[fy, fx], image[by, bx])
                    cost = misfit**3 * unlikely**2 * to_f * to_b2**2
                    if cost < least or best_f < 0:
                        least = cost
                        best_f, best_b = f, b
            for label, ray in ((0, best_b), (1, best_f)):
                v, u = spots[ray, label]
                pairs[y, x, label] = image[v, u]
                spreads[y, x, label] = _spread(image, v, u)
            found[y, x] = True


def refine(image, labels, pairs, spreads, found, offsets, decay):
    """Every unknown pixel takes the mean of the three best pairs around it (section 4.2).

    Known pixels have their own colour twice. A pixel without a pair in reach has confidence 0 and alpha one half.

    Returns colours (H, W, 2, d), alpha (H, W), confidence (H, W).
    """
    height, width, channels = image.shape
    colours = np.empty((height, width, 2, channels))
    alpha = np.empty((height, width))
    confidence = np.ones((height, width))
    given = image, labels, pairs, spreads, found, offsets, decay
    share(_refine_rows, height, *given, colours, alpha, confidence)
    return colours, alpha, confidence


@compiled()
def _refine_rows(low, high, image, labels, pairs, spreads, found, offsets, decay, colours, alpha, confidence):
    height, width, channels = image.shape
    spread = np.empty(2)
    least = np.empty(3)
    best = np.empty((3, 2), np.int64)
    for y in range(low, high):
        for x in range(width):
            colours[y, x, 0] = image[y, x]
            colours[y, x, 1] = image[y, x]
            if labels[y, x] >= 0:
                alpha[y, x] = labels[y, x]
                continue
            least[:] = np.inf
            for k in range(offsets.shape[0]):
                v, u = y + offsets[k, 0], x + offsets[k, 1]
                if v < 0 or u < 0 or v >= height or u >= width or not found[v, u]:
                    continue
                mixed = _mixture(image[y, x], pairs[v, u, 1], pairs[v, u, 0])
                cost = _distortion(image[y, x], pairs[v, u, 1], pairs[v, u, 0], mixed)
                place = 3
                while place > 0 and cost < least[place - 1]:
                    place -= 1
                for later in range(2, place, -1):
                    least[later] = least[later - 1]
                    best[later] = best[later - 1]
                if place < 3:
                    least[place] = cost
                    best[place, 0] = v
                    best[place, 1] = u
            count = np.count_nonzero(least < np.inf)
            if count == 0:
                alpha[y, x] = 0.5
                confidence[y, x] = 0.0
                continue
            for label in range(2):
                colours[y, x, label] = 0.0
                spread[label] = 0.0
                for k in range(count):
                    v, u = best[k]
                    spread[label] += spreads[v, u, label] / count
                    for c in range(channels):
                        colours[y, x, label, c] += pairs[v, u, label, c] / count
            mixed = _mixture(image[y, x], colours[y, x, 1], colours[y, x, 0])
            misfit = _distortion(image[y, x], colours[y, x, 1], colours[y, x, 0], mixed)
            for label in range(2):
                if _squared_distance(image[y, x], colours[y, x, label]) <= spread[label]:
                    colours[y, x, label] = image[y, x]
            alpha[y, x] = _mixture(image[y, x], colours[y, x, 1], colours[y, x, 0])
            differ = _squared_distance(colours[y, x, 1], colours[y, x, 0]) > 0.0
            confidence[y, x] = np.exp(-decay * np.sqrt(misfit)) if differ else 0.0


def smooth(image, labels, colours, alpha, confidence, offsets, nearness, decay):
    """Colours, alpha and confidence averaged over the pixels around (section 4.3).

    `nearness[k]` is the Gaussian of offset k. Returns colours (H, W, 2, d), alpha and confidence (H, W).
    """
    out = colours.copy(), alpha.copy(), confidence.copy()
    given = image, labels, colours, alpha, confidence, offsets, nearness, decay
    share(_smooth_rows, len(labels), *given, *out)
    return out


@compiled()
def _smooth_rows(
    low,
    high,
    image,
    labels,
    colours,
    alpha,
    confidence,
    offsets,
    nearness,
    decay,
    out_colours,
    out_alpha,
    out_confidence,
):
    height, width, channels = image.shape
    weight = np.empty(2)
    mean = np.empty((2, channels))
    for y in range(low, high):
        for x in range(width):
            if labels[y, x] >= 0:
                continue
            weight[:] = 0.0
            mean[:] = 0.0
            contrast = contrast_weight = 0.0
            flat = flat_weight = 0.0
            for k in range(offsets.shape[0]):
                v, u = y + offsets[k, 0], x + offsets[k, 1]
                if v < 0 or u < 0 or v >= height or u >= width:
                    continue
                near = nearness[k] * confidence[v, u]
                if v != y or u != x:
                    near *= abs(alpha[y, x] - alpha[v, u])
                for label in range(2):
                    part = near * (alpha[v, u] if label == 1 else 1.0 - alpha[v, u])
                    weight[label] += part
                    for c in range(channels):
                        mean[label, c] += part * colours[v, u, label, c]
                mixed = confidence[v, u] * alpha[v, u] * (1.0 - alpha[v, u])
                contrast += mixed * np.sqrt(_squared_distance(colours[v, u, 1], colours[v, u, 0]))
                contrast_weight += mixed
                part = confidence[v, u] * nearness[k] + (1.0 if labels[v, u] >= 0 else 0.0)
                flat += part * alpha[v, u]
                flat_weight += part
            for label in range(2):
                if weight[label] > 0.0:
                    for c in range(channels):
                        out_colours[y, x, label, c] = mean[label, c] / weight[label]
            if flat_weight == 0.0:
                continue
            foreground, background = out_colours[y, x, 1], out_colours[y, x, 0]
            mixed = _mixture(image[y, x], foreground, background)
            misfit = np.sqrt(_distortion(image[y, x], foreground, background, mixed))
            apart = np.sqrt(_squared_distance(foreground, background))
            usual = contrast / contrast_weight if contrast_weight > 0.0 else 0.0
            trust = min(1.0, apart / usual) if usual > 0.0 else 1.0
            trust *= np.exp(-decay * misfit)
            out_confidence[y, x] = trust
            out_alpha[y, x] = trust * mixed + (1.0 - trust) * flat / flat_weight
