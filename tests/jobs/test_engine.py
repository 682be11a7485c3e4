"""The engine of jobs: what is done, recorded, tried again, refused; whatever dies."""

import json
import subprocess
import sys
import threading
from collections import Counter

import pytest

from propmat.errors import InputError
from propmat.jobs import _memory
from propmat.jobs._attempt import Log
from propmat.jobs._folder import Folder
from propmat.jobs._history import read_history
from propmat.jobs._plan import planned
from propmat.jobs._pool import Settings
from propmat.jobs._records import Record, ended, parsed, started
from propmat.jobs._run import Run
from propmat.jobs._state import POOL, State, log_for
from propmat.jobs._status import status_of
from tests.jobs.tasks import Note, job_of

TWO = Settings(2, memory=2**30)


def attempts(folder):
    return Counter((folder / "attempts").read_text().split())


def records(job):
    found = State(job.state).folder.within("records").within(POOL)
    return [record for name in found.names() for record in parsed(found.lines(name))]


def ends(job):
    return {record.name: record for record in records(job) if record.is_end}


def test_everything_is_done_once_and_recorded(tmp_path):
    job = job_of(tmp_path, ["well"] * 9)
    told = []
    summary = Run(job, TWO, progress=lambda now: told.append(now.done))()
    assert (summary.total, summary.done, summary.complete) == (9, 9, True)
    assert told == list(range(10))
    assert [(tmp_path / item.name).read_text() for item in job.items] == [item.name for item in job.items]
    for record in ends(job).values():
        assert record.status == "done"
        assert record.facts["threads"] == 1
        assert record.facts["versions"].keys() >= {"propmat", "numpy"}
        assert record.facts["seconds"] >= 0
        assert record.facts["host"]
    again = Run(job, TWO)()
    assert (again.done_before, again.done, again.complete) == (9, 0, True)
    assert set(attempts(tmp_path).values()) == {1}


def test_what_lacks_its_output_or_its_record_is_done(tmp_path):
    job = job_of(tmp_path, ["well"] * 4)
    (tmp_path / "n3").write_text("of someone else")
    Run(job, TWO)()
    (tmp_path / "n1").unlink()
    assert Run(job, TWO)().done == 1
    assert attempts(tmp_path) == {"n0": 1, "n1": 2, "n2": 1, "n3": 1}
    assert (tmp_path / "n3").read_text() == "n3"


def test_errors_are_recorded_and_tried_again_when_asked(tmp_path):
    job = job_of(tmp_path, ["well", "error", "memory", "well"])
    summary = Run(job, TWO)()
    assert (summary.done, summary.failed, summary.complete) == (2, 2, False)
    assert summary.failures == {"n1": "ValueError: not this one, no", "n2": "MemoryError: MemoryError"}
    assert ends(job)["n1"].facts["message"] == "not this one, no"
    again = Run(job, TWO)()
    assert (again.done_before, again.failed_before, again.done, again.failed) == (2, 2, 0, 0)
    mended = job_of(tmp_path, ["well"] * 4)
    assert Run(mended, TWO, retry=True)().done == 2
    assert Run(mended, TWO)().done_before == 4


@pytest.mark.parametrize("does", ["die", "exit"])
def test_what_kills_its_process_is_tried_once_alone_and_never_again(tmp_path, does):
    job = job_of(tmp_path, ["well", does, "well", "die once", "well"])
    summary = Run(job, TWO)()
    assert (summary.done, summary.killed) == (4, 1)
    assert attempts(tmp_path) == {"n0": 1, "n1": 2, "n2": 1, "n3": 2, "n4": 1}
    assert ends(job)["n1"].facts["error"] == "ProcessDied"
    assert ("SIGKILL" if does == "die" else "status 7") in ends(job)["n1"].facts["message"]
    starts = sorted((record for record in records(job) if record.status == "started"), key=lambda record: record.at)
    assert [record.alone for record in starts if record.name == "n3"] == [False, True]
    assert Run(job, TWO)().failed_before == 1
    assert attempts(tmp_path)["n1"] == 2
    assert Run(job, TWO, retry=True)().killed == 1
    assert attempts(tmp_path)["n1"] == 4


def test_a_start_without_an_end_is_tried_last_and_given_up_if_it_was_alone(tmp_path):
    """As after the whole job was killed."""
    job = job_of(tmp_path, ["well"] * 3)
    log = log_for(job.state, POOL)
    log.write(started(job.items[0], alone=False))
    log.write(started(job.items[1], alone=True))
    log.close()
    summary = Run(job, TWO)()
    assert (summary.done, summary.killed) == (2, 1)
    assert (tmp_path / "attempts").read_text().split() == ["n2", "n0"]
    assert Run(job, TWO)().failed_before == 1
    assert Run(job, TWO, retry=True)().done == 1


def test_large_items_run_alone_with_all_threads_and_the_largest_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("propmat.jobs._pool.total", lambda: 1000)
    sizes = [10, 300, 2000, 10]
    job = job_of(tmp_path, ["well"] * 4)
    items = [Note(item.name, item.output, bytes=size) for item, size in zip(job.items, sizes, strict=True)]
    job = type(job)(items, job.task, job.state)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    summary = Run(job, Settings(2, memory=100))()
    assert (summary.done, summary.failed) == (3, 1)
    assert ends(job)["n1"].facts["threads"] == 3
    assert not ends(job)["n1"].alone  # for interrupted at its first try, it is not given up
    assert ends(job)["n0"].facts["threads"] == 1
    assert "takes about 0.0 GiB of memory; this machine has" in summary.failures["n2"]
    assert "n2" not in attempts(tmp_path)


def test_admission_keeps_within_the_budget_and_the_order():
    admission = _memory.Admission(10)
    at_work, most, order = [0], [0], []
    lock = threading.Lock()

    def take(amount):
        with admission(amount):
            with lock:
                at_work[0] += amount
                most[0] = max(most[0], at_work[0])
                order.append(amount)
            with lock:
                at_work[0] -= amount

    threads = [threading.Thread(target=take, args=(amount,)) for amount in [4, 6, 9, 1, 30, 2] * 20]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(order) == 120
    assert most[0] <= 30


def test_another_configuration_is_refused(tmp_path):
    Run(job_of(tmp_path, ["error"], setting=0), TWO)()  # of which there is no result
    Run(job_of(tmp_path, ["well"]), TWO, retry=True)()
    with pytest.raises(InputError, match="results of another configuration .setting 1, not 2.; name another output"):
        Run(job_of(tmp_path, ["well"], setting=2), TWO)()
    (tmp_path / "state" / "job.json").write_text("{")
    with pytest.raises(InputError, match=r"job.json is damaged; remove it"):
        Run(job_of(tmp_path, ["well"]), TWO)()


def test_items_from_other_inputs_are_done_again_and_new_ones_too(tmp_path):
    Run(job_of(tmp_path, ["well"] * 2), TWO)()
    summary = Run(job_of(tmp_path, ["well"] * 3, key="b"), TWO)()
    assert (summary.done, summary.changed) == (3, 2)
    assert status_of(str(tmp_path / "state")).items == 3


def test_ranks_share_the_work(tmp_path):
    for rank in range(3):
        summary = Run(job_of(tmp_path, ["well"] * 8), TWO, rank, 3)()
        assert summary.complete
        assert summary.done == (3, 3, 2)[rank]
    assert len(attempts(tmp_path)) == 8
    assert set(attempts(tmp_path).values()) == {1}
    assert Run(job_of(tmp_path, ["well"] * 8), TWO)().done_before == 8


def test_two_at_once_are_refused(tmp_path):
    job = job_of(tmp_path, ["well"])
    with State(job.state).claimed(job, 0, 1), pytest.raises(InputError, match="another job is at work in"):
        Run(job, TWO)()
    with State(job.state).claimed(job, 0, 2):
        with pytest.raises(InputError, match="another job is at work in"):
            Run(job, TWO, 0, 2)()
        with pytest.raises(InputError, match="another job is at work in"):
            Run(job, TWO)()
        assert Run(job, TWO, 1, 2)().complete
    with State(job.state).claimed(job, 0, 1), pytest.raises(InputError, match="another job is at work in"):
        Run(job, TWO, 1, 2)()


def test_torn_and_foreign_lines_are_passed_over(tmp_path):
    item = Note("a", "a")
    whole = ended(item, "done", 1.0, alone=False, note="line\nbreak").line()
    lines = [b"", b"{", b"[1]", b'{"name": "b"}', b'{"name": "b", "key": "", "status": "odd", "at": 1}', b"\xff\x00"]
    for cut in range(len(whole) - 1):
        content = b"\n".join([whole[:cut], *lines]) + b"\n" + whole + whole[:cut]
        assert [record.name for record in parsed(content.split(b"\n"))] == ["a"]
    assert next(parsed([whole])).facts["note"] == "line\nbreak"


def test_a_log_goes_on_after_a_failed_write(tmp_path, monkeypatch):
    import os

    log, item = Log(Folder(str(tmp_path / "log")), "x"), Note("a", "a")
    honest = os.write
    log.write(started(item, alone=False))

    def full(descriptor, data):
        honest(descriptor, data[:5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            log.write(ended(item, "failed", 0, alone=False))
    log.write(ended(item, "done", 0, alone=False))
    log.close()
    lines = (tmp_path / "log" / "x.jsonl").read_bytes().split(b"\n")
    assert [record.status for record in parsed(lines)] == ["started", "done"]


def test_history_takes_the_last_end(tmp_path):
    folder = Folder(str(tmp_path))
    for group, at, status in [("p", 2.0, "done"), ("q", 1.0, "failed"), ("r", 3.0, "started")]:
        log = Log(folder.within(group), "x")
        log.write(Record("a", "k", status, at))
        log.close()
    (tmp_path / "stray").touch()
    history = read_history(folder)
    assert history.last["a"].status == "done"
    assert history.unended("a").times == 1
    assert history.at_work() == 1
    job = job_of(tmp_path / "none", ["well"] * 130)
    assert planned(job, history, rank=129, ranks=130).todo == [129]


def test_an_item_is_recorded_once_its_record_can_be_written(tmp_path, monkeypatch):
    """Where it cannot, as on a full disk, the summary says so and the next run does it again."""
    job = job_of(tmp_path, ["well"] * 2)
    state = tmp_path / "state"
    Run(job_of(tmp_path, []), TWO)()
    (state / "records").write_text("in the way")
    summary = Run(job, TWO)()
    assert (summary.done, summary.unrecorded) == (2, 2)
    (state / "records").unlink()
    assert Run(job, TWO)().done == 2


def test_the_pool_ends_with_the_process_that_runs_it(tmp_path):
    """Killed, it leaves no process at work; and the job goes on."""
    code = (
        "import sys; from pathlib import Path; from tests.jobs.tasks import job_of\n"
        "from propmat.jobs._run import Run; from propmat.jobs._pool import Settings\n"
        "Run(job_of(Path(sys.argv[1]), ['well', 'sleep', 'sleep']), Settings(2, memory=2**30))()"
    )
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}  # its processes have their errors in common with it
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], **pipe)
    try:
        while not (tmp_path / "attempts").exists() or len(attempts(tmp_path)) < 3:
            assert process.poll() is None
    finally:
        process.kill()
    process.stdout.read()  # ends when all who hold the pipe have ended
    process.wait()
    process.stdout.close()
    # None of the two is taken to have ended its process: they are tried side by side.
    assert planned(job_of(tmp_path, ["well"] * 3), State(str(tmp_path / "state")).history()).suspected == []
    summary = Run(job_of(tmp_path, ["well"] * 3), TWO)()
    assert (summary.done_before, summary.done) == (1, 2)


def test_status_counts(tmp_path):
    job = job_of(tmp_path, ["well", "error", "die", "well"])
    Run(job, TWO)()
    told = status_of(job.state)
    assert (told.items, told.done, told.failed, told.killed, told.left) == (4, 2, 1, 1, 0)
    assert {error: kind.count for error, kind in told.failures.items()} == {"ValueError": 1, "ProcessDied": 1}
    assert json.loads((tmp_path / "state" / "job.json").read_text()) == {"configuration": {"setting": 1}, "items": 4}
    assert Run(job_of(tmp_path, ["well"] * 4), TWO, retry=True)().done == 2
    told = status_of(job.state)
    assert (told.done, told.failed, told.killed, told.failures) == (4, 0, 0, {})
