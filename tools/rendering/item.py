"""One item of a set, from its seed to its files."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from rendering import kinds, store
from rendering.blur import blur
from rendering.draws import stream
from rendering.lights import light
from rendering.passes import Passes, Samples, render
from rendering.plan import Item, Ranges
from rendering.sampling import soft
from rendering.scene import Scene
from rendering.straight import straight

ATTEMPTS = 5


def make(item: Item, ranges: Ranges, samples: Samples, root: Path) -> dict[str, object]:
    """Render an item and write its files; returns its facts."""
    began = time.process_time()
    scene, passes = _worth_having(item, ranges, samples)
    brightness = stream(item.seed, "exposure").uniform(0.5, 0.9) * scene.brightness
    colours = straight(passes.light, passes.coverage, passes.alpha, brightness)
    facts = scene.facts | _measured(item, passes)
    facts["seconds"] = round(time.process_time() - began, 1)
    store.save(root, item.name, colours, passes.alpha, facts)
    return facts


def _worth_having(item: Item, ranges: Ranges, samples: Samples) -> tuple[Scene, Passes]:
    """The first attempt with an object that neither misses nor fills the frame."""
    for attempt in range(ATTEMPTS):
        scene = arranged(item, ranges, attempt)
        passes = render(scene, samples)
        if 0.01 < passes.alpha.mean() < 0.92 and passes.alpha.max() > 0.3:
            return scene, passes
    raise RuntimeError(f"{item.name}: no attempt of {ATTEMPTS} shows the object")


def arranged(item: Item, ranges: Ranges, attempt: int = 0) -> Scene:
    """The scene of an item: object, camera, blur and light."""
    scene = Scene(item, ranges)
    kinds.build(scene, stream(item.seed, "build", attempt))
    scene.frame(stream(item.seed, "frame", attempt))
    blur(scene, stream(item.seed, "blur", attempt))
    light(scene, stream(item.seed, "light", attempt))
    return scene


def _measured(item: Item, passes: Passes) -> dict[str, object]:
    """What the index tells of every item."""
    alpha = passes.alpha
    border = np.concatenate([alpha[[0, -1]].ravel(), alpha[:, [0, -1]].ravel()])
    return {
        "name": item.name,
        "kind": item.kind,
        "modifiers": item.modifier,
        "split": item.split,
        "seed": item.seed,
        "size": item.size,
        "samples": passes.alpha_samples,
        "alpha_error": round(passes.alpha_error, 4),
        "cut": int((border > 0.5).any()),
        "coverage": round(float(alpha.mean()), 4),
        "soft": round(float(soft(alpha).mean()), 4),
    }
