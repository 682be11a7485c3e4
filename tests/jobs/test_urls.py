"""Jobs behind URLs: inputs, outputs and records."""

import os
from pathlib import Path

import pytest

import propmat.jobs
from propmat.errors import InputError
from propmat.jobs import _attempt
from propmat.jobs._attempt import Log
from propmat.jobs._folder import Folder
from propmat.jobs._history import read_history
from propmat.jobs._pool import Settings
from propmat.jobs._records import ended, started
from propmat.jobs._run import Run
from propmat.jobs._state import State
from propmat.jobs._status import status_of
from tests.jobs.tasks import Note, job_of
from tests.jobs.test_batch import contents, write_pictures

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory():
    yield "memory://records"
    fsspec.filesystem("memory").rm("/", recursive=True)


def test_a_batch_between_urls_is_that_of_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, 3, (48, 64))
    base = f"file://{tmp_path}"
    patterns = {"trimaps": f"{base}/trimaps/{{name}}.png", "jobs": 2}
    summary = propmat.jobs.run(f"{base}/photos/*.png", f"{base}/far/{{name}}.png", **patterns)
    assert (summary.total, summary.done, summary.complete) == (3, 3, True)
    propmat.jobs.run("photos/*.png", "near/{name}.png", trimaps="trimaps/{name}.png", jobs=1)
    assert contents("far") == contents("near")
    Path("far/p001.png").unlink()
    again = propmat.jobs.run(f"{base}/photos/*.png", f"{base}/far/{{name}}.png", **patterns)
    assert (again.done, again.done_before) == (1, 2)
    (told,) = propmat.jobs.status(f"{base}/far")
    assert (told.done, told.items) == (3, 3)
    with pytest.raises(InputError, match="results of another configuration"):
        propmat.jobs.run(f"{base}/photos/*.png", f"{base}/far/{{name}}.png", method="knn", **patterns)


def test_manifests_may_be_urls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, 2, (48, 64))
    (tmp_path / "list.csv").write_text(
        "image,trimap\nphotos/p000.png,trimaps/p000.png\nphotos/p001.png,trimaps/p001.png\n"
    )
    summary = propmat.jobs.run(f"file://{tmp_path}/list.csv", "out/{name}.png", jobs=1)
    assert summary.done == 2
    with pytest.raises(InputError, match=r"nothing.csv: cannot be read: there is no such file"):
        propmat.jobs.run("memory://nothing.csv", "out/{name}.png")


def test_records_behind_a_url_decide_what_is_left(tmp_path):
    local = job_of(tmp_path, ["well", "error", "die", "well"])
    job = type(local)(local.items, local.task, f"file://{tmp_path}/far")
    summary = Run(job, Settings(2, memory=2**30))()
    assert (summary.done, summary.failed, summary.killed) == (2, 1, 1)
    again = Run(job, Settings(2, memory=2**30))()
    assert (again.done_before, again.failed_before, again.done) == (2, 2, 0)
    told = status_of(job.state)
    assert (told.done, told.failed, told.killed) == (2, 1, 1)
    names = [path.name for path in (tmp_path / "far" / "records" / "pool").iterdir()]
    assert all(name.endswith(".jsonl") for name in names)


def test_logs_behind_urls_are_written_with_every_end_and_begun_anew(memory, monkeypatch):
    monkeypatch.setattr(_attempt, "_LARGEST", 1000)
    folder, items = Folder(memory).within("pool"), [Note(f"n{k}", "") for k in range(40)]
    log = Log(folder, "x")
    log.write(started(items[0], alone=False))
    assert read_history(Folder(memory)).at_work() == 1  # the first record is there at once
    for item in items:
        log.write(started(item, alone=False))
        log.write(ended(item, "done", 0.0, alone=False))
        assert read_history(Folder(memory)).last[item.name].status == "done"
    log.write(started(items[0], alone=False))
    assert read_history(Folder(memory)).at_work() == 0
    log.close()
    assert read_history(Folder(memory)).at_work() == 1
    assert len(folder.names()) > 5
    assert all(len(b"".join(folder.lines(name))) < 1500 for name in folder.names())
    log = Log(folder, "z", delayed=False)
    for item in items[1:4]:
        log.write(started(item, alone=False))
    assert read_history(Folder(memory)).at_work() == 4


def test_a_folder_behind_a_url(memory):
    folder = State(memory).folder
    assert folder.names() == []
    assert folder.read("job.json") is None
    folder.write("a/job.json", b"1")
    assert folder.within("a").read("job.json") == b"1"
    assert folder.names() == ["a"]
    assert not os.path.exists("memory:")
