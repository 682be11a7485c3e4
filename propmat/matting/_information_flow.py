"""Information-flow matting."""

from __future__ import annotations

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._trimap import Trimap
from propmat._typing import Array, ArrayLike
from propmat.flows._colour_mixture import mixture
from propmat.flows._intra_unknown import unknown_pairs
from propmat.flows._known_to_unknown import share_of_foreground
from propmat.laplacian._closed_form import ClosedForm
from propmat.matting._posed import Posed
from propmat.matting._sampled import has_all
from propmat.matting._solved import solved
from propmat.sampling._samples import numbers_of, trimmed_numbers
from propmat.solvers._base import Callback, Solver

# Weights of the flows in Aksoy et al. 2017, equation 10; the local flow has weight 1 and epsilon 1e-6 in their code.
KNOWN_TO_UNKNOWN, INTRA_UNKNOWN, LABELLED = 0.05, 0.01, 100.0
LOCAL_EPSILON = 1e-6


def pose(pixels: Array, labels: Trimap, *, known_to_unknown: bool = True) -> Posed:
    """The system of `information_flow`."""
    _inputs.flag(known_to_unknown, "known_to_unknown")
    local = ClosedForm.of(pixels, LOCAL_EPSILON, 1)
    if not has_all(labels):
        return Posed(local)
    _inputs.in_memory(pixels, "image", None)
    numbers = trimmed_numbers(pixels, numbers_of(labels))
    trimmed = Trimap(numbers == 1, numbers == 0)
    held = np.where(trimmed.known & labels.unknown, LABELLED, 0.0)
    if not trimmed.unknown.any():
        return Posed(local, (trimmed.labels, held))
    graph = mixture(pixels, trimmed) + INTRA_UNKNOWN * unknown_pairs(pixels, trimmed) + local
    if not known_to_unknown:
        return Posed(graph, (trimmed.labels, held))
    alpha, confidence = share_of_foreground(pixels, trimmed)
    return Posed(graph, (alpha, held + KNOWN_TO_UNKNOWN * confidence))


@usual_arithmetic
def information_flow(
    image: ArrayLike,
    trimap: ArrayLike | Trimap,
    *,
    known_to_unknown: bool = True,
    solver: Solver | None = None,
    callback: Callback | None = None,
) -> Array:
    r"""Information-flow matting: alpha is propagated between pixels of similar colour, near and far.

    Unknown pixels near known ones of similar colour get their labels (`propmat.sampling.trimmed`) as a prior of
    confidence 100. Over the unknown pixels U of the trimap alpha then minimises

    .. math:: E_{mixture} + 0.05 \sum_p \eta_p (\alpha_p - f_p)^2 + 0.01 \, E_{intra-unknown} + \alpha^\top L \alpha

    with `propmat.flows.colour_mixture`, f and η of `propmat.flows.known_to_unknown`,
    `propmat.flows.intra_unknown`, and L of `propmat.laplacian.closed_form` with ε = 1e-6.

    Parameters
    ----------
    image, trimap, solver, callback
        As in `propmat.closed_form`.
    known_to_unknown : bool, default True
        Whether to use the second term. The authors omit it for highly transparent objects (a net, a plastic bag), whose
        pure colours do not occur in the known foreground.

    Returns
    -------
    (H, W) array of float64
        Alpha in [0, 1], exactly 0 or 1 where the trimap is known.

    Raises
    ------
    InputError, ConvergenceError
        As `propmat.closed_form`.

    Notes
    -----
    The method may be covered by patents; ask before using it commercially.

    Weights, numbers of neighbours and ε are those of the paper and of the authors' code. Public implementations
    differ. The authors' code penalises deviations from known labels with weight 100, here known pixels are exact; it
    detects highly transparent objects from histograms, here `known_to_unknown` is an argument; it also trims by
    patches, here only single colours are compared. OpenCV's omits the known-to-unknown flow and multiplies L by 0.1.
    The ridge parameter of the mixing weights, 1e-8, is not in the paper; OpenCV has 1e-3, which gave larger errors
    here.

    References
    ----------
    Y. Aksoy, T. O. Aydin, M. Pollefeys, "Designing Effective Inter-Pixel Information Flow for Natural Image Matting",
    CVPR 2017, section 3. https://doi.org/10.1109/CVPR.2017.32

    Examples
    --------
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> alpha = propmat.information_flow(sample.image, sample.trimap)
    >>> alpha.shape
    (48, 64)
    """
    return solved(pose, image, trimap, solver, callback, known_to_unknown=known_to_unknown).alpha
