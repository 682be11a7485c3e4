"""DiffMatte from files of the authors' layout; nothing is unpickled but tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from propmat._typing import PathLike
from propmat.errors import InputError
from propmat.networks._diffmatte._network import DiffMatte
from propmat.networks._public_files import Layout, fitted, tensors_of
from propmat.networks._trunks._vit import GLOBAL, PATCH

# In files of training everything is within `model`. The positions of windows are no weights.
LAYOUT = Layout(
    "",
    r".*\.relative_position_index$",
    (
        (r"^(?:module\.)?(?:model\.)?backbone\.", "encoder."),
        (r"^(?:module\.)?(?:model\.)?decoder\.", "decoder."),
        (r"\.(?:downsample\.op|upsample\.conv)\.weight$", ".shortcut.weight"),
        (r"\.matting_head\.matting_convs\.", ".head."),
        (r"\.module\.weight_bar$", ".parametrizations.weight.original"),
        (r"\.module\.weight_([uv])$", r".parametrizations.weight.0._\1"),
    ),
)
POSITIONS = f"encoder.blocks.{GLOBAL[0]}.attn.rel_pos_h"  # of which there are twice as many as patches, less one
# By a tensor that only one kind of encoder has: the name of the encoder, of some tensors.
KINDS: Mapping[str, Callable[[Mapping[str, Tensor]], str]] = {
    "encoder.pos_embed": lambda tensors: "vit_b" if tensors["encoder.pos_embed"].shape[-1:] == (768,) else "vit_s",
    "encoder.layer_bottleneck.0.bn1.weight": lambda tensors: "resnet34",
    "encoder.patch_embed.norm.weight": lambda tensors: "swin_t",
}


def load_published(path: PathLike) -> DiffMatte:
    """DiffMatte with weights that the authors of its paper published, ready for inference.

    The encoder, ViT-S, ViT-B, ResNet-34-D or Swin-T, is told by the names in the file. The weights are not part of this
    package; their licence is the authors'.

    Parameters
    ----------
    path : str or os.PathLike
        Safetensors, or what ``torch.save`` wrote: a state dict, alone or as "model" in a checkpoint. Only tensors are
        read from it; no code in it is run.

    Returns
    -------
    DiffMatte

    Raises
    ------
    InputError
        If the file cannot be read, is of another layout, or a tensor is missing, unexpected, of another shape or kind,
        NaN or infinite.

    Examples
    --------
    >>> from propmat.networks import load_published, save_weights
    >>> network = load_published("DiffMatte_ViTS_Com_1024.pth")  # doctest: +SKIP
    >>> save_weights("vit_s.safetensors", network, {})  # doctest: +SKIP
    """
    tensors = tensors_of(path)
    named = LAYOUT.named(tensors)
    kind = next((KINDS[name] for name in KINDS if name in named), None)
    if kind is None:
        raise InputError(f"weights: {path} is not of DiffMatte's layout: it has none of {', '.join(KINDS)}")
    try:
        network = DiffMatte.outline({"encoder": kind(named), "side": _side(named)})
    except InputError as error:
        raise InputError(f"weights: {path} does not fit DiffMatte: {error}") from None
    state = fitted(tensors, network.state_dict(), LAYOUT, path, "DiffMatte")
    network.load_state_dict(state, assign=True)
    return network.eval()


def _side(tensors: Mapping[str, Tensor]) -> int:
    """Pixels a side of the crops of training, by the table of distances of a block that sees the whole picture."""
    table = tensors.get(POSITIONS)
    return 512 if table is None or not table.shape else PATCH * max((len(table) + 1) // 2, 1)
