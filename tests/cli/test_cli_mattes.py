"""The command line: a small matte, upsampled to the size of a photograph."""

import io as streams
import sys

import numpy as np
import pytest
from PIL import Image

import propmat
from propmat import io
from propmat.cli import main

SHAPE = (96, 132)

pytestmark = pytest.mark.usefixtures("no_compiling")


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=4, shape=SHAPE)


@pytest.fixture
def files(files, sample):
    """With small.png, of a quarter of the size."""
    io.write_image("small.png", sample.alpha.reshape(24, 4, 33, 4).mean(axis=(1, 3)))
    return files


def one_line(capsys, *words):
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1, told.err
    assert told.err.startswith("propmat: error: ")
    for word in words:
        assert word in told.err


def expected(**settings):
    return propmat.upsample(io.read_image("image.png"), io.read_matte("small.png"), **settings)


def test_alpha_and_cutout(files):
    assert main(["alpha", "image.png", "--matte", "small.png", "-o", "alpha.png", "--depth", "16"]) == 0
    np.testing.assert_allclose(io.read_matte("alpha.png") / 65535, expected(), atol=1e-5)
    assert main(["cutout", "image.png", "--matte", "small.png", "-o", "cut.png"]) == 0
    np.testing.assert_allclose(io.read("cut.png").alpha / 255, expected(), atol=0.501 / 255)


def test_settings_and_a_trimap(files):
    given = ["alpha", "image.png", "trimap.png", "--matte", "small.png", "--epsilon", "1e-4", "--depth", "16"]
    assert main([*given, "-o", "alpha.png"]) == 0
    alpha = expected(epsilon=1e-4, trimap=io.read_matte("trimap.png"))
    np.testing.assert_allclose(io.read_matte("alpha.png") / 65535, alpha, atol=1e-5)


def test_info(files, capsys):
    assert main(["alpha", "image.png", "--matte", "small.png", "-o", "alpha.png", "--info"]) == 0
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == [
        "size",
        "iterations",
        "residual",
        "error",
        "seconds",
    ]
    assert told.err == ""


def test_a_cutout_is_a_matte(files, capsys):
    """Of a background remover, at a smaller size."""
    small = Image.open("small.png")
    Image.merge("RGBA", [small, small, small, small]).save("small cut.png")
    assert main(["alpha", "image.png", "--matte", "small cut.png", "-o", "one.png"]) == 0
    assert "alpha channel" in capsys.readouterr().err
    assert main(["alpha", "image.png", "--matte", "small.png", "-o", "two.png"]) == 0
    np.testing.assert_array_equal(io.read_matte("one.png"), io.read_matte("two.png"))


def test_standard_input(files, monkeypatch):
    data = (files / "small.png").read_bytes()
    monkeypatch.setattr(sys, "stdin", streams.TextIOWrapper(streams.BytesIO(data)))
    assert main(["alpha", "image.png", "--matte", "-", "-o", "one.png"]) == 0
    assert main(["alpha", "image.png", "--matte", "small.png", "-o", "two.png"]) == 0
    assert (files / "one.png").read_bytes() == (files / "two.png").read_bytes()


@pytest.mark.parametrize("size", [(33, 24), (132, 96), (66, 48), (40, 40), (45, 33)])
def test_sizes(files, size):
    Image.open("small.png").resize(size).save("other.png")
    assert main(["alpha", "image.png", "--matte", "other.png", "-o", "out.png"]) == 0
    assert io.read_matte("out.png").shape == SHAPE


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((264, 192), ("matte: shape (192, 264) is larger than the image of (96, 132)",)),
        ((24, 33), ("has another aspect ratio", "EXIF")),
        ((50, 24), ("has another aspect ratio", "Cut off what was padded")),
    ],
)
@pytest.mark.parametrize("command", ["alpha", "cutout"])
def test_sizes_that_do_not_fit(files, capsys, command, size, words):
    Image.open("small.png").resize(size).save("other.png")
    assert main([command, "image.png", "--matte", "other.png", "-o", "out.png"]) == 1
    one_line(capsys, *words)
    assert not (files / "out.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "knn"], "method: does not go with --matte"),
        (["--radius", "2"], "radius: does not go with --matte"),
        (["--gpu"], "gpu: does not go with --matte"),
        (["--weights", "w.safetensors"], "weights: does not go with --matte"),
        (["--width", "3"], "width: goes with --mask"),
        (["--epsilon", "-1"], "epsilon: takes a finite number > 0"),
    ],
)
def test_options_that_do_not_go_with_it_are_told_before_files_are_read(files, capsys, options, message):
    assert main(["alpha", "none.png", "--matte", "none.png", *options, "-o", "out.png"]) == 1
    one_line(capsys, message)


@pytest.mark.parametrize("given", [["--mask", "mask.png"], ["trimap.png", "--mask", "mask.png"]])
def test_not_with_a_mask(files, capsys, given):
    with pytest.raises(SystemExit) as caught:
        main(["alpha", "image.png", *given, "--matte", "small.png", "-o", "out.png"])
    assert caught.value.code == 2
    assert "--matte MATTE" in capsys.readouterr().err


def test_files_that_cannot_be_used(files, capsys):
    assert main(["alpha", "image.png", "--matte", "none.png", "-o", "out.png"]) == 1
    one_line(capsys, "none.png: cannot be read")
    assert main(["alpha", "image.png", "--matte", "small.png", "-o", "small.png"]) == 1
    one_line(capsys, "output: small.png is also an input")
    assert main(["alpha", "image.png", "--matte", "image.png", "-o", "out.png"]) == 1
    one_line(capsys, "grey")
