"""Files to arrays: pictures with all that they hold, colours, trimaps and mattes."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from propmat._arithmetic import usual_arithmetic
from propmat._typing import PathLike
from propmat.errors import InputError, warn
from propmat.io._decoding import picture_of
from propmat.io._picture import Picture, Pixels, full_scale

# Rounding Cb and Cr to 8 bits moves two channels of a grey pixel apart by at most
# (1.402 + 1.772) / 2 = 1.59 levels (JFIF), 2 after rounding: grey may have gone through that.
_GREY_TOLERANCE = 2 / 255

# Trimaps have three levels; a picture that is grey and has a cut-out's transparency has more.
_LEVELS_OF_A_TRIMAP = 3

_LEVELS = "; black is background, white foreground"

_AS_A_MASK = "read it as a mask: --mask on the command line, trimap_from_mask(read_matte(...)) in Python"


@usual_arithmetic
def read(source: PathLike | BinaryIO) -> Picture:
    """Read an image file: pixels, alpha and metadata.

    Colours are always straight: where a file stores them multiplied by its alpha (EXR, DPX, and TIFF, TGA and JPEG 2000
    that declare it), they are divided by it and rounded to the nearest level. Where alpha is 0, the colours are as
    stored.

    Parameters
    ----------
    source : str, os.PathLike or binary file object
        As for `read_image`.

    Returns
    -------
    Picture

    Raises
    ------
    InputError, MissingDependencyError
        As `read_image` does.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from propmat.io import Metadata, read, write_image
    >>> file = io.BytesIO()
    >>> write_image(file, np.ones((2, 3, 4)), metadata=Metadata(gamma=0.45455))
    >>> picture = read(io.BytesIO(file.getvalue()))
    >>> picture.pixels.shape, picture.alpha, picture.depth, picture.metadata.gamma
    ((2, 3, 3), None, 8, 0.45455)
    """
    return picture_of(source)[1]


@usual_arithmetic
def read_image(source: PathLike | BinaryIO) -> Pixels:
    """Read the colours of an image file.

    Palettes, CMYK and YCbCr are converted to RGB (without colour management), 1-bit files to grey; the orientation of
    EXIF and the display window of EXR are applied. An alpha channel is dropped, with a `PropmatWarning` unless it is
    opaque everywhere; the colours are straight, not multiplied by it. `read` keeps the alpha.

    Parameters
    ----------
    source : str, os.PathLike or binary file object
        PNG, JPEG, TIFF, WebP, BMP, GIF, PPM or TGA, and AVIF with Pillow 11.3 or above; with ``propmat[vfx]`` also EXR,
        DPX, Radiance HDR, JPEG 2000 and all colour deeper than 8 bits. Text with a scheme, ``s3://bucket/a.png``, is
        a URL that fsspec opens where it is installed. Of several pages or frames the first is read,
        with a `PropmatWarning`; of the layers of EXR the one without a name, else the first that has colours, with a
        `PropmatWarning` if there are others. A pipe or a file object is read from its current position to its end, up
        to 1 GiB.

    Returns
    -------
    numpy.ndarray, (H, W) or (H, W, 3)
        uint8 or uint16 of full scale 255 or 65535; float32, as stored, for floating point files.

    Raises
    ------
    InputError
        If the file is missing, unreadable, damaged, not an image, or larger than Pillow's limit against decompression
        bombs (about 179 megapixels; 89 for WebP and AVIF, whose decoders take more memory).
    MissingDependencyError
        If the file needs OpenImageIO and it is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from propmat.io import read_image, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/ramp.png", np.array([[0.0, 0.25, 0.5, 1.0]]))
    ...     read_image(f"{folder}/ramp.png")
    array([[  0,  64, 128, 255]], dtype=uint8)
    """
    name, picture = picture_of(source)
    return _without_alpha(name, picture)


@usual_arithmetic
def read_trimap(source: PathLike | BinaryIO) -> Pixels:
    """Read a trimap: like `read_image`, for a file that is grey or whose colour channels are equal.

    Channels may differ by 2/255, as they do where grey went through JPEG's rounding of colours. A file with an alpha
    channel that varies is accepted if its greys have two or three levels; otherwise it is a mask or a cut-out.

    Parameters
    ----------
    source : str, os.PathLike or binary file object
        Any file that `read_image` takes.

    Returns
    -------
    numpy.ndarray, (H, W)
        uint8, uint16 or float32 as from `read_image`.

    Raises
    ------
    InputError
        If the file has colours, or is a mask or a cut-out; and as `read_image` does.
    MissingDependencyError
        As `read_image` does.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from propmat.io import read_trimap, write_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_image(f"{folder}/trimap.png", np.full((1, 2, 3), 128, np.uint8))
    ...     read_trimap(f"{folder}/trimap.png")
    array([[128, 128]], dtype=uint8)
    """
    name, picture = picture_of(source)
    cutout = picture.alpha is not None and not _constant(picture.alpha)
    remedy = f". Its shape is in its transparency: {_AS_A_MASK}" if cutout else _LEVELS
    grey = _grey(picture.pixels, f"{name}: a trimap", remedy)
    if cutout and not 2 <= len(np.unique(grey)) <= _LEVELS_OF_A_TRIMAP:
        raise InputError(f"{name}: has transparency of its own and no greys of a trimap; {_AS_A_MASK}")
    _without_alpha(name, picture)
    return grey


@usual_arithmetic
def read_matte(source: PathLike | BinaryIO) -> Pixels:
    """Read an alpha matte or a mask: the alpha channel of a file that has one, otherwise its greys.

    An alpha channel that varies is taken as the matte, with a `PropmatWarning`, so that a cut-out is a mask of its
    object. One that is constant is ignored.

    Parameters
    ----------
    source : str, os.PathLike or binary file object
        Any file that `read_image` takes.

    Returns
    -------
    numpy.ndarray, (H, W)
        uint8, uint16 or float32 as from `read_image`.

    Raises
    ------
    InputError
        If the file has colours and no alpha channel that varies; and as `read_image` does.
    MissingDependencyError
        As `read_image` does.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from propmat.io import read_matte, write_image
    >>> file = io.BytesIO()
    >>> write_image(file, np.array([[0.0, 0.2, 1.0]]))
    >>> read_matte(io.BytesIO(file.getvalue()))
    array([[  0,  51, 255]], dtype=uint8)
    """
    return matte_of(*picture_of(source))


def matte_of(name: str, picture: Picture) -> Pixels:
    """`read_matte` for a file that has been read; its name is for messages."""
    if picture.alpha is not None and not _constant(picture.alpha):
        message = f"{name}: has an alpha channel, which was taken as the matte"
        warn(message)
        return picture.alpha
    remedy = "; takes greys, white for the foreground, or an alpha channel"
    return _grey(_without_alpha(name, picture), f"{name}: an alpha matte", remedy)


def _without_alpha(name: str, picture: Picture) -> Pixels:
    if picture.alpha is not None:
        message = f"{name}: the file has its own transparency, which was ignored"
        warn(message)
    return picture.pixels


def _constant(alpha: Pixels) -> bool:
    return bool((alpha == alpha.flat[0]).all())


def _grey(pixels: Pixels, what: str, remedy: str) -> Pixels:
    if pixels.ndim == 2:
        return pixels
    with np.errstate(all="ignore"):  # infinities are not judged here
        coloured = np.mean(np.ptp(pixels, axis=2) > _GREY_TOLERANCE * full_scale(pixels))
    if coloured:
        raise InputError(f"{what} must be grey, but {coloured:.2%} of its pixels have a colour{remedy}")
    return np.ascontiguousarray(pixels[..., 1])
