"""Kernels for a GPU: the twins of `_cpu`, with the same names and signatures.

CUDA source lies beside the modules in ``.cu`` files and is compiled when first used. Arrays are those of CuPy, which
no other package imports; what needs no kernel is written with NumPy's functions, which pass them on to CuPy.
"""

# Modules and functions of `_cpu` that have no twin, and why.
MISSING = {
    "candidates": "samples are taken on the host",
    "closed_form.count_entries": "matrices with stored entries are built on the host",
    "closed_form.fill_rows": "matrices with stored entries are built on the host",
    "grid.to_csr": "matrices with stored entries are built on the host",
    "ichol": "an incomplete factorisation is sequential",
    "metrics": "mattes are measured on the host",
    "neighbours": "neighbours are searched on the host",
    "sampling": "samples are taken on the host",
    "settling": "samples are taken on the host",
    "weighted_windows": "networks that weigh windows solve on the host",
}
