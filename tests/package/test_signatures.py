"""The list of the kernels that every method calls, with their types.

    python -m tests.package.test_signatures

writes it anew, in some minutes, and is run after every change of a kernel or of its arguments.
"""

import argparse
import importlib
import itertools
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import propmat
import propmat.video
from propmat import _cpu
from propmat._cpu import _signatures
from propmat.video._joint import JOINT

ROOT = Path(propmat.__file__).parents[1]
REMEDY = "run python -m tests.package.test_signatures"


def pictures():
    """Images and trimaps on which methods take different paths: large, the usual case; small; of few colours."""
    large, small = (propmat.datasets.synthetic(seed=1, shape=shape) for shape in ((240, 320), (60, 80)))
    flat = np.round(2 * large.image) / 2
    return [(large.image, large.trimap), (small.image, small.trimap), (flat, large.trimap)]


def call(method, image, trimap):
    """Call one entry of the list, as a user would."""
    if method == "foreground":
        propmat.foreground(image, trimap)
    elif method == "video":
        frames = [image[:150, :200]] * 2, [trimap[:150, :200]] * 2  # too large for `Direct`
        for posed, steady in itertools.product(JOINT, ("prior", "joint")):
            list(propmat.video.mattes(*frames, method=posed, steady=steady))
    else:
        propmat.matte(method, image, trimap)


def names():
    from propmat.matting._methods import POSED

    return [*POSED, "foreground", "video"]


class Recorder:
    """What calls in this process compile or load: kernels and types, in the order in which they are complete."""

    def __init__(self):
        from propmat._cpu import _compiled

        for module in pkgutil.iter_modules(_cpu.__path__):
            importlib.import_module(f"propmat._cpu.{module.name}")
        self.seconds, self.calls, self._running = {}, {}, []
        for name, dispatcher in _compiled.KERNELS.items():
            dispatcher.compile = self._recording(name, dispatcher.compile)

    def _recording(self, name, compile_for):
        def call(kinds):
            key = name, tuple(_signatures.written(kind) for kind in kinds)
            if self._running:
                self._running[-1][0].append(key)
            self._running.append(([], start := time.thread_time(), [0.0]))
            try:
                return compile_for(kinds)
            finally:
                calls, _, inner = self._running.pop()
                took = time.thread_time() - start
                if self._running:
                    self._running[-1][2][0] += took
                self.seconds[key] = max(took - inner[0], self.seconds.get(key, 0.0))
                self.calls[key] = self.calls.get(key) or list(dict.fromkeys(calls))

        return call


def record(methods, folder):
    """The rows of the list; each method is called in a process of its own, with one empty cache for all."""

    def seen(method):
        code = f"from tests.package.test_signatures import main; main([{method!r}])"
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder, "NUMBA_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True
        )
        return json.loads(done.stdout)

    def ordered(some):
        return [method for method in methods if method in some]

    with ThreadPoolExecutor(os.cpu_count()) as processes:
        found = list(processes.map(seen, methods))
    seconds, calls, users, usual = {}, {}, {}, {}
    for method, rows in zip(methods, found, strict=True):
        for kernel, arguments, callees, is_usual, took in rows:
            key = kernel, tuple(arguments)
            seconds[key] = max(took, seconds.get(key, 0.0))
            calls[key] = calls.get(key) or [(name, tuple(kinds)) for name, kinds in callees]
            users.setdefault(key, set()).add(method)
            usual.setdefault(key, set()).update([method] * is_usual)
    order = callees_first(calls)
    for key in reversed(order):
        for callee in calls[key]:
            users[callee] |= users[key]
            usual[callee] |= usual[key]
    place = {key: index for index, key in enumerate(order)}
    return [
        [*key, [place[callee] for callee in calls[key]], ordered(users[key]), ordered(usual[key]), seconds[key]]
        for key in order
    ]


def callees_first(calls):
    """The keys in their order, but each after those that it calls."""
    order = {}

    def add(key):
        if key not in order:
            for callee in calls[key]:
                add(callee)
            order[key] = True

    for key in calls:
        add(key)
    return list(order)


def row_of(signature):
    return signature.kernel, signature.arguments


def test_calls_compile_what_is_listed():
    """In a process of its own: other tests call the kernels with more types."""
    code = "from tests.package.test_signatures import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, check=True)
    used = {(kernel, tuple(arguments)) for kernel, arguments, *_ in json.loads(done.stdout)}
    listed = _signatures.listed()
    callees = {index for signature in listed for index in signature.calls}
    assert not used - {row_of(one) for one in listed}, REMEDY
    assert not {row_of(one) for index, one in enumerate(listed) if index not in callees} - used, REMEDY


def test_callees_come_first():
    for index, signature in enumerate(_signatures.listed()):
        assert all(callee < index for callee in signature.calls)


def main(methods=None):
    """Print what calls of some methods compile or load."""
    recorder = Recorder()
    usual = None
    for picture in pictures():
        for method in methods or names():
            call(method, *picture)
        usual = usual or set(recorder.seconds)
    rows = [[*key, recorder.calls[key], key in usual, round(took, 2)] for key, took in recorder.seconds.items()]
    print(json.dumps(rows))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [json.dumps(row) for row in record(names(), folder)]
    _signatures.LIST.write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
