"""Training of DCNN on patches; all that is drawn from lies on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from propmat._trimap import Trimap
from propmat.errors import InputError
from propmat.networks._dcnn._matte import stacked, whole
from propmat.networks._dcnn._network import DCNN, MARGIN, PATCH, TARGET
from propmat.training._optimisers import descend, optimiser_of
from propmat.training._problem import Array, Problem
from propmat.training._processes import share
from propmat.training._schedule import Schedule, count, one_of
from propmat.training._task import Task

# The grid of groups: patches by how much of them is opaque, and by how much of that is edge.
OPAQUE_BINS, EDGE_BINS = 5, 4
EDGE = 1e-3


@dataclass(frozen=True, kw_only=True)
class DcnnSchedule(Schedule):
    """Beside what all take: how patches are drawn and compared."""

    loss: str = one_of(("squared", "absolute"), "squared")  # "squared" as in the paper
    precision: str = one_of(("single", "bfloat16"), "single")  # of convolutions; faster where processors have it
    symmetries: str = one_of(("turns", "all"), "turns")  # and mirror images; see `exchanged` for "all"
    patches: int = count(10**7, 20_000)  # of each problem, at most


class DcnnTask(Task):
    """One loss of patches, one optimiser."""

    kind = DCNN
    settings = DcnnSchedule
    schedules = {
        "faithful": DcnnSchedule(iterations=1_000_000, batch=128, rate=1e-5, optimiser="sgd"),
        "fast": DcnnSchedule(
            iterations=5_000,
            batch=64,
            rate=3e-3,
            optimiser="soap",
            decay="cosine",
            loss="absolute",
            symmetries="all",
        ),
    }
    losses = ("alpha",)

    network: DCNN

    def __init__(
        self, network: DCNN, problems: Sequence[Problem], schedule: DcnnSchedule, seed: int, device: torch.device
    ) -> None:
        super().__init__(network, problems, schedule, seed, device)
        self.schedule, self.device = schedule, device
        self.patches = Patches(problems, schedule, seed, device)

    def optimisers(self) -> dict[str, Optimizer]:
        return {"network": optimiser_of(self.network.parameters(), self.schedule)}

    def step(self, optimisers: Mapping[str, Optimizer], iteration: int) -> dict[str, Tensor]:
        loss = self.loss(iteration)
        descend(optimisers["network"], loss, self.schedule.rate_at(iteration), self.schedule.clip)
        return {"alpha": loss.detach()}

    def loss(self, iteration: int) -> Tensor:
        """Of the batch of an iteration."""
        x, truth = map(share, self.patches.batch(iteration))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.schedule.precision == "bfloat16"):
            alpha = self.predict(x)
        measure = euclidean_loss if self.schedule.loss == "squared" else absolute_loss
        return measure(alpha.float(), truth)

    def matte(self, problem: Problem) -> Array:
        mattes = [problem.whole(values) for values in problem.mattes]
        return whole(self.network, problem.image / 255, Trimap.parse(problem.trimap), mattes)


def euclidean_loss(alpha: Tensor, truth: Tensor) -> Tensor:
    """Caffe's loss, Σ (α̂ - α)² / 2B: on patches of 15 x 15 it is 112.5 times the mean squared error."""
    return (alpha - truth).square().sum() / (2 * len(alpha))


def absolute_loss(alpha: Tensor, truth: Tensor) -> Tensor:
    """Σ abs(α̂ - α) / B: a departure, which chooses between mattes where the square takes their mean."""
    return (alpha - truth).abs().sum() / len(alpha)


class Patches:
    """Windows of 27 x 27 pixels around unknown pixels, each group of them drawn equally often, turned and mirrored."""

    def __init__(self, problems: Sequence[Problem], schedule: DcnnSchedule, seed: int, device: torch.device) -> None:
        self.seed, self.size, self.device = seed, schedule.batch, device
        self.all_symmetries = schedule.symmetries == "all"
        planes, corners, kinds, first = [], [], [], 0
        for number, problem in enumerate(problems):
            padded = torch.nn.functional.pad(_planes(problem), (MARGIN,) * 4)  # 6 x H + 12 x W + 12
            rng = np.random.default_rng((seed, number))
            rows, columns, counts = windows(problem, schedule.patches, rng)
            width = padded.shape[2]
            corners.append(np.stack([first + rows * width + columns, np.full(len(rows), width)], axis=1))
            kinds.append(counts)
            planes.append(padded.flatten(1).T.half())
            first += len(planes[-1])
        # Pixels first, so that what is drawn has its channels last, as convolutions are fastest.
        seen, truth = torch.cat(planes).to(device).tensor_split([-1], dim=1)
        self.seen, self.truth = seen.contiguous(), truth[:, 0].contiguous()
        groups = grouped(np.concatenate(kinds))
        order = np.argsort(groups, kind="stable")
        self.sizes = np.bincount(groups)
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.corners = torch.from_numpy(np.concatenate(corners)[order]).to(device)
        self.grids = torch.from_numpy(_turned_grids()).to(device)

    def batch(self, iteration: int) -> tuple[Tensor, Tensor]:
        """(B, 3 + mattes, 27, 27) of what the network sees, (B, 1, 15, 15) of true alpha."""
        rng = np.random.default_rng((self.seed, iteration))
        group = (iteration * self.size + np.arange(self.size)) % len(self.sizes)
        picked = self.starts[group] + rng.integers(self.sizes[group])
        turns = rng.integers(len(self.grids), size=self.size)
        corner = self.corners[torch.from_numpy(picked).to(self.device)]
        grid = self.grids[torch.from_numpy(turns).to(self.device)]  # B x 2 x 27 x 27
        first, width = (column[:, None, None] for column in corner.T)
        pixels = first + grid[:, 0] * width + grid[:, 1]
        inner = pixels[:, None, MARGIN:-MARGIN, MARGIN:-MARGIN]
        x, truth = self.seen[pixels].float().movedim(3, 1), self.truth[inner].float()
        return exchanged(x, truth, rng) if self.all_symmetries else (x, truth)


def _planes(problem: Problem) -> Tensor:
    """What the network sees of a problem, and the truth after it."""
    return stacked(problem.image / 255, [problem.whole(values) for values in (*problem.mattes, problem.alpha)])


def exchanged(x: Tensor, truth: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Patches with their colours in some order, and half of them with background for foreground.

    The mattes follow exactly, for methods to which the channels of a picture are alike. The zeros around a picture
    become ones with the mattes.
    """
    orders = torch.from_numpy(rng.permuted(np.tile(np.arange(3), (len(x), 1)), axis=1)).to(x.device)
    colours = x[:, :3].gather(1, orders[:, :, None, None].expand(-1, -1, *x.shape[2:]))
    swapped = torch.from_numpy(rng.random((len(x), 1, 1, 1)) < 0.5).to(x.device)
    mattes, truth = (torch.where(swapped, 1 - values, values) for values in (x[:, 3:], truth))
    return torch.cat([colours, mattes], dim=1).contiguous(memory_format=torch.channels_last), truth


def _turned_grids() -> Array:
    """Rows and columns of a patch in its eight positions: (8, 2, 27, 27)."""
    grid = np.indices((PATCH, PATCH))
    mirrored = (grid, grid[:, :, ::-1])
    return np.stack([np.rot90(one, k, axes=(1, 2)) for one in mirrored for k in range(4)])


def windows(problem: Problem, most: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Upper left corners of windows around unknown pixels, at most so many, and two counts of each.

    The 15 x 15 pixels in the middle lie within the picture, at its borders beside the unknown pixel's place. Counted
    are those that are not transparent, and those where alpha changes.
    """
    alpha = problem.whole(problem.alpha).astype(np.float32)
    if min(alpha.shape) < TARGET:
        raise InputError(f"data: {problem.name} is {alpha.shape[1]} x {alpha.shape[0]} pixels, takes at least {TARGET}")
    places = np.argwhere(problem.unknown)
    if len(places) > most:
        places = rng.choice(places, most, replace=False)
    rows, columns = np.clip(places - TARGET // 2, 0, np.array(alpha.shape) - TARGET).T
    slope = np.hypot(np.diff(alpha, axis=0, append=alpha[-1:]), np.diff(alpha, axis=1, append=alpha[:, -1:]))
    counts = [_sums(mask, TARGET)[rows, columns] for mask in (alpha > 0, slope > EDGE)]
    return rows, columns, np.stack(counts, axis=1)


def _sums(mask: Array, side: int) -> Array:
    """How many pixels of `mask` are set in each square within it."""
    total = np.pad(mask.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    sums: Array = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    return sums


def grouped(counts: Array) -> Array:
    """Groups of patches by the quantiles of two counts, numbered without gaps."""
    bins = [
        np.searchsorted(np.quantile(values, np.linspace(0, 1, number + 1)[1:-1]), values, side="right")
        for values, number in zip(counts.T, (OPAQUE_BINS, EDGE_BINS), strict=True)
    ]
    groups: Array = np.unique(EDGE_BINS * bins[0] + bins[1], return_inverse=True)[1]
    return groups
