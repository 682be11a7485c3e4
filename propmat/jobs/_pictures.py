"""The task of a batch: mattes, cut-outs or foreground colours of photographs."""

from __future__ import annotations

import math
import os
from dataclasses import asdict, dataclass, field

from propmat._photographs import _making
from propmat._photographs._making import Made, Wanted
from propmat._photographs._method import Method
from propmat.errors import InputError
from propmat.io._formats import check_format
from propmat.io._remote import is_url
from propmat.io._size import size_of
from propmat.jobs._contract import Json
from propmat.jobs._options import Options, Picture
from propmat.matting._methods import check_values

# Bytes per pixel above those of a process, of a picture of which half is unknown, by
# `python -m benchmarks.jobs --only memory`.
BYTES_PER_PIXEL = {
    "alphagan": 1400,
    "closed_form": 420,
    "comprehensive_sampling": 400,
    "dcnn": 1400,
    "deep_matte_prop_net": 1400,
    "diffmatte": 1400,
    "information_flow": 1400,
    "knn": 1100,
    "large_kernel": 650,
    "late_fusion": 550,
    "learning_based": 500,
    "random_walk": 360,
    "shared_sampling": 380,
}
BYTES_FOR_COLOURS = 160

DEPTHS = (8, 16)


@dataclass(frozen=True)
class PictureTask:
    """What is made of every photograph; paths are relative to the folder `base`."""

    what: str = "alpha"
    options: Options = field(default_factory=Options)
    base: str = field(default_factory=os.getcwd)

    @property
    def configuration(self) -> dict[str, Json]:
        given = {name: value for name, value in asdict(self.options).items() if value is not None}
        return {"what": self.what} | given

    def check_output(self, name: str, suffix: str) -> None:
        """Refuse a format of the outputs that holds no such pictures."""
        transparent = self.what == "cutout" and self.options.background is None
        coloured = self.what != "alpha"
        check_format(name, suffix, depth=self.options.depth or 8, transparent=transparent, coloured=coloured)

    def check(self, settings: tuple[tuple[str, str], ...] = (), *, masked: bool = True) -> None:
        """Refuse what no photograph could be treated with that has a mask, or else a trimap."""
        options = self.options.changed(settings)
        if options.depth not in (None, *DEPTHS):
            raise InputError(f"depth: takes {' or '.join(map(str, DEPTHS))}, got {options.depth}")
        if self.what == "foreground":
            return
        if options.background is not None and self.what != "cutout":
            raise InputError("background: goes with --what cutout")
        self._wanted(Picture("", "", "", "", mask="" if masked else None), options).check()
        check_values(options.method, self._method(options).settings)

    def memory(self, item: Picture) -> int:
        size = size_of(self._at(item.image))
        if size is None:
            return 0
        options = self.options.changed(item.settings)
        solving = 0 if self.what == "foreground" else BYTES_PER_PIXEL[options.method]
        colours = 0 if self.what == "alpha" else BYTES_FOR_COLOURS
        return size[0] * size[1] * max(solving, colours)

    def __call__(self, item: Picture) -> dict[str, Json]:
        output = self._at(item.output)
        if not is_url(output):
            os.makedirs(os.path.dirname(output), exist_ok=True)
        made = self._made(item)
        made.write_files()
        return _facts(made)

    def _made(self, item: Picture) -> Made:
        options = self.options.changed(item.settings)
        if self.what == "foreground":
            matte = self._at(item.alpha or "")
            return _making.foreground(self._at(item.image), matte, [self._at(item.output)], options.depth)
        make = _making.cutout if self.what == "cutout" else _making.alpha
        return make(self._wanted(item, options))

    def _wanted(self, item: Picture, options: Options) -> Wanted:
        background = options.background
        if background is not None and os.path.exists(self._at(background)):
            background = self._at(background)
        return Wanted(
            self._at(item.image),
            self._at(item.output),
            self._method(options),
            None if item.trimap is None else self._at(item.trimap),
            None if item.mask is None else self._at(item.mask),
            options.width,
            options.depth,
            background,
        )

    def _method(self, options: Options) -> Method:
        """The method with the settings that are its own."""
        weights = None if options.weights is None else self._at(options.weights)
        own = {name: getattr(options, name) for name in ("epsilon", "radius", "steps", "seed")} | {"weights": weights}
        return Method(options.method, {name: value for name, value in own.items() if value is not None})

    def _at(self, place: str) -> str:
        return place if is_url(place) else os.path.join(self.base, place)


def _facts(made: Made) -> dict[str, Json]:
    """What is worth knowing of a picture that was made."""
    facts: dict[str, Json] = {}
    if made.labels is not None:
        facts["size"] = [made.labels.shape[1], made.labels.shape[0]]
        facts["unknown"] = round(float(made.labels.unknown.mean()), 4)
        facts["odd"] = list(made.labels.check())
    if made.solution is not None:
        facts["iterations"] = made.solution.iterations
        facts["residual"] = _short(made.solution.residual)
        facts["error_of_alpha"] = _short(made.solution.error)
        facts["converged"] = made.solution.converged
    return facts


def _short(value: float) -> float | None:
    """Three digits; None where there is no number, as of a network."""
    return float(f"{value:.3g}") if math.isfinite(value) else None
