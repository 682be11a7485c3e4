"""Every example runs at a small size, gives the result that it claims, and draws its picture."""

import runpy
import sys
from pathlib import Path

import pytest

from examples import jax_gradient, learn_affinities, optimise_image, with_rembg
from propmat.io import read_image

EXAMPLES = sorted(Path(jax_gradient.__file__).parent.glob("[!_]*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_say_what_they_do(example, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(example), "--help"])
    with pytest.raises(SystemExit, match="^0$"):
        runpy.run_path(str(example), run_name="__main__")
    assert example.stem in capsys.readouterr().out


def drawn(path):
    return read_image(path).std() > 0


def test_optimise_image(tmp_path):
    before, after = optimise_image.main(tmp_path / "picture.png", shape=(48, 64), steps=10)
    assert after < before
    assert drawn(tmp_path / "picture.png")


def test_jax_gradient(tmp_path):
    before, after = jax_gradient.main(tmp_path / "picture.png", shape=(32, 40), steps=5)
    assert after < before
    assert drawn(tmp_path / "picture.png")


def test_learn_affinities(tmp_path):
    errors = learn_affinities.main(tmp_path / "picture.png", shape=(32, 40), scenes_seen=4, steps=3)
    assert all(0 < error < 1 for error in errors)
    assert drawn(tmp_path / "picture.png")


def test_with_rembg(tmp_path):
    mixed = with_rembg.main(tmp_path, *with_rembg.flower(shape=(120, 160)))
    assert all(0 < share < 1 for share in mixed.values())
    assert all((tmp_path / f"{mode}.png").is_file() for mode in with_rembg.MODES)
    assert drawn(tmp_path / "with_rembg.png")


@pytest.mark.slow
def test_learned_affinities_beat_colours(tmp_path):
    learned, from_colours = learn_affinities.main(tmp_path / "picture.png", shape=(32, 48), scenes_seen=8, steps=40)
    assert learned < from_colours
