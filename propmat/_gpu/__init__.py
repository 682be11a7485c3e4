"""Kernels for GPUs: twins of the modules of `_cpu`, with the same functions and signatures.

The CUDA source is in the ``.cu`` files of this folder and is compiled by NVRTC at first use. Arrays are CuPy's, which
no other package imports; operations that need no kernel use NumPy's functions, which dispatch to CuPy.
"""

# Modules and functions of `_cpu` that have no twin, and why.
MISSING = {
    "blocks.indices_of": "a hierarchy is set up as a whole",
    "blocks.members_of": "a hierarchy is set up as a whole",
    "box_setup": "on a GPU box sums are of whole pictures",
    "box_tiles": "on a GPU box sums are of whole pictures",
    "candidates": "samples are taken on the host",
    "cholesky": "for deflation alone",
    "closed_form.count_entries": "matrices with stored entries are built on the host",
    "closed_form.fill_rows": "matrices with stored entries are built on the host",
    "csr.accumulate": "mattes are upsampled on the host",
    "csr.far": "matrices with stored entries are built on the host",
    "csr.tied": "matrices with stored entries are built on the host",
    "deflation": "sums with couplings between distant pixels are stored as one matrix",
    "gram": "matrices with stored entries are built on the host",
    "grid.assemble_near": "a hierarchy is set up as a whole",
    "grid.to_csr": "matrices with stored entries are built on the host",
    "ichol": "an incomplete factorisation is sequential",
    "metrics": "mattes are measured on the host",
    "mixing": "neighbours are searched on the host",
    "multigrid_setup.solve_rows": "a hierarchy is set up as a whole",
    "neighbours": "neighbours are searched on the host",
    "pairs": "neighbours are searched on the host",
    "queries": "neighbours are searched on the host",
    "sampling": "samples are taken on the host",
    "settling": "samples are taken on the host",
    "weighted_windows": "networks that weigh windows solve on the host",
}
