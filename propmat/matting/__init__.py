"""The verbs: image and trimap in, alpha out."""

from propmat.matting._closed_form import closed_form
from propmat.matting._methods import METHODS, Posed
from propmat.matting._propagate import propagate
from propmat.matting._refine import refine

__all__ = ["METHODS", "Posed", "closed_form", "propagate", "refine"]
