"""Laplacians of windows, and the linear system, by PyMatting's names."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._operators._stored import Sparse
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError, shown
from propmat.laplacian._closed_form import ClosedForm
from propmat.laplacian._large_kernel import LargeKernel
from propmat.laplacian._learning_based import LearningBased
from propmat.pymatting._trimaps import trimap_split

Product = Callable[[Array], Array]


@usual_arithmetic
def cf_laplacian(
    image: ArrayLike, epsilon: float = 1e-7, radius: int = 1, is_known: ArrayLike | None = None
) -> sp.csr_matrix:
    """The closed-form Laplacian, `propmat.laplacian.closed_form`, as CSR.

    Parameters
    ----------
    image : (H, W, 3) array
        Floating in [0, 1], uint8 or uint16.
    epsilon, radius : float and int, default 1e-7 and 1
        As in `propmat.laplacian.closed_form`.
    is_known : (H, W) or (H * W,) array of bool, optional
        Has no effect: all entries are computed. PyMatting leaves those of known pixels undefined.

    Returns
    -------
    scipy.sparse.csr_matrix, shape (H * W, H * W)

    Raises
    ------
    InputError
        If an argument is not as above. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> cf_laplacian(np.zeros((4, 5, 3))).shape
    (20, 20)
    """
    return sp.csr_matrix(ClosedForm.of(_inputs.image(image), epsilon, radius).matrix)


@usual_arithmetic
def lbdm_laplacian(image: ArrayLike, epsilon: float = 1e-7, radius: int = 1) -> sp.csr_matrix:
    """The learning-based Laplacian, `propmat.laplacian.learning_based`, as CSR.

    Parameters
    ----------
    image, epsilon, radius
        As in `cf_laplacian`.

    Returns
    -------
    scipy.sparse.csr_matrix, shape (H * W, H * W)
        The constant of the fit is not penalised; in PyMatting it is, which makes a difference where colours vary by no
        more than the root of epsilon.

    Raises
    ------
    InputError
        If an argument is not as above. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> lbdm_laplacian(np.zeros((4, 5, 3))).shape
    (20, 20)
    """
    return sp.csr_matrix(LearningBased.of(_inputs.image(image), epsilon, radius).matrix)


@usual_arithmetic
def lkm_laplacian(
    image: ArrayLike, epsilon: float = 1e-7, radius: int = 10, return_diagonal: bool = True
) -> Product | tuple[Product, Array]:
    """The large-kernel Laplacian, `propmat.laplacian.large_kernel`, as a function.

    Parameters
    ----------
    image, epsilon, radius
        As in `cf_laplacian`; the radius is 10 by default.
    return_diagonal : bool, default True
        Whether to return the diagonal too.

    Returns
    -------
    product : callable
        (H * W,) array → L times it.
    diagonal : (H * W,) array of float64
        If asked for.

    Raises
    ------
    InputError
        If an argument is not as above. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> product, diagonal = lkm_laplacian(np.zeros((4, 5, 3)), radius=1)
    >>> bool(abs(product(np.ones(20))).max() < 1e-12)
    True
    """
    pixels = _inputs.image(image)
    matrix = LargeKernel.of(pixels, epsilon, radius).split(np.ones(pixels.shape[:2], bool)).matrix

    def product(x: Array) -> Array:
        return matrix @ np.ascontiguousarray(np.ravel(x), np.float64)

    return (product, matrix.diagonal()) if return_diagonal else product


@usual_arithmetic
def make_linear_system(
    L: Sparse,  # noqa: N803
    trimap: ArrayLike,
    lambda_value: float = 100.0,
    return_c: bool = False,
) -> tuple[sp.csr_matrix, Array] | tuple[sp.csr_matrix, Array, Array]:
    """The system (L + λ C) x = λ c* that holds known pixels to their labels.

    Parameters
    ----------
    L : SciPy sparse array, shape (H * W, H * W)
    trimap : (H, W) array
        As in `estimate_alpha_cf`.
    lambda_value : float, default 100
        λ.
    return_c : bool, default False
        Whether to return the diagonal of λ C too.

    Returns
    -------
    A : scipy.sparse.csr_matrix, shape (H * W, H * W)
    b : (H * W,) array of float64
    c : (H * W,) array of float64
        If asked for.

    Raises
    ------
    InputError
        If the sizes differ, or the trimap lacks foreground or background. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse.linalg import spsolve
    >>> image = np.tile(np.linspace(0, 1, 5)[:, None], (3, 1, 3))
    >>> trimap = np.tile([0, 0.5, 0.5, 0.5, 1], (3, 1))
    >>> A, b = make_linear_system(cf_laplacian(image), trimap)
    >>> spsolve(A, b).reshape(3, 5)[1].round(3) + 0.0
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    is_fg, _, is_known, _ = trimap_split(trimap)
    if getattr(L, "shape", None) != (is_fg.size, is_fg.size):
        told = shown(L) if isinstance(L, (tuple, list)) or callable(L) else f"shape {L.shape}"
        raise InputError(f"L: takes a matrix of a row for each of {is_fg.size} pixels, got {told}")
    c, b = lambda_value * is_known.astype(np.float64), lambda_value * is_fg.astype(np.float64)
    matrix = sp.csr_matrix(L + sp.diags_array(c))
    matrix.sum_duplicates()
    return (matrix, b, c) if return_c else (matrix, b)
