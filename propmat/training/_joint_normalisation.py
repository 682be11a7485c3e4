"""Batch normalisation of a batch that several processes share, on CPUs, for which PyTorch has none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn


class JointBatchNorm(nn.BatchNorm2d):
    """Batch normalisation whose statistics in training are of all processes' parts, which are of equal size.

    Parameters
    ----------
    alone : BatchNorm2d
        Of one process; its weights and statistics become those of this one.
    """

    def __init__(self, alone: nn.BatchNorm2d) -> None:
        super().__init__(alone.num_features, alone.eps, alone.momentum, alone.affine, alone.track_running_stats)
        self.train(alone.training)
        self._parameters, self._buffers = alone._parameters, alone._buffers

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        values = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        count = distributed.get_world_size() * values.numel() // self.num_features
        mean = _joint_sum(values.sum((0, 2, 3))) / count
        centred = values - mean[:, None, None]
        variance = _joint_sum(centred.square().sum((0, 2, 3))) / count
        self._keep(mean.detach(), variance.detach() * (count / max(count - 1, 1)))
        found = centred * torch.rsqrt(variance + self.eps)[:, None, None]
        if self.affine:
            found = found * self.weight[:, None, None] + self.bias[:, None, None]
        return found.to(x.dtype)

    @torch.no_grad()
    def _keep(self, mean: Tensor, variance: Tensor) -> None:
        """Move the statistics that are used outside of training."""
        if self.running_mean is not None and self.running_var is not None and self.momentum is not None:
            self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
            self.running_var.lerp_(variance.to(self.running_var), self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1


def joint_normalisation(network: nn.Module) -> None:
    """Put `JointBatchNorm` in the place of batch normalisation throughout a network."""
    for name, child in network.named_children():
        if type(child) is nn.BatchNorm2d:
            setattr(network, name, JointBatchNorm(child))
        else:
            joint_normalisation(child)


class _JointSum(torch.autograd.Function):
    """A tensor's sum over the processes; all of their losses depend on it, so gradients are summed too."""

    @staticmethod
    def forward(context: Any, value: Tensor) -> Tensor:
        total = value.contiguous().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        return total


def _joint_sum(value: Tensor) -> Tensor:
    total: Tensor = _JointSum.apply(value)
    return total
