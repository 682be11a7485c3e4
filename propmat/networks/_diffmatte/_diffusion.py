"""Noise in mattes, and the steps that take it out again.

T. Chen, "On the Importance of Noise Scheduling for Diffusion Models", 2023, for the input scaling; J. Song, C. Meng,
S. Ermon, "Denoising Diffusion Implicit Models", ICLR 2021. Mattes are x = 2 α - 1, noisy ones b √γ x + √(1 - γ) ε with
γ = 1 - t.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from propmat.solvers._base import asks_to_stop

SAMPLERS = ("ddim", "ddpm")
LEAST_GAMMA = 1e-9
LEAST_NOISE = 1e-10  # a standard deviation under a quotient
LEAST_DEVIATION = 1e-5  # of a noisy matte

# (noisy matte of standard deviation 1, time) → the matte without noise, (B, 1, H, W) in [-1, 1].
Predict = Callable[[Tensor, Tensor], Tensor]


def gamma(time: Tensor) -> Tensor:
    """How much of a noisy matte's variance is the matte's, (B,) → (B, 1, 1, 1): 1 - t, not quite 0."""
    return (1 - time).clamp_min(LEAST_GAMMA)[:, None, None, None]


def noisy(x: Tensor, noise: Tensor, time: Tensor, scale: float) -> Tensor:
    """Mattes (B, 1, H, W) in [-1, 1] with noise of the same shape, at times (B,).

    Parameters
    ----------
    x, noise, time : tensors
    scale : float
        b: below 1 there is more noise at equal times.
    """
    kept = gamma(time).to(x)
    return scale * kept.sqrt() * x + (1 - kept).sqrt() * noise


def scaled(x: Tensor) -> Tensor:
    """Noisy mattes divided by their standard deviations over all pixels, of each its own."""
    return x / x.std((1, 2, 3), correction=0, keepdim=True).clamp_min(LEAST_DEVIATION)


@dataclass(frozen=True)
class Sampler:
    """From noise to a matte.

    Attributes
    ----------
    scale : float
        b.
    steps : int
        How often the noise is predicted, at equal distances of time.
    kind : {"ddim", "ddpm"}
        Whether steps add no noise, or new one.
    start : float
        The time of the first step, at most 1.
    """

    scale: float
    steps: int
    kind: str = "ddim"
    start: float = 1.0

    @property
    def times(self) -> list[float]:
        """Of the steps, and 0."""
        return [self.start * (self.steps - k) / self.steps for k in range(self.steps + 1)]

    def __call__(
        self,
        predict: Predict,
        noise: Callable[[], Tensor],
        first: Tensor | None = None,
        told: Callable[[int, Tensor], object] | None = None,
    ) -> Tensor:
        """The matte in [-1, 1], (B, 1, H, W).

        Parameters
        ----------
        predict : callable
        noise : callable ()
            New standard normal numbers (B, 1, H, W).
        first : (B, 1, H, W) tensor, optional
            A matte to begin at, to which noise is added; needed where `start` is below 1.
        told : callable (step, x), optional
            Called after each step with the matte that it predicts; returning True ends with that.
        """
        x = noise()
        times = [torch.full((len(x),), time, device=x.device, dtype=x.dtype) for time in self.times]
        if first is not None:
            x = noisy(first, x, times[0], self.scale)
        for number, (time, following) in enumerate(zip(times[:-1], times[1:], strict=True), 1):
            found = predict(scaled(x), time).clamp(-1, 1)
            if told is not None and asks_to_stop(told(number, found)):
                return found
            x = self._step(x, found, time, following, noise if number < self.steps else None)
        return x / self.scale

    def _step(
        self, x: Tensor, found: Tensor, time: Tensor, following: Tensor, noise: Callable[[], Tensor] | None
    ) -> Tensor:
        """The noisy matte at the following time; the last step has no noise to add."""
        kept, then = gamma(time), gamma(following)
        if self.kind == "ddim":
            left = (x - self.scale * kept.sqrt() * found) / (1 - kept).sqrt().clamp_min(LEAST_NOISE)
            return self.scale * then.sqrt() * found + (1 - then).sqrt() * left
        # 1 - c of the posterior is a quotient of ratios of matte to noise.
        share = kept * (1 - then) / ((1 - kept) * then)
        mean = self.scale * then.sqrt() * (share * x / (self.scale * kept.sqrt()) + (1 - share) * found)
        return mean if noise is None else mean + ((1 - then) * (1 - share)).sqrt() * noise()
