"""Loss functions for training matting networks, for arrays of NumPy, PyTorch and JAX.

They use only operators that all three share, so that each library differentiates them itself. Shapes must be equal:
nothing is broadcast, so that a mean is never over other pixels than intended. Values are not checked, because they may
be traced: NaN makes the loss NaN.
"""

from propmat.losses._alpha import alpha_loss, composition_loss
from propmat.losses._pyramid import laplacian_pyramid_loss

__all__ = ["alpha_loss", "composition_loss", "laplacian_pyramid_loss"]
