"""The size of a picture by the header of its file."""

from __future__ import annotations

import io
import warnings

from propmat.io import _remote
from propmat.io._kinds import in_pillow

# Of a file behind a URL so many bytes are read; most headers end within.
_HEADER = 2**18


def size_of(place: str) -> tuple[int, int] | None:
    """Height and width of the stored picture; None where they cannot be told without decoding it."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            source = io.BytesIO(_remote.read_bytes(place, _HEADER)) if _remote.is_url(place) else place
            with Image.open(source, formats=in_pillow()) as image:
                return image.height, image.width
        except Exception:  # of any parser; whoever reads the file will say what is wrong with it
            return None if _remote.is_url(place) else _size_of_film(place)


def _size_of_film(path: str) -> tuple[int, int] | None:
    try:
        import OpenImageIO as oiio
    except ImportError:
        return None
    file = oiio.ImageInput.open(path)
    if file is None:
        oiio.geterror()  # is kept until it is asked for
        return None
    try:
        spec = file.spec()
        return spec.height, spec.width
    finally:
        file.close()
