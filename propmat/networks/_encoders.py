"""Encoders from files of the layout that torchvision gives to ResNet-50; nothing is unpickled but tensors."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping

import torch
from safetensors import safe_open
from torch import Tensor

from propmat._typing import PathLike
from propmat.errors import InputError, refused_as, shown
from propmat.networks._alphagan._network import AlphaGAN
from propmat.networks._trunks._resnet import ResNet50
from propmat.networks._weights import LONGEST_HEADER, check_regular, check_values

CLASSIFIER = ("fc.weight", "fc.bias")  # left out
COUNTS = "num_batches_tracked"  # which older files lack
FIRST = "conv1.weight"
HEADER = b"{"  # what follows the length of the header in safetensors
PICKLED = (b"PK", b"\x80")  # what files of `torch.save` begin with, new and old


def load_encoder(path: PathLike, network: AlphaGAN) -> None:
    """Start the encoder of a network from weights that classify pictures, such as ImageNet's.

    Further channels of the input, the trimap and mattes, get weights of 0. Nothing changes if the file is refused.

    Parameters
    ----------
    path : str or os.PathLike
        Safetensors, or what ``torch.save`` wrote of a state dict, of torchvision's ``resnet50`` or of the same names
        and shapes. Only tensors are read from it; no code in it is run. The classifier, ``fc``, is left out.
    network : AlphaGAN
        With batch normalisation, of the width of the file: 1.

    Raises
    ------
    InputError
        If the file cannot be read, a tensor is missing, not of the encoder, of another shape or kind, NaN or infinite.

    Examples
    --------
    >>> from propmat.networks import AlphaGAN, load_encoder
    >>> load_encoder("resnet50-0676ba61.pth", AlphaGAN())  # doctest: +SKIP
    """
    if not isinstance(network, AlphaGAN):
        raise InputError(f"network: takes an AlphaGAN, got {type(network).__name__}")
    given = {name: tensor for name, tensor in _tensors(path).items() if name not in CLASSIFIER}
    network.encoder.load_state_dict(_fitted(given, network.encoder, path))


def _fitted(given: Mapping[str, Tensor], encoder: ResNet50, path: PathLike) -> dict[str, Tensor]:
    """The state of an encoder: tensors of a file, and what it lacks for good reason."""
    own = encoder.state_dict()
    for name in given:
        if name not in own:
            raise InputError(f"weights: {path} does not fit the encoder: unexpected tensor {shown(name)}")
    fitted = {}
    for name, expected in own.items():
        if name in given:
            fitted[name] = _tensor(given[name], expected, name, path)
        elif name.endswith(COUNTS):
            fitted[name] = expected
        else:
            raise InputError(f"weights: {path} does not fit the encoder: missing tensor {shown(name)}")
    return fitted


def _tensor(found: Tensor, expected: Tensor, name: str, path: PathLike) -> Tensor:
    """A tensor of the file as the encoder has it; that of the first layer with further channels of 0."""
    shape = (expected.shape[0], 3, *expected.shape[2:]) if name == FIRST else tuple(expected.shape)
    if tuple(found.shape) != shape:
        raise InputError(
            f"weights: {path} does not fit the encoder: size mismatch for {name}, it is {tuple(found.shape)} in the "
            f"file and {shape} here"
        )
    if found.is_floating_point() != expected.is_floating_point() or found.is_complex():
        raise InputError(f"weights: {path}: the tensor {name} is of {found.dtype}, takes {expected.dtype}")
    tensor: Tensor = found.to(dtype=expected.dtype, copy=True)
    check_values(tensor, name, path)
    if name != FIRST:
        return tensor
    return torch.cat([tensor, tensor.new_zeros(expected.shape[0], expected.shape[1] - 3, *expected.shape[2:])], dim=1)


def _tensors(path: PathLike) -> dict[str, Tensor]:
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
            return _checked(torch.load(path, map_location="cpu", weights_only=True), path)


def _checked(loaded: object, path: PathLike) -> dict[str, Tensor]:
    """A state dict, which holds names and dense tensors alone."""
    if not isinstance(loaded, Mapping):
        raise InputError(f"weights: {path} takes a state dict, names with tensors, got {shown(loaded)}")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, Tensor) or value.layout is not torch.strided:
            raise InputError(f"weights: {path} takes names with dense tensors, got {shown(name)}: {shown(value)}")
    return dict(loaded)
