"""Results do not depend on the caller's `numpy.seterr` settings, and do not change them."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import propmat
from propmat import adjoint, datasets, flows, io, laplacian, metrics, pictures, sampling, solvers

H, W = 22, 24
LABELS = np.full((H, W), 0.5)
LABELS[:, :8], LABELS[:, -8:] = 1, 0
EDGE = np.zeros((H, W, 3))
EDGE[:, W // 2 :] = 1
IMAGES = {
    "hard edge": EDGE,
    "black": np.zeros((H, W, 3)),
    "faint": np.where(EDGE > 0, 3e-200, 1e-200),  # whose squares are 0
    "subnormal": np.where(EDGE > 0, EDGE, 5e-324),
    "checkerboard": np.indices((H, W)).sum(axis=0)[:, :, None] % 2 * np.ones(3),
}
ALPHA = np.clip(np.linspace(1.2, -0.2, W) * np.ones((H, W)), 1e-310, 1)
TRUTH = np.clip(ALPHA, 1e-200, 1)
FAINT_EDGES = np.full((H, W - 1), 1e-300), np.full((H - 1, W), 1e-300)


def solved(graph):
    """The matrix, and a solve by each solver."""
    alphas = [propmat.solve(graph, LABELS, solver=solver).alpha for solver in (solvers.CG(), solvers.Direct())]
    return [graph.matrix.toarray(), *alphas]


def both_ways(result):
    """Alpha, and gradients of next to nothing."""
    alpha, pullback = result
    gradients = vars(pullback(np.full((H, W), 1e-300))).values()
    return [alpha, *(gradient for gradient in gradients if isinstance(gradient, np.ndarray))]


def prepared(image):
    ready = propmat.prepare(laplacian.closed_form(image), LABELS, confidence=1.0)
    return [ready.solve(x0=ALPHA).alpha, ready.with_confidence(1e-300).solve().alpha]


CALLS = {
    "propmat.closed_form": lambda image: propmat.closed_form(image, LABELS),
    "propmat.knn": lambda image: [propmat.knn(image, LABELS, preset=preset) for preset in ("two", "rgb", "hsv")],
    "propmat.learning_based": lambda image: propmat.learning_based(image, LABELS),
    "propmat.large_kernel": lambda image: propmat.large_kernel(image, LABELS),
    "propmat.random_walk": lambda image: propmat.random_walk(image, LABELS),
    "propmat.comprehensive_sampling": lambda image: propmat.comprehensive_sampling(image, LABELS),
    "propmat.information_flow": lambda image: propmat.information_flow(image, LABELS),
    "propmat.shared_sampling": lambda image: propmat.shared_sampling(image, LABELS),
    "propmat.propagate": lambda image: propmat.propagate(FAINT_EDGES, LABELS),
    "propmat.refine": lambda image: [propmat.refine(image, ALPHA, confidence) for confidence in (1e-2, 1e-300)],
    "propmat.upsample": lambda image: [
        propmat.upsample(image, small, confidence=confidence)
        for small in (ALPHA, ALPHA[::2, ::2])
        for confidence in (0.3, 1e-300)
    ],
    "propmat.solve": lambda image: propmat.solve(laplacian.closed_form(image), LABELS, confidence=1e-300).alpha,
    "propmat.prepare": prepared,
    "propmat.matte": lambda image: propmat.matte("closed_form", image, LABELS).alpha,
    "propmat.foreground": lambda image: [
        layer for linear in (False, True) for layer in propmat.foreground(image, ALPHA, linear=linear)
    ],
    "propmat.trimap_from_mask": lambda image: propmat.trimap_from_mask(ALPHA).labels,
    "propmat.trimap_from_scribbles": lambda image: (
        propmat.trimap_from_scribbles(image, np.where(LABELS[:, :, None] == 0.5, image, LABELS[:, :, None])).labels
    ),
    "propmat.adjoint.closed_form": lambda image: both_ways(adjoint.closed_form(image, LABELS)),
    "propmat.adjoint.knn": lambda image: both_ways(adjoint.knn(image, LABELS, preset="rgb")),
    "propmat.adjoint.propagate": lambda image: both_ways(adjoint.propagate(FAINT_EDGES, LABELS)),
    "propmat.adjoint.propagate_directed": lambda image: both_ways(
        adjoint.propagate_directed((FAINT_EDGES[0], FAINT_EDGES[0], FAINT_EDGES[1], FAINT_EDGES[1]), LABELS)
    ),
    "propmat.adjoint.refine": lambda image: both_ways(adjoint.refine(image, ALPHA, 1e-2)),
    "propmat.adjoint.upsample": lambda image: both_ways(adjoint.upsample(image, ALPHA[::2, ::2])),
    "propmat.adjoint.weighted_windows": lambda image: both_ways(
        adjoint.weighted_windows(image, np.full((H - 2, W - 2), 0.5), LABELS, edges=FAINT_EDGES)
    ),
    "propmat.adjoint.solve": lambda image: both_ways(adjoint.solve(laplacian.random_walk(image), LABELS)),
    "propmat.datasets.synthetic": lambda image: datasets.synthetic(seed=1, shape=(H, W)).image,
    "propmat.datasets.flower": lambda image: datasets.flower().image,
    "propmat.flows.colour_mixture": lambda image: flows.colour_mixture(image, LABELS).matrix.toarray(),
    "propmat.flows.intra_unknown": lambda image: flows.intra_unknown(image, LABELS).matrix.toarray(),
    "propmat.flows.known_to_unknown": lambda image: flows.known_to_unknown(image, LABELS),
    "propmat.laplacian.affinity": lambda image: laplacian.affinity(*FAINT_EDGES).matrix.toarray(),
    "propmat.laplacian.weighted_windows": lambda image: solved(laplacian.weighted_windows(image, 0.5, FAINT_EDGES)),
    "propmat.laplacian.closed_form": lambda image: solved(laplacian.closed_form(image)),
    "propmat.laplacian.knn": lambda image: solved(laplacian.knn(image)),
    "propmat.laplacian.large_kernel": lambda image: laplacian.large_kernel(image).matrix.toarray(),
    "propmat.laplacian.learning_based": lambda image: solved(laplacian.learning_based(image)),
    "propmat.laplacian.random_walk": lambda image: solved(laplacian.random_walk(image)),
    "propmat.metrics.sad": lambda image: metrics.sad(ALPHA, TRUTH, LABELS),
    "propmat.metrics.mse": lambda image: metrics.mse(ALPHA, TRUTH, LABELS),
    "propmat.metrics.gradient": lambda image: metrics.gradient(ALPHA, TRUTH, LABELS),
    "propmat.metrics.connectivity": lambda image: metrics.connectivity(ALPHA, TRUTH, LABELS),
    "propmat.metrics.evaluate": lambda image: list(metrics.evaluate(ALPHA, TRUTH, LABELS).values()),
    "propmat.metrics.per_pixel": lambda image: metrics.per_pixel(ALPHA, TRUTH, LABELS, "mse"),
    "propmat.metrics.dtssd": lambda image: metrics.dtssd([ALPHA, TRUTH], [TRUTH, ALPHA]),
    "propmat.metrics.messddt": lambda image: metrics.messddt([ALPHA, TRUTH], [TRUTH, ALPHA], [np.zeros((H, W, 2))]),
    "propmat.sampling.comprehensive": lambda image: sampling.comprehensive(image, LABELS).alpha,
    "propmat.sampling.shared": lambda image: sampling.shared(image, LABELS).alpha,
    "propmat.sampling.trimmed": lambda image: sampling.trimmed(image, LABELS).labels,
    "propmat.pictures.over": lambda image: pictures.over(image, ALPHA, np.full((H, W, 3), 1e-200)),
}
WITHOUT_ARITHMETIC = {"propmat.methods", "propmat.get_num_threads", "propmat.set_num_threads"}


def values(call, image):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", propmat.PropmatWarning)  # of metrics, and of nearly zero data
        found = call(image)
    return found if isinstance(found, (list, tuple)) else [found]


@pytest.mark.parametrize("picture", IMAGES)
@pytest.mark.parametrize("name", CALLS)
def test_the_callers_state_has_no_effect(name, picture):
    expected = values(CALLS[name], IMAGES[picture])
    with np.errstate(all="raise"):
        before = np.geterr()
        found = values(CALLS[name], IMAGES[picture])
        assert np.geterr() == before
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("depth", [8, 16])
def test_files_are_written_and_read_in_any_state(tmp_path, depth):
    with np.errstate(all="raise"):
        io.write_image(tmp_path / "alpha.png", ALPHA, depth=depth)
        assert io.read_matte(tmp_path / "alpha.png").shape == (H, W)


def test_the_state_is_back_after_an_error():
    with np.errstate(all="raise"):
        before = np.geterr()
        with pytest.raises(propmat.InputError):
            propmat.closed_form(255 * EDGE, LABELS)
        assert np.geterr() == before


def test_warnings_point_to_the_caller():
    with pytest.warns(propmat.PropmatWarning, match="every known pixel is foreground") as record:
        propmat.closed_form(EDGE, np.maximum(LABELS, 0.5))
    assert record[0].filename == __file__


def test_every_public_function_is_here():
    surface = json.loads((Path(__file__).parent / "surface.json").read_text(encoding="utf-8"))
    modules = ["propmat", *(f"propmat.{name}" for name in ("adjoint", "flows", "laplacian", "metrics", "sampling"))]
    functions = {
        f"{module}.{name}" for module in modules for name, kind in surface[module].items() if str(kind).startswith("(")
    }
    assert functions - WITHOUT_ARITHMETIC <= CALLS.keys()
