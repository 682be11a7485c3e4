"""Materials. Where no colour is given, they take that of the vertices or strands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy
import numpy as np

from rendering import colours
from rendering.draws import Rng, chance, pick
from rendering.scene import Material

Nodes = Any
Socket = Any


def surface(
    rng: Rng, style: str | None = None, colour: np.ndarray | None = None, rough: float | None = None
) -> Material:
    """A hard surface: one colour, noise, stripes, checks, bricks or metal."""
    style = style or pick(rng, ("plain", "noise", "stripes", "checks", "bricks", "metal"), (3, 4, 3, 2, 1, 2))
    material, nodes = _empty(style)
    shader = _add(nodes, "BsdfPrincipled")
    first = colours.of(rng, colours.METALS) if style == "metal" and colour is None else colour
    first = colours.any_colour(rng) if first is None else first
    shader.inputs["Roughness"].default_value = pick(rng, (0.15, 0.35, 0.5, 0.8)) if rough is None else rough
    shader.inputs["Metallic"].default_value = float(style == "metal")
    shader.inputs["Coat Weight"].default_value = 0.7 * chance(rng, 0.2) * (rough is None)
    if style in ("plain", "metal"):
        shader.inputs["Base Color"].default_value = rgba(first)
    else:
        pattern = _texture(rng, nodes, style, rgba(first), rgba(colours.any_colour(rng)))
        nodes.links.new(pattern, shader.inputs["Base Color"])
    return _finished(material, shader.outputs[0])


def painted(rough: float = 0.5) -> Material:
    """A hard surface with the colours of its vertices."""
    material, nodes = _empty("painted")
    shader = _add(nodes, "BsdfPrincipled")
    shader.inputs["Roughness"].default_value = rough
    nodes.links.new(_vertex_colour(nodes), shader.inputs["Base Color"])
    return _finished(material, shader.outputs[0])


def hair(rng: Rng) -> Material:
    """Light in, through and along strands."""
    material, nodes = _empty("hair")
    shader = _add(nodes, "BsdfHairPrincipled")
    shader.parametrization = "COLOR"
    shader.inputs["Roughness"].default_value = rng.uniform(0.15, 0.5)
    shader.inputs["Radial Roughness"].default_value = rng.uniform(0.2, 0.6)
    nodes.links.new(_vertex_colour(nodes), shader.inputs["Color"])
    return _finished(material, shader.outputs[0])


def thin(through: float = 0.35, rough: float = 0.45, opacity: Callable[[Nodes], Socket] | None = None) -> Material:
    """A leaf, cloth or fibre that lets light through; `opacity` makes a socket of the alpha of a cut-out."""
    material, nodes = _empty("thin")
    front, back, both = _add(nodes, "BsdfPrincipled"), _add(nodes, "BsdfTranslucent"), _add(nodes, "MixShader")
    front.inputs["Roughness"].default_value = rough
    colour = _vertex_colour(nodes)
    nodes.links.new(colour, front.inputs["Base Color"])
    nodes.links.new(colour, back.inputs["Color"])
    both.inputs[0].default_value = through
    nodes.links.new(front.outputs[0], both.inputs[1])
    nodes.links.new(back.outputs[0], both.inputs[2])
    if opacity is None:
        return _finished(material, both.outputs[0])
    cut = _add(nodes, "MixShader")
    nodes.links.new(opacity(nodes), cut.inputs[0])
    nodes.links.new(_add(nodes, "BsdfTransparent").outputs[0], cut.inputs[1])
    nodes.links.new(both.outputs[0], cut.inputs[2])
    return _finished(material, cut.outputs[0])


def glass(rng: Rng) -> Material:
    """Glass of weak refraction, partly tinted."""
    material, nodes = _empty("glass")
    shader = _add(nodes, "BsdfGlass")
    shader.inputs["IOR"].default_value = rng.uniform(1.06, 1.25)
    shader.inputs["Roughness"].default_value = pick(rng, (0, 0, 0.03))
    tints = ((0.95, 0.97, 0.96), (0.85, 0.93, 0.9), (0.5, 0.8, 0.55), (0.8, 0.5, 0.25), (0.5, 0.65, 0.9))
    shader.inputs["Color"].default_value = rgba(np.array(pick(rng, tints)))
    return _finished(material, shader.outputs[0])


def flat() -> Material:
    """White without light: what it covers is alpha."""
    material, nodes = _empty("flat")
    return _finished(material, _add(nodes, "Emission").outputs[0])


def constant(share: float) -> Callable[[Nodes], Socket]:
    """The same opacity everywhere."""

    def socket(nodes: Nodes) -> Socket:
        value = _add(nodes, "Value")
        value.outputs[0].default_value = share
        return value.outputs[0]

    return socket


def from_mask(mask: np.ndarray, between: float = 0.0) -> Callable[[Nodes], Socket]:
    """Opaque where a mask (h, w) in texture coordinates is above 0.5, elsewhere the opacity `between`."""

    def socket(nodes: Nodes) -> Socket:
        texture = _add(nodes, "TexImage")
        texture.image, texture.extension = image(mask), "EXTEND"
        nodes.links.new(_add(nodes, "UVMap").outputs[0], texture.inputs["Vector"])
        above = arithmetic(nodes, "GREATER_THAN", texture.outputs["Color"], 0.5)
        return arithmetic(nodes, "MAXIMUM", above, between)

    return socket


def eaten(scale: float, threshold: float) -> Callable[[Nodes], Socket]:
    """Opaque but for holes of smooth noise in texture coordinates."""

    def socket(nodes: Nodes) -> Socket:
        noise = _add(nodes, "TexNoise")
        noise.noise_dimensions = "2D"
        noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = scale, 1
        nodes.links.new(_add(nodes, "UVMap").outputs[0], noise.inputs["Vector"])
        return arithmetic(nodes, "LESS_THAN", noise.outputs[0], threshold)

    return socket


def arithmetic(nodes: Nodes, operation: str, first: Socket, second: float | Socket) -> Socket:
    """An operation of two numbers."""
    node = _add(nodes, "Math")
    node.operation = operation
    nodes.links.new(first, node.inputs[0])
    if isinstance(second, int | float):
        node.inputs[1].default_value = second
    else:
        nodes.links.new(second, node.inputs[1])
    return node.outputs[0]


def image(mask: np.ndarray) -> Any:
    """A grey picture (h, w) in [0, 1] for textures, its first row on top."""
    pixels = np.ones((*mask.shape, 4), np.float32)
    pixels[:, :, :3] = mask[:, :, np.newaxis]
    picture = bpy.data.images.new("mask", mask.shape[1], mask.shape[0], float_buffer=True, is_data=True)
    picture.pixels.foreach_set(pixels[::-1].ravel())
    picture.pack()
    return picture


def rgba(colour: np.ndarray) -> tuple[float, ...]:
    """A linear colour as Blender takes it."""
    return (*np.clip(colour, 0.003, 0.95).tolist(), 1.0)


def _empty(name: str) -> tuple[Material, Nodes]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.node_tree.nodes.clear()
    return material, material.node_tree


def _add(nodes: Nodes, kind: str) -> Any:
    return nodes.nodes.new(f"ShaderNode{kind}")


def _finished(material: Material, shader: Socket) -> Material:
    output = _add(material.node_tree, "OutputMaterial")
    material.node_tree.links.new(shader, output.inputs["Surface"])
    return material


def _vertex_colour(nodes: Nodes) -> Socket:
    attribute = _add(nodes, "Attribute")
    attribute.attribute_name = "Col"
    return attribute.outputs["Color"]


def _texture(rng: Rng, nodes: Nodes, style: str, first: tuple[float, ...], second: tuple[float, ...]) -> Socket:
    """Two colours in a pattern that is fixed to the object."""
    place = _add(nodes, "Mapping")
    place.inputs["Rotation"].default_value = rng.uniform(0, 3, 3)
    nodes.links.new(_add(nodes, "TexCoord").outputs["Object"], place.inputs["Vector"])
    kinds = {"noise": "TexNoise", "stripes": "TexWave", "checks": "TexChecker", "bricks": "TexBrick"}
    texture = _add(nodes, kinds[style])
    texture.inputs["Scale"].default_value = rng.uniform(1.5, 6)
    nodes.links.new(place.outputs[0], texture.inputs["Vector"])
    if style in ("checks", "bricks"):
        texture.inputs["Color1"].default_value, texture.inputs["Color2"].default_value = first, second
        return texture.outputs["Color"]
    texture.inputs["Detail"].default_value = 5
    if style == "stripes":
        texture.inputs["Distortion"].default_value = pick(rng, (0, 0, 2, 6))
    ramp, width = _add(nodes, "ValToRGB"), pick(rng, (0.03, 0.2, 0.6))
    for element, side, colour in zip(ramp.color_ramp.elements, (-1, 1), (first, second), strict=True):
        element.position, element.color = 0.5 + side * width / 2, colour
    nodes.links.new(texture.outputs["Fac"], ramp.inputs["Fac"])
    return ramp.outputs["Color"]
