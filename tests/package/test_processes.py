"""Processes: pickled objects, forks, interrupts, shutdown of the interpreter and failures."""

import copy
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

import propmat
from propmat import adjoint, laplacian
from propmat._locks import ForkGate, Lock
from propmat.preconditioners import Identity, IncompleteCholesky, Jacobi, SmoothedAggregation
from propmat.solvers import CG, Direct

SAMPLE = propmat.datasets.synthetic(seed=4, shape=(24, 32))
SOLVERS = [
    None,
    Direct(),
    CG(),
    *(CG(preconditioner=one) for one in (Identity(), IncompleteCholesky(), Jacobi(), SmoothedAggregation())),
]
GRAPHS = {
    "grid": lambda: laplacian.closed_form(SAMPLE.image, epsilon=1e-4),
    "stored": lambda: laplacian.knn(SAMPLE.image),
    "sum": lambda: laplacian.knn(SAMPLE.image) + 0.1 * laplacian.closed_form(SAMPLE.image),
    "edges": lambda: laplacian.random_walk(SAMPLE.image),
    "mixtures": lambda: propmat.flows.colour_mixture(SAMPLE.image, SAMPLE.trimap),
}


def run(code, **environment):
    """The output of a script in a process of its own, which must end well."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(propmat.__file__).parents[1]), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


# Pickled objects


@pytest.mark.parametrize("solver", SOLVERS, ids=str)
@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.filterwarnings("ignore::propmat.ConvergenceWarning")
def test_a_copy_of_a_prepared_system_gives_the_same_matte(graph, solver):
    prepared = propmat.prepare(GRAPHS[graph](), SAMPLE.trimap, solver=solver)
    for other in (pickle.loads(pickle.dumps(prepared)), copy.deepcopy(prepared)):
        np.testing.assert_array_equal(other.solve().alpha, prepared.solve().alpha)


def test_the_large_kernel_and_other_confidences_travel():
    wide = propmat.prepare(laplacian.large_kernel(SAMPLE.image, radius=4), SAMPLE.trimap)
    held = propmat.prepare(GRAPHS["grid"](), SAMPLE.trimap, confidence=10.0, solver=CG()).with_confidence(3.0)
    for prepared in (wide, held):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(prepared)).solve().alpha, prepared.solve().alpha)


@pytest.mark.parametrize("verb", ["closed_form", "knn"])
def test_a_copy_of_a_pullback_gives_the_same_gradients(rng, verb):
    alpha, pullback = getattr(adjoint, verb)(SAMPLE.image, SAMPLE.trimap)
    upstream = rng.standard_normal(alpha.shape)
    other = pickle.loads(pickle.dumps(pullback))
    for name in ("image", "values"):
        expected = getattr(pullback(upstream, [name]), name)
        np.testing.assert_array_equal(getattr(other(upstream, [name]), name), expected)


def test_a_copy_of_a_directed_pullback_gives_the_same_gradients(rng):
    weights = [rng.random(shape) for shape in ((24, 31), (24, 31), (23, 32), (23, 32))]
    _, pullback = adjoint.propagate_directed(weights, SAMPLE.trimap)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(pullback))(1.0).left, pullback(1.0).left)


def test_a_prepared_system_is_loaded_in_another_process(tmp_path):
    prepared = propmat.prepare(GRAPHS["grid"](), SAMPLE.trimap, solver=CG(rtol=1e-10))
    (tmp_path / "prepared").write_bytes(pickle.dumps(prepared))
    run(
        f"""
        import pickle, numpy
        with open({str(tmp_path / "prepared")!r}, "rb") as file:
            prepared = pickle.load(file)
        numpy.save({str(tmp_path / "alpha.npy")!r}, prepared.solve().alpha)
        """
    )
    np.testing.assert_array_equal(np.load(tmp_path / "alpha.npy"), prepared.solve().alpha)


# Re-entry and forks


@pytest.mark.parametrize("solver", [CG(), CG(preconditioner=Jacobi()), Direct()], ids=str)
def test_a_callback_may_solve_with_the_same_system(solver):
    prepared = propmat.prepare(GRAPHS["grid"](), SAMPLE.trimap, solver=solver)
    expected, inner = prepared.solve().alpha, []

    def again(iteration, residual):
        if len(inner) < 2:
            inner.append(prepared.solve().alpha)

    np.testing.assert_array_equal(prepared.solve(callback=again).alpha, expected)
    for alpha in inner:
        np.testing.assert_array_equal(alpha, expected)


def test_a_lock_is_free_in_a_copy_whoever_holds_it():
    lock = Lock()
    with lock, lock, copy.deepcopy(lock):
        entered = []
        other = copy.copy(lock)
        thread = threading.Thread(target=lambda: entered.append(other.__enter__()))
        thread.start()
        thread.join(10)
        assert entered


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are of POSIX")
def test_a_child_solves_while_its_parent_does():
    """Forks at many moments of a solve in another thread; the child has to come to its end each time."""
    out, _ = run(
        """
        import os, threading, warnings
        import propmat
        from propmat.preconditioners import Multigrid, SmoothedAggregation
        warnings.filterwarnings("ignore", ".*fork")  # Python 3.12, and JAX, of forks beside threads
        sample = propmat.datasets.synthetic(seed=1, shape=(60, 80))
        graph = propmat.laplacian.closed_form(sample.image)
        prepared = propmat.prepare(graph, sample.trimap, solver=propmat.solvers.CG())
        expected = prepared.solve().alpha
        done = threading.Event()
        def work():
            while not done.is_set():
                prepared.solve()
                propmat.solve(graph, sample.trimap, solver=propmat.solvers.CG(preconditioner=SmoothedAggregation()))
        thread = threading.Thread(target=work)
        thread.start()
        for _ in range(8):
            child = os.fork()
            if not child:
                code = 0 if (prepared.solve().alpha == expected).all() else 1
                propmat.solve(graph, sample.trimap, solver=propmat.solvers.CG(preconditioner=SmoothedAggregation()))
                os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        done.set()
        thread.join()
        print("ended")
        """
    )
    assert out == "ended\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are of POSIX")
@pytest.mark.filterwarnings("ignore:.*fork")  # of threads that other tests started
def test_a_fork_waits_until_every_thread_has_left_the_gate():
    gate, lock = ForkGate(), threading.RLock()
    gate.hold_too(lock)
    inside, left = threading.Event(), []

    def work():
        with gate, lock:
            inside.set()
            threading.Event().wait(0.3)
            left.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait(10)
    child = os.fork()
    if not child:
        with gate, lock:  # both are free
            os._exit(0 if left else 1)
    with gate, lock:
        thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are of POSIX")
@pytest.mark.filterwarnings("ignore:.*fork")  # of threads that other tests started
def test_a_thread_inside_the_gate_may_fork():
    gate = ForkGate()
    with gate, gate:
        child = os.fork()
        if not child:
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with gate:
        pass


# Interrupts and the end of the interpreter


def test_an_interrupted_first_call_leaves_numba_whole(tmp_path):
    """Ctrl-C while numba is being imported, at three of its modules; then a solve."""
    for module in ("numba.core.types", "numba.core.typing", "numba.np.ufunc"):
        out, _ = run(
            f"""
            import _thread, sys, time
            import propmat

            class Interrupting:
                def find_spec(self, name, path=None, target=None):
                    if name == {module!r}:
                        sys.meta_path.remove(self)
                        _thread.interrupt_main()
                        time.sleep(0.05)

            sys.meta_path.insert(0, Interrupting())
            sample = propmat.datasets.synthetic(seed=1, shape=(24, 32))
            try:
                propmat.metrics.connectivity(sample.alpha, sample.alpha, sample.trimap)
            except KeyboardInterrupt:
                print("interrupted")
            print(propmat.closed_form(sample.image, sample.trimap, solver=propmat.solvers.CG()).shape)
            """
        )
        assert out == "interrupted\n(24, 32)\n"


def test_interrupted_searches_leave_nothing_behind_that_writes():
    """Ctrl-C at many moments of the search for neighbours; threads of SciPy's own ended the process."""
    out, _ = run(
        """
        import os, signal, threading
        import numpy as np
        import propmat
        sample = propmat.datasets.synthetic(seed=1, shape=(120, 160))
        expected = propmat.flows.colour_mixture(sample.image, sample.trimap).residual
        for k in range(20):
            timer = threading.Timer(0.01 * k, os.kill, (os.getpid(), signal.SIGINT))
            try:
                timer.start()
                propmat.flows.colour_mixture(sample.image, sample.trimap)
                timer.join()
            except KeyboardInterrupt:
                pass
        found = propmat.flows.colour_mixture(sample.image, sample.trimap).residual
        print(abs(found - expected).max())
        """,
        NUMBA_NUM_THREADS="2",
    )
    assert out == "0.0\n"


def test_a_solve_when_the_interpreter_ends():
    out, _ = run(
        """
        import atexit
        import propmat
        sample = propmat.datasets.synthetic(seed=1, shape=(120, 160))
        def last():
            print(propmat.closed_form(sample.image, sample.trimap, solver=propmat.solvers.CG()).shape)
        atexit.register(last)
        propmat.foreground(sample.image, sample.alpha)
        """,
        NUMBA_NUM_THREADS="2",
    )
    assert out == "(120, 160)\n"


def test_threads_that_cannot_be_had_are_done_without(monkeypatch):
    from propmat._cpu import _threads

    def exhausted():
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(_threads, "_idle", [])
    monkeypatch.setattr(_threads, "Helper", exhausted)
    monkeypatch.setattr(_threads, "used_threads", lambda: 2)
    seen = np.zeros(1000)
    _threads.share(lambda begin, end: seen.__setitem__(slice(begin, end), 1), 1000)
    assert seen.all()
