"""The table of nodes: names, inputs with their limits, outputs, and the function of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from propmat.comfyui import _functions
from propmat.matting import _soft_mask, _upsample
from propmat.matting._methods import METHODS

PERCENT: Mapping[str, Any] = {"default": 1.0, "min": 0.0, "max": 20.0, "step": 0.1}
BAND = "of the unknown band, in percent of the longer side"


@dataclass(frozen=True)
class Port:
    """An input or an output.

    Attributes
    ----------
    kind : str
        Its type's name in `comfy_api`: Image, Mask, Float, Boolean, Combo.
    name : str
        Of an input the name of the function's argument; of an output what is shown.
    tooltip : str
    settings : mapping
        Default, limits and options of an input.
    """

    kind: str
    name: str
    tooltip: str
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Node:
    """A node; `function` takes its inputs by name and returns a tuple of its outputs."""

    name: str
    shown: str
    about: str
    function: Callable[..., tuple[Any, ...]]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


IMAGE = Port("Image", "image", "the picture")
ALPHA = Port("Mask", "alpha", "how much of a pixel is foreground, 0 to 1")

NODES = (
    Node(
        "PropmatTrimap",
        "Trimap from Mask (propmat)",
        "Puts an unknown band around the edge of a mask: 1 is foreground, 0 background, 0.5 unknown.",
        _functions.trimap,
        (
            Port("Mask", "mask", "of a segmentation network; soft values stay unknown"),
            Port("Float", "inside", f"width {BAND}, on the foreground", PERCENT),
            Port("Float", "outside", f"width {BAND}, on the background", PERCENT),
        ),
        (Port("Mask", "trimap", "0, 0.5 or 1"),),
    ),
    Node(
        "PropmatMatte",
        "Matte from Trimap (propmat)",
        "Solves for alpha where a trimap is unknown (between 0.1 and 0.9).",
        _functions.matted,
        (
            IMAGE,
            Port("Mask", "trimap", "at least 0.9 is foreground, at most 0.1 background"),
            Port(
                "Combo",
                "method",
                "; ".join(f"{name}: {method.about}" for name, method in METHODS.items()),
                {"options": list(METHODS), "default": "closed_form"},
            ),
        ),
        (ALPHA,),
    ),
    Node(
        "PropmatRefine",
        "Refine Mask (propmat)",
        "Refines the soft mask of a network in a band around its edge, at the picture's full resolution.",
        _functions.refined,
        (
            IMAGE,
            Port("Mask", "mask", "1 is foreground; invert that of Load Image, which is 1 - alpha"),
            Port("Float", "width", f"width {BAND}", PERCENT),
            Port(
                "Float",
                "confidence",
                "weight of the mask in the band: less follows the picture's colours, more the mask",
                {"default": _soft_mask.CONFIDENCE, "min": 1e-6, "max": 100.0, "step": 1e-4, "round": 1e-6},
            ),
        ),
        (ALPHA,),
    ),
    Node(
        "PropmatUpsample",
        "Upsample Mask (propmat)",
        "Brings a soft mask to the size of its picture: reduced, it is the mask again; its edges are the picture's.",
        _functions.upsampled,
        (
            IMAGE,
            Port("Mask", "mask", "of the whole picture at any smaller size, as computed: do not enlarge it before"),
            Port(
                "Float",
                "confidence",
                "weight of the mask's values: less for a mask that is blurred, more for an exact one",
                {"default": _upsample.CONFIDENCE, "min": 1e-3, "max": 100.0, "step": 1e-2, "round": 1e-4},
            ),
        ),
        (ALPHA,),
    ),
    Node(
        "PropmatForeground",
        "Foreground Colours (propmat)",
        "Estimates the colours of the foreground under alpha, free of the old background.",
        _functions.coloured,
        (
            IMAGE,
            Port("Mask", "mask", "alpha, 1 is foreground"),
            Port("Boolean", "linear", "estimate in linear light, in which colours mix", {"default": False}),
        ),
        (
            Port("Image", "foreground", "colours, to be put over a new background with alpha"),
            Port("Image", "cutout", "colours and alpha, RGBA, for Save Image"),
        ),
    ),
)
