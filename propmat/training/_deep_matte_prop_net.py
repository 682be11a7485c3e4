"""Training of DeepMattePropNet on crops; all that is drawn from lies on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from propmat._trimap import Trimap
from propmat.errors import InputError
from propmat.losses._alpha import alpha_loss, composition_loss
from propmat.networks._deep_matte_prop_net._matte import propagated
from propmat.networks._deep_matte_prop_net._network import DeepMattePropNet
from propmat.solvers._cg import CG
from propmat.training._optimisers import descend, optimiser_of
from propmat.training._problem import Array, Problem
from propmat.training._processes import share, world_size
from propmat.training._schedule import Schedule, count, one_of
from propmat.training._task import Task

LEAST_CROP = 16  # pixels, that an encoder at a stride of 8 has several places to normalise over, and labels to show


@dataclass(frozen=True, kw_only=True)
class DeepMattePropNetSchedule(Schedule):
    """Beside what all take: how crops are drawn, and how exact convolutions are.

    In bfloat16 SegNet's features of neighbours differ by less than its roundings, and gradients of affinities lose
    their direction; those of dilated branches with a prior keep it (cosines above 0.9999).
    """

    symmetries: str = one_of(("turns", "all"), "turns")  # and mirror images; see `exchanged_crop` for "all"
    crop: int = count(2**13, 256, least=LEAST_CROP)  # pixels a side
    precision: str = one_of(("single", "bfloat16"), "single")  # of convolutions; faster where processors have it


class DeepMattePropNetTask(Task):
    """One loss of crops, one optimiser."""

    kind = DeepMattePropNet
    settings = DeepMattePropNetSchedule
    schedules = {
        "faithful": DeepMattePropNetSchedule(
            iterations=750_000, batch=4, rate=0.1, optimiser="sgd", weight_decay=5e-4, clip=1.0, crop=320
        ),
        "fast": DeepMattePropNetSchedule(iterations=20_000, batch=4, rate=1e-3, decay="cosine", clip=1.0),
    }
    losses = ("matting",)

    network: DeepMattePropNet

    def __init__(
        self,
        network: DeepMattePropNet,
        problems: Sequence[Problem],
        schedule: DeepMattePropNetSchedule,
        seed: int,
        device: torch.device,
    ) -> None:
        super().__init__(network, problems, schedule, seed, device)
        self.schedule, self.device = schedule, device
        self.crops = Crops(problems, schedule, seed, device)

    def optimisers(self) -> dict[str, Optimizer]:
        return {"network": optimiser_of(self.network.parameters(), self.schedule)}

    def step(self, optimisers: Mapping[str, Optimizer], iteration: int) -> dict[str, Tensor]:
        batch = self.crops.batch(iteration)
        image, trimap, alpha, contrast, mattes = share(batch).split((3, 1, 1, 3, batch.shape[1] - 8), dim=1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.precision == "bfloat16"):
            found = self.predict(image, trimap, CG(tolerance=1e-3), mattes if self.network.mattes else None).float()
        unknown, of_all = trimap == 0.5, batch[:, 3] == 0.5
        loss = matting_loss(found, alpha, contrast, unknown) * (world_size() * unknown.sum() / of_all.sum())
        descend(optimisers["network"], loss, self.schedule.rate_at(iteration), self.schedule.clip)
        return {"matting": loss.detach()}

    def matte(self, problem: Problem) -> Array:
        mattes = [problem.whole(values) for values in problem.mattes]
        return propagated(self.network, problem.image / 255, Trimap.parse(problem.trimap), mattes)


def matting_loss(alpha: Tensor, truth: Tensor, contrast: Tensor, unknown: Tensor) -> Tensor:
    """Half the alpha loss and half the composition loss, of (B, 1, H, W) mattes.

    Composites with the true colours F and B differ by (α̂ - α)(F - B): `contrast`, F - B of shape (B, 3, H, W), is all
    that the second needs.
    """
    mattes = alpha[:, 0], truth[:, 0]
    of_colour = composition_loss(*mattes, contrast, 0.0, unknown[:, 0], channel_axis=-3)
    loss: Tensor = (alpha_loss(*mattes, unknown[:, 0]) + of_colour) / 2
    return loss


class Crops:
    """Squares around unknown pixels, turned and mirrored."""

    def __init__(
        self, problems: Sequence[Problem], schedule: DeepMattePropNetSchedule, seed: int, device: torch.device
    ) -> None:
        self.seed, self.size, self.side = seed, schedule.batch, schedule.crop
        small = [problem.name for problem in problems if min(problem.labels.shape) < self.side]
        if small:
            raise InputError(f"crop: {small[0]} is smaller than {self.side} pixels; takes less")
        self.all_symmetries = schedule.symmetries == "all"
        self.places = [np.argwhere(problem.unknown) for problem in problems]
        self.ends = np.cumsum([len(places) for places in self.places])
        self.planes = [_layers(problem).to(device) for problem in problems]

    def batch(self, iteration: int) -> Tensor:
        """(B, 8 + mattes, crop, crop): three of colour, trimap, alpha, three of contrast, then the mattes."""
        rng = np.random.default_rng((self.seed, iteration))
        return torch.stack([self._crop(rng) for _ in range(self.size)]).float()

    def _crop(self, rng: np.random.Generator) -> Tensor:
        while True:
            number = int(np.searchsorted(self.ends, rng.integers(self.ends[-1]), side="right"))
            planes, middle = self.planes[number], self.places[number][rng.integers(len(self.places[number]))]
            wanted = middle - rng.integers(self.side, size=2)
            top, left = np.clip(wanted, 0, np.array(planes.shape[1:]) - self.side)
            crop = planes[:, top : top + self.side, left : left + self.side]
            turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
            if bool((crop[3] != 0.5).any()):  # with nothing known there is nothing to propagate
                turned = torch.rot90(crop, turns, (1, 2))
                turned = turned.flip(2) if mirrored else turned
                return exchanged_crop(turned, rng) if self.all_symmetries else turned


def exchanged_crop(crop: Tensor, rng: np.random.Generator) -> Tensor:
    """Colours in some order, and half of the time background for foreground; contrasts may have either sign."""
    order = rng.permutation(3)
    maps, mattes = (1 - crop[3:5], 1 - crop[8:]) if rng.random() < 0.5 else (crop[3:5], crop[8:])
    return torch.cat([crop[order], maps, crop[5 + order], mattes])


def _layers(problem: Problem) -> Tensor:
    """All that a crop is cut from, (8 + mattes, H, W) in half precision."""
    contrast = np.zeros((*problem.labels.shape, 3), np.float32)
    contrast[problem.unknown] = problem.contrast
    maps = (problem.trimap, problem.whole(problem.alpha))
    mattes = [problem.whole(values) for values in problem.mattes]
    layers = np.dstack([problem.image / 255, *maps, contrast, *mattes])
    return torch.from_numpy(layers.transpose(2, 0, 1).astype(np.float16))
