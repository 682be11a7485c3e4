"""What Late Fusion is trained on: tables of pictures, patterns, views of panoramas, cut-outs."""

import base64

import numpy as np
import pytest
from PIL import Image
from salient import foregrounds, panoramas, patterns
from salient.backgrounds import QUIET, blurred, cropped, rows_of
from salient.outlines import OUTLINES

from propmat import datasets, io


def test_pictures_are_free_and_those_that_are_held_out_are_not_trained_on():
    pictures, views = rows_of("pictures.csv"), rows_of("panoramas.csv")
    assert {row["licence"].rpartition("-")[0] for row in pictures} == {"CC-BY", "CC-BY-SA"}
    assert all(row["author"] for row in pictures)
    for rows in (pictures, views):
        assert {row["split"] for row in rows} == {"train", "held out"}
        for column in ("name", "path"):
            assert len({(row["package"] * (column == "path"), row[column]) for row in rows}) == len(rows)
    assert len(set(QUIET)) == len(QUIET)


@pytest.mark.parametrize("make", sorted(set(patterns.MAKERS), key=lambda make: make.__name__))
def test_patterns_depend_on_the_seed_alone(make):
    one, same, other = (np.asarray(make(np.random.default_rng(seed))) for seed in (0, 0, 1))
    assert one.shape == (patterns.HEIGHT, patterns.WIDTH, 3)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.std() > 1


def test_gradients_of_similar_colours():
    narrow = np.asarray(patterns.gradient(np.random.default_rng(3), narrow=True), dtype=float)
    wide = np.asarray(patterns.gradient(np.random.default_rng(3), narrow=False), dtype=float)
    assert narrow.std((0, 1)).sum() < wide.std((0, 1)).sum()


def test_parts_and_blurred_copies():
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (60, 90, 3)).astype(np.uint8))
    part = cropped(picture, rng)
    assert 0.29 < part.width / 90 < 0.61
    assert part.width * 60 == pytest.approx(part.height * 90, abs=90)
    assert np.asarray(blurred(picture, rng), dtype=float).std() < 0.2 * np.asarray(picture, dtype=float).std()


def test_views_look_to_an_azimuth():
    """Of a panorama that tells its longitude and latitude by colour."""
    height, width = 64, 128
    rows, columns = np.mgrid[:height, :width] + 0.5
    panorama = np.dstack([0.5 + np.cos(2 * np.pi * columns / width) / 2, 1 - rows / height, np.ones((height, width))])
    for azimuth in (0.0, np.pi):
        seen = np.asarray(panoramas.view(panorama, azimuth, np.random.default_rng(0))) / 255
        middle = (seen[180, 240, 0] / seen[180, 240, 2]) ** panoramas.GAMMA
        assert abs(middle - (azimuth == 0)) < 0.1  # it turns by up to 0.4 from there
        assert seen[0, 240, 1] > seen[180, 240, 1] > seen[-1, 240, 1]


def test_light_of_files_and_modules(tmp_path):
    pytest.importorskip("OpenImageIO")
    light = np.random.default_rng(0).random((8, 16, 3)).astype(np.float32)
    io.write_image(tmp_path / "some.exr", light)
    packed = base64.b64encode((tmp_path / "some.exr").read_bytes()).decode()
    (tmp_path / "some.exr.js").write_text(f"export default 'data:application/exr;base64,{packed}'")
    found = [panoramas.read(tmp_path / name) for name in ("some.exr", "some.exr.js")]
    np.testing.assert_allclose(found[0], light, atol=1e-3)
    assert np.array_equal(*found)
    (tmp_path / "none.js").write_text("export default 0")
    with pytest.raises(ValueError, match="holds no base64 data"):
        panoramas.read(tmp_path / "none.js")


def test_outlines_are_in_their_parts():
    for outline in OUTLINES.values():
        left, top, right, bottom = outline.part
        x, y = np.array(outline.corners).T
        assert len(x) > 20
        assert -5 <= x.min()
        assert -5 <= y.min()
        assert x.max() <= right - left + 5
        assert y.max() <= bottom - top + 5


def test_one_pictogram_of_each_that_shows_something(tmp_path):
    names = ["1f44b", *(f"1f44b-1f3f{k}" for k in "bcdef"), "1f1e9-1f1ea", "0031-20e3", "1f550", "1f3fb", "1f98a"]
    for name in names:
        (tmp_path / f"{name}.webp").touch()
    found = [path.stem for path in foregrounds.pictograms(tmp_path, np.random.default_rng(0))]
    assert len(found) == 2
    assert found[0].startswith("1f44b")
    assert found[1] == "1f98a"


def test_pictograms_and_textures_are_a_set_of_foregrounds(tmp_path, monkeypatch):
    monkeypatch.setattr(foregrounds, "TEXTURES", 2)
    rng = np.random.default_rng(0)
    (tmp_path / "assets").mkdir()
    (tmp_path / "backgrounds").mkdir()
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[16:48, 16:48] = 200, 40, 60, 255
    for name in ("1f98a", "1f98b", "1f98c", "1f98d"):
        Image.fromarray(pixels).save(tmp_path / "assets" / f"{name}.webp", lossless=True)
    Image.fromarray(rng.integers(0, 256, (80, 120, 3)).astype(np.uint8)).save(tmp_path / "backgrounds" / "noise.jpg")
    foregrounds.make_pictograms(tmp_path / "assets", tmp_path / "backgrounds", tmp_path / "made")
    made = datasets.rendered(tmp_path / "made")
    assert sorted(made.names) == ["1f98a", "1f98c", "texture-1f98a", "texture-1f98c"]
    sample = made[0]
    assert np.array_equal(sample.alpha, pixels[..., 3] / 255)
    np.testing.assert_allclose(sample.foreground[32, 32], np.array([200, 40, 60]) / 255, atol=0.02)
    np.testing.assert_allclose(sample.foreground[32, 14], sample.foreground[32, 32], atol=0.05)  # carried on
    assert len(datasets.rendered(tmp_path / "made", kinds=("texture",))) == 2


def test_the_mean_of_weights(tmp_path):
    torch = pytest.importorskip("torch")
    import mean_weights

    from propmat.networks import LateFusion, load_weights, save_weights

    files = [tmp_path / f"{number}.safetensors" for number in range(2)]
    states = []
    for number, file in enumerate(files):
        torch.manual_seed(number)
        network = LateFusion.preset("small", width=16)
        save_weights(file, network, {"schedule": {"start": "here", "rate": 1e-3}})
        states.append(network.state_dict())
    out = tmp_path / "mean.safetensors"
    mean_weights.main([*map(str, files), "--out", str(out), "--shares", "0.75", "0.25", "--side", "128"])
    found, facts = load_weights(out, LateFusion)
    assert (found.side, facts["schedule"], facts["shares"]) == (128, {"rate": 1e-3}, [0.75, 0.25])
    for name, tensor in found.state_dict().items():
        expected = 0.75 * states[0][name] + 0.25 * states[1][name]
        torch.testing.assert_close(tensor.double(), expected.double(), atol=1e-3, rtol=1e-3)
    with pytest.raises(SystemExit, match="shares: takes 2 numbers"):
        mean_weights.main([*map(str, files), "--out", str(out), "--shares", "1"])
