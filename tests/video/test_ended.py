"""Runs that were ended, by whatever: the same command goes on with the same results."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import propmat
import propmat.video
from propmat.cli import main
from tests.jobs.watching import wait_for
from tests.video.scenes import contents, scene, write

pytest.importorskip("cv2")
pytest.importorskip("av")
ROOT = Path(__file__).resolve().parents[2]


def video(*arguments):
    return main(["video", *arguments])


class Stopped(Exception):
    pass


@pytest.mark.parametrize("steady", ["none", "prior", "joint"])
@pytest.mark.parametrize("after", [1, 3])
def test_interrupted_it_goes_on_the_same(shot, steady, after, monkeypatch):
    propmat.video.run("shot", "keys", "whole", steady=steady, what="alpha")

    def stop(progress):
        if progress.stage == "mattes" and progress.done == after:
            raise Stopped

    with pytest.raises(Stopped):
        propmat.video.run("shot", "keys", "parts", steady=steady, what="alpha", progress=stop)
    assert len(contents("parts")) == after
    report = propmat.video.run("shot", "keys", "parts", steady=steady, what="alpha")
    assert report.done == 6 - after
    assert contents("parts") == contents("whole")


def test_trimaps_go_on_from_the_last_key(shot):
    write(Path("keys"), [shot[2].trimap], first=103)

    def stop(progress):
        if progress.stage == "trimaps" and progress.done == 4:
            raise Stopped

    propmat.video.run("shot", "keys", "whole", what="alpha")
    with pytest.raises(Stopped):
        propmat.video.run("shot", "keys", "parts", what="alpha", progress=stop)
    seen = []
    propmat.video.run("shot", "keys", "parts", what="alpha", progress=seen.append)
    assert [progress.done for progress in seen if progress.stage == "trimaps"] == [3, 4, 5, 6]
    assert contents("parts") == contents("whole")


def test_an_output_that_is_gone_is_made_again(shot):
    propmat.video.run("shot", "keys", "out", what="alpha")
    before = contents("out")
    os.remove("out/0102.png")
    propmat.video.run("shot", "keys", "out", what="alpha")
    assert contents("out") == before


def test_a_file_that_was_there_is_replaced(shot):
    Path("out.mkv").write_bytes(b"of another program")
    propmat.video.run("shot", "keys", "out.mkv")
    written = Path("out.mkv").read_bytes()
    assert len(written) > 1000
    propmat.video.run("shot", "keys", "out.mkv")
    assert Path("out.mkv").read_bytes() == written


def test_killed_while_its_mattes_are_removed_a_movie_is_finished(shot, monkeypatch):
    unlink = Path.unlink

    def stop(path, **options):
        if path.name == "000102.png":
            raise Stopped
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", stop)
    with pytest.raises(Stopped):
        propmat.video.run("shot", "keys", "out.mkv")
    monkeypatch.setattr(Path, "unlink", unlink)
    written = Path("out.mkv").read_bytes()
    assert propmat.video.run("shot", "keys", "out.mkv").done == 0
    assert Path("out.mkv").read_bytes() == written
    assert not list(Path(".propmat").rglob("mattes/*"))


@pytest.mark.slow
def test_killed_it_goes_on_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    samples = scene(6, shape=(240, 320))
    write(tmp_path / "shot", [sample.image for sample in samples], first=101)
    write(tmp_path / "keys", [samples[0].trimap], first=101)
    command = [sys.executable, "-m", "propmat", "video", "shot", "--trimaps", "keys", "-o"]
    process = subprocess.Popen(
        [*command, "killed"], env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
    )
    wait_for(lambda: Path("killed/0101.png").exists(), process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < len(contents("killed")) < 6
    assert video("shot", "--trimaps", "keys", "-o", "killed") == 0
    assert video("shot", "--trimaps", "keys", "-o", "whole") == 0
    assert contents("killed") == contents("whole")
