"""Pictures, trimaps and mattes in files: the user's own, and those of alphamatting.com."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from propmat import _inputs, io, pictures
from propmat._trimap import Trimap
from propmat._typing import Array, PathLike
from propmat.datasets._patterns import files, folder_of, only, pattern_of
from propmat.datasets._sample import Sample
from propmat.datasets._samples import Samples
from propmat.errors import InputError, shown

# alphamatting.com's archives, each in a folder of its name; then the plain layout, of one folder per kind.
ARCHIVES = {
    "training": ("input_training_{r}res", "trimap_training_{r}res", "gt_training_{r}res"),
    "test": ("input_{r}res", "trimap_{r}res"),
}
RESOLUTIONS = ("low", "high")


@dataclass(frozen=True)
class Files:
    """The files of one sample."""

    name: str
    image: Path
    trimap: Path
    alpha: Path | None = None

    def read(self) -> Sample:
        """Read them, and see that their sizes agree."""
        image = colours(io.read_image(self.image), str(self.image))
        shape = image.shape[:2]
        trimap = _inputs.plane(io.read_trimap(self.trimap), str(self.trimap), shape)
        alpha = None
        if self.alpha is not None:
            alpha = _inputs.plane(io.read_matte(self.alpha), str(self.alpha), shape)
        return Sample(self.name, image, Trimap.parse(trimap).labels, alpha)


def colours(pixels: object, name: str) -> Array:
    """An image as (H, W, 3) of float64 in [0, 1]."""
    return pictures.colours(_inputs.image(pixels, name))


def folder(
    root: PathLike, *, image: str = "image/{name}.*", trimap: str = "trimap/{name}.*", alpha: str | None = None
) -> Samples:
    """Samples from the user's own files, found by the pattern of their names.

    There is a sample for every trimap, in the order of names. Images without a trimap are left out, and so are folders,
    hidden files, and where a pattern ends in ``.*`` all files but pictures (by their suffixes).

    Parameters
    ----------
    root : str or os.PathLike
        The folder that the patterns start from.
    image, trimap : str
        Paths under `root` with ``{name}`` once, such as ``"{name}.jpg"`` and ``"{name}_trimap.png"``; ``*`` stands
        for anything within a name, ``.*`` at the end for the suffix of a picture of any kind that `propmat.io` reads.
    alpha : str, optional
        The same for true mattes; every sample then needs one.

    Returns
    -------
    Samples
        A sequence of `Sample`; files are read when a sample is asked for.

    Raises
    ------
    InputError
        If a pattern lacks ``{name}`` or leads out of `root`, no trimap is found, or a trimap's image or matte is
        missing or not the only one. On reading: if a file cannot be read or sizes differ.

    Examples
    --------
    >>> import tempfile
    >>> import propmat
    >>> scene = propmat.datasets.synthetic(shape=(48, 64))
    >>> with tempfile.TemporaryDirectory() as root:
    ...     propmat.io.write_image(f"{root}/cat.jpg", scene.image)
    ...     propmat.io.write_image(f"{root}/cat_trimap.png", scene.trimap)
    ...     samples = propmat.datasets.folder(root, image="{name}.jpg", trimap="{name}_trimap.png")
    ...     samples, samples[0].image.shape
    (Samples(1: cat), (48, 64, 3))
    """
    base = folder_of(root)
    given = {"image": image, "trimap": trimap} | ({} if alpha is None else {"alpha": alpha})
    patterns = {kind: pattern_of(pattern, kind, names=1) for kind, pattern in given.items()}
    names = sorted({name for name, _ in files(base, patterns["trimap"], "trimap")})
    if not names:
        raise InputError(f"root: no file under {base} fits the pattern {trimap!r} of trimaps")
    return Samples(Files(name, *(only(base, patterns[kind], name, kind) for kind in patterns)) for name in names)


def alphamatting(root: PathLike, trimap: int = 1, *, part: str = "training", resolution: str = "low") -> Samples:
    """The photographs of alphamatting.com, from a copy on disk.

    Either the site's archives, each unpacked into a folder of its name as `fetch_alphamatting` does it
    (``input_training_lowres/GT01.png``, ``trimap_training_lowres/Trimap1/GT01.png``,
    ``gt_training_lowres/GT01.png``), or plain folders (``training/image/GT01.png``, ``training/trimap1/GT01.png``,
    ``training/alpha/GT01.png``, the test set likewise in ``test``).

    Parameters
    ----------
    root : str or os.PathLike
        The folder that holds them.
    trimap : {1, 2, 3}
        1 is narrow, 2 wide, 3 drawn by hand (test set only).
    part : {"training", "test"}
        Training: 27 photographs with true mattes. Test: 8, whose truth is not public; their ``alpha`` is None.
    resolution : {"low", "high"}
        About 800 pixels a side, or the size that the camera gave.

    Returns
    -------
    Samples
        A sequence of `Sample`; files are read when a sample is asked for.

    Raises
    ------
    InputError
        If an argument is not as above or the copy is not there; as `folder` does for missing files.

    References
    ----------
    C. Rhemann, C. Rother, J. Wang, M. Gelautz, P. Kohli, P. Rott, "A Perceptually Motivated Online Benchmark for
    Image Matting", CVPR 2009.

    Examples
    --------
    >>> import propmat
    >>> for sample in propmat.datasets.alphamatting("data", trimap=2):  # doctest: +SKIP
    ...     alpha = propmat.closed_form(sample.image, sample.trimap)
    ...     print(sample.name, propmat.metrics.sad(alpha, sample.alpha, sample.trimap))
    """
    base = folder_of(root)
    archives = archive_names(part, resolution)
    number = _inputs.whole_number(trimap, "trimap")
    if number not in (1, 2, 3):
        raise InputError(f"trimap: takes 1, 2 or 3, got {shown(trimap)}")
    kinds = {"image": "", "trimap": f"/Trimap{number}", "alpha": ""}
    patterns = {
        kind: f"{archive}{below}/{{name}}.png" for (kind, below), archive in zip(kinds.items(), archives, strict=False)
    }
    if not (base / archives[0]).is_dir() and resolution == "low" and (base / part / "image").is_dir():
        patterns = {kind: f"{part}/{kind}/{{name}}.png" for kind in patterns}
        patterns["trimap"] = f"{part}/trimap{number}/{{name}}.png"
    elif not (base / archives[0]).is_dir():
        raise InputError(
            f"root: {base} has neither {archives[0]} nor {part}/image; "
            f"`propmat datasets fetch alphamatting --root {base}` downloads the archives"
        )
    return folder(base, **patterns)


def archive_names(part: str, resolution: str) -> tuple[str, ...]:
    """The archives of images, trimaps and, for training, truths."""
    for name, value, takes in (("part", part, ARCHIVES), ("resolution", resolution, RESOLUTIONS)):
        if not isinstance(value, str) or value not in takes:
            raise InputError(f"{name}: takes {' or '.join(map(repr, takes))}, got {shown(value)}")
    return tuple(name.format(r=resolution) for name in ARCHIVES[part])
