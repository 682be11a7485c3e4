"""The mean of the weights of several trainings of one network that went on from one another, in half precision.

python tools/mean_weights.py FILE ... --out FILE [--shares 0.5 0.25 0.25] [--side 384] [--confidence 0.003]

P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. Wilson, "Averaging Weights Leads to Wider Optima and Better
Generalization", UAI 2018. What the file says of its training is that of the last.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from propmat.networks import LateFusion, load_weights, save_weights

PATHS = "start", "encoder"  # of a schedule; they are of one machine


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    loaded = [load_weights(path, LateFusion) for path in options.files]
    shares = options.shares or [1 / len(loaded)] * len(loaded)
    if len(shares) != len(loaded) or abs(sum(shares) - 1) > 1e-6:
        raise SystemExit(f"shares: takes {len(loaded)} numbers of sum 1, got {shares}")
    network, facts = loaded[-1]
    states = [each.state_dict() for each, _ in loaded]
    given = {"side": options.side, "confidence": options.confidence}
    network = LateFusion(**network.options | {name: value for name, value in given.items() if value is not None})
    network.load_state_dict({name: mean([state[name] for state in states], shares) for name in states[0]})
    schedule = {name: value for name, value in facts.get("schedule", {}).items() if name not in PATHS}
    save_weights(options.out, network.half(), facts | {"schedule": schedule, "shares": shares})


def mean(tensors: list[torch.Tensor], shares: list[float]) -> torch.Tensor:
    """The weighted mean; of numbers of batches the last."""
    if not tensors[0].is_floating_point():
        return tensors[-1]
    return torch.stack([share * tensor.float() for share, tensor in zip(shares, tensors, strict=True)]).sum(0)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("files", type=Path, nargs="+")
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--shares", type=float, nargs="+", help="of each file (equal)")
    made.add_argument("--side", type=int, help="pixels on the longer side of what the network sees (that of the last)")
    made.add_argument("--confidence", type=float, help="κ₀ of the prior (that of the last)")
    return made


if __name__ == "__main__":
    main()
