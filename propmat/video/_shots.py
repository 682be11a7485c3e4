"""Several clips at once: a job whose items are shots, each done by one process."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

from propmat.errors import InputError
from propmat.jobs._contract import Job, Json
from propmat.jobs._pictures import BYTES_PER_PIXEL
from propmat.jobs._pool import Settings, cores
from propmat.jobs._run import Progress, Run, Summary
from propmat.video._run import Options, posed

PLACE = "{name}"
FRAMES = {"none": 1, "prior": 2, "joint": 4}  # for which there is memory at a time


@dataclass(frozen=True)
class ShotItem:
    """A clip of several."""

    name: str
    key: str
    clip: str
    trimaps: str
    output: str
    outputs: tuple[str, ...]
    pixels: int


@dataclass(frozen=True)
class ShotTask:
    """What is done to every clip; paths are relative to the folder `base`."""

    options: Options
    base: str

    @property
    def configuration(self) -> dict[str, Json]:
        return {name: value for name, value in asdict(self.options).items() if value is not None}

    def memory(self, item: ShotItem) -> int:
        frames = FRAMES[self.options.steady]
        return item.pixels * (frames * BYTES_PER_PIXEL[self.options.method] + 300)

    def __call__(self, item: ShotItem) -> dict[str, Json]:
        clip, trimaps, output = (os.path.join(self.base, place) for place in (item.clip, item.trimaps, item.output))
        shot = posed(clip, trimaps, output, self.options)
        done, uncertain = shot.run()
        worst = max(uncertain, key=lambda frame: frame.share)
        return {"frames": len(shot.numbers), "done": done, "next_key": worst.number, "uncertain": worst.share}


def run_all(
    clips: Sequence[str],
    trimaps: str,
    output: str,
    options: Options,
    *,
    jobs: int | None = None,
    retry: bool = False,
    progress: Callable[[Summary], object] | None = None,
) -> Summary:
    """`run` for several clips, with ``{name}`` of each in `trimaps` and `output`, in processes of one thread each."""
    for name, pattern in (("trimaps", trimaps), ("output", output)):
        if PLACE not in pattern:
            raise InputError(f"{name}: of {len(clips)} clips takes a path with {PLACE} in it, got {pattern!r}")
    items = [_item(clip, trimaps, output, options) for clip in clips]
    if len({item.name for item in items}) < len(items):
        raise InputError(f"clip: two have the same name, of {', '.join(item.name for item in items)}")
    folder = Path(output[: output.index(PLACE)] + "_").parent / ".propmat" / "video"
    told: Progress | None = progress
    job = Job(items, ShotTask(options, os.getcwd()), str(folder))
    return Run(job, Settings(cores() if jobs is None else jobs), retry=retry, progress=told)()


def name_of(clip: str) -> str:
    """The name of a clip: that of its folder or file, without number and suffix."""
    stem = os.path.basename(os.path.splitext(clip.rstrip("/"))[0] if not os.path.isdir(clip) else clip.rstrip("/"))
    return stem.partition("%")[0].partition("#")[0].rstrip("._-") or os.path.basename(os.path.dirname(clip))


def _item(clip: str, trimaps: str, output: str, options: Options) -> ShotItem:
    name = name_of(clip)
    own_trimaps, own_output = (pattern.replace(PLACE, name) for pattern in (trimaps, output))
    shot = posed(clip, own_trimaps, own_output, options)
    told = repr((shot.configuration, own_output)).encode("utf-8", "surrogateescape")
    height, width = shot.clip.shape
    outputs = tuple(shot.output.places(shot.numbers))
    return ShotItem(
        name, blake2b(told, digest_size=8).hexdigest(), clip, own_trimaps, own_output, outputs, height * width
    )
