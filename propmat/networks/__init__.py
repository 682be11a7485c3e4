"""Networks on the solver, in PyTorch: each is faithful to its paper by default, departures are named options.

`DCNN` merges mattes that the verbs make; `DeepMattePropNet` learns the affinities that a matte is propagated by.
`AlphaGAN` answers alpha itself, trained against a discriminator, `DiffMatte` takes noise out of it in several steps,
and `LateFusion` needs no trimap. `propmat.training` trains them, see `docs/weights.md`.

>>> from propmat.networks import DCNN
>>> sum(weight.numel() for weight in DCNN().parameters())
43904
"""

try:
    import safetensors as _safetensors  # noqa: F401
    import torch as _torch  # noqa: F401
except ImportError:
    import sys

    from propmat.errors import MissingDependencyError

    _missing = "propmat.networks needs PyTorch and safetensors: python -m pip install 'propmat[torch]'"
    if sys.argv[0] == "-m":  # Python looks for a module to run, and would show a traceback
        sys.exit(f"propmat: error: {_missing}")
    raise MissingDependencyError(_missing) from None

from propmat.networks._alphagan._discriminator import PatchGAN
from propmat.networks._alphagan._matte import alphagan
from propmat.networks._alphagan._network import AlphaGAN
from propmat.networks._dcnn._matte import dcnn
from propmat.networks._dcnn._network import DCNN
from propmat.networks._deep_matte_prop_net._matte import deep_matte_prop_net
from propmat.networks._deep_matte_prop_net._network import DeepMattePropNet
from propmat.networks._diffmatte._matte import diffmatte
from propmat.networks._diffmatte._network import DiffMatte
from propmat.networks._diffmatte._published import load_published
from propmat.networks._encoders import load_encoder
from propmat.networks._late_fusion._matte import late_fusion
from propmat.networks._late_fusion._network import LateFusion
from propmat.networks._network import Network
from propmat.networks._weights import load_weights, save_weights

__all__ = [
    "DCNN",
    "AlphaGAN",
    "DeepMattePropNet",
    "DiffMatte",
    "LateFusion",
    "Network",
    "PatchGAN",
    "alphagan",
    "dcnn",
    "deep_matte_prop_net",
    "diffmatte",
    "late_fusion",
    "load_encoder",
    "load_published",
    "load_weights",
    "save_weights",
]
