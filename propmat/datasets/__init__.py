"""Test images: a photograph, rendered scenes with their exact alpha, data sets on disk, and composites."""

from propmat.datasets._composites import composites
from propmat.datasets._fetch import fetch_alphamatting
from propmat.datasets._flower import flower
from propmat.datasets._folder import alphamatting, folder
from propmat.datasets._sample import Sample
from propmat.datasets._samples import Samples, Source
from propmat.datasets._synthetic import synthetic

__all__ = [
    "Sample",
    "Samples",
    "Source",
    "alphamatting",
    "composites",
    "fetch_alphamatting",
    "flower",
    "folder",
    "synthetic",
]
