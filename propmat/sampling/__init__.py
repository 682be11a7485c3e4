"""Sampling of known colours: mattes with a confidence, from an image and a trimap."""

from propmat.sampling._comprehensive import comprehensive
from propmat.sampling._samples import SampledMatte, trimmed
from propmat.sampling._shared import shared

__all__ = ["SampledMatte", "comprehensive", "shared", "trimmed"]
