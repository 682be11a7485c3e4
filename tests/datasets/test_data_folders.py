"""Data sets in folders, and composites of layers."""

import pickle

import numpy as np
import pytest

from propmat import datasets, io
from propmat.errors import InputError, PropmatError

SHAPE = (24, 32)


def write(root, pattern, names, pixels):
    for number, name in enumerate(names):
        path = root / pattern.format(name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        io.write_image(path, pixels(number))


def write_set(root, image, trimap, alpha=None, names=("a", "b", "c")):
    """Samples that can be told apart: number k has grey level k / 10."""
    write(root, image, names, lambda k: np.full((*SHAPE, 3), k / 10))
    write(root, trimap, names, lambda k: np.tile(np.repeat(np.array([0, 102, 128, 255], np.uint8), 8), (24, 1)))
    if alpha:
        write(root, alpha, names, lambda k: np.full(SHAPE, 1 - k / 10))


ARCHIVES = ("input_training_lowres/{name}.png", "trimap_training_lowres/Trimap1/{name}.png")
LAYOUTS = {
    "archives": (*ARCHIVES, "gt_training_lowres/{name}.png", {}),
    "plain": ("training/image/{name}.png", "training/trimap1/{name}.png", "training/alpha/{name}.png", {}),
    "trimap 2": (ARCHIVES[0], ARCHIVES[1].replace("1", "2"), "gt_training_lowres/{name}.png", {"trimap": 2}),
    "test": ("input_lowres/{name}.png", "trimap_lowres/Trimap3/{name}.png", None, {"part": "test", "trimap": 3}),
    "plain test": ("test/image/{name}.png", "test/trimap1/{name}.png", None, {"part": "test"}),
    "high": (
        *(path.replace("low", "high") for path in ARCHIVES),
        "gt_training_highres/{name}.png",
        {"resolution": "high"},
    ),
}


# Properties


@pytest.mark.parametrize("layout", LAYOUTS)
def test_alphamatting_reads_every_layout(tmp_path, layout):
    image, trimap, alpha, options = LAYOUTS[layout]
    write_set(tmp_path, image, trimap, alpha)
    samples = datasets.alphamatting(tmp_path, **options)
    assert samples.names == ["a", "b", "c"] == [sample.name for sample in samples]
    sample = samples[1]
    np.testing.assert_allclose(sample.image, np.full((*SHAPE, 3), 26 / 255))
    np.testing.assert_array_equal(np.unique(sample.trimap), [0, 0.5, 1])  # 102 and 128 are both unknown
    assert (sample.alpha is None) == (alpha is None)
    if alpha:
        np.testing.assert_allclose(sample.alpha, np.full(SHAPE, 230 / 255))


def test_samples_are_a_sequence(tmp_path):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png", names="abcdef")
    samples = datasets.folder(tmp_path)
    assert len(samples) == 6
    assert samples[-1].name == "f"
    assert samples[1:3].names == ["b", "c"]
    assert [sample.name for sample in reversed(samples)] == list("fedcba")
    assert repr(samples) == "Samples(6: a, b, c, …)"
    assert pickle.loads(pickle.dumps(samples)).names == samples.names
    with pytest.raises(IndexError):
        samples[6]


def test_files_are_read_when_asked_for(tmp_path):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png")
    (tmp_path / "image" / "b.png").write_bytes(b"no image")
    samples = iter(datasets.folder(tmp_path))
    assert next(samples).name == "a"
    with pytest.raises(InputError, match="b.png"):
        next(samples)


@pytest.mark.parametrize(
    ("image", "trimap"),
    [
        ("{name}.png", "{name}_trimap.png"),
        ("in/{name}_rgb.png", "in/{name}_tri.png"),
        ("{name}/image.png", "{name}/trimap.png"),
        ("x{name}.png", "[1]{name}(2).png"),
    ],
)
def test_folder_patterns(tmp_path, image, trimap):
    write_set(tmp_path, image, trimap, names=("a", "b c"))
    assert datasets.folder(tmp_path, image=image, trimap=trimap).names == ["a", "b c"]


def test_a_star_stands_for_any_suffix(tmp_path):
    write_set(tmp_path, "image/{name}.jpg", "trimap/{name}.png", "alpha/{name}.tif")
    samples = datasets.folder(tmp_path, alpha="alpha/{name}.*")
    assert samples[2].alpha is not None


STRAYS = [
    "._cat.png",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "cat.txt",
    "cat.xmp",
    "cat.json",
    "cat.png.aae",
    "README",
]


@pytest.mark.parametrize("image", ["image/{name}.*", "image/{name}.png"])
def test_stray_files_are_passed_over(tmp_path, image):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png", "alpha/{name}.png", names=("cat", "dog"))
    for kind in ("image", "trimap", "alpha"):
        for stray in STRAYS:
            (tmp_path / kind / stray).write_text("no picture")
        (tmp_path / kind / "cat.tiles").mkdir()
        (tmp_path / kind / "cow.png").mkdir()
    samples = datasets.folder(tmp_path, image=image, alpha="alpha/{name}.*")
    assert samples.names == ["cat", "dog"]
    assert [sample.image.shape for sample in samples] == [(*SHAPE, 3)] * 2


def test_hidden_files_are_read_where_a_pattern_asks_for_them(tmp_path):
    write_set(tmp_path, "image/{name}.png", ".trimaps/.{name}.png")
    assert datasets.folder(tmp_path, trimap=".trimaps/.{name}.*").names == ["a", "b", "c"]


def test_names_with_dots_are_names_of_their_own(tmp_path):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png", names=("cat", "cat.v2"))
    samples = datasets.folder(tmp_path)
    assert samples.names == ["cat", "cat.v2"]
    assert samples[1].image[0, 0, 0] == pytest.approx(0.1, abs=0.5 / 255)


def test_two_pictures_of_one_name_are_an_error(tmp_path):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png")
    write(tmp_path, "image/{name}.jpg", ["b"], lambda _: np.zeros((*SHAPE, 3)))
    with pytest.raises(InputError, match=r"image: image/b.\* fits several files \(b.jpg, b.png\) under"):
        datasets.folder(tmp_path)


def test_what_is_no_picture_is_named_where_there_is_no_other(tmp_path):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png", names=("cat",))
    (tmp_path / "image" / "cat.png").rename(tmp_path / "image" / "cat.psd")
    with pytest.raises(InputError, match=r"image: image/cat.\* fits no file under .*, only cat.psd; takes one"):
        datasets.folder(tmp_path)


def layers(shape=(30, 40)):
    first, second = (datasets.synthetic(seed, shape) for seed in (3, 4))
    foregrounds, alphas = [first.foreground, second.foreground], [first.alpha, second.alpha]
    return foregrounds, alphas, [np.full((9, 50, 3), level) for level in (0.0, 0.25, 0.5, 0.75, 1.0)]


def test_composites_are_composites():
    samples = datasets.composites(*layers(), seed=5, repeats=3)
    assert len(samples) == 6
    assert len(set(samples.names)) == 6
    for sample in samples:
        alpha = sample.alpha[..., None]
        expected = alpha * sample.foreground + (1 - alpha) * sample.background
        np.testing.assert_allclose(sample.image, expected, rtol=0, atol=1e-15)
        known = sample.trimap != 0.5
        np.testing.assert_array_equal(sample.trimap[known], sample.alpha[known])
        assert not ((sample.alpha > 0) & (sample.alpha < 1))[known].any()
    np.testing.assert_array_equal(samples[4].foreground, layers()[0][1])


def test_composites_do_not_depend_on_the_order_of_reading():
    forth, back = (datasets.composites(*layers(), seed=5, repeats=3) for _ in range(2))
    for one, other in zip(list(forth), list(reversed(back))[::-1], strict=True):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.trimap, other.trimap)
    assert any((a.image != b.image).any() for a, b in zip(forth, datasets.composites(*layers(), seed=6), strict=False))


def test_every_background_is_used_before_one_comes_again():
    samples = datasets.composites(*layers(), repeats=5)
    levels = [float(sample.background[0, 0, 0]) for sample in samples]
    assert sorted(levels[:5]) == sorted(levels[5:]) == pytest.approx([0, 0.25, 0.5, 0.75, 1])


def test_reach_is_drawn_from_its_range():
    def widths(reach):
        alpha = np.zeros((99, 99))
        alpha[49, 49] = 0.5
        samples = datasets.composites([np.ones((99, 99, 3))], [alpha], [np.zeros((5, 5))], repeats=30, reach=reach)
        return {int((np.sqrt(np.count_nonzero(sample.trimap == 0.5)) - 1) / 2) for sample in samples}

    assert widths((4, 4)) == {4}
    assert widths((2, 5)) == {2, 3, 4, 5}


def test_composites_of_files_are_those_of_arrays(tmp_path):
    foregrounds, alphas, backgrounds = ([np.uint8(255 * layer + 0.5) for layer in kind] for kind in layers())
    paths = {}
    for kind, arrays in {"f": foregrounds, "a": alphas, "b": backgrounds}.items():
        paths[kind] = [tmp_path / f"{kind}{number}.png" for number in range(len(arrays))]
        for path, array in zip(paths[kind], arrays, strict=True):
            io.write_image(path, array)
    for one, other in zip(
        datasets.composites(foregrounds, alphas, backgrounds), datasets.composites(*paths.values()), strict=True
    ):
        np.testing.assert_array_equal(one.image, other.image)


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": "image/a.png"}, r"image: takes a pattern with \{name\} in it once, got 'image/a.png'"),
        ({"alpha": "{name}/{name}.png"}, "alpha: takes a pattern"),
        ({"trimap": "{name}.bmp"}, "no file under .* fits the pattern '{name}.bmp'"),
        ({"alpha": "truth/{name}.png"}, "truth/a.png fits no file under"),
        ({"image": "*/{name}.png"}, r"\*/a.png fits several files \(a.png, a.png\)"),
    ],
)
def test_folder_mistakes(tmp_path, options, message):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png")
    with pytest.raises(InputError, match=message):
        datasets.folder(tmp_path, **options)


WRONG_PATTERNS = [
    "/abs/{name}.png",
    "C:\\{name}.png",
    "\\{name}.png",
    "../{name}.png",
    "a/../../{name}.png",
    "..\\{name}.png",
    "a**{name}.png",
    "**/{name}.png",
    "a\0{name}.png",
    "a\n{name}.png",
    "{name}\x1b[2J.png",
    "{name}{name}",
    "{name}/{name}.png",
    "{Name}.png",
    "",
    "*.png",
    None,
    b"{name}.png",
    ["{name}.png"],
    5,
]


@pytest.mark.parametrize("kind", ["image", "trimap", "alpha"])
@pytest.mark.parametrize("pattern", WRONG_PATTERNS, ids=ascii)
def test_wrong_patterns(tmp_path, kind, pattern):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png")
    if kind == "alpha" and pattern is None:
        pytest.skip("no truth")
    with pytest.raises(InputError, match=f"^{kind}: takes a pattern") as raised:
        datasets.folder(tmp_path, **{kind: pattern})
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("name", ["ca\nt", "\x1b[2Jcat", "cat\t"], ids=ascii)
def test_names_that_are_fit_for_no_table(tmp_path, name):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png", names=("dog", name))
    with pytest.raises(InputError, match="trimap: the name of the file .* has control characters; rename it") as raised:
        datasets.folder(tmp_path)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("root", ["nowhere", "a\0b", "trimap/a.png", 5, None], ids=ascii)
def test_wrong_roots(tmp_path, monkeypatch, root):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png")
    monkeypatch.chdir(tmp_path)
    for read in (datasets.folder, datasets.alphamatting):
        with pytest.raises(InputError, match="^root: "):
            read(root)


def test_sizes_must_agree(tmp_path):
    write_set(tmp_path, "image/{name}.png", "trimap/{name}.png", "alpha/{name}.png")
    io.write_image(tmp_path / "trimap" / "a.png", np.zeros((24, 31)))
    io.write_image(tmp_path / "alpha" / "b.png", np.zeros((23, 32)))
    samples = datasets.folder(tmp_path, alpha="alpha/{name}.png")
    for index, name in ((0, "trimap.a.png"), (1, "alpha.b.png")):
        with pytest.raises(InputError, match=f"{name}: shape .* does not fit"):
            samples[index]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trimap": 4}, "trimap: takes 1, 2 or 3, got 4"),
        ({"trimap": True}, "trimap: takes a number, got True"),
        ({"trimap": [1]}, "trimap: takes a number, got"),
        ({"part": ["training"]}, r"part: takes 'training' or 'test', got \['training'\]"),
        ({"part": "validation"}, "part: takes 'training' or 'test', got 'validation'"),
        ({"resolution": 600}, "resolution: takes 'low' or 'high', got 600"),
        ({}, "has neither input_training_lowres nor training/image; `propmat datasets fetch"),
    ],
)
def test_alphamatting_mistakes(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        datasets.alphamatting(tmp_path, **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alphas": []}, "alphas: takes one for each of the 2 foregrounds, got 0"),
        ({"backgrounds": []}, "take at least one each"),
        ({"seed": -1}, "seed: got -1"),
        ({"repeats": 0}, "repeats: takes a whole number >= 1"),
        ({"reach": (5, 2)}, r"reach: takes \(least, most\), got \(5, 2\)"),
        ({"reach": 5}, r"reach: takes \(least, most\), got 5"),
        ({"reach": (1, 2, 3)}, r"reach: takes \(least, most\), got \(1, 2, 3\)"),
        ({"backgrounds": "sky.png"}, "backgrounds: takes a sequence of paths or arrays, got str"),
        ({"foregrounds": 5}, "foregrounds: takes a sequence of paths or arrays, got int"),
    ],
)
def test_composites_mistakes(changes, message):
    given = dict(zip(("foregrounds", "alphas", "backgrounds"), layers(), strict=True)) | changes
    with pytest.raises(InputError, match=message):
        datasets.composites(**given)


def test_layers_that_do_not_fit(tmp_path):
    foregrounds, alphas, backgrounds = layers()
    samples = datasets.composites([foregrounds[0][1:], tmp_path / "gone.png"], alphas, backgrounds)
    with pytest.raises(InputError, match=r"alpha: shape \(30, 40\) does not fit"):
        samples[0]
    with pytest.raises(PropmatError, match="gone.png"):
        samples[1]


# Real files


def test_the_photographs_at_hand(photographs):
    training = datasets.alphamatting(photographs / "alphamatting", trimap=2)
    assert len(training) == 20
    assert training[0].name == "GT01"
    assert training[0].image.shape == (497, 800, 3)
    test = datasets.alphamatting(photographs / "alphamatting", trimap=3, part="test")
    assert len(test) == 8
    assert test[7].alpha is None
