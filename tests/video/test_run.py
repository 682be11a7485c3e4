"""`propmat video`: from a clip and key trimaps to files; killed, it goes on with the same results."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import propmat
import propmat.video
from propmat.cli import main
from propmat.cli._video import told
from propmat.errors import InputError
from propmat.video._steadiness import FrameByFrame
from tests.jobs.watching import wait_for
from tests.video.scenes import scene, write

pytest.importorskip("cv2")
pytest.importorskip("av")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shot(tmp_path, monkeypatch):
    """A folder with frames 101 to 106 in shot, and trimaps of the first and the last in keys; the current directory."""
    monkeypatch.chdir(tmp_path)
    samples = scene(6)
    write(tmp_path / "shot", [sample.image for sample in samples], first=101)
    for number in (101, 106):
        write(tmp_path / "keys", [samples[number - 101].trimap], first=number)
    return samples


def video(*arguments):
    return main(["video", *arguments])


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.*")) if path.is_file()}


def test_mattes_of_all_frames(shot, capsys):
    assert video("shot", "--trimaps", "keys", "-o", "mattes", "--what", "alpha") == 0
    assert "frames       6, 6 of them now" in capsys.readouterr().out
    for number, sample in enumerate(shot, 101):
        matte = propmat.io.read_matte(f"mattes/{number:04d}.png")
        assert matte.dtype == np.uint8
        assert np.abs(matte / 255 - sample.alpha).mean() < 0.1


def test_a_second_run_does_nothing(shot, capsys):
    command = ["shot", "--trimaps", "keys", "-o", "cutouts/c.%03d.tif", "--depth", "16", "--steady", "none"]
    assert video(*command) == 0
    before = contents("cutouts")
    assert len(before) == 6
    assert video(*command) == 0
    assert "frames       6, 0 of them now" in capsys.readouterr().out
    assert contents("cutouts") == before
    picture = propmat.io.read("cutouts/c.103.tif")
    assert picture.depth == 16
    assert np.abs(picture.alpha / 65535 - shot[2].alpha).mean() < 0.1


def test_results_of_other_settings_are_not_mixed(shot, capsys):
    assert video("shot", "--trimaps", "keys", "-o", "out", "--steady", "none") == 0
    assert video("shot", "--trimaps", "keys", "-o", "out", "--steady", "prior") == 1
    assert "output: has results of another run (steady differ" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_movies(shot, suffix):
    report = propmat.video.run("shot/%04d.png", "keys", f"out{suffix}", frames=(101, 104))
    assert report.frames == report.done == 4
    codec = propmat.video._codecs.CODECS[suffix]
    alphas = list(propmat.video._codecs.alphas_in(f"out{suffix}", codec))
    assert len(alphas) == 4
    assert np.abs(alphas[2] - shot[2].alpha).mean() < 0.1
    assert not list(Path(".propmat").rglob("mattes/*"))


def test_a_movie_from_a_movie(shot):
    propmat.video.run("shot", "keys", "one.mkv")
    os.makedirs("numbers", exist_ok=True)
    for number, key in ((1, 101), (6, 106)):
        os.link(f"keys/{key:04d}.png", f"numbers/{number}.png")
    report = propmat.video.run("one.mkv", "numbers", "two", what="alpha")
    assert report.done == 6
    assert sorted(contents("two"))[0] == "one.000001.png"


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


@pytest.mark.parametrize("steady", ["prior", "joint"])
def test_grey_frames_among_coloured_ones(shot, steady):
    """As programs write them that choose the kind of each PNG file by its content."""
    for number in (101, 104):
        propmat.io.write_image(f"shot/{number:04d}.png", shot[number - 101].image.mean(axis=2))
    propmat.video.run("shot", "keys", "out", what="cutout", steady=steady)
    for number in (101, 103, 104):
        matte = propmat.io.read(f"out/{number:04d}.png").alpha / 255
        assert np.abs(matte - shot[number - 101].alpha).mean() < 0.1


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


def test_several_clips(shot, capsys):
    os.rename("shot", "one")
    os.makedirs("keys/one")
    os.makedirs("keys/two")
    for name in ("0101.png", "0106.png"):
        os.rename(f"keys/{name}", f"keys/one/{name}")
        os.link(f"keys/one/{name}", f"keys/two/{name}")
    write(Path("two"), [sample.image for sample in shot], first=101)
    command = ["one", "two", "--trimaps", "keys/{name}", "-o", "out/{name}.mkv", "--jobs", "1"]
    assert video(*command) == 0
    assert "done         2 of 2 clips, 2 of them now" in capsys.readouterr().out
    assert sorted(contents("out")) == ["one.mkv", "two.mkv"]
    assert video(*command) == 0
    assert "done         2 of 2 clips, 0 of them now" in capsys.readouterr().out
    assert video("one", "two", "--trimaps", "keys/{name}", "-o", "out.mkv") == 1
    assert "output: of 2 clips takes a path with {name} in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trimaps", "nothing"], "trimaps: nothing is not there"),
        (["--frames", "101"], "frames: takes the first and the last number, such as 101-180"),
        (["--frames", "99-103"], "frames: 99-103 are not all there: shot has frames 101 to 106"),
        (["--frames", "102-104"], "trimaps: none is of a frame from 102 to 104"),
        (["-o", "out.mp4"], "movies of .mp4 hold no alpha here"),
        (["-o", "shot"], "is also an input"),
        (["-o", "cut.png"], "cut.png is one picture; takes a folder, a pattern like cut.%04d.png, or a movie"),
        (["-o", ""], "output: takes a path, got ''"),
        (["--trimaps", ""], "trimaps: takes a path, got ''"),
        (["-o", "shot/cut.%04d.png"], "would be among the pictures of"),
        (["-o", "keys/cut.%04d.tif"], "would be among the pictures of"),
        (["--method", "random_walk", "--steady", "joint"], "random_walk has no Laplacian of several frames"),
        (["--preset", "rgb"], "preset: the method closed_form has no such setting"),
        (["--epsilon", "-1"], "epsilon: takes a finite number > 0, got -1"),
        (["--radius", "24"], "is 48 x 49 pixels (height x width), smaller than one window"),
    ],
)
def test_what_is_wrong_is_named_before_any_work(shot, options, message, capsys, monkeypatch):
    monkeypatch.setattr(FrameByFrame, "__call__", None)
    before = sorted(str(path) for path in Path().rglob("*"))
    assert video("shot", "--trimaps", "keys", "-o", "out", *options) == 1
    assert message in capsys.readouterr().err
    assert sorted(str(path) for path in Path().rglob("*")) == before


def test_keys_that_are_refused(shot):
    write(Path("keys"), [shot[0].trimap], first=200)
    with pytest.raises(InputError, match="0200.png is of frame 200, and shot has frames 101 to 106"):
        propmat.video.run("shot", "keys", "out")
    os.remove("keys/0200.png")
    write(Path("keys"), [shot[0].trimap[:40]], first=103)
    with pytest.raises(InputError, match="0103.png is 64 x 40 pixels, other frames are 64 x 48"):
        propmat.video.run("shot", "keys", "out")
    os.remove("keys/0103.png")
    write(Path("keys"), [np.full((48, 64), 0.5)], first=104)
    with pytest.raises(InputError, match="0104.png has no known pixel"):
        propmat.video.run("shot", "keys", "out")
    with pytest.raises(InputError, match="depth: takes 8 or 16, got 12"):
        propmat.video.run("shot", "keys/0101.png", "out", depth=12)
    with pytest.raises(InputError, match="clip: takes a path, got 3"):
        propmat.video.run(3, "keys", "out")
    with pytest.raises(InputError, match="settings: takes a mapping of names to values, got 3"):
        propmat.video.run("shot", "keys", "out", settings=3)
    with pytest.raises(InputError, match=r"progress: takes a function of \(Progress\), got 3"):
        propmat.video.run("shot", "keys", "out", progress=3)


def test_the_next_key_is_told(shot):
    propmat.io.write_image("shot/0104.png", np.random.default_rng(0).random((48, 64, 3)))
    report = propmat.video.run("shot", "keys", "out", what="alpha")
    assert report.next_key.number == 104
    worst = report.next_key._replace(share=0.31, reason="forward and backward flow disagree")
    expected = "next key     frame 104: 31% of its band is uncertain, because forward and backward flow disagree"
    assert expected in told(replace(report, uncertain=[worst]))
