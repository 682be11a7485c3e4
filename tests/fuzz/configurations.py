"""Training configurations, misspelt, mistyped and damaged, through their reader."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz import documents, mutation
from tests.fuzz.laws import attempt
from tests.fuzz.target import Target, Unavailable, require

try:
    from propmat.training import Config, read_config
    from propmat.training._sources import Source
except ImportError as error:
    raise Unavailable("configurations need PyTorch, safetensors and a reader of TOML") from error

VALID: tuple[dict[str, Any], ...] = (
    {
        "network": "dcnn",
        "preset": "small",
        "cache": "training/problems",
        "output": "training/dcnn",
        "held_out": ["GT01", "GT02"],
        "seed": 3,
        "options": {"filters": 8, "bias": True},
        "training": {"schedule": "fast", "iterations": 50, "batch": 8, "rate": 1e-3, "symmetries": "all"},
        "data": [
            {"source": "alphamatting", "root": "photographs", "trimaps": [1, 2], "composites": 2},
            {"source": "synthetic", "count": 4, "shape": [60, 80], "scale": [0.5, 1.0], "reach": [3, 20]},
        ],
    },
    {
        "network": "alphagan",
        "preset": "small",
        "cache": "c",
        "output": "o",
        "options": {"width": 16, "mattes": ["knn"], "confidence": 0.1, "rates": [1, 2, 4]},
        "training": {"crop": 64, "scale": 1.5, "game": 0.1, "warm_up": 0, "encoder": "resnet50.pth"},
        "data": [{"source": "synthetic", "count": 2}],
    },
    {
        "network": "diffmatte",
        "preset": "small",
        "cache": "c",
        "output": "o",
        "options": {"down": [4, 4], "up": [4, 4, 4], "t_scale": 2.0, "mattes": ["knn"]},
        "training": {"crop": 64, "aligned_from": 0.5, "decay": "steps", "layer_decay": 0.7, "average": 0.9},
        "data": [{"source": "synthetic", "count": 2}],
    },
    {
        "network": "late_fusion",
        "preset": "small",
        "cache": "c",
        "output": "o",
        "options": {"width": 16, "side": 64, "confidence": 0.1, "exponent": 2.0},
        "training": {
            "crop": 64,
            "segmentation": 0.5,
            "fusion": 0.2,
            "moved": "decoders",
            "reading": "soft",
            "least": 0.5,
        },
        "data": [{"source": "salient", "root": "r", "backgrounds": "b", "count": 2, "shape": [64, 96]}],
    },
    {
        "network": "deep_matte_prop_net",
        "cache": "c",
        "output": "o",
        "options": {"width": 16, "closed_form": True, "mattes": ["knn"], "branches": "dilated", "epsilon": 1e-6},
        "training": {"crop": 160, "clip": 1.0},
        "data": [
            {"source": "folder", "root": "own", "patterns": {"image": "{name}.jpg", "trimap": "{name}.png"}},
            {"source": "composites", "foregrounds": "f/*.png", "alphas": "a/*.png", "backgrounds": "b/*.jpg"},
        ],
    },
)


def run(data: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.toml"
        path.write_bytes(data)
        found = attempt(lambda: read_config(path))
    if found.refusal is not None:
        return False
    config = found.value
    require(isinstance(config, Config), "a configuration comes out", type(config))
    require_types(config.schedule, config.task.settings)
    for source in config.data:
        require_types(source, Source)
    for name in ("network", "preset"):
        require(isinstance(getattr(config, name), str), f"{name} is text", getattr(config, name))
    require(type(config.seed) is int, "seed is a whole number", config.seed)
    require(all(isinstance(name, str) for name in config.held_out), "names are text", config.held_out)
    require(len(config.digest()) == 16, "a configuration has a digest")
    built = attempt(config.build)
    require(built.refusal is None, "what is read can be built", built.refusal)
    return True


def require_types(made: Any, kind: type) -> None:
    """Settings are of the kind that they are declared to be."""
    types: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}
    for field in dataclasses.fields(kind):
        value, declared = getattr(made, field.name), types.get(str(field.type))
        if declared is None:
            continue
        told = f"{field.name} = {value!r}"
        require(isinstance(value, declared) and not isinstance(value, bool), "settings have their types", told)
        require(not isinstance(value, float) or math.isfinite(value), "numbers of settings are finite", told)


def draw(random: Random) -> bytes:
    if random.random() < 0.2:
        return mutation.mutated(random, seeds())
    document = documents.mutated(random, random.choice(VALID))
    return as_toml(document) if isinstance(document, dict) else b"\xff"


def as_toml(document: dict[str, Any]) -> bytes:
    return documents.as_toml(document).encode(errors="replace")


@cache
def seeds() -> list[bytes]:
    """Valid ones; then such as failed once."""
    one = VALID[0]
    failed: list[dict[str, Any]] = [
        {**one, "data": 5},
        {**one, "data": {}},
        {**one, "data": [5]},
        {**one, "network": []},
        {**one, "network": {}},
        {**one, "training": 5},
        {**one, "training": {"schedule": []}},
        {**one, "training": {"rate": "x"}},
        {**one, "training": {"momentum": "x"}},
        {**one, "training": {"iteration": 5}},
        {**one, "training": {"weight_decay": math.nan}},
        {**one, "options": {"filter": 8}},
        {**one, "options": 5},
        {**one, "options": {"filters": 20_000}},
        {**one, "preset": "large"},
        {**one, "cache": 5},
        {**one, "seed": "x"},
        {**one, "seed": documents.DEEP},
    ]
    written = [as_toml(document) for document in (*VALID, *failed)]
    return [*written, b"", b"\xff\xfe", b"seed = " + b"9" * 5000]


def describe(data: bytes) -> str:
    return data[:3000].decode(errors="backslashreplace")


TARGETS = {"configurations": Target("configurations", run, seeds, draw, describe)}
