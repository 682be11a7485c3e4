"""propmat: image matting solved exactly and fast.

From a photograph and a trimap (known foreground, known background, unknown) to the alpha matte, by one sparse linear
solve: (L + C) α = C α*, with L a graph Laplacian built from the image.

>>> import propmat
>>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
>>> alpha = propmat.closed_form(sample.image, sample.trimap)
>>> alpha.shape
(48, 64)
"""

from typing import TYPE_CHECKING

from propmat import flows as flows
from propmat import laplacian as laplacian
from propmat import preconditioners as preconditioners
from propmat import sampling as sampling
from propmat import solvers as solvers
from propmat._foreground import foreground as foreground
from propmat._solve._labelling import Labelling as Labelling
from propmat._solve._matte import Matte as Matte
from propmat._solve._prepared import Prepared as Prepared
from propmat._solve._verbs import prepare as prepare
from propmat._solve._verbs import solve as solve
from propmat._threads import get_num_threads as get_num_threads
from propmat._threads import set_num_threads as set_num_threads
from propmat._trimap import Trimap as Trimap
from propmat._trimap_making import trimap_from_mask as trimap_from_mask
from propmat._trimap_making import trimap_from_scribbles as trimap_from_scribbles
from propmat._version import __version__ as __version__
from propmat.errors import ConvergenceError as ConvergenceError
from propmat.errors import ConvergenceWarning as ConvergenceWarning
from propmat.errors import DeviceMemoryError as DeviceMemoryError
from propmat.errors import DownloadError as DownloadError
from propmat.errors import InputError as InputError
from propmat.errors import MissingDependencyError as MissingDependencyError
from propmat.errors import PropmatError as PropmatError
from propmat.errors import PropmatWarning as PropmatWarning
from propmat.errors import UnsupportedError as UnsupportedError
from propmat.matting import closed_form as closed_form
from propmat.matting import comprehensive_sampling as comprehensive_sampling
from propmat.matting import information_flow as information_flow
from propmat.matting import knn as knn
from propmat.matting import large_kernel as large_kernel
from propmat.matting import learning_based as learning_based
from propmat.matting import matte as matte
from propmat.matting import methods as methods
from propmat.matting import propagate as propagate
from propmat.matting import random_walk as random_walk
from propmat.matting import refine as refine
from propmat.matting import shared_sampling as shared_sampling
from propmat.matting import upsample as upsample

# No method of matting needs them.
_IMPORTED_WHEN_USED = ("adjoint", "datasets", "io", "metrics", "pictures")

if TYPE_CHECKING:
    from propmat import adjoint as adjoint
    from propmat import datasets as datasets
    from propmat import io as io
    from propmat import metrics as metrics
    from propmat import pictures as pictures
else:  # where type checkers saw it they would take any name for a module

    def __getattr__(name: str) -> object:
        import sys
        from importlib import import_module, util

        if name in _IMPORTED_WHEN_USED:
            return import_module(f"propmat.{name}")
        public = name.isidentifier() and not name.startswith("_") and util.find_spec(f"propmat.{name}")
        remedy = f"; it is a module that must be imported: import propmat.{name}" if public else ""
        raise AttributeError(
            f"module 'propmat' has no attribute {name!r}{remedy}", name=name, obj=sys.modules[__name__]
        )


def __dir__() -> list[str]:
    return sorted({*globals(), *_IMPORTED_WHEN_USED})


del TYPE_CHECKING  # no name of this package
__all__ = [*(_name for _name in dir() if not _name.startswith("_")), *_IMPORTED_WHEN_USED]
