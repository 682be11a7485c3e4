"""The page of the command line: what each command says with ``--help``."""

from __future__ import annotations

import os
import re
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from unittest import mock

from public_names import FOLDER, write_if_new
from sphinx.application import Sphinx

from propmat.cli import main

INTRODUCTION = """\
On the command line
===================

What each command says with ``--help``. How they are used together: :doc:`/howto/command_line`. The exit status is 0 if
all was done, 1 if something could not be done, 2 if the usage is wrong, 3 if some items of many failed, and 130 if the
command was interrupted.
"""


def said(*arguments: str) -> str:
    """The help of a command, 96 columns wide."""
    text = StringIO()
    with mock.patch.dict(os.environ, COLUMNS="96"), redirect_stdout(text), suppress(SystemExit):
        main([*arguments, "--help"])
    return text.getvalue()


def commands() -> list[str]:
    return re.findall(r"^    (\w+)\b", said().partition("\ncommands:\n")[2], re.MULTILINE)


def write(app: Sphinx) -> None:
    sections = [INTRODUCTION]
    for arguments in [(), *((name,) for name in commands()), ("batch", "status"), ("datasets", "fetch")]:
        title = " ".join(("propmat", *arguments))
        help_text = "\n".join(f"   {line}".rstrip() for line in said(*arguments).splitlines())
        sections.append(f"{title}\n{'-' * len(title)}\n\n.. code-block:: text\n\n{help_text}\n")
    write_if_new(Path(app.srcdir, FOLDER, "command_line.rst"), "\n".join(sections))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
