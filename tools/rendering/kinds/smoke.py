"""A cloud of noise; alpha is one minus the mean light that comes through."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from rendering.draws import Rng, pick
from rendering.scene import Material, Scene

COLOURS = ((0.8, 0.8, 0.8), (0.4, 0.4, 0.42), (0.15, 0.14, 0.14), (0.8, 0.6, 0.4), (0.5, 0.6, 0.85))


def build(scene: Scene, rng: Rng) -> None:
    scene.look(rng, 1.25)
    scene.opaque = False
    bpy.ops.mesh.primitive_cube_add(size=2.6)
    cloud = bpy.context.object
    cloud.scale = (rng.uniform(0.6, 1), 0.7, rng.uniform(0.8, 1.15))
    cloud.data.materials.append(_smoke(rng))
    corners = np.stack(np.meshgrid(*[(-1.0, 1.0)] * 3), axis=-1).reshape(-1, 3)
    scene.place(corners * np.array(cloud.scale))
    scene.facts["style"] = "cloud"


def _smoke(rng: Rng) -> Material:
    """Noise times a ball that fades outwards, as the density of a volume."""
    material = bpy.data.materials.new("smoke")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()

    def add(kind: str, **inputs: Any) -> Any:
        node = tree.nodes.new(f"ShaderNode{kind}")
        for name, value in inputs.items():
            node.inputs[name.replace("_", " ")].default_value = value
        return node

    place, shift = add("TexCoord"), add("Mapping", Location=rng.uniform(0, 30, 3))
    noise = add("TexNoise", Scale=rng.uniform(0.9, 2.2), Detail=5, Distortion=rng.uniform(0.5, 2))
    distance, product = add("VectorMath"), add("Math")
    distance.operation, product.operation = "LENGTH", "MULTIPLY"
    fade = add("MapRange", From_Min=0.25, From_Max=1.2, To_Min=1, To_Max=0)
    dense = add("MapRange", From_Min=rng.uniform(0.42, 0.5), From_Max=0.7, To_Max=rng.uniform(4, 14))
    volume, output = add("VolumePrincipled", Color=(*pick(rng, COLOURS), 1)), add("OutputMaterial")
    for source, target in (
        (place.outputs["Object"], shift.inputs["Vector"]),
        (shift.outputs["Vector"], noise.inputs["Vector"]),
        (place.outputs["Object"], distance.inputs[0]),
        (distance.outputs["Value"], fade.inputs["Value"]),
        (noise.outputs[0], dense.inputs["Value"]),
        (dense.outputs[0], product.inputs[0]),
        (fade.outputs[0], product.inputs[1]),
        (product.outputs[0], volume.inputs["Density"]),
        (volume.outputs[0], output.inputs["Volume"]),
    ):
        tree.links.new(source, target)
    return material
