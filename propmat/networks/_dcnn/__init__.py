"""DCNN matting: a small network that merges a local and a non-local matte of the same image."""

from propmat.networks._dcnn._matte import dcnn
from propmat.networks._dcnn._network import DCNN

__all__ = ["DCNN", "dcnn"]
