"""A picture that is being labelled: previews, progress, and the mattes of fresh solves."""

from __future__ import annotations

import numpy as np
import pytest

import propmat
from propmat import InputError, Labelling, PropmatWarning
from propmat._solve._labelling import reduced, smaller
from propmat.solvers import CG, Direct, Status
from tests.problems import random_photo

SHAPE = (120, 140)


@pytest.fixture(scope="module")
def image():
    return random_photo(np.random.default_rng(1), *SHAPE)


def stroke(trimap, where, value):
    trimap = trimap.copy()
    trimap[where] = value
    return trimap


@pytest.fixture
def trimap():
    return stroke(stroke(np.full(SHAPE, 0.5), np.s_[:2], 0.0), np.s_[-2:], 1.0)


def exact(image, trimap, laplacian=propmat.laplacian.closed_form):
    return propmat.solve(laplacian(image), trimap, solver=Direct()).alpha


STROKES = [
    (np.s_[40:44, 30:90], 1.0),
    (np.s_[60:61, 20:120], 0.0),
    (np.s_[42:70, 60:80], 0.5),
    (np.s_[70, 70], 1.0),
    (np.s_[0:120, 0:5], 0.0),
    (np.s_[0:120, 0:140], 0.5),
    (np.s_[0:30, 0:140], 1.0),
    (np.s_[90:, :], 0.0),
]


def test_mattes_are_those_of_fresh_solves(image, trimap):
    labelling = Labelling(image)
    assert abs(labelling.matte(trimap).alpha - exact(image, trimap)).max() < 1e-3
    for where, value in STROKES:
        trimap = stroke(trimap, where, value)
        trimap[0, 0], trimap[-1, -1] = 0, 1
        matte = labelling.matte(trimap)
        assert matte.converged
        assert abs(matte.alpha - exact(image, trimap)).max() < 1e-3
        np.testing.assert_array_equal(matte.alpha[trimap != 0.5], trimap[trimap != 0.5])


@pytest.mark.parametrize("name", ["random_walk", "knn", "learning_based"])
def test_with_other_laplacians(name):
    laplacian = getattr(propmat.laplacian, name)
    image = random_photo(np.random.default_rng(2), 50, 60)
    labelling, trimap = Labelling(image, laplacian), np.full((50, 60), 0.5)
    for where, value in [(np.s_[:2], 0.0), (np.s_[-3:], 1.0), (np.s_[20:30, 10:30], 1.0), (np.s_[22:25], 0.5)]:
        trimap = stroke(trimap, where, value)
        if (trimap == 1).any():
            assert abs(labelling.matte(trimap).alpha - exact(image, trimap, laplacian)).max() < 2e-3


def test_what_is_shown_is_ever_nearer(image, trimap):
    labelling = Labelling(image)
    before = labelling.matte(trimap).alpha
    for where, value in STROKES[:3]:
        trimap, shown = stroke(trimap, where, value), []
        matte = labelling.matte(trimap, show=shown.append)
        expected = exact(image, trimap)
        errors = [np.abs(alpha - expected).mean() for alpha in (before, *shown, matte.alpha)]
        assert len(shown) >= 3
        assert errors[1] < 0.8 * errors[0], "the preview"
        assert errors[-1] < 0.05 * errors[1]
        for alpha in shown:
            np.testing.assert_array_equal(alpha[trimap != 0.5], trimap[trimap != 0.5])
            assert alpha.min() >= 0
            assert alpha.max() <= 1
        before = matte.alpha


@pytest.mark.parametrize("when", [1, 2, 3])
def test_a_stop_keeps_what_was_shown_and_the_next_call_goes_on(image, trimap, when):
    labelling, shown = Labelling(image), []
    labelling.matte(trimap)
    trimap = stroke(trimap, *STROKES[0])

    def show(alpha):
        shown.append(alpha)
        return len(shown) == when

    matte = labelling.matte(trimap, show=show)
    assert matte.status is Status.stopped
    assert len(shown) == when
    np.testing.assert_array_equal(matte.alpha, shown[-1])
    trimap = stroke(trimap, *STROKES[1])
    assert abs(labelling.matte(trimap).alpha - exact(image, trimap)).max() < 1e-3


def test_one_label_and_no_unknown_pixel(image, trimap):
    labelling = Labelling(image)
    only = np.where(trimap == 1, 1.0, 0.5)
    for labels, value in ((only, 1.0), (np.where(trimap == 1, 1.0, 0.0), None)):
        with pytest.warns(PropmatWarning, match=r"^trimap: (every known|no pixel)"):
            alpha = labelling.matte(labels).alpha
        np.testing.assert_array_equal(alpha, labels if value is None else np.full(SHAPE, value))
    assert abs(labelling.matte(trimap).alpha - exact(image, trimap)).max() < 1e-3


def test_an_error_leaves_the_last_matte(image, trimap, monkeypatch):
    labelling = Labelling(image)
    labelling.matte(trimap)

    def interrupts(alpha):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        labelling.matte(stroke(trimap, *STROKES[0]), show=interrupts)
    for wrong, message in {
        "trimap: shape": np.zeros((3, 3)),
        "trimap: has no known": np.full(SHAPE, 0.5),
    }.items():
        with pytest.raises(InputError, match=f"^{wrong}"):
            labelling.matte(message)
    again = labelling.matte(trimap)
    assert abs(again.alpha - exact(image, trimap)).max() < 1e-3


def test_pictures_of_a_few_pixels():
    image = random_photo(np.random.default_rng(3), 3, 5)
    labelling, trimap = Labelling(image), np.full((3, 5), 0.5)
    trimap[:, 0], trimap[:, -1] = 0, 1
    assert abs(labelling.matte(trimap).alpha - exact(image, trimap)).max() < 1e-3
    trimap[1, 1] = 1
    assert abs(labelling.matte(trimap).alpha - exact(image, trimap)).max() < 1e-3


def test_wrong_arguments(image, trimap):
    wrong = {
        "image: takes shape": lambda: Labelling(np.zeros((2, 2, 2, 2))),
        "laplacian: takes a function of an image": lambda: Labelling(image, "closed_form"),
        "laplacian: takes a function that returns": lambda: Labelling(image, lambda pixels: None),
        "laplacian: takes a function that returns a Laplacian of": lambda: Labelling(
            image, lambda pixels: propmat.laplacian.closed_form(image)
        ),
        "tolerance": lambda: Labelling(image, tolerance=0),
        "show: takes a function of alpha": lambda: Labelling(image).matte(trimap, show=3),
    }
    for message, call in wrong.items():
        with pytest.raises(InputError, match=f"^{message}"):
            call()


def test_small_labels_are_those_of_any_pixel():
    labels = np.full((9, 9), 0.5)
    labels[0, 0], labels[4, 8], labels[8, 0], labels[8, 1] = 0, 1, 1, 0
    np.testing.assert_array_equal(
        reduced(propmat.Trimap.parse(labels), (3, 3)).labels, [[0, 0.5, 0.5], [0.5, 0.5, 1], [0.5, 0.5, 0.5]]
    )
    assert smaller((600, 450)) == (200, 150)
    assert smaller((892, 1360)) == (181, 276)
    height, width = smaller((3000, 4000))
    assert 0.045e6 < height * width < 0.055e6
    assert smaller((3, 4)) == (3, 3)


def test_progress_of_a_prepared_solver(image, trimap):
    shown, counted = [], []
    prepared = propmat.prepare(propmat.laplacian.closed_form(image), trimap, solver=CG())
    matte = prepared.solve(show=shown.append, callback=lambda count, _: counted.append(count))
    assert counted == list(range(1, matte.iterations))
    assert len(shown) == int(np.log2(matte.iterations - 1))
    assert abs(shown[-1] - matte.alpha).max() < abs(shown[0] - matte.alpha).max()
    with pytest.raises(InputError, match="^show: takes a function of alpha"):
        prepared.solve(show="alpha")
