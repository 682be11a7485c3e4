"""Meshes: balls, sheets, turned profiles, primitives with bevelled edges, and points on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import bpy
import numpy as np
from mathutils import Matrix

from rendering.colours import Colours
from rendering.draws import Rng
from rendering.geometry import Field, unit
from rendering.scene import Material, Object, Scene

Deform = Callable[[np.ndarray], np.ndarray]  # unit directions (n, 3) to radii (n,) or positions (n, 3)
Vector3 = Sequence[float] | np.ndarray
PLACE = np.eye(3)


def ball(
    scene: Scene,
    material: Material,
    at: Vector3 = (0, 0, 0),
    radii: float | Vector3 = 1.0,
    turn: np.ndarray = PLACE,
    *,
    deform: Deform | None = None,
    colours: Colours | None = None,
    detail: int = 4,
) -> Object:
    """An ellipsoid, deformed before it is scaled and turned; colours are taken at the directions from its centre."""
    directions, faces = icosphere(detail)
    shape = directions if deform is None else deform(directions)
    shape = directions * shape[:, np.newaxis] if shape.ndim == 1 else shape
    vertices = (shape * np.asarray(radii, float)) @ turn.T + np.asarray(at, float)
    return scene.mesh(vertices, faces, material, None if colours is None else colours(directions))


@cache
def icosphere(detail: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions (n, 3) and triangles of a ball of subdivided icosahedrons."""
    bpy.ops.mesh.primitive_ico_sphere_add(subdivisions=detail, radius=1)
    made = bpy.context.object
    vertices, faces = vertices_of(made), triangles_of(made)
    bpy.data.objects.remove(made)
    return unit(vertices), faces


def sheet(
    scene: Scene, field: Field, counts: tuple[int, int], material: Material, colours: Colours | None = None
) -> Object:
    """A sheet: `field` maps coordinates (n, 2) in [0, 1] to positions."""
    columns, rows = counts
    v, u = np.meshgrid(np.linspace(0, 1, rows), np.linspace(0, 1, columns), indexing="ij")
    places = np.stack([u.ravel(), v.ravel()], axis=1)
    vertices = field(places)
    faces = quadrangles(np.arange(rows * columns).reshape(rows, columns))
    return scene.mesh(vertices, faces, material, None if colours is None else colours(vertices), uv=places)


def quadrangles(numbers: np.ndarray) -> np.ndarray:
    """The quadrangles of grids (..., rows, columns) of vertex numbers."""
    corners = numbers[..., :-1, :-1], numbers[..., 1:, :-1], numbers[..., 1:, 1:], numbers[..., :-1, 1:]
    return np.stack(corners, axis=-1).reshape(-1, 4)


def turned(
    scene: Scene,
    profile: np.ndarray,
    material: Material,
    at: Vector3 = (0, 0, 0),
    turn: np.ndarray = PLACE,
    *,
    sides: int = 96,
) -> Object:
    """A profile of (radius, height) turned about z."""
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False)[:, np.newaxis]
    x, y = profile[:, 0] * np.cos(angles), profile[:, 0] * np.sin(angles)
    vertices = np.stack([x, y, np.broadcast_to(profile[:, 1], x.shape)], axis=-1).reshape(-1, 3)
    numbers = np.arange(len(vertices)).reshape(sides, len(profile))
    faces = quadrangles(np.concatenate([numbers, numbers[:1]]))
    return scene.mesh(vertices @ turn.T + np.asarray(at, float), faces, material)


def primitive(
    scene: Scene,
    shape: str,
    material: Material,
    at: Vector3,
    scale: float | Vector3,
    turn: np.ndarray = PLACE,
    *,
    bevel: float = 0.02,
    thickness: float = 0.2,
    top: float = 0.0,
) -> Object:
    """A box, cylinder, cone, torus or ball with edges bevelled.

    Radius and half height are 1 before scaling; `thickness` is the small radius of a torus, `top` that of a cone's end.
    """
    adders = {
        "box": lambda: bpy.ops.mesh.primitive_cube_add(size=2),
        "cylinder": lambda: bpy.ops.mesh.primitive_cylinder_add(vertices=48, radius=1, depth=2),
        "cone": lambda: bpy.ops.mesh.primitive_cone_add(vertices=48, radius1=1, radius2=top, depth=2),
        "ball": lambda: bpy.ops.mesh.primitive_uv_sphere_add(segments=40, ring_count=24),
        "torus": lambda: bpy.ops.mesh.primitive_torus_add(
            major_segments=72, minor_segments=20, major_radius=1, minor_radius=thickness
        ),
    }
    adders[shape]()
    made = bpy.context.object
    made.data.materials.append(material)
    vertices = vertices_of(made) * np.asarray(scale, float)
    made.data.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    made.data.update()
    made.matrix_world = Matrix.Translation(np.asarray(at, float)) @ Matrix(turn.tolist()).to_4x4()
    scene.place(vertices @ turn.T + np.asarray(at, float))
    _shade(made, shape, bevel)
    return made


def _shade(made: Object, shape: str, bevel: float) -> None:
    """Smooth what is round, bevel what has edges."""
    if shape != "box":
        made.data.shade_smooth()
    if shape in ("cylinder", "cone"):
        made.data.set_sharp_from_angle(angle=0.7)
    if shape not in ("torus", "ball") and bevel:
        modifier = made.modifiers.new("bevel", "BEVEL")
        modifier.width, modifier.segments = bevel, 2


def vertices_of(made: Object) -> np.ndarray:
    """The vertices (n, 3) of a mesh object, in its own coordinates."""
    vertices = np.empty(len(made.data.vertices) * 3, np.float32)
    made.data.vertices.foreach_get("co", vertices)
    return vertices.reshape(-1, 3).astype(float)


def triangles_of(made: Object) -> np.ndarray:
    """The triangles (n, 3) of a mesh object by vertex numbers."""
    made.data.calc_loop_triangles()
    triangles = np.empty(len(made.data.loop_triangles) * 3, np.int32)
    made.data.loop_triangles.foreach_get("vertices", triangles)
    return triangles.reshape(-1, 3)


def roots_on(
    rng: Rng, objects: Sequence[Object], count: int, density: Callable[[np.ndarray], np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random points on meshes made by `ball` or `sheet`, their normals, and the numbers of the objects they lie on.

    Points are uniform by area, times `density` of positions where it is given.
    """
    corners = [vertices_of(made)[triangles_of(made)] for made in objects]
    owner = np.repeat(np.arange(len(corners)), [len(part) for part in corners])
    first, second, third = np.moveaxis(np.concatenate(corners), 1, 0)
    normal = np.cross(second - first, third - first)
    area = np.linalg.norm(normal, axis=1)
    weight = area if density is None else area * density((first + second + third) / 3)
    chosen = rng.choice(len(area), count, p=weight / weight.sum())
    s, t = np.sort(rng.random((2, count, 1)), axis=0)
    points = s * first[chosen] + (t - s) * second[chosen] + (1 - t) * third[chosen]
    return points, unit(normal)[chosen], owner[chosen]
