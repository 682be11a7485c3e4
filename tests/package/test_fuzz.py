"""Fuzzing: a fixed number of random inputs for every target, and the tools that generate, check and store inputs."""

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from tests.fuzz import __main__ as fuzz
from tests.fuzz import documents, mutation, record, target, watch
from tests.fuzz.choices import Choices

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Number of inputs in addition to the seeds: all targets together take seconds.
MORE = {"images": 80, "problems": 80, "adjoints": 40, "torch": 20, "jax": 20, "weights": 20, "commands": 6}
OTHERS = 40


def _cases(name):
    return len(target.find(name).seeds()) + MORE.get(name, OTHERS)


@pytest.fixture(scope="module")
def tallies():
    """What came of all targets, one after another in one worker."""
    names = [name for name in target.MODULES if _available(name)]
    tasks = [watch.Task(name, cases=_cases(name)) for name in names]
    found = watch.run(tasks, watch.Limits(), lambda failure: None)
    return {tally.target: tally for tally in found}


def _available(name):
    try:
        target.find(name).seeds()
    except target.Unavailable:
        return False
    return True


@pytest.mark.parametrize("name", target.MODULES)
def test_promises_hold(tallies, name):
    if name not in tallies:
        pytest.skip("a package is missing")
    tally = tallies[name]
    assert not tally.failures, "\n\n".join(_told(failure) for failure in tally.failures.values())
    assert tally.cases == _cases(name)
    assert tally.passed
    assert tally.refused


def _told(failure):
    return (
        f"{failure.kind}: {failure.signature}\n{failure.described[:1500]}\n{failure.told[-1500:]}\n{failure.data[:400]}"
    )


# The tools, on a target with every kind of failure.


def misbehave(data):
    """A target that fails in the way that the first byte selects."""
    if data == b"trace":
        raise KeyError("lost")
    target.require(data != b"law", "laws hold", data)
    if data == b"half":
        raise target.Broken("a file is whole", "half of it", "half-written")
    if data == b"crash":
        os.abort()
    if data == b"memory":
        assert bytearray(b"x" * (64 << 20))
    if data == b"hang":
        time.sleep(600)
    return data != b"refuse"


INPUTS = [b"pass", b"trace", b"law", b"half", b"crash", b"refuse", b"memory", b"hang", b"pass"]
TARGETS = {"bad": target.Target("bad", misbehave, lambda: INPUTS, lambda random: b"pass")}


def test_every_kind_of_failure_is_told(tmp_path):
    limits = watch.Limits(seconds=2, patience=6, memory=32 << 20)
    kept = []
    task = watch.Task("tests.package.test_fuzz:bad", cases=len(INPUTS) + 1)
    [tally] = watch.run([task], limits, lambda failure: kept.append(failure.keep(tmp_path)))
    assert dict(tally.failed) == dict.fromkeys(watch.KINDS, 1)
    assert (tally.cases, tally.passed, tally.refused) == (10, 3, 1)
    failures = {failure.kind: failure for failure in map(record.Failure.read, kept)}
    assert {kind: failure.input for kind, failure in failures.items()} == {
        "traceback": b"trace",
        "law": b"law",
        "half-written": b"half",
        "crash": b"crash",
        "memory": b"memory",
        "hang": b"hang",
    }
    assert "KeyError" in failures["traceback"].told
    assert failures["crash"].signature == "exit code SIGABRT"
    assert "killed after 6 seconds" in failures["hang"].told
    assert "in misbehave" in failures["hang"].told
    row = fuzz.table([tally]).splitlines()[1].split()
    assert row[1:-1] == ["10", "1", "3", *["1"] * 6]


def test_waiting_for_a_processor_is_told():
    """Each of two processes on one processor waits half of the time."""
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this system does not tell")
    command = [sys.executable, "-c", "import time\nwhile True: time.time()"]
    only = {min(os.sched_getaffinity(0))}
    pair = [subprocess.Popen(command) for _ in range(2)]
    try:
        for process in pair:
            os.sched_setaffinity(process.pid, only)
        time.sleep(2)
        assert watch.queued(pair[0].pid) > 0.3
    finally:
        for process in pair:
            process.kill()
            process.wait()


def test_failures_are_reproduced(tmp_path, capsys):
    failure = record.Failure("tests.package.test_fuzz:bad", 0, 2, "law", "laws hold", "told", record.packed(b"law"))
    path = failure.keep(tmp_path)
    assert record.Failure.read(path) == failure
    with pytest.raises(target.Broken, match="laws hold"):
        fuzz.main(["--reproduce", str(path)])
    assert "b'law'" in capsys.readouterr().out


def test_few_failures_of_one_signature_are_kept(tmp_path):
    failure = record.Failure("bad", 0, 2, "law", "laws hold", "told", "")
    kept = [failure.keep(tmp_path) for _ in range(record.KEPT + 2)]
    assert sum(path is not None for path in kept) == record.KEPT


def test_inputs_depend_on_seed_and_number_only():
    found = target.Target("any", bool, lambda: [b"seed"], lambda random: random.randbytes(8))
    first = [next_one for next_one, _ in zip(found.inputs(3), range(6), strict=False)]
    again = [next_one for next_one, _ in zip(found.inputs(3, first=4), range(2), strict=False)]
    other = [next_one for next_one, _ in zip(found.inputs(4), range(6), strict=False)]
    assert first[0] == b"seed"
    assert first[4:] == again
    assert first[1:] != other[1:]


def test_shrinking_keeps_the_failure():
    def run(data):
        target.require(b"\7" not in data, "no sevens")

    assert record.shrunk(run, bytes(range(40))) == b"\7"


@pytest.mark.parametrize("change", mutation.MUTATIONS)
def test_mutations_take_any_bytes(change):
    for seed in range(50):
        random = Random(seed)
        for data in (b"", b"x", bytes(range(256)), b"P5 3 2 255\n"):
            assert isinstance(change(random, data), bytes)


def test_mutated_documents_can_be_written():
    document = {"a": 1, "b": [1, {"c": "x"}], "d": {"e": 2.5}}
    valid = 0
    for seed in range(300):
        changed = documents.mutated(Random(seed), document)
        assert isinstance(documents.as_json(changed), str)
        text = documents.as_toml(changed) if isinstance(changed, dict) else ""
        try:
            tomllib.loads(text)
            valid += 1
        except (ValueError, RecursionError):  # numbers with too many digits, and deep nesting
            continue
    assert valid > 200
    assert document == {"a": 1, "b": [1, {"c": "x"}], "d": {"e": 2.5}}


def test_choices_past_the_end_are_the_simplest():
    choices = Choices(b"\5")
    assert choices.below(4) == 1
    assert choices.pick("anything", "abc") == "a"
    assert not choices.one_in(3)
    assert choices.made == ["anything 'a'"]
