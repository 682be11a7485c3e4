"""Encoders from files of public layouts; nothing is unpickled but tensors."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from propmat._typing import PathLike
from propmat.errors import InputError
from propmat.networks._alphagan._network import AlphaGAN
from propmat.networks._diffmatte._network import DiffMatte
from propmat.networks._late_fusion._network import LateFusion
from propmat.networks._public_files import Layout, fitted, tensors_of
from propmat.networks._trunks._densenet import DenseNet201
from propmat.networks._trunks._efficientnet import EfficientNetLite0
from propmat.networks._trunks._resnet import ResNet50

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


def load_encoder(path: PathLike, network: AlphaGAN | DiffMatte | LateFusion) -> None:
    """Start the encoder of a network from weights that classify pictures, such as ImageNet's.

    Further channels of the input, the trimap and mattes, get weights of 0. Nothing changes if the file is refused.

    Parameters
    ----------
    path : str or os.PathLike
        Safetensors, or what ``torch.save`` wrote of a state dict, of torchvision's ``resnet50`` for AlphaGAN, for Late
        Fusion of its ``densenet201``, or of EfficientNet-Lite0 as the package efficientnet-lite-pytorch has it, by the
        option ``encoder``, which DiffMatte may have too; or of the same names and shapes. Only tensors are read from
        it; no code in it is run. The classifier is left out.
    network : AlphaGAN, DiffMatte or LateFusion
        With batch normalisation, of the width of the file: 1.

    Raises
    ------
    InputError
        If the file cannot be read, a tensor is missing, not of the encoder, of another shape or kind, NaN or infinite;
        or the encoder is none of these.

    Examples
    --------
    >>> from propmat.networks import AlphaGAN, load_encoder
    >>> load_encoder("resnet50-0676ba61.pth", AlphaGAN())  # doctest: +SKIP
    """
    if not isinstance(network, AlphaGAN | DiffMatte | LateFusion):
        raise InputError(f"network: takes an AlphaGAN, a DiffMatte or a LateFusion, got {type(network).__name__}")
    trunk = getattr(network.encoder, "trunk", network.encoder)
    if type(trunk) not in LAYOUTS:
        raise InputError(f"network: its encoder is a {type(trunk).__name__}, for which no public layout is known")
    trunk.load_state_dict(fitted(tensors_of(path), trunk.state_dict(), LAYOUTS[type(trunk)], path, "the encoder"))
