"""Sample data."""

from __future__ import annotations

from propmat._trimap import Trimap
from propmat.datasets._flower import flower as photograph
from propmat.napari._layers import LayerData, labels_of


def flower() -> list[LayerData]:
    """The flower that scikit-learn ships, with a trimap as labels; napari's sample data.

    Returns
    -------
    list of (array, dict, str)
        An image (H, W, 3) and labels (H, W): 0 is unknown, 1 background, 2 foreground.

    Examples
    --------
    >>> from propmat.napari import flower
    >>> [kind for _, _, kind in flower()]
    ['image', 'labels']
    """
    sample = photograph()
    labels = labels_of(Trimap.parse(sample.trimap))
    return [(sample.image, {"name": "flower"}, "image"), (labels, {"name": "trimap of the flower"}, "labels")]
