"""Foreground estimation: properties, comparison with the dense minimiser, borders, errors, number formats."""

import numpy as np
import pytest
from scipy import ndimage

import propmat
from propmat import InputError

METHODS = ["multilevel", "closed_form"]
# The sweeps compute in single precision.
ATOL = 1e-5
# The closed form is solved to a relative residual of 1e-6, and its smallest eigenvalue is near this
# regularization.
SMOOTH = {"multilevel": {}, "closed_form": {"regularization": 1e-1}}


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def scene(rng, height=40, width=53, channels=3):
    """Two smooth layers and a soft blob; returns image, alpha, foreground, background."""
    noise = rng.standard_normal((height, width, 2 * channels))
    layers = 0.5 + 2.0 * ndimage.gaussian_filter(noise, (6, 6, 0))
    foreground, background = 0.5 * np.clip(layers, 0, 1).reshape(height, width, 2, channels).transpose(2, 0, 1, 3)
    foreground = foreground + 0.5
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y / height - 0.5, x / width - 0.5) + 0.05 * np.sin(9 * np.arctan2(y - 19.5, x - 26.2))
    alpha = np.clip((0.4 - distance) / 0.2, 0, 1)
    image = alpha[..., None] * foreground + (1 - alpha[..., None]) * background
    return image, alpha, foreground, background


def weighted_error(estimate, truth, alpha):
    """Root mean square over the mixed pixels, weighted by alpha."""
    weight = np.where((alpha > 0) & (alpha < 1), alpha, 0)
    return np.sqrt((weight[..., None] * (estimate - truth) ** 2).sum() / (3 * weight.sum()))


def dense_foreground(image, alpha, regularization, gradient_weight):
    """Minimiser of the energy over all colours that are not fixed, by dense least squares."""
    height, width = alpha.shape
    count = alpha.size
    pixel = np.arange(count).reshape(height, width)
    a = alpha.ravel()
    rows = [np.hstack([np.diag(a), np.diag(1 - a)])]
    for one, two in ((pixel[:, 1:], pixel[:, :-1]), (pixel[1:], pixel[:-1])):
        one, two = one.ravel(), two.ravel()
        difference = np.eye(count)[one] - np.eye(count)[two]
        difference *= np.sqrt(regularization + gradient_weight * np.abs(a[one] - a[two]))[:, None]
        rows += [np.hstack([difference, 0 * difference]), np.hstack([0 * difference, difference])]
    matrix = np.vstack(rows)
    target = np.zeros(len(matrix))
    target[:count] = image.ravel()
    fixed = np.concatenate([a == 1, a == 0])
    colours = np.concatenate([image.ravel()] * 2)
    hidden = np.concatenate([a == 0, a == 1])
    # Colours of zero weight are determined by the others; at the minimum an edge to one of them has no energy.
    uses_hidden = (matrix[:, hidden] != 0).any(axis=1)
    uses_hidden[:count] = False
    free = ~fixed & ~hidden
    kept = ~uses_hidden
    rest = target - matrix[:, fixed] @ colours[fixed]
    colours[free] = np.linalg.lstsq(matrix[np.ix_(kept, free)], rest[kept], rcond=None)[0]
    return colours.reshape(2, height, width)


def plain_multilevel(image, alpha, regularization=1e-5, gradient_weight=1.0):
    """The red-black multilevel scheme by whole arrays, in double precision."""
    height, width = alpha.shape
    step = max(alpha.shape) // 128 + 1
    shares = np.stack([alpha[::step, ::step].ravel(), 1 - alpha[::step, ::step].ravel()], axis=1)
    layers = np.linalg.lstsq(shares, image[::step, ::step].reshape(len(shares), -1), rcond=None)[0][:, None, None]
    layers = np.clip(layers, image.min(), image.max())
    levels = int(np.ceil(np.log2(max(height, width))))
    for k in range(1, levels + 1):
        h, w = round(height ** (k / levels)), round(width ** (k / levels))
        middle_y, middle_x = (np.arange(h) + 0.5) / h, (np.arange(w) + 0.5) / w
        rows, columns = (middle_y * height).astype(int), (middle_x * width).astype(int)
        small_image, small_alpha = image[np.ix_(rows, columns)], alpha[np.ix_(rows, columns)]
        coarse = (middle_y * layers.shape[1]).astype(int), (middle_x * layers.shape[2]).astype(int)
        layers = layers[:, coarse[0]][:, :, coarse[1]]
        white = np.add.outer(np.arange(h), np.arange(w)) % 2 == 0
        for _ in range(10 if max(h, w) <= 32 else 2):
            for squares in (white, ~white):
                updated = swept(small_image, small_alpha, layers, regularization, gradient_weight)
                layers = np.where(squares[..., None], updated, layers)
    return layers


def swept(image, alpha, layers, regularization, gradient_weight):
    """The minimiser of each pixel's part of the energy, its neighbours held."""
    total, sums = np.zeros(alpha.shape), np.zeros(layers.shape)
    for axis in (0, 1):
        for step in (1, -1):
            inside = np.roll(np.ones(alpha.shape, bool), step, axis)
            edge = np.arange(alpha.shape[axis]) == (0 if step == 1 else alpha.shape[axis] - 1)
            inside &= ~(edge[:, None] if axis == 0 else edge)
            weight = inside * (regularization + gradient_weight * np.abs(alpha - np.roll(alpha, step, axis)))
            total += weight
            sums += weight[..., None] * np.roll(layers, step, axis + 1)
    means, a, b = sums / total[..., None], alpha, 1 - alpha
    gain = 1 / (a * a + b * b + np.where(a * b > 0, total, 0))
    residual = image - a[..., None] * means[0] - b[..., None] * means[1]
    return means + np.stack([a * gain, b * gain])[..., None] * residual


def test_known_colours_are_the_image_exactly(rng, method):
    image, alpha, *_ = scene(rng)
    for linear in (False, True):
        foreground, background = propmat.foreground(image, alpha, method=method, linear=linear)
        np.testing.assert_array_equal(foreground[alpha == 1], image[alpha == 1])
        np.testing.assert_array_equal(background[alpha == 0], image[alpha == 0])


def test_layers_compose_to_the_image(rng, method):
    image, alpha, *_ = scene(rng)
    foreground, background = propmat.foreground(image, alpha, method=method, gradient_weight=1e-3)
    composed = alpha[..., None] * foreground + (1 - alpha[..., None]) * background
    # The residual is D r / (D + α² + (1 - α)²): at most 2 D times that of the neighbours' colours, with D ~ 1e-4 here.
    np.testing.assert_allclose(composed, image, atol=1e-3)


def test_swapping_the_layers_swaps_the_results(rng, method):
    image, alpha, *_ = scene(rng)
    foreground, background = propmat.foreground(image, alpha, method=method, **SMOOTH[method])
    swapped = propmat.foreground(image, 1 - alpha, method=method, **SMOOTH[method])
    np.testing.assert_allclose(swapped, (background, foreground), atol=10 * ATOL)


@pytest.mark.parametrize("linear", [False, True])
def test_constant_colours_are_recovered(rng, method, linear):
    _, alpha, *_ = scene(rng)
    one, two = np.array([0.9, 0.2, 0.4]), np.array([0.1, 0.6, 0.0])
    power = 2.2 if linear else 1.0
    image = alpha[..., None] * one**power + (1 - alpha[..., None]) * two**power
    if linear:
        image = encode(image)
        one, two = encode(one**power), encode(two**power)
    foreground, background = propmat.foreground(image, alpha, method=method, linear=linear)
    np.testing.assert_allclose(foreground, np.broadcast_to(one, image.shape), atol=ATOL)
    np.testing.assert_allclose(background, np.broadcast_to(two, image.shape), atol=ATOL)


def encode(light):
    """IEC 61966-2-1."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def test_brightness_scales_through(rng, method):
    image, alpha, *_ = scene(rng)
    expected = np.array(propmat.foreground(image, alpha, method=method))
    assert 64 * expected.max() > 50
    np.testing.assert_allclose(propmat.foreground(64 * image, alpha, method=method), 64 * expected, rtol=1e-12)


def test_rows_and_columns_may_change_places(rng, method):
    image, alpha, *_ = scene(rng)
    layers = propmat.foreground(image, alpha, method=method, **SMOOTH[method])
    turned = propmat.foreground(image.transpose(1, 0, 2), alpha.T, method=method, **SMOOTH[method])
    np.testing.assert_allclose(np.transpose(turned, (0, 2, 1, 3)), layers, atol=10 * ATOL)


@pytest.mark.parametrize("axis", [0, 1])
def test_closed_form_is_mirrored_with_the_image(rng, axis):
    image, alpha, *_ = scene(rng)
    mixed = (alpha > 0) & (alpha < 1)
    settings = {"method": "closed_form", **SMOOTH["closed_form"]}
    layers = np.array(propmat.foreground(image, alpha, **settings))
    mirrored = np.array(propmat.foreground(np.flip(image, axis), np.flip(alpha, axis), **settings))
    np.testing.assert_allclose(np.flip(mirrored, axis + 1)[:, mixed], layers[:, mixed], atol=10 * ATOL)


def test_any_number_of_threads_gives_the_same_bits(rng):
    image, alpha, *_ = scene(rng, 150, 131)
    threads = propmat.get_num_threads()
    if threads == 1:
        pytest.skip("one thread only")
    results = []
    try:
        for count in (1, threads):
            propmat.set_num_threads(count)
            results.append(propmat.foreground(image, alpha))
    finally:
        propmat.set_num_threads(threads)
    np.testing.assert_array_equal(*results)


def test_true_colours_are_approached(rng, method):
    image, alpha, foreground, _ = scene(rng, 90, 120)
    estimate, _ = propmat.foreground(image, alpha, method=method)
    error = weighted_error(estimate, foreground, alpha)
    assert error < 0.25 * weighted_error(image, foreground, alpha)


@pytest.mark.parametrize("shape", [(40, 53), (131, 70), (200, 33)])
def test_multilevel_is_the_plain_scheme(rng, shape):
    """Also where rows go through in several bands."""
    image, alpha, *_ = scene(rng, *shape)
    np.testing.assert_allclose(propmat.foreground(image, alpha), plain_multilevel(image, alpha), atol=ATOL)


@pytest.mark.parametrize(("regularization", "gradient_weight"), [(1e-2, 1.0), (1e-1, 0.1)])
def test_closed_form_is_the_dense_minimiser(rng, regularization, gradient_weight):
    image, alpha, *_ = scene(rng, 14, 17, 1)
    layers = propmat.foreground(
        image[..., 0],
        alpha,
        method="closed_form",
        regularization=regularization,
        gradient_weight=gradient_weight,
    )
    expected = dense_foreground(image[..., 0], alpha, regularization, gradient_weight)
    for layer, exact, visible in zip(layers, expected, (alpha > 0, alpha < 1), strict=True):
        # A residual of 1e-6 over a smallest eigenvalue of about 1e-2.
        np.testing.assert_allclose(layer[visible], exact[visible], atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 9), (9, 1), (2, 2), (3, 5), (33, 32)])
def test_smallest_shapes(rng, method, shape):
    image, alpha = rng.random((*shape, 3)), rng.random(shape)
    foreground, background = propmat.foreground(image, alpha, method=method)
    assert foreground.shape == background.shape == image.shape
    assert np.isfinite([foreground, background]).all()
    alpha = np.round(alpha)
    foreground, background = propmat.foreground(image, alpha, method=method)
    np.testing.assert_array_equal(np.where(alpha[..., None] == 1, foreground, background), image)


@pytest.mark.parametrize("value", [0.0, 0.3, 0.5, 1.0])
def test_constant_alpha(rng, method, value):
    """The layers are not determined separately, but their composite is the image."""
    image, *_ = scene(rng)
    foreground, background = propmat.foreground(image, np.full(image.shape[:2], value), method=method)
    np.testing.assert_allclose(value * foreground + (1 - value) * background, image, atol=1e-3)


def test_one_pixel_of_mixed_colour_is_both_layers():
    foreground, background = propmat.foreground([[0.3]], [[0.5]])
    np.testing.assert_allclose([foreground, background], 0.3, atol=1e-7)


@pytest.mark.parametrize("extreme", [1e-10, 1e10])
def test_extreme_weights_stay_finite(rng, method, extreme):
    image, alpha, *_ = scene(rng, 11, 12)
    layers = propmat.foreground(image * 1e10, alpha, regularization=extreme, gradient_weight=extreme)
    assert np.isfinite(layers).all()


def test_number_formats_and_layouts_agree(rng, method):
    image, alpha, *_ = scene(rng)
    image, alpha = (255 * image).astype(np.uint8), (255 * alpha).astype(np.uint8)
    expected = propmat.foreground(image / 255, alpha / 255, method=method)
    for given_image, given_alpha in [
        (image, alpha),
        (image.astype(">u2") * 257, alpha.astype("<u2") * 257),
        (np.asfortranarray(image), np.asfortranarray(alpha)),
        (image[::-1][::-1], alpha[:, ::-1][:, ::-1]),
    ]:
        given_image.flags.writeable = given_alpha.flags.writeable = False
        result = propmat.foreground(given_image, given_alpha, method=method)
        assert result[0].dtype == result[1].dtype == np.float64
        np.testing.assert_allclose(result, expected, atol=1e-12)


def test_nothing_is_compiled_anew_for_read_only_pixels(rng):
    from propmat._cpu import foreground as kernels

    image, alpha, *_ = scene(rng, 8, 9)
    expected = propmat.foreground(image, alpha)
    compiled = len(kernels._refine_bands.signatures)
    image.flags.writeable = alpha.flags.writeable = False
    np.testing.assert_array_equal(propmat.foreground(image, alpha), expected)
    assert len(kernels._refine_bands.signatures) == compiled


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_channels_do_not_mix(rng, method, channels):
    image, alpha, *_ = scene(rng, 20, 21, channels)
    together = propmat.foreground(image, alpha, method=method)
    for c in range(channels):
        alone = propmat.foreground(image[..., c], alpha, method=method)
        assert alone[0].shape == alpha.shape
        np.testing.assert_allclose(alone, np.array(together)[..., c], atol=ATOL)


def test_bool_alpha_and_overshoot(rng, method):
    image, alpha, *_ = scene(rng)
    foreground, _ = propmat.foreground(image, alpha > 0.5, method=method)
    np.testing.assert_array_equal(foreground[alpha > 0.5], image[alpha > 0.5])
    overshooting = np.where(alpha == 1, 1.1, alpha)
    for one, other in zip(
        propmat.foreground(image, overshooting, method=method),
        propmat.foreground(image, alpha, method=method),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_bad_input_is_named(rng):
    image, alpha, *_ = scene(rng, 8, 9)
    with pytest.raises(InputError, match="method: takes 'multilevel' or 'closed_form', got 'ml'"):
        propmat.foreground(image, alpha, method="ml")
    with pytest.raises(InputError, match=r"alpha: shape \(7, 9\) does not fit"):
        propmat.foreground(image, alpha[1:])
    with pytest.raises(InputError, match="image: has 1 values that are NaN or infinite"):
        propmat.foreground(np.where(np.arange(72).reshape(8, 9, 1) == 3, np.inf, image[..., :1]), alpha)
    with pytest.raises(InputError, match="image: takes values up to 1e"):
        propmat.foreground(1e30 * image, alpha)
    with pytest.raises(InputError, match="alpha: floating values are in"):
        propmat.foreground(image, 255 * alpha)
    with pytest.raises(InputError, match="has 4 channels"):
        propmat.foreground(np.dstack([image, alpha]), alpha)
    with pytest.raises(InputError, match="regularization: takes a finite number > 0, got 0"):
        propmat.foreground(image, alpha, regularization=0)
    with pytest.raises(InputError, match="regularization: takes a number from 1e-10 to"):
        propmat.foreground(image, alpha, regularization=1e-12)
    with pytest.raises(InputError, match="gradient_weight: takes a finite number > 0"):
        propmat.foreground(image, alpha, gradient_weight=-1)


def test_light_beyond_single_precision_is_refused():
    with pytest.raises(InputError, match="image: as sRGB its light goes up to"):
        propmat.foreground(np.full((2, 3), 1.5e9), np.full((2, 3), 0.5), linear=True)
    assert np.isfinite(propmat.foreground(np.full((2, 3), 1.5e9), np.full((2, 3), 0.5))[0]).all()
