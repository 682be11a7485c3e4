"""Training of the networks: ``python -m propmat.training CONFIG``.

A configuration is a TOML file, see `docs/weights.md`. `prepare` makes the problems and the mattes they need, and keeps
them in a folder; `train` needs that folder alone.
"""

from propmat.training._config import Config, read_config
from propmat.training._loop import train
from propmat.training._problems import prepare

__all__ = ["Config", "prepare", "read_config", "train"]
