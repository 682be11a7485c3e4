"""Training of the networks: ``python -m propmat.training CONFIG``.

A configuration is a TOML file, see `docs/weights.md`. `prepare` makes the problems and the mattes they need, and keeps
them in a folder; `train` needs that folder alone.
"""

from typing import TYPE_CHECKING

__all__ = ["Config", "prepare", "read_config", "train"]

_DEFINED_IN = {"Config": "_config", "prepare": "_problems", "read_config": "_config", "train": "_loop"}

if TYPE_CHECKING:
    from propmat.training._config import Config, read_config
    from propmat.training._loop import train
    from propmat.training._problems import prepare
else:  # where type checkers saw it they would take any name for an object of this module

    def __getattr__(name: str) -> object:
        """Import what is asked for, so that the command can say in a line that PyTorch is missing."""
        from importlib import import_module

        if name not in _DEFINED_IN:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import_module("propmat.networks")  # says in a line that PyTorch is missing
        return getattr(import_module(f"{__name__}.{_DEFINED_IN[name]}"), name)
