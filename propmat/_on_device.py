"""What runs on a GPU and what on the host alone: the one table, which messages, bindings and `docs/gpu.md` repeat.

A method of a function is in parentheses behind its name. A test compares it with what each of them does.
"""

from __future__ import annotations

from typing import NamedTuple


class Reach(NamedTuple):
    """Names of public functions or classes by where they take arrays."""

    on_device: tuple[str, ...]
    on_host_alone: tuple[str, ...]


# Of `propmat` and, where they have the name of one of these, of `propmat.adjoint`; whatever their settings are.
FUNCTIONS = Reach(
    on_device=(
        "closed_form",
        "learning_based",
        "large_kernel",
        "knn",
        "random_walk",
        "propagate",
        "refine",
        "matte",
        "solve",
        "prepare",
        "foreground (multilevel)",
    ),
    on_host_alone=(
        "comprehensive_sampling",
        "information_flow",
        "shared_sampling",
        "propagate_directed",
        "weighted_windows",
        "foreground (closed_form)",
        "trimap_from_mask",
        "trimap_from_scribbles",
    ),
)

# Solvers and preconditioners.
SOLVERS = Reach(
    on_device=("CG", "Multigrid", "SmoothedAggregation", "Jacobi", "Identity"),
    on_host_alone=("Direct", "IncompleteCholesky", "Deflated"),
)
