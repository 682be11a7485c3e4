"""Conjugate gradients for any matrix or product, with PyMatting's callbacks.

The methods do not use them: they solve by `propmat.solvers`, which has more safeguards and takes positive definite
operators only.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._operators._stored import Sparse
from propmat._typing import Array, ArrayLike
from propmat.pymatting._settings import TheirCallback, without_meaning

# The residual is reduced further than asked, at the cost of about an eighth more iterations. Of two forms of one
# matrix, whose products differ by rounding, the iterates then agree to the tolerance too.
MARGIN = 0.1

Product = Callable[[Array], Array]
Matrix = Sparse | NDArray[np.float64]


class CounterCallback:
    """Counts the iterations of `cg`.

    Attributes
    ----------
    n : int
        How many there were.

    Examples
    --------
    >>> import numpy as np
    >>> counter = CounterCallback()
    >>> x = cg(np.diag([1.0, 2.0]), np.ones(2), callback=counter)
    >>> counter.n
    2
    """

    n: int = 0

    def __call__(self, A: object, x: object, b: object, norm_b: float, r: object, norm_r: float) -> None:  # noqa: N803
        """Count one iteration.

        Parameters
        ----------
        A, x, b, norm_b, r, norm_r
            As in `cg`; none is used.
        """
        self.n += 1


class ProgressCallback(CounterCallback):
    """Counts the iterations of `cg`, and prints the norm of the residual.

    Attributes
    ----------
    n : int
        How many there were.
    """

    def __call__(self, A: object, x: object, b: object, norm_b: float, r: object, norm_r: float) -> None:  # noqa: N803
        """Count one iteration and print it.

        Parameters
        ----------
        A, x, b, norm_b, r, norm_r
            As in `cg`; only the last is used.
        """
        super().__call__(A, x, b, norm_b, r, norm_r)
        print(f"iteration {self.n:7d} - {norm_r:e} ({norm_r:.20f})")


@usual_arithmetic
def cg(
    A: Matrix | Product,  # noqa: N803
    b: ArrayLike,
    x0: ArrayLike | None = None,
    atol: float = 0.0,
    rtol: float = 1e-7,
    maxiter: int = 10000,
    callback: TheirCallback | None = None,
    M: Matrix | Product | None = None,  # noqa: N803
    reorthogonalize: bool = False,
) -> Array:
    """Preconditioned conjugate gradients (Saad 2003, algorithm 9.1), for a matrix or a product.

    Parameters
    ----------
    A : SciPy sparse array, array of shape (n, n), or callable (n,) → (n,)
        Positive definite, symmetric or nearly.
    b : (n,) array
    x0 : (n,) array, optional
        Where to start; 0 by default.
    atol, rtol : float, >= 0, default 0 and 1e-7
        Stops at a residual of at most a tenth of max(atol, rtol ‖b‖).
    maxiter : int, default 10000
    callback : callable (A, x, b, norm_b, r, norm_r), optional
        Called after every iteration, with the iterate and its residual, and lengths of b and of the residual.
    M : as A, optional
        The preconditioner.
    reorthogonalize : bool, default False
        Has no effect.

    Returns
    -------
    (n,) array of float64

    Raises
    ------
    InputError
        If a vector is not (n,), or a setting not as above. It is a ValueError.
    ValueError
        If ``maxiter`` iterations do not reach the tolerance, or the matrix or M is not positive definite.

    Examples
    --------
    >>> import numpy as np
    >>> A = np.array([[3.0, 1.0], [1.0, 2.0]])
    >>> cg(A, np.array([4.0, 3.0]), M=lambda r: r / np.diag(A)).round(6)
    array([1., 1.])
    """
    without_meaning("reorthogonalize", reorthogonalize, False, "give a preconditioner instead")
    limit = _inputs.whole_number(maxiter, "maxiter")
    rhs = _inputs.vector(b, "b", _inputs.as_array(b, "b").size)
    x = np.zeros_like(rhs) if x0 is None else np.array(_inputs.vector(x0, "x0", rhs.size))
    multiply, precondition = _product(A), _product(M)
    norm_b = float(np.linalg.norm(rhs))
    within = MARGIN * max(_inputs.tolerance(atol, "atol"), _inputs.tolerance(rtol, "rtol") * norm_b)
    residual = rhs - multiply(x)
    direction, rz = np.zeros_like(rhs), 0.0
    norm = float(np.linalg.norm(residual))
    for _ in range(limit):
        if norm <= within:
            return x
        applied = precondition(residual)
        previous, rz = rz, float(residual @ applied)
        direction = applied + (rz / previous if previous else 0.0) * direction
        product = multiply(direction)
        curvature = float(direction @ product)
        if not (rz > 0 and curvature > 0 and math.isfinite(rz * curvature)):
            raise ValueError("conjugate gradients: the matrix or the preconditioner is not positive definite")
        x += rz / curvature * direction
        residual -= rz / curvature * product
        norm = float(np.linalg.norm(residual))
        if callback is not None:
            callback(A, x, rhs, norm_b, residual, norm)
    if norm <= within:
        return x
    raise ValueError(f"conjugate gradients did not converge within {limit} iterations")


def _product(matrix: Matrix | Product | None) -> Product:
    if matrix is None:
        return np.copy
    return matrix if callable(matrix) else lambda x: matrix.dot(x)
