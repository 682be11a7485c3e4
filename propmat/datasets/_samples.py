"""Data sets that are read one sample at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, overload

from propmat.datasets._sample import Sample


class Source(Protocol):
    """Where one sample comes from.

    Attributes
    ----------
    name : str
        The name of the sample, known before it is read.
    """

    @property
    def name(self) -> str: ...

    def read(self) -> Sample:
        """Read or make the sample.

        Returns
        -------
        Sample
        """


class Samples(Sequence[Sample]):
    """A sequence of samples, each read when it is asked for and not kept.

    Made by `alphamatting`, `folder`, `rendered` and `composites`. A slice is again such a sequence.

    Parameters
    ----------
    sources : iterable
        One object for each sample, with a ``name`` and a method ``read()`` that returns the `Sample`.

    Attributes
    ----------
    names : list of str
        The names of the samples, in their order; listing them reads no picture.

    Examples
    --------
    >>> import propmat
    >>> class Scene:
    ...     def __init__(self, seed):
    ...         self.seed, self.name = seed, f"scene-{seed}"
    ...     def read(self):
    ...         return propmat.datasets.synthetic(self.seed, (48, 64))
    >>> samples = propmat.datasets.Samples(Scene(seed) for seed in range(3))
    >>> samples, samples[1:].names, samples[2].image.shape
    (Samples(3: scene-0, scene-1, scene-2), ['scene-1', 'scene-2'], (48, 64, 3))
    """

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = tuple(sources)

    @property
    def names(self) -> list[str]:
        return [source.name for source in self._sources]

    def __len__(self) -> int:
        return len(self._sources)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Samples: ...

    def __getitem__(self, index: int | slice) -> Sample | Samples:
        if isinstance(index, slice):
            return Samples(self._sources[index])
        return self._sources[index].read()

    def __iter__(self) -> Iterator[Sample]:
        return (source.read() for source in self._sources)

    def __repr__(self) -> str:
        shown = self.names if len(self) <= 4 else [*self.names[:3], "…"]
        return f"Samples({len(self)}: {', '.join(shown)})"
