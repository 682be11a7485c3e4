"""The command line, which alone prints.

`_main` parses and reports; `_commands` has a function per command; `_method`, `_masks`, `_photograph` and `_names` hold
what commands share: the method with its settings, masks and trimaps, colours and depth, names of files and streams.
`_process` deals with standard streams and interrupts, `_progress` draws the bar.
"""

from propmat.cli._main import main

__all__ = ["main"]
