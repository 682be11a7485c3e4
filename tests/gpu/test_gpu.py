"""Results on a GPU compared with those on the host.

Without a device the kernels run on the host, compiled from the same source (`host_device`): with one thread, and with
several that take turns between barriers. Tests marked ``gpu`` are the same tests on a device.
"""

import inspect
import json
import re
import sys
import weakref
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

import benchmarks.gpu
import propmat
from propmat import DeviceMemoryError, InputError, MissingDependencyError, PropmatWarning, UnsupportedError
from propmat._backend import moved_like, to_host
from propmat._batching._verbs import VERBS as DIFFERENTIABLE
from propmat._gpu import _device, _launch
from propmat._inputs._arrays import ANYWHERE
from propmat._on_device import FUNCTIONS, SOLVERS
from propmat._operators import GridOperator
from propmat.cli import _commands, main
from propmat.preconditioners import Deflated, IncompleteCholesky, Jacobi, Multigrid, SmoothedAggregation
from propmat.preconditioners._aggregation_cycle import Cycle
from propmat.preconditioners._chebyshev import largest_eigenvalue
from propmat.preconditioners._level import DOUBLE, SINGLE
from propmat.preconditioners._levels import Pixels
from propmat.solvers import CG, Direct, Status
from tests import host_device
from tests.problems import HARD_MASKS, hard_trimap, random_photo

WORK = {
    "one thread": {},
    "five threads": {"groups": 2, "threads": 5},
    "five threads, last first": {"groups": 2, "threads": 5, "backwards": True},
}


def real_device():
    """CuPy, or the test is skipped."""
    cupy = pytest.importorskip("cupy", reason="no GPU: CuPy is not installed")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError:
        pytest.skip("no GPU")
    return cupy


ON_DEVICE = pytest.param("gpu", marks=pytest.mark.gpu)


@pytest.fixture(params=["one thread", ON_DEVICE])
def to_device(request, monkeypatch):
    """Takes an array to the device, or to what stands for it."""
    if request.param == "gpu":
        return real_device().asarray
    host_device.install(monkeypatch, **WORK[request.param])
    return host_device.asarray


@pytest.fixture
def stand_in(monkeypatch):
    """What stands for CuPy while a test runs on the host's kernels."""
    return host_device.install(monkeypatch)


def masks():
    return {name: hard_trimap(name).unknown for name in HARD_MASKS}


def operators(image, unknown, to_device, **options):
    """The closed-form operator on either side."""
    host = GridOperator.from_image(image, unknown, **options)
    return host, GridOperator.from_image(to_device(image), to_device(unknown), **options)


# At this epsilon windows of noise have condition numbers of at most 1e5, so that differences by FMA stay far below.
EPSILON, ENTRIES = 1e-4, 1e-10


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("mask", HARD_MASKS)
@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
def test_windows(mask, depth, squared, rng, to_device):
    unknown = masks()[mask]
    host, device = operators(rng.random((*unknown.shape, depth)), unknown, to_device, epsilon=EPSILON, squared=squared)
    check_operators(host, device, rng, to_device)


@pytest.mark.parametrize("mask", HARD_MASKS)
@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
def test_edges(mask, rng, to_device):
    unknown = masks()[mask]
    height, width = unknown.shape
    weights, diagonal = (rng.random((height, width - 1)), rng.random((height - 1, width))), rng.random((height, width))
    host = GridOperator.from_edges(*weights, unknown, diagonal=diagonal)
    device = GridOperator.from_edges(*map(to_device, weights), to_device(unknown), diagonal=to_device(diagonal))
    check_operators(host, device, rng, to_device)


def check_operators(host, device, rng, to_device):
    known, x = rng.random(host.support.unknown.shape), rng.standard_normal(host.shape[0])
    np.testing.assert_allclose(to_host(device.values), host.values, rtol=0, atol=ENTRIES)
    np.testing.assert_array_equal(to_host(device.support.number), host.support.number)
    pair = [np.zeros_like(matrix.values) for matrix in (host, device)]
    for block in (2, 3, 5):
        host.across(block, pair[0])
        device.across(block, pair[1])
        np.testing.assert_allclose(to_host(pair[1]), pair[0], rtol=0, atol=ENTRIES)
    np.testing.assert_allclose(to_host(device @ to_device(x)), host @ x, rtol=0, atol=100 * ENTRIES)
    np.testing.assert_allclose(
        to_host(device.times_known(to_device(known))), host.times_known(known), rtol=0, atol=100 * ENTRIES
    )
    np.testing.assert_allclose(to_host(device.diagonal()), host.diagonal(), rtol=0, atol=ENTRIES)
    products = [np.zeros(matrix.support.size, like=matrix.values) for matrix in (host, device)]
    energies = [m.multiply(m.spread(v), y) for m, v, y in zip((host, device), (x, to_device(x)), products, strict=True)]
    np.testing.assert_allclose(to_host(energies[1]).sum(), energies[0], rtol=1e-9, atol=1e-9)
    assert (device.tocsr() != host.tocsr()).nnz < host.values.size
    assert abs(device.tocsr() - host.tocsr()).max() <= ENTRIES


@pytest.mark.parametrize("precision", [SINGLE, DOUBLE], ids=["single", "double"])
@pytest.mark.parametrize("kind", ["windows", "edges"])
@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
def test_hierarchy(kind, precision, rng, to_device, monkeypatch):
    """The same functions, chosen in the same order, and the same cycle to its precision, but for rounded bases."""
    if precision is DOUBLE:
        monkeypatch.setattr("propmat.preconditioners._coarsening.LIMIT", 0.0)
    unknown = rng.random((45, 50)) < 0.9
    settings = Multigrid(coarsest=20, threshold=0.02)
    if kind == "windows":
        host, device = operators(rng.random((45, 50, 3)), unknown, to_device, epsilon=1e-3)
    else:
        edges = rng.random((45, 49)), rng.random((44, 50))
        host = GridOperator.from_edges(*edges, unknown)
        device = GridOperator.from_edges(*map(to_device, edges), to_device(unknown))
    ours, theirs = settings.prepare(host), settings.prepare(device)
    assert len(ours.levels) == len(theirs.levels) >= 3
    assert repr(ours) == repr(theirs)
    for one, other in zip(ours.levels, theirs.levels, strict=True):
        for name in ("sizes", "counts", "first", "members", "offsets", "neighbours", "live"):
            np.testing.assert_array_equal(to_host(getattr(other, name)), getattr(one, name), err_msg=name)
        np.testing.assert_allclose(to_host(other.basis), one.basis, rtol=0, atol=1e-4 * abs(one.basis).max())
        unit = precision.units / SINGLE.units  # of 16 bits
        np.testing.assert_allclose(to_host(other.values), one.values, rtol=0, atol=unit)
    assert [made.precision for made in (ours, theirs)] == [precision, precision]
    assert ours.amplification == pytest.approx(theirs.amplification, rel=1e-6)
    assert theirs.smoothers[0].x.dtype == theirs.inverse.dtype == precision.vectors
    residual = rng.standard_normal(host.shape[0])
    expected = ours(residual)
    np.testing.assert_allclose(to_host(theirs(to_device(residual))), expected, rtol=0, atol=1e-4 * abs(expected).max())


@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
def test_flat_pictures(rng, to_device):
    """Double vectors, chosen on both sides, and as many iterations to the same matte."""
    image = np.kron(rng.random((6, 8, 3)), np.ones((8, 8, 1)))
    trimap = np.full(image.shape[:2], 0.5)
    trimap[:4], trimap[-4:] = 1, 0
    solver = CG(preconditioner=Multigrid(coarsest=20))
    graphs = propmat.laplacian.closed_form(image), propmat.laplacian.closed_form(to_device(image))
    host, device = (
        propmat.solve(graph, t, solver=solver) for graph, t in zip(graphs, (trimap, to_device(trimap)), strict=True)
    )
    assert host.converged
    assert device.converged
    assert abs(host.iterations - device.iterations) <= 4  # the device looks at every fourth residual
    expected = propmat.solve(graphs[0], trimap, solver=Direct()).alpha
    for found in (host.alpha, to_host(device.alpha)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
def test_bounds_of_smoothers(rng, to_device):
    """For a patch of noise in a flat picture as on the CPU; 1 for a matrix without live unknowns."""
    image = np.full((40, 44, 3), 0.5)
    image[18:22, 20:24] = rng.random((4, 4, 3))
    levels = [Pixels(matrix, SINGLE) for matrix in operators(image, image[:, :, 0] > 0, to_device, epsilon=EPSILON)]
    expected, found = map(largest_eigenvalue, levels)
    assert found == pytest.approx(expected, rel=1e-4)
    np.testing.assert_array_equal(
        *(to_host(level.backend.kernels("lanczos").noise(level.live, np.float32)) for level in levels)
    )
    levels[1].live[:] = False
    assert largest_eigenvalue(levels[1]) == 1


TIGHT = CG(rtol=1e-10, max_iterations=5000)


def grid_matrix(height, width):
    """A matrix from outside, in host memory."""
    return propmat.laplacian.affinity(np.ones((height, width - 1)), np.ones((height - 1, width))).matrix


VERBS = {
    "closed_form": lambda a, solver: propmat.closed_form(a["image"], a["trimap"], epsilon=EPSILON, solver=solver),
    "closed_form, grey": lambda a, solver: propmat.closed_form(a["image"][:, :, 0], a["trimap"], solver=solver),
    "learning_based": lambda a, solver: propmat.learning_based(a["image"], a["trimap"], epsilon=1e-4, solver=solver),
    "random_walk": lambda a, solver: propmat.random_walk(a["image"], a["trimap"], sigma=0.3, solver=solver),
    "closed_form, radius 2": lambda a, solver: propmat.closed_form(
        a["image"], a["trimap"], epsilon=EPSILON, radius=2, solver=solver
    ),
    "knn": lambda a, solver: propmat.knn(a["image"], a["trimap"], solver=solver),
    "sum": lambda a, solver: (
        propmat.solve(
            propmat.laplacian.closed_form(a["image"], epsilon=EPSILON)
            + 0.1 * propmat.laplacian.knn(a["image"], "two")
            + propmat.laplacian.affinity(a["right"], a["down"]),
            a["trimap"],
            confidence=a["weight"],
            solver=solver,
        ).alpha
    ),
    "large_kernel": lambda a, solver: propmat.large_kernel(a["image"], a["trimap"], radius=4, solver=solver),
    "large_kernel, held": lambda a, solver: (
        propmat.solve(
            propmat.laplacian.large_kernel(a["image"], radius=4), a["trimap"], confidence=a["weight"], solver=solver
        ).alpha
    ),
    "matrix": lambda a, solver: propmat.solve(grid_matrix(40, 46), a["trimap"], solver=solver).alpha,
    "refine": lambda a, solver: propmat.refine(a["image"], a["alpha"], a["weight"], solver=solver),
    "refine, trimap": lambda a, solver: propmat.refine(a["image"], a["alpha"], 0.1, trimap=a["trimap"], solver=solver),
    "propagate": lambda a, solver: propmat.propagate((a["right"], a["down"]), a["trimap"], solver=solver),
    "propagate, held": lambda a, solver: propmat.propagate(
        (a["right"], a["down"]), a["trimap"], confidence=0.8, solver=solver
    ),
    "matte": lambda a, solver: (
        propmat.matte("closed_form", a["image"], a["trimap"], epsilon=EPSILON, solver=solver).alpha
    ),
    "prepare": lambda a, solver: (
        propmat.prepare(propmat.laplacian.random_walk(a["image"], 0.3), a["trimap"], solver=solver).solve().alpha
    ),
    "solve, prior": lambda a, solver: (
        propmat.solve(
            propmat.laplacian.closed_form(a["image"], epsilon=EPSILON),
            a["trimap"],
            confidence=a["weight"],
            prior=(0.5, 0.01),
            x0=a["alpha"],
            solver=solver,
        ).alpha
    ),
}


def arguments(rng, height=40, width=46):
    trimap = np.full((height, width), 128, np.uint8)
    trimap[:9, :12], trimap[-9:, -12:] = 255, 0
    return {
        "image": random_photo(rng, height, width),
        "trimap": trimap,
        "alpha": rng.random((height, width)),
        "weight": rng.random((height, width)),
        "right": 0.1 + rng.random((height, width - 1)),
        "down": 0.1 + rng.random((height - 1, width)),
    }


def there(given, to_device):
    return {name: to_device(array) for name, array in given.items()}


@pytest.mark.parametrize("verb", VERBS)
def test_verbs(verb, rng, to_device):
    given = arguments(rng)
    expected = VERBS[verb](given, TIGHT)
    alpha = VERBS[verb](there(given, to_device), TIGHT)
    assert type(alpha) is type(to_device(expected))
    # The error is about 1e4 times the residual, because the smallest eigenvalue is about 1e-4.
    np.testing.assert_allclose(to_host(alpha), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("confidence", [None, 10.0])
def test_labels_that_change(confidence, rng, to_device):
    given, alphas = arguments(rng, 24, 28), []
    for arrays in (given, there(given, to_device)):
        graph, trimap = propmat.laplacian.closed_form(arrays["image"], epsilon=EPSILON), arrays["trimap"]
        prepared = propmat.prepare(graph, trimap, confidence=confidence, solver=TIGHT)
        for where, value in ((np.s_[12:16, 4:20], 255), (np.s_[13:20, 10:12], 128), (np.s_[0:4, 0:6], 128)):
            trimap = trimap.copy()
            trimap[where] = value
            prepared = prepared.relabelled(trimap)
        alphas.append(to_host(prepared.solve().alpha))
    np.testing.assert_allclose(*alphas, rtol=0, atol=1e-6)


@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
def test_conjugate_gradients(rng, to_device, monkeypatch):
    """The same iterates, up to rounding errors amplified over forty steps; both check the residual every iteration."""
    monkeypatch.setattr("propmat._gpu.conjugate_gradients.CHECK_EVERY", 1)
    given, solver = arguments(rng, 20, 22), CG(max_iterations=40, preconditioner=Jacobi())
    alphas = []
    for arrays in (given, there(given, to_device)):
        with pytest.warns(propmat.ConvergenceWarning, match="stopped after 40 iterations"):
            alphas.append(to_host(VERBS["closed_form"](arrays, solver)))
    np.testing.assert_allclose(*alphas, rtol=0, atol=1e-6)


@pytest.mark.parametrize("mask", HARD_MASKS)
def test_hard_masks(mask, rng, to_device):
    trimap = hard_trimap(mask)
    image = rng.random((*trimap.shape, 3))
    moved = propmat.Trimap(to_device(trimap.foreground), to_device(trimap.background))
    expected = propmat.closed_form(image, trimap, epsilon=EPSILON, solver=TIGHT)
    alpha = propmat.closed_form(to_device(image), moved, epsilon=EPSILON)  # with the default solver
    np.testing.assert_allclose(to_host(alpha), expected, rtol=0, atol=1e-4)
    assert np.array_equal(to_host(alpha)[trimap.known], trimap.labels[trimap.known])
    check = propmat.closed_form(to_device(image), moved, epsilon=EPSILON, solver=TIGHT)
    np.testing.assert_allclose(to_host(check), expected, rtol=0, atol=1e-6)


def pulled_back(a, solver):
    alpha, pullback = propmat.adjoint.closed_form(a["image"], a["trimap"], epsilon=EPSILON, solver=solver)
    gradients = vars(pullback(a["weight"]))
    alpha, pullback = propmat.adjoint.closed_form(a["image"], a["trimap"], epsilon=EPSILON, radius=2, solver=solver)
    gradients |= {f"radius 2, {name}": value for name, value in vars(pullback(a["weight"])).items()}
    alpha, pullback = propmat.adjoint.propagate(
        (a["right"], a["down"]), a["trimap"], confidence=a["weight"], solver=solver
    )
    gradients |= {f"held {name}": value for name, value in vars(pullback(1.0)).items()}
    alpha, pullback = propmat.adjoint.refine(a["image"], a["alpha"], 0.1, epsilon=EPSILON, solver=solver)
    return gradients | {f"refined {name}": value for name, value in vars(pullback(a["weight"])).items()}


def test_gradients(rng, to_device):
    given, solver = arguments(rng, 20, 22), CG(rtol=1e-12, max_iterations=5000)
    expected = pulled_back(given, solver)
    found = pulled_back(there(given, to_device), solver)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert np.shape(gradient) == np.shape(found[name])
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(to_host(found[name]), gradient, rtol=0, atol=1e-6 * scale, err_msg=name)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
@pytest.mark.parametrize("shape", [(40, 33, 3), (1, 7, 3), (9, 12)])
def test_foreground(shape, linear, rng, to_device):
    image, alpha = rng.random(shape), np.clip(1.4 * rng.random(shape[:2]) - 0.2, 0, 1)
    expected = propmat.foreground(image, alpha, linear=linear)
    found = propmat.foreground(to_device(image), to_device(alpha), linear=linear)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(to_host(other), one, rtol=0, atol=1e-4)  # in single precision


def test_the_host_waits_only_where_it_looks_at_the_residual(rng, stand_in):
    unknown = np.ones((30, 30), bool)
    unknown[0] = False
    matrix = GridOperator.from_image(host_device.asarray(rng.random((30, 30, 3))), host_device.asarray(unknown))
    b = host_device.asarray(rng.standard_normal(matrix.shape[0]))
    waits = {}
    for iterations in (8, 40):
        solve = CG(rtol=1e-30, max_iterations=iterations, preconditioner=Jacobi()).prepare(matrix)
        host_device.Device.waits = 0
        assert solve(b).iterations == iterations
        waits[iterations] = host_device.Device.waits
    looks = (40 - 8) / 4  # CHECK_EVERY
    assert waits[40] - waits[8] == looks


def test_how_many_kernels_are_started(stand_in):
    """Upper bounds on the number of kernel launches in a set-up with four coarse levels, and in an iteration."""
    sample = propmat.datasets.synthetic(2, (240, 320))
    graph = propmat.laplacian.closed_form(host_device.asarray(sample.image))
    trimap = host_device.asarray(sample.trimap)
    host_device.Device.launches = host_device.Device.waits = 0
    prepared = propmat.prepare(graph, trimap, solver=CG())
    assert len(prepared.solve_linear.preconditioner.levels) == 4
    assert host_device.Device.launches <= 420
    assert host_device.Device.waits <= 40
    host_device.Device.launches = 0
    assert prepared.solve().iterations == 20
    assert host_device.Device.launches <= 20 * 44 + 100


def test_callback_stops(rng, to_device):
    given = there(arguments(rng), to_device)
    seen = []
    matte = propmat.solve(
        propmat.laplacian.closed_form(given["image"]),
        given["trimap"],
        callback=lambda iteration, residual: seen.append((iteration, residual)) or len(seen) == 2,
    )
    assert matte.status is Status.stopped
    assert [iteration for iteration, _ in seen] == [4, 8]


def test_broken_systems_are_told(rng, to_device):
    unknown = np.ones((12, 12), bool)
    matrix = GridOperator.from_image(to_device(rng.random((12, 12, 3))), to_device(unknown))
    negative = GridOperator(matrix.support, -matrix.values, matrix.assemble)
    b = rng.standard_normal(144)
    solve = CG(preconditioner=Jacobi()).prepare(negative)
    assert solve(to_device(b)).status is Status.indefinite
    b[3] = np.nan
    assert solve(to_device(b)).status is Status.nonfinite


def test_a_mixture_is_an_error(rng, stand_in):
    given = arguments(rng)
    moved = there(given, host_device.asarray)
    with pytest.raises(InputError, match="laplacian 2: is an array of CuPy, laplacian 1 of NumPy"):
        propmat.laplacian.knn(given["image"]) + propmat.laplacian.knn(moved["image"])
    with pytest.raises(InputError, match="trimap: is an array of NumPy, image of CuPy"):
        propmat.knn(moved["image"], given["trimap"])
    for image, trimap in ((moved["image"], given["trimap"]), (given["image"], moved["trimap"])):
        with pytest.raises(InputError, match="trimap: is an array of (NumPy|CuPy), image of (NumPy|CuPy)"):
            propmat.closed_form(image, trimap)
    with pytest.raises(InputError, match="vertical: is an array of NumPy, horizontal of CuPy"):
        propmat.propagate((moved["right"], given["down"]), moved["trimap"])
    with pytest.raises(InputError, match="confidence: is an array of NumPy, trimap of CuPy"):
        propmat.propagate((moved["right"], moved["down"]), moved["trimap"], confidence=given["weight"])
    with pytest.raises(InputError, match="alpha: is an array of NumPy, image of CuPy"):
        propmat.foreground(moved["image"], given["alpha"])
    _, pullback = propmat.adjoint.closed_form(moved["image"], moved["trimap"])
    with pytest.raises(InputError, match="gradient: is an array of NumPy, trimap of CuPy"):
        pullback(given["weight"])


HOST_ONLY = {
    "information_flow": lambda image, trimap: propmat.information_flow(image, trimap),
    "comprehensive_sampling": lambda image, trimap: propmat.comprehensive_sampling(image, trimap),
    "upsample": lambda image, trimap: propmat.upsample(image, image[:, :, 0]),
    "propagate_directed": lambda image, trimap: propmat.adjoint.propagate_directed((image[:, :, 0],) * 4, trimap),
    "weighted_windows": lambda image, trimap: propmat.adjoint.weighted_windows(image, 1.0, trimap),
    "trimap_from_mask": lambda image, trimap: propmat.trimap_from_mask(trimap),
    "trimap_from_scribbles": lambda image, trimap: propmat.trimap_from_scribbles(image, image),
    "shared_sampling": lambda image, trimap: propmat.shared_sampling(image, trimap),
    "metrics": lambda image, trimap: propmat.metrics.sad(image[:, :, 0], image[:, :, 0], trimap),
    "foreground (closed_form)": lambda image, trimap: propmat.foreground(image, image[:, :, 0], method="closed_form"),
}


@pytest.mark.parametrize("name", HOST_ONLY)
def test_what_runs_on_the_host_alone_says_so(name, rng, stand_in):
    given = there(arguments(rng), host_device.asarray)
    with pytest.raises(UnsupportedError, match="lives on a GPU, where closed_form"):
        HOST_ONLY[name](given["image"], given["trimap"])


class TestTheTable:
    """The table `_on_device` of functions that run on a GPU is complete, and each of them is tested here."""

    def test_functions(self):
        functions = {
            name: value
            for package in (propmat, propmat.adjoint)
            for name, value in vars(package).items()
            if inspect.isfunction(value) and name[0] != "_"
        }
        for takes_no_array in ("methods", "get_num_threads", "set_num_threads"):
            del functions[takes_no_array]
        named = {entry.partition(" ")[0] for entry in (*FUNCTIONS.on_device, *FUNCTIONS.on_host_alone)}
        assert functions.keys() <= named <= functions.keys() | DIFFERENTIABLE.keys()
        assert DIFFERENTIABLE.keys() <= named

    def test_solvers(self):
        classes = {
            name
            for package in (propmat.solvers, propmat.preconditioners)
            for name, value in vars(package).items()
            if inspect.isclass(value) and hasattr(value, "prepare") and not getattr(value, "_is_protocol", False)
        }
        assert classes == {*SOLVERS.on_device, *SOLVERS.on_host_alone}

    def test_what_runs_there_is_tested(self):
        tested = {name.partition(",")[0] for name in VERBS} | {"foreground (multilevel)"}
        assert tested - {"sum", "matrix"} == set(FUNCTIONS.on_device)  # these two are tested by `solve`
        assert HOST_ONLY.keys() - {"metrics"} == set(FUNCTIONS.on_host_alone)

    def test_the_page_says_the_same(self):
        page = (Path(__file__).parents[2] / "docs" / "gpu.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| (.*) \| (.*) \|$", page.partition("| there |")[2].partition("\n\n")[0], re.MULTILINE)
        modules = {"adjoint", "flows", "metrics", "networks", "sampling"}
        for column, tables in enumerate(zip(FUNCTIONS, SOLVERS, strict=True)):
            named = {name for row in rows[1:] for name in re.findall(r"`(\w+)`", row[column])} - modules
            assert named == {entry.partition(" ")[0] for table in tables for entry in table}


@pytest.mark.parametrize("name", [name for name in SOLVERS.on_device if name != "CG"])
def test_preconditioners(name, rng, to_device):
    given, solver = arguments(rng, 20, 22), CG(rtol=1e-9, preconditioner=getattr(propmat.preconditioners, name)())
    expected, alpha = (
        propmat.random_walk(a["image"], a["trimap"], sigma=0.3, solver=solver) for a in (given, there(given, to_device))
    )
    np.testing.assert_allclose(to_host(alpha), expected, rtol=0, atol=1e-6)


ON_HOST_ALONE = [Direct(), CG(preconditioner=IncompleteCholesky()), CG(preconditioner=Deflated())]


@pytest.mark.parametrize("solver", ON_HOST_ALONE, ids=SOLVERS.on_host_alone)
@pytest.mark.parametrize("verb", [propmat.closed_form, propmat.knn])
def test_solvers_on_the_host_alone_say_so(verb, solver, rng, stand_in):
    given = there(arguments(rng), host_device.asarray)
    remedy = "on a GPU use CG with Multigrid, SmoothedAggregation or Jacobi|Deflated: takes .* in host memory"
    with pytest.raises(UnsupportedError, match=remedy):
        verb(given["image"], given["trimap"], solver=solver)


GRAPHS = {
    "radius 1": lambda a: propmat.laplacian.closed_form(a["image"], epsilon=EPSILON),
    "radius 2": lambda a: propmat.laplacian.closed_form(a["image"], epsilon=EPSILON, radius=2),
    "sum": lambda a: propmat.laplacian.closed_form(a["image"], radius=2) + 0.01 * propmat.laplacian.knn(a["image"]),
    "knn": lambda a: propmat.laplacian.knn(a["image"]),
}


@pytest.mark.parametrize("confidence", [None, 0.5])
@pytest.mark.parametrize("name", GRAPHS)
def test_aggregates_on_the_device(name, confidence, rng, to_device):
    """Chebyshev smoothing on the device, Gauss-Seidel on the host: about as many iterations, and the same matte."""
    given, solver = arguments(rng), CG(rtol=1e-9, preconditioner=SmoothedAggregation())
    mattes = []
    for a in (given, there(given, to_device)):
        prepared = propmat.prepare(GRAPHS[name](a), a["trimap"], confidence=confidence, solver=solver)
        mattes.append((prepared if confidence is None else prepared.with_confidence(0.7)).solve())
    expected, matte = mattes
    assert matte.iterations <= 1.25 * expected.iterations + 4  # the residual is checked every four iterations
    np.testing.assert_allclose(to_host(matte.alpha), expected.alpha, rtol=0, atol=1e-5)


def test_an_indefinite_cycle_is_replaced_on_the_device(rng, to_device, monkeypatch):
    monkeypatch.setattr("propmat.preconditioners._chebyshev.BOUND", 0.3)  # the smoothers of pixels and blocks diverge
    unmodified = Cycle.__init__

    def with_bounds(self, levels, like):
        monkeypatch.setattr("propmat.preconditioners._chebyshev.BOUND", 1.1)
        unmodified(self, levels, like)

    monkeypatch.setattr(Cycle, "__init__", with_bounds)
    given = arguments(rng)
    expected = propmat.closed_form(given["image"], given["trimap"], epsilon=EPSILON, solver=Direct())
    moved = there(given, to_device)
    graph = propmat.laplacian.closed_form(moved["image"], epsilon=EPSILON)
    prepared = propmat.prepare(graph, moved["trimap"], solver=CG())
    with pytest.warns(PropmatWarning, match="SmoothedAggregation took its place"):
        alpha = prepared.solve().alpha
    np.testing.assert_allclose(to_host(alpha), expected, rtol=0, atol=1e-4)
    assert isinstance(prepared.solve_linear._aggregated, Cycle)


@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
def test_the_cycle_over_aggregates_is_symmetric_and_positive(rng, to_device):
    """On residuals of any size, even the smallest, and with a coarse function that is 0 everywhere."""
    matrix = grid_matrix(12, 15) + sp.diags_array(np.r_[np.ones(9), np.zeros(171)])
    coarser = sp.csr_array((rng.random(180), np.arange(180) // 10 + 1, np.arange(181)), shape=(180, 19))
    levels = [SimpleNamespace(A=matrix, P=coarser), SimpleNamespace(A=coarser.T @ matrix @ coarser)]
    for like in (np.empty(0), to_device(np.empty(0))):
        cycle = Cycle(levels, like)
        inverse = 1e100 * np.stack([to_host(cycle(moved_like(1e-100 * e, like))) for e in np.eye(180)])
        np.testing.assert_allclose(inverse, inverse.T, rtol=0, atol=1e-5 * inverse.max())
        assert np.linalg.eigvalsh(inverse + inverse.T).min() > 0
        assert not to_host(cycle(moved_like(np.zeros(180), like))).any()


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
def test_box_sums(depth, rng, to_device):
    """Taller than a stripe of running sums, with windows at the borders."""
    image, trimap, values = rng.random((150, 13, depth)), rng.random((150, 13)), rng.random((150, 13))
    found = []
    for move in (np.asarray, to_device):
        graph = propmat.laplacian.large_kernel(move(image), EPSILON, radius=3)
        split = graph.split(move(trimap) < 0.7, move(values))
        x = move(values)[move(trimap) < 0.7]
        found.append(
            [split.matrix @ x, split.matrix.diagonal(), split.times_known(move(values)), graph.times(move(values))]
        )
    for expected, ours in zip(*found, strict=True):
        np.testing.assert_allclose(to_host(ours), expected, rtol=0, atol=100 * ENTRIES)


def products(a):
    """Products with stored matrices that are not part of a solve."""
    graph = propmat.laplacian.closed_form(a["image"], epsilon=EPSILON) + 0.3 * propmat.laplacian.knn(a["image"])
    trimap = propmat.Trimap.parse(a["trimap"], memory=ANYWHERE)
    split = graph.split(trimap.unknown, a["weight"])
    x = a["alpha"][trimap.unknown]
    yield split.matrix @ x
    yield split.matrix.diagonal()
    yield split.times_known(a["weight"])
    yield 1.0 * propmat.laplacian.knn(a["image"]).split(trimap.unknown).touches_known
    yield graph.times(a["weight"])
    yield abs(graph.matrix).sum(axis=1)
    prepared = propmat.prepare(graph, trimap, confidence=0.5, solver=TIGHT)
    yield prepared.with_confidence(a["weight"]).solve().alpha


@pytest.mark.parametrize("to_device", [*WORK, ON_DEVICE], indirect=True)
def test_stored_matrices(rng, to_device):
    given = arguments(rng, 20, 22)
    for expected, found in zip(products(given), products(there(given, to_device)), strict=True):
        np.testing.assert_allclose(to_host(found), expected, rtol=0, atol=1e-8)


def test_gaps_are_bridged_on_the_device(rng, to_device):
    """A component without known pixels is connected by weak edges, and gradients of labels include these."""
    image, trimap, upstream = np.zeros((16, 20)), np.full((16, 20), 0.5), rng.standard_normal((16, 20))
    image[4:12, 8:16] = 1
    trimap[:, :2], trimap[:, -2:] = 0, 1
    found = []
    for move in (np.asarray, to_device):
        with pytest.warns(propmat.PropmatWarning, match="64 unknown pixels .* weak edges"):
            alpha, pullback = propmat.adjoint.knn(move(image), move(trimap), values=move(trimap), solver=TIGHT)
        found.append([to_host(alpha), to_host(pullback(move(upstream), wanted=["values"]).values)])
    for expected, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)


def test_gradients_of_stored_matrices(rng, to_device):
    given, solver = arguments(rng, 20, 22), CG(rtol=1e-12, max_iterations=5000)
    found = []
    for a in (given, there(given, to_device)):
        _, pullback = propmat.adjoint.knn(a["image"], a["trimap"], values=a["alpha"], solver=solver)
        gradients = pullback(a["weight"])
        sums = propmat.laplacian.closed_form(a["image"], epsilon=EPSILON) + 0.1 * propmat.laplacian.knn(a["image"])
        _, pullback = propmat.adjoint.solve(sums, a["trimap"], solver=solver)
        summed = pullback(a["weight"])
        _, pullback = propmat.adjoint.solve(grid_matrix(20, 22), a["trimap"], solver=solver)
        outside = pullback(a["weight"], wanted=["weights"]).weights.toarray()
        colours = [to_host(term.image) for term in summed.terms]
        pairs = gradients.weights.toarray()
        found.append(
            [pairs, to_host(gradients.image), to_host(gradients.values), *colours, summed.coefficients, outside]
        )
    for expected, gradient in zip(*found, strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_pixels_tied_to_nothing_are_an_error(rng, to_device):
    given = there(arguments(rng), to_device)
    nothing = np.zeros_like(given["right"]), np.zeros_like(given["down"])
    with pytest.raises(InputError, match=r"unknown pixels are tied to no known pixel, the first at \(0, 12\)"):
        propmat.propagate(nothing, given["trimap"])


def test_warnings_on_the_device(rng, to_device):
    given = arguments(rng)
    one_label = np.where(given["trimap"] == 0, 128, given["trimap"])
    with pytest.warns(propmat.PropmatWarning, match="every known pixel is foreground"):
        alpha = propmat.closed_form(to_device(given["image"]), to_device(one_label))
    assert (to_host(alpha) == 1).all()
    assert repr(propmat.Trimap.parse(to_device(one_label), memory=ANYWHERE)).startswith(
        "Trimap((40, 46): foreground 5.9%"
    )


def test_on_the_command_line(stand_in, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sample = propmat.datasets.synthetic(seed=2, shape=(60, 80))
    for name, pixels in {"image.png": sample.image, "trimap.png": sample.trimap}.items():
        propmat.io.write_image(name, pixels)
    for output, options in {"host.png": [], "device.png": ["--gpu"]}.items():
        assert main(["alpha", "image.png", "trimap.png", "-o", output, *options]) == 0
    host, device = (propmat.io.read_matte(name).astype(int) for name in ("host.png", "device.png"))
    assert abs(device - host).max() <= 1


def test_the_benchmark_says_that_there_is_no_device(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(sys, "argv", ["benchmarks.gpu", "--quick"])
    assert benchmarks.gpu.main() == 1
    assert "arrays on a GPU need CuPy" in capsys.readouterr().err


def test_the_benchmark_runs(stand_in, monkeypatch, tmp_path, capsys):
    """The complete command on scenes of a few pixels, without CuPy's own solver, which is not emulated."""
    monkeypatch.chdir(tmp_path)
    small = {
        "FRAMES": {"1080p": (48, 64), "4K": (64, 72)},
        "CROPS": (2, 40),
        "PRODUCT": (20, 24),
        "COPIED": 16,
        "CALLS": 1,
        "WARM_UP": 0,
        "run_tests": lambda: False,
        "jacobi": lambda laplacian, problem: 1.0,
    }
    for name, value in small.items():
        monkeypatch.setattr(benchmarks.gpu, name, value)
    monkeypatch.setattr(_device, "described", lambda: "a device of host memory")
    for seconds, left_out in ((360, []), (-1, ["1080p", "4K"])):
        monkeypatch.setattr(benchmarks.gpu, "SECONDS", seconds)
        monkeypatch.setattr(sys, "argv", ["benchmarks.gpu", "--quick", "--data", "nowhere"])
        assert benchmarks.gpu.main() == 0
        found = json.loads((tmp_path / "gpu.json").read_text())
        assert found["left_out"] == left_out
        assert [row["problem"] for row in found["mattes"]] == [name for name in ("1080p", "4K") if name not in left_out]
        assert all(row["difference"] < 1e-4 for row in found["mattes"])
        assert len(found["others"]) == 4
        assert len(found["products"]) == 2
    assert "left out for want of time: 1080p, 4K" in capsys.readouterr().out


class TestFailures:
    """Error messages if CuPy, a device or memory is missing; CuPy is replaced by a module of stubs."""

    class CUDARuntimeError(RuntimeError):
        pass

    def package(self, count, driver=13000, nvrtc=lambda: (13, 0)):
        def devices():
            if isinstance(count, str):
                raise self.CUDARuntimeError(count)
            return count

        runtime = SimpleNamespace(
            getDeviceCount=devices,
            CUDARuntimeError=self.CUDARuntimeError,
            runtimeGetVersion=lambda: 13000,
            driverGetVersion=lambda: driver,
            getDeviceProperties=lambda _: {"name": b"NVIDIA X", "totalGlobalMem": 2**34, "major": 9, "minor": 0},
        )
        package = ModuleType("cupy")
        package.__version__, package.cuda = (
            "14.0",
            SimpleNamespace(
                runtime=runtime, nvrtc=SimpleNamespace(getVersion=nvrtc), Device=lambda: SimpleNamespace(id=0)
            ),
        )
        return package

    def test_no_cupy(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cupy", None)
        with pytest.raises(MissingDependencyError, match=r"pip install 'propmat\[gpu\]'"):
            _device.cupy()

    def test_no_device(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cupy", self.package("cudaErrorNoDevice: no CUDA-capable device is detected"))
        with pytest.raises(UnsupportedError, match="no CUDA-capable device is detected"):
            _device.cupy()
        monkeypatch.setitem(sys.modules, "cupy", self.package(0))
        with pytest.raises(UnsupportedError, match="there is no CUDA device"):
            _device.cupy()

    def test_old_driver(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cupy", self.package("cudaErrorInsufficientDriver: too old", driver=12020))
        with pytest.raises(UnsupportedError, match=r"CUDA 13.0; the driver offers 12.2. .* 'cupy-cuda12x"):
            _device.cupy()

    @pytest.mark.parametrize("error", [RuntimeError, ImportError, AssertionError])
    def test_no_compiler(self, error, monkeypatch):
        def missing():
            raise error("CuPy failed to load libnvrtc.so.13: OSError: libnvrtc.so.13: cannot open shared object file")

        monkeypatch.setitem(sys.modules, "cupy", self.package(1, nvrtc=missing))
        with pytest.raises(
            MissingDependencyError, match=r"NVRTC is not found \(CuPy failed .* pip install 'propmat\[gpu\]'"
        ):
            _device.cupy()
        assert _commands._device().startswith("kernels cannot be compiled")  # what `propmat info` shows

    def test_a_kernel_is_not_compiled(self, rng, stand_in, monkeypatch):
        given = there(arguments(rng), host_device.asarray)

        def fails(*_):
            raise host_device.CompileException('catastrophic error: cannot open source file "vector_types.h"')

        monkeypatch.setattr(_launch, "compiled", fails)
        with pytest.raises(UnsupportedError, match=r"vector_types.h.* files of CUDA are missing: pip install 'propmat"):
            propmat.closed_form(given["image"], given["trimap"])

    def test_a_device_is_described(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cupy", self.package(1))
        assert _device.described() == (
            "NVIDIA X, 16 GiB, compute capability 9.0; CuPy 14.0 was made for CUDA 13.0; "
            "the driver offers 13.0; NVRTC 13.0"
        )

    @pytest.mark.parametrize("error", [host_device.CUDARuntimeError, host_device.CUDADriverError])
    def test_a_device_is_lost(self, error, rng, stand_in, monkeypatch):
        given = there(arguments(rng), host_device.asarray)

        def lost(*_):
            raise error("cudaErrorDevicesUnavailable: the device is busy or unavailable")

        monkeypatch.setattr(_launch, "compiled", lost)
        with pytest.raises(propmat.PropmatError, match="GPU: cudaErrorDevicesUnavailable: .* lost to this process"):
            propmat.closed_form(given["image"], given["trimap"])

    def test_out_of_memory(self, rng, stand_in, monkeypatch):
        given = there(arguments(rng), host_device.asarray)
        fields = []

        def exhausted(source, kernel, constants):
            if kernel != "gather_windows":
                return host_device.compiled(source, kernel, constants)

            def fail(groups, threads, passed):
                fields.append(weakref.ref(passed[6]))
                raise host_device.OutOfMemoryError("Out of memory allocating 8,192 bytes.")

            return fail

        monkeypatch.setattr(_launch, "compiled", exhausted)
        with pytest.raises(
            DeviceMemoryError, match="Out of memory allocating 8,192 bytes. Of 2,000 bytes 1,000 are free"
        ):
            propmat.closed_form(given["image"], given["trimap"])
        assert fields[0]() is None  # the memory allocated before has been freed
        assert stand_in.get_default_memory_pool().freed == 1
        monkeypatch.setattr(_launch, "compiled", host_device.compiled)
        assert propmat.closed_form(given["image"], given["trimap"]).shape == (40, 46)


@pytest.mark.gpu
def test_out_of_memory_on_the_device(rng):
    cupy = real_device()
    given = there(arguments(rng, 400, 460), cupy.asarray)
    pool = cupy.get_default_memory_pool()
    pool.free_all_blocks()
    pool.set_limit(size=pool.used_bytes() + 2**24)
    try:
        with pytest.raises(DeviceMemoryError, match="Out of memory allocating"):
            propmat.closed_form(given["image"], given["trimap"])
    finally:
        pool.set_limit(size=0)
    assert propmat.closed_form(given["image"], given["trimap"]).shape == (400, 460)


@pytest.mark.parametrize("command", ["alpha", "cutout"])
def test_a_missing_gpu_is_told_before_pictures_are_read(monkeypatch, capsys, command):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert main([command, "none.png", "none.png", "-o", "out.png", "--gpu"]) == 1
    assert "arrays on a GPU need CuPy" in capsys.readouterr().err
