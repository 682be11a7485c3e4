"""Sampling: the pairs of colours that pixels found are shared between neighbours, then smoothed."""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share
from propmat._cpu.sampling import distortion, mixture, squared_distance

LENGTH = 64  # of a stretch at most; what is kept of its pixels stays in the nearest cache
GAP = 8  # known pixels that a stretch goes over, for it costs more to begin another


@compiled()
def _next_stretch(labels, begin):
    """Where, from `begin` on, the next stretch of unknown pixels in a row starts and stops; the row's end if none."""
    while begin < labels.size and labels[begin] >= 0:
        begin += 1
    stop = begin
    for x in range(begin, min(labels.size, begin + LENGTH)):
        if labels[x] < 0:
            stop = x + 1
        elif x - stop >= GAP:
            break
    return begin, stop


def refine(image, labels, pairs, spreads, found, offsets, decay):
    """Every unknown pixel takes the mean of the three best pairs around it (Gastal and Oliveira 2010, section 4.2).

    Known pixels have their own colour twice. A pixel without a pair in reach has confidence 0 and alpha one half.

    Returns colours (H, W, 2, d), alpha (H, W), confidence (H, W).
    """
    colours = np.stack([image, image], axis=2)
    alpha, confidence = labels.astype(np.float64), np.ones(labels.shape)
    given = image, labels, pairs, spreads, found, offsets, decay
    share(_refine_rows, len(labels), *given, colours, alpha, confidence)
    return colours, alpha, confidence


@compiled()
def _refine_rows(low, high, image, labels, pairs, spreads, found, offsets, decay, colours, alpha, confidence):
    own = np.empty((image.shape[2], LENGTH))
    least, best = np.empty((3, LENGTH)), np.empty((3, LENGTH), np.int64)
    for y in range(low, high):
        stop = np.int64(0)  # not a literal, for which the search would be compiled again
        while True:
            start, stop = _next_stretch(labels[y], stop)
            if start == stop:
                break
            for c in range(image.shape[2]):
                for x in range(start, stop):
                    own[c, x - start] = image[y, x, c]
            _find_best(y, start, stop, own, pairs, found, offsets, least, best)
            for x in range(start, stop):
                if labels[y, x] < 0:
                    around = least[:, x - start], best[:, x - start]
                    _take_mean(y, x, image[y, x], pairs, spreads, offsets, decay, around, colours, alpha, confidence)


@compiled()
def _find_best(y, start, stop, own, pairs, found, offsets, least, best):
    """The three least distortions of the colours of a stretch of row y by pairs around, and the offsets' numbers.

    One offset after the other for all pixels at once, so that loops are over consecutive numbers. Among equals the
    first offset counts.
    """
    height, width = found.shape
    least[:] = np.inf
    along, length, distortions = np.empty(LENGTH), np.empty(LENGTH), np.empty(LENGTH)
    for k in range(offsets.shape[0]):
        v, across = y + offsets[k, 0], offsets[k, 1]
        left, right = max(start, -across), min(stop, width - across)
        if 0 <= v < height and left < right:
            first, count = left - start, right - left
            _distort(own, first, pairs, found, v, left + across, count, along, length, distortions)
            _sort_in(distortions, k, first, count, least, best)


@compiled()
def _distort(colours, first, pairs, found, v, u, count, along, length, out):
    """Squared distortions of `count` colours, from `first` on, by the pairs from (v, u) on; inf where none is found."""
    along[:], length[:] = 0.0, 0.0
    for c in range(colours.shape[0]):
        own, back, front = colours[c, first:], pairs[0, c, v, u:], pairs[1, c, v, u:]
        for i in range(count):
            side = front[i] - back[i]
            along[i] += (own[i] - back[i]) * side
            length[i] += side * side
    usable = found[v, u:]
    for i in range(count):
        part = along[i] / length[i] if length[i] > 0.0 else 0.5
        part = part if part > 0.0 else 0.0
        along[i] = part if part < 1.0 else 1.0
        out[i] = 0.0 if usable[i] else np.inf
    for c in range(colours.shape[0]):
        own, back, front = colours[c, first:], pairs[0, c, v, u:], pairs[1, c, v, u:]
        for i in range(count):
            off = own[i] - along[i] * front[i] - (1.0 - along[i]) * back[i]
            out[i] += off * off


@compiled()
def _sort_in(values, number, first, count, least, best):
    """Put `count` values into the three least from place `first` on, each with its number.

    Without branches, so that the compiler makes vectors of the loop.
    """
    least_0, least_1, least_2 = least[0, first:], least[1, first:], least[2, first:]
    best_0, best_1, best_2 = best[0, first:], best[1, first:], best[2, first:]
    for i in range(count):
        value = values[i]
        before_0, before_1, before_2 = value < least_0[i], value < least_1[i], value < least_2[i]
        least_2[i], best_2[i] = (
            least_1[i] if before_1 else value if before_2 else least_2[i],
            best_1[i] if before_1 else number if before_2 else best_2[i],
        )
        least_1[i], best_1[i] = (
            least_0[i] if before_0 else value if before_1 else least_1[i],
            best_0[i] if before_0 else number if before_1 else best_1[i],
        )
        least_0[i], best_0[i] = value if before_0 else least_0[i], number if before_0 else best_0[i]


@compiled()
def _take_mean(y, x, colour, pairs, spreads, offsets, decay, around, colours, alpha, confidence):
    """What comes of the three best pairs around one pixel."""
    least, best = around
    channels = colour.size
    count = 0
    while count < 3 and least[count] < np.inf:
        count += 1
    if count == 0:
        alpha[y, x] = 0.5
        confidence[y, x] = 0.0
        return
    mean, spread = np.empty((2, channels)), np.empty(2)
    for label in range(2):
        mean[label], spread[label] = 0.0, 0.0
        for k in range(count):
            v, u = y + offsets[best[k], 0], x + offsets[best[k], 1]
            spread[label] += spreads[v, u, label] / count
            for c in range(channels):
                mean[label, c] += pairs[label, c, v, u] / count
        near = squared_distance(colour, mean[label]) <= spread[label]
        for c in range(channels):
            colours[y, x, label, c] = colour[c] if near else mean[label, c]
    background, foreground = colours[y, x]
    alpha[y, x] = mixture(colour, foreground, background)
    misfit = distortion(colour, mean[1], mean[0], mixture(colour, mean[1], mean[0]))
    differ = squared_distance(foreground, background) > 0.0
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
                contrast += mixed * np.sqrt(squared_distance(colours[v, u, 1], colours[v, u, 0]))
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
            mixed = mixture(image[y, x], foreground, background)
            misfit = np.sqrt(distortion(image[y, x], foreground, background, mixed))
            apart = np.sqrt(squared_distance(foreground, background))
            usual = contrast / contrast_weight if contrast_weight > 0.0 else 0.0
            trust = min(1.0, apart / usual) if usual > 0.0 else 1.0
            trust *= np.exp(-decay * misfit)
            out_confidence[y, x] = trust
            out_alpha[y, x] = trust * mixed + (1.0 - trust) * flat / flat_weight
