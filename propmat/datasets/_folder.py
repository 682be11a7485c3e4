"""Pictures, trimaps and mattes that lie in files: one's own, and those of alphamatting.com."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from propmat import _inputs, io, pictures
from propmat.datasets._sample import Sample
from propmat.datasets._samples import Samples
from propmat.errors import InputError
from propmat.trimap import Trimap

PathLike = str | os.PathLike[str]

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


def colours(pixels: object, name: str) -> np.ndarray:
    """An image as (H, W, 3) of float64 in [0, 1]."""
    return pictures.colours(_inputs.image(pixels, name))


def folder(
    root: PathLike, *, image: str = "image/{name}.*", trimap: str = "trimap/{name}.*", alpha: str | None = None
) -> Samples:
    """Samples from one's own files, found by the pattern of their names.

    There is a sample for every trimap, in the order of names. Images without a trimap are left out.

    Parameters
    ----------
    root : str or os.PathLike
        The folder that the patterns start from.
    image, trimap : str
        Paths under `root` with ``{name}`` once, such as ``"{name}.jpg"`` and ``"{name}_trimap.png"``; ``*`` stands
        for anything within a name.
    alpha : str, optional
        The same for true mattes; every sample then needs one.

    Returns
    -------
    Samples
        A sequence of `Sample`; files are read when a sample is asked for.

    Raises
    ------
    InputError
        If a pattern lacks ``{name}``, no trimap is found, or a trimap's image or matte is missing or not the only
        one. On reading: if a file cannot be read or sizes differ.

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
    base = Path(root)
    for kind, pattern in {"image": image, "trimap": trimap, "alpha": alpha}.items():
        if pattern is not None and pattern.count("{name}") != 1:
            raise InputError(f"{kind}: takes a pattern with {{name}} in it once, got {pattern!r}")
    names = _names(base, trimap)
    if not names:
        raise InputError(f"root: no file under {base} fits the pattern {trimap!r} of trimaps")
    patterns = [pattern for pattern in (image, trimap, alpha) if pattern is not None]
    return Samples(Files(name, *(_only(base, pattern, name) for pattern in patterns)) for name in names)


def alphamatting(root: PathLike, trimap: int = 1, *, part: str = "training", resolution: str = "low") -> Samples:
    """The photographs of alphamatting.com, from a copy on disk.

    Either the site's archives, each unpacked into a folder of its name as `fetch_alphamatting` does it
    (``input_training_lowres/GT01.png``, ``trimap_training_lowres/Trimap1/GT01.png``,
    ``gt_training_lowres/GT01.png``), or plain folders (``training/image/GT01.png``, ``training/trimap1/GT01.png``,
    ``training/alpha/GT01.png``, the test set likewise in ``test``).

    Parameters
    ----------
    root : str or os.PathLike
    trimap : {1, 2, 3}
        1 is narrow, 2 wide, 3 drawn by hand (test set only).
    part : {"training", "test"}
        Training: 27 photographs with true mattes. Test: 8, whose truth is not public; their ``alpha`` is None.
    resolution : {"low", "high"}
        About 800 pixels a side, or what the camera gave.

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
    base = Path(root)
    archives = archive_names(part, resolution)
    if trimap not in (1, 2, 3):
        raise InputError(f"trimap: takes 1, 2 or 3, got {trimap!r}")
    kinds = {"image": "", "trimap": f"/Trimap{trimap}", "alpha": ""}
    patterns = {
        kind: f"{archive}{below}/{{name}}.png" for (kind, below), archive in zip(kinds.items(), archives, strict=False)
    }
    if not (base / archives[0]).is_dir() and resolution == "low" and (base / part / "image").is_dir():
        patterns = {kind: f"{part}/{kind}/{{name}}.png" for kind in patterns}
        patterns["trimap"] = f"{part}/trimap{trimap}/{{name}}.png"
    elif not (base / archives[0]).is_dir():
        raise InputError(
            f"root: {base} has neither {archives[0]} nor {part}/image; "
            f"`propmat datasets fetch alphamatting --root {base}` downloads the archives"
        )
    return folder(base, **patterns)


def archive_names(part: str, resolution: str) -> tuple[str, ...]:
    """The archives of images, trimaps and, for training, truths."""
    for name, value, takes in (("part", part, ARCHIVES), ("resolution", resolution, RESOLUTIONS)):
        if value not in takes:
            raise InputError(f"{name}: takes {' or '.join(map(repr, takes))}, got {value!r}")
    return tuple(name.format(r=resolution) for name in ARCHIVES[part])


def _names(root: Path, pattern: str) -> list[str]:
    """What stands for ``{name}`` in the paths that fit, sorted."""
    before, after = (_starred(part, "[^/]*", re.escape) for part in pattern.split("{name}"))
    fitting = re.compile(f"{before}(?P<name>[^/]+){after}")
    found = root.glob(_starred(pattern.replace("{name}", "*"), "*", glob.escape))
    matches = (fitting.fullmatch(path.relative_to(root).as_posix()) for path in found)
    return sorted({match["name"] for match in matches if match})


def _only(root: Path, pattern: str, name: str) -> Path:
    """The one file that fits."""
    before, after = (_starred(part, "*", glob.escape) for part in pattern.split("{name}"))
    found = sorted(root.glob(f"{before}{glob.escape(name)}{after}"))
    if len(found) != 1:
        many = f"fits several files ({', '.join(path.name for path in found)})" if found else "fits no file"
        raise InputError(f"root: {pattern.replace('{name}', name)} {many} under {root}; takes one for every trimap")
    return found[0]


def _starred(pattern: str, star: str, escape: Callable[[str], str]) -> str:
    """`pattern` in another notation, in which `star` stands for anything and all else is escaped."""
    return star.join(escape(piece) for piece in pattern.split("*"))
