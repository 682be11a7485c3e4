"""SampledMatte of known colours: image and trimap in, a matte and its confidence out."""

from propmat.sampling._comprehensive import comprehensive
from propmat.sampling._samples import SampledMatte, trimmed
from propmat.sampling._shared import shared

__all__ = ["SampledMatte", "comprehensive", "shared", "trimmed"]
