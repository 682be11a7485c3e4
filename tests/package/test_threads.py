"""Kernels in forked and spawned processes, in several Python threads at once, and on any number of cores."""

import multiprocessing
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import propmat
from propmat import InputError
from propmat.solvers import CG


def matte(seed=0):
    """A problem large enough for every kernel to run in parallel."""
    sample = propmat.datasets.synthetic(seed, (96, 128))
    return propmat.closed_form(sample.image, sample.trimap, solver=CG())


@pytest.fixture
def threads():
    before = propmat.get_num_threads()
    yield
    propmat.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_any_number_of_threads_gives_the_same_matte():
    mattes = []
    for count in range(1, propmat.get_num_threads() + 1):
        propmat.set_num_threads(count)
        mattes.append(matte())
        np.testing.assert_array_equal(matte(), mattes[-1])  # deterministic for a given count
        np.testing.assert_allclose(mattes[-1], mattes[0], atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 15, 16, 17, 1000])
def test_stretches_cover_a_range_once(count):
    from propmat._cpu._threads import share

    done = np.zeros(count, int)

    def kernel(begin, end, out):
        out[begin:end] += 1

    share(kernel, count, done)
    np.testing.assert_array_equal(done, 1)


def test_an_error_in_a_stretch_reaches_the_caller():
    from propmat._cpu._threads import share

    def kernel(begin, end):
        if end == 100:
            raise MemoryError("no memory")

    with pytest.raises(MemoryError, match="no memory"):
        share(kernel, 100)


def test_threads_are_used_again_also_after_an_error():
    from propmat._cpu import _threads

    def kernel(begin, end, failing):
        if failing:
            raise ValueError("failing")

    for failing in (False, True, False, True, False):
        if failing:
            with pytest.raises(ValueError, match="failing"):
                _threads.share(kernel, 100, failing)
        else:
            _threads.share(kernel, 100, failing)
    idle = list(_threads._idle)
    _threads.share(kernel, 100, False)
    assert set(map(id, idle)) == set(map(id, _threads._idle))
    assert all(helper.done == helper.given and helper.error is None for helper in idle)


def test_several_python_threads_at_once():
    expected = [matte(seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        for got, want in zip(pool.map(matte, [0, 1, 2] * 3), expected * 3, strict=True):
            # Identical except for rounding: BLAS sums norms in another order when its threads are in use.
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes(method):
    if method not in multiprocessing.get_all_start_methods():
        method = "spawn"  # where there is no fork
    # In a separate process, so that a child that hangs does not block the tests.
    code = f"""
import multiprocessing, numpy as np
from concurrent.futures import ProcessPoolExecutor
from tests.package.test_threads import matte
if __name__ == "__main__":
    expected = matte()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context({method!r})) as pool:
        for got in pool.map(matte, [0, 0, 0]):
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9)
"""
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", code], check=True, timeout=240)


@pytest.mark.parametrize("count", [0, 1.5, 10_000])
def test_thread_count_errors(count):
    with pytest.raises(InputError, match="count: takes"):
        propmat.set_num_threads(count)
