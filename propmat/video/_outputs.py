"""Where mattes and cut-outs of a clip go: numbered pictures, or a movie."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from propmat import io, pictures
from propmat._photographs import _photograph
from propmat._photographs._photograph import Photograph
from propmat._typing import Array
from propmat.datasets._patterns import PICTURES
from propmat.errors import InputError, warn
from propmat.io._picture import Pixels
from propmat.io._replacing import check_place, replace_file
from propmat.video._codecs import Codec, check_alpha, codec_of, encode, is_movie
from propmat.video._contract import Clip, Matte16, Output, png
from propmat.video._pattern import Pattern

WHAT = ("cutout", "alpha")


class Wanted(NamedTuple):
    """What is written: "alpha" or "cutout", and with how many bits per sample, those of the frames if None."""

    what: str
    depth: int | None

    @property
    def coloured(self) -> bool:
        return self.what == "cutout"

    def picture(self, photograph: Photograph, alpha: Array) -> Pixels:
        """Straight colours of the foreground with alpha, encoded as the frame is, or alpha."""
        if self.what == "alpha":
            return alpha
        colours = pictures.colours(_photograph.layers(photograph, alpha)[0])
        return np.dstack([colours, alpha])


@dataclass(frozen=True)
class PicturesOutput:
    """Numbered pictures."""

    pattern: Pattern
    wanted: Wanted

    @property
    def work(self) -> Path:
        before = Path(self.pattern.before + "#")
        return before.parent / ".propmat" / f"video-{before.name}{self.pattern.after}"

    def places(self, numbers: range) -> list[str]:
        return [self.pattern.place(number) for number in numbers]

    def check(self, clip: Clip) -> None:
        """Refuse formats without alpha and places that cannot be written."""
        depth, coloured = self.wanted.depth or 8, self.wanted.coloured
        place = self.pattern.place(clip.numbers[0])
        io.check_output(place, depth=depth, transparent=coloured, coloured=coloured, shape=clip.shape)

    def there(self, number: int) -> bool:
        return os.path.exists(self.pattern.place(number))

    def write(self, number: int, photograph: Photograph, matte: Matte16) -> None:
        place = self.pattern.place(number)
        coloured = self.wanted.coloured
        depth = _photograph.depth(self.wanted.depth, photograph, [place], transparent=coloured, coloured=coloured)
        picture = self.wanted.picture(photograph, _alpha(matte))
        if coloured:
            colours = _photograph.converted({place: picture[:, :, :3]}, photograph)[place]
            picture = np.dstack([colours, picture[:, :, 3]])
        io.write_image(place, picture, depth=depth, metadata=photograph.metadata)

    def finish(self, clip: Clip, numbers: range) -> None:
        pass


@dataclass(frozen=True)
class MovieOutput:
    """A movie; until it is written, mattes are kept as pictures."""

    path: str
    codec: Codec
    wanted: Wanted

    @property
    def work(self) -> Path:
        path = Path(self.path)
        return path.parent / ".propmat" / f"video-{path.name}"

    def places(self, numbers: range) -> list[str]:
        return [self.path]

    def check(self, clip: Clip) -> None:
        """Refuse a place that cannot be written, and sizes that formats with fewer samples of colour do not hold."""
        check_place(f"output: {self.path}", Path(os.path.realpath(self.path)))
        height, width = clip.shape
        if any("420" in form for form in self.codec.transparent.values()) and (height % 2 or width % 2):
            raise InputError(
                f"output: {self.path}: {self.codec.name} takes an even height and width, frames are {width} x {height}"
            )
        if clip.tags.aspect not in (None, 1) and not self.codec.keeps_aspect:
            warn(
                f"output: {self.path}: {self.codec.name} does not keep the shape of the clip's pixels, "
                f"{clip.tags.aspect} times as wide as high"
            )
        if clip.tags.sound:
            warn(f"output: {self.path}: the sound of the clip is not written, pictures alone are")

    def there(self, number: int) -> bool:
        return os.path.exists(self.path) or self._matte(number).exists()

    def write(self, number: int, photograph: Photograph, matte: Matte16) -> None:
        self._matte(number).parent.mkdir(exist_ok=True)
        replace_file(self._matte(number), png(matte, 16))

    def finish(self, clip: Clip, numbers: range) -> None:
        mattes = [self._matte(number) for number in numbers]
        if not os.path.exists(self.path) or all(matte.exists() for matte in mattes):  # not finished by an earlier run
            self._encode(clip, numbers)
        for matte in mattes:
            matte.unlink(missing_ok=True)

    def _encode(self, clip: Clip, numbers: range) -> None:
        """Make the movie of all mattes."""
        unfinished = self.work / f"unfinished{os.path.splitext(self.path)[1].lower()}"
        depth = self.wanted.depth or (8 if clip.read(numbers[0]).depth == 8 else 16)
        frames, seconds = self._pictures(clip, numbers, depth), clip.seconds(numbers)
        encode(str(unfinished), self.codec, frames, seconds, clip.tags, depth)
        if self.wanted.coloured:
            check_alpha(str(unfinished), self.codec, (_alpha(self._read(number)) for number in numbers), depth)
        with open(unfinished, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, self.path)

    def _pictures(self, clip: Clip, numbers: range, depth: int) -> Iterator[Pixels]:
        full, kind = (255, np.uint8) if depth == 8 else (65535, np.uint16)
        for number in numbers:
            picture = self.wanted.picture(clip.read(number), _alpha(self._read(number)))
            yield np.rint(full * np.clip(picture, 0, 1)).astype(kind)

    def _matte(self, number: int) -> Path:
        return self.work / "mattes" / f"{number:06d}.png"

    def _read(self, number: int) -> Matte16:
        found: Matte16 = io.read_image(self._matte(number))
        return found


def _alpha(matte: Matte16) -> Array:
    alpha: Array = matte / np.float64(65535)
    return alpha


def output_at(place: str, wanted: Wanted, clip: Clip, numbers: range, inputs: Collection[str]) -> Output:
    """The output at a place: a movie by its suffix, a pattern of numbered pictures, or a folder for PNG files.

    `inputs` are files that are read, and folders whose pictures are.

    Raises
    ------
    InputError
        If it cannot be written, holds no alpha, is also an input, or would be taken for one by the next run.
    """
    output: PicturesOutput | MovieOutput
    if is_movie(place):
        output = MovieOutput(place, codec_of(place), wanted)
    else:
        pattern = Pattern.parsed(place)
        if pattern is None and os.path.splitext(place)[1].lower() in PICTURES and not os.path.isdir(place):
            raise InputError(f"output: {place} is one picture; takes a folder, a pattern like cut.%04d.png, or a movie")
        output = PicturesOutput(pattern or clip.names.pictures_in(place), wanted)
    places, taken = output.places(numbers), {*map(os.path.realpath, inputs)}
    if both := {*map(os.path.realpath, places)} & taken:
        raise InputError(f"output: {min(both)} is also an input, and would be lost; give another name")
    folder = os.path.realpath(os.path.dirname(places[0]) or ".")
    if folder in taken and isinstance(output, PicturesOutput):
        raise InputError(
            f"output: {places[0]} would be among the pictures of {folder}, all of which are read; name another folder, "
            f"or give a pattern for those"
        )
    _make_folder(os.path.dirname(places[0]))
    output.check(clip)
    return output


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder or ".", exist_ok=True)
    except OSError as error:
        raise InputError(f"output: cannot make the folder {folder}: {error.strerror}") from error
