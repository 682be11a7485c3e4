"""Files to arrays. What a file is, its first bytes tell."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

import numpy as np

from propmat.errors import InputError, warn
from propmat.io._openimageio import PathLike, complaint, openimageio, reason
from propmat.io._picture import Metadata, Picture, opaque

# Named one by one: left to itself, Pillow would also run Ghostscript on what looks like PostScript.
_PILLOW_READS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "TGA")
_TIFF_HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_FILM_HEADS = (b"v/1\x01", b"SDPX", b"XPDS", b"#?RA", b"#?RG")  # EXR, DPX twice, HDR twice
_JPEG2000_HEADS = (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")  # Pillow reads all depths as 8 bits

# Bits per sample that Pillow keeps in each of its modes; up to 8 in all others.
_BITS_KEPT = {"I;16": (16,), "I;16B": (16,), "I": (16, 32), "F": (32,)}

# What reading raises on files that are missing, cut off or damaged: Pillow's parsers meet garbage
# unguarded. Found by reading thousands of files with flipped and missing bytes.
_UNREADABLE = (OSError, EOFError, ValueError, TypeError, LookupError, SyntaxError, struct.error)

# Rounding Cb and Cr to 8 bits moves two channels of a grey pixel apart by at most
# (1.402 + 1.772) / 2 = 1.59 levels (JFIF), 2 after rounding: grey may have gone through that.
_GREY_TOLERANCE = 2 / 255


class _Decoded(NamedTuple):
    colours: np.ndarray  # (H, W) or (H, W, 3), as stored
    alpha: np.ndarray | None
    orientation: int  # of EXIF, 1 to 8
    several: bool  # the file holds more pictures than this
    metadata: Metadata = Metadata()


def read_image(path: PathLike) -> np.ndarray:
    """Read what an image file shows.

    Palettes, CMYK and YCbCr become RGB (without colour management), 1-bit and grey files grey; the
    orientation of EXIF is applied, and the display window of EXR. An opaque alpha channel is
    dropped. A real one is dropped with a `PropmatWarning`, and the colours are those that the file
    stores: in EXR they are multiplied by its alpha.

    Parameters
    ----------
    path : str or os.PathLike
        PNG, JPEG, TIFF, WebP, BMP, GIF, PPM or TGA; with ``propmat[vfx]`` also EXR, DPX, HDR,
        JPEG 2000 and all colour deeper than 8 bits. Of several pages or frames the first is read,
        with a `PropmatWarning`.

    Returns
    -------
    numpy.ndarray, (H, W) or (H, W, 3)
        uint8 or uint16 of full scale 255 or 65535; float32, as stored, for floating point files.

    Raises
    ------
    InputError
        If the file is missing, unreadable, damaged, no image, or larger than Pillow's limit against
        decompression bombs (about 179 megapixels).
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
    return _read(path)


def read_trimap(path: PathLike) -> np.ndarray:
    """Read a trimap: like `read_image`, for a file that is grey or whose colour channels are equal.

    Channels may differ by 2/255, what the rounding of JPEG's colours can do to grey.

    Parameters
    ----------
    path : str or os.PathLike
        Any file that `read_image` takes.

    Returns
    -------
    numpy.ndarray, (H, W)
        uint8, uint16 or float32 as from `read_image`.

    Raises
    ------
    InputError
        If the file has colours, and as `read_image` does.
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
    return _grey(_read(path), f"{path}: a trimap")


def read_matte(path: PathLike) -> np.ndarray:
    """Read an alpha matte: `read_trimap` with a matte's name in its messages.

    Parameters
    ----------
    path : str or os.PathLike
        Any file that `read_image` takes. A matte that is the alpha channel of a cut-out is not
        looked for.

    Returns
    -------
    numpy.ndarray, (H, W)
        uint8, uint16 or float32 as from `read_image`.

    Raises
    ------
    InputError
        If the file has colours, and as `read_image` does.
    MissingDependencyError
        As `read_image` does.
    """
    return _grey(_read(path), f"{path}: an alpha matte")


def read(source: PathLike | BinaryIO) -> Picture:
    """Read an image file: pixels, alpha and what the meaning of the colours depends on.

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
    """
    path = Path(source)
    found = _decode(path)
    if found.several:
        message = f"{path}: holds several pictures (pages or frames); the first was read"
        warn(message)
    pixels = np.ascontiguousarray(_upright(found.colours, found.orientation))
    alpha = None
    if found.alpha is not None and not opaque(found.alpha):
        alpha = np.ascontiguousarray(_upright(found.alpha, found.orientation))
    return Picture(pixels, alpha, 8 * pixels.itemsize, pixels.dtype == np.float32, found.metadata)


def _read(path: PathLike) -> np.ndarray:
    picture = read(path)
    if picture.alpha is not None:
        message = f"{path}: the file has its own transparency, which was ignored"
        warn(message)
    return picture.pixels


def _decode(path: Path) -> _Decoded:
    try:
        with open(path, "rb") as file:
            head = file.read(8)
            if not head:
                raise EOFError("the file is empty")
            file.seek(0)
            foreign = head.startswith(_FILM_HEADS + _JPEG2000_HEADS)
            picture = None if foreign else _decode_with_pillow(file, head)
    except _UNREADABLE as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error
    return picture or _decode_with_openimageio(path)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn stored rows and columns into those shown (EXIF tag 274)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _grey(pixels: np.ndarray, what: str) -> np.ndarray:
    if pixels.ndim == 2:
        return pixels
    scale = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    with np.errstate(invalid="ignore"):  # infinities are not judged here
        coloured = np.mean(np.ptp(pixels, axis=2) > _GREY_TOLERANCE * scale)
    if coloured:
        raise InputError(f"{what} must be grey, but {coloured:.2%} of its pixels have a colour")
    return np.ascontiguousarray(pixels[..., 1])


def _decode_with_pillow(file: IO[bytes], head: bytes) -> _Decoded | None:
    """Read with Pillow; None where it would lose depth, or does not know a kind of TIFF."""
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        # Pillow warns of odd metadata, and of sizes from 89 megapixels up, which photographs have.
        warnings.simplefilter("ignore")
        try:
            with Image.open(file, formats=_PILLOW_READS) as image:
                return _unpack(image) if _keeps_depth(image) else None
        except UnidentifiedImageError as error:
            if head.startswith(_TIFF_HEADS):
                return None
            raise ValueError("it is not an image of a kind that is read here") from error
        except Image.DecompressionBombError as error:
            raise ValueError(f"{error}; PIL.Image.MAX_IMAGE_PIXELS sets the limit") from error


def _keeps_depth(image: Any) -> bool:
    """Whether Pillow will hand over all bits of the file; it says nothing where it does not."""
    if image.format == "TIFF":
        bits_per_sample = image.tag_v2.get(258, (1,))
        return max(bits_per_sample) in _BITS_KEPT.get(image.mode, range(9))
    if image.format not in ("PNG", "PPM") or image.mode in _BITS_KEPT:
        return True
    decoder, _, _, arguments = image.tile[0]
    if image.format == "PNG":
        return ";16" not in arguments  # as in "RGB;16B"
    return decoder != "ppm" or arguments[1] <= 255  # the largest value


def _unpack(image: Any) -> _Decoded:
    # The further pictures of an MPO, the JPEG of many cameras, are previews and maps for the first.
    several = image.format != "MPO" and getattr(image, "n_frames", 1) > 1
    image.load()
    # Asked for after loading: that applies the orientation of TIFF, and finds the EXIF of PNG.
    orientation = image.getexif().get(274, 1)
    metadata = Metadata(icc_profile=image.info.get("icc_profile"))
    if image.mode in _BITS_KEPT:
        return _Decoded(_deep_grey(image), None, orientation, several, metadata)
    mode = "L" if image.mode in ("1", "L", "LA", "La") else "RGB"
    if not image.has_transparency_data:
        return _Decoded(np.array(image.convert(mode)), None, orientation, several, metadata)
    pixels = np.array(image.convert(mode + "A"))
    colours = pixels[..., 0] if mode == "L" else pixels[..., :3]
    return _Decoded(colours, pixels[..., -1], orientation, several, metadata)


def _deep_grey(image: Any) -> np.ndarray:
    pixels = np.array(image)
    if image.mode == "F":
        return pixels
    if pixels.size and not 0 <= pixels.min() <= pixels.max() <= 65535:
        raise ValueError(f"32-bit integers from {pixels.min()} to {pixels.max()}, not 0 to 65535")
    pixels = pixels.astype(np.uint16)
    # Where white is 0 (PhotometricInterpretation), Pillow inverts 8 bits but not 16.
    inverted = image.format == "TIFF" and image.tag_v2.get(262) == 0
    return 65535 - pixels if inverted else pixels


def _decode_with_openimageio(path: Path) -> _Decoded:
    oiio = openimageio(f"{path}: a file of this format or depth")
    as_stored = oiio.ImageSpec()
    as_stored.attribute("oiio:UnassociatedAlpha", 1)  # do not multiply colours by alpha
    source = oiio.ImageInput.open(str(path), as_stored)
    if source is None:
        raise InputError(f"{path}: cannot be read: {complaint(oiio)}")
    try:
        spec = source.spec()
        _check_size(path, spec)
        kept = str(spec.format) in ("uint8", "uint16")
        pixels = source.read_image("unknown" if kept else "float")
        if pixels is None:
            raise InputError(f"{path}: cannot be read: {complaint(source)}")
        several = source.seek_subimage(1, 0)
    finally:
        source.close()
    colours, alpha = _split(path, _displayed(pixels, spec), spec)
    return _Decoded(colours, alpha, spec.get_int_attribute("Orientation", 1), several)


def _check_size(path: Path, spec: Any) -> None:
    from PIL import Image

    size = max(spec.width * spec.height, spec.full_width * spec.full_height)
    # Twice the figure, as in Pillow's own check: there the figure itself only warns.
    if Image.MAX_IMAGE_PIXELS is not None and size > 2 * Image.MAX_IMAGE_PIXELS:
        message = f"{size} pixels exceed the limit of {2 * Image.MAX_IMAGE_PIXELS}"
        raise InputError(f"{path}: {message}; PIL.Image.MAX_IMAGE_PIXELS sets the limit")
    if spec.deep:
        raise InputError(f"{path}: has depth samples (deep EXR); takes flat images")


def _displayed(pixels: np.ndarray, spec: Any) -> np.ndarray:
    """Place the window that is stored (data window) in the one that is shown (display window)."""
    top, left = spec.y - spec.full_y, spec.x - spec.full_x
    shown = np.zeros((spec.full_height, spec.full_width, spec.nchannels), pixels.dtype)
    below, right = max(top + spec.height, 0), max(left + spec.width, 0)
    window = shown[max(top, 0) : below, max(left, 0) : right]
    stored = pixels[max(-top, 0) :, max(-left, 0) :]
    window[...] = stored[: window.shape[0], : window.shape[1]]
    return shown


def _split(path: Path, pixels: np.ndarray, spec: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Colours and alpha among the channels; a lone channel is grey, whatever its name."""
    if spec.nchannels == 1:
        return pixels[..., 0], None
    alpha, depth = spec.alpha_channel, spec.z_channel
    colours = [i for i in range(spec.nchannels) if i not in (alpha, depth)]
    if len(colours) in (0, 2):
        raise InputError(f"{path}: has channels {spec.channelnames}; takes one (grey) or R, G, B")
    picture = pixels[..., colours[0] if len(colours) == 1 else colours[:3]]
    return picture, None if alpha < 0 else pixels[..., alpha]
