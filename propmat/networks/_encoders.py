"""Encoders from files of public layouts; nothing is unpickled but tensors."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors import safe_open
from torch import Tensor, nn

from propmat._typing import PathLike
from propmat.errors import InputError, refused_as, shown
from propmat.networks._alphagan._network import AlphaGAN
from propmat.networks._late_fusion._network import LateFusion
from propmat.networks._trunks._densenet import DenseNet201
from propmat.networks._trunks._efficientnet import EfficientNetLite0
from propmat.networks._trunks._resnet import ResNet50
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


LAYOUTS: Mapping[type[nn.Module], Layout] = {
    ResNet50: Layout("conv1.weight", r"fc\."),
    # Older files have a dot before numbers within a layer.
    DenseNet201: Layout(
        "features.conv0.weight", r"classifier\.", ((r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2."),)
    ),
    EfficientNetLite0: Layout(
        "stem.0.weight",
        r"_fc\.|_conv_head\.|_bn1\.",
        (
            (r"^_conv_stem\.", "stem.0."),
            (r"^_bn0\.", "stem.1."),
            (r"^_blocks\.", "blocks."),
            (r"\._expand_conv\.", ".expand.0."),
            (r"\._bn0\.", ".expand.1."),
            (r"\._depthwise_conv\.", ".depthwise.0."),
            (r"\._bn1\.", ".depthwise.1."),
            (r"\._project_conv\.", ".project.0."),
            (r"\._bn2\.", ".project.1."),
        ),
    ),
}


def load_encoder(path: PathLike, network: AlphaGAN | LateFusion) -> None:
    """Start the encoder of a network from weights that classify pictures, such as ImageNet's.

    Further channels of the input, the trimap and mattes, get weights of 0. Nothing changes if the file is refused.

    Parameters
    ----------
    path : str or os.PathLike
        Safetensors, or what ``torch.save`` wrote of a state dict, of torchvision's ``resnet50`` for AlphaGAN, for Late
        Fusion of its ``densenet201``, or of EfficientNet-Lite0 as the package efficientnet-lite-pytorch has it, by the
        option ``encoder``; or of the same names and shapes. Only tensors are read from it; no code in it is run. The
        classifier is left out.
    network : AlphaGAN or LateFusion
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
    if not isinstance(network, AlphaGAN | LateFusion):
        raise InputError(f"network: takes an AlphaGAN or a LateFusion, got {type(network).__name__}")
    network.encoder.load_state_dict(_fitted(_tensors(path), network.encoder, path))


def _fitted(tensors: Mapping[str, Tensor], encoder: nn.Module, path: PathLike) -> dict[str, Tensor]:
    """The state of an encoder: tensors of a file, and what it lacks for good reason."""
    layout = LAYOUTS[type(encoder)]
    given, own = layout.named(tensors), encoder.state_dict()
    for name in given:
        if name not in own:
            raise InputError(f"weights: {path} does not fit the encoder: unexpected tensor {shown(name)}")
    fitted = {}
    for name, expected in own.items():
        if name in given:
            fitted[name] = _tensor(given[name], expected, name, path, first=name == layout.first)
        elif name.endswith(COUNTS):
            fitted[name] = expected
        else:
            raise InputError(f"weights: {path} does not fit the encoder: missing tensor {shown(name)}")
    return fitted


def _tensor(found: Tensor, expected: Tensor, name: str, path: PathLike, *, first: bool) -> Tensor:
    """A tensor of the file as the encoder has it; that of the first layer with further channels of 0."""
    shape = (expected.shape[0], 3, *expected.shape[2:]) if first else tuple(expected.shape)
    if tuple(found.shape) != shape:
        raise InputError(
            f"weights: {path} does not fit the encoder: size mismatch for {name}, it is {tuple(found.shape)} in the "
            f"file and {shape} here"
        )
    if found.is_floating_point() != expected.is_floating_point() or found.is_complex():
        raise InputError(f"weights: {path}: the tensor {name} is of {found.dtype}, takes {expected.dtype}")
    tensor: Tensor = found.to(dtype=expected.dtype, copy=True)
    check_values(tensor, name, path)
    if not first:
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
