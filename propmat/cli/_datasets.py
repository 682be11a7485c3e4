"""`propmat datasets`: get evaluation data."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from propmat import datasets
from propmat.cli._progress import downloading
from propmat.datasets._fetch import BASE_URL
from propmat.datasets._folder import ARCHIVES, RESOLUTIONS


def fetch(arguments: argparse.Namespace) -> str:
    """Download a data set and unpack it."""
    with downloading() as progress:
        folders = datasets.fetch_alphamatting(
            arguments.root,
            part=arguments.part,
            resolution=arguments.resolution,
            base_url=arguments.base_url,
            progress=progress,
        )
    return "\n".join(str(folder) for folder in folders)


def add_to(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], add_command: Callable[..., argparse.ArgumentParser]
) -> None:
    """Add the group `datasets` to `commands`; `add_command` adds one command to a group."""
    group = commands.add_parser("datasets", help="Get evaluation data.", description="Get evaluation data.")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    command = add_command(actions, "fetch", fetch)
    command.add_argument("dataset", choices=["alphamatting"])
    command.add_argument("--root", metavar="DIR", required=True, help="where the folders go")
    command.add_argument("--part", choices=sorted(ARCHIVES), default="training", help="(%(default)s)")
    command.add_argument("--resolution", choices=RESOLUTIONS, default="low", help="(%(default)s)")
    command.add_argument("--base-url", metavar="URL", default=BASE_URL, help="a mirror (%(default)s)")
