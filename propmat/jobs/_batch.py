"""`run`: mattes, cut-outs or foreground colours of many photographs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from propmat import _inputs
from propmat.errors import InputError, shown
from propmat.jobs._cluster import connected
from propmat.jobs._contract import Job
from propmat.jobs._options import Options, Picture
from propmat.jobs._pictures import PictureTask
from propmat.jobs._pool import Settings, cores
from propmat.jobs._run import Progress, Run, Summary
from propmat.jobs._work_list import state_of, work_list

if TYPE_CHECKING:
    from distributed import Client

WHAT = ("alpha", "cutout", "foreground")


def run(
    images: str | Sequence[Mapping[str, str]],
    output: str,
    *,
    trimaps: str | None = None,
    masks: str | None = None,
    alphas: str | None = None,
    what: str = "alpha",
    method: str = "closed_form",
    epsilon: float | None = None,
    radius: int | None = None,
    weights: str | None = None,
    width: str | None = None,
    depth: int | None = None,
    background: str | None = None,
    steps: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    memory: int | None = None,
    rank: int = 0,
    ranks: int = 1,
    retry: bool = False,
    client: Client | None = None,
    cluster: str | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Make mattes, cut-outs or foreground colours of many photographs, as far as they are not there yet.

    Each item is done as ``propmat alpha``, ``cutout`` and ``foreground`` do one. An output and a record of it are
    written when it is done; a call with the same arguments does what lacks either, after whatever ended the call
    before. An item that raises an error is recorded and the others are done. One at which its process dies is tried
    once more, alone. Records lie in a folder ``.propmat`` beside the outputs (`docs/jobs.md`).

    Parameters
    ----------
    images : str or sequence of mappings
        A pattern of paths or of URLs, with ``*``, ``**`` or ``{name}``; a folder; a manifest (.csv, .jsonl, .parquet)
        or its rows, with columns ``image``, ``trimap`` or ``mask`` or ``alpha``, ``name``, and any of the settings
        from `method` to `seed`, which hold for that row. The name of a photograph is the part of its path that
        varies, without the suffix.
    output : str
        Where results go: a pattern of a path or URL with ``{name}``, or any column of the manifest in braces. Its
        suffix decides the format, as in `propmat.io.write_image`.
    trimaps, masks, alphas : str, optional
        Such a pattern of what belongs to a photograph: one of trimap and mask, or for foreground colours its matte.
    what : {"alpha", "cutout", "foreground"}
        Mattes, colours with transparency, or colours of the foreground.
    method : str, default "closed_form"
        One of `propmat.methods`.
    epsilon, radius, weights : optional
        Settings of the method, as on the command line.
    width : str, optional
        Of the unknown band around the edge of a mask, in pixels or per cent ("2%"), or inside and outside ("4,12").
    depth : {8, 16}, optional
        Bits per sample; those of the photograph by default.
    background : str, optional
        Of cut-outs: a colour of CSS, or a picture, in place of transparency.
    steps, seed : int, optional
        Settings of "diffmatte", as on the command line.
    jobs : int, optional
        Processes of one thread each; by default as many as there are cores.
    memory : int, optional
        Bytes that the photographs at work may take together by estimate; 80 % of what is free by default. Larger ones
        are done alone, with all threads; one that takes more than the machine has is recorded as failed.
    rank, ranks : int
        Do the part `rank` of `ranks` of the list, counted from 0, as one of an array of processes.
    retry : bool, default False
        Try again what has failed.
    client : distributed.Client, optional
        Work on the workers of this Dask cluster. They see the same paths, or take URLs.
    cluster : str, optional
        Instead of `client`: the address of a Dask scheduler, or "local" for one of `jobs` processes on this machine.
    progress : callable (Summary), optional
        Called when the work is planned, and after every item.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        If an argument is not as above, two items would be written to one file, the folder has results of another
        configuration, or another process is at work in it; before any work.
    MissingDependencyError
        If a package is missing: fsspec for URLs, distributed for a cluster, pyarrow for Parquet.
    PropmatError
        If the pool or the cluster fails as a whole; the same call goes on from there.

    Examples
    --------
    >>> import os
    >>> import propmat.jobs
    >>> os.makedirs("photos", exist_ok=True)
    >>> for seed in range(3):
    ...     sample = propmat.datasets.synthetic(seed, shape=(48, 64))
    ...     propmat.io.write_image(f"photos/{seed}.jpg", sample.image)
    ...     propmat.io.write_image(f"photos/{seed}-trimap.png", sample.trimap)
    >>> summary = propmat.jobs.run("photos/*.jpg", "mattes/{name}.png", trimaps="photos/{name}-trimap.png", jobs=1)
    >>> summary.done, summary.failed, sorted(os.listdir("mattes"))
    (3, 0, ['.propmat', '0.png', '1.png', '2.png'])
    """
    options = Options(method, epsilon, radius, weights, width, depth, background, steps, seed)
    job = batch(images, output, what, options, trimaps=trimaps, masks=masks, alphas=alphas)
    settings = Settings(cores() if jobs is None else _inputs.whole_number(jobs, "jobs"), memory=_bytes(memory))
    _check_rank(rank, ranks)
    if client is not None and cluster is not None:
        raise InputError("cluster: goes without client; give one of them")
    if client is not None and not callable(getattr(client, "submit", None)):
        raise InputError(f"client: takes a distributed.Client, got {shown(client)}")
    if cluster is None:
        return Run(job, settings, rank, ranks, retry, client, progress)()
    with connected(cluster, settings.jobs) as own:
        return Run(job, settings, rank, ranks, retry, own, progress)()


def batch(
    images: str | Sequence[Mapping[str, str]], output: str, what: str, options: Options, **patterns: str | None
) -> Job[Picture]:
    """The job, its arguments checked."""
    task = PictureTask(_inputs.choice(what, "what", WHAT), options)
    images = _place(images, "images") if isinstance(images, (str, os.PathLike)) else images
    output = _place(output, "output")
    patterns = {name: None if given is None else _place(given, name) for name, given in patterns.items()}
    items = work_list(images, output, **patterns)
    items.check(what)
    for settings, masked in items.kinds():
        task.check(settings, masked=masked)
    for item in items if "{" in os.path.splitext(output)[1] else [items[0]]:
        task.check_output(item.output, os.path.splitext(item.output)[1].lower())
    return Job(items, task, state_of(output))


def _place(given: object, name: str) -> str:
    """A pattern as text."""
    if not isinstance(given, (str, os.PathLike)):
        raise InputError(f"{name}: takes a path or a pattern, got {shown(given)}")
    return str(os.fspath(given))


def _bytes(memory: int | None) -> int | None:
    return None if memory is None else _inputs.integer(memory, "memory", 1, 2**62)


def _check_rank(rank: int, ranks: int) -> None:
    _inputs.whole_number(ranks, "ranks")
    number = _inputs.integer(rank, "rank", 0, 2**31)
    if number >= ranks:
        raise InputError(f"rank: takes a number below that of ranks, which is {ranks}, got {number}")
