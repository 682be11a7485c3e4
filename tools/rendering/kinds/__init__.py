"""One module for each kind of foreground, with a function ``build(scene, rng)``.

It points the camera, adds its objects to the scene and notes its parameters in ``scene.facts``. All that is random is
drawn from `rng`.
"""

from __future__ import annotations

import importlib

from rendering.draws import Rng
from rendering.scene import Scene


def build(scene: Scene, rng: Rng) -> None:
    """Build the object of the scene's item."""
    importlib.import_module(f"rendering.kinds.{scene.item.kind}").build(scene, rng)
