"""Mutations of what JSON and TOML hold, and both notations."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from random import Random
from typing import Any

DEEP = "deep nesting goes here"
NESTING = 20_000

VALUES: tuple[Any, ...] = (
    *(0, 1, -1, 2, 3.5, 1e308, -1e-308, math.nan, math.inf, 2**31, 2**63, 10**400, 20_000, 1_000_000),
    *(True, False, None, "", "x", "é" * 300, "\0", "/", "..", "{name}", "nan", [], [[]], [0], ["x"], [1, 2, 3], {}),
    *({"": 0}, {"x": {"y": []}}, DEEP, "9" * 5000),
)


def mutated(random: Random, document: Any) -> Any:
    """A copy in which some values, keys or tables are others."""
    document = deepcopy(document)
    for _ in range(random.choice((1, 1, 2, 4))):
        document = _changed(random, document)
    return document


def _changed(random: Random, document: Any) -> Any:
    """One change, at the top or further down."""
    if not isinstance(document, (dict, list)) or not document or random.random() < 0.05:
        return deepcopy(random.choice(VALUES))
    key = random.choice(list(document)) if isinstance(document, dict) else random.randrange(len(document))
    choice = random.random()
    if choice < 0.1:
        del document[key]
    elif choice < 0.2 and isinstance(document, dict):
        document[random.choice((f"{key}s", "", "strange", "network", "é"))] = deepcopy(random.choice(VALUES))
    elif choice < 0.25 and isinstance(document, list):
        document.append(deepcopy(document[key]))
    else:
        document[key] = _changed(random, document[key])
    return document


def as_json(document: Any) -> str:
    """In JSON, as Python writes it; with NaN, infinities and nesting deeper than it could."""
    return json.dumps(document).replace(json.dumps(DEEP), "[" * NESTING + "]" * NESTING)


def as_toml(document: dict[str, Any]) -> str:
    """In TOML; what it has no notation for is left out."""
    text = "\n".join(f"{_key(key)} = {_inline(value)}" for key, value in document.items() if value is not None)
    return text.replace(_inline(DEEP), "[" * NESTING + "]" * NESTING)


def _key(key: str) -> str:
    return key if key.isidentifier() and key.isascii() else json.dumps(key)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items() if item is not None) + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_inline(item) for item in value if item is not None) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, str) else repr(value)
