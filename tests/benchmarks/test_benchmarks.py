"""Benchmark commands exist; the suite can be interrupted and resumed, and its results ranked, compared and reported."""

import importlib
import json
import pkgutil
import re
import runpy
import subprocess
import sys
import time
import zipfile
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import benchmarks
import propmat
from benchmarks import compare, submit
from benchmarks.data import sets
from benchmarks.report import __main__ as report
from benchmarks.report import panels
from benchmarks.report.page import page
from benchmarks.suite import __main__ as suite
from benchmarks.suite import contestants, records, run, worker
from benchmarks.suite.summary import markdown, summary
from propmat.datasets import Sample

ROOT = Path(__file__).resolve().parents[2]
SETTING = {"set": "rendered scenes", "versions": {"propmat": "0"}, "machine": "any", "threads": 1}


PROBLEMS = ["--images", "synthetic-0", "--methods", "closed_form"]


def command(output, *options, program=("-m", "benchmarks.suite")):
    return [sys.executable, *program, "--output", str(output), "--jobs", "2", *PROBLEMS, *options]


def finished(output, *options):
    done = subprocess.run(command(output, *options), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with the results of an undisturbed run."""
    output = tmp_path_factory.mktemp("suite")
    finished(output)
    return output


def reproduced(output):
    """What two runs must agree on, mattes included."""
    found = records.read(output / "results.jsonl")
    kept = [{name: value for name, value in record.items() if name not in records.MEASURED} for record in found]
    return kept, {path.relative_to(output): path.read_bytes() for path in sorted(output.rglob("*.png"))}


def record(image, trimap, method, score, **changes):
    numbers = dict.fromkeys(records.METRICS, score) | dict.fromkeys(records.MEASURED, 1.0) | {"iterations": 1}
    return {"image": image, "trimap": trimap, "method": method} | SETTING | numbers | changes


def failed(image, trimap, method):
    return worker.failure({"image": image, "trimap": trimap, "method": method} | SETTING, "no")


# All commands

FOLDER = Path(benchmarks.__file__).parent
MODULES = [module.name for module in pkgutil.walk_packages([FOLDER], "benchmarks.")]
COMMANDS = sorted(
    f"benchmarks.{module.name}"
    for module in pkgutil.iter_modules([FOLDER])
    if not module.ispkg or f"benchmarks.{module.name}.__main__" in MODULES
)
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), FOLDER / "README.md"]
SOURCES = [path for folder in ("benchmarks", "propmat", "tests") for path in (ROOT / folder).rglob("*.py")]
NAMED = re.compile(r"python -m (benchmarks\.\w+(?:\.\w+)*)([^`\n&,;]*)")


def help_of(name, monkeypatch, capsys):
    """What a command says of itself, run as from the command line."""
    main = f"{name}.__main__" if f"{name}.__main__" in MODULES else name
    monkeypatch.delitem(sys.modules, main, raising=False)
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(name, run_name="__main__")
    assert not ended.value.code
    return capsys.readouterr().out


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_imported(name):
    importlib.import_module(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, monkeypatch, capsys):
    assert f"python -m {name}" in help_of(name, monkeypatch, capsys)


def test_commands_that_are_named_are_there(monkeypatch, capsys):
    """In README, docs and docstrings; with the options that are named with them."""
    helps = {name: help_of(name, monkeypatch, capsys) for name in COMMANDS}
    named = 0
    for path in [*TEXTS, *SOURCES]:
        for name, options in NAMED.findall(path.read_text(encoding="utf-8")):
            assert name in MODULES, f"{path} names {name}"
            for option in re.findall(r"--[a-z][a-z-]*", options):
                assert option in helps[name], f"{path} names {name} {option}"
            named += 1
    assert named > len(COMMANDS)


# The suite


def test_results_are_whole(results):
    found = records.read(results / "results.jsonl")
    expected = [("synthetic-0", trimap, "closed_form") for trimap in (1, 2)]
    assert [records.key(result) for result in found] == expected
    for result in found:
        sample = sets.read_sample(None, result["image"], result["trimap"])
        matte = propmat.io.read_matte(worker.matte_path(results, *records.key(result)))
        scores = propmat.metrics.evaluate(matte, sample.alpha, sample.trimap)
        assert {name: result[name] for name in records.METRICS} == pytest.approx(scores, rel=1e-6)
        assert result["seconds"] > 0
        assert result["iterations"] > 0
        assert 0 < result["residual"] <= 1e-5
        assert result["versions"]["propmat"] == propmat.__version__
        assert "error" not in result


def test_a_second_run_does_nothing_twice(results):
    before = (results / "results.jsonl").read_bytes()
    assert "0 mattes to make, 2 already there" in finished(results).stderr
    assert (results / "results.jsonl").read_bytes() == before


# Both block at the first call of `place`, and create a file as a signal: a worker at the matte of trimap 2, or the run
# itself.
HALT = """
import os, sys, time
from pathlib import Path
import propmat
from benchmarks.suite import run, worker
from benchmarks.suite.__main__ import main

def halt(*arguments):
    Path({marker!r}).touch()
    time.sleep(600)
"""
HALTING_WORKER = """
honest = worker.result

def result(data, output, task):
    if task[1] == 2:
        {place} = halt
    return honest(data, output, task)

worker.result = result
worker.main()
"""


def killed(output, code, reached):
    """Kill a run once it has come as far as wanted."""
    process = subprocess.Popen(command(output, program=("-c", code)), cwd=ROOT, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 240
    try:
        while not reached():
            assert process.poll() is None, "it ended"
            assert time.monotonic() < end, "it has not come so far"
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_killed_anywhere_it_loses_nothing(results, tmp_path):
    """Before a matte is there, between a matte and its record, and while a record is written."""
    path = tmp_path / "results.jsonl"
    for number, place in enumerate(["worker.run", "propmat.metrics.evaluate", "os.replace"]):
        marker = tmp_path.with_name(f"{tmp_path.name}-halted-{number}")
        code = HALT.format(marker=str(marker))
        if place == "os.replace":
            code += "os.replace = halt\nmain()"
        else:
            code += f"run.WORKER = ['-c', {code + HALTING_WORKER.format(place=place)!r}]\nmain()"
        killed(tmp_path, code, lambda marker=marker: marker.exists() and path.exists())
        assert [records.key(record) for record in records.read(path)] == [("synthetic-0", 1, "closed_form")]
        assert worker.matte_path(tmp_path, "synthetic-0", 2, "closed_form").exists() == (place != "worker.run")
    assert "1 mattes to make, 1 already there" in finished(tmp_path).stderr
    assert reproduced(tmp_path) == reproduced(results)
    assert not list(tmp_path.glob(".propmat-*"))  # the partial file of the third run


def test_a_matte_that_is_gone_is_made_again(results, tmp_path):
    keys = [records.key(result) for result in records.read(results / "results.jsonl")]
    records.write(tmp_path / "results.jsonl", records.read(results / "results.jsonl"))
    for key in keys[1:]:
        path = worker.matte_path(tmp_path, *key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    assert "1 mattes to make, 1 already there" in finished(tmp_path).stderr


@pytest.mark.parametrize(("name", "value"), [("machine", "another"), ("threads", 99), ("versions", {"propmat": "9"})])
def test_results_of_another_kind_are_not_mixed_in(results, tmp_path, name, value):
    found = records.read(results / "results.jsonl")
    records.write(tmp_path / "results.jsonl", [result | {name: value} for result in found])
    done = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f"made with other {name}" in done.stderr


def test_one_run_at_a_time(tmp_path):
    with run.alone(tmp_path), pytest.raises(SystemExit, match="another run is at work"), run.alone(tmp_path):
        pass


def test_a_method_that_fails_is_a_result(monkeypatch, tmp_path):
    def fails(image, trimap):
        raise ValueError("no convergence")

    monkeypatch.setattr(contestants, "everyone", lambda: {"fails": contestants.Method(fails, ())})
    result = worker.result(None, tmp_path, ("synthetic-0", 1, "fails"))
    assert result["error"] == "ValueError: no convergence"
    assert result["sad"] is None
    assert not list(tmp_path.iterdir())


def test_a_matte_with_holes_is_a_failure():
    holes = contestants.Method(lambda image, trimap: contestants.Outcome(np.array([[np.nan, 0.5, np.inf]])), ())
    with pytest.raises(ArithmeticError, match="2 pixels are not finite"):
        worker.run(holes, Sample("holes", np.zeros((1, 3, 3)), np.full((1, 3), 0.5)))


def test_a_process_that_dies_is_a_result(monkeypatch, tmp_path):
    monkeypatch.setattr(run, "WORKER", ["-c", "import os; input(); os._exit(9)"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["suite", "--images", "synthetic-0", "--trimaps", "1", "--methods", "closed_form"])
    suite.main()
    (result,) = records.read(tmp_path / run.OUTPUT / "results.jsonl")
    assert result["error"] == "the process died"


def test_known_pixels_are_kept_and_mattes_rounded():
    trimap = np.array([[0.0, 0.5, 1.0]])
    soft = contestants.Method(lambda image, trimap: contestants.Outcome(np.array([[0.02, 0.305, 1.04]])), ())
    matte, _ = worker.run(soft, Sample("soft", np.zeros((1, 3, 3)), trimap))
    np.testing.assert_array_equal(matte, [[0, 78, 255]])


@pytest.mark.parametrize("name", sorted(contestants.ours() | contestants.variants() | contestants.networks()))
def test_every_method_of_ours_runs(name):
    sample = propmat.datasets.synthetic(0, (48, 64))
    outcome = contestants.everyone()[name].run(sample.image, propmat.Trimap.parse(sample.trimap))
    assert outcome.alpha.shape == (48, 64)


# Ranks


def test_ranks_are_taken_on_each_picture_first():
    """A method that is best on most pictures leads, though its mean error is the greatest."""
    scores = {"steady": [2, 2, 2, 2], "often best": [1, 1, 1, 19]}
    found = [record("abcd"[k], 1, name, own[k]) for name, own in scores.items() for k in range(4)]
    rows = summary(found)
    assert [(row.method, row.ranks["sad"], row.means["sad"]) for row in rows] == [
        ("often best", 1.25, 5.5),
        ("steady", 1.75, 2),
    ]


def test_ties_share_ranks_and_failures_come_last():
    found = [record("a", 1, "x", 1.0), record("a", 1, "y", 1.0), failed("a", 1, "z"), record("a", 2, "z", 5.0)]
    assert list(records.ranks(found, "mse").values()) == [1.5, 1.5, 3, 1]
    last = summary(found)[-1]
    assert (last.method, last.failures, last.means["mse"]) == ("z", 1, 5.0)
    assert "| z | 2.0 | 5.00 | 5000.0 |" in markdown([last])


# Comparison


def compared(old, new):
    """Verdicts on SAD by method, for (method, scores) tables."""
    tables = [
        [record(f"{k}", 1, name, value, **changes) for name, values in table.items() for k, value in enumerate(values)]
        for table, changes in ((old, {}), (new, {}))
    ]
    return {change.method: change for change in compare.changes(*tables) if change.quantity == "sad"}


def test_changes_beyond_noise():
    old = {name: [1.0, 2, 3, 4] for name in ("same", "better", "worse", "mixed", "tiny")}
    new = {
        "same": [1.0, 2, 3, 4],
        "better": [0.9, 1.8, 2.7, 3.5],
        "worse": [1.01, 2.02, 3.03, 4.05],
        "mixed": [0.5, 2.4, 2.8, 4.3],
        "tiny": [1.00002, 2.00003, 3.00006, 4.00008],
    }
    found = compared(old, new)
    verdicts = {name: change.verdict for name, change in found.items()}
    expected = {"same": "within noise", "better": "better", "worse": "worse"}
    assert verdicts == expected | {"mixed": "within noise", "tiny": "within noise"}
    assert (found["better"].better, found["better"].worse) == (4, 0)
    assert found["mixed"].better == found["mixed"].worse == 2
    assert "| +1.10% |" in compare.line(found["worse"])


def test_one_picture_proves_nothing():
    assert compared({"x": [1.0]}, {"x": [0.5]})["x"].verdict == "within noise"


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        (suite, ["--data", "nowhere"], "--data: root: there is no folder 'nowhere'"),
        (suite, ["--data", "."], "--data: root: . has neither input_training_lowres nor training/image"),
        (submit, ["--data", "nowhere"], "--data: root: there is no folder 'nowhere'"),
        (compare, ["old.jsonl", "new.jsonl"], "there is no old.jsonl"),
    ],
)
def test_what_is_missing_is_said_in_a_line(module, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["program", *arguments])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert message in f"{ended.value} {capsys.readouterr().err}"


def test_times_of_two_machines_are_not_compared():
    old, new = [record("a", 1, "x", 1.0)], [record("a", 1, "x", 1.0, machine="other")]
    assert {change.quantity for change in compare.changes(old, new)} == {*records.METRICS, "memory_mb"}
    assert "times are not compared" in next(compare.remarks(old, new))


def test_what_cannot_be_paired_is_told():
    old = [record("a", 1, "x", 1.0), record("a", 1, "gone", 1.0)]
    new = [failed("a", 1, "x"), record("a", 1, "come", 1.0)]
    told = "".join(compare.remarks(old, new))
    for words in ("only in old: gone, 1 results", "only in new: come, 1", "fails now: x, 1"):
        assert words in told
    assert not list(compare.changes(old, new))


def test_comparing_from_the_command_line(results, monkeypatch, capsys):
    path = str(results / "results.jsonl")
    monkeypatch.setattr(sys, "argv", ["compare", path, path])
    compare.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(compare.NOISE)
    assert all("within noise" in line for line in lines[2:])


# The report


class Page(HTMLParser):
    """Counts tags, and collects what is loaded from where."""

    def __init__(self):
        super().__init__()
        self.tags, self.loaded = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loaded += [value for name, value in attributes if name in ("src", "href")]


def test_report_is_one_file_that_loads_nothing(results, tmp_path, monkeypatch, capsys):
    output, picture = tmp_path / "report.html", tmp_path / "sheet.png"
    arguments = ["--results", str(results), "--output", str(output), "--picture", str(picture)]
    monkeypatch.setattr(sys, "argv", ["report", *arguments])
    report.main()
    found = Page()
    found.feed(output.read_text(encoding="utf-8"))
    assert found.loaded
    assert all(address.startswith("data:") for address in found.loaded)
    # Image, trimap and patch; truth and patch; matte, error map and patch.
    assert found.tags.count("img") == 2 * 8
    assert found.tags.count("details") == 2
    assert found.tags.count("table") == 5
    assert "| closed_form | 1.0 |" in capsys.readouterr().out
    assert propmat.io.read_image(picture).shape[2] == 3


def test_report_with_failures(results, tmp_path):
    found = [*records.read(results / "results.jsonl"), failed("synthetic-0", 1, "<other>")]
    text = page(found, summary(found), None, results)
    assert "failed<sup>2</sup>" in text
    assert "&lt;other&gt;" in text
    assert "<other>" not in text


@pytest.mark.parametrize("data", [["--data", "here", "--picture", "x.png"], ["--data", "here"]])
def test_report_needs_the_pictures_of_the_results(results, monkeypatch, capsys, data):
    monkeypatch.setattr(sys, "argv", ["report", "--results", str(results), *data])
    with pytest.raises(SystemExit):
        report.main()
    assert "the results are of rendered scenes" in capsys.readouterr().err


def test_the_worst_patch_is_where_the_errors_are():
    truth, trimap = np.zeros((200, 300)), np.full((200, 300), 0.5)
    trimap[:, 250:] = 0
    sample = Sample("x", np.zeros((200, 300, 3)), trimap, truth)
    matte = truth.copy()
    matte[100:120, 30:50] = 1
    matte[:, 260:] = 1  # on known pixels, which are not scored
    top, left = panels.worst_patch(sample, [matte])
    assert top <= 100 < 120 <= top + panels.PATCH
    assert left <= 30 < 50 <= left + panels.PATCH
    for shape in ((20, 300), (300, 20), (10, 10)):
        small = Sample("x", np.zeros((*shape, 3)), np.full(shape, 0.5), np.zeros(shape))
        assert panels.patch(small.alpha, panels.worst_patch(small, [np.ones(shape)])).size


def test_error_maps():
    sample = Sample("x", np.zeros((1, 4, 3)), np.array([[0.5, 0.5, 0.5, 1]]), np.array([[0.2, 0.2, 0.9, 1]]))
    colours = panels.error_map(np.array([[0.2, 0.9, 0.2, 0.5]]), sample)
    np.testing.assert_allclose(colours[0], [[1, 1, 1], [1, 0, 0], [0, 0, 1], [0.85] * 3])


# Submission


def test_submission(tmp_path, monkeypatch):
    scene = propmat.datasets.synthetic(0, (48, 64))
    for name in ("doll", "troll"):
        for kind, pixels in {"image": scene.image, **{f"trimap{n}": scene.trimap for n in (1, 2, 3)}}.items():
            (tmp_path / "test" / kind).mkdir(parents=True, exist_ok=True)
            propmat.io.write_image(tmp_path / "test" / kind / f"{name}.png", pixels)
    output = tmp_path / "out" / "closed_form.zip"
    output.parent.mkdir()
    monkeypatch.setattr(sys, "argv", ["submit", "--data", str(tmp_path), "--output", str(output)])
    submit.main()
    with zipfile.ZipFile(output) as archive:
        assert archive.namelist() == [f"Trimap{n}/{name}.png" for n in (1, 2, 3) for name in ("doll", "troll")]
        archive.extractall(tmp_path / "back")
    matte = propmat.io.read_matte(tmp_path / "back" / "Trimap3" / "doll.png")
    expected = propmat.closed_form(propmat.io.read_image(tmp_path / "test" / "image" / "doll.png"), scene.trimap)
    np.testing.assert_array_equal(matte, np.rint(255 * expected))
    assert [path.name for path in output.parent.iterdir()] == ["closed_form.zip"]


# Records and photographs


def test_recorded_releases_can_be_read():
    for path in (ROOT / "benchmarks" / "results").glob("*.jsonl"):
        found = records.read(path)
        assert {result["versions"]["propmat"] for result in found} == {path.stem}
        assert len({records.key(result) for result in found}) == len(found)
        assert "/" not in json.dumps([result["machine"] for result in found])


@pytest.mark.skipif(not find_spec("pymatting"), reason="needs pymatting, the extra bench")
def test_closed_form_has_the_errors_of_pymatting(photographs, tmp_path):
    data = ["--data", str(photographs / "alphamatting"), "--trimaps", "1"]
    finished(tmp_path, *data, "--images", "GT05", "--methods", "closed_form", "pymatting.closed_form")
    found = {records.key(result): result for result in records.read(tmp_path / "results.jsonl")}
    ours, theirs = (found["GT05", 1, name] for name in ("closed_form", "pymatting.closed_form"))
    for metric in ("sad", "mse"):
        assert ours[metric] == pytest.approx(theirs[metric], rel=1e-4)
