"""Graph Laplacians: symmetric matrices over the pixels of an image, from colours, weights or a sparse matrix."""

from propmat.laplacian._affinity import affinity
from propmat.laplacian._closed_form import closed_form
from propmat.laplacian._contract import Laplacian
from propmat.laplacian._graph import Graph
from propmat.laplacian._knn import knn
from propmat.laplacian._large_kernel import large_kernel
from propmat.laplacian._learning_based import learning_based
from propmat.laplacian._random_walk import random_walk
from propmat.laplacian._split import Split

__all__ = [
    "Graph",
    "Laplacian",
    "Split",
    "affinity",
    "closed_form",
    "knn",
    "large_kernel",
    "learning_based",
    "random_walk",
]
