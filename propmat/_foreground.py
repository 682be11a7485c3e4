"""The colours of foreground and background for a known alpha."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from propmat import _inputs, _srgb
from propmat._arithmetic import usual_arithmetic
from propmat._backend import backend_of, guarded, to_host
from propmat.errors import InputError, shown
from propmat.preconditioners._ichol import IncompleteCholesky
from propmat.solvers._cg import CG

Array = NDArray[np.float64]

# Germer et al. 2020, section III: many sweeps while the grid is small, two after that.
SMALL_SIDE, SMALL_SWEEPS, SWEEPS = 32, 10, 2

# Pixels a side that the first pair of colours is fitted to.
START_SIDE = 128

# Far below an 8-bit step; the colours start close.
SOLVER = CG(rtol=1e-6, preconditioner=IncompleteCholesky(drop_tolerance=1e-3))

# The sweeps are in single precision, in which weights beyond these bounds would cancel other terms or overflow.
WEIGHT_RANGE = (1e-10, 1e10)


@usual_arithmetic
def foreground(
    image: Any,
    alpha: Any,
    *,
    method: str = "multilevel",
    linear: bool = False,
    regularization: float = 1e-5,
    gradient_weight: float = 1.0,
) -> tuple[Array, Array]:
    """Estimate the colours of foreground and background from an image and its alpha.

    Minimises, over all pixels i and pairs of neighbours i, j (four to a pixel),

        Σ_i (I_i - α_i F_i - (1 - α_i) B_i)²
        + Σ_ij (ε + ω |α_i - α_j|) ((F_i - F_j)² + (B_i - B_j)²)

    with F = I fixed where α = 1 and B = I where α = 0.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, d) array
        Floating, of any range (values above 1 are kept), or uint8 or uint16 (scaled by their maximum). Not modified.
    alpha : (H, W) array
        Floating in [0, 1], uint8 or uint16 (scaled by their maximum), or bool.
    method : {"multilevel", "closed_form"}
        "multilevel" goes from one pixel up to the full size, with a few Gauss-Seidel sweeps on every grid; linear in
        the number of pixels. "closed_form" starts from its result and minimises over 0 < α < 1 by conjugate gradients,
        many times slower. It needs an accurate alpha: with a blurred one it is the worse of the two.
    linear : bool, default False
        Take `image` as sRGB-encoded, estimate in linear light, in which colours mix as the energy assumes, and encode
        the results again (IEC 61966-2-1).
    regularization : float, default 1e-5
        ε, from 1e-10 to 1e10. Larger is smoother.
    gradient_weight : float, default 1.0
        ω, from 1e-10 to 1e10. Larger is smoother across edges of alpha, and less sensitive to errors in it. With an
        exact alpha 0.1 is better.

    Returns
    -------
    foreground, background : (H, W, d) or (H, W) arrays of float64
        In the shape of the image. Where α = 1 the foreground is exactly the image, where α = 0 the background is. A
        colour that is not visible (foreground where α = 0) continues its surroundings. Nothing is clipped: noise and
        errors in alpha can move a colour slightly out of the range of the image.

    Raises
    ------
    InputError
        If an argument is not as above, or the shapes differ.

    Warns
    -----
    ConvergenceWarning
        If "closed_form" stops short of its tolerance.

    Notes
    -----
    The paper updates pixels row by row. Here the two colours of a checkerboard are updated one after the other, so that
    the result does not depend on the number of threads. It does depend on which colour is first, so that the result for
    a mirrored image is not exactly the mirrored result; with "closed_form" it is, to its tolerance. Unlike in the
    authors' code, known colours are fixed, the sweeps start from the best pair of constant colours, and values are not
    clipped.

    References
    ----------
    T. Germer, T. Uelwer, S. Conrad, S. Harmeling, "Fast Multi-Level Foreground Estimation", ICPR 2020.

    A. Levin, D. Lischinski, Y. Weiss, "A Closed-Form Solution to Natural Image Matting", IEEE TPAMI 30(2), 2008,
    doi:10.1109/TPAMI.2007.1177: the energy, with ε = 0.

    Examples
    --------
    A grey object of 0.8 before a background of 0.2:

    >>> import numpy as np
    >>> import propmat
    >>> alpha = np.array([[1.0, 1.0, 0.5, 0.0, 0.0]])
    >>> foreground, background = propmat.foreground(0.8 * alpha + 0.2 * (1 - alpha), alpha)
    >>> foreground.round(6)
    array([[0.8, 0.8, 0.8, 0.8, 0.8]])
    >>> background.round(6)
    array([[0.2, 0.2, 0.2, 0.2, 0.2]])
    """
    pixels = _inputs.image(image, bounded=False, beside={})
    alpha = np.clip(_inputs.plane(alpha, "alpha", pixels.shape[:2], beside={"image": pixels}), 0.0, 1.0)
    _inputs.choice(method, "method", METHODS)
    linear = _inputs.flag(linear, "linear")
    weights = _weight(regularization, "regularization"), _weight(gradient_weight, "gradient_weight")
    with guarded(pixels):
        if linear:
            light = METHODS[method](_light(pixels), alpha, *weights)
            layers = _show_image(pixels, alpha, _srgb.from_linear(light))
        else:
            layers = METHODS[method](pixels, alpha, *weights)
    return (layers[0], layers[1]) if np.ndim(image) == 3 else (layers[0, :, :, 0], layers[1, :, :, 0])


def _light(pixels: Array) -> Array:
    """Linear light of sRGB values; it may exceed single precision even if they do not."""
    light = _srgb.to_linear(pixels)
    brightest = float(np.abs(light).max())
    if brightest > _inputs.BRIGHTEST:
        raise InputError(f"image: as sRGB its light goes up to {brightest:.3g}; takes up to {_inputs.BRIGHTEST:g}")
    return light


def _weight(value: Any, name: str) -> float:
    low, high = WEIGHT_RANGE
    number = _inputs.positive(value, name)
    if not low <= number <= high:
        raise InputError(f"{name}: takes a number from {low:g} to {high:g}, got {shown(value)}")
    return number


def _show_image(image: Array, alpha: Array, layers: Array) -> Array:
    """Copy the image into the only visible layer where alpha is exactly 1 or 0."""
    for layer, alone in zip(layers, (alpha == 1, alpha == 0), strict=True):
        np.copyto(layer, image, where=alone[:, :, np.newaxis])
    return layers


def _multilevel(image: Array, alpha: Array, regularization: float, gradient_weight: float) -> Array:
    """Both layers, (2, H, W, d): Germer et al. 2020, algorithm 1, with red-black sweeps."""
    kernels = backend_of(image).kernels("foreground")
    layers = _constant_colours(image, alpha)
    if alpha.size == 1:
        return _show_image(image, alpha, layers)
    for shape in _grids(*alpha.shape):
        smaller = layers
        layers = np.empty((2, *shape, image.shape[2]), like=image)
        picked = (_nearest(coarse, fine, image) for coarse, fine in zip(alpha.shape, shape, strict=True))
        before = (_nearest(coarse, fine, image) for coarse, fine in zip(smaller.shape[1:3], shape, strict=True))
        sweeps = SMALL_SWEEPS if max(shape) <= SMALL_SIDE else SWEEPS
        kernels.refine(image, alpha, *picked, smaller, *before, layers, sweeps, (regularization, gradient_weight))
    return layers


def _nearest(coarse: int, fine: int, like: Array) -> NDArray[np.int64]:
    """For each of `fine` equal cells of a line, the one of `coarse` cells that contains its centre."""
    return (2 * np.arange(fine, like=like) + 1) * coarse // (2 * fine)


def _grids(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes from 2 pixels a side at most to the full one, each about twice the one before."""
    steps = int(np.ceil(np.log2(max(height, width))))
    return [(round(height ** (k / steps)), round(width ** (k / steps))) for k in range(1, steps + 1)]


def _constant_colours(image: Array, alpha: Array) -> Array:
    """The least-squares pair of constant colours, as the layers of a grid of one pixel.

    Where alpha does not determine them (it is constant, say) the pair closest to the mean colour. An alpha of little
    contrast could give colours far outside the image; they are clipped to its range. Some ten thousand of the pixels
    are enough for a start.
    """
    step = max(alpha.shape) // START_SIDE + 1
    image, alpha = image[::step, ::step], alpha[::step, ::step]
    channels = image.shape[2]
    shares = np.stack([alpha.ravel(), 1.0 - alpha.ravel()])
    normal = to_host(shares @ shares.T / alpha.size)
    mixed = to_host(shares @ image.reshape(-1, channels) / alpha.size)
    mean = mixed.sum(axis=0)
    offset = np.linalg.pinv(normal, rcond=1e-9, hermitian=True) @ (mixed - normal.sum(axis=1)[:, None] * mean)
    pair = np.clip(mean + offset, float(image.min()), float(image.max()))
    return np.asarray(pair[:, np.newaxis, np.newaxis], like=image)


def _closed_form(image: Array, alpha: Array, regularization: float, gradient_weight: float) -> Array:
    """Both layers, (2, H, W, d): the multilevel ones, then the minimum over the mixed pixels."""
    _inputs.in_memory(image, "image", None)
    layers = _multilevel(image, alpha, regularization, gradient_weight)
    mixed = (alpha > 0) & (alpha < 1)
    if not mixed.any():
        return layers
    a, b = alpha[mixed], 1.0 - alpha[mixed]
    to_foreground, to_background = (
        _edges(alpha, mixed, visible, regularization, gradient_weight) for visible in (alpha > 0, alpha < 1)
    )
    solve = SOLVER.prepare(
        sp.block_array(
            [
                [_laplacian(to_foreground, mixed) + sp.diags_array(a * a), sp.diags_array(a * b)],
                [sp.diags_array(a * b), _laplacian(to_background, mixed) + sp.diags_array(b * b)],
            ],
            format="csr",
        )
    )
    for c in range(image.shape[2]):
        plane = image[:, :, c]
        known = (
            to_foreground @ (plane * (alpha == 1)).ravel(),
            to_background @ (plane * (alpha == 0)).ravel(),
        )
        rhs = np.concatenate([a * plane[mixed] + known[0], b * plane[mixed] + known[1]])
        solution = solve(rhs, x0=layers[:, mixed, c].ravel())
        solution.check()
        layers[:, mixed, c] = solution.x.reshape(2, -1)
    return layers


def _edges(
    alpha: Array,
    mixed: NDArray[np.bool_],
    visible: NDArray[np.bool_],
    regularization: float,
    gradient_weight: float,
) -> sp.csr_array:
    """Weights of the edges from each mixed pixel (a row) to visible pixels (columns) of a layer.

    The colour of an invisible pixel is determined by its edges alone, so that leaving them out changes no visible one.
    """
    pixel = np.arange(alpha.size).reshape(alpha.shape)
    one = np.concatenate([pixel[:, :-1].ravel(), pixel[:-1].ravel()])
    two = np.concatenate([pixel[:, 1:].ravel(), pixel[1:].ravel()])
    start, end = np.concatenate([one, two]), np.concatenate([two, one])
    wanted = mixed.ravel()[start] & visible.ravel()[end]
    start, end = start[wanted], end[wanted]
    weight = regularization + gradient_weight * np.abs(alpha.ravel()[start] - alpha.ravel()[end])
    row = np.cumsum(mixed.ravel()) - 1
    return sp.csr_array((weight, (row[start], end)), shape=(int(mixed.sum()), alpha.size))


def _laplacian(edges: sp.csr_array, mixed: NDArray[np.bool_]) -> sp.csr_array:
    """Sum of all weights on the diagonal, minus the weights between mixed pixels."""
    return sp.diags_array(edges.sum(axis=1)) - edges[:, np.flatnonzero(mixed)]


METHODS = {"multilevel": _multilevel, "closed_form": _closed_form}
