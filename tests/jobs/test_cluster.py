"""A job on a Dask cluster: the same outputs, whatever dies of it, and nothing twice."""

import os
import re
import subprocess
import sys
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from propmat.cli._main import main
from propmat.jobs._run import Run
from tests.jobs import cluster
from tests.jobs.tasks import job_of
from tests.jobs.test_batch import BATCH, contents, ends, write_pictures
from tests.jobs.test_engine import TWO, attempts
from tests.jobs.watching import wait_for

distributed = pytest.importorskip("distributed")

# Of Dask and what it is made of, when processes die or a scheduler is lost.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="there is no list of child processes here"),
]


def ends_of(job):
    """Ends in all groups of records: shards have one each."""
    from propmat.jobs._history import all_files
    from propmat.jobs._state import State

    folder = State(job.state).folder.within("records")
    return [record for records in all_files(folder) for record in records if record.is_end]


def test_items_that_end_their_workers_are_recorded_and_all_others_done(tmp_path):
    doings = ["well"] * 12
    doings[2:6] = ["error", "die", "die once", "exit"]
    job = job_of(tmp_path, doings)
    with cluster.started() as (address, _), distributed.Client(address, set_as_default=False) as client:
        told = []
        summary = Run(job, TWO, client=client, progress=lambda now: told.append(now.done + now.failed + now.killed))()
        again = Run(job, TWO, client=client)()
    assert (summary.done, summary.failed, summary.killed) == (9, 1, 2)
    assert told == list(range(13))
    tried = {"n3": 2, "n4": 2, "n5": 2}
    assert attempts(tmp_path) == {f"n{k}": tried.get(f"n{k}", 1) for k in range(12)}
    assert {name: message.partition(":")[0] for name, message in summary.failures.items()} == {
        "n2": "ValueError",
        "n3": "ProcessDied",
        "n5": "ProcessDied",
    }
    assert (again.done, again.done_before, again.failed_before) == (0, 9, 3)
    assert Counter(record.name for record in ends_of(job)) == {f"n{k}": 1 for k in range(12)}


def test_a_cluster_that_is_not_there_is_refused_before_any_work(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("propmat.jobs._cluster._CONNECTING", 0.5)
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, 1, (48, 64))
    assert main([*BATCH, "--cluster", "tcp://127.0.0.1:9"]) == 1
    assert "cluster: cannot connect to tcp://127.0.0.1:9" in capsys.readouterr().err
    assert not Path("mattes").exists()


def test_commands_of_the_documentation_are_there():
    """Those of Dask in the file for Kubernetes, with their options."""
    text = (cluster.ROOT / "docs" / "jobs.md").read_text(encoding="utf-8")
    commands = [line.replace('"', "").split(", ") for line in re.findall(r"args: \[(.*)\]", text)]
    assert [command[:2] for command in commands] == [["dask", "worker"], ["dask", "scheduler"]]
    for _, name, *options in commands:
        (entry,) = entry_points(group="dask_cli", name=name)
        taken = {option for parameter in entry.load().params for option in parameter.opts}
        assert {option for option in options if option.startswith("--")} <= taken


def disturbed(folder, count, workers_killed, scheduler_killed):
    """Run a batch on a cluster of which workers are killed after some pictures, and the scheduler after some more."""
    command = [*BATCH[:-2], "--cluster"]

    def made():
        return len(list(Path("mattes").glob("[!.]*.png")))

    with cluster.started() as (address, of_cluster):
        process = subprocess.Popen([sys.executable, "-m", "propmat", *command, address], stderr=subprocess.PIPE)
        for number, goal in enumerate(workers_killed):
            wait_for(lambda goal=goal: made() >= goal, process)
            cluster.kill_worker(of_cluster, number)
        wait_for(lambda: made() >= scheduler_killed, process)
        of_cluster.kill()
        told = process.communicate(timeout=240)[1].decode()
        assert process.returncode == 1
        assert "the scheduler was lost; the same command goes on from here" in told
    before = made()
    assert before < count
    with cluster.started() as (address, _):
        ended = subprocess.run([sys.executable, "-m", "propmat", *command, address], capture_output=True, timeout=300)
    assert ended.returncode == 0, ended.stderr.decode()
    return before


@pytest.mark.parametrize(
    ("count", "shape", "workers_killed", "scheduler_killed"),
    [
        pytest.param(24, (48, 64), [4], 10, id="24"),
        pytest.param(300, (150, 200), [60, 120], 200, id="300", marks=pytest.mark.slow),
    ],
)
def test_workers_and_the_scheduler_may_be_killed(tmp_path, monkeypatch, count, shape, workers_killed, scheduler_killed):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, count, shape)
    assert main([*BATCH[:-4], "-o", "calm/{name}.png", "--jobs", "2"]) == 0
    disturbed(tmp_path, count, workers_killed, scheduler_killed)
    assert contents("mattes") == contents("calm")
    done = Counter(record.name for record in ends("mattes/{name}.png") if record.status == "done")
    assert len(done) == count
    # At work on each worker is one picture when it dies, whose file may be there and its record not yet.
    assert sum(done.values()) <= count + len(workers_killed) + 2
