"""Arrays to files, written completely or not at all. The suffix decides the format."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import BinaryIO

from propmat._arithmetic import usual_arithmetic
from propmat._typing import ArrayLike, PathLike
from propmat.errors import InputError
from propmat.io._encoding import encoded_file, failing_to_write
from propmat.io._formats import output_for
from propmat.io._picture import Metadata
from propmat.io._remote import write_bytes
from propmat.io._replacing import write_files


@usual_arithmetic
def write_image(
    target: PathLike | BinaryIO,
    array: ArrayLike,
    *,
    depth: int = 8,
    metadata: Metadata | None = None,
    suffix: str | None = None,
) -> None:
    """Write an image completely or not at all: only a finished file replaces an existing one.

    Values are rounded to the nearest level, so that what is read back differs by at most 0.5 / (2**depth - 1), except
    in JPEG. EXR stores float32, unclipped, with colours multiplied by alpha, as its readers expect. They also expect
    linear light: convert the values of an sRGB picture before.

    An existing file keeps its mode and owner; one that is read-only is not replaced.

    Parameters
    ----------
    target : str, os.PathLike or binary file object
        A path, or a URL where fsspec is installed. The suffix decides the format: .png, .tif, .tiff, .webp (lossless),
        .jpg, .jpeg (quality 95), .bmp, .exr, .dpx.
    array : array_like, (H, W), (H, W, 3) or (H, W, 4)
        Grey, RGB, or RGB and straight (not multiplied) alpha; floating in [0, 1], uint8, uint16 or bool. Overshoot of
        up to 0.25 is clipped. For EXR floating values of any size, including NaN and infinity.
    depth : {8, 16}, default 8
        Bits per sample; ignored for EXR. EXR, DPX and colour of 16 bits need ``propmat[vfx]``.
    metadata : Metadata, optional
        As `read` returns it. Fields that colours depend on and that the format cannot hold are left out, with a
        `PropmatWarning`.
    suffix : str, optional
        The format of a file object, ".png" by default. The image is encoded completely before the first byte is
        written.

    Raises
    ------
    InputError
        If suffix, array and depth do not fit each other, an argument is not as above, or the file cannot be written.
    MissingDependencyError
        If OpenImageIO is needed and not installed.
    BrokenPipeError
        If a file object is a pipe whose reader has closed it.

    Examples
    --------
    >>> import io
    >>> import numpy as np
    >>> from propmat.io import read_image, write_image
    >>> file = io.BytesIO()
    >>> write_image(file, np.array([[0.0, 0.5, 1.0]]))
    >>> read_image(io.BytesIO(file.getvalue()))
    array([[  0, 128, 255]], dtype=uint8)
    """
    output = output_for(target, suffix)
    encoded = encoded_file(output, array, depth, metadata)
    with failing_to_write(output.name):
        if output.path is not None:
            write_files([(output.path, encoded)])
        elif output.stream is not None:
            _write_to_stream(output.stream, encoded)
        else:
            write_bytes(output.name, encoded)


@usual_arithmetic
def write_images(
    arrays: Mapping[PathLike, ArrayLike],
    *,
    depth: int = 8,
    metadata: Metadata | None = None,
) -> None:
    """Write several images as `write_image` does, all of them or none.

    Parameters
    ----------
    arrays : mapping of str or os.PathLike to array_like
        The array (H, W), (H, W, 3) or (H, W, 4) of each file.
    depth : {8, 16}, default 8
        As in `write_image`.
    metadata : Metadata, optional
        As in `write_image`, for all of them.

    Raises
    ------
    InputError, MissingDependencyError
        As `write_image` does.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from propmat.io import read_image, write_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_images({f"{folder}/black.png": np.zeros((1, 2)), f"{folder}/white.png": np.ones((1, 2))})
    ...     read_image(f"{folder}/white.png")
    array([[255, 255]], dtype=uint8)
    """
    if not isinstance(arrays, Mapping):
        raise InputError(f"arrays: takes a mapping of paths to arrays, got {type(arrays).__name__}")
    outputs = [output_for(path, None) for path in arrays]
    names = ", ".join(output.name for output in outputs)
    places = {output.path or output.name for output in outputs}
    if len(places) < len(outputs) or any(output.stream is not None for output in outputs):
        raise InputError(f"arrays: takes a path for each picture, each another one, got {names}")
    encoded = [
        encoded_file(output, array, depth, metadata) for output, array in zip(outputs, arrays.values(), strict=True)
    ]
    written = list(zip(outputs, encoded, strict=True))
    with failing_to_write(names):
        write_files([(output.path, content) for output, content in written if output.path is not None])
        for output, content in written:
            if output.path is None:
                write_bytes(output.name, content)


def _write_to_stream(stream: BinaryIO, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        written = stream.write(rest)
        if written is None and not isinstance(stream, io.RawIOBase):
            break  # an object of its own kind, which does not count bytes
        if not written or not 0 < written <= len(rest):
            raise OSError(f"its write took {written!r} of {len(rest)} bytes")
        rest = rest[written:]
    if hasattr(stream, "flush"):
        stream.flush()
