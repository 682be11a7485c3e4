"""Files of public layouts, and which tensors of a network their names mean; nothing is unpickled but tensors."""

from __future__ import annotations

import os
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors import safe_open
from torch import Tensor

from propmat._typing import PathLike
from propmat.errors import InputError, refused_as, shown
from propmat.networks._weights import LONGEST_HEADER, check_regular, check_values

COUNTS = "num_batches_tracked"  # which older files lack
HEADER = b"{"  # what follows the length of the header in safetensors
PICKLED = (b"PK", b"\x80")  # what files of `torch.save` begin with, new and old


@dataclass(frozen=True)
class Layout:
    """The names of a public file.

    Attributes
    ----------
    first : str
        The weights of the first layer by their name in the encoder; only here may the encoder take further channels.
        Empty for none.
    left_out : str
        A pattern of the names of tensors that an encoder has no use for, such as those of the classifier.
    renamed : tuple of (str, str)
        Patterns in names and what takes their place, one after another, which gives the names of the encoder.
    """

    first: str
    left_out: str
    renamed: tuple[tuple[str, str], ...] = ()

    def named(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors by the names of the encoder."""
        return {self._name(name): value for name, value in tensors.items() if not re.match(self.left_out, name)}

    def _name(self, name: str) -> str:
        for pattern, other in self.renamed:
            name = re.sub(pattern, other, name)
        return name


def fitted(
    tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], layout: Layout, path: PathLike, what: str
) -> dict[str, Tensor]:
    """A state like one's own: tensors of a file, and what it lacks for good reason."""
    given = layout.named(tensors)
    for name, tensor in tensors.items():
        same = layout.named({name: tensor})
        if any(given[other] is not tensor for other in same):
            raise InputError(f"weights: {path} has two tensors {shown(next(iter(same)))}, one of them as {shown(name)}")
    for name in given:
        if name not in own:
            raise InputError(f"weights: {path} does not fit {what}: unexpected tensor {shown(name)}")
    found = {}
    for name, expected in own.items():
        if name in given:
            found[name] = _tensor(given[name], expected, name, path, what, first=name == layout.first)
        elif name.endswith(COUNTS):
            found[name] = torch.zeros_like(expected, device="cpu") if expected.is_meta else expected
        else:
            raise InputError(f"weights: {path} does not fit {what}: missing tensor {shown(name)}")
    return found


def _tensor(found: Tensor, expected: Tensor, name: str, path: PathLike, what: str, *, first: bool) -> Tensor:
    """A tensor of the file as the encoder has it; that of the first layer with further channels of 0."""
    shape = (expected.shape[0], 3, *expected.shape[2:]) if first else tuple(expected.shape)
    if tuple(found.shape) != shape:
        raise InputError(
            f"weights: {path} does not fit {what}: size mismatch for {name}, it is {tuple(found.shape)} in the file "
            f"and {shape} here"
        )
    if found.is_floating_point() != expected.is_floating_point() or found.is_complex():
        raise InputError(f"weights: {path}: the tensor {name} is of {found.dtype}, takes {expected.dtype}")
    tensor: Tensor = found.to(dtype=expected.dtype, copy=True)
    check_values(tensor, name, path)
    if not first:
        return tensor
    return torch.cat([tensor, tensor.new_zeros(expected.shape[0], expected.shape[1] - 3, *expected.shape[2:])], dim=1)


def tensors_of(path: PathLike) -> dict[str, Tensor]:
    """All tensors of a file, by name."""
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"weights: takes the path of a file, got {shown(path)}")
    with refused_as(InputError, f"weights: cannot read {path if str(path).isprintable() else ascii(str(path))}"):
        check_regular(path)
        with open(path, "rb") as stream:
            start = stream.read(9)
        if start[8:] == HEADER and int.from_bytes(start[:8], "little") <= LONGEST_HEADER:
            with safe_open(path, "pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}
        if not start.startswith(PICKLED):
            raise InputError(f"weights: cannot read {path}: it is neither safetensors nor a state dict of PyTorch")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged files, which raise an error too
            return _checked(_unpickled(path), path)


def _unpickled(path: PathLike) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:  # whose text tells how to run the code
        raise InputError(
            f"weights: cannot read {path}: it is damaged, or holds code or other things than names with tensors; save "
            "the state dict of the network alone"
        ) from None


def _dense(tensor: Tensor) -> bool:
    """Whether a tensor has its numbers one by one."""
    return tensor.layout is torch.strided and not tensor.is_nested and not tensor.is_meta


def _checked(loaded: object, path: PathLike) -> dict[str, Tensor]:
    """A state dict, which holds names and dense tensors alone; alone, or as "model" beside what training kept."""
    if isinstance(loaded, Mapping) and isinstance(loaded.get("model"), Mapping):
        loaded = loaded["model"]
    if not isinstance(loaded, Mapping):
        raise InputError(f"weights: {path} takes a state dict, names with tensors, got {shown(loaded)}")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or not _dense(value):
            raise InputError(f"weights: {path} takes names with dense tensors, got {shown(name)}: {shown(value)}")
    return dict(loaded)
