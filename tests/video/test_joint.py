"""The Laplacian of several frames: its definition, its adjoint, and its preconditioner."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

import propmat
import propmat.video
from propmat import Trimap
from propmat.errors import InputError
from propmat.video._edges import FlowEdges, Link
from propmat.video._moving_knn import MovingKnn
from tests.video.scenes import drifting

pytest.importorskip("cv2")
SHAPE = (5, 6)


def random_edges(rng, frames=3):
    links = []
    for source, target in [(0, 1), (1, 0), (2, 1)]:
        weight = rng.uniform(0, 2, SHAPE) * (rng.random(SHAPE) < 0.8)
        links.append(Link(source, target, rng.uniform(-3, 3, (*SHAPE, 2)).astype(np.float32), weight))
    return FlowEdges(tuple(links), frames, SHAPE)


def cubic(t):
    """Keys' kernel of cubic convolution, a = -1/2."""
    t = abs(t)
    if t >= 2:
        return 0.0
    return (1.5 * t - 2.5) * t * t + 1 if t < 1 else ((-0.5 * t + 2.5) * t - 4) * t + 2


def dense(edges, frames=3):
    """R' diag(w) R, pixel by pixel; beyond the edges the nearest pixel counts."""
    height, width = SHAPE
    matrix = np.zeros((frames * height * width,) * 2)
    for link in edges.links:
        for y, x in np.ndindex(*SHAPE):
            row = np.zeros(len(matrix))
            row[link.source * height * width + y * width + x] += 1
            at_x = np.clip(x + float(link.flow[y, x, 0]), 0, width - 1)
            at_y = np.clip(y + float(link.flow[y, x, 1]), 0, height - 1)
            for v, u in itertools.product(range(-3, height + 3), range(-3, width + 3)):
                share = cubic(at_x - u) * cubic(at_y - v)
                near = np.clip(v, 0, height - 1), np.clip(u, 0, width - 1)
                row[link.target * height * width + near[0] * width + near[1]] -= share
            matrix += link.weight[y, x] * np.outer(row, row)
    return matrix


def test_edges_are_their_definition(rng):
    edges = random_edges(rng)
    expected = dense(edges)
    assert np.abs(edges.matrix.toarray() - expected).max() < 1e-12
    plane = rng.normal(size=edges.shape) * (rng.random(edges.shape) < 0.5)
    assert np.abs(edges.times(plane).ravel() - expected @ plane.ravel()).max() < 1e-12
    assert abs(edges.matrix - edges.matrix.T).max() == 0
    assert np.abs(edges.matrix @ np.ones(len(expected))).max() < 1e-12


def test_edges_are_cut_by_what_is_known(rng):
    edges, unknown = random_edges(rng), rng.random((15, 6)) < 0.5
    expected, inside = dense(edges), unknown.ravel()
    split = edges.split(unknown, np.full(unknown.shape, 0.25))
    assert (
        np.abs(split.matrix.tocsr().toarray() - expected[np.ix_(inside, inside)] - 0.25 * np.eye(inside.sum())).max()
        < 1e-12
    )
    values = rng.random(unknown.shape)
    assert np.abs(split.times_known(values) - expected[np.ix_(inside, ~inside)] @ values.ravel()[~inside]).max() < 1e-12
    touched = np.abs(expected[np.ix_(inside, ~inside)]).sum(axis=1) > 0
    assert (split.touches_known == touched).all()


def test_gradients_of_the_edges(rng):
    """Those of -λᵀ L α, by finite differences, which are exact up to rounding because L is linear in the weights."""
    edges = random_edges(rng)
    adjoint, alpha = rng.normal(size=(2, *edges.shape))
    found = edges.pullback(adjoint, alpha, ["weights"])["weights"]
    for k, link in enumerate(edges.links):
        for y, x in [(0, 0), (2, 3), (4, 5)]:
            weight = link.weight.copy()
            weight[y, x] += 1
            links = [*edges.links[:k], link._replace(weight=weight), *edges.links[k + 1 :]]
            other = FlowEdges(tuple(links), 3, SHAPE)
            change = -(adjoint * (other.times(alpha) - edges.times(alpha))).sum()
            expected = change if link.weight[y, x] > 0 else 0.0  # no edge
            assert found[k][y, x] == pytest.approx(expected, abs=1e-9)


def window(frames=3, **options):
    images, alphas, trimaps = drifting(frames, **options)
    return images, np.concatenate(alphas), np.concatenate(trimaps)


@pytest.mark.parametrize("method", ["closed_form", "learning_based"])
def test_frames_are_on_the_diagonal(method):
    images, _, _ = window(2, shape=(20, 24))
    graph = propmat.video.joint(images, method=method, weight=0.5)
    (_, frames), (_, edges) = graph.terms
    laplacian = getattr(propmat.laplacian, method)
    expected = sp.block_diag([laplacian(image).matrix for image in images])
    assert abs(frames.matrix - expected).max() < 1e-9
    assert abs(graph.matrix - expected - edges.matrix).max() < 1e-9
    assert [(link.source, link.target) for link in edges.links] == [(0, 1), (1, 0)]
    assert max(link.weight.max() for link in edges.links) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("method", ["closed_form", "learning_based", "knn"])
def test_joint_mattes(method):
    images, alphas, trimaps = window()
    matte = propmat.solve(propmat.video.joint(images, method=method), trimaps)
    assert matte.converged
    assert np.abs(matte.alpha - alphas).mean() < (0.04 if method == "knn" else 0.02)


def test_iterations_are_few_and_the_solution_is_that_of_a_factorisation():
    images, _, trimaps = window(3, shape=(64, 80), noise=0.01)
    trimaps[8:-8, 8:-8] = np.where(np.abs(trimaps[8:-8, 8:-8] - 0.5) < 0.5, 0.5, trimaps[8:-8, 8:-8])
    graph = propmat.video.joint(images)
    found = propmat.solve(graph, trimaps, solver=propmat.solvers.CG(tolerance=1e-6))
    exact = propmat.solve(graph, trimaps, solver=propmat.solvers.Direct())
    assert found.converged
    assert found.iterations < 60
    assert np.abs(found.alpha - exact.alpha).max() < 1e-4


def test_the_adjoint():
    """Gradients of the colours and of the weights, by central differences."""
    images, _, trimaps = window(2, shape=(16, 18), speed=(1.0, 0.0))
    rng = np.random.default_rng(0)
    upstream = rng.normal(size=trimaps.shape)
    graph = propmat.video.joint(images, epsilon=1e-3)
    _, pullback = propmat.adjoint.solve(graph, trimaps)
    gradients = pullback(upstream)

    def loss(frames, edges):
        changed = frames + edges
        return float((upstream * propmat.solve(changed, trimaps, solver=propmat.solvers.Direct()).alpha).sum())

    (_, frames), (_, edges) = graph.terms
    step = 1e-5
    unknown = np.argwhere(trimaps == 0.5)
    for y, x in unknown[:: len(unknown) // 4]:
        both = []
        for sign in (1, -1):
            image = frames.image.copy()
            image[y, x, 1] += sign * step
            other = type(frames)(image, frames.epsilon, frames.radius, frames.parts)
            both.append(loss(other, edges))
        expected = (both[0] - both[1]) / (2 * step)
        assert gradients.terms[0].image[y, x, 1] == pytest.approx(expected, rel=1e-3, abs=1e-5)
    link = edges.links[0]
    y, x = np.argwhere((trimaps[:16] == 0.5) & (link.weight > 1e-3))[3]
    both = []
    for sign in (1, -1):
        weight = link.weight.copy()
        weight[y, x] += sign * step
        both.append(loss(frames, FlowEdges((link._replace(weight=weight), edges.links[1]), 2, (16, 18))))
    assert gradients.terms[1].weights[0][y, x] == pytest.approx((both[0] - both[1]) / (2 * step), rel=1e-3, abs=1e-5)


def test_neighbours_move_with_the_flow():
    """With coordinates that move, a pixel's neighbours in the other frame lie where the flow leads."""
    rng = np.random.default_rng(1)
    image = rng.random((12, 14, 3)) * 0.01
    stacked = np.concatenate([image, np.roll(image, 5, axis=1)])
    rows = np.tile(np.arange(12.0), 2)[:, np.newaxis] * np.ones(14)
    columns = np.tile(np.arange(14.0), (24, 1))
    columns[12:] -= 5
    graph = MovingKnn(stacked, "rgb", (rows, columns), (12, 14))
    plain = propmat.laplacian.knn(stacked, "rgb")
    moved = 12 * 14 + 6 * 14 + 9  # (6, 4) of the first frame, five pixels to the right in the second
    assert graph.matrix[6 * 14 + 4, moved] < 0
    assert plain.matrix[6 * 14 + 4, moved] == 0


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ([np.zeros((20, 20))], {}, "frames: takes two or more, got 1"),
        ([np.zeros((20, 20)), np.zeros((20, 21))], {}, "frames: frame 1: is 21 x 20 pixels"),
        ([np.zeros((20, 20))] * 2, {"method": "large_kernel"}, "those that have: closed_form, knn, learning_based"),
        ([np.zeros((20, 20))] * 2, {"preset": "rgb"}, "there is no setting 'preset'"),
        ([np.zeros((20, 20))] * 2, {"weight": 0}, "weight: takes a finite number > 0"),
        ([np.zeros((20, 20))] * 2, {"epsilon": -1}, "epsilon: takes a finite number > 0"),
        ([np.zeros((20, 30))] * 2, {"radius": 10}, "is 20 x 30 pixels .* smaller than one window"),
        (3, {}, "frames: takes a sequence of frames"),
    ],
)
def test_bad_arguments(arguments, settings, message):
    with pytest.raises(InputError, match=message):
        propmat.video.joint(arguments, **settings)


def test_a_stack_is_not_one_image():
    """No window holds pixels of two frames."""
    images, _, _ = window(2, shape=(16, 18))
    graph = propmat.video.joint(images)
    assert graph.terms[0][1].parts.seams == (16,)
    assert Trimap.parse(np.full((32, 18), 0.5)).shape == graph.shape
