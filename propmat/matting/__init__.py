"""Methods: functions from image and trimap to alpha."""

from propmat.matting._closed_form import closed_form
from propmat.matting._comprehensive_sampling import comprehensive_sampling
from propmat.matting._information_flow import information_flow
from propmat.matting._knn import knn
from propmat.matting._large_kernel import large_kernel
from propmat.matting._learning_based import learning_based
from propmat.matting._matte import matte, methods
from propmat.matting._propagate import propagate
from propmat.matting._random_walk import random_walk
from propmat.matting._refine import refine
from propmat.matting._shared_sampling import shared_sampling
from propmat.matting._upsample import upsample

__all__ = [
    "closed_form",
    "comprehensive_sampling",
    "information_flow",
    "knn",
    "large_kernel",
    "learning_based",
    "matte",
    "methods",
    "propagate",
    "random_walk",
    "refine",
    "shared_sampling",
    "upsample",
]
