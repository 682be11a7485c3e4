"""Compare the alpha error that the index tells with the error against a render of many more samples.

tools/.venv/bin/python tools/check_alpha_error.py twigs_0001 hair_0002 --size 128
"""

from __future__ import annotations

import argparse

import numpy as np
from rendering.item import arranged
from rendering.passes import Samples, alpha_of, render
from rendering.plan import Ranges, item
from rendering.sampling import soft


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    for name in options.names:
        told, true, pixels = errors(name, options)
        print(f"{name}: told {told:.4f}, against {options.reference} samples {true:.4f}, {pixels} pixels", flush=True)


def errors(name: str, options: argparse.Namespace) -> tuple[float, float, int]:
    """The error that is told, the one against the reference, and the number of soft pixels."""
    kind, _, number = name.rpartition("_")
    ranges = Ranges(sizes=(options.size, options.size))
    scene = arranged(item(options.seed, kind, int(number), ranges), ranges)
    passes = render(scene, Samples(1, options.samples, options.threads))
    reference = alpha_of(scene, options.reference, 3)
    chosen = soft(reference)
    return passes.alpha_error, float(np.sqrt(np.mean((passes.alpha - reference)[chosen] ** 2))), int(chosen.sum())


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("names", nargs="+", help="items, such as hair_0002")
    for name, value in {"seed": 0, "size": 128, "samples": 64, "reference": 2048, "threads": 1}.items():
        made.add_argument(f"--{name}", type=int, default=value)
    return made


if __name__ == "__main__":
    main()
