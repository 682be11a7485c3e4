"""`propmat batch`: the same pictures as one by one, whatever fails or dies in between."""

import io as std_io
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import propmat.jobs
from propmat import io
from propmat.cli._main import main
from propmat.errors import InputError
from propmat.jobs._batch import batch
from propmat.jobs._options import Options
from propmat.jobs._records import parsed
from propmat.jobs._state import State
from propmat.jobs._work_list import state_of
from tests.jobs.watching import children, wait_for, watching

BATCH = ["batch", "photos/*.png", "--trimaps", "trimaps/{name}.png", "-o", "mattes/{name}.png", "--jobs", "2"]


def write_pictures(folder, count, shape):
    """Photographs, trimaps and masks of a few scenes, in turn."""
    for kind in ("photos", "trimaps", "masks"):
        (folder / kind).mkdir()
    scenes = [propmat.datasets.synthetic(seed, shape) for seed in range(min(count, 6))]
    for k in range(count):
        scene = scenes[k % len(scenes)]
        io.write_image(folder / "photos" / f"p{k:03d}.png", np.clip(scene.image + 0.0005 * k, 0, 1))
        io.write_image(folder / "trimaps" / f"p{k:03d}.png", scene.trimap)
        io.write_image(folder / "masks" / f"p{k:03d}.png", scene.alpha > 0.5)


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, 4, (48, 64))
    return tmp_path


def ends(output):
    folder = State(state_of(output)).folder.within("records")
    groups = [folder.within(name) for name in folder.names()]
    found = [record for group in groups for name in group.names() for record in parsed(group.lines(name))]
    return [record for record in found if record.is_end]


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(Path(folder).rglob("*.png"))}


SINGLE = {
    "alpha": (["alpha", "photos/{}.png", "trimaps/{}.png"], ["--trimaps", "trimaps/{name}.png"]),
    "cutout": (
        ["cutout", "photos/{}.png", "--mask", "masks/{}.png"],
        ["--masks", "masks/{name}.png", "--what", "cutout"],
    ),
    "foreground": (
        ["foreground", "photos/{}.png", "trimaps/{}.png"],
        ["--alphas", "trimaps/{name}.png", "--what", "foreground"],
    ),
    "over": (
        ["cutout", "photos/{}.png", "trimaps/{}.png", "--background", "photos/p001.png", "--method", "knn"],
        ["--trimaps", "trimaps/{name}.png", "--what", "cutout", "--background", "photos/p001.png", "--method", "knn"],
    ),
}


@pytest.mark.parametrize(("wrong", "what"), [("alphas", "alpha"), ("alphas", "cutout"), ("masks", "foreground")])
def test_patterns_that_do_not_go_with_what_is_made_are_refused(pictures, wrong, what):
    right = "alphas" if what == "foreground" else "trimaps"
    patterns = {right: "trimaps/{name}.png", wrong: "masks/{name}.png"}
    with pytest.raises(InputError, match=f"{wrong}: does not go with {what}"):
        propmat.jobs.run("photos/*.png", "made/{name}.png", what=what, **patterns)
    assert not Path("made").exists()


@pytest.mark.parametrize("what", SINGLE)
def test_pictures_are_those_of_the_commands_for_one(pictures, capsys, what):
    single, many = SINGLE[what]
    Path("one").mkdir()
    for k in range(2):
        name = f"p{k:03d}"
        assert main([*(part.format(name) for part in single), "-o", f"one/{name}.png"]) == 0
    assert main(["batch", "photos/p00[01].png", *many, "-o", "many/{name}.png", "--jobs", "1"]) == 0
    assert "done         2 of 2, 2 of them now" in capsys.readouterr().out
    assert {name: np.asarray(Image.open(std_io.BytesIO(data))).tolist() for name, data in contents("many").items()} == {
        name: np.asarray(Image.open(std_io.BytesIO(data))).tolist() for name, data in contents("one").items()
    }


def test_what_fails_is_recorded_and_the_rest_done(pictures, capsys):
    """An unreadable picture, one without a trimap, one that vanishes, and one that no memory holds."""
    Path("photos/p001.png").write_bytes(b"no picture")
    Path("trimaps/p002.png").unlink()
    Image.new("L", (13000, 13000)).save("photos/vast.png")
    Image.new("L", (13000, 13000)).save("trimaps/vast.png")
    Path("photos/gone.png").symlink_to("nowhere.png")
    assert main([*BATCH, "--method", "knn", "--memory", "64M"]) == 3
    told = capsys.readouterr()
    assert "done         2 of 6, 2 of them now" in told.out
    found = {record.name: record for record in ends("mattes/{name}.png")}
    assert {name: record.status for name, record in found.items()} == {
        "p000": "done", "p001": "failed", "p002": "failed", "p003": "done", "vast": "failed", "gone": "failed",
    }  # fmt: skip
    assert "cannot be read" in found["p001"].facts["message"]
    assert "No such file" in found["p002"].facts["message"]
    assert found["vast"].facts["error"] == "MemoryError"
    facts = found["p000"].facts
    assert facts["size"] == [64, 48]
    assert 0 < facts["unknown"] < 1
    assert facts["iterations"] > 0
    assert facts["converged"]
    assert facts["residual"] > 0
    assert 0 < facts["error_of_alpha"] <= 1e-3
    assert main([*BATCH, "--method", "knn"]) == 3
    assert "0 of them now" in capsys.readouterr().out
    assert main(["batch", "status", "mattes", "--html", "page.html"]) == 0
    told = capsys.readouterr().out
    assert "done         2 of 6" in told
    assert "failed       4, and 0 at which the process died" in told
    HTMLParser().feed(Path("page.html").read_text())
    assert "p001" in Path("page.html").read_text()
    io.write_image("photos/p001.png", propmat.datasets.synthetic(1, (48, 64)).image)
    assert main([*BATCH, "--method", "knn"]) == 3
    told = capsys.readouterr().out
    assert "done         3 of 6, 1 of them now" in told
    assert "changed      1 had other files or settings before" in told
    Path("photos/vast.png").unlink()
    Path("photos/gone.png").unlink()
    assert main([*BATCH, "--method", "knn", "--retry"]) == 3
    assert "done         3 of 4, 0 of them now" in capsys.readouterr().out


def test_changed_inputs_are_done_again(pictures, capsys):
    assert main(BATCH) == 0
    before = contents("mattes")
    scene = propmat.datasets.synthetic(5, (48, 64))
    io.write_image("photos/p001.png", scene.image)
    io.write_image("trimaps/p002.png", scene.trimap)
    capsys.readouterr()
    assert main(BATCH) == 0
    told = capsys.readouterr().out
    assert "done         4 of 4, 2 of them now" in told
    assert "changed      2 had other files or settings before" in told
    after = contents("mattes")
    assert [name for name in before if before[name] != after[name]] == ["p001.png", "p002.png"]


def test_another_configuration_is_refused(pictures, capsys):
    assert main(BATCH) == 0
    before = contents("mattes")
    capsys.readouterr()
    assert main([*BATCH, "--method", "knn"]) == 1
    assert 'results of another configuration (method "closed_form", not "knn"); name another' in capsys.readouterr().err
    assert contents("mattes") == before


USAGE = [
    (
        ["batch", "photos", "-o", "out/{name}.png"],
        "images: p000 takes one of trimap and mask, as a pattern or a column; got 0",
    ),
    ([*BATCH[:-2], "--jobs", "0"], "jobs: takes a whole number >= 1"),
    ([*BATCH, "--memory", "lots"], "memory: takes a number of bytes such as 8G, got 'lots'"),
    ([*BATCH, "--rank", "2", "--ranks", "2"], "rank: takes a number below that of ranks, which is 2, got 2"),
    ([*BATCH, "--method", "knn", "--radius", "2"], "radius: the method knn has no such setting"),
    ([*BATCH, "--seed", "3"], "seed: the method closed_form has no such setting"),
    ([*BATCH, "--method", "diffmatte", "--steps", "0"], "steps: takes a whole number >= 1, got 0"),
    ([*BATCH[:-4], "--depth", "16", "-o", "out/{name}.jpg"], "JPEG holds no 16 bits"),
    ([*BATCH[:-4], "--what", "cutout", "-o", "out/{name}.jpg"], "JPEG holds no transparency"),
    ([*BATCH[:-4], "-o", "out/{name}.gif"], "no format has suffix '.gif'"),
    ([*BATCH[:-4], "-o", "photos/{name}.png"], "is also an input, and would be lost"),
    ([*BATCH, "--what", "cutout", "--background", "nocolour"], "nocolour"),
    (["batch", "photos/p000.png", "photos/p001.png", *BATCH[2:]], "images: takes one pattern, in quotes"),
    (["batch", "status", "photos"], "output: there are no records of a job in photos"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_mistakes_are_refused_before_any_work(pictures, capsys, arguments, message):
    assert main(arguments) == 1
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert message in told[0]
    assert not Path("mattes").exists() or not contents("mattes")


def test_the_file_system_may_be_full(pictures, capsys):
    """Outputs that find no space are failures; when there is space again they are made."""
    Path("mattes").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", "mattes"], capture_output=True)
    if mounted.returncode:
        pytest.skip("only root may mount a file system")
    try:
        Path("mattes/ballast").write_bytes(bytes(8192))
        assert main([*BATCH, "--depth", "16"]) in (1, 3)
        made = {path.name for path in Path("mattes").glob("*.png")}
        assert len(made) < 4
        for name in made:
            Image.open(Path("mattes") / name).load()
        subprocess.run(["mount", "-o", "remount,size=10M", "mattes"], check=True)
        assert main([*BATCH, "--depth", "16", "--retry"]) == 0
        assert len(contents("mattes")) == 4
    finally:
        subprocess.run(["umount", "mattes"], check=True)


def test_an_interrupt_ends_all_and_the_command_goes_on(pictures):
    many = ["batch", "photos/*.png", "--trimaps", "trimaps/{name}.png", "-o", "mattes/{name}.png", "--jobs", "2"]
    for k in range(4, 60):
        os.link("photos/p000.png", f"photos/p{k:03d}.png")
        os.link("trimaps/p000.png", f"trimaps/p{k:03d}.png")
    command = [sys.executable, "-m", "propmat", *many]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
    wait_for(lambda: len(list(Path("mattes").glob("*.png"))) > 3, process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted; the same command goes on from here" in out
    assert "Traceback" not in err
    assert main(many) == 0
    assert len(contents("mattes")) == 60


@pytest.mark.slow
def test_ten_kills_lose_nothing(tmp_path, monkeypatch):
    """Of single processes, and of the whole pool; a watcher never sees a part of a file."""
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path, 300, (150, 200))
    assert main([*BATCH[:-4], "-o", "calm/{name}.png", "--jobs", "2"]) == 0
    draw, kills = random.Random(3), 0
    with watching(Path("mattes")) as seen:
        for goal in sorted(draw.sample(range(10, 270), 10)):
            process = subprocess.Popen([sys.executable, "-m", "propmat", *BATCH], start_new_session=True)
            wait_for(lambda goal=goal: len(list(Path("mattes").glob("*.png"))) >= goal, process)
            if draw.random() < 0.5:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                wait_for(lambda process=process: children(process.pid), process)
                victim = draw.choice(children(process.pid))
                os.kill(victim, signal.SIGKILL)
                time.sleep(draw.random())
                process.kill()
            kills += 1
            process.wait()
        assert main(BATCH) == 0
    assert kills == 10
    assert not seen.damaged
    assert seen.files > 200
    assert contents("mattes") == contents("calm")
    done = Counter(record.name for record in ends("mattes/{name}.png") if record.status == "done")
    # Of what is at work when all are killed the file may be there, and its record not.
    assert sum(done.values()) <= 300 + 2 * kills


def test_paths_of_python(pictures):
    job = batch(Path("photos"), Path("many") / "{name}.png", "alpha", Options(), trimaps=Path("trimaps/{name}.png"))
    assert job.items[0].image == "photos/p000.png"
    with pytest.raises(InputError, match="output: takes a path or a pattern, got None"):
        batch("photos", None, "alpha", Options(), trimaps="trimaps/{name}.png")


def test_lists_of_python(pictures):
    rows = [{"image": f"photos/p{k:03d}.png", "mask": f"masks/p{k:03d}.png", "width": "3"} for k in range(2)]
    told = []
    summary = propmat.jobs.run(
        rows, "out/{name}.webp", what="cutout", jobs=1, progress=lambda now: told.append(now.done)
    )
    assert summary.complete
    assert told == [0, 1, 2]
    (status,) = propmat.jobs.status("out")
    assert (status.done, status.items, status.configuration["what"]) == (2, 2, "cutout")
    with pytest.raises(InputError, match="cluster: goes without client"):
        propmat.jobs.run(rows, "out/{name}.webp", cluster="local", client=object())


def test_steps_and_seed_of_a_network(pictures, capsys):
    """Of all pictures, or of a line of a manifest; as of a single one."""
    pytest.importorskip("torch")
    table = "image,trimap,name,method,steps\nphotos/p000.png,trimaps/p000.png,x,diffmatte,2\n"
    (pictures / "many.csv").write_text(table)
    of_network = ["--method", "diffmatte", "--seed", "3"]
    assert main(["batch", "many.csv", "-o", "many/{name}.png", "--jobs", "1", *of_network]) == 0
    assert main(["alpha", "photos/p000.png", "trimaps/p000.png", "-o", "one.png", "--steps", "2", *of_network]) == 0
    np.testing.assert_array_equal(io.read_matte("many/x.png"), io.read_matte("one.png"))
    (pictures / "many.csv").write_text(table.replace(",2", ",0"))
    assert main(["batch", "many.csv", "-o", "other/{name}.png", "--jobs", "1", *of_network]) == 1
    assert "steps: takes a whole number >= 1, got 0" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["AlphaGAN", "DCNN", "DeepMattePropNet", "DiffMatte"])
def test_networks_take_the_memory_of_their_mattes(kind):
    """The mattes that the shipped weights merge are solved within the same item."""
    networks = pytest.importorskip("propmat.networks")
    from propmat.jobs._pictures import BYTES_PER_PIXEL
    from propmat.networks._weights import shipped

    network, _ = networks.load_weights(shipped(getattr(networks, kind).name), getattr(networks, kind))
    assert network.mattes
    assert BYTES_PER_PIXEL[network.name] >= max(BYTES_PER_PIXEL[name] for name in network.mattes)
