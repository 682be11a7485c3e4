"""The archives of alphamatting.com: fetched, checked and unpacked."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath

from propmat.datasets._download import Progress, Remote, download
from propmat.datasets._folder import archive_names
from propmat.errors import DownloadError, InputError

BASE_URL = "http://www.alphamatting.com/datasets/zip/"

# Size and SHA-256 where they are known.
KNOWN = {
    "input_training_lowres": (18218854, "78d403b0671424cd6e6a01b5489a4d26e53c40b1b9b98ea33f3ee02a09ccb5db"),
    "trimap_training_lowres": (375510, "819a095689057c3747df5d18492b4ef42f13f2d8d58b18de1411938229a3f4b6"),
    "gt_training_lowres": (2268429, "686d560ea2b6e920b97485a34b64c24657b049e751cf97b05c962ebd5f1f7569"),
}


def fetch_alphamatting(
    root: str | os.PathLike[str],
    *,
    part: str = "training",
    resolution: str = "low",
    base_url: str = BASE_URL,
    progress: Progress | None = None,
) -> list[Path]:
    """Download the archives of alphamatting.com and unpack them for `alphamatting`.

    A folder is there whole or not at all, and one that is there is not fetched again. A download that broke off goes
    on where it stopped. The archives of the low-resolution training set are checked by size and SHA-256; of the
    others no checksum was published, and the checksums inside them must do. The photographs stay their authors':
    for evaluation, not for redistribution.

    Parameters
    ----------
    root : str or os.PathLike
        Made if it is not there.
    part : {"training", "test"}
    resolution : {"low", "high"}
        21 MB for low, about 2 GB for high (training).
    base_url : str, optional
        Where the archives lie, if not on the site itself: it moved them in 2024, and there are mirrors.
    progress : callable (file name, bytes so far, bytes in all or None), optional

    Returns
    -------
    list of Path
        The folders.

    Raises
    ------
    DownloadError
        If an archive cannot be had or is not what it must be.
    InputError
        If an argument is not as above.

    Examples
    --------
    >>> import propmat
    >>> propmat.datasets.fetch_alphamatting("data")  # doctest: +SKIP
    >>> samples = propmat.datasets.alphamatting("data")  # doctest: +SKIP
    """
    names = archive_names(part, resolution)
    base = Path(root)
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"root: cannot make the folder {base}: {error.strerror}") from error
    for name in names:
        if not (base / name).is_dir():
            _fetch(Remote(f"{base_url.rstrip('/')}/{name}.zip", *KNOWN.get(name, ())), base / name, progress)
    return [base / name for name in names]


def _fetch(remote: Remote, target: Path, progress: Progress | None) -> None:
    # Under this name only checked archives lie, left by a run that was stopped while unpacking.
    archive = target.with_name(f".{target.name}.zip")
    if not archive.exists():
        download(remote, archive, progress)
    try:
        unpack(archive, target)
    finally:
        archive.unlink()  # unpacked, or damaged and to be fetched anew


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip archive to the folder `target`, which appears only when it is whole.

    Raises
    ------
    DownloadError
        If the archive is damaged, or a member would lie outside `target`.
    """
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        folder.chmod(0o755)
        with zipfile.ZipFile(archive) as members:
            for member in members.infolist():
                _check_member(target.name, member)
            members.extractall(folder)
        # Some archives hold one folder of their own name.
        whole = folder / target.name if os.listdir(folder) == [target.name] else folder
        os.replace(whole, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DownloadError(f"{target.name}.zip: is damaged ({error}); nothing was kept") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_member(archive: str, member: zipfile.ZipInfo) -> None:
    """Refuse what would lie elsewhere; what ``zipfile`` would quietly put inside after all is refused too."""
    # `orig_filename` is what stands in the archive, before zipfile turns separators and cuts at a zero byte.
    name = member.orig_filename
    windows, posix = PureWindowsPath(name), PurePosixPath(name)
    elsewhere = posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts
    if elsewhere or "\0" in name or stat.S_ISLNK(member.external_attr >> 16):
        raise DownloadError(f"{archive}.zip: has a member {name!r} that would lie outside its folder; nothing was kept")
