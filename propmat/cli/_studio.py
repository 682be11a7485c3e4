"""`propmat studio`: a page in the browser on which trimaps are painted."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable

from propmat.cli import _process

ABOUT = """\
Pictures and strokes are kept in a folder of the user's, and are there again the next time. The address that is printed
holds a token, without which nothing is answered. Ctrl-C ends the server. Needs the extra studio.
"""


def studio(arguments: argparse.Namespace) -> str:
    """Paint a trimap in the browser, and see the matte as it is painted."""
    importlib.import_module("propmat.studio").serve(
        arguments.image,
        trimap=arguments.labels,
        mask=arguments.mask,
        folder=arguments.folder,
        host=arguments.host,
        port=arguments.port,
        browser=not arguments.no_browser,
        tell=lambda address: _process.tell(address, sys.stdout),
    )
    return ""


def add_to(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], add_command: Callable[..., argparse.ArgumentParser]
) -> None:
    """Add the command to `commands`."""
    command = add_command(commands, "studio", studio, ABOUT)
    command.add_argument("image", metavar="IMAGE", nargs="?")
    labels = command.add_mutually_exclusive_group()
    labels.add_argument("--trimap", dest="labels", metavar="T", help="where the labels begin")
    labels.add_argument("--mask", metavar="M", help="instead of a trimap; its edge gets an unknown band")
    command.add_argument("--port", type=int, default=0, metavar="N", help="(a free one)")
    command.add_argument("--host", default="127.0.0.1", help="to be reached from other computers, at your risk")
    command.add_argument("--folder", metavar="DIR", help="where pictures and strokes are kept")
    command.add_argument("--no-browser", action="store_true", help="print the address only")
