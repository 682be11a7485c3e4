"""Colours of the foreground by PyMatting's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._foreground._estimate import foreground
from propmat._typing import Array, ArrayLike
from propmat.pymatting._settings import NONE, without_meaning

FOUR = ((-1, 0), (1, 0), (0, -1), (0, 1))


@usual_arithmetic
def estimate_foreground_ml(
    image: ArrayLike,
    alpha: ArrayLike,
    regularization: float = 1e-5,
    n_small_iterations: int = 10,
    n_big_iterations: int = 2,
    small_size: int = 32,
    return_background: bool = False,
    gradient_weight: float = 1.0,
) -> Array | tuple[Array, Array]:
    """Foreground colours on all scales, `propmat.foreground`, by PyMatting's name.

    Parameters
    ----------
    image : (H, W, d) array
        Floating in [0, 1], uint8 or uint16.
    alpha : (H, W) array
        Floating in [0, 1], uint8 or uint16.
    regularization, gradient_weight : float, default 1e-5 and 1
        As in `propmat.foreground`.
    n_small_iterations, n_big_iterations, small_size : int
        Have no effect: the numbers of sweeps are those of the paper.
    return_background : bool, default False
        Whether to return the background too.

    Returns
    -------
    foreground, background : (H, W, d) arrays of float64
        In [0, 1]; the background if asked for. Exactly the image where alpha is 1, and 0 for the background.

    Raises
    ------
    InputError
        If an argument is not as above. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> alpha = np.array([[1.0, 1.0, 0.5, 0.0, 0.0]])
    >>> image = (0.8 * alpha + 0.2 * (1 - alpha))[:, :, np.newaxis]
    >>> estimate_foreground_ml(image, alpha).ravel().round(3)
    array([0.8, 0.8, 0.8, 0.8, 0.8])
    """
    why = "the numbers of sweeps are those of the paper"
    without_meaning("n_small_iterations", n_small_iterations, 10, why)
    without_meaning("n_big_iterations", n_big_iterations, 2, why)
    without_meaning("small_size", small_size, 32, why)
    settings = {"regularization": regularization, "gradient_weight": gradient_weight}
    return _layers(image, alpha, return_background, method="multilevel", **settings)


@usual_arithmetic
def estimate_foreground_cf(
    image: ArrayLike,
    alpha: ArrayLike,
    regularization: float = 1e-5,
    rtol: float = 1e-5,
    neighbors: Sequence[tuple[int, int]] = FOUR,
    return_background: bool = False,
    foreground_guess: ArrayLike | None = None,
    background_guess: ArrayLike | None = None,
    ichol_kwargs: Mapping[str, Any] = NONE,
    cg_kwargs: Mapping[str, Any] = NONE,
) -> Array | tuple[Array, Array]:
    """Foreground colours by a linear system, `propmat.foreground` with its method "closed_form".

    Parameters
    ----------
    image, alpha
        As in `estimate_foreground_ml`.
    regularization : float, default 1e-5
        As in `propmat.foreground`.
    rtol : float
        Has no effect: the tolerance is 1e-6. Nor have the arguments below but for `return_background`: four neighbours,
        the start and the preconditioner are those of propmat.
    neighbors : sequence of (int, int)
    return_background : bool, default False
        Whether to return the background too.
    foreground_guess, background_guess : (H, W, d) arrays, optional
    ichol_kwargs, cg_kwargs : mapping

    Returns
    -------
    foreground, background : (H, W, d) arrays of float64
        In [0, 1]; the background if asked for.

    Raises
    ------
    InputError
        If an argument is not as above. It is a ValueError.

    Examples
    --------
    >>> import numpy as np
    >>> alpha = np.array([[1.0, 1.0, 0.5, 0.0, 0.0]])
    >>> image = (0.8 * alpha + 0.2 * (1 - alpha))[:, :, np.newaxis]
    >>> estimate_foreground_cf(image, alpha).ravel().round(3)
    array([0.8, 0.8, 0.8, 0.8, 0.8])
    """
    why = "propmat solves to 1e-6 with four neighbours, from its own start"
    without_meaning("rtol", rtol, 1e-5, why)
    without_meaning("neighbors", tuple(map(tuple, neighbors)), FOUR, why)
    without_meaning("foreground_guess", foreground_guess, None, why)
    without_meaning("background_guess", background_guess, None, why)
    without_meaning("ichol_kwargs", ichol_kwargs, NONE, why)
    without_meaning("cg_kwargs", cg_kwargs, NONE, why)
    return _layers(image, alpha, return_background, method="closed_form", regularization=regularization)


def _layers(image: ArrayLike, alpha: ArrayLike, both: bool, **settings: Any) -> Array | tuple[Array, Array]:
    pixels = _inputs.image(image)  # of [0, 1], which `foreground` does not ask for
    pixels = pixels[:, :, 0] if _inputs.as_array(image, "image").ndim == 2 else pixels
    front, back = (np.clip(layer, 0.0, 1.0) for layer in foreground(pixels, alpha, **settings))
    return (front, back) if both else front


estimate_foreground = estimate_foreground_ml
