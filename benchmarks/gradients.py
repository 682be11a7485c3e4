"""The cost of gradients: backward and forward passes, batches and single images, the adjoint and alternatives.

    python -m benchmarks.gradients [--data DIR] [--repeat 5]

First table: "forward" is a complete call of a verb of `propmat.adjoint`, "backward" a call of its pullback for weights
or colours, both minimum times; "kept" is the size of the arrays that the pullback references, inputs included. Second
table: the forward pass for eight crops of 320 x 320 pixels in one call of `propmat.torch`, compared with one image of
the same pixels. Third table: the gradient of edge weights by the adjoint, compared with differentiation through the
iterations of conjugate gradients (Jacobi) and through a dense solve, in PyTorch, float64.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np
import torch

import propmat
import propmat.torch
from benchmarks.data.problems import DATA, lemur
from benchmarks.measuring.clock import least_seconds
from propmat import adjoint
from propmat.solvers import CG
from propmat.torch import _propagate, _pullbacks

SIGMA = 0.05
CROP, CROPS = 320, 8
Pair = tuple[np.ndarray, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    crops = [propmat.datasets.synthetic(seed, (CROP, CROP)) for seed in range(CROPS)]
    print("| problem | gradient of | forward, s | backward, s | ratio | kept, MB |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, wanted, problem, verb in cases(arguments.data, crops):
        backward_over_forward(name, wanted, problem, verb, arguments.repeat)
    print("\n| eight crops of 320 x 320 | crops, s | one image, s | ratio |\n| --- | ---: | ---: | ---: |")
    for name, verb in batched().items():
        batch_over_image(name, verb, crops, arguments.repeat)
    print("\n| unknown | way | forward + backward, s | saved, MB | difference |\n| ---: | --- | ---: | ---: | ---: |")
    for side in (48, 128):
        other_ways(side, arguments.repeat)


def edges(image: np.ndarray) -> Pair:
    """Affinities from colours."""
    horizontal, vertical = (
        np.exp(-np.square(np.diff(image, axis=axis)).sum(axis=-1) / (2 * SIGMA**2)) + 1e-4 for axis in (1, 0)
    )
    return horizontal, vertical


def cases(data: Path, crops: list) -> Iterator[tuple]:
    verbs: dict[tuple[str, str], Callable] = {
        ("propagate", "weights"): lambda image, trimap: adjoint.propagate(edges(image), trimap),
        ("propagate, confidence 0.8", "weights"): lambda i, t: adjoint.propagate(edges(i), t, confidence=0.8),
        ("closed form", "colours"): adjoint.closed_form,
        ("KNN", "colours"): adjoint.knn,
    }
    problems = {f"{CROPS} crops": [(sample.image, sample.trimap) for sample in crops]}
    if data.is_dir():
        large = lemur(data, 2)
        problems = {large.name: [(large.image / 255, large.trimap)], **problems}
    for place, problem in problems.items():
        for (verb, gradient), call in verbs.items():
            yield f"{place}, {verb}", gradient, problem, call


def backward_over_forward(name: str, wanted: str, problem: list, verb: Callable, repeat: int) -> None:
    names = ("horizontal", "vertical") if wanted == "weights" else ("image",)
    upstream = [np.random.default_rng(0).standard_normal(trimap.shape) for _, trimap in problem]
    forward = least_seconds(lambda: [verb(*given)[0] for given in problem], repeat)
    pullbacks = [verb(*given)[1] for given in problem]
    backward = least_seconds(lambda: [p(g, wanted=names) for p, g in zip(pullbacks, upstream, strict=True)], repeat)
    ratio = backward / forward
    print(
        f"| {name} | {wanted} | {forward:.2f} | {backward:.2f} | {ratio:.2f} | {reachable_megabytes(pullbacks):.0f} |",
        flush=True,
    )


def batched() -> dict[str, Callable]:
    def propagated(image: torch.Tensor, trimap: torch.Tensor, confidence: float | None) -> torch.Tensor:
        pair = tuple(torch.exp(-image.diff(dim=axis).square().sum(dim=-3) / (2 * SIGMA**2)) + 1e-4 for axis in (-1, -2))
        return propmat.torch.propagate(pair, trimap, confidence=confidence)

    return {
        "propagate": lambda image, trimap: propagated(image, trimap, None),
        "propagate, confidence 0.8": lambda image, trimap: propagated(image, trimap, 0.8),
        "closed form": propmat.torch.closed_form,
    }


def batch_over_image(name: str, verb: Callable, crops: list, repeat: int) -> None:
    image = torch.from_numpy(np.stack([sample.image.transpose(2, 0, 1) for sample in crops]))
    trimap = torch.from_numpy(np.stack([sample.trimap for sample in crops]))
    # The same pixels as one image, two crops in each row.
    whole = image.unflatten(0, (-1, 2)).permute(2, 0, 3, 1, 4).reshape(3, -1, 2 * CROP)
    labels = trimap.unflatten(0, (-1, 2)).permute(0, 2, 1, 3).reshape(-1, 2 * CROP)
    batch = least_seconds(lambda: verb(image, trimap), repeat)
    one = least_seconds(lambda: verb(whole, labels), repeat)
    print(f"| {name} | {batch:.2f} | {one:.2f} | {batch / one:.2f} |", flush=True)


def other_ways(side: int, repeat: int) -> None:
    sample = propmat.datasets.synthetic(0, (side, side))
    trimap = torch.from_numpy(sample.trimap)
    pair = [torch.from_numpy(edge).requires_grad_() for edge in edges(sample.image)]
    tight = CG(rtol=1e-8)
    ways: dict[str, Callable] = {
        "adjoint": lambda: propmat.torch.propagate(pair, trimap, confidence=0.8, solver=tight),
        "through the iterations": lambda: unrolled(*pair, trimap, 0.8, 1e-8),
    }
    if side <= 64:
        ways["through a dense solve"] = lambda: dense(*pair, trimap, 0.8)
    reference = None
    for name, way in ways.items():
        gradient = torch.autograd.grad(way().square().sum(), pair)
        reference = reference or gradient
        difference = max(((a - b).norm() / b.norm()).item() for a, b in zip(gradient, reference, strict=True))
        seconds = least_seconds(lambda way=way: torch.autograd.grad(way().square().sum(), pair), repeat)
        print(f"| {side**2} | {name} | {seconds:.3f} | {saved(way):.1f} | {difference:.0e} |", flush=True)


def product(horizontal: torch.Tensor, vertical: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    pad = torch.nn.functional.pad
    across, down = horizontal * x.diff(dim=1), vertical * x.diff(dim=0)
    return pad(across, (1, 0)) - pad(across, (0, 1)) + pad(down, (0, 0, 1, 0)) - pad(down, (0, 0, 0, 1))


def unrolled(
    horizontal: torch.Tensor, vertical: torch.Tensor, trimap: torch.Tensor, confidence: float, rtol: float
) -> torch.Tensor:
    """Conjugate gradients with Jacobi, every step recorded by PyTorch."""
    weight = confidence * (trimap != 0.5).double()
    diagonal = _propagate._degree(horizontal, vertical) + weight
    residual = weight * (trimap == 1)
    x, limit = torch.zeros_like(residual), rtol * residual.norm().item()
    direction = residual / diagonal
    rz = (residual * direction).sum()
    while residual.norm().item() > limit:
        along = product(horizontal, vertical, direction) + weight * direction
        step = rz / (direction * along).sum()
        x, residual = x + step * direction, residual - step * along
        scaled = residual / diagonal
        rz, old = (residual * scaled).sum(), rz
        direction = scaled + rz / old * direction
    return x


def dense(horizontal: torch.Tensor, vertical: torch.Tensor, trimap: torch.Tensor, confidence: float) -> torch.Tensor:
    height, width = trimap.shape
    pixel = torch.arange(height * width).reshape(height, width)
    i = torch.cat([pixel[:, :-1].ravel(), pixel[:-1].ravel()])
    j = torch.cat([pixel[:, 1:].ravel(), pixel[1:].ravel()])
    half = torch.zeros(pixel.numel(), pixel.numel(), dtype=torch.float64).index_put(
        (i, j), torch.cat([horizontal.ravel(), vertical.ravel()])
    )
    affinity = half + half.T
    weight = confidence * (trimap != 0.5).ravel().double()
    return torch.linalg.solve(
        torch.diag(affinity.sum(dim=1) + weight) - affinity, weight * (trimap == 1).ravel().double()
    )


def saved(way: Callable) -> float:
    """Megabytes of tensors that PyTorch saves for the backward pass, and of arrays that propmat's pullbacks keep."""
    sizes: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = way()
    kept = sum(sizes.values()) / 1e6 + reachable_megabytes([state.batch for state in _pullbacks._STATES.values()])
    del result
    return kept


def reachable_megabytes(root: object) -> float:
    """Megabytes of the arrays that are reachable from an object."""
    seen, ahead, total = set(), [root], 0
    while ahead:
        thing = ahead.pop()
        if id(thing) in seen or isinstance(thing, (type, ModuleType)):
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            total += 0 if isinstance(thing.base, np.ndarray) else thing.nbytes
            ahead.append(thing.base)
        elif isinstance(thing, FunctionType):
            ahead.extend(thing.__closure__ or ())
        else:
            ahead.extend(gc.get_referents(thing))
    return total / 1e6


if __name__ == "__main__":
    main()
