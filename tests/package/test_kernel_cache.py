"""The cache of compiled kernels: its failures, several writers, folders that cannot be written, what is out of date."""

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numba
import pytest

import propmat
from propmat import PropmatWarning
from propmat._cpu import _beside, _code_files, _compiled, _signatures
from propmat._cpu._compiling import Child
from propmat.cli import main
from propmat.errors import PropmatError
from propmat.matting._methods import POSED

ROOT = str(Path(propmat.__file__).parents[1])


def kernel(x):
    return 2 * x + 1


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A kernel that is kept in a folder of its own, and what is warned of once in a process."""
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(_compiled, "_warned", threading.Event())
    monkeypatch.setattr(_compiled, "_announced", threading.Event())
    return tmp_path


def spoil(folder, suffix, damage):
    files = list(folder.rglob(f"*{suffix}"))
    assert files
    for path in files:
        path.write_bytes(damage(path.read_bytes()))


DAMAGES = {"empty": lambda content: b"", "garbage": lambda content: b"garbage", "cut": lambda content: content[:-20]}


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_told_and_mended(cache, suffix, damage):
    assert _compiled.compiled()(kernel)(1) == 3
    spoil(cache, suffix, DAMAGES[damage])
    with pytest.warns(PropmatWarning, match="cache of compiled kernels in .* fails .* for this process only"):
        assert _compiled.compiled()(kernel)(1) == 3
    fresh = _compiled.compiled()(kernel)
    assert fresh(1) == 3
    assert sum(fresh.stats.cache_hits.values()) == 1


def test_a_full_disk_is_told_once(cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_code_files.FunctionCache, "save_overload", full)
    with pytest.warns(PropmatWarning, match="No space left on device") as told:
        assert [_compiled.compiled()(kernel)(x) for x in (1, 1.0, 2)] == [3, 3, 5]
    assert len(told) == 1


def test_no_cache_at_all(monkeypatch, caplog):
    class Refusing(_code_files.FunctionCache):
        def __init__(self, *_):
            raise RuntimeError("no locator available")

    monkeypatch.setattr(_code_files, "FunctionCache", Refusing)
    monkeypatch.setattr(_code_files, "_cache_in", lambda folder: Refusing)
    monkeypatch.setattr(_compiled, "_announced", threading.Event())
    with caplog.at_level("INFO", logger="propmat"):
        assert _compiled.compiled()(kernel)(1) == 3
    assert "no folder for them is writable; NUMBA_CACHE_DIR names one" in caplog.text


def test_compiling_is_announced_once(cache, caplog):
    with caplog.at_level("INFO", logger="propmat"):
        for x in (1, 1.0):
            _compiled.compiled()(kernel)(x)
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == ["compiling kernels"]
    caplog.clear()
    _compiled._announced.clear()
    with caplog.at_level("INFO", logger="propmat"):
        _compiled.compiled()(kernel)(1)
    assert not caplog.records


# Several writers


def process(code, folder, *arguments, **environment):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": ROOT, **environment}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def outputs(processes):
    found = [one.communicate(timeout=300) for one in processes]
    assert [one.returncode for one in processes] == [0] * len(processes), found
    return [out.decode() for out, _ in found]


WRITER = """
import sys
import numpy as np
from propmat._cpu.multigrid import multiply_dense
for kind in sys.argv[1:]:
    out = np.zeros(2, np.float32)
    multiply_dense(np.ones((2, 2), np.float32), np.arange(1, 3).astype(kind), out)
    assert out.tolist() == [3, 3]
print(sum(multiply_dense.stats.cache_hits.values()))
"""
KINDS = ["float32", "float64", "int16", "int32"]


def test_processes_that_write_the_code_of_one_kernel_at_once(tmp_path):
    outputs([process(WRITER, tmp_path, kind) for kind in KINDS])
    assert outputs([process(WRITER, tmp_path, *KINDS)]) == [f"{len(KINDS)}\n"]
    assert not list(tmp_path.rglob("*.tmp.*"))


def test_two_writers_that_read_one_index_give_files_different_names(tmp_path):
    """As where the file system has no locks."""
    one, other = (_code_files.CodeFiles(str(tmp_path), "kernel", "stamp") for _ in range(2))
    other._load_index = dict
    one.save("int64", "code for integers")
    other.save("float64", "code for numbers")
    assert (one.load("int64"), one.load("float64")) == (None, "code for numbers")


def test_code_of_former_sources_is_removed(tmp_path):
    for stamp in ("old", "new"):
        _code_files.CodeFiles(str(tmp_path), "kernel", stamp).save("int64", stamp)
    assert _code_files.CodeFiles(str(tmp_path), "kernel", "new").load("int64") == "new"
    assert _code_files.CodeFiles(str(tmp_path), "kernel", "old").load("int64") is None
    assert len(list(tmp_path.glob("*.nbc"))) == 1


def test_code_is_out_of_date_when_a_kernel_that_it_inlines_changes(tmp_path):
    (tmp_path / "outer.py").write_text("from propmat._cpu.inner import product\n")
    (tmp_path / "inner.py").write_text("product = 1\n")
    before = _code_files.stamp_of(str(tmp_path / "outer.py"))
    _code_files._text.cache_clear()
    os.utime(tmp_path / "inner.py", (0, 0))
    assert _code_files.stamp_of(str(tmp_path / "outer.py")) == before
    _code_files._text.cache_clear()
    (tmp_path / "inner.py").write_text("product = 2\n")
    assert _code_files.stamp_of(str(tmp_path / "outer.py")) != before


def test_code_in_a_folder_that_cannot_be_written_is_used(cache, monkeypatch):
    assert _compiled.compiled()(kernel)(1) == 3
    monkeypatch.setattr(_compiled, "writable_files", lambda function: numba.core.caching.NullCache())
    reader = _compiled.compiled()(kernel)
    assert reader(1) == 3
    assert sum(reader.stats.cache_hits.values()) == 1


# Collection of garbage


@pytest.mark.parametrize("collecting", [True, False])
def test_the_state_of_the_collector_is_restored(cache, collecting):
    seen = []
    compile_for = _compiled._without_collection(lambda signature: seen.append(gc.isenabled()) or signature + 1)
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        assert compile_for(1) == 2
        with pytest.raises(TypeError):
            compile_for("no signature")
        assert (seen, gc.isenabled()) == ([False, False], collecting)
    finally:
        (gc.enable if before else gc.disable)()


# Compiling ahead

CALL = """
import logging, sys
logging.basicConfig(level="INFO", stream=sys.stdout, format="%(message)s")
import propmat
sample = propmat.datasets.synthetic(seed=1, shape=(60, 80))
propmat.matte(sys.argv[1], sample.image, sample.trimap)
"""
COMMAND = "import sys; from propmat.cli import main; sys.exit(main(sys.argv[1:]))"


def test_a_method_that_was_compiled_by_two_commands_at_once_compiles_nothing(tmp_path):
    told = outputs([process(COMMAND, tmp_path, "compile", "large_kernel", "--jobs", "2") for _ in range(2)])
    for line in told:
        assert line.startswith(f"{len(_signatures.needed_by(['large_kernel'], _signatures.listed()))} kernels in ")
    assert outputs([process(CALL, tmp_path, "large_kernel")]) == [""]
    (again,) = outputs([process(COMMAND, tmp_path, "compile", "large_kernel", "--jobs", "1")])
    assert ": 0 compiled" in again


def test_every_method_is_listed():
    signatures = _signatures.listed()
    assert all(_signatures.needed_by([method], signatures) for method in [*POSED, "foreground"])


@pytest.mark.parametrize("arguments", [["--jobs", "0"], ["--jobs", "two"], ["closedform"]])
def test_wrong_usage_of_compile(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["compile", *arguments])
    assert arguments[-1] in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_told_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", "/proc/kernels")
    assert main(["compile", "closed_form"]) == 1
    told = "propmat: error: NUMBA_CACHE_DIR: the folder /proc/kernels cannot be written\n"
    assert capsys.readouterr() == ("", told)


def test_no_folder_at_all(monkeypatch, capsys):
    monkeypatch.setattr(numba.core.config, "CACHE_DIR", "")
    monkeypatch.setattr(_code_files, "writable_files", lambda function: numba.core.caching.NullCache())
    assert main(["compile"]) == 1
    told = "propmat: error: no folder for compiled kernels can be written; NUMBA_CACHE_DIR names one\n"
    assert capsys.readouterr() == ("", told)


# The process that compiles


def test_a_process_that_fails_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    child = Child()
    try:
        child.tell([10**6])
        with pytest.raises(PropmatError, match="cannot be compiled: list index out of range"):
            child.answer()
        child._process.kill()
        with pytest.raises(PropmatError, match="ended with status"):
            child.answer()
    finally:
        child.end()


def test_it_ends_when_its_parent_is_killed(tmp_path):
    parent = process(
        "import time; from propmat._cpu import _compiling; "
        "print(_compiling.Child()._process.pid, flush=True); time.sleep(99)",
        tmp_path,
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    for _ in range(600):
        if not is_alive(child):
            return
        time.sleep(0.1)
    raise AssertionError("it is alive a minute later")


def is_alive(process_id):
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Told:
    """In place of a process beside the first call."""

    def __init__(self, alone):
        self.alone, self.indices = alone, None
        STARTED.append(self)

    def tell(self, indices, last):
        self.indices = list(indices)

    def end(self):
        pass


STARTED = []


@pytest.fixture
def beside(monkeypatch, tmp_path):
    """Call `_beside.begin` as the first call of the closed form does; what it started."""
    monkeypatch.setattr(_beside, "Child", Told)
    monkeypatch.setattr(_beside, "_first", threading.Lock())
    monkeypatch.setattr(numba.core.config, "NUMBA_NUM_THREADS", 2)
    STARTED.clear()

    def begin():
        signatures = _signatures.listed()
        first = signatures[_signatures.needed_by(["closed_form"], signatures)[0]]
        _beside.begin(first.kernel, tuple(_signatures.read(text) for text in first.arguments), str(tmp_path))
        return STARTED

    return begin


def test_the_process_beside_begins_with_what_is_needed_last(beside):
    (started,) = beside()
    signatures = _signatures.listed()
    usual = [index for index, one in enumerate(signatures) if "closed_form" in one.usual]
    assert started.indices == usual[::-1]
    assert len(usual) < len(_signatures.needed_by(["closed_form"], signatures))  # not those of flat pictures
    assert beside() == [started]


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        (sys, "frozen", True),
        (sys, "executable", ""),
        (sys, "executable", "/usr/bin/blender"),
        (numba.core.config, "NUMBA_NUM_THREADS", 1),
        (_beside.multiprocessing, "parent_process", lambda: "a process"),
        (_beside, "_is_held", lambda lock: True),
    ],
)
def test_where_no_process_is_started_beside(beside, monkeypatch, where, name, value):
    monkeypatch.setattr(where, name, value, raising=False)
    assert beside() == []


def test_a_second_process_with_the_same_lock_ends_at_once(tmp_path):
    with _code_files.locked_file(tmp_path / "lock"):
        child = Child(alone=tmp_path / "lock")
        assert child._process.wait(timeout=100) != 0
        child.end()


def test_a_failure_to_start_it_has_no_effect(cache, monkeypatch):
    def fail(*_):
        raise OSError

    monkeypatch.setattr(_beside, "begin", fail)
    assert _compiled.compiled()(kernel)(1) == 3
