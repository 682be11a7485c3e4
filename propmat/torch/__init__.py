"""The verbs on PyTorch tensors: batched, differentiable once, opaque to `torch.compile`.

Tensors may have any leading axes; images have their channels first, (..., C, H, W), all maps are (..., H, W). Leading
axes are those of the batch, or there are none and all images share the tensor; a channel axis of 1, (B, 1, H, W), is
dropped from a map, and nothing else is broadcast. Several maps on one image, (K, H, W) beside (C, H, W), give K mattes.

Alpha is float32 or float64 as the image or the affinities are, float32 where these are integers or half precision; the
solving is done in float64. Integers are read as by the verbs of NumPy: images and maps are uint8, uint16 or bool, and
scaled by their maximum; affinities and confidences are plain numbers. Where no gradient is needed none is prepared.

`torch.func.vmap` adds a leading axis. Derivatives are those of `backward` and `torch.autograd.grad`, one gradient at a
time; other transforms of `torch.func` and forward mode are refused. Layers may be copied and pickled, solvers included;
tensors among their options are parameters or buffers of theirs, so that a confidence can be learned.
A program of `torch.export` may be saved; one that was exported with a solver runs in its own process only.

>>> import torch
>>> import propmat.torch
>>> horizontal = torch.ones(1, 2, requires_grad=True)
>>> alpha = propmat.torch.propagate((horizontal, torch.ones(0, 3)), torch.tensor([[0, 0.5, 1]]))
>>> alpha[0, 1].backward()
>>> horizontal.grad
tensor([[-0.2500,  0.2500]])
"""

try:
    import torch as _torch  # noqa: F401
except ImportError:
    from propmat.errors import MissingDependencyError

    raise MissingDependencyError("propmat.torch needs PyTorch: python -m pip install 'propmat[torch]'") from None

from propmat.torch._affinities import Affinities
from propmat.torch._closed_form import ClosedForm, closed_form
from propmat.torch._directed import propagate_directed
from propmat.torch._knn import Knn, knn
from propmat.torch._propagate import Propagate, propagate
from propmat.torch._refine import Refine, refine
from propmat.torch._upsample import Upsample, upsample
from propmat.torch._weighted_windows import weighted_windows

__all__ = [
    "Affinities",
    "ClosedForm",
    "Knn",
    "Propagate",
    "Refine",
    "Upsample",
    "closed_form",
    "knn",
    "propagate",
    "propagate_directed",
    "refine",
    "upsample",
    "weighted_windows",
]
