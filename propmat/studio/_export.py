"""Files of a picture, and the command lines that make the same files."""

from __future__ import annotations

import io as streams
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from propmat import _inputs, io, pictures
from propmat._foreground._estimate import foreground
from propmat._typing import Array
from propmat.errors import InputError, one_line
from propmat.studio._photo import Photo
from propmat.studio._session import Session
from propmat.studio._types import Bytes, Pixels

WHAT = ("cutout", "matte", "trimap", "foreground")
SUFFIXES = (".png", ".tif", ".exr")
DEPTHS = (8, 16)


@dataclass(frozen=True)
class Wanted:
    """A file: what it holds, its format and bits per sample; and the name of the photograph's file."""

    what: str
    suffix: str
    depth: int
    name: str

    def check(self) -> None:
        """Refuse what cannot be written."""
        _inputs.choice(self.what, "what", WHAT)
        _inputs.choice(self.suffix, "suffix", SUFFIXES)
        if self.depth not in DEPTHS:
            raise InputError(f"depth: takes 8 or 16, got {self.depth}")
        coloured = self.what in ("cutout", "foreground")
        transparent = self.what == "cutout"
        target = streams.BytesIO()
        io.check_output(target, depth=self.depth, transparent=transparent, coloured=coloured, suffix=self.suffix)

    @property
    def file(self) -> str:
        """The name of the file."""
        return f"{self.stem}-{self.what}{self.suffix}"

    @property
    def stem(self) -> str:
        """The name of the photograph's file without its suffix."""
        return Path(self.name).stem

    def command(self, method: str) -> list[str]:
        """The command that makes the file from the photograph, and the trimap or matte that is exported too."""
        trimap, matte = f"{self.stem}-trimap.png", f"{self.stem}-matte.png"
        if self.what == "trimap":
            return []
        if self.what == "foreground":
            made = ["foreground", self.name, matte]
        else:
            made = ["alpha" if self.what == "matte" else "cutout", self.name, trimap, "--method", method, "--exact"]
        return ["propmat", *made, "-o", self.file, "--depth", str(self.depth)]


def commands(wanted: Wanted, method: str) -> str:
    """Lines for a shell; empty for a trimap, which nothing but the hand has made."""
    lines = [wanted.command(method)]
    if wanted.what == "foreground":
        lines.insert(0, replace(wanted, what="matte", suffix=".png", depth=16).command(method))
    return "\n".join(shlex.join(line) for line in lines if line)


def made(session: Session, wanted: Wanted) -> bytes:
    """The content of a file, as soon as there is an exact matte; `InputError` if there is none."""
    wanted.check()
    if wanted.what == "trimap":
        with session.changed:
            return _encoded(session.posed().labels, wanted, io.Metadata())
    asked, alpha = session.wait_for_exact()
    if wanted.suffix == ".exr" or session.photo.linear:
        return _by_command(session.folder / "photo", asked.labels, wanted, asked.method)
    return _encoded(*_pixels(session.photo, alpha, wanted))


def colours(photo: Photo, alpha: Array) -> Array:
    """The colours of the foreground, in the range of the photograph."""
    estimated = foreground(photo.pixels, alpha)[0]
    return pictures.colours(estimated.clip(0, 1))


def _pixels(photo: Photo, alpha: Array, wanted: Wanted) -> tuple[Pixels, Wanted, io.Metadata]:
    if wanted.what == "matte":
        return alpha, wanted, io.Metadata(resolution=photo.metadata.resolution)
    if wanted.what == "cutout":
        return np.dstack([colours(photo, alpha), alpha]), wanted, photo.metadata
    sixteen_bits = np.rint(65535 * alpha).astype(np.uint16)  # as the matte is written, which the command reads
    estimated = foreground(photo.pixels, sixteen_bits)[0].clip(0, 1)
    return estimated, wanted, photo.metadata


def _encoded(pixels: Pixels, wanted: Wanted, metadata: io.Metadata) -> bytes:
    file = streams.BytesIO()
    io.write_image(file, pixels, depth=wanted.depth, metadata=metadata, suffix=wanted.suffix)
    return file.getvalue()


def _by_command(photo: Path, labels: Bytes, wanted: Wanted, method: str) -> bytes:
    """The file of formats with linear light, whose conversions belong to the command line: made by its commands."""
    with tempfile.TemporaryDirectory(prefix="propmat-", dir=photo.parent) as folder:
        place = Path(folder)
        (place / wanted.name).symlink_to(photo)
        io.write_image(place / f"{wanted.stem}-trimap.png", labels)
        for line in commands(wanted, method).splitlines():
            command = [sys.executable, "-m", *shlex.split(line)]
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
            if done.returncode:
                raise InputError(one_line(RuntimeError(done.stderr.strip().rpartition("error: ")[2])))
        return (place / wanted.file).read_bytes()
