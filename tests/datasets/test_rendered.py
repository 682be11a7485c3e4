"""Rendered foregrounds, free backgrounds, and composites that are changed at random."""

import csv
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from propmat import datasets, io
from propmat.datasets import Augmentation, _augmentation
from propmat.errors import InputError

SHAPE = (24, 32)
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "rendered"
NOTHING = Augmentation((0, 0), (1, 1), (0, 0), (0, 0), (0, 0), None, (0, 0))
ITEMS = {"hair_0000": "train", "hair_0001": "test", "net_0000": "train"}
# Colours of the made-up foregrounds lose up to a few steps of 255 in JPEG files.
FILES = 4 / 255


def alpha_of(number):
    """A soft edge, at another place in each item."""
    return np.tile(np.clip((np.arange(SHAPE[1]) - 8 - number) / 4, 0, 1), (SHAPE[0], 1))


def table(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def root(tmp_path):
    """A set of three foregrounds, one of them for tests."""
    for kind in ("foreground", "alpha"):
        (tmp_path / kind).mkdir()
    for number, name in enumerate(ITEMS):
        io.write_image(tmp_path / "foreground" / f"{name}.jpg", np.full((*SHAPE, 3), (number + 1) / 4))
        io.write_image(tmp_path / "alpha" / f"{name}.png", alpha_of(number))
    rows = [{"name": name, "kind": name[:-5], "split": split, "seed": 1} for name, split in ITEMS.items()]
    table(tmp_path / "index.csv", rows)
    return tmp_path


@pytest.fixture
def behind(tmp_path):
    """A folder of two backgrounds, one of each split; an author has a comma in it."""
    folder = tmp_path / "backgrounds"
    folder.mkdir()
    rows = [{"file": f"{split}.png", "author": "A, B", "split": split} for split in ("train", "test")]
    for row in rows:
        io.write_image(folder / row["file"], np.random.default_rng(3).random((30, 30, 3)))
    table(folder / "credits.csv", rows)
    return folder


def composite(augmentation, seed=0, **options):
    """One composite of a leaf over a photograph."""
    scene, sky = datasets.synthetic(1, (48, 64)), datasets.flower().image
    return datasets.composites([scene.foreground], [scene.alpha], [sky], seed, augmentation=augmentation, **options)[0]


# The set


def test_splits_have_no_foreground_in_common(root):
    assert datasets.rendered(root).names == ["hair_0000", "net_0000"]
    assert datasets.rendered(root, "test").names == ["hair_0001"]
    assert datasets.rendered(root, kinds=["net"]).names == ["net_0000"]


def test_a_sample_is_the_foreground_on_grey(root):
    sample = datasets.rendered(root)[1]
    np.testing.assert_allclose(sample.foreground, 0.75, atol=FILES)
    np.testing.assert_allclose(sample.alpha, alpha_of(2), atol=0.5 / 255 + 1e-12)
    np.testing.assert_array_equal(sample.background, 0.5)
    share = sample.alpha[:, :, np.newaxis]
    np.testing.assert_allclose(sample.image, share * sample.foreground + (1 - share) * 0.5, atol=1e-15)
    known = sample.trimap != 0.5
    np.testing.assert_array_equal(sample.trimap[known], sample.alpha[known])


def test_backgrounds_are_those_of_the_split(behind):
    assert [path.name for path in datasets.backgrounds(behind)] == ["train.png"]
    assert [path.name for path in datasets.backgrounds(behind, "test")] == ["test.png"]


def test_composites_of_samples_are_those_of_their_files(root, behind):
    front, back = datasets.rendered(root), datasets.backgrounds(behind)
    paths = [[root / f"{kind}/{name}" for name in names] for kind, names in FILES_OF.items()]
    for one, other in zip(
        datasets.composites(front, None, back, 4, repeats=2),
        datasets.composites(*paths, back, 4, repeats=2),
        strict=True,
    ):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.trimap, other.trimap)


FILES_OF = {"foreground": ["hair_0000.jpg", "net_0000.jpg"], "alpha": ["hair_0000.png", "net_0000.png"]}


# Augmentation


def test_no_change_is_the_composite():
    plain, changed = composite(None), composite(NOTHING)
    np.testing.assert_allclose(changed.image, plain.image, atol=1e-15)
    np.testing.assert_array_equal(changed.alpha, plain.alpha)


def test_an_item_depends_on_seed_and_place_alone(root, behind):
    samples = datasets.composites(
        datasets.rendered(root), None, datasets.backgrounds(behind), 7, repeats=3, augmentation=Augmentation()
    )
    backwards = [samples[number] for number in reversed(range(len(samples)))][::-1]
    elsewhere = pickle.loads(pickle.dumps(samples))
    for one, other, third in zip(samples, backwards, elsewhere, strict=True):
        for name in ("image", "trimap", "alpha", "foreground", "background"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
            np.testing.assert_array_equal(getattr(one, name), getattr(third, name))
    assert (samples[0].image != samples[1].image).any()


@pytest.mark.parametrize("seed", range(4))
def test_layers_make_the_image_but_for_noise_and_compression(seed):
    sample = composite(replace(Augmentation(), noise=(0, 0), jpeg=None), seed)
    share = sample.alpha[:, :, np.newaxis]
    expected = share * sample.foreground + (1 - share) * sample.background
    np.testing.assert_allclose(sample.image, expected, atol=1e-15)


@pytest.mark.parametrize("seed", range(4))
def test_trimaps_know_only_what_is_known(seed):
    sample = composite(Augmentation(), seed, reach=(2, 6))
    known = sample.trimap != 0.5
    assert set(np.unique(sample.trimap)) == {0, 0.5, 1}
    np.testing.assert_array_equal(sample.trimap[known], sample.alpha[known])
    for layer in (sample.image, sample.foreground, sample.background):
        assert 0 <= layer.min() <= layer.max() <= 1


def test_noise_has_its_deviation():
    quiet, noisy = (composite(replace(NOTHING, noise=(level, level))) for level in (0, 0.01))
    inside = (quiet.image > 0.05) & (quiet.image < 0.95)  # five deviations from where it is clipped
    difference = (noisy.image - quiet.image)[inside]
    # The deviation of n normal numbers is known to 1 / sqrt(2 n); four of these.
    assert abs(difference.std() / 0.01 - 1) < 4 / np.sqrt(2 * difference.size)


def test_matched_colours_have_the_mean_of_the_background(rng):
    front, back = rng.uniform(0.4, 0.6, (20, 30, 3)), rng.uniform(0.3, 0.7, (20, 30, 3))
    alpha = np.ones((20, 30))
    for share in (0, 0.5, 1):
        moved = _augmentation.matched(front, alpha, back, share).mean(axis=(0, 1))
        expected = (1 - share) * front.mean(axis=(0, 1)) + share * back.mean(axis=(0, 1))
        np.testing.assert_allclose(moved, expected, atol=1e-12)


def test_compression_costs_less_at_a_higher_quality():
    picture = datasets.flower().image
    errors = [np.abs(_augmentation.compressed(picture, quality) - picture).mean() for quality in (30, 60, 95)]
    assert errors[0] > errors[1] > errors[2] > 0


def test_a_blurred_matte_has_opaque_and_empty_parts():
    alpha = np.repeat([[0.0], [1.0]], 20, axis=0) * np.ones((1, 30))
    grey = np.full((40, 30, 3), 0.5)
    layers = _augmentation.draw(replace(NOTHING, blur=(1, 1)), (0,)).layers(_augmentation.Layers(grey, alpha, grey))
    np.testing.assert_array_equal(layers.alpha[:16], 0)  # four deviations from the edge
    np.testing.assert_array_equal(layers.alpha[24:], 1)
    assert ((layers.alpha > 0) & (layers.alpha < 1)).any()


def test_uneven_trimaps_are_as_wide_as_said():
    alpha = np.repeat([[0.0], [1.0]], 40, axis=0) * np.ones((1, 400))
    alpha[40] = 0.5
    widths = (_augmentation.draw(replace(NOTHING, unevenness=(0.5, 0.5)), (0,)).trimap(alpha, 10) == 0.5).sum(axis=0)
    assert 2 * 10 * 0.5 <= widths.min() < widths.max() <= 2 * 10 * 1.5 + 1
    assert np.abs(np.diff(widths)).max() <= 2  # slowly, on both sides


def test_trimaps_of_thin_things_are_narrower():
    """So that a tenth of what is opaque stays known; what has no opaque pixel has one label."""
    alpha = np.zeros((60, 80))
    alpha[29:36] = 1
    alpha[[28, 36]] = 0.5
    changes = _augmentation.draw(replace(NOTHING, unevenness=(0.5, 0.5)), (0,))
    trimap = changes.trimap(alpha, 20)
    assert (trimap == 1).sum() >= 0.1 * (alpha == 1).sum()
    np.testing.assert_array_equal(trimap[trimap != 0.5], alpha[trimap != 0.5])
    assert set(np.unique(changes.trimap(alpha / 2, 20))) == {0, 0.5}


# Mistakes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda root: datasets.rendered(root / "gone"), "root: there is no folder"),
        (lambda root: datasets.rendered(root, "validation"), "split: takes 'train' or 'test', got 'validation'"),
        (lambda root: datasets.rendered(root, kinds=["cloud"]), "kinds: takes 'hair' or 'net', got 'cloud'"),
        (lambda root: datasets.rendered(root, kinds=[]), "kinds: takes at least one of 'hair', 'net', got none"),
        (lambda root: datasets.rendered(root / "alpha"), "root: cannot read .*index.csv"),
        (lambda root: datasets.backgrounds(root), "root: cannot read .*credits.csv"),
        (lambda root: datasets.composites(datasets.rendered(root), [], [root]), "alphas: samples have their own"),
        (
            lambda root: datasets.composites([root], None, [root]),
            "alphas: takes a sequence of paths or arrays, got None",
        ),
        (lambda root: composite({"noise": (0, 1)}), "augmentation: takes a propmat.datasets.Augmentation or None"),
    ],
)
def test_mistakes(root, call, message):
    with pytest.raises(InputError, match=message):
        call(root)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"name": "a", "kind": "hair"}], "lacks the columns split"),
        ([{"name": "a", "kind": "hair", "split": "both"}], "has a split 'both'"),
        ([{"name": "a", "kind": "hair", "split": "train"}], "there is no file 'foreground/a.jpg'"),
        ([{"name": "../a", "kind": "hair", "split": "train"}], "there is no file"),
        ([{"name": "a\0b", "kind": "hair", "split": "train"}], "root: cannot look for 'foreground/a"),
        (
            [{"name": "a" * 5000, "kind": "hair", "split": "train"}],
            "root: cannot look for 'foreground/a.*File name too long",
        ),
        (
            [{"name": "hair_0001", "kind": "hair", "split": split} for split in ("test", "train")],
            "index.csv has 'hair_0001' in several rows, takes one row for each",
        ),
    ],
)
def test_damaged_sets(root, rows, message):
    table(root / "index.csv", rows)
    with pytest.raises(InputError, match=message):
        datasets.rendered(root)


def test_an_empty_index(root):
    (root / "index.csv").write_text("")
    with pytest.raises(InputError, match="lacks the columns kind, name, split"):
        datasets.rendered(root)


def test_a_photograph_is_of_one_split(behind):
    table(behind / "credits.csv", [{"file": "train.png", "split": split} for split in ("train", "test")])
    with pytest.raises(InputError, match="credits.csv has 'train.png' in several rows"):
        datasets.backgrounds(behind)


def test_an_index_as_spreadsheets_write_it(root):
    path = root / "index.csv"
    path.write_bytes(path.read_text().encode("utf-8-sig"))
    assert datasets.rendered(root).names == ["hair_0000", "net_0000"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"noise": 0.1}, "noise: takes a pair"),
        ({"noise": (0.2, 0.1)}, "noise: takes .least, most., got .0.2, 0.1."),
        ({"match": (0, 2)}, "match: takes a finite number from 0 to 1, got 2"),
        ({"gamma": (0, 1)}, "gamma: takes a finite number from 0.1 to 10, got 0"),
        ({"jpeg": (0, 50)}, "jpeg: takes a whole number >= 1, got 0"),
        ({"jpeg": (60.5, 90)}, "jpeg: takes a whole number"),
    ],
)
def test_ranges_out_of_limits(changes, message):
    with pytest.raises(InputError, match=message):
        Augmentation(**changes)


@pytest.mark.skipif(not (SHARED / "index.csv").is_file(), reason="needs the rendered foregrounds of ../shared/data")
def test_the_set_at_hand_is_read():
    train, test = datasets.rendered(SHARED), datasets.rendered(SHARED, "test")
    assert not set(train.names) & set(test.names)
    backs = datasets.backgrounds(SHARED.parent / "backgrounds", "test")
    sample = datasets.composites(test[:2], None, backs, augmentation=Augmentation())[1]
    assert sample.image.shape == (*sample.alpha.shape, 3)
    assert 0 < sample.alpha.mean() < 1
