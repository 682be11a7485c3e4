"""Removal of the background by a network's mask."""

from __future__ import annotations

from functools import partial

import numpy as np

from propmat import _inputs
from propmat._arithmetic import usual_arithmetic
from propmat._foreground._estimate import foreground
from propmat._trimap_making import Width, trimap_from_mask
from propmat._typing import Array
from propmat.errors import InputError
from propmat.matting import _soft_mask, _upsample
from propmat.matting._closed_form import closed_form
from propmat.matting._enlarged import checked_matte
from propmat.rembg._masks import Session, input_size, masks_of, session_of, whole_mask
from propmat.rembg._pictures import Cutout, Data, Photograph

WINDOW = 3  # of the closed form
MODES = ("refine", "upsample", "matte", "colours")
CONFIDENCES = {"refine": _soft_mask.CONFIDENCE, "upsample": _upsample.CONFIDENCE}


@usual_arithmetic
def remove(
    data: Data,
    session: Session | None = None,
    mode: str = "refine",
    *,
    width: Width = "1%",
    confidence: float | None = None,
) -> Cutout | list[Cutout]:
    """Remove the background of a picture: the mask of a network, made exact, and the colours of the foreground.

    rembg's own ``alpha_matting`` keeps of a soft mask only which pixels are above 240 and below 10 of 255, and falls
    back silently where its solver fails. Here the soft mask is a prior, and failures are errors.

    Parameters
    ----------
    data : bytes, PIL.Image.Image or array
        The content of an image file, of 8 or 16 bits; an image of Pillow of any mode; or an (H, W), (H, W, 3) or
        (H, W, 4) array, floating in [0, 1], uint8 or uint16. The orientation of EXIF is applied. Transparency is
        ignored, with a warning.
    session : object, optional
        One of `rembg.new_session`, or an object whose ``predict`` takes an RGB image of Pillow and returns a sequence
        of masks of its size, as images of Pillow or arrays. By default `rembg.new_session()`, which may download its
        network.
    mode : {"refine", "upsample", "matte", "colours"}
        "refine" makes pixels known where the mask is certain, and solves for the others with the mask as a prior
        (`propmat.refine`); "matte" solves without it (`propmat.closed_form`), which forgets where a soft mask was
        right; "colours" keeps the mask as alpha. "upsample" takes the mask at the size at which the network computed
        it, for the means of alpha over its cells (`propmat.upsample`): one of rembg's sessions is shown the picture at
        its network's own size; another session is shown the whole picture, and may return masks of any smaller size.
    width : float or str, or a pair of them, default "1%"
        Of the band around the mask's edge in which alpha is solved for, as in `propmat.trimap_from_mask`. Wide enough
        for the mask's errors: what it has in the wrong place beyond the band stays wrong. For "refine" and "matte".
    confidence : float, optional
        For "refine" that of the mask in the band, 1e-2 by default, on the scale of `propmat.refine`: where the mask is
        0 or 1; it falls as (2 m - 1)² to 0 where the mask m is 0.5. For "upsample" that of the means of cells, as in
        `propmat.upsample`, 0.3 by default.

    Returns
    -------
    bytes, PIL.Image.Image or (H, W, 4) array
        Straight colours of the foreground and alpha, upright: a PNG file with as many bits as `data`, its colour
        profile and resolution; an image of Pillow, RGBA of 8 bits; or an array of the dtype of `data`. A list of them,
        in order, if the session predicts several masks: they are not merged.

    Raises
    ------
    InputError
        If an argument is not as above; if the session fails, or returns no mask, or one of another size; or if no mask
        has foreground (0.9 or more), or, for "refine" and "matte", one has no background; or if the picture is smaller
        than 3 x 3 pixels, but for "colours".
    MissingDependencyError
        If no session is given and rembg, or its backend onnxruntime, is not installed; or if colours of 16 bits need
        OpenImageIO and it is not.

    Warns
    -----
    PropmatWarning
        Of transparency that is ignored, and of a mask without foreground beside others, whose cut-out is transparent.

    Examples
    --------
    A session that predicts a blurred matte, as networks do at the edges:

    >>> import propmat
    >>> import propmat.rembg
    >>> from scipy.ndimage import gaussian_filter
    >>> sample = propmat.datasets.synthetic(shape=(120, 160))
    >>> class Blurred:
    ...     def predict(self, image):
    ...         return [gaussian_filter(sample.alpha, 3)]
    >>> cutouts = {mode: propmat.rembg.remove(sample.image, Blurred(), mode) for mode in ("refine", "colours")}
    >>> cutouts["refine"].shape
    (120, 160, 4)
    >>> [round(float(abs(cutout[:, :, 3] - sample.alpha).mean()), 2) for cutout in cutouts.values()]
    [0.04, 0.07]
    """
    _inputs.choice(mode, "mode", MODES)
    confidence = _inputs.positive(CONFIDENCES.get(mode, 1.0) if confidence is None else confidence, "confidence")
    found = session_of(session)
    photograph = Photograph.of(data)
    if mode != "colours":
        _check_size(*photograph.size)
    masks = _masks(found, photograph, mode)
    mattes = [None if mask is None else _alpha(photograph.colours, mask, mode, width, confidence) for mask in masks]
    cutouts = [photograph.returned(_cutout(photograph.colours, matte)) for matte in mattes]
    return cutouts if len(cutouts) > 1 else cutouts[0]


def _check_size(width: int, height: int) -> None:
    if min(width, height) < WINDOW:
        raise InputError(f"data: is {width} x {height} pixels, smaller than one window of {WINDOW} x {WINDOW}")


def _masks(session: Session, photograph: Photograph, mode: str) -> list[Array | None]:
    """The masks of a session: of the picture's size, or for "upsample" of that of the network."""
    if mode != "upsample":
        return masks_of(session, photograph.shown(photograph.size), partial(whole_mask, size=photograph.size))
    width, height = photograph.size
    shown = photograph.shown(input_size(session, photograph.size))
    return masks_of(session, shown, lambda mask, name: checked_matte(mask, (height, width), name))


def _alpha(colours: Array, mask: Array, mode: str, width: Width, confidence: float) -> Array:
    if mode == "colours":
        return mask
    if mode == "refine":
        return _soft_mask.refined(colours, mask, width, confidence)
    if mode == "upsample":
        return _upsample.upsample(colours, mask, confidence=confidence)
    return closed_form(colours, trimap_from_mask(mask, width=width))


def _cutout(colours: Array, alpha: Array | None) -> Array:
    """Straight colours and alpha in [0, 1]; the picture, transparent, without alpha."""
    if alpha is None:
        return np.dstack([colours, np.zeros(colours.shape[:2])])
    return np.dstack([foreground(colours, alpha)[0].clip(0, 1), alpha])
