"""Training of AlphaGAN: a generator of mattes, and a discriminator of what is composited with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from torch.optim import Optimizer

from propmat._trimap import Trimap
from propmat.losses._alpha import alpha_loss, composition_loss
from propmat.networks._alphagan._discriminator import PatchGAN
from propmat.networks._alphagan._matte import whole
from propmat.networks._alphagan._network import AlphaGAN
from propmat.networks._encoders import load_encoder
from propmat.networks._trunks._layers import normalised
from propmat.solvers._cg import CG
from propmat.training._alphagan_views import Drawing, Views, ViewSchedule
from propmat.training._optimisers import descend, optimiser_of
from propmat.training._problem import Array, Problem
from propmat.training._processes import replicated, share, world_size
from propmat.training._schedule import count, file, one_of, size
from propmat.training._task import Task

LEAST_CROP = 48  # pixels, that every discriminator takes


@dataclass(frozen=True, kw_only=True)
class AlphaGANSchedule(ViewSchedule):
    """Beside views: the game, and where the encoder begins."""

    game: float = size(1e6, 0.05)  # weight of the discriminator in the generator's loss; 0 for no discriminator
    warm_up: int = count(10**9, 1000, least=0)  # iterations before the game
    discriminator: str = one_of(tuple(PatchGAN.presets), "small")
    discriminator_rate: float = size(1e6, 2e-4)  # at first; it falls as the generator's does
    crop: int = count(2**13, 320, least=LEAST_CROP)  # pixels a side
    precision: str = one_of(("single", "bfloat16"), "single")  # of convolutions; faster where processors have it
    encoder: str = file()  # see `load_encoder`


class AlphaGANTask(Task):
    """The losses of the generator, and from the end of the warm-up one step of each player in turn."""

    kind = AlphaGAN
    settings = AlphaGANSchedule
    schedules = {
        "faithful": AlphaGANSchedule(
            iterations=113_000,  # 21 times 43,100 composites of 431 foregrounds
            batch=8,
            rate=2e-4,
            momentum=0.5,
            game=1.0,
            warm_up=5_400,
            discriminator="faithful",
        ),
        "fast": AlphaGANSchedule(
            iterations=4_000, batch=8, rate=1e-3, momentum=0.5, decay="cosine", clip=1.0, crop=160, symmetries="all"
        ),
    }
    losses = ("alpha", "composition", "adversarial", "discriminator", "accuracy")

    network: AlphaGAN

    def __init__(
        self,
        network: AlphaGAN,
        problems: Sequence[Problem],
        schedule: AlphaGANSchedule,
        seed: int,
        device: torch.device,
    ) -> None:
        if schedule.encoder:
            load_encoder(schedule.encoder, network)
        super().__init__(network, problems, schedule, seed, device)
        self.schedule, self.device = schedule, device
        self.discriminator: PatchGAN = PatchGAN.preset(schedule.discriminator).to(
            device, memory_format=torch.channels_last
        )  # type: ignore[call-overload]
        self.judge = replicated(self.discriminator)
        self.drawing = Drawing(problems, seed, device, schedule)

    def optimisers(self) -> dict[str, Optimizer]:
        players = {"generator": self.network, "discriminator": self.discriminator}
        return {name: optimiser_of(player.parameters(), self.schedule) for name, player in players.items()}

    def step(self, optimisers: Mapping[str, Optimizer], iteration: int) -> dict[str, Tensor]:
        planes = self.drawing.batch(iteration)
        views, of_all = Views.of(share(planes)), Views.of(planes)
        weight = world_size() * views.unknown.sum() / of_all.unknown.sum()
        played = self.schedule.game > 0 and iteration >= self.schedule.warm_up
        rate = self.schedule.rate_at(iteration)
        alpha, losses = self.generator_step(optimisers["generator"], views, weight, rate, played)
        if played:
            rate *= self.schedule.discriminator_rate / self.schedule.rate
            return losses | self.discriminator_step(optimisers["discriminator"], views, alpha, rate)
        return losses | dict.fromkeys(self.losses[3:], torch.zeros((), device=self.device))

    def generator_step(
        self, optimiser: Optimizer, views: Views, weight: Tensor, rate: float, played: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One step of the generator; the matte before it, and its losses."""
        alpha = self.generated(views)
        losses = matting_losses(alpha, views, weight)
        losses["adversarial"] = self.adversarial_loss(views.composite(alpha), views) if played else alpha.new_zeros(())
        loss = losses["alpha"] + losses["composition"] + self.schedule.game * losses["adversarial"]
        descend(optimiser, loss, rate, self.schedule.clip)
        return alpha.detach(), {name: value.detach() for name, value in losses.items()}

    def generated(self, views: Views) -> Tensor:
        """The mattes of views, known pixels as the trimap has them."""
        mattes = views.mattes if self.network.mattes else None
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.precision == "bfloat16"):
            alpha = self.predict(views.image, views.trimap, mattes, CG(tolerance=1e-3))
        return views.labelled(alpha.float())

    def adversarial_loss(self, composite: Tensor, views: Views) -> Tensor:
        """How much composites look composited, to a discriminator that does not learn from it."""
        self.discriminator.requires_grad_(False)
        scores = self.scores(composite, views, self.discriminator)
        self.discriminator.requires_grad_(True)
        return functional.binary_cross_entropy_with_logits(scores, torch.ones_like(scores))

    def discriminator_step(self, optimiser: Optimizer, views: Views, alpha: Tensor, rate: float) -> dict[str, Tensor]:
        """One step of the discriminator on composites of the true matte and of the generator's."""
        real, composited = (self.scores(views.composite(matte), views, self.judge) for matte in (views.alpha, alpha))
        wrong = functional.softplus(torch.cat([-real, composited]))  # binary cross-entropy
        descend(optimiser, wrong.mean(), rate, self.schedule.clip)
        right = torch.cat([real > 0, composited < 0]).float().mean()
        return {"discriminator": wrong.mean().detach(), "accuracy": right}

    def scores(self, composite: Tensor, views: Views, judge: Callable[[Tensor], Tensor]) -> Tensor:
        """One score of each composite, the mean of those of its patches; above 0 is real."""
        x = torch.cat([normalised(composite), views.trimap], dim=1)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.precision == "bfloat16"):
            logits = judge(x)
        return logits.float().mean((1, 2, 3))

    def matte(self, problem: Problem) -> Array:
        mattes = [problem.whole(values) for values in problem.mattes]
        return whole(self.network, problem.image / 255, Trimap.parse(problem.trimap), mattes)


def matting_losses(alpha: Tensor, views: Views, weight: Tensor | float = 1.0) -> dict[str, Tensor]:
    """The losses of mattes (B, 1, S, S) without a discriminator, times a weight.

    Composites with colours F and B' differ by (α̂ - α)(F - B').
    """
    mattes, unknown = (alpha[:, 0], views.alpha[:, 0]), views.unknown[:, 0]
    apart = views.foreground - views.background
    of_colour = composition_loss(*mattes, apart, 0.0, unknown, channel_axis=-3)
    return {"alpha": weight * alpha_loss(*mattes, unknown), "composition": weight * of_colour}
