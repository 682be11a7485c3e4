"""The command line of training."""

from __future__ import annotations

import argparse
import sys

from tqdm import tqdm

from propmat.errors import InputError, PropmatError


def main() -> None:
    try:
        _run()
    except (PropmatError, OSError) as error:
        sys.exit(f"propmat: error: {error}")
    except KeyboardInterrupt:
        sys.exit("propmat: stopped; the same command goes on from the last checkpoint")


def _run() -> None:
    parser = argparse.ArgumentParser(prog="python -m propmat.training", description="Train a network.")
    parser.add_argument("config", metavar="CONFIG", help="a TOML file, see docs/weights.md")
    parser.add_argument("--prepare", action="store_true", help="make the problems and their mattes, and stop")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes that make problems (one for each core)")
    parser.add_argument("--device", help="cpu or cuda (cuda where there is one)")
    arguments = parser.parse_args()
    # Here, for without PyTorch they raise an error that `main` tells in a line.
    from propmat.io._locking import locked
    from propmat.jobs._run import Summary
    from propmat.training._config import read_config
    from propmat.training._loop import device_of, train
    from propmat.training._problems import prepare
    from propmat.training._processes import launched, local_rank

    config = read_config(arguments.config)
    if launched():
        if arguments.prepare:
            raise InputError("prepare: is for a single process; run it without torchrun")
        train(config, arguments.device, iter if local_rank() else tqdm)
        return
    if not arguments.prepare:  # the problems take long: what would fail after them fails before
        device_of(arguments.device)
        with locked(config.output, "output"):
            pass
    with tqdm(unit="problem", disable=None) as bar:

        def show(summary: Summary) -> None:
            bar.total = summary.total
            bar.update(summary.done_before + summary.done - bar.n)

        prepare(config, arguments.jobs, show)
    if not arguments.prepare:
        print(train(config, arguments.device, tqdm))


if __name__ == "__main__":
    main()
