"""Arguments: what is taken, and what is said of what is not."""

import numpy as np
import pytest
from PIL import Image

import propmat
from propmat import InputError, UnsupportedError, _inputs
from propmat.preconditioners import Jacobi
from propmat.solvers import CG


@pytest.mark.parametrize("dtype", [">u2", "<u2", "u1"])
def test_integers_are_divided_by_their_maximum(dtype):
    top = np.iinfo(dtype).max
    pixels = _inputs.image(np.array([[0, top // 3, top]], dtype=dtype))
    np.testing.assert_array_equal(pixels[0, :, 0], [0, (top // 3) / top, 1])


@pytest.mark.parametrize("dtype", ["f2", ">f4", "f8", "g", "?"])
def test_floating_and_bool_keep_their_values(dtype):
    pixels = _inputs.image(np.array([[0, 1], [1, 0]], dtype=dtype))
    assert pixels.dtype == np.float64
    assert pixels.dtype.isnative
    np.testing.assert_array_equal(pixels[:, :, 0], [[0, 1], [1, 0]])


def test_layout_does_not_matter_and_nothing_is_written(rng):
    values = rng.random((6, 5, 3))
    fortran, strided = np.asfortranarray(values), np.repeat(values, 2, axis=1)[:, ::2]
    values.flags.writeable = False
    for given in (values, fortran, strided):
        pixels = _inputs.image(given)
        assert pixels.flags.c_contiguous
        np.testing.assert_array_equal(pixels, values)


def test_grey_gets_a_channel():
    assert _inputs.image(np.zeros((4, 5))).shape == (4, 5, 1)


def test_overshoot_of_resampling_is_taken():
    assert _inputs.image(np.array([[-0.02, 1.03]])).max() == 1.03


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((4, 5, 4)), "image: has 4 channels.*transparency"),
        (np.zeros(4), r"image: takes shape \(H, W\) or"),
        (np.zeros((2, 3, 4, 5)), r"got \(2, 3, 4, 5\)"),
        (np.zeros((0, 5)), "image: is empty"),
        (np.zeros((4, 5, 0)), "image: is empty"),
        (np.full((4, 5), 255.0), r"image: floating values are in \[0, 1\], got 255 to 255"),
        (np.zeros((4, 5), int), "uint8 or uint16.*got dtype int64"),
        (np.zeros((4, 5), complex), "got dtype complex128"),
        (np.zeros((4, 5), object), "got dtype object"),
        (np.full((4, 5), "a"), "got dtype <U1"),
        ([[1, 2], [3]], "takes an array of numbers, got list"),
        (None, "got dtype object"),
        (np.ma.masked_array(np.zeros((4, 5)), mask=True), "masked array"),
    ],
)
def test_image_errors(value, message):
    with pytest.raises(InputError, match=message):
        _inputs.image(value)


def test_nan_is_counted_and_located():
    values = np.zeros((4, 5, 3))
    values[2, 3, 1], values[3, 0, 0] = np.nan, np.inf
    with pytest.raises(InputError, match=r"2 values that are NaN or infinite, the first at \(2, 3, 1\)"):
        _inputs.image(values)


def test_plane_must_fit():
    with pytest.raises(InputError, match=r"mask: shape \(2, 3\) does not fit an image of shape \(3, 2\)"):
        _inputs.plane(np.zeros((2, 3)), "mask", (3, 2))
    with pytest.raises(InputError, match=r"mask: takes shape \(H, W\)"):
        _inputs.plane(np.zeros((2, 3, 1)), "mask")


def test_weights_are_numbers_or_maps():
    np.testing.assert_array_equal(_inputs.weights(3, "c", (1, 2)), [[3, 3]])
    np.testing.assert_array_equal(_inputs.weights([[0, 1e6]], "c", (1, 2)), [[0, 1e6]])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, "c: takes numbers >= 0, got -1"),
        (np.array([[1.0, -2.0]]), r"got -2 at \(0, 1\)"),
        (np.nan, "NaN"),
        (np.zeros((3, 3)), r"c: shape \(3, 3\) does not fit"),
        ("x", "c: takes floating"),
    ],
)
def test_weight_errors(value, message):
    with pytest.raises(InputError, match=message):
        _inputs.weights(value, "c", (1, 2))


@pytest.mark.parametrize("value", [0, -1e-7, np.nan, np.inf, "x", None, True, "1e-7", np.array([1.0]), 10**400])
def test_positive_errors(value):
    with pytest.raises(InputError, match="epsilon: takes a (finite )?number"):
        _inputs.positive(value, "epsilon")


@pytest.mark.parametrize("value", [0, -1, 1.5, np.nan, np.inf, "x", None, "3", True, np.True_, [3], 10**400, 2**40, 1j])
def test_whole_number_errors(value):
    with pytest.raises(InputError, match="radius: takes a (whole )?number"):
        _inputs.whole_number(value, "radius")


def test_gpu_arrays_are_named():
    class OnDevice:
        __cuda_array_interface__ = {}

    with pytest.raises(UnsupportedError, match="image: lives on a GPU"):
        _inputs.image(OnDevice())


@pytest.mark.parametrize("read", [propmat.Trimap.parse, propmat.trimap_from_mask])
@pytest.mark.parametrize(
    "labels",
    [
        np.array([[0, 1, 2]], np.uint8),
        np.array([[0, 1, 1]], np.uint8),
        np.array([[0, 3, 1]], np.uint16),
        np.array([[0, 128, 255]], np.uint16),
        np.array([[0, 20, 20]], np.uint8),
    ],
    ids=str,
)
def test_labels_are_not_taken_for_greys(read, labels):
    with pytest.raises(InputError, match=r"its values are 0 to \d+ of \d+.*labels.*astype\(bool\)"):
        read(labels)


@pytest.mark.parametrize("labels", [np.array([[0, 1, 2]]), np.array([[0, 1, 1]], np.int32)])
def test_labels_of_other_integers_are_told_the_way(labels):
    with pytest.raises(InputError, match=r"integer pixels are uint8 or uint16.*0 and 1, trimap.astype\(bool\)"):
        propmat.Trimap.parse(labels)


def test_black_is_no_label():
    assert propmat.Trimap.parse(np.zeros((2, 3), np.uint8)).background.all()


@pytest.mark.parametrize(
    ("values", "top"),
    [
        (np.array([[0, 1]], np.uint8), 1),
        (np.array([[0, 4095]], np.uint16), 4095),
        (np.array([[7, 255]], np.uint16), 255),
    ],
    ids=str,
)
def test_integers_of_fewer_bits_than_their_dtype_are_told(values, top):
    for read in (_inputs.image, _inputs.plane):
        with pytest.warns(
            propmat.PropmatWarning, match=f"m: its values are 0 to {top} of {np.iinfo(values.dtype).max}"
        ):
            read(values, "m")


def test_levels_among_colours_of_any_size_are_told():
    assert _inputs.image(np.full((2, 3), 6.0), bounded=False).max() == 6
    for levels in (np.array([[0.0, 255.0]]), np.array([[3.0, 16.0]], np.float32), np.array([[0.0, 65535.0]])):
        with pytest.raises(InputError, match="floating whole numbers .* levels of 8 or 16 bits"):
            _inputs.image(levels, bounded=False)


@pytest.mark.parametrize("mode", ["P", "CMYK", "YCbCr", "HSV", "LAB"])
def test_pillow_images_that_encode_their_colours_are_refused(mode):
    image = Image.new("RGB", (4, 3), "red")
    given = image.convert(mode) if mode != "LAB" else Image.new("LAB", (4, 3))
    with pytest.raises(InputError, match=rf"image: is a Pillow image of mode {mode}; pass image.convert\('RGB'\)"):
        _inputs.image(given)
    np.testing.assert_array_equal(_inputs.image(image)[0, 0], [1, 0, 0])


def test_whatever_an_array_interface_raises_is_an_input_error():
    class Broken:
        def __array__(self, *_, **__):
            raise RuntimeError("detach first\nsecond line")

    with pytest.raises(InputError, match=r"image: takes an array of numbers, got Broken \(detach first\)"):
        _inputs.image(Broken())


def test_channels_first_is_told():
    sample = propmat.datasets.synthetic(shape=(24, 32))
    with pytest.raises(InputError, match=r"channels go last, numpy.moveaxis\(image, 0, -1\)"):
        propmat.closed_form(np.moveaxis(sample.image, -1, 0), sample.trimap)


class Plain:
    """Neither a solver nor a preconditioner."""


class Unfinished:
    def prepare(self, matrix, near_null_space=None): ...


@pytest.mark.parametrize("solver", ["cg", CG, 3, Plain(), Unfinished(), {"rtol": 1e-7}, [CG()]], ids=str)
def test_wrong_solvers_are_named_before_any_work(solver, monkeypatch):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    graph = propmat.laplacian.closed_form(sample.image)
    monkeypatch.setattr(type(graph), "split", lambda *_, **__: pytest.fail("worked before it checked"))
    for call in (propmat.solve, propmat.prepare, propmat.adjoint.solve):
        with pytest.raises(InputError, match="solver: "):
            call(graph, sample.trimap, solver=solver)


@pytest.mark.parametrize("callback", [3, "stop", [print], dict], ids=str)
def test_wrong_callbacks_are_named_before_any_work(callback, monkeypatch):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    graph = propmat.laplacian.closed_form(sample.image)
    prepared = propmat.prepare(graph, sample.trimap)
    monkeypatch.setattr(type(graph), "split", lambda *_, **__: pytest.fail("worked before it checked"))
    for call in (propmat.solve, propmat.adjoint.solve):
        with pytest.raises(InputError, match="callback: takes a function"):
            call(graph, sample.trimap, callback=callback)
    with pytest.raises(InputError, match="callback: takes a function"):
        prepared.solve(callback=callback)


@pytest.mark.parametrize("preconditioner", ["jacobi", Jacobi, 3, Plain()], ids=str)
def test_wrong_preconditioners_are_named(preconditioner):
    with pytest.raises(InputError, match="preconditioner: takes one of propmat.preconditioners"):
        CG(preconditioner=preconditioner)


@pytest.mark.parametrize("prior", [np.zeros((24, 32)), np.zeros((2, 32)), 0.5, (0.5,), (0.5, 1, 2), "ab"], ids=np.shape)
def test_wrong_priors_are_named(prior):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    graph = propmat.laplacian.closed_form(sample.image)
    for call in (propmat.solve, propmat.prepare, propmat.adjoint.solve):
        with pytest.raises(InputError, match=r"prior: takes a pair \(value, confidence\)"):
            call(graph, sample.trimap, prior=prior)


@pytest.mark.parametrize("affinities", [np.ones((4, 5)), (np.ones((4, 5)),), None, "ab"], ids=str)
def test_wrong_pairs_of_affinities_are_named(affinities):
    for call in (propmat.propagate, propmat.adjoint.propagate):
        with pytest.raises(InputError, match=r"affinities: takes a pair \(horizontal, vertical\)|horizontal: takes"):
            call(affinities, np.zeros((4, 6)))
    with pytest.raises(InputError, match="affinities: takes four arrays"):
        propmat.adjoint.propagate_directed(affinities, np.zeros((4, 6)))


@pytest.mark.parametrize("wanted", ["image", ["colour"], 3])
def test_wrong_names_of_gradients_are_named(wanted):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    _, pullback = propmat.adjoint.closed_form(sample.image, sample.trimap)
    with pytest.raises(InputError, match="wanted: "):
        pullback(1.0, wanted=wanted)
