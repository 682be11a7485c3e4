"""Metrics: comparison with their definitions, and tests of known errors in other implementations."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propmat import metrics
from propmat.errors import InputError, PropmatWarning

FOUR = ("sad", "mse", "gradient", "connectivity")
PHOTOGRAPHS = Path(__file__).resolve().parents[3] / "shared/data/alphamatting/training"


def example(seed, shape=(9, 11), levels=256):
    """Matte and truth of few levels, equal to the trimap where it is known; a third is unknown."""
    rng = np.random.default_rng(seed)
    trimap = rng.choice([0.0, 0.5, 1.0], shape)
    trimap[0, 0] = 0.5
    mattes = [rng.integers(0, levels, shape) / (levels - 1) for _ in range(2)]
    alpha, truth = (np.where(trimap == 0.5, matte, trimap) for matte in mattes)
    return alpha, truth, trimap


def slow_gradient(alpha, truth, trimap):
    """The sum over a 9 × 9 window, pixel by pixel."""
    window = range(-4, 5)
    gauss = {k: math.exp(-k * k / (2 * 1.4**2)) for k in window}
    kernel = {(i, j): gauss[i] * -j * gauss[j] for i in window for j in window}
    norm = math.sqrt(sum(weight**2 for weight in kernel.values()))

    def magnitude(matte, y, x):
        low, high = matte.min(), matte.max()
        height, width = matte.shape
        gx = gy = 0.0
        for (i, j), weight in kernel.items():
            # Convolution: the kernel is reversed. Indices are clamped to the border.
            value = matte[np.clip(y - i, 0, height - 1), np.clip(x - j, 0, width - 1)]
            gx += weight / norm * (value - low) / (high - low)
            value = matte[np.clip(y - j, 0, height - 1), np.clip(x - i, 0, width - 1)]
            gy += weight / norm * (value - low) / (high - low)
        return math.hypot(gx, gy)

    unknown = np.argwhere(trimap == 0.5)
    return sum((magnitude(alpha, *p) - magnitude(truth, *p)) ** 2 for p in unknown) / 1000


def components(mask):
    """4-connected components as sets, in the order of their first pixel down the columns."""
    height, width = mask.shape
    left = {(y, x) for y in range(height) for x in range(width) if mask[y, x]}
    found = []
    for x in range(width):
        for y in range(height):
            if (y, x) not in left:
                continue
            component, front = set(), [(y, x)]
            left.remove((y, x))
            while front:
                i, j = front.pop()
                component.add((i, j))
                near = {(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)} & left
                left -= near
                front += near
            found.append(component)
    return found


def slow_connectivity(alpha, truth, trimap):
    """One labelling a level, upwards, every operation in single precision."""
    alpha, truth = np.float32(alpha), np.float32(truth)
    last = np.full(alpha.shape, -1.0)
    for number in range(1, 11):
        common = (alpha >= np.float32(number / 10)) & (truth >= np.float32(number / 10))
        found = components(common)
        if not found:
            continue
        omega = max(found, key=len)  # the first of equals
        for pixel in np.ndindex(alpha.shape):
            if last[pixel] == -1 and pixel not in omega:
                last[pixel] = (number - 1) / 10
    last[last == -1] = 1

    def phi(value, level):
        distance = np.float32(value) - np.float32(level)
        return np.float32(1) - (distance if distance >= np.float32(0.15) else np.float32(0))

    unknown = [tuple(p) for p in np.argwhere(trimap == 0.5)]
    return sum(abs(float(phi(alpha[p], last[p]) - phi(truth[p], last[p]))) for p in unknown) / 1000


# Properties


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 6, 11, 256]))
@settings(max_examples=30, deadline=None)
def test_equal_mattes_score_zero(seed, levels):
    _, truth, trimap = example(seed, levels=levels)
    assert metrics.evaluate(truth, truth, trimap) == dict.fromkeys(FOUR, 0.0)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_matte_and_truth_may_change_places(seed):
    alpha, truth, trimap = example(seed)
    there = metrics.evaluate(alpha, truth, trimap)
    assert metrics.evaluate(truth, alpha, trimap) == pytest.approx(there, rel=1e-15)


def test_evaluate_is_the_four():
    mattes = example(0)
    each = {name: getattr(metrics, name)(*mattes) for name in FOUR}
    assert metrics.evaluate(*mattes) == each
    assert all(value > 0 for value in each.values())


@pytest.mark.parametrize("metric", FOUR)
def test_picture_sums_to_the_metric(metric):
    mattes = example(1)
    picture = metrics.per_pixel(*mattes, metric)
    unknown = mattes[2] == 0.5
    share = unknown.sum() if metric == "mse" else 1000
    assert not picture[~unknown].any()
    assert picture.sum() / share == pytest.approx(getattr(metrics, metric)(*mattes), rel=1e-14)


@pytest.mark.parametrize("metric", ["sad", "mse"])
def test_what_is_known_does_not_matter(metric):
    alpha, truth, trimap = example(2)
    score = getattr(metrics, metric)
    noise = np.random.default_rng(3).random(alpha.shape)
    wrong_alpha = np.where(trimap == 0.5, alpha, noise)
    wrong_truth = np.where(trimap == 0.5, truth, noise.T.reshape(noise.shape))
    assert score(wrong_alpha, wrong_truth, trimap) == score(alpha, truth, trimap)


def test_gradient_reads_four_pixels_beyond_the_unknown():
    truth = np.zeros((1, 20))
    truth[0, 19] = 1
    trimap, alpha = truth.copy(), truth.copy()
    trimap[0, 5], alpha[0, 5] = 0.5, 0.5
    near, far = truth.copy(), truth.copy()
    near[0, 9], far[0, 10] = 0.5, 0.5
    score = metrics.gradient(alpha, truth, trimap)
    assert metrics.gradient(alpha, far, trimap) == score
    assert metrics.gradient(alpha, near, trimap) != score


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.transpose])
def test_gradient_does_not_depend_on_the_view(turn):
    mattes = example(4)
    turned = [turn(matte) for matte in mattes]
    assert metrics.gradient(*turned) == pytest.approx(metrics.gradient(*mattes), rel=1e-13)


# Closed forms and values by hand


def test_sad_and_mse_by_hand():
    alpha, truth = [[0.0, 0.5, 0.75, 1.0]], [[0.0, 0.25, 0.25, 1.0]]
    trimap = [[0.0, 0.5, 0.5, 1.0]]
    assert metrics.sad(alpha, truth, trimap) == 0.75 / 1000
    assert metrics.mse(alpha, truth, trimap) == (0.0625 + 0.25) / 2


def step_edge(shift):
    column = np.arange(40)
    truth, alpha = (np.tile((column >= edge) * 1.0, (7, 1)) for edge in (14, 14 + shift))
    return alpha, truth, np.full_like(truth, 0.5)


@pytest.mark.parametrize("shift", [1, 2, 3, 5, 12])
def test_gradient_of_a_shifted_step_edge(shift):
    """The unit-norm kernels answer an edge by Σ s times the sums of the derivative's tails."""
    x = np.arange(-4, 5)
    smooth = np.exp(-(x**2) / (2 * 1.4**2))
    derivative = x * smooth
    tails = np.cumsum(derivative / np.linalg.norm(derivative))
    answer = np.concatenate([np.zeros(14), smooth.sum() / np.linalg.norm(smooth) * tails])
    answers = [np.pad(answer, (start, 20 - start)) for start in (0, shift)]
    expected = 7 * np.sum((answers[0] - answers[1]) ** 2) / 1000
    assert metrics.gradient(*step_edge(shift)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("shift", "a_row"), [(1, 2 * 1.4), (12, 8 * 1.4**3)])
def test_gradient_of_a_shifted_step_edge_in_the_continuum(shift, a_row):
    r"""A shift of a pixel costs (Σ s)² ≈ 2 √π σ a row; two edges apart 2 ∫ (2 σ g)² = 8 √π σ³.

    The Gaussian, cut at 2.9 σ, lacks 0.4 % of its sum.
    """
    expected = 7 * math.sqrt(math.pi) * a_row / 1000
    assert metrics.gradient(*step_edge(shift)) == pytest.approx(expected, rel=0.01)


def test_connectivity_by_hand():
    # At 0.3 the bridge breaks: the fourth pixel was last in at 0.2, and is 0.7 and 0.4 above that.
    alpha = np.array([[1.0, 1.0, 0.2, 0.9, 0.0]])
    truth = np.array([[1.0, 1.0, 0.2, 0.6, 0.0]])
    trimap = [[1.0, 1.0, 0.5, 0.5, 0.0]]
    assert metrics.connectivity(alpha, truth, trimap) == pytest.approx(0.3 / 1000, rel=1e-6)


def test_connectivity_forgives_less_than_theta():
    # The second pixel was last in at 0.5: 0.1 above that is forgiven, 0.2 is not.
    truth, trimap = np.array([[1.0, 0.5, 0.0]]), np.array([[1.0, 0.5, 0.0]])
    little, much = truth + [[0, 0.1, 0]], truth + [[0, 0.2, 0]]
    assert metrics.connectivity(little, truth, trimap) == 0
    assert metrics.connectivity(much, truth, trimap) == pytest.approx(0.2 / 1000, rel=1e-6)


def test_flicker_by_hand():
    truths = np.zeros((3, 2, 2))
    alphas = np.zeros((3, 2, 2))
    alphas[1, 0, 0] = 1
    # One of four pixels goes up by 1 and comes down again: 100 √(1/4), twice.
    assert metrics.dtssd(alphas, truths) == 50
    trimaps = np.full((3, 2, 2), 0.0)
    trimaps[:, 0, 0] = 0.5
    assert metrics.dtssd(alphas, truths, trimaps) == 100


def test_flicker_is_blind_to_a_constant_error():
    truths = np.random.default_rng(5).integers(0, 8, (4, 3, 5)) / 16
    assert metrics.dtssd(truths + 0.25, truths) == 0


def test_flicker_of_moving_trimaps():
    alphas, truths = [[[0.0, 0.0]], [[0.5, 0.25]]], [[[0.0, 0.0]], [[0.0, 0.0]]]
    assert metrics.dtssd(alphas, truths, [[[0.5, 0.0]], [[0.0, 0.5]]]) == 25


def test_frames_are_read_one_at_a_time():
    truths = np.random.default_rng(6).random((3, 4, 4))
    alphas = truths[::-1]
    assert metrics.dtssd(iter(alphas), (f for f in truths)) == metrics.dtssd(alphas, truths)


# Flicker along the motion


def shifts(right, down, shape=(4, 6), count=2):
    flow = np.empty((*shape, 2))
    flow[:] = right, down
    return [flow] * count


def test_errors_that_move_with_the_object_do_not_flicker():
    errors = np.random.default_rng(7).integers(0, 8, (4, 10)) / 16
    alphas = [errors[:, 4 - 2 * k : 10 - 2 * k] for k in range(3)]
    truths = np.zeros((3, 4, 6))
    assert metrics.messddt(alphas, truths, shifts(2, 0)) == 0
    assert metrics.messddt(alphas, truths, shifts(0, 0)) > 0
    assert metrics.dtssd(alphas, truths) > 0


def test_motion_by_hand():
    """Squared errors 1 and 0.25 of a pixel, and half of them at half a pixel; means over the unknown pixels."""
    alphas, truths = [[[1.0, 0.0, 0.0]], [[0.0, 0.5, 0.0]]], np.zeros((2, 1, 3))
    trimaps = [[[0.5, 0.0, 0.0]]] * 2
    assert metrics.messddt(alphas, truths, shifts(1, 0, (1, 3), 1), trimaps) == 1000 * (1 - 0.25)
    assert metrics.messddt(alphas, truths, shifts(0.5, 0, (1, 3), 1), trimaps) == 1000 * (1 - 0.125)
    # The last pixel leaves the picture, the second one is right where it goes to.
    assert metrics.messddt(alphas, truths, shifts(1, 0, (1, 3), 1)) == 1000 * (0.75 + 0) / 2


def test_flows_that_are_refused():
    frames = np.zeros((3, 4, 6))
    with pytest.raises(InputError, match="flows: end after 1; there is one for every frame but the last"):
        metrics.messddt(frames, frames, shifts(0, 0, count=1))
    with pytest.raises(InputError, match=r"flows: flow 0 takes shape \(4, 6, 2\), got \(4, 6\)"):
        metrics.messddt(frames, frames, [np.zeros((4, 6))] * 2)
    with pytest.raises(
        InputError, match="flows: flow 0: has 48 values that are NaN|flow 0: has 24 values that are NaN"
    ):
        metrics.messddt(frames, frames, [np.full((4, 6, 2), np.nan)] * 2)
    with pytest.raises(InputError, match="fewer than two"):
        metrics.messddt(frames[:1], frames[:1], [])


# Comparison with the definition


@pytest.mark.parametrize("seed", range(3))
def test_gradient_is_the_definition(seed):
    mattes = example(seed, (11, 13))
    # Rounding errors only: a few hundred operations on numbers of order 1.
    assert metrics.gradient(*mattes) == pytest.approx(slow_gradient(*mattes), rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 7), (6, 1), (2, 3)])
def test_gradient_of_mattes_smaller_than_the_kernel(shape):
    mattes = example(7, shape)
    assert metrics.gradient(*mattes) == pytest.approx(slow_gradient(*mattes), rel=1e-12)


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([2, 3, 6, 11, 52, 256, 65536]),
    st.sampled_from([(1, 1), (1, 9), (9, 1), (5, 8), (10, 10)]),
)
@settings(max_examples=150, deadline=None)
def test_connectivity_is_the_definition(seed, levels, shape):
    mattes = example(seed, shape, levels)
    assert metrics.connectivity(*mattes) == pytest.approx(slow_connectivity(*mattes), rel=1e-13)


@given(st.integers(0, 2**32 - 1), st.floats(0.3, 2.5))
@settings(max_examples=40, deadline=None)
def test_connectivity_of_smooth_mattes_is_the_definition(seed, blur):
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    blobs = gaussian_filter(rng.standard_normal((2, 16, 12)), (0.5, blur, blur))
    mattes = np.round(np.clip(0.5 + blobs / blobs.std() / 2, 0, 1) * 255) / 255
    trimap = np.full((16, 12), 0.5)
    expected = slow_connectivity(*mattes, trimap)
    assert metrics.connectivity(*mattes, trimap) == pytest.approx(expected, rel=1e-13)


@pytest.mark.skipif(not PHOTOGRAPHS.is_dir(), reason="the photographs are not here")
def test_a_photograph_against_scipy():
    from PIL import Image
    from scipy import ndimage

    def read(kind):
        return np.asarray(Image.open(PHOTOGRAPHS / kind / "GT01.png").convert("L"))

    truth, trimap = read("alpha"), read("trimap1")
    unknown = (trimap > 0) & (trimap < 255)
    blurred = np.round(ndimage.gaussian_filter(truth.astype(float), 3)).astype(np.uint8)
    alpha = np.where(unknown, blurred, trimap)

    def magnitude(matte):
        stretched = (matte - float(matte.min())) / (float(matte.max()) - float(matte.min()))
        gauss = np.exp(-(np.arange(-4, 5) ** 2) / (2 * 1.4**2))
        kernel = np.outer(gauss, np.arange(-4, 5) * gauss)
        kernel /= np.linalg.norm(kernel)
        sides = [ndimage.convolve(stretched, k, mode="nearest") for k in (kernel, kernel.T)]
        return np.hypot(*sides)

    gradient = np.sum((magnitude(alpha) - magnitude(truth))[unknown] ** 2) / 1000
    assert metrics.gradient(alpha, truth, trimap) == pytest.approx(gradient, rel=1e-10)

    single = [np.float32(matte) / np.float32(255) for matte in (alpha, truth)]
    last = np.full(truth.shape, np.float32(-1))
    for level in np.float32(np.arange(11) / 10)[1:]:
        labels, count = ndimage.label(np.minimum(*single).T >= level)
        if count:
            omega = labels.T == 1 + np.argmax(np.bincount(labels.ravel())[1:])
            last[(last == -1) & ~omega] = level - np.float32(0.1)
    last[last == -1] = 1
    distances = [matte - np.round(last, 1) for matte in single]
    phi = [1 - d * (d >= np.float32(0.15)) for d in distances]
    connectivity = np.abs(phi[0] - phi[1])[unknown].sum(dtype=float) / 1000
    assert metrics.connectivity(alpha, truth, trimap) == pytest.approx(connectivity, rel=1e-6)


# Common errors of implementations


def test_only_the_unknown_pixels_are_averaged():
    alpha, truth, trimap = np.zeros((10, 10)), np.zeros((10, 10)), np.zeros((10, 10))
    trimap[4, :], alpha[4, :] = 0.5, 0.5
    assert metrics.mse(alpha, truth, trimap) == 0.25  # over the whole matte: 0.025


def test_sums_grow_with_the_picture_and_means_do_not():
    mattes = example(8)
    twice = [np.vstack([matte, matte]) for matte in mattes]
    assert metrics.sad(*twice) == pytest.approx(2 * metrics.sad(*mattes), rel=1e-14)
    assert metrics.mse(*twice) == pytest.approx(metrics.mse(*mattes), rel=1e-14)


def test_mse_is_no_norm():
    trimap, truth = np.full((3, 3), 0.5), np.zeros((3, 3))
    assert metrics.mse(truth + 0.5, truth, trimap) == 4 * metrics.mse(truth + 0.25, truth, trimap)


def test_pixels_that_touch_at_a_corner_are_not_connected():
    alpha = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.75]])
    truth = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.5]])
    trimap = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.5]])
    assert metrics.connectivity(alpha, truth, trimap) == pytest.approx(0.25 / 1000, rel=1e-6)


def test_the_background_is_no_component():
    # Most pixels are 0, yet the two pixels of the foreground are the largest component.
    alpha, truth, trimap = np.zeros((9, 9)), np.zeros((9, 9)), np.zeros((9, 9))
    alpha[4, 3:5], truth[4, 3:5], trimap[4, 3:5] = 1, 1, (1, 0.5)
    alpha[4, 4] = 0.5
    # The pixel leaves after 0.5, which is 0 below the matte and 0.5 below the truth.
    assert metrics.connectivity(alpha, truth, trimap) == pytest.approx(0.5 / 1000, rel=1e-6)


def test_a_level_that_no_pixel_reaches_drops_none():
    # From 0.6 on nothing is common. Dropping all there would leave 0 and 0.5 above the last level.
    alpha, truth = np.array([[0.5, 0.5]]), np.array([[0.5, 1.0]])
    assert metrics.connectivity(alpha, truth, np.full((1, 2), 0.5)) == 0


def test_nothing_in_common_scores_zero():
    truth = np.array([[0.0, 1.0]])
    assert metrics.connectivity(np.zeros((1, 2)), truth, np.full((1, 2), 0.5)) == 0


def test_of_equal_components_the_one_further_left_counts():
    alpha = np.array([[0.0, 0.0, 0.5], [0.5, 0.0, 0.0]])
    truth = np.array([[0.0, 0.0, 0.8], [0.5, 0.0, 0.0]])
    # The right one is never inside, so that 0.5 and 0.8 are both above the last level, 0.
    score = metrics.connectivity(alpha, truth, np.full((2, 3), 0.5))
    assert score == pytest.approx(0.3 / 1000, rel=1e-6)


@pytest.mark.parametrize("fifths", [1, 2, 3, 4])
def test_levels_of_8_bits_reach_their_thresholds(fifths):
    # At 3/5, 0.6 in double precision is 0.6000000000000001 for some ranges and just missed.
    alpha, truth = np.array([[255, 51 * fifths, 0]]), np.array([[255, 51 * fifths + 35, 0]])
    trimap = np.array([[255, 128, 0]], dtype=np.uint8)
    # 35/255 above the level is forgiven; above the level before it would not be.
    assert metrics.connectivity(alpha.astype(np.uint8), truth.astype(np.uint8), trimap) == 0


def test_gradient_stretches_each_matte():
    alpha, truth, trimap = example(9)
    everywhere = np.full_like(trimap, 0.5)
    expected = metrics.gradient(alpha, truth, everywhere)
    duller = metrics.gradient(0.25 + alpha / 2, truth, everywhere)
    assert duller == pytest.approx(expected, rel=1e-12)


def test_a_constant_matte_has_no_gradient():
    truth, everywhere = example(10)[1], np.full((9, 11), 0.5)
    flat = [metrics.gradient(np.full((9, 11), value), truth, everywhere) for value in (0.0, 0.3, 1.0)]
    assert flat[0] == flat[1] == flat[2] > 0


@pytest.mark.parametrize("code", [102, 127, 128, 129])
def test_unknown_need_not_be_128(code):
    alpha, truth, trimap = example(11)
    coded = np.choose((2 * trimap).astype(int), [0, code, 255]).astype(np.uint8)
    assert metrics.evaluate(alpha, truth, coded) == metrics.evaluate(alpha, truth, trimap)


def test_bytes_are_scored_as_they_are_and_numbers_are_not_rounded():
    alpha, truth, trimap = example(12)
    alpha8, truth8 = (np.round(255 * matte).astype(np.uint8) for matte in (alpha, truth))
    assert metrics.evaluate(alpha8, truth8, trimap) == metrics.evaluate(alpha8 / 255, truth8 / 255, trimap)
    finer = np.where(trimap == 0.5, np.clip(alpha - 0.2 / 255, 0, 1), trimap)
    assert metrics.sad(finer, truth, trimap) != metrics.sad(alpha, truth, trimap)


def test_small_values_of_the_truth_count():
    truth, trimap = np.array([[5, 250]], np.uint8), np.array([[128, 128]], np.uint8)
    alpha = np.array([[0, 255]], np.uint8)
    assert metrics.sad(alpha, truth, trimap) == pytest.approx(10 / 255 / 1000, rel=1e-13)


@pytest.mark.parametrize("score", [metrics.gradient, metrics.connectivity, metrics.evaluate])
def test_known_pixels_that_are_not_exact_are_reported(score):
    alpha, truth, trimap = example(13)
    alpha[trimap == 1] = 0.75
    message = rf"alpha: {np.sum(trimap == 1)} known pixels .* up to 0\.25"
    with pytest.warns(PropmatWarning, match=message) as warned:
        score(alpha, truth, trimap)
    assert warned[0].filename == __file__


def test_known_pixels_may_be_off_by_less_than_8_bits_show():
    alpha, truth, trimap = example(14)
    alpha[trimap == 0] = 0.0019
    metrics.evaluate(alpha, truth, trimap)


def test_the_truth_is_taken_as_it_is():
    _, truth, trimap = example(15)
    truth[trimap == 1] = 0.9
    with pytest.warns(PropmatWarning, match="known pixels"):
        assert metrics.evaluate(truth, truth, trimap) == dict.fromkeys(FOUR, 0.0)


# Errors


@pytest.mark.parametrize("metric", [*FOUR, "evaluate", "per_pixel"])
def test_nothing_unknown_is_no_score(metric):
    matte = np.array([[0.0, 1.0]])
    with pytest.raises(InputError, match="trimap: no unknown pixel"):
        getattr(metrics, metric)(matte, matte, matte)


def test_shapes_must_agree():
    alpha, truth, trimap = example(16)
    with pytest.raises(InputError, match=r"truth: shape \(9, 10\) .* \(9, 11\)"):
        metrics.sad(alpha, truth[:, :10], trimap)
    with pytest.raises(InputError, match=r"trimap: shape \(8, 11\) .* \(9, 11\)"):
        metrics.sad(alpha, truth, trimap[:8])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.3, 1.5])
@pytest.mark.parametrize("name", ["alpha", "truth"])
def test_values_must_be_numbers_in_range(name, bad):
    arguments = dict(zip(("alpha", "truth", "trimap"), example(17), strict=True))
    arguments[name][3, 3] = bad
    with pytest.raises(InputError, match=f"^{name}"):
        metrics.evaluate(**arguments)


def test_unknown_metric_is_named():
    with pytest.raises(InputError, match="metric: takes 'sad' or 'mse'.*got 'ssim'"):
        metrics.per_pixel(*example(18), "ssim")


def test_sequences_must_fit():
    frames = np.zeros((3, 2, 2))
    with pytest.raises(InputError, match="ends after 2 frames"):
        metrics.dtssd(frames, frames[:2])
    with pytest.raises(InputError, match="ends after 1 frames"):
        metrics.dtssd(frames, frames, frames[:1] + 0.5)
    with pytest.raises(InputError, match="fewer than two"):
        metrics.dtssd(frames[:1], frames[:1])
    with pytest.raises(InputError, match=r"\(2, 3\) follows a frame of shape \(2, 2\)"):
        metrics.dtssd([frames[0], np.zeros((2, 3))], [frames[0], np.zeros((2, 3))])


# Number formats and layouts


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_number_formats(dtype):
    # Multiples of 1/255 are exact in both integer formats, and within 3e-8 in single precision.
    mattes = example(19)
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    formatted = [np.round(matte * full, 8).astype(dtype) for matte in mattes[:2]]
    expected = metrics.evaluate(*mattes)
    assert metrics.evaluate(*formatted, mattes[2]) == pytest.approx(expected, rel=1e-5)


def test_layouts_and_read_only_arrays():
    mattes = example(20)
    expected = metrics.evaluate(*mattes)
    strided = [np.repeat(np.repeat(matte, 2, 0), 3, 1)[::2, ::3] for matte in mattes]
    for matte in mattes:
        matte.flags.writeable = False
    assert metrics.evaluate(*mattes) == expected
    assert metrics.evaluate(*map(np.asfortranarray, mattes)) == expected
    assert metrics.evaluate(*strided) == expected
    assert metrics.evaluate(*(m.astype(m.dtype.newbyteorder(">")) for m in mattes)) == expected
