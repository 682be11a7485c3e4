"""The methods that the suite compares: all of propmat, and those of other libraries that are installed.

All but `variants` are called with default settings. A method takes an image (H, W, 3) in [0, 1] and a `Trimap`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

import propmat
from propmat.matting._methods import POSED

_version = cache(version)


class Outcome(NamedTuple):
    """A matte, with details of the solve if the method reports them."""

    alpha: np.ndarray
    iterations: int | None = None
    residual: float | None = None


class Method(NamedTuple):
    """A function from image and trimap to a matte, and the packages whose versions are recorded."""

    run: Callable[[np.ndarray, propmat.Trimap], Outcome]
    packages: tuple[str, ...]

    @property
    def versions(self) -> dict[str, str]:
        own = {"propmat": propmat.__version__}
        return own | {name: _version(name) for name in self.packages}


PYMATTING = {
    "closed_form": "estimate_alpha_cf",
    "knn": "estimate_alpha_knn",
    "learning_based": "estimate_alpha_lbdm",
    "large_kernel": "estimate_alpha_lkm",
    "random_walk": "estimate_alpha_rw",
    "shared_sampling": "estimate_alpha_sm",
}


# Other settings of interest; they run only if they are named.
VARIANTS: dict[str, tuple[str, dict[str, str]]] = {
    f"knn.{preset}": ("knn", {"preset": preset}) for preset in ("rgb", "hsv")
}


def ours() -> dict[str, Method]:
    return {name: _method(name) for name in POSED}


def variants() -> dict[str, Method]:
    return {variant: _method(name, **settings) for variant, (name, settings) in VARIANTS.items()}


def _method(name: str, **settings: str) -> Method:
    return Method(partial(_ours, name, settings), ("numpy", "scipy", "numba"))


def networks() -> dict[str, Method]:
    """The networks whose weights are part of the package; none of the photographs was trained on."""
    if not (find_spec("torch") and find_spec("safetensors")):
        return {}
    shipped = Path(propmat.__file__).parent.glob("networks/weights/*.safetensors")
    return {path.stem: network(path.stem) for path in sorted(shipped)}


def weighed(given: str) -> tuple[str, Method]:
    """The name of a network, and the network with weights from a file, of NETWORK=FILE on a command line."""
    name, _, path = given.partition("=")
    if name not in networks() or not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"takes {', '.join(networks())}, then = and a file that there is; got {given}")
    return name, network(name, Path(path))


def network(name: str, weights: Path | None = None) -> Method:
    """A network with weights from a file, or with the weights of the package."""
    return Method(partial(_network, name, weights), ("torch", "numpy", "numba"))


def peers() -> dict[str, Method]:
    """The methods of other libraries that are installed."""
    found = {}
    if find_spec("pymatting"):
        run = {name: partial(_pymatting, function) for name, function in PYMATTING.items()}
        found |= {f"pymatting.{name}": Method(call, ("pymatting", "numpy", "numba")) for name, call in run.items()}
    if find_spec("skimage"):
        found["skimage.random_walker"] = Method(_random_walker, ("scikit-image", "numpy"))
    if _has_alphamat():
        found["opencv.information_flow"] = Method(_alphamat, ())
    return found


def everyone() -> dict[str, Method]:
    return ours() | variants() | networks() | peers()


def _ours(name: str, settings: dict[str, str], image: np.ndarray, trimap: propmat.Trimap) -> Outcome:
    matte = propmat.matte(name, image, trimap, **settings)
    return Outcome(matte.alpha, matte.iterations, matte.residual)


def _network(name: str, weights: Path | None, image: np.ndarray, trimap: propmat.Trimap) -> Outcome:
    from propmat import networks

    return Outcome(getattr(networks, name)(image, trimap, weights=weights))


def _pymatting(function: str, image: np.ndarray, trimap: propmat.Trimap) -> Outcome:
    import pymatting

    return Outcome(getattr(pymatting, function)(image, trimap.labels))


def _random_walker(image: np.ndarray, trimap: propmat.Trimap) -> Outcome:
    from skimage.segmentation import random_walker

    labels = trimap.background + 2 * trimap.foreground.astype(int)
    return Outcome(random_walker(image, labels, channel_axis=-1, return_full_prob=True)[1])


def _has_alphamat() -> bool:
    """Whether OpenCV has the module; its wheels, including contrib, do not, a build from source may."""
    if not find_spec("cv2"):
        return False
    import cv2

    return hasattr(cv2, "alphamat")


def _alphamat(image: np.ndarray, trimap: propmat.Trimap) -> Outcome:
    import cv2

    pixels, labels = (np.rint(255 * plane).astype(np.uint8) for plane in (image[:, :, ::-1], trimap.labels))
    # OpenCV modifies the trimap in place, and returns 8 bits.
    return Outcome(cv2.alphamat.infoFlow(np.ascontiguousarray(pixels), labels) / 255)
