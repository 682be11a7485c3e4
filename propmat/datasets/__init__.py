"""Pictures to try matting on: a photograph, and scenes of any size with their exact alpha."""

from propmat.datasets._flower import flower
from propmat.datasets._sample import Sample
from propmat.datasets._synthetic import synthetic

__all__ = ["Sample", "flower", "synthetic"]
