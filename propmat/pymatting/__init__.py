"""The functions of PyMatting 1.1, by its names and with its signatures, computed by propmat.

Change ``from pymatting import ...`` to ``from propmat.pymatting import ...``, or call `install` to put them into
PyMatting itself, and with it into rembg and backgroundremover. Arrays have PyMatting's shapes and are float64. Errors
are `ValueError`. Arguments that have no meaning here are named by one warning each. `docs/from_pymatting.md` has
propmat's own names, `docs/integrations.md` the programs.

T. Germer, T. Uelwer, S. Conrad, S. Harmeling, "PyMatting: A Python Library for Alpha Matting", JOSS 5(54), 2020,
https://doi.org/10.21105/joss.02481.
"""

from propmat.pymatting._alpha import (
    estimate_alpha,
    estimate_alpha_cf,
    estimate_alpha_knn,
    estimate_alpha_lbdm,
    estimate_alpha_lkm,
    estimate_alpha_rw,
)
from propmat.pymatting._files import cutout, load_image, save_image, show_images
from propmat.pymatting._foreground import estimate_foreground, estimate_foreground_cf, estimate_foreground_ml
from propmat.pymatting._images import blend, make_grid, sanity_check_image, stack_images
from propmat.pymatting._installing import install, installed, uninstall
from propmat.pymatting._iteration import CounterCallback, ProgressCallback, cg
from propmat.pymatting._laplacians import cf_laplacian, lbdm_laplacian, lkm_laplacian, make_linear_system
from propmat.pymatting._pair_laplacians import knn_laplacian, rw_laplacian, uniform_laplacian
from propmat.pymatting._preconditioners import ichol, jacobi, vcycle
from propmat.pymatting._sampling import estimate_alpha_sm
from propmat.pymatting._trimaps import fix_trimap, trimap_split

__all__ = [
    "CounterCallback",
    "ProgressCallback",
    "blend",
    "cf_laplacian",
    "cg",
    "cutout",
    "estimate_alpha",
    "estimate_alpha_cf",
    "estimate_alpha_knn",
    "estimate_alpha_lbdm",
    "estimate_alpha_lkm",
    "estimate_alpha_rw",
    "estimate_alpha_sm",
    "estimate_foreground",
    "estimate_foreground_cf",
    "estimate_foreground_ml",
    "fix_trimap",
    "ichol",
    "install",
    "installed",
    "jacobi",
    "knn_laplacian",
    "lbdm_laplacian",
    "lkm_laplacian",
    "load_image",
    "make_grid",
    "make_linear_system",
    "rw_laplacian",
    "sanity_check_image",
    "save_image",
    "show_images",
    "stack_images",
    "trimap_split",
    "uniform_laplacian",
    "uninstall",
    "vcycle",
]
