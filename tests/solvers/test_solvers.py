"""Every solver and preconditioner: comparison with dense NumPy, and the report of a solve that did not converge."""

import dataclasses
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

import propmat
from propmat import (
    ConvergenceError,
    ConvergenceWarning,
    InputError,
    PropmatWarning,
    Trimap,
    UnsupportedError,
    laplacian,
    prepare,
    solve,
)
from propmat._constraints import eliminate
from propmat._operators import Stored
from propmat.preconditioners import Identity, IncompleteCholesky, Jacobi, SmoothedAggregation
from propmat.solvers import CG, Direct, Solution, Status, choose
from tests.problems import banded_trimap, dense_alpha, dense_closed_form, random_photo

PRECONDITIONERS = [Identity(), Jacobi(), IncompleteCholesky(), IncompleteCholesky(0.1), SmoothedAggregation()]
SOLVERS = [Direct(), CG(rtol=1e-12), *(CG(rtol=1e-12, preconditioner=p, max_iterations=5000) for p in PRECONDITIONERS)]


@pytest.fixture(scope="module")
def image():
    return random_photo(np.random.default_rng(7), 40, 42)


@pytest.fixture(scope="module")
def trimap():
    return Trimap.parse(banded_trimap(40, 42))


@pytest.fixture(scope="module")
def system(image, trimap):
    return eliminate(laplacian.closed_form(image), trimap)


@pytest.fixture(scope="module")
def rhs0(system, trimap):
    return system.rhs(trimap.labels, np.zeros(trimap.shape))


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_dense_numpy_agrees(solver, system, image, trimap, rhs0):
    solution = solver.prepare(system.matrix, system.near_null_space)(rhs0)
    assert solution.converged
    # The smallest eigenvalue of such a system is above 1e-4, so the error is at most 1e4 times the residual.
    np.testing.assert_allclose(
        system.expand(solution.x, trimap.labels), dense_alpha(dense_closed_form(image), trimap), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_residual_is_that_of_x(solver, system, rng, rhs0):
    rhs = rng.standard_normal(rhs0.size)
    solution = solver.prepare(system.matrix, system.near_null_space)(rhs)
    true = np.linalg.norm(rhs - system.matrix @ solution.x) / np.linalg.norm(rhs)
    assert solution.residual == pytest.approx(true)
    assert solution.residual <= 1e-12


@pytest.mark.parametrize("preconditioner", PRECONDITIONERS, ids=str)
def test_preconditioners_are_symmetric_and_positive(preconditioner, system, rng, rhs0):
    apply = preconditioner.prepare(system.matrix, system.near_null_space)
    a, b = rng.standard_normal((2, rhs0.size))
    assert a @ apply(b) == pytest.approx(b @ apply(a), rel=1e-9)
    assert a @ apply(a) > 0


def test_an_exact_preconditioner_needs_three_iterations(system, rhs0):
    exact = CG(preconditioner=IncompleteCholesky(0.0)).prepare(system.matrix)
    assert exact(rhs0).iterations <= 3


def test_colours_in_the_near_null_space_save_iterations(system, rhs0):
    iterations = [
        CG(preconditioner=SmoothedAggregation()).prepare(system.matrix, candidates)(rhs0).iterations
        for candidates in (None, system.near_null_space)
    ]
    assert iterations[1] < 0.7 * iterations[0]


def test_set_up_leaves_the_global_generator_alone(system, rhs0):
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    first = SmoothedAggregation().prepare(system.matrix)(rhs0)
    assert np.random.rand() == expected  # noqa: NPY002
    np.testing.assert_array_equal(first, SmoothedAggregation().prepare(system.matrix)(rhs0))


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_zero_right_hand_side(solver, system, rhs0):
    solution = solver.prepare(system.matrix, system.near_null_space)(np.zeros_like(rhs0))
    assert solution.converged
    assert solution.residual == 0
    np.testing.assert_array_equal(solution.x, 0)


def test_one_set_up_serves_many_right_hand_sides(system, rng, rhs0):
    solve = CG(rtol=1e-10).prepare(system.matrix, system.near_null_space)
    x = rng.random(rhs0.size)
    solve(rhs0)
    np.testing.assert_allclose(solve(system.matrix @ x).x, x, atol=1e-6)


def test_a_good_start_saves_iterations(system, rhs0):
    solve = CG(rtol=1e-8).prepare(system.matrix, system.near_null_space)
    x = solve(rhs0).x
    given = x.copy()
    assert solve(rhs0, x0=x).iterations == 0
    assert 0 < solve(rhs0, x0=x + 1e-4).iterations < solve(rhs0).iterations
    np.testing.assert_array_equal(x, given)


def test_max_iterations_gives_the_best_iterate(system, rhs0):
    seen = []
    solve = CG(max_iterations=7, preconditioner=Identity()).prepare(system.matrix)
    solution = solve(rhs0, callback=lambda k, residual: seen.append((k, residual)))
    assert solution.status is Status.max_iterations
    assert solution.iterations == 7 == len(seen)
    assert solution.residual == pytest.approx(min(1.0, *(residual for _, residual in seen)))
    with pytest.warns(ConvergenceWarning, match=r"after 7 iterations at a relative residual of .* Raise max_iter"):
        solution.check()
    with pytest.raises(ConvergenceError) as caught:
        solution.check(strict=True)
    assert pickle.loads(pickle.dumps(caught.value)).solution.iterations == 7


def test_callback_stops(system, rhs0):
    solve = CG(preconditioner=Jacobi()).prepare(system.matrix)
    solution = solve(rhs0, callback=lambda k, residual: k == 3)
    assert (solution.status, solution.iterations, solution.converged) == (Status.stopped, 3, False)
    solution.check(strict=True)


def test_rounding_limit_is_told(system, rhs0):
    solution = CG(rtol=1e-30).prepare(system.matrix, system.near_null_space)(rhs0)
    assert solution.status in (Status.stagnated, Status.max_iterations, Status.indefinite)
    assert solution.residual < 1e-12


@pytest.mark.parametrize("solver", [Direct(), CG(preconditioner=Identity())], ids=str)
def test_nonfinite_right_hand_side_is_told(solver, system, rhs0):
    rhs = rhs0.copy()
    rhs[3] = np.nan
    assert solver.prepare(system.matrix)(rhs).status is Status.nonfinite


def test_indefinite_matrix_is_told():
    saddle = sp.diags_array([1.0, -1.0, 2.0]).tocsr()
    rhs = np.array([1.0, 3.0, 1.0])
    assert CG(preconditioner=Identity()).prepare(saddle)(rhs).status is Status.indefinite
    with pytest.raises(UnsupportedError, match="negative pivots"):
        IncompleteCholesky().prepare(saddle)


def test_singular_matrix_is_told():
    singular = sp.csr_array([[1.0, -1.0], [-1.0, 1.0]])
    assert Direct().prepare(singular)(np.array([1.0, 1.0])).status is Status.indefinite


@pytest.mark.parametrize("layout", ["csr", "csc"])
@pytest.mark.parametrize("integers", [np.int32, np.int64])
def test_products_with_stored_entries_are_those_of_scipy(rng, layout, integers):
    matrix = sp.csr_array(np.where(rng.random((90, 90)) < 0.1, rng.normal(size=(90, 90)), 0)).asformat(layout)
    matrix.indices, matrix.indptr = matrix.indices.astype(integers), matrix.indptr.astype(integers)
    x, product = rng.normal(size=90), np.full(90, np.nan)
    length = Stored.of(matrix).multiply(x, product)
    np.testing.assert_allclose(product, matrix @ x, rtol=0, atol=1e-13)
    assert length == pytest.approx(x @ (matrix @ x))


def test_choice_by_size():
    assert isinstance(choose(sp.eye_array(100)), Direct)
    assert isinstance(choose(sp.eye_array(100_000)), CG)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rtol": -1}, "rtol: takes a finite number >= 0, got -1"),
        ({"atol": float("nan")}, "atol: takes a number"),
        ({"max_iterations": 0}, "max_iterations: takes a whole number >= 1, got 0"),
        ({"max_iterations": 2.5}, "max_iterations"),
    ],
)
def test_settings_errors(settings, message):
    with pytest.raises(InputError, match=message):
        CG(**settings)
    with pytest.raises(InputError, match="drop_tolerance: takes a finite number >= 0"):
        IncompleteCholesky(-1)


@pytest.mark.parametrize("answer", [True, np.True_, np.array([True])[0]], ids=["True", "np.True_", "element"])
@pytest.mark.parametrize("solver", [Direct(), CG(preconditioner=Jacobi()), CG()], ids=str)
def test_every_solver_stops_when_its_callback_says_so(solver, answer, system, rhs0):
    solution = solver.prepare(system.matrix, system.near_null_space)(rhs0, callback=lambda *_: answer)
    assert (solution.status, solution.iterations) == (Status.stopped, 1)


@pytest.mark.parametrize("answer", [None, 1, "yes", np.array([1, 2]), 0.5, np.False_], ids=str)
@pytest.mark.parametrize("solver", [Direct(), CG(preconditioner=Jacobi())], ids=str)
def test_no_other_answer_of_a_callback_stops(solver, answer, system, rhs0):
    assert solver.prepare(system.matrix)(rhs0, callback=lambda *_: answer).converged


class Negative:
    """A preconditioner that no conjugate gradients can use."""

    def prepare(self, matrix, near_null_space=None):
        return lambda residual: -residual


@pytest.mark.parametrize(("fits", "name"), [(100_000, "Direct"), (0, "SmoothedAggregation")])
def test_a_replaced_preconditioner_is_told(fits, name, system, rhs0, monkeypatch):
    monkeypatch.setattr("propmat.solvers._cg.choose", lambda matrix: Negative())
    monkeypatch.setattr("propmat.solvers._prepared_cg.FITS_DIRECT", fits)
    solve = CG().prepare(system.matrix, system.near_null_space)
    for _ in range(2):  # the same each time: a solve does not depend on previous ones
        with pytest.warns(
            PropmatWarning, match=f"chosen preconditioner .* is indefinite to rounding; {name} took its place"
        ):
            solution = solve(rhs0)
        assert solution.converged
        assert f"{name} took its place" in solution.notes[0]
    assert CG(preconditioner=Jacobi()).prepare(system.matrix)(rhs0).notes == ()


def test_a_given_preconditioner_is_never_replaced(system, rhs0):
    solution = CG(preconditioner=Negative()).prepare(system.matrix)(rhs0)
    assert solution.status is Status.indefinite_preconditioner
    assert solution.notes == ()


# Norms whose squares overflow or underflow, matrices given by the caller

SCALES = [1e-305, 1e-300, 1e-200, 1e-100, 1e100, 1e200, 1e300]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("solver", SOLVERS, ids=str)
def test_right_hand_sides_of_any_size(solver, system, rhs0, scale):
    solve = solver.prepare(system.matrix, system.near_null_space)
    expected, found = solve(rhs0), solve(scale * rhs0)
    assert found.converged
    np.testing.assert_allclose(found.x / scale, expected.x, rtol=0, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-100, 1e100, 1e200, 1e300])
@pytest.mark.parametrize("solver", [SOLVERS[0], SOLVERS[1], SOLVERS[3]], ids=str)
def test_a_common_factor_of_all_weights_changes_nothing(solver, scale, image, trimap):
    walk = laplacian.random_walk(image)
    for graph, scaled in (
        (walk, laplacian.affinity(scale * walk.horizontal, scale * walk.vertical)),
        (laplacian.closed_form(image), laplacian.Graph(scale * laplacian.closed_form(image).matrix, trimap.shape)),
    ):
        expected, found = (solve(one, trimap, solver=solver) for one in (graph, scaled))
        assert found.converged
        np.testing.assert_allclose(found.alpha, expected.alpha, rtol=0, atol=1e-6)


def test_a_scaled_matrix_travels_and_takes_other_confidences(image, trimap):
    walk = laplacian.random_walk(image)
    tiny = laplacian.affinity(1e-200 * walk.horizontal, 1e-200 * walk.vertical)
    prepared = prepare(tiny, trimap, confidence=1e-200, solver=CG(rtol=1e-10))
    expected = prepare(walk, trimap, confidence=1.0, solver=CG(rtol=1e-10))
    for one, other in ((prepared, expected), (prepared.with_confidence(3e-200), expected.with_confidence(3.0))):
        np.testing.assert_allclose(one.solve().alpha, other.solve().alpha, rtol=0, atol=1e-6)
        again = pickle.loads(pickle.dumps(one))
        np.testing.assert_array_equal(again.solve().alpha, one.solve().alpha)


@pytest.mark.parametrize("confidence", [1e100, 1e300, 1.7e308])
def test_great_confidences_hold_as_known_pixels_do(confidence, image, trimap):
    graph = laplacian.closed_form(image)
    for solver in (Direct(), CG(preconditioner=Jacobi())):
        held = solve(graph, trimap, confidence=confidence, solver=solver)
        np.testing.assert_allclose(held.alpha, solve(graph, trimap, solver=Direct()).alpha, rtol=0, atol=1e-5)


def test_a_matrix_stays_as_its_owner_has_it(image, trimap):
    graph = laplacian.closed_form(image)
    expected = solve(graph, trimap, solver=Direct()).alpha
    coordinates = graph.matrix.tocoo()
    order = np.random.default_rng(0).permutation(coordinates.nnz)
    rows, columns = (part[order] for part in coordinates.coords)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=trimap.shape[0] * trimap.shape[1]))])
    by_row = np.argsort(rows, kind="stable")
    parts = coordinates.data[order][by_row], columns[by_row], starts.astype(columns.dtype)
    for part in parts:
        part.setflags(write=False)
    before = [part.copy() for part in parts]
    shuffled = sp.csr_array(parts, graph.matrix.shape)
    np.testing.assert_allclose(solve(shuffled, trimap, solver=Direct()).alpha, expected, rtol=0, atol=1e-10)
    for part, copy in zip(parts, before, strict=True):
        np.testing.assert_array_equal(part, copy)
    given = laplacian.Graph(graph.matrix, trimap.shape)
    graph.matrix.data[:] = 0
    np.testing.assert_allclose(solve(given, trimap, solver=Direct()).alpha, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("solver", [CG(), Direct()], ids=str)
def test_wrong_matrices_and_vectors(solver):
    matrix = sp.diags_array([2.0, 3.0, 4.0], format="csr")
    for wrong, message in (
        (matrix * 1j, "real numbers, got dtype complex128"),
        (matrix * np.nan, "NaN or infinite"),
        (matrix[:2], r"takes shape \(n, n\), got \(2, 3\)"),
        (matrix.toarray(), "a sparse matrix of SciPy or an operator; ndarray of shape"),
    ):
        with pytest.raises(InputError, match=f"matrix: .*{message}"):
            solver.prepare(wrong)
    ready = solver.prepare(matrix)
    for wrong in (np.ones(2), np.ones((3, 1)), 1j * np.ones(3), "abc", None):
        with pytest.raises(InputError, match="rhs: "):
            ready(wrong)
    with pytest.raises(InputError, match="callback: "):
        ready(np.ones(3), callback=3)
    assert ready(np.zeros(3, int)).x.dtype == np.float64
    np.testing.assert_allclose(ready([2, 3, 4]).x, 1)


@pytest.mark.parametrize("answer", [True, np.True_, np.array(True)], ids=repr)
@pytest.mark.parametrize("solver", [CG(), Direct()], ids=str)
def test_callbacks_that_answer_true_in_other_words(solver, answer, system, rhs0):
    assert solver.prepare(system.matrix)(rhs0, callback=lambda *_: answer).status is Status.stopped


@pytest.mark.parametrize(
    "answer", [1, "stop", np.array([True]), np.array(1), object()], ids=lambda answer: type(answer).__name__
)
def test_other_answers_of_callbacks_do_not_stop(answer, system, rhs0):
    assert CG().prepare(system.matrix)(rhs0, callback=lambda *_: answer).converged


@pytest.mark.parametrize("weight", [np.ones(2), np.ones((2, 2)), [1, 2]], ids=str)
def test_arrays_of_weights_are_refused(weight, image):
    graph = laplacian.closed_form(image)
    for product in (lambda: weight * graph, lambda: graph * weight):
        with pytest.raises(TypeError):
            product()
    for number in (2, 2.0, np.float32(2), np.array(2.0)):
        assert (number * graph).terms[0][0] == (graph * number).terms[0][0] == 2


@dataclasses.dataclass(frozen=True)
class Answering:
    """A preconditioner that answers with something made of the residual."""

    answer: object

    def prepare(self, matrix, near_null_space=None):
        return self.answer


WRONG_ANSWERS = {
    "shorter": lambda r: r[:-1],
    "one number": lambda r: r[:1],
    "longer": lambda r: np.r_[r, r],
    "a column": lambda r: r[:, None],
    "none": lambda r: None,
    "complex": lambda r: r * 1j,
    "objects": lambda r: r.astype(object),
}


@pytest.mark.parametrize("answer", WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
@pytest.mark.parametrize(
    "graph", [propmat.laplacian.closed_form, propmat.laplacian.large_kernel, propmat.laplacian.knn]
)
def test_wrong_answers_of_preconditioners_are_told(graph, answer):
    sample = propmat.datasets.synthetic(shape=(32, 40))
    with pytest.raises(InputError, match="^preconditioner: .* returns real numbers of shape .*, got"):
        propmat.solve(graph(sample.image), sample.trimap, solver=CG(preconditioner=Answering(answer)))


@pytest.mark.parametrize("answer", [None, 3, np.ones(4)])
def test_preconditioners_that_prepare_nothing_are_told(answer):
    with pytest.raises(InputError, match=r"^preconditioner: Answering\.prepare returns a function of a residual, got"):
        CG(preconditioner=Answering(answer)).prepare(sp.eye_array(4))


@pytest.mark.parametrize("factor", [np.nan, np.inf])
@pytest.mark.parametrize("graph", [propmat.laplacian.closed_form, propmat.laplacian.large_kernel])
def test_a_preconditioner_that_returns_nan_is_named(graph, factor):
    sample = propmat.datasets.synthetic(shape=(32, 40))
    solver = CG(preconditioner=Answering(lambda residual: np.full_like(residual, factor)))
    with pytest.warns(propmat.ConvergenceWarning, match="The preconditioner returned NaN or infinity"):
        found = propmat.solve(graph(sample.image), sample.trimap, solver=solver)
    assert np.isfinite(found.alpha).all()


WRONG_NULL_SPACES = {
    "few rows": (np.ones((3, 1)), r"takes shape \(9, m\), got \(3, 1\)"),
    "one axis": (np.ones(9), r"takes shape \(9, m\), got \(9,\)"),
    "none": (None, "takes floating numbers"),
    "text": ("constant", "takes floating numbers"),
    "complex": (np.ones((9, 1), complex), "takes floating numbers"),
    "nan": (np.full((9, 2), np.nan), "has 18 values that are NaN"),
}


@pytest.mark.parametrize(("columns", "message"), WRONG_NULL_SPACES.values(), ids=WRONG_NULL_SPACES)
def test_wrong_near_null_spaces(columns, message):
    with pytest.raises(InputError, match=f"^near_null_space: {message}"):
        SmoothedAggregation().prepare(sp.eye_array(9), lambda: columns)


@dataclasses.dataclass(frozen=True)
class Prepares:
    """A solver that prepares something."""

    prepared: object
    strict = False

    def prepare(self, matrix, near_null_space=None):
        return self.prepared


def solution(x):
    return Solution(x, Status.converged, 0, 0.0, 0.0)


WRONG_SOLVERS = {
    "nothing prepared": (None, r"Prepares\.prepare returns a function"),
    "x alone": (lambda rhs, **_: rhs, "returns a propmat.solvers.Solution, got ndarray"),
    "shorter": (lambda rhs, **_: solution(rhs[1:]), "returns real numbers of shape .* as x, got"),
    "a column": (lambda rhs, **_: solution(rhs[:, None]), "returns real numbers of shape"),
    "a list": (lambda rhs, **_: solution(list(rhs)), "returns real numbers of shape"),
    "text": (lambda rhs, **_: solution("x"), "returns real numbers of shape .* as x, got 'x'"),
    "masked": (lambda rhs, **_: solution(np.ma.masked_less(rhs, 0.5)), "returns real numbers .*, got MaskedArray"),
    "nan": (lambda rhs, **_: solution(rhs * np.nan), "calls a solution converged that has NaN"),
    "status": (lambda rhs, **_: Solution(rhs, "converged", 0, 0.0, 0.0), "a propmat.solvers.Status as status, got 'c"),
    "iterations": (lambda rhs, **_: Solution(rhs, Status.stopped, None, 0.0, 0.0), "a number as iterations, got None"),
    "residual": (
        lambda rhs, **_: Solution(rhs, Status.stopped, 0, np.ones(1), 0.0),
        "a number as residual, got ndarray",
    ),
}


@pytest.mark.parametrize(("prepared", "message"), WRONG_SOLVERS.values(), ids=WRONG_SOLVERS)
@pytest.mark.parametrize("solve", [propmat.solve, propmat.adjoint.solve])
def test_wrong_answers_of_solvers_are_told(solve, prepared, message):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    with pytest.raises(InputError, match=f"^solver: .*{message}"):
        solve(propmat.laplacian.random_walk(sample.image), sample.trimap, solver=Prepares(prepared))


@pytest.mark.parametrize("strict", ["yes", 1, None])
def test_strict_is_true_or_false(strict):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    solver = SimpleNamespace(prepare=CG().prepare, strict=strict)
    with pytest.raises(InputError, match="^solver: SimpleNamespace.strict: takes True or False, got"):
        propmat.closed_form(sample.image, sample.trimap, solver=solver)


def test_a_solver_without_nearby_solves_and_takes_no_other_confidence():
    sample = propmat.datasets.synthetic(shape=(24, 32))
    graph = propmat.laplacian.random_walk(sample.image)
    prepared = propmat.prepare(graph, sample.trimap, confidence=1.0, solver=Prepares(lambda rhs, **_: solution(rhs)))
    assert prepared.solve().converged
    with pytest.raises(InputError, match="^solver: function has no method nearby"):
        prepared.with_confidence(2.0)


@pytest.mark.parametrize("graph", [propmat.laplacian.closed_form, propmat.laplacian.large_kernel])
def test_preconditioners_may_overwrite_the_residual(graph):
    def halve(residual):
        residual *= 0.5
        return residual

    sample = propmat.datasets.synthetic(shape=(32, 40))
    found, expected = (
        propmat.solve(graph(sample.image), sample.trimap, solver=CG(preconditioner=Answering(answer)))
        for answer in (halve, lambda residual: 0.5 * residual)
    )
    np.testing.assert_array_equal(found.alpha, expected.alpha)
