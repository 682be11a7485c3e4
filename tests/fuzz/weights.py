"""Files of weights, damaged, lying and of strange options, through `propmat.networks.load_weights`."""

from __future__ import annotations

import json
import struct
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz import documents, mutation
from tests.fuzz.laws import attempt
from tests.fuzz.target import Target, Unavailable, require

try:
    import torch

    from propmat.networks import (
        DCNN,
        AlphaGAN,
        DeepMattePropNet,
        DiffMatte,
        LateFusion,
        load_weights,
        save_weights,
    )
except ImportError as error:
    raise Unavailable("weights need PyTorch and safetensors") from error

KINDS = (AlphaGAN, DCNN, DeepMattePropNet, DiffMatte, LateFusion)


def run(data: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        path.write_bytes(data)
        return any([_loaded(path, kind) for kind in KINDS])


def _loaded(path: Path, kind: Any) -> bool:
    found = attempt(lambda: load_weights(path, kind))
    if found.refusal is not None:
        return False
    network, facts = found.value
    require(isinstance(network, kind), "a network comes out", type(network))
    require(not network.training, "a network is ready for inference")
    require(isinstance(facts, dict), "facts are a mapping", type(facts))
    for name, tensor in network.state_dict().items():
        require(torch.isfinite(tensor).all(), "weights are finite", name)
    return True


# Files in parts


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header of a file of safetensors, and the bytes of its tensors."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: Any, tensors: bytes) -> bytes:
    text = (header if isinstance(header, str) else documents.as_json(header)).encode(errors="replace")
    return struct.pack("<Q", len(text)) + text + tensors


def with_block(data: bytes, block: Any) -> bytes:
    """Another block 'propmat': what JSON can hold, or text."""
    header, tensors = split(data)
    text = block if isinstance(block, str) else documents.as_json(block)
    return joined({**header, "__metadata__": {**header["__metadata__"], "propmat": text}}, tensors)


def block_of(data: bytes) -> dict[str, Any]:
    block: dict[str, Any] = json.loads(split(data)[0]["__metadata__"]["propmat"])
    return block


# Inputs


def draw(random: Random) -> bytes:
    data = random.choice(valid())
    choice = random.random()
    if choice < 0.5:
        block = block_of(data)
        part = random.choice(("options", "options", "facts", None))
        changed = documents.mutated(random, block[part] if part else block)
        return with_block(data, {**block, part: changed} if part else changed)
    if choice < 0.65:
        header, tensors = split(data)
        return joined(documents.mutated(random, header), tensors)
    if choice < 0.8:
        return with_numbers(random, data)
    return mutation.mutated(random, seeds())


def with_numbers(random: Random, data: bytes) -> bytes:
    """Some weight replaced by NaN, an infinity or an extreme."""
    header, tensors = split(data)
    place = 4 * random.randrange(max(1, len(tensors) // 4))
    number = struct.pack("<f", random.choice((float("nan"), float("inf"), float("-inf"), 3e38, 1e-45)))
    return joined(header, tensors[:place] + number + tensors[place + 4 :])


@cache
def valid() -> list[bytes]:
    """A small file of each network."""
    made = []
    torch.manual_seed(3)
    for network in (
        DCNN(remapping=1, filters=1),
        DCNN(("closed_form",), remapping=0, filters=2, bias=True),
        DeepMattePropNet.preset("small", width=64),
        DeepMattePropNet(64, closed_form=True, norm="group"),
        AlphaGAN.preset("small", width=32, mattes=["knn"], confidence=0.1),
        DiffMatte("compact", down=(2, 2), up=(2, 2, 2), embedding=2, mattes=["knn"]),
        LateFusion(width=16),
    ):
        with tempfile.TemporaryDirectory() as folder:
            save_weights(f"{folder}/w", network, {"seed": 0, "metrics": {"sad": 1.5}})
            made.append(Path(f"{folder}/w").read_bytes())
    return made


@cache
def seeds() -> list[bytes]:
    """Valid files; then such as failed once."""
    data = valid()[0]
    block, (header, tensors) = block_of(data), split(data)
    nan = struct.pack("<f", float("nan"))
    deep = valid()[2]
    return [
        *valid(),
        b"",
        joined(header, nan + tensors[4:]),
        joined(split(deep)[0], nan + split(deep)[1][4:]),
        with_block(data, []),
        with_block(data, "null"),
        with_block(data, documents.DEEP),
        with_block(data, {**block, "options": None}),
        with_block(data, {**block, "options": [1]}),
        with_block(data, {**block, "options": {"filters": 20_000}}),
        with_block(data, {**block, "options": {"remapping": 1_000_000}}),
        with_block(data, {**block, "options": {"filters": -1}}),
        with_block(data, {**block, "options": {"mattes": ["closed_form"] * 100_000}}),
        with_block(data, {**block, "facts": None}),
        with_block(deep, {**block_of(deep), "options": {"width": 0}}),
        with_block(deep, {**block_of(deep), "options": {"width": "x"}}),
        with_block(deep, {**block_of(deep), "options": {"confidence": "nan"}}),
        joined({"__metadata__": {"propmat": json.dumps({**block, "options": {"filters": 20_000}})}}, b""),
    ]


def describe(data: bytes) -> str:
    try:
        header, tensors = split(data)
        return f"header {json.dumps(header)[:3000]}, {len(tensors)} bytes of tensors"
    except (ValueError, TypeError, RecursionError):
        return f"{len(data)} bytes: {data[:300]!r}"


TARGETS = {"weights": Target("weights", run, seeds, draw, describe)}
