"""How many threads the kernels use."""

from __future__ import annotations

from propmat import _inputs
from propmat.errors import InputError


def set_num_threads(count: int) -> None:
    """Set how many threads the kernels use that the calling thread starts.

    The environment variable ``NUMBA_NUM_THREADS``, read when the process starts, sets the maximum; by default it is the
    number of cores. Results agree to rounding for all counts, and are identical for the same count.

    Parameters
    ----------
    count : int
        From 1 to that maximum.

    Raises
    ------
    InputError
        If `count` is not a whole number in that range.

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

    Returns
    -------
    int
        By default the number of cores.

    Examples
    --------
    >>> import propmat
    >>> propmat.get_num_threads() >= 1
    True
    """
    from propmat._cpu import _threads

    return _threads.used_threads()
