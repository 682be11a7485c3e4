"""A plug-in of napari: a matte from painted labels, a trimap from a mask, foreground colours, and sample data.

napari finds it by itself where both are installed (its manifest is ``napari.yaml``), under *Plugins* and *File, Open
Sample*. In labels 0 is unknown, 1 background and 2 foreground.
"""

from propmat.napari._samples import flower
from propmat.napari._widgets import foreground_widget, matte_widget, trimap_widget

__all__ = ["flower", "foreground_widget", "matte_widget", "trimap_widget"]
