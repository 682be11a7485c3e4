"""Render foregrounds with known mattes: straight sRGB colours and alpha, with Blender's Cycles on the CPU.

    python3.11 -m venv tools/.venv
    tools/.venv/bin/pip install bpy==5.0.1 numpy pillow
    tools/.venv/bin/python tools/render_foregrounds.py --count 300 --out rendered

A run that was stopped goes on where it was; a larger count adds to a set. See docs/dataset.md.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from rendering import store
from rendering.plan import KINDS, Item, Ranges, items


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        ranges = ranges_of(options)
        store.claim(options.out, settings(options, ranges))
    except (ValueError, store.SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"--out: cannot write into {options.out}: {error}", file=sys.stderr)
        return 2
    failed = render_all(options, ranges)
    print(f"{store.index(options.out)} items in {options.out / 'index.csv'}")
    return 1 if failed else 0


def render_all(options: argparse.Namespace, ranges: Ranges) -> int:
    """Render the items that are not there; returns how many failed."""
    from rendering.item import make
    from rendering.passes import Samples

    samples, failed = Samples(options.samples, options.alpha_samples, options.threads), 0
    for item in missing(options, ranges):
        try:
            facts = make(item, ranges, samples, options.out)
        except Exception as error:
            failed += 1
            print(f"{item.name}: {type(error).__name__}: {error}", file=sys.stderr)
        else:
            store.index(options.out)
            print(f"{item.name}: {facts['seconds']} s, alpha ± {facts['alpha_error']}", flush=True)
    return failed


def missing(options: argparse.Namespace, ranges: Ranges) -> Iterator[Item]:
    """The items of this part that are not complete, each looked for when its turn comes."""
    part, parts = options.part
    wanted = itertools.islice(items(options.seed, options.kinds, ranges), part, options.count, parts)
    return (item for item in wanted if not store.done(options.out, item.name))


def settings(options: argparse.Namespace, ranges: Ranges) -> dict[str, object]:
    """What all items of a set have in common, other than their number and choice."""
    own = {"seed": options.seed, "samples": options.samples, "alpha_samples": options.alpha_samples}
    return own | {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(ranges).items()}


def ranges_of(options: argparse.Namespace) -> Ranges:
    """The ranges among the options, checked."""
    given = {field.name: getattr(options, field.name) for field in fields(Ranges)}
    for name, value in given.items():
        if isinstance(value, list) and not 0 < value[0] <= value[1] < math.inf:
            raise ValueError(f"--{name.replace('_', '-')}: takes two finite numbers above 0, least first, got {value}")
    if given["motion"] + given["defocus"] > 1:
        raise ValueError("--motion, --defocus: together they are shares of at most 1")
    ranges: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Ranges(**ranges)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add("--out", type=Path, default=Path("rendered"), help="folder of the set")
    add("--count", type=whole(1), default=300, help="items of the set")
    add("--seed", type=whole(0), default=0, help="seed of the set")
    add("--kinds", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND", help=f"of {', '.join(KINDS)}")
    add("--samples", type=whole(1), default=24, help="samples a pixel of colours")
    add(
        "--alpha-samples",
        type=even,
        default=128,
        help="samples a pixel of alpha, in two halves; twice as many for tests",
    )
    add("--threads", type=whole(1), default=1)
    add("--part", type=part_of, default=(0, 1), metavar="K/N", help="every N-th item from the K-th, 0 to N - 1")
    plain = Ranges()
    add("--sizes", type=whole(16), nargs=2, default=list(plain.sizes), help="side in pixels, least and most")
    for name in ("fill", "strand", "motion-length", "defocus-width"):
        add(
            f"--{name}",
            type=float,
            nargs=2,
            default=list(getattr(plain, name.replace("-", "_"))),
            metavar=("LEAST", "MOST"),
        )
    for name in ("cut", "motion", "defocus"):
        add(f"--{name}", type=share, default=getattr(plain, name), help="share of the items, 0 to 1")
    return made


def whole(least: int) -> Callable[[str], int]:
    """Reads integers from `least`."""

    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"takes integers of at least {least}, got {text}")
        return int(text)

    return number


def even(text: str) -> int:
    """Reads a number of samples that has two halves."""
    if int(text) < 2 or int(text) % 2:
        raise argparse.ArgumentTypeError(f"takes an even number of at least 2, got {text}")
    return int(text)


def share(text: str) -> float:
    """Reads a number of 0 to 1."""
    if not 0 <= float(text) <= 1:
        raise argparse.ArgumentTypeError(f"takes numbers of 0 to 1, got {text}")
    return float(text)


def part_of(text: str) -> tuple[int, int]:
    """Reads K/N."""
    part, _, parts = text.partition("/")
    if not 0 <= int(part) < int(parts):
        raise argparse.ArgumentTypeError(f"takes K/N with K of 0 to N - 1, got {text}")
    return int(part), int(parts)


if __name__ == "__main__":
    sys.exit(main())
