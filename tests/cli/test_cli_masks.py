"""The command line: masks, mattes and trimaps in the forms that users have."""

import numpy as np
import pytest
from PIL import Image

import propmat
from propmat import io, pictures
from propmat.cli import main

SHAPE = (160, 220)

pytestmark = pytest.mark.usefixtures("no_compiling")


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=4, shape=SHAPE)


@pytest.fixture
def files(files, sample):
    """With mask.png."""
    io.write_image("mask.png", np.where(sample.alpha >= 0.5, 1.0, 0.0))
    return files


def one_line(capsys, kind, *words):
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1, told.err
    assert told.err.startswith(f"propmat: {kind}: ")
    for word in words:
        assert word in told.err


def test_alpha_takes_a_mask_as_cutout_does(files):
    given = ["image.png", "--mask", "mask.png", "--width", "3,5"]
    assert main(["alpha", *given, "-o", "alpha.png"]) == 0
    assert main(["cutout", *given, "-o", "cut.png"]) == 0
    assert main(["trimap", "mask.png", "--width", "3,5", "-o", "band.png"]) == 0
    assert main(["alpha", "image.png", "band.png", "-o", "same.png"]) == 0
    np.testing.assert_array_equal(io.read_matte("alpha.png"), io.read_matte("same.png"))
    np.testing.assert_array_equal(io.read("cut.png").alpha, io.read_matte("same.png"))


def test_a_trimap_may_come_after_options(files):
    assert main(["alpha", "image.png", "-o", "one.png", "trimap.png"]) == 0
    assert main(["alpha", "image.png", "trimap.png", "-o", "two.png"]) == 0
    assert (files / "one.png").read_bytes() == (files / "two.png").read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ["alpha", "image.png", "-o", "out.png", "--method", "knn"],
        ["alpha", "image.png", "trimap.png", "--mask", "mask.png", "-o", "out.png"],
        ["alpha", "image.png", "trimap.png", "another.png", "-o", "out.png"],
        ["alpha", "image.png", "-o", "out.png", "trimap.png", "--masks", "mask.png"],
    ],
)
def test_either_a_trimap_or_a_mask(files, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "propmat alpha" in capsys.readouterr().err
    assert not (files / "out.png").exists()


@pytest.mark.parametrize("width", ["-3", "", ",", "3,", "a", "1e400", "nan", "3,4,5"])
def test_a_wrong_width_is_told_before_files_are_read(files, capsys, width):
    assert main(["alpha", "none.png", "--mask", "none.png", f"--width={width}", "-o", "out.png"]) == 1
    one_line(capsys, "error", "width: takes pixels >= 0")


def cutouts(sample):
    """Cut-outs as background removers leave them."""
    rgb = np.rint(255 * sample.image).astype(np.uint8)
    alpha = np.rint(255 * sample.alpha).astype(np.uint8)
    yield "rgba.png", Image.fromarray(np.dstack([rgb, alpha]))
    yield "la.png", Image.merge("LA", [Image.fromarray(rgb[..., 1].copy()), Image.fromarray(alpha)])
    yield "black.png", Image.fromarray(np.dstack([0 * rgb, alpha]))
    yield "rgba.webp", Image.fromarray(np.dstack([rgb, alpha]))


@pytest.mark.parametrize("name", ["rgba.png", "la.png", "black.png", "rgba.webp", "cut.exr"])
def test_a_cutout_is_a_mask(files, sample, capsys, name):
    if name == "cut.exr":
        pytest.importorskip("OpenImageIO")
        io.write_image(name, np.dstack([sample.image, sample.alpha]))
    else:
        dict(cutouts(sample))[name].save(name, lossless=True)
    assert main(["alpha", "image.png", "--mask", name, "-o", "alpha.png"]) == 0
    one_line(capsys, "warning", name, "alpha channel")
    assert main(["alpha", "image.png", "--mask", "truth.png", "-o", "same.png"]) == 0
    np.testing.assert_allclose(1.0 * io.read_matte("alpha.png"), io.read_matte("same.png"), atol=1)


def test_a_cutout_of_propmat_can_be_evaluated_and_reused(files, sample, capsys):
    assert main(["cutout", "image.png", "trimap.png", "-o", "cut.png"]) == 0
    assert main(["alpha", "image.png", "trimap.png", "-o", "alpha.png"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "alpha.png", "truth.png", "trimap.png"]) == 0
    expected = capsys.readouterr().out
    assert main(["evaluate", "cut.png", "truth.png", "trimap.png"]) == 0
    told = capsys.readouterr()
    assert told.out == expected
    assert "cut.png" in told.err
    for matte, output in (("cut.png", "one.png"), ("alpha.png", "two.png")):
        assert main(["foreground", "image.png", matte, "-o", output]) == 0
    np.testing.assert_array_equal(io.read_image("one.png"), io.read_image("two.png"))


@pytest.mark.parametrize("shape", [(40, 55), (80, 110), (53, 73), (54, 73), (107, 147), (320, 440), (161, 221)])
def test_a_mask_of_another_size_is_scaled(files, sample, capsys, shape):
    """To the whole pixel: 160 x 73 / 220 is 53.09."""
    io.write_image("other.png", pictures.scaled(sample.alpha, shape))
    assert main(["cutout", "image.png", "--mask", "other.png", "-o", "cut.png"]) == 0
    one_line(capsys, "warning", f"mask: its {shape[1]} x {shape[0]} pixels were scaled to the 220 x 160")
    scaled = pictures.scaled(io.read_matte("other.png") / 255, SHAPE)
    expected = propmat.closed_form(io.read_image("image.png"), propmat.trimap_from_mask(scaled))
    np.testing.assert_allclose(io.read("cut.png").alpha / 255, expected, atol=0.5 / 255 + 1e-3)


def test_a_matte_of_another_size_is_scaled(files, sample, capsys):
    io.write_image("soft.png", pictures.scaled(sample.alpha, (80, 110)), depth=16)
    assert main(["foreground", "image.png", "soft.png", "-o", "one.png"]) == 0
    one_line(capsys, "warning", "alpha: its 110 x 80 pixels were scaled to the 220 x 160")
    matte = pictures.scaled(io.read_matte("soft.png") / 65535, SHAPE)
    expected, _ = propmat.foreground(io.read_image("image.png"), matte)
    np.testing.assert_allclose(io.read_image("one.png") / 255, expected.clip(0, 1), atol=0.5 / 255 + 1e-3)
    assert len(np.unique(matte)) > 256  # not thresholded


@pytest.mark.parametrize("arguments", [["alpha", "image.png", "--mask"], ["foreground", "image.png"]])
@pytest.mark.parametrize(
    ("shape", "hint"),
    [((55, 40), True), ((220, 160), True), ((40, 50), False), ((158, 220), False), ((159, 220), False)],
)
def test_a_mask_that_does_not_fit(files, sample, capsys, arguments, shape, hint):
    """One row less at the same scale is cut off, not scaled."""
    io.write_image("other.png", pictures.scaled(sample.alpha, shape))
    assert main([*arguments, "other.png", "-o", "out.png"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"shape {shape} does not fit an image of shape {SHAPE}" in told
    assert ("EXIF" in told) == hint
    assert not (files / "out.png").exists()


@pytest.mark.parametrize(
    ("shape", "remedy"), [((40, 55), "--mask"), ((320, 440), "--mask"), ((220, 160), "EXIF"), ((100, 100), "")]
)
def test_a_trimap_is_not_scaled(files, sample, capsys, shape, remedy):
    io.write_image("other.png", np.rint(2 * pictures.scaled(sample.trimap, shape)) / 2)
    assert main(["alpha", "image.png", "other.png", "-o", "out.png"]) == 1
    one_line(capsys, "error", f"trimap: shape {shape} does not fit image of shape {(*SHAPE, 3)}", remedy)


def test_a_photograph_that_exif_turns(files, sample, capsys):
    exif = Image.Exif()
    exif[274] = 6
    for name, turned, options in (("image.png", "turned.png", {"exif": exif}), ("mask.png", "stored.png", {})):
        with Image.open(name) as image:
            image.rotate(90, expand=True).save(turned, **options)
    assert main(["alpha", "turned.png", "--mask", "stored.png", "-o", "out.png"]) == 1
    one_line(capsys, "error", "EXIF")
    assert main(["alpha", "turned.png", "--mask", "mask.png", "-o", "out.png"]) == 0
    assert io.read_matte("out.png").shape == SHAPE


@pytest.mark.parametrize("levels", [(0, 255), (0, 254), (20, 240), (25, 230)])
@pytest.mark.parametrize("command", ["alpha", "cutout"])
def test_nothing_unknown_is_said_once_with_the_remedy(files, sample, capsys, command, levels):
    io.write_image("hard.png", np.where(sample.alpha >= 0.5, levels[1], levels[0]).astype(np.uint8))
    assert main([command, "image.png", "hard.png", "-o", "out.png"]) == 0
    one_line(capsys, "warning", "trimap: no pixel is unknown", "--mask")


def test_nothing_unknown_of_a_mask(files, capsys):
    assert main(["alpha", "image.png", "--mask", "mask.png", "--width", "0", "-o", "out.png"]) == 0
    one_line(capsys, "warning", "no pixel is unknown")
    np.testing.assert_array_equal(io.read_matte("out.png"), io.read_matte("mask.png"))


@pytest.mark.parametrize("shape", [(60, 80), (13, 17), (30, 41), (6, 8)])
def test_scaling_is_in_floating_point(shape):
    """A ramp stays one, pixel centres on pixel centres, away from the border.

    Downwards the filter's samples are not symmetric about a new pixel's centre, which moves it by some hundredths of
    a pixel.
    """
    y, x = np.mgrid[:30, :40] + 0.5
    scaled = pictures.scaled(0.2 + x / 80 - y / 150, shape)
    y, x = (np.mgrid[: shape[0], : shape[1]] + 0.5) * np.reshape([30 / shape[0], 40 / shape[1]], (2, 1, 1))
    inner = (slice(2, -2), slice(2, -2))
    expected = 0.2 + x / 80 - y / 150
    np.testing.assert_allclose(scaled[inner], expected[inner], atol=1e-6 if shape[0] > 30 else 1e-3)


def test_a_trimap_keeps_the_resolution(files):
    io.write_image("dpi.png", io.read_matte("mask.png"), metadata=io.Metadata(resolution=(300, 300)))
    assert main(["trimap", "dpi.png", "-o", "band.tif"]) == 0
    assert io.read("band.tif").metadata.resolution == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("top", [1, 2, 3, 25])
@pytest.mark.parametrize("depth", [8, 16])
def test_labels_are_refused_as_mask_and_as_trimap(files, capsys, sample, top, depth):
    scale = 1 if depth == 8 else 257
    labels = np.rint(sample.trimap * top).astype(np.uint8) * np.uint16(scale)
    Image.fromarray(labels.astype(f"uint{depth}")).save("labels.png")
    for given, name in ((["labels.png"], "trimap"), (["--mask", "labels.png"], "mask")):
        for command in ("alpha", "cutout"):
            assert main([command, "image.png", *given, "-o", "out.png"]) == 1
            one_line(capsys, "error", f"{name}: its values are 0 to {top * scale}", "If they are labels")
    assert not (files / "out.png").exists()


@pytest.mark.parametrize("size", [(320, 320), (222, 160), (220, 162), (100, 220)])
def test_a_mask_of_another_shape_is_refused_with_the_remedy(files, capsys, size):
    Image.open("mask.png").resize(size).save("other.png")
    for given in (["--mask", "other.png"], ["other.png"]):
        assert main(["alpha", "image.png", *given, "-o", "out.png"]) == 1
        one_line(capsys, "error", "does not fit", "not a scaled copy either: scale or cut it")


@pytest.mark.parametrize("colour", [(192, 0, 0), (255, 255, 0), (0, 128, 0)])
def test_a_coloured_mask_is_refused_with_the_remedy(files, capsys, sample, colour):
    Image.fromarray(np.where(sample.alpha[..., np.newaxis] >= 0.5, colour, 0).astype(np.uint8)).save("voc.png")
    assert main(["alpha", "image.png", "--mask", "voc.png", "-o", "out.png"]) == 1
    one_line(capsys, "error", "must be grey", "takes greys, white for the foreground, or an alpha channel")
    assert main(["alpha", "image.png", "voc.png", "-o", "out.png"]) == 1
    one_line(capsys, "error", "must be grey", "black is background, white foreground")
