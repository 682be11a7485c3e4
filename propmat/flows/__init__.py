"""Flows of information between distant pixels: the terms of information-flow matting.

Two are Laplacians, one is a prior; `propmat.information_flow` adds them. Neighbours are the nearest in colour and, with
a smaller weight, in position; all pixels at the distance of the last one are neighbours too, so that a flipped or
transposed picture has the same flows. The method may be covered by patents.
"""

from propmat.flows._colour_mixture import colour_mixture
from propmat.flows._intra_unknown import intra_unknown
from propmat.flows._known_to_unknown import known_to_unknown

__all__ = ["colour_mixture", "intra_unknown", "known_to_unknown"]
