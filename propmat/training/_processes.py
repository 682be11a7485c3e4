"""Data-parallel training: the processes that ``torchrun`` starts share each batch and average their gradients."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from propmat.errors import InputError
from propmat.training._joint_normalisation import joint_normalisation


def launched() -> bool:
    """Whether ``torchrun`` started this process."""
    return distributed.is_available() and distributed.is_torchelastic_launched()


def local_rank() -> int:
    """The number of this process on its machine."""
    return int(os.environ.get("LOCAL_RANK", "0")) if launched() else 0


@contextmanager
def joined(device: torch.device) -> Iterator[None]:
    """Communicate with the processes that ``torchrun`` started with this one, if it did."""
    if not launched() or distributed.is_initialized():
        yield
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
        _wait_for_all()  # what the first writes last is there when any of them ends
    finally:
        distributed.destroy_process_group()


def _wait_for_all() -> None:
    # Not `barrier` by Gloo: its thread needs the interpreter to finish that, while the destruction of the group holds
    # the interpreter and waits for the thread.
    if distributed.get_backend() == "gloo":
        distributed.monitored_barrier()
    else:
        distributed.barrier()


def world_size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the process that writes files and validates."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def by_first(context: AbstractContextManager[None]) -> AbstractContextManager[None]:
    """A context that only the first process enters."""
    return context if is_first() else nullcontext()


def check_batch(size: int) -> None:
    """Refuse a batch that cannot be shared equally."""
    if size % world_size():
        raise InputError(f"batch: takes a multiple of the {world_size()} processes, got {size}")


def share(batch: Tensor) -> Tensor:
    """The part of a joint batch that this process works on."""
    return batch.chunk(world_size())[distributed.get_rank()] if distributed.is_initialized() else batch


def mean(value: Tensor) -> Tensor:
    """The mean of a number over the processes."""
    if world_size() == 1:
        return value
    total = value.clone()
    distributed.all_reduce(total)
    return total / world_size()


def check_agreement(iteration: int, device: torch.device) -> None:
    """Refuse to start from different checkpoints, which processes without a common folder would."""
    if world_size() == 1:
        return
    ends = torch.tensor([iteration, -iteration], device=device)
    distributed.all_reduce(ends, distributed.ReduceOp.MAX)
    if ends[0] != -ends[1]:
        raise InputError("output: the processes found different checkpoints; takes a folder that all of them share")


def replicated(network: nn.Module) -> Callable[..., Tensor]:
    """A call of a network after whose backward pass all processes have the mean of their gradients.

    Statistics of batch normalisation are of the joint batch.
    """
    # Bound methods below, for a module would become a second name of the weights in checkpoints.
    if world_size() == 1:
        return network.__call__
    if next(network.parameters()).device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
    else:
        joint_normalisation(network)
    return DistributedDataParallel(network).__call__
