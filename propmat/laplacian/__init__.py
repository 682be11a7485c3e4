"""Graph Laplacians: image in, symmetric matrix over its pixels out."""

from propmat.laplacian._affinity import affinity
from propmat.laplacian._base import Graph, Laplacian, Split
from propmat.laplacian._closed_form import closed_form

__all__ = ["Graph", "Laplacian", "Split", "affinity", "closed_form"]
