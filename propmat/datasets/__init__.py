"""Test images: a photograph, scenes with their exact alpha, data sets on disk, rendered foregrounds, and composites."""

from propmat.datasets._augmentation import Augmentation
from propmat.datasets._composites import composites
from propmat.datasets._fetch import fetch_alphamatting
from propmat.datasets._flower import flower
from propmat.datasets._folder import alphamatting, folder
from propmat.datasets._fur import fur
from propmat.datasets._moving import moving
from propmat.datasets._placed import placed
from propmat.datasets._rendered import backgrounds, rendered
from propmat.datasets._sample import Sample
from propmat.datasets._samples import Samples, Source
from propmat.datasets._synthetic import synthetic

__all__ = [
    "Augmentation",
    "Sample",
    "Samples",
    "Source",
    "alphamatting",
    "backgrounds",
    "composites",
    "fetch_alphamatting",
    "flower",
    "folder",
    "fur",
    "placed",
    "moving",
    "rendered",
    "synthetic",
]
