"""Files of weights: safetensors with a block of JSON. Nothing is unpickled, and every number is checked."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import safe_open
from torch import Tensor

from propmat._typing import PathLike
from propmat.errors import InputError, one_line, refused_as, shown
from propmat.io._replacing import replace_file
from propmat.networks._network import N, Network

SHIPPED = Path(__file__).with_name("weights")

# Bytes of names, shapes and JSON that a file may have before its tensors: 100,000 names of pictures, say.
LONGEST_HEADER = 1 << 24


def save_weights(path: PathLike, network: Network, facts: Mapping[str, Any]) -> None:
    """Write a network's weights and what is to be known about them; the file is whole or not there.

    Parameters
    ----------
    path : str or os.PathLike
        By custom ``.safetensors``.
    network : Network
        `DCNN`, `DeepMattePropNet`, `AlphaGAN`, `DiffMatte`, `LateFusion`.
    facts : mapping of str to what JSON can hold
        Preset, data, seed, commit, metrics.

    Raises
    ------
    InputError
        If a weight is NaN or infinite, the facts are not what JSON can hold, or the file cannot be written; one that is
        read-only is not replaced.

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
    if not isinstance(network, Network):
        raise InputError(
            f"network: takes {_kinds()}, got {type(network).__name__}; "
            "of DataParallel and the like, pass what they wrap"
        )
    if not isinstance(facts, Mapping):
        raise InputError(f"facts: takes names and values, got {shown(facts)}")
    about = {"network": network.name, "options": network.options, "facts": dict(facts)}
    write_tensors(path, network.state_dict(), about)


def load_weights(path: PathLike, kind: type[N]) -> tuple[N, dict[str, Any]]:
    """Build the network that a file holds the weights of, ready for inference.

    What the file claims is compared with what the network of its options takes before memory is taken for either.

    Parameters
    ----------
    path : str or os.PathLike
    kind : type of Network
        `DCNN`, `DeepMattePropNet`, `AlphaGAN`, `DiffMatte`, `LateFusion`.

    Returns
    -------
    network, facts
        The facts are those it was saved with.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, holds the weights of something else, or a weight is NaN or infinite.

    Examples
    --------
    >>> from propmat.networks import DCNN, load_weights
    >>> network, facts = load_weights("training/dcnn/weights.safetensors", DCNN)  # doctest: +SKIP
    """
    if not (isinstance(kind, type) and issubclass(kind, Network) and kind is not Network):
        raise InputError(f"kind: takes {_kinds()}, got {shown(kind)}")
    with open_tensors(path) as file:
        given, facts = file.about.get("network"), file.about.get("facts", {})
        if given != kind.name:
            raise InputError(f"weights: {path} is of the network {shown(given)}, takes {kind.name!r}")
        if not isinstance(facts, dict):
            raise InputError(f"weights: {path} has facts that are no names with values")
        try:
            network = kind.outline(file.about.get("options"))
        except InputError as error:
            raise InputError(f"weights: {path} does not fit {kind.__name__}: {error}") from None
        tensors = file.read(network.state_dict(), kind.__name__)
    network.load_state_dict(tensors, assign=True)
    return network.eval(), facts


def _kinds() -> str:
    return " or ".join(kind.__name__ for kind in Network.__subclasses__())


def shipped(name: str) -> Path:
    """The place of the weights that come with the package."""
    return SHIPPED / f"{name}.safetensors"


def write_tensors(path: PathLike, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write tensors with a block of JSON; the file changes at once or not at all."""
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    for name, tensor in whole.items():
        check_values(tensor, name, path)
    with refused_as(InputError, "facts: take what JSON can hold"):
        block = json.dumps(about)
    if len(block) > LONGEST_HEADER // 2:
        raise InputError(f"facts: take up to {LONGEST_HEADER // 2} characters of JSON, got {len(block)}")
    with refused_as(InputError, f"weights: cannot write {path}"):
        replace_file(path, safetensors.torch.save(whole, {"propmat": block}))


@dataclass(frozen=True)
class TensorFile:
    """A file that `write_tensors` wrote, of which the tensors are not read yet.

    Attributes
    ----------
    path : str or os.PathLike
    file : safe_open
    about : dict
        The block of JSON.
    """

    path: PathLike
    file: Any
    about: dict[str, Any]

    @property
    def names(self) -> set[str]:
        return set(self.file.keys())

    def read(self, expected: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
        """All tensors, in memory of their own and of the kinds of those expected.

        Raises
        ------
        InputError
            If names or shapes are others than expected, before any tensor is read; if a value is NaN or infinite.
        """
        for name in sorted(self.names ^ expected.keys()):
            problem = "unexpected tensor" if name in self.names else "missing tensor"
            raise InputError(f"weights: {self.path} does not fit {what}: {problem} {shown(name)}")
        for name, tensor in expected.items():
            found, wanted = tuple(self.file.get_slice(name).get_shape()), tuple(tensor.shape)
            if found != wanted:
                raise InputError(
                    f"weights: {self.path} does not fit {what}: size mismatch for {name}, it is {found} in the file "
                    f"and {wanted} by its options"
                )
        return {name: self._tensor(name, tensor) for name, tensor in expected.items()}

    def _tensor(self, name: str, expected: Tensor) -> Tensor:
        found = self.file.get_tensor(name)
        if found.is_floating_point() != expected.is_floating_point() or found.is_complex():
            raise InputError(f"weights: {self.path}: the tensor {name} is of {found.dtype}, takes {expected.dtype}")
        tensor: Tensor = found.to(dtype=expected.dtype, copy=True)  # not the file's memory, which may change
        check_values(tensor, name, self.path)
        return tensor


@contextmanager
def open_tensors(path: PathLike) -> Iterator[TensorFile]:
    """A file that `write_tensors` wrote.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or was not written by propmat.
    """
    if not isinstance(path, str | os.PathLike):
        raise InputError(f"weights: takes the path of a file, got {shown(path)}")
    with refused_as(InputError, f"weights: cannot read {path if str(path).isprintable() else ascii(str(path))}"):
        _check_header(path)
        with safe_open(path, "pt") as file:
            yield TensorFile(path, file, _about(path, file.metadata() or {}))


def check_regular(path: PathLike) -> None:
    """Refuse folders, pipes and devices."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise InputError(f"weights: cannot read {path}: it is no regular file")


def _check_header(path: PathLike) -> None:
    """Refuse what is no file, and a header that is longer than any that is written."""
    check_regular(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > LONGEST_HEADER:
        claim = f"its header claims {length} bytes, at most {LONGEST_HEADER}"
        raise InputError(f"weights: cannot read {path}: it is damaged, or no file of safetensors; {claim}")


def _about(path: PathLike, metadata: Mapping[str, str]) -> dict[str, Any]:
    told = f"weights: {path} was not written by propmat"
    if "propmat" not in metadata:
        raise InputError(f"{told}, it lacks the block 'propmat'")
    try:
        about = json.loads(metadata["propmat"])
    except MemoryError:
        raise
    except Exception as error:
        raise InputError(f"{told}, its block 'propmat' is no JSON that is read here: {one_line(error)}") from None
    if not isinstance(about, dict):
        raise InputError(f"{told}, its block 'propmat' is {shown(about)} and no names with values")
    return about


def check_values(tensor: Tensor, name: str, path: PathLike) -> None:
    """Refuse weights that make every answer NaN."""
    if tensor.is_floating_point():
        strange = int((~tensor.isfinite()).sum())
        if strange:
            raise InputError(f"weights: {path}: the tensor {name} has {strange} values that are NaN or infinite")
        if name.endswith("running_var") and bool((tensor < 0).any()):
            raise InputError(f"weights: {path}: the tensor {name} has variances below 0")
