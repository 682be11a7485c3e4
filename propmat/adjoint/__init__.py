"""Methods with gradients: each returns alpha and a pullback, the function from dℓ/dα to exact gradients of ℓ.

A pullback solves once more with the same matrix, A λ = dℓ/dα, and then takes sums over pairs of pixels or windows
(`docs/mathematics.md`, section 6).
"""

from propmat.adjoint._closed_form import closed_form
from propmat.adjoint._directed import DirectedPullback, propagate_directed
from propmat.adjoint._knn import knn
from propmat.adjoint._propagate import propagate
from propmat.adjoint._pullback import Gradients, Pullback
from propmat.adjoint._refine import refine
from propmat.adjoint._solve import solve
from propmat.adjoint._upsample import UpsamplingPullback, upsample
from propmat.adjoint._weighted_windows import weighted_windows

__all__ = [
    "DirectedPullback",
    "Gradients",
    "Pullback",
    "UpsamplingPullback",
    "closed_form",
    "knn",
    "propagate",
    "propagate_directed",
    "refine",
    "solve",
    "upsample",
    "weighted_windows",
]
