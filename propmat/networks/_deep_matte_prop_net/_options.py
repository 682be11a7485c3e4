"""The options of DeepMattePropNet: presets, and what each takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from propmat._inputs._numbers import integer, positive, within
from propmat._inputs._settings import choice, flag
from propmat.errors import InputError
from propmat.matting._mattes import checked_mattes
from propmat.networks._trunks._segnet import NORMS
from propmat.torch._affinities import PAIRS

BRANCHES = ("paper", "dilated", "surrounded")
# Other names of `pair`, in files of weights and configurations.
PAIRS_ONCE = {"concat": "concatenated", "absdiff": "differences"}

PRESETS: dict[str, dict[str, Any]] = {
    "faithful": {},
    "small": {"width": 4, "pair": "both", "norm": "group", "confidence": None, "colours": True},
    "merging": {
        "width": 4,
        "pair": "both",
        "confidence": None,
        "colours": True,
        "closed_form": True,
        "mattes": ("closed_form", "knn", "information_flow"),
        "branches": "surrounded",
        "epsilon": 1e-6,
    },
}


def checked(
    width: int,
    pair: str,
    tie: bool,
    norm: str,
    confidence: float | None,
    colours: bool,
    closed_form: bool,
    mattes: Sequence[str],
    branches: str,
    epsilon: float,
) -> dict[str, Any]:
    """All options, as JSON can hold them; see `DeepMattePropNet`.

    Raises
    ------
    InputError
        If one is not as there.
    """
    found = {
        "width": integer(width, "width", 1, 64),
        "pair": choice(PAIRS_ONCE.get(pair, pair) if isinstance(pair, str) else pair, "pair", PAIRS),
        "tie": flag(tie, "tie"),
        "norm": choice(norm, "norm", NORMS),
        "confidence": None if confidence is None else within(confidence, "confidence", 0),
        "colours": flag(colours, "colours"),
        "closed_form": flag(closed_form, "closed_form"),
        "mattes": [] if isinstance(mattes, list | tuple) and not mattes else list(checked_mattes(mattes)),
        "branches": choice(branches, "branches", BRANCHES),
        "epsilon": positive(epsilon, "epsilon"),
    }
    if found["mattes"] and not found["closed_form"]:
        raise InputError("mattes: takes none where closed_form is False")
    return found
