"""Files by PyMatting's names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from propmat import _inputs, io
from propmat._arithmetic import usual_arithmetic
from propmat._inputs._images import OVERSHOOT
from propmat._typing import Array, ArrayLike, PathLike
from propmat.errors import InputError, shown, warn
from propmat.io._picture import Picture, full_scale
from propmat.pymatting._alpha import estimate_alpha_cf
from propmat.pymatting._foreground import estimate_foreground_ml
from propmat.pymatting._images import Pixels, make_grid, stack_images

# ITU-R BT.601, as Pillow's conversion to grey has it.
LUMA = (0.299, 0.587, 0.114)
MODES = ("RGB", "RGBA", "GRAY", "L")
FILTERS = ("bicubic", "bilinear", "box", "hamming", "lanczos", "nearest", "none")


@usual_arithmetic
def load_image(
    path: PathLike,
    mode: str | None = None,
    size: float | tuple[int, int] | None = None,
    resample: str = "box",
) -> Array:
    """Read an image file.

    Parameters
    ----------
    path : str or os.PathLike
        Any file that `propmat.io.read` takes; EXIF's orientation is applied.
    mode : {"GRAY", "RGB", "RGBA"}, optional
        In any case of letters; "L" is "GRAY". As stored by default.
    size : float or (int, int), optional
        A factor, or width and height.
    resample : {"box", "bicubic", "bilinear", "hamming", "lanczos", "nearest", "none"}
        How to resample to `size`; "none" is "nearest".

    Returns
    -------
    (H, W), (H, W, 3) or (H, W, 4) array of float64
        In [0, 1], all bits of the file kept; floating files as stored. Resampled values are rounded to those of the
        file's type.

    Raises
    ------
    InputError
        If the file cannot be read, or an argument is not as above. It is a ValueError.
    MissingDependencyError
        If the file needs OpenImageIO and it is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_image(f"{folder}/photos/grey.png", np.full((4, 6), 0.2))
    ...     load_image(f"{folder}/photos/grey.png", "rgb", 0.5).shape
    (2, 3, 3)
    """
    wanted = None if mode is None else _inputs.choice(str(mode).upper(), "mode", MODES)
    method = _inputs.choice(str(resample).lower(), "resample", FILTERS)
    pixels = _channels(io.read(path), wanted)
    if size is not None:
        pixels = _resized(pixels, _size(size, pixels.shape), "NEAREST" if method == "none" else method.upper())
    return pixels / np.float64(full_scale(pixels))


def _channels(picture: Picture, mode: str | None) -> Pixels:
    """The channels that a mode has, or those of the file, in the file's numbers."""
    colours = picture.pixels
    if mode in ("GRAY", "L"):
        return colours if colours.ndim == 2 else _rounded(colours @ np.array(LUMA), colours)
    if mode is not None and colours.ndim == 2:
        colours = stack_images(colours, colours, colours)
    if mode == "RGB" or (mode is None and picture.alpha is None):
        return colours
    opaque = np.full(colours.shape[:2], full_scale(colours), colours.dtype)
    return stack_images(colours, opaque if picture.alpha is None else picture.alpha)


def _size(size: float | tuple[int, int], shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height."""
    if _inputs.is_number(size):
        factor = _inputs.positive(size, "size")
        sides = int(shape[1] * factor), int(shape[0] * factor)
        if not min(sides):
            raise InputError(f"size: takes a factor that leaves a pixel, or (width, height), got {shown(size)}")
    else:
        sides = _inputs.pair(size.tolist() if isinstance(size, np.ndarray) else size, "size", "(width, height)")
    width, height = (_inputs.whole_number(side, "size") for side in sides)
    return width, height


def _resized(pixels: Pixels, size: tuple[int, int], name: str) -> Pixels:
    """Files of 8 bits as Pillow, and so PyMatting, resamples them; others a channel at a time."""
    from PIL import Image

    resample = Image.Resampling[name]
    if pixels.dtype == np.uint8 and pixels.shape[2:] != (2,):
        return np.asarray(Image.fromarray(pixels).resize(size, resample))
    planes = np.moveaxis(np.atleast_3d(pixels), 2, 0).astype(np.float32)
    resized = np.stack([np.asarray(Image.fromarray(plane).resize(size, resample)) for plane in planes], axis=2)
    within = _rounded(np.clip(resized, pixels.min(), pixels.max()), pixels)
    return within if pixels.ndim == 3 else within[:, :, 0]


def _rounded(values: Pixels, like: Pixels) -> Pixels:
    """Values as numbers of the type of another array."""
    return (np.rint(values) if like.dtype.kind == "u" else values).astype(like.dtype)


@usual_arithmetic
def save_image(path: PathLike, image: ArrayLike, make_directory: bool = True) -> None:
    """Write an image of 8 bits, completely or not at all.

    Parameters
    ----------
    path : str or os.PathLike
        Its suffix decides the format, as in `propmat.io.write_image`.
    image : (H, W), (H, W, 3) or (H, W, 4) array
        uint8, or floating; values outside [0, 1] are clipped, the others rounded to the nearest level.
    make_directory : bool, default True
        Whether to make the folders of the path.

    Raises
    ------
    InputError
        If the array is not as above, or the file cannot be written. It is a ValueError.

    Warns
    -----
    PropmatWarning
        If clipping changes values by more than 0.25, as it does those that go up to 255. It is a UserWarning.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_image(f"{folder}/new/ramp.png", np.array([[0.0, 0.2, 1.0]]))
    ...     load_image(f"{folder}/new/ramp.png")
    array([[0. , 0.2, 1. ]])
    """
    pixels = _inputs.as_array(image, "image")
    if pixels.dtype != np.uint8 and pixels.dtype.kind != "f":
        raise InputError(f"image: takes floating numbers or uint8, got dtype {pixels.dtype}")
    if make_directory:
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        except TypeError:
            raise InputError(f"path: takes a path, got {shown(path)}") from None
        except OSError as error:
            raise InputError(f"path: its folder cannot be made ({error.strerror})") from None
    if pixels.dtype.kind == "f" and pixels.size and (pixels.min() < -OVERSHOOT or pixels.max() > 1 + OVERSHOOT):
        warn(f"image: values from {pixels.min():g} to {pixels.max():g} are clipped to [0, 1]; divide by that of white")
    io.write_image(path, pixels if pixels.dtype == np.uint8 else np.clip(pixels, 0.0, 1.0))


@usual_arithmetic
def show_images(images: Sequence[ArrayLike | None]) -> None:
    """Show images in a grid, in the viewer that Pillow finds.

    Parameters
    ----------
    images : sequence of (H, W) or (H, W, d) arrays, or None
        Floating in [0, 1], as in `make_grid`.

    Raises
    ------
    InputError
        If there is no image. It is a ValueError.

    Examples
    --------
    >>> show_images([alpha, foreground])  # doctest: +SKIP
    """
    from PIL import Image

    grid = make_grid(images)
    if grid is None:
        raise InputError("images: takes at least one array, got none")
    Image.fromarray(np.rint(255 * np.clip(grid, 0, 1)).astype(np.uint8)).show()


@usual_arithmetic
def cutout(image_path: PathLike, trimap_path: PathLike, cutout_path: PathLike) -> None:
    """Write the cut-out of an image and a trimap: closed-form alpha and multilevel foreground colours.

    Parameters
    ----------
    image_path, trimap_path : str or os.PathLike
        Read by `load_image`.
    cutout_path : str or os.PathLike
        Written by `save_image`.

    Raises
    ------
    InputError
        If a file cannot be read or written, or the sizes differ. It is a ValueError.

    Examples
    --------
    >>> import tempfile
    >>> import propmat
    >>> sample = propmat.datasets.synthetic(seed=0, shape=(48, 64))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_image(f"{folder}/image.png", sample.image)
    ...     save_image(f"{folder}/trimap.png", sample.trimap)
    ...     cutout(f"{folder}/image.png", f"{folder}/trimap.png", f"{folder}/cutout.png")
    ...     load_image(f"{folder}/cutout.png").shape
    (48, 64, 4)
    """
    image, trimap = load_image(image_path, "RGB"), load_image(trimap_path, "GRAY")
    if image.shape[:2] != trimap.shape:
        raise InputError(f"trimap: {trimap.shape[:2]} pixels do not fit an image of {image.shape[:2]}")
    alpha = estimate_alpha_cf(image, trimap)
    save_image(cutout_path, stack_images(estimate_foreground_ml(image, alpha), alpha))
