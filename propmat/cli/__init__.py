"""The command line, which alone prints.

`_main` parses and reports; `_commands` has a function per command; `_names` holds what commands share,
names of files and streams; what is done to one photograph is in `propmat._photographs`, for `batch` in `propmat.jobs`.
`_process` deals with standard streams and interrupts, `_progress` draws the bar.
"""

from propmat.cli._main import main

__all__ = ["main"]
