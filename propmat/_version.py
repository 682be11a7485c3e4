"""The version of propmat."""

__version__ = "0.1.0"
