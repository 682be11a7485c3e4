"""The methods by name."""

from __future__ import annotations

from typing import Any

from propmat._arithmetic import usual_arithmetic
from propmat._solve._matte import Matte
from propmat._trimap import Trimap
from propmat._typing import ArrayLike
from propmat.errors import InputError
from propmat.matting._methods import METHODS, named
from propmat.solvers._base import Callback, Solver


def methods() -> dict[str, str]:
    """List the methods of `matte`.

    Returns
    -------
    dict of str to str
        A line about each method, by its name. Methods that need an optional dependency are listed too.

    Examples
    --------
    >>> import propmat
    >>> propmat.methods()["knn"]
    'pixels of similar colour, near or far, have similar alpha'
    """
    return {name: method.about for name, method in METHODS.items()}


@usual_arithmetic
def matte(
    method: str,
    image: ArrayLike,
    trimap: ArrayLike | Trimap | None = None,
    *,
    solver: Solver | None = None,
    callback: Callback | None = None,
    **settings: Any,
) -> Matte:
    """Alpha by a method given by its name, with the status of the solve.

    Parameters
    ----------
    method : str
        One of `methods`.
    image : (H, W), (H, W, 3) or (H, W, d) array
    trimap : (H, W) array or Trimap
        Only the method "late_fusion" does without.
    solver, callback
        As in `propmat.closed_form`. Networks do not take them, but "diffmatte" a callback of its steps, as
        `propmat.networks.diffmatte`.
    **settings
        The keyword arguments of the function of that name, in `propmat` or `propmat.networks`.

    Returns
    -------
    Matte
        ``.alpha`` (H, W) in [0, 1], ``.iterations``, ``.residual``, ``.status``, ``.seconds``, ``.notes``. Of a network
        the iterations are 0 and the residual is NaN.

    Raises
    ------
    InputError
        If there is no such method, it has no such setting, or an argument is not as above.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.
    MissingDependencyError
        If a network is asked for and PyTorch is not installed.

    Warns
    -----
    PropmatWarning, ConvergenceWarning
        As in `propmat.closed_form`.

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> mattes = {name: propmat.matte(name, sample.image, sample.trimap) for name in ("closed_form", "knn")}
    >>> [matte.converged for matte in mattes.values()]
    [True, True]
    >>> propmat.matte("knn", sample.image, sample.trimap, preset="rgb").alpha.shape
    (48, 64)
    """
    found = named(method, settings)
    if trimap is None and found.needs_trimap:
        raise InputError(f"trimap: the method {method} takes one, got None; late_fusion does without")
    return found(image, trimap, solver=solver, callback=callback, **settings)
