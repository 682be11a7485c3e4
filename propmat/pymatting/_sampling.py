"""Shared matting by PyMatting's name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat._foreground._estimate import foreground
from propmat._solve._problem import Problem
from propmat._typing import Array, ArrayLike
from propmat.matting import _shared_sampling
from propmat.pymatting._settings import Solving, without_meaning
from propmat.pymatting._solving import checked_arguments, solved


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
    pixels, labels, shape = checked_arguments(image, trimap)
    graph, prior = _shared_sampling.pose(pixels, labels)
    alpha = solved(Problem.posed(graph, labels, prior=prior), Solving.of())
    if not return_foreground_background:
        return alpha.reshape(shape)
    front, back = (np.clip(layer, 0.0, 1.0) for layer in foreground(pixels, alpha))
    return alpha.reshape(shape), front, back
