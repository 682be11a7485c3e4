"""Batches: all that is drawn from lies on the device, and what is drawn follows from the seed and the iteration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from propmat.errors import InputError
from propmat.networks._dcnn import DCNN, MARGIN, PATCH, TARGET, absolute_loss, euclidean_loss, merged, stacked
from propmat.networks._deep_matte_prop_net import DeepMattePropNet, matting_loss, propagated
from propmat.networks.training._config import Config
from propmat.networks.training._problems import Problem
from propmat.solvers import CG
from propmat.trimap import Trimap

Array = NDArray[Any]

# The grid of groups: patches by how much of them is opaque, and by how much of that is edge.
OPAQUE_BINS, EDGE_BINS = 5, 4
EDGE = 1e-3


class Task(Protocol):
    """What training needs of a network."""

    def loss(self, network: Any, iteration: int) -> Tensor:
        """Of the batch of an iteration."""

    def matte(self, network: Any, problem: Problem) -> Array:
        """Alpha of a whole problem."""


class Patches:
    """Windows of 27 x 27 pixels around unknown pixels, each group of them drawn equally often, turned and mirrored."""

    def __init__(self, problems: Sequence[Problem], config: Config, device: torch.device) -> None:
        self.seed, self.size, self.device = config.seed, config.schedule.batch, device
        self.measure = euclidean_loss if config.schedule.loss == "squared" else absolute_loss
        self.halved = torch.autocast(device.type, torch.bfloat16, enabled=config.schedule.precision == "bfloat16")
        self.all_symmetries = config.schedule.symmetries == "all"
        planes, corners, kinds, first = [], [], [], 0
        for number, problem in enumerate(problems):
            padded = torch.nn.functional.pad(_planes(problem), (MARGIN,) * 4)  # 6 x H + 12 x W + 12
            rng = np.random.default_rng((config.seed, number))
            rows, columns, counts = windows(problem, config.schedule.patches, rng)
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

    def loss(self, network: DCNN, iteration: int) -> Tensor:
        x, truth = self.batch(iteration)
        with self.halved:
            alpha = network(x)
        return self.measure(alpha.float(), truth)

    def matte(self, network: DCNN, problem: Problem) -> Array:
        return merged(network, _planes(problem)[:-1].to(self.device)).cpu().numpy()


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


class Crops:
    """Squares around unknown pixels, turned and mirrored."""

    def __init__(self, problems: Sequence[Problem], config: Config, device: torch.device) -> None:
        self.seed, self.size, self.side = config.seed, config.schedule.batch, config.schedule.crop
        small = [problem.name for problem in problems if min(problem.labels.shape) < self.side]
        if small:
            raise InputError(f"crop: {small[0]} is smaller than {self.side} pixels; takes less")
        self.all_symmetries = config.schedule.symmetries == "all"
        self.places = [np.argwhere(problem.unknown) for problem in problems]
        self.ends = np.cumsum([len(places) for places in self.places])
        self.planes = [_layers(problem).to(device) for problem in problems]

    def batch(self, iteration: int) -> Tensor:
        """(B, 8, crop, crop): three of colour, trimap, alpha, three of contrast."""
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

    def loss(self, network: DeepMattePropNet, iteration: int) -> Tensor:
        image, trimap, alpha, contrast = self.batch(iteration).split((3, 1, 1, 3), dim=1)
        found = network(image, trimap, solver=CG(rtol=1e-5))
        return matting_loss(found, alpha, contrast, trimap == 0.5)

    def matte(self, network: DeepMattePropNet, problem: Problem) -> Array:
        return propagated(network, problem.image / 255, Trimap.parse(problem.trimap))


def exchanged_crop(crop: Tensor, rng: np.random.Generator) -> Tensor:
    """Colours in some order, and half of the time background for foreground; contrasts may have either sign."""
    order = rng.permutation(3)
    maps = 1 - crop[3:5] if rng.random() < 0.5 else crop[3:5]
    return torch.cat([crop[order], maps, crop[5 + order]])


def _layers(problem: Problem) -> Tensor:
    """All that a crop is cut from, (8, H, W) in half precision."""
    contrast = np.zeros((*problem.labels.shape, 3), np.float32)
    contrast[problem.unknown] = problem.contrast
    maps = (problem.trimap, problem.whole(problem.alpha))
    return torch.from_numpy(np.dstack([problem.image / 255, *maps, contrast]).transpose(2, 0, 1).astype(np.float16))


TASKS: dict[str, type[Task]] = {DCNN.name: Patches, DeepMattePropNet.name: Crops}
