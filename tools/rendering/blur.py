"""Motion blur and defocus."""

from __future__ import annotations

import math

import bpy
from mathutils import Quaternion, Vector

from rendering.draws import Rng, log_uniform, pick
from rendering.scene import Object, Scene


def blur(scene: Scene, rng: Rng) -> None:
    """The blur that the item has, if any."""
    if scene.item.modifier == "motion":
        _motion(scene, rng)
    elif scene.item.modifier == "defocus":
        _defocus(scene, rng)


def _motion(scene: Scene, rng: Rng) -> None:
    """All objects move along a line, turn about the line of sight, or both, while the shutter is open."""
    length, kind = log_uniform(rng, *scene.ranges.motion_length), pick(rng, ("shift", "shift", "spin", "both"))
    way, angle = scene.pixel * length * (kind != "spin"), scene.pixel * length / scene.radius * (kind != "shift")
    view = scene.camera.matrix_world.to_3x3()
    heading = rng.uniform(0, 2 * math.pi)
    step = view @ Vector((math.cos(heading), math.sin(heading), rng.uniform(-0.3, 0.3))) * way
    pivot = _pivot(scene)
    for frame, side in ((0, -1), (2, 1)):  # the shutter is open for one frame, half of the way
        pivot.location = step * side
        pivot.rotation_quaternion = Quaternion(view @ Vector((0, 0, 1)), angle * side)
        pivot.keyframe_insert("location", frame=frame)
        pivot.keyframe_insert("rotation_quaternion", frame=frame)
    settings = bpy.context.scene
    settings.frame_set(1)
    settings.render.use_motion_blur, settings.render.motion_blur_shutter = True, 1.0
    scene.facts |= {"motion": kind, "blur_px": round(length, 1)}


def _pivot(scene: Scene) -> Object:
    """An empty object that carries all others."""
    pivot = scene.link("pivot", None)
    pivot.rotation_mode = "QUATERNION"
    for thing in bpy.context.scene.collection.objects:
        if thing.type in ("MESH", "CURVES"):
            thing.parent = pivot
    return pivot


def _defocus(scene: Scene, rng: Rng) -> None:
    """A lens of such an aperture that the object's centre has a blur disc of a given diameter."""
    diameter = log_uniform(rng, *scene.ranges.defocus_width)
    focus = scene.distance * pick(rng, (0.72, 0.85, 1.25))
    aperture = diameter * scene.pixel * focus / abs(scene.distance - focus)
    field = scene.camera.data.dof
    field.use_dof, field.focus_distance = True, focus
    field.aperture_fstop = max(scene.camera.data.lens / 1000 / min(aperture, 0.3 * scene.distance), 0.002)
    scene.facts["blur_px"] = round(diameter, 1)
