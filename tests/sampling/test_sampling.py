"""Sampling: properties, comparison of each stage with a slow reference, difficult trimaps, invalid input."""

from itertools import product

import numpy as np
import pytest
from scipy.ndimage import distance_transform_cdt

import propmat
from propmat import InputError, PropmatWarning, Trimap
from propmat.io import read_image, read_matte
from propmat.sampling._comprehensive import Candidates, Tiles, candidates
from propmat.sampling._settling import disc
from propmat.sampling._shared import ray_directions, ray_phases
from tests.problems import HARD_MASKS, banded_trimap, hard_trimap, random_photo

METHODS = {"comprehensive": propmat.sampling.comprehensive, "shared": propmat.sampling.shared}
VERBS = {"comprehensive": propmat.comprehensive_sampling, "shared": propmat.shared_sampling}


@pytest.fixture(params=METHODS)
def method(request):
    return METHODS[request.param]


@pytest.fixture(params=VERBS)
def verb(request):
    return VERBS[request.param]


@pytest.fixture(scope="module")
def scene():
    return propmat.datasets.synthetic(seed=3, shape=(60, 80))


def assert_same(a, b, tolerance=1e-9):
    for name in ("alpha", "confidence", "foreground", "background"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0, atol=tolerance)


def test_samples_are_a_matte_with_its_colours(method, scene):
    samples = method(scene.image, scene.trimap)
    trimap = Trimap.parse(scene.trimap)
    np.testing.assert_array_equal(samples.alpha[trimap.known], trimap.labels[trimap.known])
    np.testing.assert_array_equal(samples.confidence[trimap.known], 1)
    for plane in (samples.alpha, samples.confidence):
        assert plane.shape == (60, 80)
        assert plane.min() >= 0
        assert plane.max() <= 1
    assert samples.foreground.shape == samples.background.shape == (60, 80, 3)


def test_verb_keeps_known_pixels_and_comes_near_the_truth(verb, scene):
    trimap = Trimap.parse(scene.trimap)
    alpha = verb(scene.image, scene.trimap)
    np.testing.assert_array_equal(alpha[trimap.known], trimap.labels[trimap.known])
    assert np.square(alpha - scene.alpha)[trimap.unknown].mean() < 0.02


def test_the_same_for_any_number_of_threads(method, scene):
    before = propmat.get_num_threads()
    expected = method(scene.image, scene.trimap)
    try:
        propmat.set_num_threads(1)
        assert_same(method(scene.image, scene.trimap), expected, 0)
    finally:
        propmat.set_num_threads(before)


def test_order_of_channels_does_not_matter(method, scene):
    reversed_channels = method(scene.image[:, :, ::-1], scene.trimap)
    np.testing.assert_allclose(reversed_channels.alpha, method(scene.image, scene.trimap).alpha, atol=1e-9)


def test_shared_stages_against_reference(rng):
    from propmat._cpu import sampling, settling

    image, trimap = random_photo(rng), Trimap.parse(banded_trimap(12, 14))
    labels = np.where(trimap.unknown, -1, trimap.foreground).astype(np.int8)
    expanded = sampling.expand(image, labels, 3.0, 0.1, 0.01)
    np.testing.assert_array_equal(expanded, reference_expand(image, labels, 3.0, 0.1, 0.01))
    away = np.stack([distance_transform_cdt(labels != label, "chessboard") for label in (0, 1)])
    pairs, spreads, found = sampling.gather(image, labels, away, ray_directions(), ray_phases(labels.shape))
    gathered = reference_gather(image, labels)
    for got, expected in zip((np.moveaxis(pairs, (0, 1), (2, 3)), spreads, found), gathered, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-12)
    refined = settling.refine(image, labels, pairs, spreads, found, disc(3), 10.0)
    for got, expected in zip(refined, reference_refine(image, labels, *gathered, 3), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-12)
    near = disc(2)
    nearness = np.exp(-(near**2).sum(axis=1) / 5)
    smoothed = settling.smooth(image, labels, *refined, near, nearness, 10.0)
    for got, expected in zip(smoothed, reference_smooth(image, labels, *refined, 2, 5), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-12)


def mixture(colour, foreground, background):
    side = foreground - background
    return np.clip((colour - background) @ side / (side @ side), 0, 1) if side.any() else 0.5


def distortion(colour, foreground, background):
    alpha = mixture(colour, foreground, background)
    return np.linalg.norm(colour - alpha * foreground - (1 - alpha) * background)


def around(y, x, shape, radius, square=False):
    """Pixels of `shape` within `radius` of (y, x)."""
    for v, u in np.ndindex(shape):
        apart = max(abs(v - y), abs(u - x)) if square else np.hypot(v - y, u - x)
        if apart <= radius:
            yield v, u


def reference_expand(image, labels, radius, threshold, slope):
    expanded = labels.copy()
    for y, x in np.argwhere(labels < 0):
        candidates = []
        for v, u in around(y, x, labels.shape, radius):
            apart, difference = np.hypot(v - y, u - x), np.linalg.norm(image[v, u] - image[y, x])
            if labels[v, u] >= 0 and difference <= threshold - slope * apart:
                candidates.append((apart, difference, labels[v, u]))
        if candidates:
            expanded[y, x] = min(candidates)[2]
    return expanded


def test_rays_turn_by_a_ninth_of_a_right_angle():
    """Section 4.1 of the paper: four rays a right angle apart, turned from pixel to pixel in a block of 3 x 3."""
    directions = ray_directions()
    assert directions.shape == (18, 4, 2)
    assert np.abs(directions).max(axis=2).ravel() == pytest.approx(1)
    angles = np.degrees(np.arctan2(directions[..., 0], directions[..., 1]))
    np.testing.assert_allclose(np.diff(angles[:9], axis=0) % 360, 10)
    for four in angles:
        np.testing.assert_allclose(np.diff(np.sort(four % 360)), 90)
    np.testing.assert_allclose((angles[9:] + angles[:9]) % 360, 180)  # mirrored left to right
    counts = np.bincount(ray_phases((60, 80)).ravel() % 9, minlength=9)
    assert counts.min() > 0.07 * counts.sum()  # each turn is taken by about a ninth of the pixels


def reference_gather(image, labels):
    (height, width), directions, phases = labels.shape, ray_directions(), ray_phases(labels.shape)
    pairs = np.zeros((height, width, 2, image.shape[2]))
    spreads, found = np.zeros((height, width, 2)), np.zeros((height, width), bool)
    for y, x in np.argwhere(labels < 0):
        seen = ([], [])  # per label: (position, energy of the way)
        for down, right in directions[phases[y, x]]:
            way = [(y, x)]
            while True:
                k = len(way)
                v, u = (
                    place + int(np.copysign(np.floor(abs(k * step) + 0.5), step))
                    for place, step in ((y, down), (x, right))
                )
                if not (0 <= v < height and 0 <= u < width):
                    break
                way.append((v, u))
            colours = np.array([image[spot] for spot in way])
            energy = np.cumsum((np.diff(colours, axis=0) ** 2).sum(axis=1)) / np.hypot(down, right)
            for label in (0, 1):
                first = next((k for k, spot in enumerate(way) if labels[spot] == label), None)
                if first is not None:
                    seen[label].append((way[first], energy[first - 1]))
        if not (seen[0] and seen[1]):
            continue
        cheap_b, cheap_f = (min(energy for _, energy in side) for side in seen)
        probably = cheap_b / (cheap_b + cheap_f)
        best = np.inf
        for f, _ in seen[1]:
            for b, _ in seen[0]:
                alpha = mixture(image[y, x], image[f], image[b])
                misfit = sum(distortion(image[q], image[f], image[b]) ** 2 for q in around(y, x, labels.shape, 1, True))
                unlikely = probably * (1 - alpha) + (1 - probably) * alpha
                cost = misfit**3 * unlikely**2 * np.hypot(f[0] - y, f[1] - x) * np.hypot(b[0] - y, b[1] - x) ** 4
                if cost < best:
                    best, chosen = cost, (b, f)
        for label, spot in enumerate(chosen):
            pairs[y, x, label] = image[spot]
            window = [image[q] for q in around(*spot, labels.shape, 2, True)]
            spreads[y, x, label] = np.mean([np.sum((colour - image[spot]) ** 2) for colour in window])
        found[y, x] = True
    return pairs, spreads, found


def reference_refine(image, labels, pairs, spreads, found, radius):
    colours = np.stack([image, image], axis=2)
    alpha, confidence = labels.astype(float), np.ones(labels.shape)
    for y, x in np.argwhere(labels < 0):
        colour = image[y, x]
        spots = [spot for spot in around(y, x, labels.shape, radius) if found[spot]]
        if not spots:
            alpha[y, x], confidence[y, x] = 0.5, 0
            continue
        ranks = [(distortion(colour, *pairs[spot][::-1]), (spot[0] - y) ** 2 + (spot[1] - x) ** 2) for spot in spots]
        last = sorted(ranks)[:3][-1]
        better, equal = sum(rank < last for rank in ranks), ranks.count(last)
        places = min(3, len(ranks))
        weights = [1.0 if rank < last else (places - better) / equal if rank == last else 0.0 for rank in ranks]
        mean, spread = (
            np.average([values[spot] for spot in spots], axis=0, weights=weights) for values in (pairs, spreads)
        )
        for label in (0, 1):
            near = np.sum((mean[label] - colour) ** 2) <= spread[label]
            colours[y, x, label] = colour if near else mean[label]
        background, foreground = colours[y, x]
        alpha[y, x] = mixture(colour, foreground, background)
        differ = np.any(foreground != background)
        confidence[y, x] = np.exp(-10 * distortion(colour, mean[1], mean[0])) if differ else 0
    return colours, alpha, confidence


def reference_smooth(image, labels, colours, alpha, confidence, radius, double_variance):
    new_colours, new_alpha, new_confidence = colours.copy(), alpha.copy(), confidence.copy()
    for y, x in np.argwhere(labels < 0):
        spots = np.array(list(around(y, x, labels.shape, radius)))
        v, u = spots.T
        gauss = np.exp(-((v - y) ** 2 + (u - x) ** 2) / double_variance)
        trust, a, known = confidence[v, u], alpha[v, u], labels[v, u] >= 0
        weight = gauss * trust * np.where((v == y) & (u == x), 1, abs(a - alpha[y, x]))
        for label, share in ((0, weight * (1 - a)), (1, weight * a)):
            if share.sum() > 0:
                new_colours[y, x, label] = share @ colours[v, u, label] / share.sum()
        mixed = trust * a * (1 - a)
        usual = mixed @ np.linalg.norm(colours[v, u, 1] - colours[v, u, 0], axis=1)
        usual = usual / mixed.sum() if mixed.sum() > 0 else 0
        background, foreground = new_colours[y, x]
        certain = min(1, np.linalg.norm(foreground - background) / usual) if usual > 0 else 1
        certain *= np.exp(-10 * distortion(image[y, x], foreground, background))
        low = np.average(a, weights=trust * gauss + known)
        new_alpha[y, x] = certain * mixture(image[y, x], foreground, background) + (1 - certain) * low
        new_confidence[y, x] = certain
    return new_colours, new_alpha, new_confidence


def test_swapped_labels_swap_comprehensive_samples(scene):
    trimap = Trimap.parse(scene.trimap)
    samples = propmat.sampling.comprehensive(scene.image, trimap)
    swapped = propmat.sampling.comprehensive(scene.image, Trimap(trimap.background, trimap.foreground))
    np.testing.assert_allclose(swapped.alpha, 1 - samples.alpha, rtol=0, atol=1e-9)
    np.testing.assert_allclose(swapped.foreground, samples.background, rtol=0, atol=1e-9)


def test_explanation_against_reference(rng):
    from propmat._cpu import candidates as kernels

    image, trimap = random_photo(rng), Trimap.parse(banded_trimap(12, 14))
    labels = np.where(trimap.unknown, -1, trimap.foreground).astype(np.int8)
    sides = [random_candidates(rng, 7), random_candidates(rng, 6)]
    reaches, centre = rng.uniform(1, 5, (2, 12, 14)), np.array([5.5, 6.5])
    ends = np.array([[0, 8, 0, 8], [0, 8, 8, 14], [8, 12, 0, 8], [8, 12, 8, 14]])
    tiles = Tiles(*ends.T, ends[:, ::2] + 3.5 - centre)
    got = kernels.explain(image, labels, reaches, tiles, *sides, 3, 0.01, -2.0, -1.0)
    for place in np.argwhere(labels < 0):
        y, x = place
        middle = place // 8 * 8 + 3.5 - centre
        expected = reference_explanation(image[y, x], place - centre, reaches[:, y, x], middle, sides)
        for plane, value in zip(got, expected, strict=True):
            np.testing.assert_allclose(plane[y, x], value, rtol=0, atol=1e-4)  # what is negligible


def random_candidates(rng, count):
    places, of_ring = rng.uniform(-6, 6, (count, 2)), np.arange(count) >= count - 2
    return Candidates(
        rng.random((count, 3)), rng.uniform(0, 0.01, (count, 3)), places, rng.uniform(0, 9, count), of_ring
    )


def reference_explanation(colour, place, reaches, middle, sides, noise=0.01):
    """Alpha, variance, colours: all explanations in one list, the nearest 3 candidates and those of rings."""
    taken, weights, alone = [], [], []
    for reach, side in zip(reaches, sides, strict=True):
        away = np.where(side.of_ring, -1, np.square(side.places - middle).sum(axis=1) + side.extents)
        near = np.sort(np.argsort(away)[:5])
        weight = reach / np.maximum(reach, np.sqrt(np.square(side.places - place).sum(axis=1) + side.extents)[near])
        variance = noise + side.variances[near]
        density = np.exp(-np.square(colour - side.colours[near]) / (2 * variance)) * np.sqrt(noise / variance)
        taken.append(near)
        weights.append(weight / weight.sum())
        alone.append(weights[-1] @ density.prod(axis=1))
    found = [(0.0, alone[0] * reaches[1] / reaches.sum()), (1.0, alone[1] * reaches[0] / reaches.sum())]
    best, pair = 0, None
    for (m, b), (k, f) in product(enumerate(taken[0]), enumerate(taken[1])):
        background, foreground = sides[0].colours[b], sides[1].colours[f]
        variance = noise + (sides[0].variances[b] + sides[1].variances[f]).mean() / 4
        length = 1 + np.square(foreground - background).sum() / (2 * np.pi * noise)
        density = weights[0][m] * weights[1][k] * noise / variance / np.sqrt(length) * np.exp(-2)
        density *= np.exp(-(distortion(colour, foreground, background) ** 2) / (2 * variance))
        found.append((mixture(colour, foreground, background), density))
        if density > best:
            best, pair = density, (background, foreground)
    values, density = np.array(found).T
    total = density.sum() + np.exp(-1)
    alpha = (density @ values + np.exp(-1) / 2) / total
    return alpha, (density @ values**2 + np.exp(-1) / 3) / total - alpha**2, np.array(pair)


def test_clusters_are_a_partition_into_what_lies_together(rng):
    from propmat._cpu import candidates as kernels

    points = np.concatenate([rng.normal(centre, 0.01, (50, 3)) for centre in (0.2, 0.5, 0.9)])
    for runs, most, smallest, expected in (([0, 150], 10, 1e-3, 3), ([0, 150], 2, 0, 2), ([0, 50, 150], 10, 1e-3, 3)):
        owner = kernels.cluster(points, np.array(runs), most, smallest)
        assert len(np.unique(owner)) == expected
        if expected == 3:
            np.testing.assert_array_equal(owner[::50], owner[49::50])
    assert len(np.unique(kernels.cluster(np.zeros((5, 2)), np.array([0, 5]), 4, 0.0))) == 1


def test_candidates_stand_for_all_known_pixels(rng):
    own = np.zeros((40, 60), bool)
    own[:, 10:] = True
    image = rng.integers(0, 3, (40, 60, 3)) / 3
    depth = np.maximum(np.arange(60) - 9.0, 0) * np.ones((40, 1))
    found = candidates(image, own, depth)
    assert found.of_ring.sum() == 5 * 8  # rings from 1, 3, 7, 15 and 31 pixels, eight clusters each
    inner = found.places[~found.of_ring & (found.places[:, 1] < 12 - 29.5)]
    assert len(inner) == 3 * 2  # cells of 16 rows, two clusters each


@pytest.mark.parametrize("name", ["GT02", "GT15"])
def test_comprehensive_sampling_beats_the_closed_form(photographs, name):
    folder = photographs / "alphamatting" / "training"
    image = read_image(folder / "image" / f"{name}.png")
    trimap = read_matte(folder / "trimap2" / f"{name}.png")
    truth = read_matte(folder / "alpha" / f"{name}.png") / 255
    errors = [
        np.abs(verb(image, trimap) - truth).sum() for verb in (propmat.comprehensive_sampling, propmat.closed_form)
    ]
    assert errors[0] < 0.9 * errors[1]


def test_trimming_takes_the_nearest_like_colour():
    image = np.array([[0.5, 0.5, 0.502, 0.7, 0.52, 0.53]])
    trimmed = propmat.sampling.trimmed(image, [[0.0, 0.5, 0.5, 0.5, 0.5, 1.0]])
    np.testing.assert_array_equal(trimmed.labels, [[0, 0, 0, 0.5, 1, 1]])


@pytest.mark.parametrize("name", HARD_MASKS)
@pytest.mark.parametrize("flat", [False, True])
def test_hard_trimaps(rng, verb, name, flat):
    trimap = hard_trimap(name)
    image = np.full((*trimap.shape, 3), 0.4) if flat else random_photo(rng, *trimap.shape)
    alpha = verb(image, trimap)
    assert np.isfinite(alpha).all()
    np.testing.assert_array_equal(alpha[trimap.known], trimap.labels[trimap.known])


def test_one_channel(rng, verb):
    image, trimap = random_photo(rng, channels=1), banded_trimap(12, 14)
    np.testing.assert_array_equal(verb(image[:, :, 0], trimap), verb(image, trimap))


def test_verb_without_a_label_or_without_unknown_pixels(rng, verb):
    image = random_photo(rng)
    trimap = np.full((12, 14), 0.5)
    trimap[0] = 1
    with pytest.warns(PropmatWarning, match="every known pixel is foreground"):
        np.testing.assert_array_equal(verb(image, trimap), 1)
    trimap = np.round(rng.random((12, 14)))
    with pytest.warns(PropmatWarning, match="no pixel is unknown"):
        np.testing.assert_array_equal(verb(image, trimap), trimap)
    with pytest.raises(InputError, match="trimap: has no known pixel"):
        verb(image, np.full((12, 14), 0.5))


def test_bad_input_is_named(rng, method, verb):
    image, trimap = random_photo(rng), banded_trimap(12, 14)
    with pytest.raises(InputError, match="trimap: has no known background pixel to take samples of"):
        method(image, np.maximum(trimap, 0.5))
    for call in (method, verb):
        with pytest.raises(InputError, match=r"trimap: shape \(11, 14\) does not fit image of shape \(12, 14, 3\)"):
            call(image, trimap[1:])
        with pytest.raises(InputError, match="image: floating values are in"):
            call(255 * image, trimap)


@pytest.mark.parametrize("name", METHODS)
def test_alpha_stays_within_0_and_1_where_means_round(name):
    """Two labelled pixels on ramps of grey: nearly every alpha is 0 or 1, and means of ones exceed 1 by rounding."""
    y, x = np.mgrid[:24, :29]
    labels = np.full((24, 29), 0.5)
    labels[0, 0], labels[-1, -1] = 0, 1
    for slope in np.linspace(0.001, 0.03, 12):
        alpha = METHODS[name](np.clip(slope * (x + y), 0, 1), labels).alpha
        assert alpha.min() >= 0
        assert alpha.max() <= 1
