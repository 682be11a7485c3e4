"""Checks of arguments, light, and the choice of the method."""

from __future__ import annotations

import numpy as np

from propmat import _inputs, _srgb
from propmat._arithmetic import usual_arithmetic
from propmat._backend import guarded
from propmat._foreground._closed_form import closed_form
from propmat._foreground._multilevel import multilevel, show_image
from propmat._typing import Array, ArrayLike
from propmat.errors import InputError, shown

METHODS = {"multilevel": multilevel, "closed_form": closed_form}

# The sweeps are in single precision, in which weights beyond these bounds would cancel other terms or overflow.
WEIGHT_RANGE = (1e-10, 1e10)


@usual_arithmetic
def foreground(
    image: ArrayLike,
    alpha: ArrayLike,
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
    pixels = _inputs.image(image, bounded=False, memory=_inputs.ANYWHERE)
    alpha = np.clip(_inputs.plane(alpha, "alpha", pixels.shape[:2], memory={"image": pixels}), 0.0, 1.0)
    _inputs.choice(method, "method", METHODS)
    linear = _inputs.flag(linear, "linear")
    weights = _weight(regularization, "regularization"), _weight(gradient_weight, "gradient_weight")
    with guarded(pixels):
        if linear:
            light = METHODS[method](_light(pixels), alpha, *weights)
            layers = show_image(pixels, alpha, _srgb.from_linear(light))
        else:
            layers = METHODS[method](pixels, alpha, *weights)
    with_channels = len(_inputs.shape_of(image)) == 3
    return (layers[0], layers[1]) if with_channels else (layers[0, :, :, 0], layers[1, :, :, 0])


def _light(pixels: Array) -> Array:
    """Linear light of sRGB values; it may exceed single precision even if they do not."""
    light = _srgb.to_linear(pixels)
    brightest = float(np.abs(light).max())
    if brightest > _inputs.BRIGHTEST:
        raise InputError(f"image: as sRGB its light goes up to {brightest:.3g}; takes up to {_inputs.BRIGHTEST:g}")
    return light


def _weight(value: object, name: str) -> float:
    low, high = WEIGHT_RANGE
    number = _inputs.positive(value, name)
    if not low <= number <= high:
        raise InputError(f"{name}: takes a number from {low:g} to {high:g}, got {shown(value)}")
    return number
