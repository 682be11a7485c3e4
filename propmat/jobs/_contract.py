"""What a job is: items, what is done to each of them, and a folder for its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Json = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None


class Item(Protocol):
    """One thing to do; picklable.

    Attributes
    ----------
    name : str
        Unique within the job.
    key : str
        Different if the item is to be made of other inputs, of files changed since, or with other settings.
    outputs : tuple of str
        Paths or URLs of the files that are there when it is done.
    """

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str: ...

    @property
    def outputs(self) -> tuple[str, ...]: ...


I = TypeVar("I", bound=Item)  # noqa: E741
I_contra = TypeVar("I_contra", bound=Item, contravariant=True)


class Task(Protocol[I_contra]):
    """What is done to each item; picklable, for it is called in other processes."""

    @property
    def configuration(self) -> Mapping[str, Json]:
        """All that results depend on beside the items: a job goes on only with the same."""

    def memory(self, item: I_contra) -> int:
        """About how many bytes it takes, from headers of files alone; 0 if that cannot be told."""

    def __call__(self, item: I_contra) -> Mapping[str, Json]:
        """Make the outputs, and return facts for the record; whatever it raises is recorded."""


@dataclass(frozen=True)
class Job(Generic[I]):
    """Items, the task, and the folder (a path or a URL) of records."""

    items: Sequence[I]
    task: Task[I]
    state: str
