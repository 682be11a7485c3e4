"""Multigrid: comparison with sparse and dense solves, and bounds on iterations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import eigsh, spsolve

import propmat
from benchmarks.data.hard_scenes import hard_scenes
from propmat import PropmatWarning, UnsupportedError
from propmat._operators import GridOperator
from propmat.preconditioners import Multigrid
from propmat.solvers import CG, Status


def colours(kind, shape):
    """Images that are hard for a solver: free colours, none, one, noise, lines."""
    rng = np.random.default_rng(10)
    y, x = np.mgrid[: shape[0], : shape[1]]
    wave = np.stack([np.sin(x / 9 + k) * np.cos(y / 7 - k) for k in range(3)], axis=2) / 2 + 0.5
    return {
        "flat": np.full((*shape, 3), 0.4),
        "smooth": wave,
        "noise": rng.random((*shape, 3)),
        "grey": wave[:, :, :1],
        "four channels": np.concatenate([wave, rng.random((*shape, 1))], axis=2),
        "posterised": np.round(wave * 3) / 3,
        "stripes": np.where((x % 3 == 0)[:, :, None], wave, 1 - wave[:, ::-1]),
        "spots": np.where(rng.random((*shape, 1)) < 0.02, rng.random((*shape, 3)), 0.5),
        "line of colours": wave[:, :, :1] * np.array([0.2, 0.5, 0.9]),
    }[kind]


KINDS = ["flat", "smooth", "noise", "grey", "four channels", "posterised", "stripes", "spots"]
KINDS += ["line of colours"]


def two_labels(shape):
    """All unknown but one block of pixels for each label."""
    unknown, foreground = np.ones(shape, dtype=bool), np.zeros(shape)
    unknown[:2, :2] = unknown[-2:, -2:] = False
    foreground[-2:, -2:] = 1
    return unknown, foreground


def bands(shape):
    """Unknown pixels on all borders and corners, a band one pixel wide, an isolated pixel."""
    unknown, foreground = np.zeros(shape, dtype=bool), np.zeros(shape)
    unknown[[0, -1]] = unknown[:, [0, -1]] = True
    unknown[shape[0] // 2] = True
    unknown[2, 2] = True
    foreground[shape[0] // 2 + 1 :] = 1
    return unknown, foreground


def check_against_direct(matrix, b, tolerance=2e-5):
    solution = CG(rtol=1e-10, preconditioner=Multigrid(coarsest=40)).prepare(matrix)(b)
    expected = np.atleast_1d(spsolve(matrix.tocsr().tocsc(), b))
    assert solution.residual <= 1e-10
    np.testing.assert_allclose(solution.x, expected, rtol=0, atol=tolerance)
    return solution.iterations


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labels", [two_labels, bands])
@pytest.mark.parametrize("size", [(60, 75), (3, 40), (41, 3)])
def test_equals_a_direct_solve(size, labels, kind):
    unknown, foreground = labels(size)
    matrix = GridOperator.from_image(colours(kind, size), unknown, epsilon=1e-5)
    iterations = check_against_direct(matrix, -matrix.times_known(foreground))
    assert iterations <= 80


def test_affinity_graph_with_broken_edges():
    rng = np.random.default_rng(11)
    unknown, foreground = two_labels((70, 64))
    horizontal, vertical = np.exp(2 * rng.standard_normal((2, 70, 64)))
    horizontal[:, 30] *= 1e-6
    matrix = GridOperator.from_edges(horizontal[:, :-1], vertical[:-1], unknown)
    assert check_against_direct(matrix, -matrix.times_known(foreground)) <= 40


def test_soft_form():
    rng = np.random.default_rng(12)
    unknown = np.ones((50, 60), dtype=bool)
    weights = 100.0 * (rng.random((50, 60)) < 0.05)
    matrix = GridOperator.from_image(colours("smooth", (50, 60)), unknown, diagonal=weights)
    assert check_against_direct(matrix, weights.ravel() * rng.random(3000)) <= 80


@pytest.mark.parametrize("kind", KINDS)
def test_cycle_is_symmetric_and_positive(kind):
    unknown, _ = bands((24, 30))
    unknown[4:20, 5:25] = True
    matrix = GridOperator.from_image(colours(kind, (24, 30)), unknown)
    hierarchy = Multigrid(coarsest=20).prepare(matrix)
    cycle = np.stack([hierarchy(e) for e in np.eye(matrix.shape[0])], axis=1)
    # The cycle runs in float32 and its coarse functions are scaled to unit energy.
    assert abs(cycle - cycle.T).max() <= 2e-3 * abs(cycle).max()
    assert np.linalg.eigvalsh((cycle + cycle.T) / 2).min() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_smoother_knows_the_largest_eigenvalue(kind):
    """Also of an eigenvector on a few pixels: a patch of noise in a flat picture."""
    image = colours(kind, (40, 44))
    image[18:22, 20:24] = np.random.default_rng(14).random((4, 4, image.shape[2]))
    unknown, _ = two_labels((40, 44))
    matrix = GridOperator.from_image(image, unknown)
    scale = sp.diags_array(1 / np.sqrt(matrix.diagonal()))
    largest = eigsh(scale @ matrix.tocsr() @ scale, k=1, which="LA", return_eigenvectors=False)[0]
    bound = Multigrid().prepare(matrix).smoothers[0].bound
    assert largest <= bound <= 1.2 * largest


def test_no_bound_on_the_number_of_functions_binds():
    """Rendered thin leaves over leaves; with 192 functions a block on the fourth level, where 240 are needed, 90."""
    scene = next(scene for scene in hard_scenes() if "leaves" in scene.name)
    matte = propmat.solve(propmat.laplacian.closed_form(scene.image), scene.trimap, solver=CG())
    assert matte.iterations < 40


def test_single_unknown_pixel():
    unknown = np.zeros((5, 5), dtype=bool)
    unknown[2, 2] = True
    image = np.random.default_rng(13).random((5, 5, 3))
    matrix = GridOperator.from_image(image, unknown)
    check_against_direct(matrix, np.array([0.7]))


@pytest.mark.parametrize(("fits", "name"), [(100_000, "Direct"), (0, "SmoothedAggregation")])
def test_an_indefinite_cycle_is_told_and_replaced(fits, name, monkeypatch):
    monkeypatch.setattr("propmat.preconditioners._chebyshev.BOUND", 0.3)  # the smoother then diverges
    monkeypatch.setattr("propmat.solvers._prepared_cg.FITS_DIRECT", fits)
    unknown, foreground = two_labels((40, 44))
    matrix = GridOperator.from_image(colours("smooth", (40, 44)), unknown, epsilon=1e-5)
    b = -matrix.times_known(foreground)
    told = CG(preconditioner=Multigrid()).prepare(matrix)(b)
    assert told.status is Status.indefinite_preconditioner
    with pytest.warns(PropmatWarning, match=f"{name} took its place"):
        solution = CG(rtol=1e-10).prepare(matrix)(b)
    assert solution.converged
    np.testing.assert_allclose(solution.x, spsolve(matrix.tocsr().tocsc(), b), rtol=0, atol=2e-5)


def test_unsuitable_matrix_is_refused():
    with pytest.raises(UnsupportedError, match="Multigrid: takes a matrix on the pixel grid .* SmoothedAggregation"):
        Multigrid().prepare(sp.eye_array(5))


def test_repr_shows_the_levels():
    unknown, _ = two_labels((64, 64))
    matrix = GridOperator.from_image(colours("noise", (64, 64)), unknown)
    lines = repr(Multigrid(coarsest=50).prepare(matrix)).splitlines()
    assert lines[0].startswith("Multigrid hierarchy, operator complexity")
    assert lines[2].split() == ["0", "4088", "4088", "1.0"]
    assert len({len(line) for line in lines[1:]}) == 1
