"""How many cores the kernels use."""

from __future__ import annotations

from propmat import _inputs
from propmat.errors import InputError


def set_num_threads(count: int) -> None:
    """Let kernels that the calling thread starts use `count` threads.

    The environment variable ``NUMBA_NUM_THREADS`` sets the most that a process may use; by default that is the number
    of cores. Results are the same for every count to the rounding of sums, and identical for the same count.

    Parameters
    ----------
    count : int
        From 1 to that most.

    Raises
    ------
    InputError
        If it is not.

    Examples
    --------
    >>> import propmat
    >>> before = propmat.get_num_threads()
    >>> propmat.set_num_threads(1)
    >>> propmat.get_num_threads()
    1
    >>> propmat.set_num_threads(before)
    """
    from propmat._cpu import _threads

    count = _inputs.whole_number(count, "count")
    most = _threads.most_threads()
    if count > most:
        raise InputError(f"count: takes 1 to {most} threads, got {count}; NUMBA_NUM_THREADS sets the most at start")
    _threads.use_threads(count)


def get_num_threads() -> int:
    """The number of threads that kernels started by the calling thread use.

    Examples
    --------
    >>> import propmat
    >>> propmat.get_num_threads() >= 1
    True
    """
    from propmat._cpu import _threads

    return _threads.used_threads()
