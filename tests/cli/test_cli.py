"""The command line: files written, errors in one line, no partial files."""

import re
import subprocess
import sys
from functools import partialmethod

import numpy as np
import pytest
from tqdm import tqdm

import propmat
from propmat import io
from propmat.cli import main
from propmat.cli._progress import solving

pytestmark = pytest.mark.usefixtures("no_compiling")


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=2, shape=(60, 80))


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_demo(tmp_path, capsys):
    assert main(["demo", "--output", str(tmp_path / "a" / "b")]) == 0
    assert names(tmp_path / "a" / "b") == {"alpha.png", "cutout.png", "composite.png", "sheet.png"}
    told = capsys.readouterr()
    for word in ("560 x 600", "unknown", "iterations", "residual", "seconds"):
        assert word in told.out
    assert told.err == ""
    alpha = io.read_matte(tmp_path / "a" / "b" / "alpha.png")
    labels = propmat.Trimap.parse(propmat.datasets.fur().trimap)
    assert (alpha[labels.foreground] == 255).all()
    assert (alpha[labels.background] == 0).all()


@pytest.mark.parametrize("depth", [8, 16])
def test_alpha_is_that_of_the_verb(files, sample, capsys, depth):
    assert main(["alpha", "image.png", "trimap.png", "-o", "alpha.png", "--depth", str(depth)]) == 0
    assert capsys.readouterr().out == ""
    expected = propmat.closed_form(io.read_image("image.png"), sample.trimap)
    top = 2**depth - 1
    written = io.read_matte("alpha.png")
    assert np.iinfo(written.dtype).max == top
    np.testing.assert_allclose(written / top, expected, atol=0.5 / top + 1e-12)


def test_options_reach_the_verb(files, sample):
    assert main(["alpha", "image.png", "trimap.png", "-o", "a.tif", "--epsilon", "1e-3", "--radius", "2"]) == 0
    expected = propmat.closed_form(io.read_image("image.png"), sample.trimap, epsilon=1e-3, radius=2)
    np.testing.assert_allclose(io.read_matte("a.tif") / 255, expected, atol=0.5 / 255 + 1e-12)


def test_info_option_prints(files, capsys):
    assert main(["alpha", "image.png", "trimap.png", "-o", "alpha.png", "--info"]) == 0
    told = capsys.readouterr().out
    assert "80 x 60 pixels" in told
    assert re.search(
        r"^error +\d\.\de[-+]\d\d of alpha, estimated; iterated to 0\.001, enough for 8 bits$", told, re.MULTILINE
    )
    assert main(["alpha", "image.png", "trimap.png", "-o", "alpha.png", "--info", "--depth", "16"]) == 0
    assert re.search(r"^error +\d\.\de[-+]\d\d of alpha, estimated$", capsys.readouterr().out, re.MULTILINE)


def test_cutout_is_transparent(files, capsys):
    assert main(["cutout", "image.png", "trimap.png", "-o", "cutout.png"]) == 0
    with pytest.warns(propmat.PropmatWarning, match="transparency"):
        assert io.read_image("cutout.png").shape == (60, 80, 3)


def test_cutout_on_a_colour_and_on_a_picture(files, sample):
    assert main(["cutout", "image.png", "trimap.png", "-o", "blue.png", "--background", "#0000ff"]) == 0
    np.testing.assert_array_equal(
        io.read_image("blue.png")[sample.trimap == 0], [[0, 0, 255]] * (sample.trimap == 0).sum()
    )
    io.write_image("sky.png", np.full((30, 200), 0.5))
    assert main(["cutout", "image.png", "trimap.png", "-o", "sky.jpg", "--background", "sky.png"]) == 0
    assert io.read_image("sky.jpg").shape == (60, 80, 3)


def test_grey_image(files):
    io.write_image("grey.png", io.read_image("image.png")[:, :, 0])
    assert main(["cutout", "grey.png", "trimap.png", "-o", "cutout.png"]) == 0


def test_evaluate(files, capsys):
    assert main(["evaluate", "truth.png", "truth.png", "trimap.png"]) == 0
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert set(lines) == {"sad", "mse", "gradient", "connectivity"}
    assert all(float(score) == 0 for score in lines.values())


def test_info(capsys):
    assert main(["info"]) == 0
    told = capsys.readouterr().out
    for name in ("propmat", "numpy", "numba", "threads", "torch", "GPU"):
        assert name in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alpha", "none.png", "trimap.png"], "none.png"),
        (["alpha", "broken.png", "trimap.png"], "broken.png"),
        (["alpha", "image.png", "small.png"], r"trimap: shape (59, 80) does not fit image of shape (60, 80, 3)"),
        (["alpha", "image.png", "image.png"], "trimap must be grey"),
        (["alpha", "image.png", "unknown.png"], "has no known pixel"),
        (["alpha", "image.png", "trimap.png", "--epsilon", "-1"], "epsilon: takes a finite number > 0, got -1"),
        (["alpha", "image.png", "trimap.png", "--radius", "40"], "needs at least 81 x 81"),
        (["cutout", "image.png", "trimap.png", "--background", "blau"], "'blau' is neither a file nor a colour"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(files, capsys, arguments, message):
    (files / "broken.png").write_bytes((files / "image.png").read_bytes()[:900])
    io.write_image("small.png", io.read_matte("trimap.png")[1:])
    io.write_image("unknown.png", np.full((60, 80), 0.5))
    before = names(files)
    assert main([*arguments, "-o", "out.png"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert told.err.startswith("propmat: error: ")
    assert told.err.count("\n") == 1
    assert names(files) == before


def test_an_input_is_never_written_over(files, capsys):
    before = (files / "image.png").read_bytes()
    assert main(["alpha", "image.png", "trimap.png", "-o", "./image.png"]) == 1
    assert "is also an input" in capsys.readouterr().err
    assert (files / "image.png").read_bytes() == before


def test_unwritable_output(files, capsys):
    assert main(["alpha", "image.png", "trimap.png", "-o", "nowhere/alpha.png"]) == 1
    assert main(["alpha", "image.png", "trimap.png", "-o", "alpha.xyz"]) == 1
    (files / "file").write_text("x")
    assert main(["demo", "--output", "file/sub"]) == 1
    assert capsys.readouterr().err.count("propmat: error: ") == 3


def test_debug_shows_the_traceback(files, capsys):
    assert main(["alpha", "none.png", "trimap.png", "-o", "a.png", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_single_label_warns_in_one_line(files, capsys):
    io.write_image("dark.png", np.where(io.read_matte("trimap.png") == 255, 0, io.read_matte("trimap.png")))
    assert main(["alpha", "image.png", "dark.png", "-o", "a.png"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("propmat: warning: trimap: every known pixel is background")
    assert told.count("\n") == 1
    assert not io.read_matte("a.png").any()


@pytest.mark.parametrize(
    "arguments",
    [[], ["alhpa"], ["alpha", "image.png"], ["alpha", "a", "b", "-o", "c", "--method", "magic"]],
)
def test_wrong_usage_is_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    if "magic" in arguments:
        assert "closed_form" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["alpha", "cutout"])
def test_help_says_which_method_to_take(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    told = capsys.readouterr().out
    for words in ("closed loops of hair", "nets", "glass", "the same colours"):
        assert words in told


def run(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "propmat", *arguments], capture_output=True, timeout=300, **options)


def test_progress_on_a_terminal_and_none_in_a_pipe(files, monkeypatch, capsys):
    # A system too large to be factorised, so that there are iterations to show.
    io.write_image("image.png", propmat.datasets.synthetic(0, (240, 320)).image)
    io.write_image("trimap.png", propmat.datasets.synthetic(0, (240, 320)).trimap)
    arguments = ["alpha", "image.png", "trimap.png", "-o", "a.png"]
    assert main(arguments) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    # Drawn at every iteration, because all of them may take less than the interval of 0.1 s between two updates.
    monkeypatch.setattr(tqdm, "__init__", partialmethod(tqdm.__init__, mininterval=0, miniters=0))
    assert main(arguments) == 0
    assert "iteration" in capsys.readouterr().err


def test_no_progress_before_the_first_iteration(monkeypatch, capsys):
    """Progress is that of the iterations; work before them, such as compiling kernels, is not included."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with solving() as show:
        assert capsys.readouterr().err == ""
        show(1, 1e-3)
        told = capsys.readouterr().err
    assert "50%" in told  # 3 digits of 6
    assert " 0%" not in told


@pytest.mark.parametrize("home", ["missing", "read-only"])
def test_a_home_that_cannot_be_written_does_not_stop_it(files, home):
    """numba then has no cache."""
    folder = "/nonexistent/home" if home == "missing" else "/proc"
    environment = {"PATH": "", "HOME": folder, "PYTHONPATH": ":".join(filter(None, sys.path))}
    environment |= {"XDG_CACHE_HOME": folder, "NUMBA_CACHE_DIR": folder}
    done = run("alpha", "image.png", "trimap.png", "-o", "a.png", env=environment)
    assert done.returncode == 0
    assert all(b"compiling" in line for line in done.stderr.splitlines())


@pytest.fixture
def masked(files, sample):
    """`files` with mask.png beside them."""
    io.write_image("mask.png", np.where(sample.alpha >= 0.5, 1.0, 0.0))
    return files


@pytest.mark.parametrize(
    ("option", "width"),
    [([], "1%"), (["--width", "3"], 3), (["--width", "5%"], "5%"), (["--width", "1,4%"], (1, "4%"))],
)
def test_trimap_is_that_of_the_function(masked, sample, capsys, option, width):
    assert main(["trimap", "mask.png", "-o", "band.png", *option]) == 0
    assert capsys.readouterr() == ("", "")
    expected = propmat.trimap_from_mask(sample.alpha >= 0.5, width=width)
    written = io.read_trimap("band.png")
    assert set(np.unique(written)) == {0, 128, 255}
    np.testing.assert_array_equal(propmat.Trimap.parse(written).labels, expected.labels)


def test_cutout_from_a_mask_is_that_from_its_trimap(masked):
    assert main(["trimap", "mask.png", "-o", "band.png", "--width", "4"]) == 0
    assert main(["cutout", "image.png", "band.png", "-o", "one.png", "--background", "red"]) == 0
    assert (
        main(["cutout", "image.png", "--mask", "mask.png", "--width", "4", "-o", "two.png", "--background", "red"]) == 0
    )
    np.testing.assert_array_equal(io.read_image("one.png"), io.read_image("two.png"))


def test_rescue_warns_in_one_line(masked, capsys):
    assert main(["trimap", "mask.png", "-o", "band.png", "--width", "30,2"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("propmat: warning: width: nothing of the mask's foreground is 30 pixels from its edge")
    assert told.count("\n") == 1


@pytest.mark.parametrize("linear", [False, True])
def test_foreground_is_that_of_the_verb(files, sample, linear):
    arguments = ["foreground", "image.png", "truth.png", "-o", "front.tif", "--background-output", "behind.tif"]
    assert main(arguments + ["--linear"] * linear) == 0
    layers = propmat.foreground(io.read_image("image.png"), io.read_matte("truth.png"), linear=linear)
    for name, expected in zip(("front.tif", "behind.tif"), layers, strict=True):
        np.testing.assert_allclose(io.read_image(name) / 255, np.clip(expected, 0, 1), atol=0.5 / 255 + 1e-12)


def test_foreground_of_grey_and_of_16_bits(files):
    io.write_image("grey.png", io.read_image("image.png")[:, :, 0], depth=16)
    assert main(["foreground", "grey.png", "truth.png", "-o", "front.png", "--depth", "16"]) == 0
    assert io.read_image("front.png").dtype == np.uint16
    assert io.read_image("front.png").shape == (60, 80)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trimap", "none.png", "-o", "out.png"], "none.png"),
        (["trimap", "dark.png", "-o", "out.png"], "mask: has no foreground"),
        (["trimap", "mask.png", "-o", "out.png", "--width", "-3"], "width: takes pixels >= 0"),
        (["trimap", "mask.png", "-o", "out.png", "--width", "a,b"], "got 'a'"),
        (["trimap", "mask.png", "-o", "./mask.png"], "is also an input"),
        (["cutout", "image.png", "--mask", "small.png", "-o", "out.png"], "mask: shape (59, 80) does not fit"),
        (["cutout", "image.png", "--mask", "mask.png", "-o", "mask.png"], "is also an input"),
        (["cutout", "image.png", "trimap.png", "--width", "3", "-o", "out.png"], "width: goes with --mask"),
        (["foreground", "image.png", "small.png", "-o", "out.png"], "alpha: shape (59, 80) does not fit"),
        (["foreground", "image.png", "truth.png", "-o", "truth.png"], "is also an input"),
        (
            ["foreground", "image.png", "truth.png", "-o", "out.png", "--background-output", "image.png"],
            "image.png is also an input",
        ),
        (["foreground", "image.png", "truth.png", "-o", "out.png", "--background-output", "out.png"], "is named twice"),
        (["foreground", "image.png", "truth.png", "-o", "out.png", "--background-output", "b.xyz"], "'.xyz'"),
    ],
)
def test_mistakes_with_masks_and_mattes(masked, capsys, arguments, message):
    io.write_image("small.png", io.read_matte("mask.png")[1:])
    io.write_image("dark.png", np.zeros((60, 80)))
    before = {path.name: path.read_bytes() for path in masked.iterdir()}
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert told.err.startswith("propmat: error: ")
    assert told.err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in masked.iterdir()} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["trimap", "mask.png"],
        ["cutout", "image.png", "-o", "out.png", "--method", "knn"],
        ["cutout", "image.png", "trimap.png", "--mask", "mask.png", "-o", "out.png"],
        ["foreground", "image.png", "-o", "out.png"],
    ],
)
def test_wrong_usage_of_masks_and_mattes_is_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


def test_info_tells_what_is_odd(files, capsys):
    values = io.read_matte("trimap.png").copy()
    values[2, 2] = 128
    io.write_image("odd.png", values)
    assert main(["alpha", "image.png", "odd.png", "-o", "alpha.png", "--info"]) == 0
    assert "odd          1 unknown island of 1 pixel in all with only background around" in capsys.readouterr().out
