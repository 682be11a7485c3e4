"""What all networks share: a name, options they can be built from again, presets."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor, nn

from propmat._inputs._images import BACKGROUND_AT_MOST
from propmat._inputs._settings import choice, known_names
from propmat._trimap import FOREGROUND_AT_LEAST
from propmat.errors import InputError, refused_as, shown

N = TypeVar("N", bound="Network")


class Network(nn.Module):
    """A network that its name and options determine up to the weights: the parent of `DCNN`, `AlphaGAN` and others.

    Attributes
    ----------
    name : str
        As in files of weights and configurations.
    presets : dict
        Options by the name of a preset; "faithful" is as in the paper.
    options : dict
        The arguments that it was made with, as JSON can hold them.
    mattes : tuple of str
        The mattes it takes beside the image: names of methods, or "knn_hsv".
    """

    name: ClassVar[str]
    presets: ClassVar[dict[str, dict[str, Any]]]
    options: dict[str, Any]
    mattes: tuple[str, ...] = ()

    @classmethod
    def preset(cls: type[N], name: str = "faithful", **options: Any) -> N:
        """The network of a preset, with its first weights.

        Parameters
        ----------
        name : str, default "faithful"
            One of `presets`.
        **options
            Arguments of the class, in place of those of the preset.

        Returns
        -------
        Network
            Of this class.

        Raises
        ------
        InputError
            If there is no such preset or option, or an option is out of range.
        """
        return cls.of(cls.presets[choice(name, "preset", cls.presets)] | options)

    @classmethod
    def of(cls: type[N], options: object) -> N:
        """The network of options as a file has them, with its first weights.

        Parameters
        ----------
        options : mapping
            Arguments of the class by name.

        Returns
        -------
        Network
            Of this class.

        Raises
        ------
        InputError
            If they are no mapping, an option is not one of this network, or is out of range.
        """
        if not isinstance(options, Mapping):
            raise InputError(f"options: takes names and values, got {shown(options)}")
        known_names(options, list(inspect.signature(cls).parameters), "options", "option")
        return cls(**options)

    @classmethod
    def outline(cls: type[N], options: object) -> N:
        """The network of options on PyTorch's device "meta": its weights have shapes but no values, and no memory.

        Parameters
        ----------
        options : mapping
            As in `of`.

        Returns
        -------
        Network
            Of this class.

        Raises
        ------
        InputError
            As `of`.
        """
        with refused_as(InputError, "options"), torch.device("meta"):
            return cls.of(options)


def checked_labels(network: Network, image: Tensor, trimap: Tensor, mattes: Tensor | None) -> Tensor:
    """Refuse inputs other than (B, 3, H, W), (B, 1, H, W) and the mattes of the option, (B, m, H, W), all finite.

    Returns the trimap with exactly 0, 0.5 and 1.
    """
    check_planes(image, "image", 3)
    check_planes(trimap, "trimap", 1, like=image)
    if network.mattes:
        check_planes(mattes, "mattes", len(network.mattes), like=image)
    elif mattes is not None:
        raise InputError("mattes: this network was made with none, takes None")
    for name, planes in {"image": image, "trimap": trimap, "mattes": mattes}.items():
        check_finite(planes, name)
    labels = torch.full_like(trimap, 0.5)
    return labels.masked_fill(trimap <= BACKGROUND_AT_MOST, 0).masked_fill(trimap >= FOREGROUND_AT_LEAST, 1)


def check_planes(value: object, name: str, channels: int, like: torch.Tensor | None = None) -> None:
    """Refuse what is no floating tensor (B, channels, H, W), of the batch and the size of the one `like`."""
    sides = ("B", "H", "W") if like is None else (like.shape[0], *like.shape[2:])
    takes = f"{name}: takes a floating tensor of shape ({sides[0]}, {channels}, {sides[1]}, {sides[2]})"
    if not isinstance(value, torch.Tensor):
        raise InputError(f"{takes}, got {shown(value)}")
    shape = tuple(value.shape)
    fits = len(shape) == 4 and shape[1] == channels and (like is None or (shape[0], *shape[2:]) == sides)
    if not fits or not value.is_floating_point():
        raise InputError(f"{takes}, got {value.dtype} of shape {shape}")


def check_finite(value: Tensor | None, name: str) -> None:
    """Refuse NaN and infinite numbers, of which labels would be unknown and answers NaN."""
    strange = 0 if value is None else int((~value.isfinite()).sum())
    if strange:
        raise InputError(f"{name}: has {strange} values that are NaN or infinite")
