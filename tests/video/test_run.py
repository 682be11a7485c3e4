"""`propmat video`: from a clip and key trimaps to files."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import propmat
import propmat.video
from propmat.cli import main
from propmat.cli._video import told
from propmat.errors import InputError
from propmat.video._flow import motions
from propmat.video._run import Options, posed
from propmat.video._steadiness import FrameByFrame
from tests.video.scenes import contents, write

pytest.importorskip("cv2")
pytest.importorskip("av")


def video(*arguments):
    return main(["video", *arguments])


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


@pytest.mark.parametrize(
    ("depth", "asked", "enough"), [(8, None, 1e-3), (16, None, None), (16, 8, 1e-3), (8, 16, None)]
)
def test_mattes_are_as_accurate_as_the_bits_of_the_output(shot, depth, asked, enough):
    write(Path("deep"), [sample.image for sample in shot], first=101, depth=depth)
    solver = posed("deep", "keys", "out", Options(depth=asked)).how.alone.solver
    assert getattr(solver, "tolerance", None) == enough


def test_settings_may_be_numbers_of_numpy(shot):
    for epsilon, radius, done in ((np.float32(0.5), np.int64(1), 6), (0.5, 1, 0)):
        report = propmat.video.run("shot", "keys", "out", settings={"epsilon": epsilon, "radius": radius})
        assert report.done == done


def test_a_movie_from_a_movie(shot):
    propmat.video.run("shot", "keys", "one.mkv")
    os.makedirs("numbers", exist_ok=True)
    for number, key in ((1, 101), (6, 106)):
        os.link(f"keys/{key:04d}.png", f"numbers/{number}.png")
    report = propmat.video.run("one.mkv", "numbers", "two", what="alpha")
    assert report.done == 6
    assert sorted(contents("two"))[0] == "one.000001.png"


@pytest.mark.parametrize("steady", ["none", "prior", "joint"])
def test_the_flow_between_two_frames_is_computed_once(shot, steady, monkeypatch):
    """From keys on both sides, and for the mattes."""
    computed = []

    def counted(*frames):
        computed.append(frames)
        return motions(*frames)

    for module in ("_flows", "_steadiness"):
        monkeypatch.setattr(f"propmat.video.{module}.motions", counted)
    propmat.video.run("shot", "keys", "out", what="alpha", steady=steady)
    assert len(computed) == 5
    assert not list(Path("out").rglob("flow*"))


@pytest.mark.parametrize("steady", ["prior", "joint"])
def test_grey_frames_among_coloured_ones(shot, steady):
    """As programs write them that choose the kind of each PNG file by its content."""
    for number in (101, 104):
        propmat.io.write_image(f"shot/{number:04d}.png", shot[number - 101].image.mean(axis=2))
    propmat.video.run("shot", "keys", "out", what="cutout", steady=steady)
    for number in (101, 103, 104):
        matte = propmat.io.read(f"out/{number:04d}.png").alpha / 255
        assert np.abs(matte - shot[number - 101].alpha).mean() < 0.1


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
