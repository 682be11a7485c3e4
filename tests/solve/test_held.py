"""A problem that is held to a prior as well is that which is posed with the prior."""

import numpy as np
import pytest

import propmat
from propmat import Trimap
from propmat._solve._held import held
from propmat._solve._problem import Problem
from propmat.preconditioners._hierarchy import Hierarchy
from propmat.solvers import CG, Direct
from propmat.solvers._auto import Chosen


def posed(shape=(60, 80)):
    sample = propmat.datasets.synthetic(seed=0, shape=shape)
    labels = Trimap.parse(sample.trimap)
    rng = np.random.default_rng(0)
    value, confidence = rng.random(shape), 0.1 * rng.random(shape) * labels.unknown
    return propmat.laplacian.closed_form(sample.image), labels, value, confidence


@pytest.mark.parametrize("solver", [CG(tolerance=1e-6), CG(rtol=1e-9), Direct(), Chosen(1e-6), None])
def test_mattes_are_those_of_the_problem_with_the_prior(solver):
    graph, labels, value, confidence = posed()
    prepared = Problem.posed(graph, labels).prepared(solver, "prior")
    before = prepared.solve().alpha
    found = held(prepared, value, confidence).solve()
    expected = Problem.posed(graph, labels, prior=(value, confidence)).solve(Direct())
    assert found.converged
    assert np.abs(found.alpha - expected.alpha).max() < 1e-4
    assert (prepared.solve().alpha == before).all()


def test_a_prior_is_beside_that_which_there_is():
    graph, labels, value, confidence = posed()
    own = np.full(labels.shape, 0.25), np.full(labels.shape, 0.05)
    found = held(Problem.posed(graph, labels, prior=own).prepared(CG(tolerance=1e-6), "prior"), value, confidence)
    both = (0.05 * 0.25 + confidence * value) / (0.05 + confidence), 0.05 + confidence
    expected = Problem.posed(graph, labels, prior=both).solve(Direct())
    assert np.abs(found.solve().alpha - expected.alpha).max() < 1e-4


def test_the_set_up_is_kept():
    graph, labels, value, confidence = posed((120, 160))
    prepared = Problem.posed(graph, labels).prepared(CG(), "prior")
    found = held(prepared, value, confidence)
    assert isinstance(found.solve_linear.preconditioner, Hierarchy)
    kept, made = (ready.solve_linear.preconditioner.levels[0] for ready in (prepared, found))
    assert made.counts is kept.counts


def test_other_graphs_are_prepared_anew():
    _, labels, value, confidence = posed()
    graph = propmat.laplacian.knn(propmat.datasets.synthetic(seed=0, shape=(60, 80)).image)
    solver = CG(tolerance=1e-6)
    found = held(Problem.posed(graph, labels).prepared(solver, "prior"), value, confidence).solve()
    expected = Problem.posed(graph, labels, prior=(value, confidence)).solve(solver)
    assert np.abs(found.alpha - expected.alpha).max() < 1e-4
