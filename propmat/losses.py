"""What networks for matting are trained to make small; for NumPy, PyTorch and JAX alike.

Written in operators that all three share, so that each differentiates them as its own.
"""

from __future__ import annotations

from typing import Any

# Under the root: it keeps the derivative finite where there is no error.
SMOOTHING = 1e-12


def alpha_loss(alpha: Any, truth: Any, unknown: Any) -> Any:
    """Mean absolute error of alpha over the unknown pixels, √((α - α')² + 1e-12).

    Parameters
    ----------
    alpha, truth : (..., H, W) array or tensor
    unknown : (..., H, W) array or tensor of bool
        The pixels that count, of all images together; none count 0.

    Returns
    -------
    number or tensor ()

    References
    ----------
    N. Xu, B. Price, S. Cohen, T. Huang, "Deep Image Matting", CVPR 2017, equation 1.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.losses import alpha_loss
    >>> alpha_loss(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.25, 0.0]), np.array([True, True, False])).round(4)
    np.float64(0.125)
    """
    return _mean(_absolute(alpha - truth), unknown)


def composition_loss(
    alpha: Any, truth: Any, foreground: Any, background: Any, unknown: Any, *, channel_axis: int = -1
) -> Any:
    """Mean absolute error of the composite α F + (1 - α) B over the unknown pixels and the channels.

    Parameters
    ----------
    alpha, truth : (..., H, W) array or tensor
    foreground, background : array or tensor
        True colours: (..., H, W, C), or by `channel_axis` (..., C, H, W).
    unknown : (..., H, W) array or tensor of bool
    channel_axis : {-1, -3}

    Returns
    -------
    number or tensor ()

    References
    ----------
    N. Xu, B. Price, S. Cohen, T. Huang, "Deep Image Matting", CVPR 2017, equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> from propmat.losses import composition_loss
    >>> white, black = np.ones((1, 2, 3)), np.zeros((1, 2, 3))
    >>> composition_loss(np.array([[0.5, 1.0]]), np.ones((1, 2)), white, black, np.ones((1, 2), bool)).round(4)
    np.float64(0.25)
    """
    difference = alpha - truth
    per_channel = difference[..., None] if channel_axis == -1 else difference[..., None, :, :]
    return _mean(_absolute(per_channel * (foreground - background)).mean(channel_axis), unknown)


def _absolute(error: Any) -> Any:
    return (error * error + SMOOTHING) ** 0.5


def _mean(error: Any, unknown: Any) -> Any:
    return (error * unknown).sum() / unknown.sum().clip(1)
