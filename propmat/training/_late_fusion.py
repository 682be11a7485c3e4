"""Training of Late Fusion in three steps: both branches, then the blend of them, then all by the error of alpha."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from propmat.errors import InputError
from propmat.networks._encoders import load_encoder
from propmat.networks._late_fusion._decoder import Branch
from propmat.networks._late_fusion._matte import answered
from propmat.networks._late_fusion._network import Fused, LateFusion, fused
from propmat.networks._trunks._layers import normalised
from propmat.training._late_fusion_losses import READINGS, blend_loss, branch_loss
from propmat.training._late_fusion_views import Squares
from propmat.training._optimisers import descend, optimiser_of
from propmat.training._problem import Array, Problem
from propmat.training._processes import replicated, share
from propmat.training._schedule import Schedule, count, file, one_of, size
from propmat.training._start import go_on_from
from propmat.training._task import Scores, Task, means

PARTS = ("segmentation", "fusion", "joint")


@dataclass(frozen=True, kw_only=True)
class LateFusionSchedule(Schedule):
    """Beside what all take: the three steps, how squares are drawn, and where the encoder begins."""

    segmentation: float = size(1, 0.6)  # share of the iterations for the first step, of both branches
    fusion: float = size(1, 0.15)  # for the second step, of the blend; what is left is for the third, of all
    joint_rate: float = size(1e6, 1e-4)  # of the third step at first; `rate` is that of the others
    moved: str = one_of(("all", "decoders"), "all")  # what the first step moves; an encoder may stay as it was loaded
    reading: str = one_of(READINGS, "ceil")  # see `branch_loss`
    crop: int = count(2**13, 512, least=32)  # pixels a side, a multiple of 32
    least: float = size(1, 0.64, least=0.05)  # share of a picture's shorter side that a square shows at least
    rotation: float = size(180, 15)  # degrees, in both directions
    light: float = size(1, 0.2)  # see `Squares`
    precision: str = one_of(("single", "bfloat16"), "single")  # of convolutions; faster where processors have it
    encoder: str = file()  # see `load_encoder`
    start: str = file()  # weights of a training that this one goes on from

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.segmentation + self.fusion > 1:
            raise InputError(
                f"fusion: takes at most {1 - self.segmentation:g}, what segmentation leaves, got {self.fusion:g}"
            )

    def part(self, iteration: int) -> tuple[str, float]:
        """The step that an iteration is of, and its learning rate."""
        ends = [round(part * self.iterations) for part in (self.segmentation, self.segmentation + self.fusion)]
        bounds = [0, *ends, self.iterations]
        number = int(np.searchsorted(ends, iteration, side="right"))
        done = (iteration - bounds[number]) / (bounds[number + 1] - bounds[number])
        rate = self.joint_rate if PARTS[number] == "joint" else self.rate
        return PARTS[number], rate if self.decay == "constant" else rate * 0.5 * (1 + math.cos(math.pi * done))


class LateFusionTask(Task):
    """One optimiser for each step. Batch normalisation keeps its statistics wherever weights are not moved alone."""

    kind = LateFusion
    settings = LateFusionSchedule
    schedules = {
        "faithful": LateFusionSchedule(iterations=100_000, batch=8, rate=1e-3, decay="cosine"),
        "fast": LateFusionSchedule(
            iterations=2_000, batch=4, rate=1e-3, decay="cosine", clip=1.0, crop=256, least=0.8, moved="decoders"
        ),
    }
    losses = ("foreground", "background", "alpha")

    network: LateFusion

    def __init__(
        self,
        network: LateFusion,
        problems: Sequence[Problem],
        schedule: LateFusionSchedule,
        seed: int,
        device: torch.device,
    ) -> None:
        if schedule.encoder:
            load_encoder(schedule.encoder, network)
        if schedule.start:
            go_on_from(schedule.start, network, ("encoder", "width"))
        super().__init__(network, problems, schedule, seed, device)
        self.schedule, self.device = schedule, device
        # PyTorch's convolutions of single channels on the CPU, most of what the small encoder does, are faster so.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.encoded = replicated(self.network.encoder) if schedule.moved == "all" else self._encoded_as_loaded
        self.decoded, self.blended = replicated(self.network.decoders), replicated(self.network.fusion)
        self.squares = Squares(
            problems,
            seed,
            device,
            batch=schedule.batch,
            crop=schedule.crop,
            least=schedule.least,
            rotation=schedule.rotation,
            light=schedule.light,
        )

    def optimisers(self) -> dict[str, Optimizer]:
        network = self.network
        encoder = [network.encoder] if self.schedule.moved == "all" else []
        moved: dict[str, list[nn.Module]] = {
            "segmentation": [*encoder, network.decoders],
            "fusion": [network.fusion],
            "joint": [network],
        }
        return {
            name: optimiser_of([weight for module in modules for weight in module.parameters()], self.schedule)
            for name, modules in moved.items()
        }

    def step(self, optimisers: Mapping[str, Optimizer], iteration: int) -> dict[str, Tensor]:
        image, alpha = share(self.squares.batch(iteration)).split((3, 1), dim=1)
        name, rate = self.schedule.part(iteration)
        self._set_modes(name)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.precision == "bfloat16"):
            losses = self._losses(name, image, alpha)
        descend(optimisers[name], sum(losses.values(), alpha.new_zeros(())), rate, self.schedule.clip)
        none = dict.fromkeys(self.losses, alpha.new_zeros(()))
        return none | {name: loss.detach() for name, loss in losses.items()}

    def _losses(self, name: str, image: Tensor, alpha: Tensor) -> dict[str, Tensor]:
        """The losses that a step descends."""
        if name == "segmentation":
            front, behind = cast(tuple[Branch, Branch], self.decoded(self.encoded(image)))
            truths = ((front, alpha), (behind, 1 - alpha))
            of_branches = [branch_loss(branch.sides, truth, self.schedule.reading) for branch, truth in truths]
            return dict(zip(("foreground", "background"), of_branches, strict=True))
        if name == "fusion":
            return {"alpha": blend_loss(self._fused(image).alpha, alpha)}
        found = cast(Fused, self.predict(image))
        # Data-parallel training waits for gradients of all weights, those of coarse answers too.
        unused = sum(side.mean() for side in (*found.foreground_sides, *found.background_sides))
        return {"alpha": blend_loss(found.alpha, alpha) + 0 * unused}

    def _fused(self, image: Tensor) -> Fused:
        """The answer of branches that nothing is learned in."""
        with torch.no_grad():
            front, behind = self.network.decoders(self.network.encoder(image))
        blend = self.blended(front.features, behind.features, normalised(image))
        return fused(front, behind, blend, (image.shape[2], image.shape[3]))

    def _encoded_as_loaded(self, image: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            found: tuple[Tensor, ...] = self.network.encoder(image)
        return found

    def _set_modes(self, name: str) -> None:
        """Statistics of batch normalisation are those of batches in what the first two steps move, and kept else."""
        self.network.encoder.train(name == "segmentation" and self.schedule.moved == "all")
        self.network.decoders.train(name == "segmentation")
        self.network.fusion.train(name == "fusion")

    def matte(self, problem: Problem) -> Array:
        return answered(self.network, problem.image / 255).alpha

    def validate(self, problems: Sequence[Problem]) -> dict[str, Scores]:
        """Mean errors over whole pictures of alpha, and of either branch alone."""
        self.eval()
        answers = [answered(self.network, problem.image / 255) for problem in problems]
        mattes = {
            self.kind.name: [answer.alpha for answer in answers],
            "foreground": [answer.foreground for answer in answers],
            "background": [1 - answer.background for answer in answers],
        }
        self.train()
        return {
            name: means([whole_scores(*pair) for pair in zip(found, problems, strict=True)])
            for name, found in mattes.items()
        }


def whole_scores(alpha: Array, problem: Problem) -> Scores:
    """The errors of a matte over all pixels: SAD in thousands as usual, and means."""
    difference = alpha - problem.whole(problem.alpha)
    return {
        "sad": float(np.abs(difference).sum() / 1000),
        "mean": float(np.abs(difference).mean()),
        "mse": float(np.square(difference).mean()),
    }
