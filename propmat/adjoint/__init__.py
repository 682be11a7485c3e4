"""The verbs with their way back: each returns alpha and the function that takes dℓ/dα to exact gradients of ℓ.

The way back is one more solve with the same matrix, A λ = dℓ/dα, and sums over pairs of pixels or windows
(`docs/mathematics.md`, section 6).
"""

from propmat.adjoint._directed import propagate_directed
from propmat.adjoint._pullback import Gradients, Pullback
from propmat.adjoint._verbs import closed_form, knn, propagate, refine, solve
from propmat.adjoint._weighted_windows import weighted_windows

__all__ = [
    "Gradients",
    "Pullback",
    "closed_form",
    "knn",
    "propagate",
    "propagate_directed",
    "refine",
    "solve",
    "weighted_windows",
]
