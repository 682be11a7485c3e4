"""Rendering of a scene with Cycles: colours, then alpha twice."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from rendering import materials
from rendering.sampling import error_of_mean
from rendering.scene import Scene
from rendering.straight import smoothed


@dataclass(frozen=True)
class Samples:
    """Samples a pixel of the pass of colours and of both passes of alpha together, and threads."""

    colour: int
    alpha: int
    threads: int

    def of_alpha(self, scene: Scene) -> int:
        """Twice as many in what is tested with."""
        return 2 * self.alpha if scene.item.split == "test" else self.alpha


@dataclass(frozen=True, eq=False)
class Passes:
    """Premultiplied linear light and its alpha; the mean of two renders of alpha, its error, and its samples."""

    light: np.ndarray
    coverage: np.ndarray
    alpha: np.ndarray
    alpha_error: float
    alpha_samples: int


def render(scene: Scene, samples: Samples) -> Passes:
    """All passes of a scene; its lamps and world are gone afterwards."""
    _settings(scene, samples.threads)
    colour = _pass(samples.colour, scene.item.seed % 2**31, denoise=True)
    _without_light(scene)
    count = samples.of_alpha(scene)
    halves = [alpha_of(scene, count // 2, half) for half in (1, 2)]
    alpha = (halves[0] + halves[1]) / 2
    coverage = np.clip(colour[:, :, 3], 0, 1) if scene.opaque else np.where(alpha > 0.02, alpha, 0)
    return Passes(colour[:, :, :3], coverage, alpha, error_of_mean(*halves), count)


def alpha_of(scene: Scene, samples: int, number: int) -> np.ndarray:
    """Alpha of a scene without light; each number has samples of its own."""
    alpha = np.clip(_pass(samples, (scene.item.seed + 7919 * number) % 2**31, denoise=False)[:, :, 3], 0, 1)
    return smoothed(smoothed(alpha)) if scene.item.kind == "smoke" else alpha  # smooth by nature


def _settings(scene: Scene, threads: int) -> None:
    settings = bpy.context.scene
    settings.render.engine = "CYCLES"
    cycles = settings.cycles
    cycles.device, cycles.denoiser = "CPU", "OPENIMAGEDENOISE"
    cycles.use_adaptive_sampling = False
    cycles.max_bounces = cycles.transmission_bounces = 10 if scene.item.kind == "glass" else 6
    cycles.transparent_max_bounces = 32
    cycles.volume_bounces = 1
    cycles.volume_biased, cycles.volume_step_rate, cycles.volume_max_steps = True, 3, 96
    cycles.film_transparent_glass = True
    cycles.pixel_filter_type = "BLACKMAN_HARRIS"
    output = settings.render
    output.film_transparent = True
    output.resolution_x = output.resolution_y = scene.item.size
    output.threads_mode, output.threads = "FIXED", threads
    output.image_settings.file_format, output.image_settings.color_mode = "OPEN_EXR", "RGBA"
    output.image_settings.color_depth = "32"
    settings.view_settings.view_transform = "Standard"


def _without_light(scene: Scene) -> None:
    """Coverage needs no light; where something is not opaque, its materials stay."""
    if scene.opaque:
        bpy.context.view_layer.material_override = materials.flat()
    if scene.item.kind == "glass":  # the light that is let through
        return
    bpy.context.scene.cycles.max_bounces = bpy.context.scene.cycles.volume_bounces = 0
    bpy.context.scene.world = None
    for thing in [thing for thing in bpy.context.scene.collection.objects if thing.type == "LIGHT"]:
        bpy.data.objects.remove(thing)


def _pass(samples: int, seed: int, *, denoise: bool) -> np.ndarray:
    """(H, W, 4) of linear light and alpha."""
    settings = bpy.context.scene
    settings.cycles.samples, settings.cycles.seed, settings.cycles.use_denoising = samples, seed, denoise
    with tempfile.TemporaryDirectory() as folder:
        settings.render.filepath = os.path.join(folder, "pass.exr")
        bpy.ops.render.render(write_still=True)
        return _pixels(Path(settings.render.filepath))


def _pixels(path: Path) -> np.ndarray:
    picture = bpy.data.images.load(str(path))
    width, height = picture.size
    values = np.empty(width * height * 4, np.float32)
    picture.pixels.foreach_get(values)
    bpy.data.images.remove(picture)
    return values.reshape(height, width, 4)[::-1].astype(float)
