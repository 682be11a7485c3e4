"""The verbs on PyTorch tensors: batched, differentiable once, opaque to `torch.compile`.

Tensors may have any leading axes; images have their channels first, (..., C, H, W), all maps are (..., H, W). Float32
and float64 go in and out, half precision comes out as float32; the solving is done in float64. Where no gradient is
needed none is prepared.

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

from propmat.torch._layers import Affinities, ClosedForm, Knn, Propagate, Refine
from propmat.torch._verbs import closed_form, knn, propagate, propagate_directed, refine

__all__ = [
    "Affinities",
    "ClosedForm",
    "Knn",
    "Propagate",
    "Refine",
    "closed_form",
    "knn",
    "propagate",
    "propagate_directed",
    "refine",
]
