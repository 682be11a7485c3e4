"""Shared sampling, second stage: pairs of colours are shared between neighbouring pixels, then smoothed.

A stretch is a segment of a row whose pixels are processed together; see `_next_stretch`.
"""

import numpy as np

from propmat._cpu._compiled import compiled
from propmat._cpu._threads import share
from propmat._cpu.sampling import ROUNDING, SAME, distortion, mixture, squared_distance

LENGTH = 64  # largest number of pixels of a stretch; their work arrays fit the L1 cache
SLIGHT = 1e-14  # smaller weights may be rounding errors
GAP = 8  # a stretch continues over fewer known pixels than this, because starting another one costs more


@compiled()
def _next_stretch(labels, begin):
    """Start and end of the next stretch of unknown pixels in a row from `begin` on; equal if there is none."""
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
    """For every unknown pixel the mean of the three best pairs around it (Gastal and Oliveira 2010, section 4.2).

    Of equally good pairs the nearest are used; of too many equally near ones each with the same weight. `offsets` are
    sorted by distance. For known pixels both colours are their own. A pixel without any pair among `offsets` has
    confidence 0 and alpha 0.5.

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
    least, best, more = np.empty((3, LENGTH)), np.empty((3, LENGTH), np.int64), np.empty(LENGTH, np.int64)
    chosen, shares = np.empty(len(offsets), np.int64), np.empty(len(offsets))
    for y in range(low, high):
        stop = np.int64(0)  # not a literal: the search would be compiled again for it
        while True:
            start, stop = _next_stretch(labels[y], stop)
            if start == stop:
                break
            for c in range(image.shape[2]):
                for x in range(start, stop):
                    own[c, x - start] = image[y, x, c]
            _find_best(y, start, stop, own, pairs, found, offsets, least, best, more)
            for x in range(start, stop):
                if labels[y, x] < 0:
                    i = x - start
                    ranked = least[:, i], best[:, i], more[i]
                    count = _share_out(y, x, image[y, x], pairs, found, offsets, ranked, chosen, shares)
                    around = offsets, chosen[:count], shares[:count]
                    _take_mean(y, x, image[y, x], pairs, spreads, decay, around, colours, alpha, confidence)


@compiled()
def _find_best(y, start, stop, own, pairs, found, offsets, least, best, more):
    """The three smallest distortions of the colours of a stretch of row y by pairs around, and their offsets' indices.

    Offsets are processed one after another for all pixels of the stretch, in loops over contiguous memory. Of equal
    distortions the first offset is used; `more` is 1 where there are others equal to the third.
    """
    height, width = found.shape
    least[:], more[:] = np.inf, 0
    along, length, distortions = np.empty(LENGTH), np.empty(LENGTH), np.empty(LENGTH)
    for k in range(offsets.shape[0]):
        v, across = y + offsets[k, 0], offsets[k, 1]
        left, right = max(start, -across), min(stop, width - across)
        if 0 <= v < height and left < right:
            first, count = left - start, right - left
            _distort(own, first, pairs, found, v, left + across, count, along, length, distortions)
            _sort_in(distortions, k, first, count, least, best, more)


@compiled()
def _distort(colours, first, pairs, found, v, u, count, along, length, out):
    """Squared distortions of `count` colours, from `first` on, by the pairs from (v, u) on; inf where there is none."""
    along[:], length[:] = 0.0, 0.0
    for c in range(colours.shape[0]):
        own, back, front = colours[c, first:], pairs[0, c, v, u:], pairs[1, c, v, u:]
        for i in range(count):
            side = front[i] - back[i]
            along[i] += (own[i] - back[i]) * side
            length[i] += side * side
    usable = found[v, u:]
    for i in range(count):
        part = along[i] / length[i] if length[i] > SAME else 0.5
        part = part if part > 0.0 else 0.0
        along[i] = part if part < 1.0 else 1.0
        out[i] = 0.0 if usable[i] else np.inf
    for c in range(colours.shape[0]):
        own, back, front = colours[c, first:], pairs[0, c, v, u:], pairs[1, c, v, u:]
        for i in range(count):
            off = own[i] - along[i] * front[i] - (1.0 - along[i]) * back[i]
            out[i] += off * off


@compiled()
def _sort_in(values, number, first, count, least, best, more):
    """Insert `count` values, from `first` on, into the sorted three smallest, each with the index `number`.

    `more` becomes 1 where a value equal to the third is dropped. Without branches, so that the loop is vectorised.
    """
    least_0, least_1, least_2 = least[0, first:], least[1, first:], least[2, first:]
    best_0, best_1, best_2, more = best[0, first:], best[1, first:], best[2, first:], more[first:]
    for i in range(count):
        value = values[i]
        before_0, before_1, before_2 = value < least_0[i], value < least_1[i], value < least_2[i]
        third = least_1[i] if before_1 else value if before_2 else least_2[i]
        left = least_2[i] if before_2 else value
        more[i] = 1 if left == third else more[i] if third == least_2[i] else 0
        least_2[i], best_2[i] = (
            third,
            best_1[i] if before_1 else number if before_2 else best_2[i],
        )
        least_1[i], best_1[i] = (
            least_0[i] if before_0 else value if before_1 else least_1[i],
            best_0[i] if before_0 else number if before_1 else best_1[i],
        )
        least_0[i], best_0[i] = value if before_0 else least_0[i], number if before_0 else best_0[i]


@compiled()
def _share_out(y, x, colour, pairs, found, offsets, ranked, chosen, shares):
    """Indices of the offsets whose pairs are averaged for one pixel, and their weights of sum 1; returns their number.

    Pairs as good as the third and equally near have equal weights, which together are those of the places left.
    """
    least, best, more = ranked
    count = 0
    while count < 3 and least[count] < np.inf:
        chosen[count] = best[count]
        count += 1
    shares[:count] = 1.0 / max(count, 1)
    if count < 3 or not more:
        return count
    third = offsets[best[2]]
    ring = third[0] ** 2 + third[1] ** 2
    count = 0
    for k in range(3):
        if least[k] < least[2] or offsets[best[k], 0] ** 2 + offsets[best[k], 1] ** 2 < ring:
            chosen[count] = best[k]
            count += 1
    settled = count
    background, foreground = np.empty((2, colour.size))
    for k in range(len(offsets)):
        down, right = offsets[k]
        v, u = y + down, x + right
        if down**2 + right**2 != ring or not (0 <= v < found.shape[0] and 0 <= u < found.shape[1]) or not found[v, u]:
            continue
        for c in range(colour.size):  # a loop: callees would be compiled again for slices
            background[c], foreground[c] = pairs[0, c, v, u], pairs[1, c, v, u]
        if distortion(colour, foreground, background, mixture(colour, foreground, background)) == least[2]:
            chosen[count] = k
            count += 1
    shares[settled:count] = (3 - settled) / (3.0 * (count - settled))
    return count


@compiled()
def _take_mean(y, x, colour, pairs, spreads, decay, around, colours, alpha, confidence):
    """Colours, alpha and confidence of one pixel from the weighted mean of the best pairs around it (section 4.2)."""
    offsets, chosen, shares = around
    channels = colour.size
    if not chosen.size:
        alpha[y, x] = 0.5
        confidence[y, x] = 0.0
        return
    mean, spread = np.zeros((2, channels)), np.zeros(2)
    for label in range(2):
        for k in range(chosen.size):
            v, u = y + offsets[chosen[k], 0], x + offsets[chosen[k], 1]
            spread[label] += spreads[v, u, label] * shares[k]
            for c in range(channels):
                mean[label, c] += pairs[label, c, v, u] * shares[k]
        near = squared_distance(colour, mean[label]) <= (1.0 + ROUNDING) * spread[label] + SAME
        for c in range(channels):
            colours[y, x, label, c] = colour[c] if near else mean[label, c]
    background, foreground = colours[y, x]
    alpha[y, x] = mixture(colour, foreground, background)
    misfit = distortion(colour, mean[1], mean[0], mixture(colour, mean[1], mean[0]))
    differ = squared_distance(foreground, background) > SAME
    confidence[y, x] = np.exp(-decay * np.sqrt(misfit)) if differ else 0.0


def smooth(image, labels, colours, alpha, confidence, offsets, nearness, decay):
    """Colours, alpha and confidence averaged over the neighbourhood (Gastal and Oliveira 2010, section 4.3).

    `nearness[k]` is the Gaussian weight of offset k. Returns colours (H, W, 2, d), alpha and confidence (H, W).
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
                if weight[label] > SLIGHT:
                    for c in range(channels):
                        out_colours[y, x, label, c] = mean[label, c] / weight[label]
            if flat_weight == 0.0:
                continue
            foreground, background = out_colours[y, x, 1], out_colours[y, x, 0]
            mixed = mixture(image[y, x], foreground, background)
            misfit = np.sqrt(distortion(image[y, x], foreground, background, mixed))
            apart = np.sqrt(squared_distance(foreground, background))
            usual = contrast / contrast_weight if contrast_weight > SLIGHT else 0.0
            trust = min(1.0, apart / usual) if usual > ROUNDING else 1.0
            trust *= np.exp(-decay * misfit)
            out_confidence[y, x] = trust
            out_alpha[y, x] = trust * mixed + (1.0 - trust) * flat / flat_weight
