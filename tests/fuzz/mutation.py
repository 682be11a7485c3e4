"""Mutations of files: what transfers, editors and attackers do to bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Literal

HEADER = 96  # bytes in which most formats keep their claims
ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
NUMERALS = (b"0", b"-1", b"65536", b"4294967295", b"99999999999999999999", b"1e308", b"nan", b"9" * 5000)


def mutated(random: Random, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds after one to four mutations."""
    data = random.choice(seeds)
    for _ in range(random.choice((1, 1, 2, 4))):
        if random.random() < 0.05:
            data = spliced(random, data, random.choice(seeds))
        else:
            data = random.choice(MUTATIONS)(random, data)
    return data


def spliced(random: Random, one: bytes, other: bytes) -> bytes:
    """The beginning of one and the end of another."""
    return one[: _place(random, one)] + other[_place(random, other) :]


def flip_bit(random: Random, data: bytes) -> bytes:
    place = _place(random, data)
    return _put(data, place, bytes([data[place] ^ 1 << random.randrange(8)])) if data else data


def set_byte(random: Random, data: bytes) -> bytes:
    return _put(data, _place(random, data), random.randbytes(1))


def set_run(random: Random, data: bytes) -> bytes:
    return _put(data, _place(random, data), random.randbytes(random.randrange(1, 17)))


def set_number(random: Random, data: bytes) -> bytes:
    """An extreme whole number of 2, 4 or 8 bytes in either order."""
    size, order = random.choice((2, 4, 8)), random.choice(ORDERS)
    number = random.choice(EXTREMES) % 256**size
    return _put(data, _place(random, data), number.to_bytes(size, order))


def change_length(random: Random, data: bytes) -> bytes:
    """Something that could be a length or an offset in the file, off by a little or by a factor."""
    size, order = random.choice((2, 4)), random.choice(ORDERS)
    for _ in range(30):
        place = _place(random, data)
        number = int.from_bytes(data[place : place + size], order)
        if 0 < number <= len(data):
            other = random.choice((number + 1, number - 1, 2 * number, 256 * number, len(data), len(data) + 1))
            return _put(data, place, (other % 256**size).to_bytes(size, order))
    return data


def set_numeral(random: Random, data: bytes) -> bytes:
    """A number that is written in digits."""
    found = list(re.finditer(rb"\d+", data[: 20 * HEADER]))
    if not found:
        return data
    where = random.choice(found)
    return data[: where.start()] + random.choice(NUMERALS) + data[where.end() :]


def truncate(random: Random, data: bytes) -> bytes:
    return data[: _place(random, data)]


def insert(random: Random, data: bytes) -> bytes:
    place = _place(random, data)
    return data[:place] + random.randbytes(random.choice((1, 2, 4, 64))) + data[place:]


def delete(random: Random, data: bytes) -> bytes:
    place = _place(random, data)
    return data[:place] + data[place + random.choice((1, 2, 4, 64)) :]


def duplicate(random: Random, data: bytes) -> bytes:
    start, end = sorted((_place(random, data), _place(random, data)))
    return data[:end] + data[start:end] * random.choice((1, 1, 8)) + data[end:]


MUTATIONS: tuple[Callable[[Random, bytes], bytes], ...] = (
    flip_bit,
    set_byte,
    set_run,
    set_number,
    set_number,
    change_length,
    set_numeral,
    truncate,
    insert,
    delete,
    duplicate,
)


def _place(random: Random, data: bytes) -> int:
    """Where to change it: half of the time in the header."""
    length = len(data) if random.random() < 0.5 else min(len(data), HEADER)
    return random.randrange(length) if length else 0


def _put(data: bytes, place: int, what: bytes) -> bytes:
    return data[:place] + what + data[place + len(what) :]
