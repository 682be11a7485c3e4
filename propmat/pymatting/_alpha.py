"""Alpha by PyMatting's names."""

from __future__ import annotations

from propmat._arithmetic import usual_arithmetic
from propmat._typing import Array, ArrayLike
from propmat.laplacian._closed_form import ClosedForm
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._large_kernel import LargeKernel
from propmat.laplacian._learning_based import LearningBased
from propmat.pymatting._graphs import nearest_neighbours, random_walk
from propmat.pymatting._settings import NONE
from propmat.pymatting._solving import Settings, alpha_of


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
    return alpha_of(image, trimap, _closed_form, laplacian_kwargs, cg_kwargs, preconditioner)


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
    return alpha_of(image, trimap, nearest_neighbours, laplacian_kwargs, cg_kwargs, preconditioner)


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
    return alpha_of(image, trimap, _learning_based, laplacian_kwargs, cg_kwargs, preconditioner)


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
    return alpha_of(image, trimap, _large_kernel, laplacian_kwargs, cg_kwargs)


@usual_arithmetic
def estimate_alpha_rw(
    image: ArrayLike,
    trimap: ArrayLike,
    preconditioner: object = None,
    laplacian_kwargs: Settings = NONE,
    cg_kwargs: Settings = NONE,
) -> Array:
    """Random walk matting on PyMatting's graph of eight neighbours; `propmat.random_walk` has four.

    To each weight 1e-6 is added, so that every pixel is tied to its neighbours; PyMatting's ``regularization`` draws
    alpha to 0 instead. Where all weights of a pixel are smaller than that, as a small ``sigma`` makes them at strong
    edges, the two libraries differ.

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
    return alpha_of(image, trimap, random_walk, laplacian_kwargs, cg_kwargs, preconditioner)


def _closed_form(pixels: Array, epsilon: float = 1e-7, radius: int = 1, is_known: object = None) -> Laplacian:
    return ClosedForm.of(pixels, epsilon, radius)


def _learning_based(pixels: Array, epsilon: float = 1e-7, radius: int = 1) -> Laplacian:
    return LearningBased.of(pixels, epsilon, radius)


def _large_kernel(pixels: Array, epsilon: float = 1e-7, radius: int = 10, return_diagonal: bool = True) -> Laplacian:
    return LargeKernel.of(pixels, epsilon, radius)


estimate_alpha = estimate_alpha_cf
