"""Trainings that go on from the weights of others."""

from __future__ import annotations

from collections.abc import Sequence

from propmat.errors import InputError
from propmat.networks._network import Network
from propmat.networks._weights import load_weights


def go_on_from(path: str, network: Network, alike: Sequence[str]) -> None:
    """Give a network the weights of a file, which has to be of a network with equal options of some names."""
    given, _ = load_weights(path, type(network))
    for name in alike:
        if given.options[name] != network.options[name]:
            raise InputError(f"start: {path} has {name} = {given.options[name]!r}, takes {network.options[name]!r}")
    network.load_state_dict(given.state_dict())
