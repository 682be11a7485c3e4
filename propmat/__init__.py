"""propmat: image matting solved exactly and fast.

From a photograph and a trimap (known foreground, known background, unknown) to the alpha matte, by one sparse linear
solve: (L + C) α = C α*, with L a graph Laplacian built from the image.

>>> import propmat
>>> alpha = propmat.closed_form(sample.image, sample.trimap)
>>> alpha.shape
(48, 64)
"""

from propmat import laplacian as laplacian
from propmat import preconditioners as preconditioners
from propmat import solvers as solvers
from propmat._foreground import foreground as foreground
from propmat.errors import ConvergenceError as ConvergenceError
from propmat.errors import ConvergenceWarning as ConvergenceWarning
from propmat.errors import InputError as InputError
from propmat.errors import MissingDependencyError as MissingDependencyError
from propmat.errors import PropmatError as PropmatError
from propmat.errors import PropmatWarning as PropmatWarning
from propmat.errors import UnsupportedError as UnsupportedError
from propmat.matting import closed_form as closed_form
from propmat.matting import refine as refine
from propmat.matting import solve as solve
from propmat.solvers import Solution as Solution
from propmat.trimap import Trimap as Trimap

__version__ = "0.1.0"
