"""Strokes and fills against their dense definitions; small pictures, previews' planes and tiles."""

import numpy as np
import pytest

from propmat.studio._brush import Box, fill, paint
from propmat.studio._reduced import SMALL, Cells, Pyramid, cell_of, enlarged, means
from propmat.studio._shown import Place, Shown, box_of, size_at

SHAPE = (40, 53)


def distance(points):
    """The distance of each pixel's centre from a line through points."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    nearest = np.full(SHAPE, np.inf)
    for (a, b), (c, d) in zip(points[:-1], points[1:], strict=True):
        length = (c - a) ** 2 + (d - b) ** 2
        t = np.clip(((x - a) * (c - a) + (y - b) * (d - b)) / (length or 1.0), 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - a - t * (c - a), y - b - t * (d - b)))
    return nearest


@pytest.mark.parametrize("radius", [0.7, 1.0, 2.5, 6.0, 30.0, 200.0])
def test_strokes_are_the_pixels_within_a_radius(rng, radius):
    for _ in range(40):
        points = [tuple(point) for point in rng.uniform(-15, 60, (rng.integers(2, 5), 2))]
        if rng.random() < 0.3:
            points = [(round(x), round(y)) for x, y in points]  # level and upright lines, equal points
        layer = np.zeros(SHAPE, np.uint8)
        box = paint(layer, points, radius, 7)
        far = np.abs(distance(points) - radius) > 1e-9  # elsewhere rounding decides
        np.testing.assert_array_equal((layer == 7)[far], (distance(points) <= radius)[far])
        outside = layer.copy()
        if box is not None:
            outside[box.slices] = 0
        assert not outside.any()


def test_a_dot_and_a_level_stroke_with_ends():
    layer = np.zeros((5, 7), np.uint8)
    paint(layer, [(2.5, 2.5)], 1.0, 1)
    assert layer.sum() == 5
    paint(layer, [(2.5, 2.5), (4.5, 2.5)], 1.0, 1)
    assert layer[2].tolist() == [0, 1, 1, 1, 1, 1, 0]
    assert layer[1].tolist() == [0, 0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("end", [(0.1, 0.1), (30.9, 4.3), (7.2, 38.0), (52.9, 39.9), (0.0, 39.0)])
def test_the_thinnest_line_is_one_pixel_wide_and_connected(end):
    layer = np.zeros(SHAPE, np.uint8)
    paint(layer, [(20.3, 11.8), end], 0.5, 1)
    rows, columns = np.nonzero(layer)
    steps = max(np.ptp(rows), np.ptp(columns))
    assert steps + 1 <= len(rows) <= 2 * (steps + 1)
    from scipy.ndimage import label

    assert label(layer, np.ones((3, 3)))[1] == 1


def test_a_stroke_outside_touches_nothing():
    layer = np.zeros(SHAPE, np.uint8)
    assert paint(layer, [(-50.0, -50.0), (-20.0, -30.0)], 5.0, 1) is None
    assert not layer.any()


def test_filling_stops_at_other_labels_and_at_corners():
    labels = np.full((6, 6), 128, np.uint8)
    labels[[1, 2, 3, 4, 2, 3], [2, 1, 1, 2, 4, 4]] = 255
    labels[1, 3] = labels[4, 3] = 255
    layer = np.ones((6, 6), np.uint8)
    assert fill(layer, labels, (2.5, 2.5), 255) == Box(2, 4, 2, 4)
    assert (layer == 255).sum() == 4
    assert fill(layer, labels, (-1.0, 0.0), 255) is None


# Small pictures


@pytest.mark.parametrize("side", [1, 2, 3, 7])
def test_means_and_labels_of_cells(rng, side):
    image = rng.integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
    labels = rng.choice(np.array([0, 128, 128, 128, 128, 255], np.uint8), SHAPE)
    small, cells = means(image, side), Cells(labels, side)
    for row in range(-(-SHAPE[0] // side)):
        for column in range(-(-SHAPE[1] // side)):
            cell = np.s_[row * side : (row + 1) * side, column * side : (column + 1) * side]
            np.testing.assert_array_equal(small[row, column], np.rint(image[cell].mean(axis=(0, 1))))
            there = set(labels[cell].ravel().tolist()) - {128}
            assert cells.labels[row, column] == (there.pop() if len(there) == 1 else 128)


def test_cells_tell_whether_there_are_both_labels():
    labels = np.full(SHAPE, 128, np.uint8)
    cells = Cells(labels, 4)
    for row, label, both in [(9, 255, False), (8, 0, True), (9, 128, False)]:
        labels[row, 30] = label
        cells.update(labels, Box(row, row + 1, 30, 31))
        assert cells.both == both


def test_cells_follow_a_rectangle(rng):
    labels = np.full(SHAPE, 128, np.uint8)
    cells = Cells(labels, 4)
    labels[9:23, 30:53] = rng.choice(np.array([0, 128, 255], np.uint8), (14, 23))
    cells.update(labels, Box(9, 23, 30, 53))
    np.testing.assert_array_equal(cells.labels, Cells(labels, 4).labels)


@pytest.mark.parametrize("shape", [(10, 10), (900, 1360), (3000, 4000), (3, 10**5), (500, 40_000)])
def test_previews_have_bounded_size_and_hold_a_window(shape):
    side = cell_of(shape)
    cells = [-(-length // side) for length in shape]
    assert min(cells) >= 3
    assert shape[0] * shape[1] / side**2 <= SMALL or min(cells) < 6


def test_enlarging_is_linear_and_keeps_linear_planes():
    y, x = np.mgrid[:10, :12].astype(np.float32)
    plane = 2 * y + 3 * x
    part = enlarged(plane, Box(8, 30, 6, 40), 0.25)
    rows, columns = np.mgrid[8:30, 6:40]
    np.testing.assert_allclose(part, 2 * ((rows + 0.5) / 4 - 0.5) + 3 * ((columns + 0.5) / 4 - 0.5), rtol=1e-5)


def test_levels_of_a_pyramid_are_means(rng):
    plane = rng.integers(0, 256, (37, 50)).astype(np.uint8)
    pyramid = Pyramid(plane)
    assert pyramid.level(0) is plane
    third = pyramid.level(3)
    assert third.shape == size_at(plane.shape, 3)
    inside = plane[:32, :48].reshape(4, 8, 6, 8).mean(axis=(1, 3))
    assert np.abs(third[:4, :6] - inside).max() <= 1.5  # rounded three times


# Tiles


def test_a_preview_changes_the_last_matte_and_keeps_known_labels(rng):
    base = rng.integers(0, 256, (300, 520)).astype(np.uint8)
    change = np.zeros((75, 130), np.float32)
    change[:20] = 0.25
    shown = Shown(3, "preview", Pyramid(base), change, 4)
    labels = np.full(base.shape, 128, np.uint8)
    labels[10:20] = 255
    below = box_of(Place("alpha", 0, 1, 2), base.shape)
    assert below == Box(256, 300, 512, 520)
    np.testing.assert_array_equal(shown.tile(0, below, labels[below.slices]), base[below.slices])
    above = box_of(Place("alpha", 0, 0, 0), base.shape)
    tile = shown.tile(0, above, labels[above.slices])
    assert (tile[10:20] == 255).all()
    np.testing.assert_array_equal(tile[:10], np.minimum(255, np.rint(base[:10, :256] + 63.75)))


def test_before_the_first_matte_labels_are_shown():
    labels = np.array([[0, 128, 255]], np.uint8)
    assert Shown(1, "waiting").tile(0, Box(0, 1, 0, 3), labels).tolist() == [[0, 0, 255]]
    alone = Shown(1, "preview", None, np.full((1, 1), 0.5, np.float32), 3)
    assert alone.tile(0, Box(0, 1, 0, 3), labels).tolist() == [[0, 128, 255]]
