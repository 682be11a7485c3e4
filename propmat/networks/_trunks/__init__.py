"""Encoders and decoders that several networks are built on."""

from propmat.networks._trunks._segnet import NORMS, SHRINKS, SegNet

__all__ = ["NORMS", "SHRINKS", "SegNet"]
