"""Train a small network that predicts affinities of neighbouring pixels, by differentiating through the solve.

    python -m examples.learn_affinities [picture.png]

It is trained on rendered scenes and tested on others, and compared with affinities from colours, exp(-|ΔI|² / 2σ²),
with the σ that is best on the test scenes. Draws both mattes of one scene.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import propmat
import propmat.torch
from propmat.losses import alpha_loss
from propmat.pictures import contact_sheet

SIGMAS = (0.01, 0.02, 0.05, 0.1, 0.2)


class Network(torch.nn.Module):
    """Image and trimap → affinities, from differences of colour and three convolutional layers."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        convolution = torch.nn.Conv2d
        self.features = torch.nn.Sequential(
            convolution(5, width, 3, padding=1),
            torch.nn.ReLU(),
            convolution(width, width, 3, padding=1),
            torch.nn.ReLU(),
            convolution(width, width, 3, padding=1),
        )
        self.affinities = propmat.torch.Affinities(width + 3, pair="differences")

    def forward(self, image: torch.Tensor, trimap: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        known = torch.stack([trimap == 0, trimap == 1], dim=-3).to(image.dtype)
        found = self.features(torch.cat([image, known], dim=-3))
        return self.affinities(torch.cat([10 * image, 10 * found], dim=-3))


def scenes(seeds: range, shape: tuple[int, int]) -> tuple[torch.Tensor, ...]:
    """Images (B, 3, H, W), trimaps and true mattes (B, H, W)."""
    samples = [propmat.datasets.synthetic(seed, shape) for seed in seeds]
    arrays = ([s.image.transpose(2, 0, 1) for s in samples], [s.trimap for s in samples], [s.alpha for s in samples])
    return tuple(torch.from_numpy(np.stack(array)).float() for array in arrays)


def from_colours(image: torch.Tensor, sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    differences = image.diff(dim=-1), image.diff(dim=-2)
    horizontal, vertical = (torch.exp(-d.square().sum(dim=-3) / (2 * sigma**2)) + 1e-4 for d in differences)
    return horizontal, vertical


def error(affinities: tuple[torch.Tensor, torch.Tensor], trimap: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return alpha_loss(propmat.torch.propagate(affinities, trimap), truth, trimap == 0.5)


def main(
    picture: str = "learned.png", shape: tuple[int, int] = (64, 96), scenes_seen: int = 24, steps: int = 250
) -> tuple[float, float]:
    """Train, compare on unseen scenes, draw; returns the two errors, learned and from colours."""
    torch.manual_seed(0)
    image, trimap, truth = scenes(range(scenes_seen), shape)
    network = Network()
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, total_steps=steps)
    for step in range(steps):
        chosen = torch.randperm(scenes_seen)[:4]
        loss = error(network(image[chosen], trimap[chosen]), trimap[chosen], truth[chosen])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step}: {loss.item():.4f}", flush=True)
    image, trimap, truth = scenes(range(1000, 1008), shape)
    with torch.no_grad():
        learned = network(image, trimap)
        sigma = min(SIGMAS, key=lambda s: error(from_colours(image, s), trimap, truth).item())
        errors = [error(pair, trimap, truth).item() for pair in (learned, from_colours(image, sigma))]
        mattes = [
            propmat.torch.propagate(pair, trimap)[0].double().numpy() for pair in (learned, from_colours(image, sigma))
        ]
    print(
        f"mean error of alpha on unknown pixels of unseen scenes: learned {errors[0]:.4f}, from colours {errors[1]:.4f}"
    )
    panels = {"image": image[0].permute(1, 2, 0), "truth": truth[0], "learned": mattes[0], "from colours": mattes[1]}
    propmat.io.write_image(Path(picture), contact_sheet({k: np.asarray(v, dtype=float) for k, v in panels.items()}))
    return errors[0], errors[1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", nargs="?", default="learned.png", help="the file to draw to (%(default)s)")
    main(parser.parse_args().picture)
