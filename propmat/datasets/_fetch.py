"""The archives of alphamatting.com: fetched, checked and unpacked."""

from __future__ import annotations

from pathlib import Path

from propmat._typing import PathLike
from propmat.datasets._archive import unpack
from propmat.datasets._download import Progress, download
from propmat.datasets._folder import archive_names
from propmat.datasets._remote import Remote, check, warn_if_unchecked
from propmat.errors import DownloadError, InputError, one_line, refused_as

BASE_URL = "http://www.alphamatting.com/datasets/zip/"

# Size and SHA-256 where they are known.
KNOWN = {
    "input_training_lowres": (18218854, "78d403b0671424cd6e6a01b5489a4d26e53c40b1b9b98ea33f3ee02a09ccb5db"),
    "trimap_training_lowres": (375510, "819a095689057c3747df5d18492b4ef42f13f2d8d58b18de1411938229a3f4b6"),
    "gt_training_lowres": (2268429, "686d560ea2b6e920b97485a34b64c24657b049e751cf97b05c962ebd5f1f7569"),
}


def fetch_alphamatting(
    root: PathLike,
    *,
    part: str = "training",
    resolution: str = "low",
    base_url: str = BASE_URL,
    progress: Progress | None = None,
) -> list[Path]:
    """Download the archives of alphamatting.com and unpack them for `alphamatting`.

    A folder appears only when it is complete, and one that exists is not fetched again. An archive that is already in
    `root`, such as ``input_training_lowres.zip``, is unpacked and not fetched. An interrupted download is resumed. The
    archives of the low-resolution training set are checked by size and SHA-256; for the others no checksum was
    published, and only the checksums inside the archives are checked. The photographs belong to their authors: they are
    for evaluation, not for redistribution.

    Parameters
    ----------
    root : str or os.PathLike
        Made if it is not there.
    part : {"training", "test"}
    resolution : {"low", "high"}
        21 MB for low, about 2 GB for high (training).
    base_url : str, optional
        Where the archives lie, https or http. The site moved them in 2024, and the default, where they were, no longer
        serves them.
    progress : callable (file name, bytes so far, bytes in all or None), optional
        Called while a file is downloaded.

    Returns
    -------
    list of Path
        The folders.

    Raises
    ------
    DownloadError
        If an archive cannot be fetched, is damaged or another file, is larger than 4 GiB, arrives slower than 1 KiB/s,
        or would unpack to more than 8 GiB or than 100 times its size.
    InputError
        If an argument is not as above.

    Warns
    -----
    PropmatWarning
        If an archive whose checksum is not known comes over http.

    Examples
    --------
    >>> import propmat
    >>> propmat.datasets.fetch_alphamatting("data")  # doctest: +SKIP
    >>> samples = propmat.datasets.alphamatting("data")  # doctest: +SKIP
    """
    names = archive_names(part, resolution)
    if not isinstance(base_url, str):
        raise InputError(f"base_url: takes an address, got {type(base_url).__name__}")
    with refused_as(InputError, f"root: cannot make the folder {root!r}"):
        base = Path(root)
        base.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (base / name).is_dir()]
    try:
        for name in missing:
            _fetch(Remote(f"{base_url.rstrip('/')}/{name}.zip", *KNOWN.get(name, ())), base / name, progress)
    except DownloadError as error:
        raise DownloadError(f"{error}{_by_hand(missing, base) if base_url == BASE_URL else ''}") from error
    return [base / name for name in names]


def _fetch(remote: Remote, target: Path, progress: Progress | None) -> None:
    given = target.with_name(f"{target.name}.zip")
    if given.exists():
        check(remote._replace(url=str(given)), given)
        return _unpack(given, target)
    # Under this name only checked archives lie, left by a run that was stopped while unpacking.
    archive = target.with_name(f".{target.name}.zip")
    if not archive.exists():
        warn_if_unchecked(remote)
        download(remote, archive, progress)
    try:
        _unpack(archive, target)
    except DownloadError:
        archive.unlink()  # damaged, and to be fetched anew
        raise
    archive.unlink()


def _unpack(archive: Path, target: Path) -> None:
    try:
        unpack(archive, target)
    except DownloadError:
        raise
    except OSError as error:
        raise InputError(f"root: cannot unpack {archive} to {target}: {one_line(error)}") from error


def _by_hand(names: list[str], base: Path) -> str:
    archives = ", ".join(f"{name}.zip" for name in names)
    return (
        f". alphamatting.com no longer serves its archives at this address: put {archives} from elsewhere into {base} "
        "and call again, or pass base_url, the address of a copy (--base-url)"
    )
