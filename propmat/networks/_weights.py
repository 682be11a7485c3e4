"""Weights in files: tensors and what they are of, as safetensors. Nothing is unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from propmat import _inputs, pictures
from propmat.errors import InputError
from propmat.networks._network import N, Network
from propmat.trimap import Trimap

PathLike = str | os.PathLike[str]
SHIPPED = Path(__file__).with_name("weights")


def save_weights(path: PathLike, network: Network, facts: Mapping[str, Any]) -> None:
    """Write a network's weights and what is to be known about them; the file is whole or not there.

    Parameters
    ----------
    path : str or os.PathLike
        By custom ``.safetensors``.
    network : DCNN or DeepMattePropNet
    facts : mapping of str to what JSON can hold
        Preset, data, seed, commit, metrics.

    Examples
    --------
    >>> import tempfile
    >>> from propmat.networks import DCNN, load_weights, save_weights
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(f"{folder}/small.safetensors", DCNN.preset("small"), {"seed": 0})
    ...     network, facts = load_weights(f"{folder}/small.safetensors", DCNN)
    >>> facts
    {'seed': 0}
    """
    about = {"network": network.name, "options": network.options, "facts": dict(facts)}
    write_tensors(path, network.state_dict(), about)


def load_weights(path: PathLike, kind: type[N]) -> tuple[N, dict[str, Any]]:
    """Build the network that a file holds the weights of, ready for inference.

    Parameters
    ----------
    path : str or os.PathLike
    kind : type
        `DCNN` or `DeepMattePropNet`.

    Returns
    -------
    network, facts
        The facts are those it was saved with.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or holds the weights of something else.

    Examples
    --------
    >>> from propmat.networks import DCNN, load_weights
    >>> network, facts = load_weights("training/dcnn/weights.safetensors", DCNN)  # doctest: +SKIP
    """
    tensors, about = read_tensors(path)
    if about.get("network") != kind.name:
        raise InputError(f"weights: {path} is of the network {about.get('network')!r}, takes {kind.name!r}")
    try:
        network = kind(**about["options"])
        network.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[-1].strip()  # PyTorch gives a line for every tensor
        raise InputError(f"weights: {path} does not fit {kind.__name__}: {reason}") from None
    return network.eval(), about.get("facts", {})


def opened(kind: type[N], weights: PathLike | None, image: Any, trimap: Any) -> tuple[N, NDArray[np.float64], Trimap]:
    """The network of a file, or of the package; a picture in colours, and its labels."""
    network, _ = load_weights(weights or shipped(kind.name), kind)
    pixels = pictures.colours(_inputs.image(image))
    return network, pixels, Trimap.parse(trimap, pixels.shape)


def shipped(name: str) -> Path:
    """The weights that come with the package."""
    return SHIPPED / f"{name}.safetensors"


def write_tensors(path: PathLike, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors with a block of JSON; the file changes at once or not at all."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}")
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    temporary.write_bytes(safetensors.torch.save(whole, {"propmat": json.dumps(about)}))
    os.replace(temporary, target)


def read_tensors(path: PathLike) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or was not written by propmat.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            about = json.loads((file.metadata() or {})["propmat"])
    except (OSError, SafetensorError) as error:
        raise InputError(f"weights: cannot read {path}: {error}") from None
    except (KeyError, ValueError):
        raise InputError(f"weights: {path} was not written by propmat, it lacks the block 'propmat'") from None
    return tensors, about
