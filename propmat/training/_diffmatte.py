"""Training of DiffMatte: to take noise out of true mattes, and then out of those that it answered itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from propmat._trimap import Trimap
from propmat.errors import InputError
from propmat.networks._diffmatte._diffusion import noisy, scaled
from propmat.networks._diffmatte._matte import Sampling, whole
from propmat.networks._diffmatte._network import DiffMatte
from propmat.networks._diffmatte._seen import COLOURS_AND_LABELS, Seen, answered, padded
from propmat.networks._encoders import load_encoder
from propmat.networks._trunks._vit import BLOCKS, ViT
from propmat.solvers._cg import CG
from propmat.training._alphagan_views import Drawing, Views, ViewSchedule
from propmat.training._diffmatte_losses import denoising_losses
from propmat.training._diffmatte_views import augmented
from propmat.training._optimisers import descend, optimiser_of
from propmat.training._problem import Array, Problem
from propmat.training._processes import replicated, share, world_size
from propmat.training._schedule import count, file, one_of, size
from propmat.training._start import go_on_from
from propmat.training._task import Scores, Task, means

LEAST_CROP = 32  # pixels, for five levels of a pyramid
FALLS = {0.0: 1.0, 0.2: 0.1, 0.6: 0.05, 0.93: 0.01}  # factors of the rate from shares of the iterations on
SHAPING = ("encoder", "side", "down", "up", "embedding", "t_scale", "mattes")  # options that weights depend on
COLDEST = 1e-3  # factor of the rate at the first iteration of the warm-up


@dataclass(frozen=True, kw_only=True)
class DiffMatteSchedule(ViewSchedule):
    """Beside views: when and how answers are what noise is added to, rates, and averages."""

    aligned_from: float = size(1, 0.67)  # share of the iterations before; 1 for never
    aligned_by: str = one_of(("intervals", "noise"), "intervals")  # see `DiffMatteTask.drawn`
    interval: float = size(1, 0.0)  # between both times; 0 for random ones
    decay: str = one_of(("constant", "cosine", "steps"), "constant")  # of the rate; "steps" as in the authors' code
    warm_up: int = count(10**9, 250, least=0)  # iterations in which the rate rises
    layer_decay: float = size(1, 1.0, least=0.01)  # of the rates of a transformer, from block to block downwards
    average: float = size(1, 0.0)  # what the mean of the weights keeps at an iteration, below 1; 0 for none
    crop: int = count(2**13, 512, least=LEAST_CROP)  # pixels a side
    augmentation: str = one_of(("none", "paper"), "none")  # see `augmented`; of networks without mattes
    precision: str = one_of(("single", "bfloat16"), "single")  # of convolutions; faster where processors have it
    encoder: str = file()  # see `load_encoder`
    start: str = file()  # weights of a training that this one goes on from
    steps: int = count(1000, 10)  # of mattes to validate with

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.average == 1:
            raise InputError("average: takes less than 1, with which the weights would stay the first ones; got 1")

    def rate_at(self, iteration: int) -> float:
        rate = super().rate_at(iteration)
        if self.decay == "steps":
            done = iteration / self.iterations
            rate = self.rate * next(factor for start, factor in reversed(FALLS.items()) if done >= start)
        return rate * (COLDEST + (1 - COLDEST) * min(iteration / self.warm_up, 1) if self.warm_up else 1)


class Drawn(NamedTuple):
    """What is drawn for a batch beside its views.

    Attributes
    ----------
    noise : (B, 1, S, S) tensor
    time : (B,) tensor
        Of the noisy mattes.
    ahead : (B,) tensor
        The times at which mattes are answered first.
    """

    noise: Tensor
    time: Tensor
    ahead: Tensor


class DiffMatteTask(Task):
    """Five losses of mattes without noise, one optimiser."""

    kind = DiffMatte
    settings = DiffMatteSchedule
    schedules = {
        "faithful": DiffMatteSchedule(
            iterations=202_000,  # 150 times 43,100 composites
            batch=32,
            rate=5e-5,
            weight_decay=0.1,
            decay="steps",
            layer_decay=0.65,
            augmentation="paper",
        ),
        "fast": DiffMatteSchedule(
            iterations=4_000, batch=8, rate=1e-3, decay="cosine", clip=1.0, crop=160, symmetries="all"
        ),
    }
    losses = ("squared", "unknown", "known", "gradient", "laplacian")

    network: DiffMatte

    def __init__(
        self,
        network: DiffMatte,
        problems: Sequence[Problem],
        schedule: DiffMatteSchedule,
        seed: int,
        device: torch.device,
    ) -> None:
        if schedule.encoder:
            load_encoder(schedule.encoder, network)
        if schedule.start:
            go_on_from(schedule.start, network, SHAPING)
        if schedule.augmentation == "paper" and network.mattes:
            raise InputError("augmentation: takes 'none' for a network with mattes, which are of pictures as they are")
        super().__init__(network, problems, schedule, seed, device)
        self.schedule, self.device, self.seed = schedule, device, seed
        self.encoded, self.decoded = replicated(self.network.encoder), replicated(self.network.decoder)
        self.average = None
        if schedule.average:
            averaging = get_ema_multi_avg_fn(schedule.average)
            self.average = AveragedModel(self.network, multi_avg_fn=averaging, use_buffers=True)
        self.drawing = Drawing(problems, seed, device, schedule)

    @property
    def trained(self) -> DiffMatte:
        return self.network if self.average is None else cast(DiffMatte, self.average.module)

    def optimisers(self) -> dict[str, Optimizer]:
        return {"network": optimiser_of(layer_groups(self.network, self.schedule.layer_decay), self.schedule)}

    def step(self, optimisers: Mapping[str, Optimizer], iteration: int) -> dict[str, Tensor]:
        planes = self.drawing.batch(iteration)
        if self.schedule.augmentation == "paper":
            planes = augmented(planes, np.random.default_rng((self.seed, iteration, 1)))
        drawn = Drawn(*map(share, self.drawn(iteration)))
        views, of_all = Views.of(share(planes)), Views.of(planes)
        aligned = iteration >= self.schedule.aligned_from * self.schedule.iterations
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.precision == "bfloat16"):
            x = self.answer(views, drawn, aligned)
        found = denoising_losses(x.float(), 2 * views.alpha - 1, views.unknown, of_all.unknown, world_size())
        rate = self.schedule.rate_at(iteration)
        descend(optimisers["network"], torch.stack([*found.values()]).sum(), rate, self.schedule.clip)
        if self.average is not None:
            self.average.update_parameters(self.network)
        return {name: loss.detach() for name, loss in found.items()}

    def drawn(self, iteration: int) -> Drawn:
        """Noise and times of the joint batch of an iteration.

        Intervals between both times are uniform in [0, 1], and times uniform in what is left of it. By "noise" the
        first time is 1 always, and the other uniform.
        """
        rng = np.random.default_rng((self.seed, iteration, 2))
        schedule = self.schedule
        interval = rng.random(schedule.batch)
        if schedule.interval:
            interval = np.full(schedule.batch, schedule.interval)
        time = rng.random(schedule.batch)
        if schedule.aligned_by == "intervals":
            aligned = (1 - interval) * time
            ahead = aligned + interval
        else:
            aligned, ahead = time, np.ones(schedule.batch)
        noise = rng.standard_normal((schedule.batch, 1, schedule.crop, schedule.crop), dtype=np.float32)
        aligned_now = iteration >= schedule.aligned_from * schedule.iterations
        planes = (noise, aligned if aligned_now else time, ahead)
        return Drawn(*(torch.from_numpy(values.astype(np.float32)).to(self.device) for values in planes))

    def answer(self, views: Views, drawn: Drawn, aligned: bool) -> Tensor:
        """The mattes of noisy ones; aligned, of noise in mattes that are answered first, without gradients."""
        mattes = views.mattes if self.network.mattes else None
        planes = self.network.planes(views.image, views.trimap, mattes)
        seen = Seen(self.encoded(padded(planes[:, :COLOURS_AND_LABELS])), planes)
        start = 2 * views.alpha - 1
        if aligned:
            start = self.first_answer(seen, start, drawn)
        x = scaled(noisy(start, drawn.noise, drawn.time, self.network.scale))
        found = answered(self.decoded, seen, x, drawn.time, clipped=False)
        return self.network.solved(views.image, views.trimap, found.float(), CG(tolerance=1e-3))

    @torch.no_grad()
    def first_answer(self, seen: Seen, start: Tensor, drawn: Drawn) -> Tensor:
        """What the network answers ahead of the time of a step, of true mattes with the same noise."""
        x = scaled(noisy(start, drawn.noise, drawn.ahead, self.network.scale))
        return self.network.answer(seen, x, drawn.ahead).clamp(-1, 1)

    def matte(self, problem: Problem) -> Array:
        return self.sampled(problem, Sampling(self.schedule.steps))

    def sampled(self, problem: Problem, sampling: Sampling) -> Array:
        """Alpha (H, W) of a whole problem."""
        mattes = [problem.whole(values) for values in problem.mattes]
        return whole(self.trained, problem.image / 255, Trimap.parse(problem.trimap), mattes, sampling)

    def validate(self, problems: Sequence[Problem]) -> dict[str, Scores]:
        """As for all networks, and of one step."""
        found = super().validate(problems)
        self.eval()
        of_one = [problem.scores(self.sampled(problem, Sampling(1))) for problem in problems]
        self.train()
        return found | {"one step": means(of_one)}


def layer_groups(network: DiffMatte, decay: float) -> list[dict[str, object]]:
    """The weights of a network in groups of one rate each, with their shares of it, the whole rate first.

    The blocks of ViT-S and ViT-B have decay ** (12 - k) with their numbers k from 0 on, without the convolutions
    between them; what is below the first block once more.
    """
    groups: dict[float, list[Parameter]] = {1.0: []}
    decay = decay if isinstance(network.encoder, ViT) else 1.0
    for name, weight in network.named_parameters():
        groups.setdefault(decay ** _depth(name), []).append(weight)
    return [{"params": weights, "share": factor} for factor, weights in groups.items()]


def _depth(name: str) -> int:
    """How many times the rate of a weight is decayed."""
    part, _, rest = name.removeprefix("encoder.").partition(".")
    if not name.startswith("encoder."):
        return 0
    if part in ("pos_embed", "patch_embed"):
        return BLOCKS + 1
    return BLOCKS - int(rest.partition(".")[0]) if part == "blocks" and ".residual." not in rest else 0
