"""The command line: the only room that prints.

`_main` parses and reports, `_commands` does what was asked, `_progress` draws the bar.
"""

from propmat.cli._main import main

__all__ = ["main"]
