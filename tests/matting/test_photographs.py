"""Photographs, if there is a copy of them: agreement with the MATLAB code of the paper's authors."""

import json
from pathlib import Path

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
    assert solution.converged
    assert np.abs(solution.x - exact.x).max() <= solution.error <= 1e-4 * np.abs(solution.x).max() + 1e-9


RECORD = Path(__file__).parents[2] / "benchmarks" / "results" / f"{propmat.__version__}.jsonl"


@pytest.mark.parametrize("name", ["GT04", "GT25"])
def test_matte_has_the_recorded_error(photographs, name):
    folder = photographs / "alphamatting" / "training"
    image = read_image(folder / "image" / f"{name}.png")
    trimap = read_matte(folder / "trimap1" / f"{name}.png")
    truth = read_matte(folder / "alpha" / f"{name}.png") / 255
    unknown = propmat.Trimap.parse(trimap).unknown
    error = np.square(propmat.closed_form(image, trimap) - truth)[unknown].mean()
    records = map(json.loads, RECORD.read_text(encoding="utf-8").splitlines())
    [recorded] = [r["mse"] for r in records if (r["image"], r["trimap"], r["method"]) == (name, 1, "closed_form")]
    # It is of mattes of 8 bits; rounding adds 1 / (12 255²) = 1.3e-6 on average, and the solver's tolerance 1e-5.
    assert error == pytest.approx(recorded, rel=1e-3)
