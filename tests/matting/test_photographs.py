"""Photographs, if there is a copy of them: agreement with the MATLAB code of the paper's authors."""

import numpy as np
import pytest

import propmat
from propmat.io import read_image, read_matte


def test_dandelion_agrees_with_the_authors(photographs):
    folder = photographs / "levin_dandelion"
    image = read_image(folder / "image" / "dandelion.png")
    trimap = read_matte(folder / "trimap" / "dandelion.png")
    reference = read_matte(folder / "matlab_alpha" / "dandelion.png") / 255
    solution = propmat.solve(propmat.laplacian.closed_form(image), trimap, confidence=100)
    assert solution.converged
    assert np.abs(solution.alpha - reference).mean() < 1e-2


def test_lemur_is_solved_to_the_tolerance(photographs):
    folder = photographs / "lemur"
    image, trimap = (
        read(folder / kind / "lemur.png") for read, kind in ((read_image, "image"), (read_matte, "trimap"))
    )
    graph = propmat.laplacian.closed_form(image)
    solution = propmat.solve(graph, trimap)
    exact = propmat.solve(graph, trimap, solver=propmat.solvers.Direct())
    assert solution.residual <= 1e-7
    # Half an 8-bit step is 2e-3; at this tolerance the largest error is far below it.
    assert np.abs(solution.alpha - exact.alpha).max() < 5e-4


@pytest.mark.parametrize("name", ["GT04", "GT25"])
def test_matte_is_near_the_truth(photographs, name):
    folder = photographs / "alphamatting" / "training"
    image = read_image(folder / "image" / f"{name}.png")
    trimap = read_matte(folder / "trimap1" / f"{name}.png")
    truth = read_matte(folder / "alpha" / f"{name}.png") / 255
    unknown = propmat.Trimap.parse(trimap).unknown
    error = np.square(propmat.closed_form(image, trimap) - truth)[unknown].mean()
    assert error < 0.1  # a constant alpha of 0.5 gives about 0.16
