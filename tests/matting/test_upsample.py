"""Small mattes at the size of their image: the definition, laws, and what is refused."""

import warnings

import numpy as np
import pytest

import propmat
from propmat import pictures
from propmat._operators._averages import means_of
from propmat.errors import InputError, UnsupportedError
from propmat.matting._enlarged import enlarged, gathered, open_cells
from propmat.solvers import CG, Direct
from tests.operators.test_averages import overlap

EXACT, CLOSE = CG(rtol=1e-13), CG(rtol=1e-8)


def definition(image, small, trimap, confidence, epsilon):
    """The minimum, by dense matrices: cells within 0.01 of 0 or 1 keep their value, unless beside a jump."""
    height, width = image.shape[:2]
    h, w = small.shape
    matrix = propmat.laplacian.closed_form(image, epsilon).matrix.toarray()
    means = np.kron(overlap(height, h), overlap(width, w))
    weight = confidence * height * width / (h * w)
    left_open = (small > 0.01) & (small < 0.99)
    for y, x in np.ndindex(h, w):
        near = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
        near = [small[v, u] for v, u in near if 0 <= v < h and 0 <= u < w]
        left_open[y, x] |= any(abs(value - small[y, x]) > 0.9 for value in near)
    rows = [int((y + 0.5) * h / height) for y in range(height)]
    columns = [int((x + 0.5) * w / width) for x in range(width)]
    values = np.where(trimap == 0.5, small[np.ix_(rows, columns)], trimap).ravel()
    free = (left_open[np.ix_(rows, columns)] & (trimap == 0.5)).ravel()
    full, rhs = matrix + weight * means.T @ means, weight * means.T @ small.ravel()
    values[free] = np.linalg.solve(full[np.ix_(free, free)], (rhs - full[:, ~free] @ values[~free])[free])
    return np.clip(values.reshape(height, width), 0, 1)


@pytest.mark.parametrize("size", [(12, 16), (6, 8), (5, 7), (4, 4), (3, 4), (1, 1)])
@pytest.mark.parametrize("labelled", [False, True])
def test_definition(rng, size, labelled):
    image, small = rng.random((12, 16, 3)), rng.random(size)
    small[0], small[:, -1] = 0.004, 0.998
    trimap = np.full((12, 16), 0.5)
    if labelled:
        trimap[5:7, 3], trimap[2, 8:] = 1, 0
    given = {"trimap": trimap} if labelled else {}
    alpha = propmat.upsample(image, small, confidence=0.4, epsilon=1e-3, solver=EXACT, **given)
    # The condition number is below 1e5, which times the tolerance is far less than this.
    np.testing.assert_allclose(alpha, definition(image, small, trimap, 0.4, 1e-3), atol=1e-8)


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=3, shape=(96, 128))


def boxes(plane, factor):
    height, width = plane.shape
    return plane.reshape(height // factor, factor, width // factor, factor).mean(axis=(1, 3))


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_reduced_it_is_the_matte(sample, factor):
    """κ Mᵀ(M α - s) = -L α before clipping, so that the difference is inversely proportional to a large confidence."""
    small = 0.1 + 0.8 * boxes(sample.alpha, factor)  # nothing is clipped
    misfits = [
        np.abs(boxes(propmat.upsample(sample.image, small, confidence=confidence, solver=CLOSE), factor) - small).max()
        for confidence in (1, 10, 100)
    ]
    assert misfits[0] < 0.1
    assert misfits[1] < 0.01
    assert misfits[2] < misfits[1] / 5


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_it_is_closer_to_the_truth_than_interpolation(sample, factor):
    small = boxes(sample.alpha, factor)
    error, of_interpolated = (
        np.abs(alpha - sample.alpha).sum()
        for alpha in (propmat.upsample(sample.image, small), pictures.scaled(small, sample.alpha.shape))
    )
    assert error < 0.8 * of_interpolated


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_matte_of_one_label_comes_back(rng, value):
    alpha = propmat.upsample(rng.random((20, 30, 3)), np.full((7, 10), value))
    assert (alpha == value).all()


def test_a_constant_matte_comes_back(rng):
    alpha = propmat.upsample(rng.random((20, 30, 3)), np.full((7, 10), 0.3), solver=EXACT)
    np.testing.assert_allclose(alpha, 0.3, atol=1e-9)


def test_certain_cells_keep_their_value(sample):
    small = np.round(255 * boxes(sample.alpha, 4)).astype(np.uint8)
    alpha = propmat.upsample(sample.image, small)
    kept = enlarged(~open_cells(small / 255), alpha.shape)
    assert kept.any()
    np.testing.assert_array_equal(alpha[kept], enlarged(small / 255, alpha.shape)[kept])
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_swapped_labels_give_one_minus_alpha(sample):
    small = boxes(sample.alpha, 4)
    one, other = (propmat.upsample(sample.image, matte, solver=EXACT) for matte in (small, 1 - small))
    np.testing.assert_allclose(one, 1 - other, atol=1e-8)


@pytest.mark.parametrize("turned", [np.flipud, np.fliplr, lambda plane: np.swapaxes(plane, 0, 1)])
def test_turned_pictures(sample, turned):
    """Cells of 2.4 x 2.67 pixels, so that pixels belong to several; none has its centre on an edge between cells."""
    small = pictures.scaled(sample.alpha, (40, 48))[:, ::-1][:, ::-1]
    image, matte = (np.ascontiguousarray(turned(array)) for array in (sample.image[:, :, :], square(small)))
    one = propmat.upsample(sample.image, square(small), solver=EXACT)
    np.testing.assert_allclose(propmat.upsample(image, matte, solver=EXACT), turned(one), atol=1e-8)


def square(matte):
    return pictures.scaled(matte, (37, 37))


def test_an_edge_moves_to_that_of_the_image():
    """From soft cells exactly, and from hard cells beside it to its side of one half."""
    truth = np.zeros((32, 48))
    truth[:, 18:] = 1
    image = np.stack([truth * 0.8, 0.3 + 0 * truth, 1 - truth], axis=2)
    soft = boxes(truth, 4)
    np.testing.assert_allclose(propmat.upsample(image, soft), truth, atol=0.01)
    np.testing.assert_array_equal(propmat.upsample(image, np.round(soft + 0.01), confidence=0.1) > 0.5, truth)


def test_kinds_of_input(sample):
    image = np.round(255 * sample.image).astype(np.uint8)
    small = np.round(255 * boxes(sample.alpha, 4)).astype(np.uint8)
    expected = propmat.upsample(image / 255, small / 255)
    np.testing.assert_array_equal(propmat.upsample(image, small), expected)
    np.testing.assert_array_equal(propmat.upsample(image, np.uint16(257) * small), expected)
    grey = propmat.upsample(sample.image[:, :, 0], small)
    np.testing.assert_array_equal(propmat.upsample(sample.image[:, :, :1], small), grey)


def test_gathering_is_the_transpose_of_enlarging(rng):
    plane, cells = rng.random((13, 17)), rng.random((4, 6))
    assert np.vdot(enlarged(cells, plane.shape), plane) == pytest.approx(np.vdot(cells, gathered(plane, cells.shape)))


def test_overshoot_of_resampling_is_clipped(rng):
    """Before the solve: else pixels beside a cell of 1.2 would be drawn beyond 1."""
    image, small = rng.random((24, 32, 3)), rng.uniform(-0.2, 1.2, (6, 8))
    alpha = propmat.upsample(image, small)
    assert np.array_equal(alpha, propmat.upsample(image, small.clip(0, 1)))
    assert (alpha.min(), alpha.max()) == (0, 1)
    _, pullback = propmat.adjoint.upsample(image, small)
    gradient = pullback(rng.random(alpha.shape), ["alpha"]).alpha
    assert np.array_equal(gradient != 0, (small > 0) & (small < 1))


@pytest.mark.parametrize(
    ("small", "message"),
    [
        (np.zeros((49, 64)), r"alpha: shape \(49, 64\) is larger than the image of \(48, 64\)"),
        (np.zeros((65, 65)), "is larger than the image"),
        (np.zeros((12, 20)), r"alpha: shape \(12, 20\) has another aspect ratio than the image of \(48, 64\)"),
        (np.zeros((16, 12)), "has another aspect ratio"),
        (np.full((12, 16), np.nan), "alpha: has 192 values that are NaN or infinite"),
        (np.full((12, 16), 7.0), r"alpha: floating values are in \[0, 1\]"),
        (np.zeros((12, 16, 3)), r"alpha: takes shape \(H, W\)"),
        (np.zeros((0, 4)), "alpha: is empty"),
        (np.zeros((12, 16), int), "alpha: integer pixels are uint8 or uint16"),
    ],
)
def test_a_matte_that_does_not_fit(small, message):
    with pytest.raises(InputError, match=message):
        propmat.upsample(np.zeros((48, 64, 3)), small)


@pytest.mark.parametrize("size", [(48, 64), (16, 22), (16, 21), (5, 7), (40, 40), (1, 1)])
def test_sizes_of_the_aspect_ratio_and_squares(size):
    assert propmat.upsample(np.zeros((48, 64, 3)), np.zeros(size)).shape == (48, 64)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confidence": 0}, "confidence: takes a finite number > 0"),
        ({"confidence": np.ones((48, 64))}, "confidence: takes a number"),
        ({"confidence": np.inf}, "confidence: takes a finite number > 0"),
        ({"confidence": 1e308}, r"confidence: takes a number up to 1e\+100, got 1e\+308"),
        ({"epsilon": -1}, "epsilon: takes a finite number > 0"),
        ({"trimap": np.zeros((12, 16))}, r"trimap: shape \(12, 16\) does not fit"),
        ({"solver": 3}, "solver: "),
        ({"callback": 3}, "callback: "),
    ],
)
def test_other_arguments(settings, message):
    with pytest.raises(InputError, match=message):
        propmat.upsample(np.zeros((48, 64, 3)), np.zeros((12, 16)), **settings)


def test_a_solver_that_needs_entries(sample):
    with pytest.raises(UnsupportedError, match="upsample: is multiplied, not stored"):
        propmat.upsample(sample.image, boxes(sample.alpha, 4), solver=Direct())


def test_a_solve_that_does_not_converge(sample):
    small = boxes(sample.alpha, 4)
    with pytest.warns(propmat.ConvergenceWarning, match="stopped after 1 iterations"):
        propmat.upsample(sample.image, small, solver=CG(max_iterations=1))
    with pytest.raises(propmat.ConvergenceError):
        propmat.upsample(sample.image, small, solver=CG(max_iterations=1, strict=True))


def test_a_callback_may_stop_it(sample):
    seen = []
    propmat.upsample(sample.image, boxes(sample.alpha, 4), callback=lambda k, r: seen.append(r) or len(seen) == 3)
    assert len(seen) == 3


@pytest.mark.parametrize("name", ["GT04", "GT18"])
def test_photographs(photographs, name):
    """Less than 0.8 of the error of bilinear interpolation, by far; and of bicubic, benchmarks.upsampling measures."""
    folder = photographs / "alphamatting" / "training"
    image = propmat.io.read_image(folder / "image" / f"{name}.png")
    truth = propmat.io.read_matte(folder / "alpha" / f"{name}.png") / 255
    small = means_of(truth, (truth.shape[0] // 4, truth.shape[1] // 4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alpha = propmat.upsample(image, small)
    assert np.abs(alpha - truth).sum() < 0.8 * np.abs(pictures.scaled(small, truth.shape) - truth).sum()
