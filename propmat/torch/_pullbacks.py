"""Pullbacks under numbers: what an operation needs for the way back, and cannot return, since outputs are tensors."""

from __future__ import annotations

import itertools
import weakref

import numpy as np
import torch
from torch import Tensor

from propmat._batching._batch import BatchPullback


class _State(np.ndarray):
    """A number that keeps the pullbacks of a batch alive as long as the tensor that shares its memory."""

    pullback: BatchPullback


_NUMBERS = itertools.count()
_STATES: weakref.WeakValueDictionary[int, _State] = weakref.WeakValueDictionary()


def kept(pullback: BatchPullback) -> Tensor:
    """The number of a pullback, which is kept as long as this tensor or one that shares its memory."""
    state = np.array(next(_NUMBERS)).view(_State)
    state.pullback = pullback
    _STATES[int(state)] = state
    return torch.from_numpy(state)


def kept_under(number: Tensor) -> BatchPullback | None:
    """The pullback of a number, if it is still there."""
    state = _STATES.get(int(number))
    return None if state is None else state.pullback
