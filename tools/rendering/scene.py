"""A scene in Blender: meshes, strands and a camera that is fitted to them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import bpy
import numpy as np
from mathutils import Vector

from rendering.draws import Rng, log_uniform, pick
from rendering.plan import Item, Ranges

SENSOR = 36.0  # Blender's default width of a sensor in mm
MANY = 5000  # points of which a few may lie outside of the frame
Material = Any  # Blender's own types are not annotated
Object = Any


@dataclass(eq=False)
class Strands:
    """Strands whose width is given in pixels, set when the camera is."""

    curves: Any
    widths: np.ndarray


@dataclass(eq=False)
class Scene:
    """What a kind builds its object in.

    Attributes
    ----------
    item, ranges
        What is to be rendered.
    pixel : float
        About the width of a pixel at the object's centre in scene units; exact for widths given in pixels.
    opaque : bool
        Alpha is coverage alone; False where something lets light through.
    brightness : float
        Exposure relative to others: below 1 for dark hair, which would come out grey.
    facts : dict
        What the index tells of the item.
    cut_below : bool
        The object goes on below the frame, such as the bust of a portrait.
    """

    item: Item
    ranges: Ranges
    pixel: float = 0.0
    radius: float = 1.0
    distance: float = 1.0
    opaque: bool = True
    brightness: float = 1.0
    cut_below: bool = False
    facts: dict[str, object] = field(default_factory=dict)
    camera: Object = None
    _positions: list[np.ndarray] = field(default_factory=list)
    _strands: list[Strands] = field(default_factory=list)

    def __post_init__(self) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)

    def link(self, name: str, data: Any) -> Object:
        """An object with that data, in the scene."""
        thing = bpy.data.objects.new(name, data)
        bpy.context.scene.collection.objects.link(thing)
        return thing

    def look(self, rng: Rng, radius: float, elevation: tuple[float, float] = (-0.2, 0.4), azimuth: float = 0.4) -> None:
        """A camera that looks at a sphere about the origin, from the front (-y) give or take `azimuth` radians."""
        lens = pick(rng, (35, 50, 60, 85, 105, 135))
        self.radius, self.distance = radius, max(radius * lens / (0.8 * SENSOR / 2), 2.3 * radius)
        self.pixel = self.distance * SENSOR / lens / self.item.size
        sideways, up = rng.uniform(-azimuth, azimuth) - math.pi / 2, rng.uniform(*elevation)
        self.camera = self.link("camera", bpy.data.cameras.new("camera"))
        self.camera.data.lens = lens
        self.camera.location = self.distance * direction(sideways, up)
        self.camera.rotation_euler = (-self.camera.location).to_track_quat("-Z", "Y").to_euler()
        self.camera.rotation_euler.rotate_axis("Z", rng.normal(0, 0.06))
        bpy.context.scene.camera = self.camera
        self.facts["lens_mm"] = lens

    def strand_width(self, rng: Rng, most: float | None = None) -> float:
        """A width of hair or fur in pixels, mostly thin."""
        low, high = self.ranges.strand
        width = log_uniform(rng, low, max(low, min(high, most or high)))
        self.facts["strand_px"] = round(width, 2)
        return width

    def mesh(
        self,
        vertices: np.ndarray,
        faces: np.ndarray,
        material: Material,
        colours: np.ndarray | None = None,
        *,
        uv: np.ndarray | None = None,
        smooth: bool = True,
    ) -> Object:
        """A mesh of triangles or quadrangles; colours (n, 3) or (3,) and texture coordinates (n, 2) of vertices."""
        mesh = bpy.data.meshes.new("mesh")
        mesh.from_pydata(vertices.tolist(), [], faces.tolist())
        if colours is not None:
            _set_colours(mesh.color_attributes.new("Col", "FLOAT_COLOR", "POINT"), colours, len(vertices))
        if uv is not None:
            corner = np.empty(len(mesh.loops), np.int32)
            mesh.loops.foreach_get("vertex_index", corner)
            mesh.uv_layers.new(name="UV").data.foreach_set("uv", np.asarray(uv, np.float32)[corner].ravel())
        if smooth:
            mesh.shade_smooth()
        mesh.materials.append(material)
        self._positions.append(vertices)
        return self.link("mesh", mesh)

    def strands(
        self,
        points: np.ndarray,
        material: Material,
        colours: np.ndarray,
        *,
        radius: float | np.ndarray | None = None,
        width: float | np.ndarray | None = None,
    ) -> None:
        """Strands (n, k, 3) with a radius in scene units or a width in pixels, (n, k), (k,) or one for all.

        Colours are (3,), (n, 3) or (n, k, 3).
        """
        count, k = points.shape[:2]
        curves = bpy.data.hair_curves.new("strands")
        curves.add_curves([k] * count)
        curves.attributes["position"].data.foreach_set("vector", np.ascontiguousarray(points, np.float32).ravel())
        by_strand = (
            np.asarray(colours) if np.ndim(colours) == 3 else np.broadcast_to(colours, (count, 3))[:, np.newaxis]
        )
        by_point = np.broadcast_to(by_strand, (count, k, 3)).reshape(-1, 3)
        _set_colours(curves.attributes.new("Col", "FLOAT_COLOR", "POINT"), by_point, count * k)
        curves.attributes.new("radius", "FLOAT", "POINT")
        if radius is not None:
            _set_radius(curves, np.broadcast_to(radius, (count, k)))
        else:
            self._strands.append(Strands(curves, np.broadcast_to(np.asarray(width, float), (count, k))))
        curves.materials.append(material)
        self._positions.append(points.reshape(-1, 3))
        self.link("strands", curves)

    def place(self, positions: np.ndarray) -> None:
        """Take account of the positions of an object that was not made by `mesh` or `strands`."""
        self._positions.append(positions)

    def frame(self, rng: Rng) -> None:
        """Zoom and shift the camera so that the object fills its share of the frame, then set widths in pixels."""
        low, high = self._extent()
        size = max(high - low)
        fill = rng.uniform(1.1, 1.5) if self.item.cut else rng.uniform(*self.ranges.fill)
        zoom = float(np.clip(fill / size, 0.2, 5))
        centre, extent = zoom * (low + high) / 2, zoom * (high - low)
        spare = np.abs(1 - extent) / 2 * (0.6 if self.item.cut else 0.85)
        shift = centre + rng.uniform(-1, 1, 2) * spare
        if self.cut_below and not self.item.cut:
            shift[1] = centre[1] - extent[1] / 2 + 0.5 + rng.uniform(0.02, 0.12) * extent[1]
        self.camera.data.lens *= zoom
        self.camera.data.shift_x, self.camera.data.shift_y = shift
        self.pixel /= zoom
        for strands in self._strands:
            _set_radius(strands.curves, strands.widths * self.pixel / 2)
        self.facts["fill"] = round(fill, 2)

    def _extent(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower left and upper right of what the object covers, but for strays, in widths of the frame."""
        bpy.context.view_layer.update()
        to_camera = np.array(self.camera.matrix_world.inverted())
        ends = [_ends(self._seen(to_camera, part)) for part in self._positions]
        return np.min([low for low, _ in ends], axis=0), np.max([high for _, high in ends], axis=0)

    def _seen(self, to_camera: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Places (2, n) in the frame of an unshifted camera."""
        x, y, z = to_camera[:3, :3] @ positions[:: 1 + len(positions) // 20000].T + to_camera[:3, 3:]
        return np.stack([x, y]) / np.maximum(-z, 1e-3) * self.camera.data.lens / SENSOR


def _ends(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest of places (2, n); of many, such as those of hair, without the outermost."""
    share = 0.5 if places.shape[1] > MANY else 0.0
    return np.percentile(places, share, axis=1), np.percentile(places, 100 - share, axis=1)


def direction(azimuth: float, elevation: float) -> Vector:
    """The unit vector to a place in the sky."""
    level = math.cos(elevation)
    return Vector((math.cos(azimuth) * level, math.sin(azimuth) * level, math.sin(elevation)))


def _set_colours(attribute: Any, colours: np.ndarray, count: int) -> None:
    values = np.ones((count, 4), np.float32)
    values[:, :3] = np.clip(colours, 0.002, 0.93)
    attribute.data.foreach_set("color", values.ravel())


def _set_radius(curves: Any, radius: np.ndarray) -> None:
    curves.attributes["radius"].data.foreach_set("value", np.ascontiguousarray(radius, np.float32).ravel())
