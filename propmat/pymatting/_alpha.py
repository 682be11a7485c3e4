"""Alpha by PyMatting's names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._foreground._estimate import foreground
from propmat._solve._problem import Problem, checked
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.laplacian._closed_form import ClosedForm
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._large_kernel import LargeKernel
from propmat.laplacian._learning_based import LearningBased
from propmat.matting import _shared_sampling
from propmat.pymatting._graphs import nearest_neighbours, random_walk
from propmat.pymatting._images import sanity_check_image
from propmat.pymatting._settings import NONE, Solving, without_meaning
from propmat.pymatting._trimaps import labels_of
from propmat.solvers._base import Status

# Of a solve that ended otherwise PyMatting's callers expect a ValueError. One that stagnated is as exact as rounding
# allows.
FINISHED = (Status.converged, Status.stopped, Status.stagnated)

Settings = Mapping[str, Any]


@usual_arithmetic
def estimate_alpha_cf(
    image: ArrayLike,
    trimap: ArrayLike,
    preconditioner: object = None,
    laplacian_kwargs: Settings = NONE,
    cg_kwargs: Settings = NONE,
) -> Array:
    """Closed-form matting, `propmat.closed_form`, by PyMatting's name.

    Parameters
    ----------
    image : (H, W, 3) array
        Floating in [0, 1], uint8 or uint16.
    trimap : (H, W) or (H, W, 1) array
        At most 0.1 is background, at least 0.9 foreground, the rest unknown.
    preconditioner : callable, optional
        Has no effect: propmat chooses its own, multigrid where it can.
    laplacian_kwargs : mapping
        ``epsilon``, ``radius``, ``is_known``, as in `cf_laplacian`.
    cg_kwargs : mapping
        ``rtol``, ``atol``, ``maxiter``, ``x0``, ``callback``, ``reorthogonalize``, as in `cg`; of the arguments of the
        callback A, x, b and r are None, and norm_r is relative to the right-hand side.

    Returns
    -------
    (H, W) or (H, W, 1) array of float64
        Alpha in [0, 1], exactly 0 and 1 where the trimap is known.

    Raises
    ------
    InputError
        If an argument is not as above, or the trimap lacks foreground or background. It is a ValueError.
    ValueError
        If ``maxiter`` was reached before the tolerance.

    Warns
    -----
    PropmatWarning
        Of an image that is not as above, and of an argument without effect.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> alpha = estimate_alpha_cf(sample.image, sample.trimap, cg_kwargs={"rtol": 1e-6, "maxiter": 500})
    >>> alpha.shape
    (48, 64)
    """
    return _alpha(image, trimap, _closed_form, laplacian_kwargs, cg_kwargs, preconditioner)


@usual_arithmetic
def estimate_alpha_knn(
    image: ArrayLike,
    trimap: ArrayLike,
    preconditioner: object = None,
    laplacian_kwargs: Settings = NONE,
    cg_kwargs: Settings = NONE,
) -> Array:
    """KNN matting, `propmat.knn`, by PyMatting's name.

    Parameters
    ----------
    image, trimap, preconditioner, cg_kwargs
        As in `estimate_alpha_cf`.
    laplacian_kwargs : mapping
        ``n_neighbors``, ``distance_weights``, ``kernel``, as in `knn_laplacian`.

    Returns
    -------
    (H, W) or (H, W, 1) array of float64
        Alpha in [0, 1]. PyMatting divides the rows of its matrix by their sums and holds known pixels with a weight of
        100; here they are exact, which is the limit of a large weight.

    Raises
    ------
    InputError, ValueError
        As in `estimate_alpha_cf`.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> estimate_alpha_knn(sample.image, sample.trimap, laplacian_kwargs={"n_neighbors": [15, 10]}).shape
    (48, 64)
    """
    return _alpha(image, trimap, nearest_neighbours, laplacian_kwargs, cg_kwargs, preconditioner)


@usual_arithmetic
def estimate_alpha_lbdm(
    image: ArrayLike,
    trimap: ArrayLike,
    preconditioner: object = None,
    laplacian_kwargs: Settings = NONE,
    cg_kwargs: Settings = NONE,
) -> Array:
    """Learning-based matting, `propmat.learning_based`, by PyMatting's name.

    Parameters
    ----------
    image, trimap, preconditioner, cg_kwargs
        As in `estimate_alpha_cf`.
    laplacian_kwargs : mapping
        ``epsilon``, ``radius``, as in `lbdm_laplacian`.

    Returns
    -------
    (H, W) or (H, W, 1) array of float64
        Alpha in [0, 1].

    Raises
    ------
    InputError, ValueError
        As in `estimate_alpha_cf`.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> estimate_alpha_lbdm(sample.image, sample.trimap, laplacian_kwargs={"epsilon": 1e-6}).shape
    (48, 64)
    """
    return _alpha(image, trimap, _learning_based, laplacian_kwargs, cg_kwargs, preconditioner)


@usual_arithmetic
def estimate_alpha_lkm(
    image: ArrayLike, trimap: ArrayLike, laplacian_kwargs: Settings = NONE, cg_kwargs: Settings = NONE
) -> Array:
    """Large-kernel matting, `propmat.large_kernel`, by PyMatting's name.

    Parameters
    ----------
    image, trimap, cg_kwargs
        As in `estimate_alpha_cf`.
    laplacian_kwargs : mapping
        ``epsilon``, ``radius`` (10 by default), as in `lkm_laplacian`.

    Returns
    -------
    (H, W) or (H, W, 1) array of float64
        Alpha in [0, 1].

    Raises
    ------
    InputError, ValueError
        As in `estimate_alpha_cf`.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> estimate_alpha_lkm(sample.image, sample.trimap, laplacian_kwargs={"radius": 5}).shape
    (48, 64)
    """
    return _alpha(image, trimap, _large_kernel, laplacian_kwargs, cg_kwargs)


@usual_arithmetic
def estimate_alpha_rw(
    image: ArrayLike,
    trimap: ArrayLike,
    preconditioner: object = None,
    laplacian_kwargs: Settings = NONE,
    cg_kwargs: Settings = NONE,
) -> Array:
    """Random walk matting on PyMatting's graph of eight neighbours; `propmat.random_walk` has four.

    Parameters
    ----------
    image, trimap, preconditioner, cg_kwargs
        As in `estimate_alpha_cf`.
    laplacian_kwargs : mapping
        ``sigma``, which has an effect here, ``radius``, as in `rw_laplacian`. ``regularization`` has no effect: the
        graph is connected without.

    Returns
    -------
    (H, W) or (H, W, 1) array of float64
        Alpha in [0, 1].

    Raises
    ------
    InputError, ValueError
        As in `estimate_alpha_cf`.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> estimate_alpha_rw(sample.image, sample.trimap, laplacian_kwargs={"sigma": 0.05}).shape
    (48, 64)
    """
    return _alpha(image, trimap, random_walk, laplacian_kwargs, cg_kwargs, preconditioner)


@usual_arithmetic
def estimate_alpha_sm(
    image: ArrayLike,
    trimap: ArrayLike,
    return_foreground_background: bool = False,
    trimap_expansion_radius: int = 10,
    trimap_expansion_threshold: float = 0.02,
    sample_gathering_angles: int = 4,
    sample_gathering_weights: Sequence[float] = (3.0, 2.0, 1.0, 4.0),
    sample_gathering_Np_radius: int = 1,  # noqa: N803
    sample_refinement_radius: int = 5,
    local_smoothing_radius1: int = 5,
    local_smoothing_radius2: int = 5,
    local_smoothing_radius3: int = 5,
    local_smoothing_sigma_sq1: float | None = None,
    local_smoothing_sigma_sq2: float = 0.1,
    local_smoothing_sigma_sq3: float | None = None,
) -> Array | tuple[Array, Array, Array]:
    """Shared matting, `propmat.shared_sampling`, by PyMatting's name.

    Parameters
    ----------
    image, trimap
        As in `estimate_alpha_cf`.
    return_foreground_background : bool, default False
        Whether to return colours too.
    trimap_expansion_radius, trimap_expansion_threshold, sample_gathering_angles : float
        These and all that follow have no effect: the constants are those of the paper.
    sample_gathering_weights : sequence of float
    sample_gathering_Np_radius, sample_refinement_radius : int
    local_smoothing_radius1, local_smoothing_radius2, local_smoothing_radius3 : int
    local_smoothing_sigma_sq1, local_smoothing_sigma_sq2, local_smoothing_sigma_sq3 : float, optional

    Returns
    -------
    alpha : (H, W) or (H, W, 1) array of float64
        In [0, 1]; refined by the closed form, as in the paper.
    foreground, background : (H, W, 3) arrays of float64
        If asked for: those of `propmat.foreground` for this alpha.

    Raises
    ------
    InputError, ValueError
        As in `estimate_alpha_cf`.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> alpha, foreground, background = estimate_alpha_sm(sample.image, sample.trimap, True)
    >>> alpha.shape, foreground.shape
    ((48, 64), (48, 64, 3))
    """
    ours = (10, 0.02, 4, (3.0, 2.0, 1.0, 4.0), 1, 5, 5, 5, 5, None, 0.1, None)
    given = {
        "trimap_expansion_radius": trimap_expansion_radius,
        "trimap_expansion_threshold": trimap_expansion_threshold,
        "sample_gathering_angles": sample_gathering_angles,
        "sample_gathering_weights": tuple(sample_gathering_weights),
        "sample_gathering_Np_radius": sample_gathering_Np_radius,
        "sample_refinement_radius": sample_refinement_radius,
        "local_smoothing_radius1": local_smoothing_radius1,
        "local_smoothing_radius2": local_smoothing_radius2,
        "local_smoothing_radius3": local_smoothing_radius3,
        "local_smoothing_sigma_sq1": local_smoothing_sigma_sq1,
        "local_smoothing_sigma_sq2": local_smoothing_sigma_sq2,
        "local_smoothing_sigma_sq3": local_smoothing_sigma_sq3,
    }
    for (name, value), default in zip(given.items(), ours, strict=True):
        without_meaning(name, value, default, "the constants are those of the paper")
    pixels, labels, shape = _checked(image, trimap)
    graph, prior = _shared_sampling.pose(pixels, labels)
    alpha = _solved(Problem.posed(graph, labels, prior=prior), Solving.of())
    if not return_foreground_background:
        return alpha.reshape(shape)
    front, back = (np.clip(layer, 0.0, 1.0) for layer in foreground(pixels, alpha))
    return alpha.reshape(shape), front, back


def _alpha(
    image: ArrayLike,
    trimap: ArrayLike,
    laplacian: Callable[..., Laplacian],
    laplacian_kwargs: Settings,
    cg_kwargs: Settings,
    preconditioner: object = None,
) -> Array:
    """Alpha in the shape of the trimap, with a Laplacian that is made of the colours and its own arguments."""
    without_meaning("preconditioner", preconditioner, None, "propmat chooses its own")
    solving = Solving.of(**cg_kwargs)
    pixels, labels, shape = _checked(image, trimap)
    return _solved(Problem.posed(laplacian(pixels, **laplacian_kwargs), labels), solving).reshape(shape)


def _checked(image: ArrayLike, trimap: ArrayLike) -> tuple[Array, Trimap, tuple[int, ...]]:
    """Colours, labels, and the shape of the result."""
    sanity_check_image(image)
    labels = labels_of(trimap)
    pixels, labels = checked(image, labels, None, None)
    return pixels, labels, _inputs.shape_of(trimap)


def _solved(problem: Problem, solving: Solving) -> Array:
    matte = problem.solve(solving.solver, x0=solving.start(problem.labels), callback=solving.callback)
    if matte.status not in FINISHED:
        raise ValueError(f"the solver {matte.status.value[:1].lower()}{matte.status.value[1:]}")
    return matte.alpha


def _closed_form(pixels: Array, epsilon: float = 1e-7, radius: int = 1, is_known: object = None) -> Laplacian:
    return ClosedForm.of(pixels, epsilon, radius)


def _learning_based(pixels: Array, epsilon: float = 1e-7, radius: int = 1) -> Laplacian:
    return LearningBased.of(pixels, epsilon, radius)


def _large_kernel(pixels: Array, epsilon: float = 1e-7, radius: int = 10, return_diagonal: bool = True) -> Laplacian:
    return LargeKernel.of(pixels, epsilon, radius)


estimate_alpha = estimate_alpha_cf
