"""Widgets: forms that choose layers, solve on a thread, and add a layer.

Annotations are evaluated where the functions are defined, for magicgui: there is no ``from __future__`` here.
"""

from typing import Any

from propmat.matting._methods import METHODS
from propmat.napari import _layers
from propmat.napari._layers import Place


def matte_widget() -> Any:
    """A form that solves for alpha from an image and painted labels; called by napari.

    Returns
    -------
    magicgui.widgets.FunctionGui

    Raises
    ------
    InputError
        By the form, and shown by napari, if the layers that were chosen do not fit.

    Examples
    --------
    >>> from propmat.napari import matte_widget
    >>> viewer.window.add_dock_widget(matte_widget())  # doctest: +SKIP
    """
    from magicgui import magicgui
    from napari.layers import Image, Labels
    from napari.qt.threading import FunctionWorker, create_worker
    from napari.types import LayerDataTuple

    @magicgui(call_button="Solve", method={"choices": list(METHODS)})
    def matte(image: Image, labels: Labels, method: str = "closed_form") -> FunctionWorker[LayerDataTuple]:
        given = _data(image), _data(labels), method, _place(image)
        return create_worker(_layers.alpha_layer, *given, _start_thread=True, _progress={"desc": "solving for alpha"})

    return matte


def trimap_widget() -> Any:
    """A form that puts an unknown band around the edge of a mask, a labels layer; called by napari.

    Returns
    -------
    magicgui.widgets.FunctionGui

    Raises
    ------
    InputError
        By the form, and shown by napari, if the layers that were chosen do not fit.

    Examples
    --------
    >>> from propmat.napari import trimap_widget
    >>> viewer.window.add_dock_widget(trimap_widget())  # doctest: +SKIP
    """
    from magicgui import magicgui
    from napari.layers import Labels
    from napari.types import LayerDataTuple

    @magicgui(call_button="Make", inside={"min": 0, "max": 1000}, outside={"min": 0, "max": 1000})
    def trimap(mask: Labels, inside: float = 8, outside: float = 8) -> LayerDataTuple:
        return _layers.trimap_layer(_data(mask), (inside, outside), _place(mask))

    return trimap


def foreground_widget() -> Any:
    """A form that estimates the colours of the foreground from an image and its alpha; called by napari.

    Returns
    -------
    magicgui.widgets.FunctionGui

    Raises
    ------
    InputError
        By the form, and shown by napari, if the layers that were chosen do not fit.

    Examples
    --------
    >>> from propmat.napari import foreground_widget
    >>> viewer.window.add_dock_widget(foreground_widget())  # doctest: +SKIP
    """
    from magicgui import magicgui
    from napari.layers import Image
    from napari.qt.threading import FunctionWorker, create_worker
    from napari.types import LayerDataTuple

    @magicgui(call_button="Estimate")
    def foreground(image: Image, alpha: Image) -> FunctionWorker[LayerDataTuple]:
        given = _data(image), _data(alpha), _place(image)
        return create_worker(_layers.cutout_layer, *given, _start_thread=True, _progress={"desc": "estimating colours"})

    return foreground


def _data(layer: Any) -> Any:
    """The data of a layer, of one in several resolutions the finest."""
    return layer.data[0] if layer.multiscale else layer.data


def _place(layer: Any) -> Place:
    """Where a layer lies: what those made from it share."""
    return {name: getattr(layer, name) for name in ("scale", "translate", "rotate", "shear", "affine")}
