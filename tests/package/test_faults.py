"""MemoryError at any allocation is passed on unchanged, and the next call works as if it had not happened."""

import numpy as np
import pytest

import propmat
from propmat import laplacian
from propmat.solvers import CG

SAMPLE = propmat.datasets.synthetic(seed=4, shape=(24, 32))
ALLOCATE = ("empty", "zeros", "ones", "full", "empty_like", "zeros_like", "ones_like", "full_like", "ascontiguousarray")
CALLS = {
    "closed_form": lambda: propmat.closed_form(SAMPLE.image, SAMPLE.trimap, solver=CG()),
    "direct": lambda: propmat.closed_form(SAMPLE.image, SAMPLE.trimap),
    "knn": lambda: propmat.knn(SAMPLE.image, SAMPLE.trimap, solver=CG()),
    "large_kernel": lambda: propmat.large_kernel(SAMPLE.image, SAMPLE.trimap, radius=4),
    "shared_sampling": lambda: propmat.shared_sampling(SAMPLE.image, SAMPLE.trimap),
    "information_flow": lambda: propmat.information_flow(SAMPLE.image, SAMPLE.trimap),
    "foreground": lambda: propmat.foreground(SAMPLE.image, SAMPLE.alpha)[0],
    "gradient": lambda: propmat.adjoint.closed_form(SAMPLE.image, SAMPLE.trimap)[1](1.0).image,
    "connectivity": lambda: np.array(propmat.metrics.connectivity(SAMPLE.alpha, SAMPLE.alpha, SAMPLE.trimap)),
}


class Failing:
    """NumPy's functions that allocate, of which call number `at` finds no memory."""

    def __init__(self, monkeypatch, at):
        self.left = at
        for name in ALLOCATE:
            monkeypatch.setattr(np, name, self._failing(getattr(np, name)))

    def _failing(self, allocate):
        def call(*arguments, **options):
            self.left -= 1
            if self.left == 0:
                raise MemoryError("Unable to allocate")
            return allocate(*arguments, **options)

        return call


@pytest.mark.parametrize("name", CALLS)
def test_memory_that_runs_out_at_any_array(name, monkeypatch):
    call = CALLS[name]
    expected = call()
    at, failed = 1, 0
    while at < 400:
        with monkeypatch.context() as patch:
            failing = Failing(patch, at)
            try:
                call()
            except MemoryError:
                failed += 1
        if failing.left > 0:
            break  # there are fewer allocations
        np.testing.assert_array_equal(call(), expected)
        at += 1 + at // 8
    assert failed


def test_memory_that_runs_out_in_a_prepared_system(monkeypatch):
    """A failed solve releases its locks and leaves no state of an unfinished cycle."""
    prepared = propmat.prepare(laplacian.closed_form(SAMPLE.image), SAMPLE.trimap, solver=CG())
    expected = prepared.solve().alpha
    for at in range(1, 25):
        with monkeypatch.context() as patch:
            Failing(patch, at)
            try:
                prepared.solve()
            except MemoryError:
                pass
        np.testing.assert_array_equal(prepared.solve().alpha, expected)
