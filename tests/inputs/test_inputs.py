"""Arguments: which values are accepted, and the error messages for others."""

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


@pytest.mark.parametrize("ragged", [[[1], [1, 2]], (1, [2]), [[1.0], "a"]])
def test_ragged_lists_are_no_numbers_and_no_maps(ragged):
    image, trimap = np.zeros((4, 5)), np.tile([0, 0.5, 0.5, 0.5, 1], (4, 1))
    graph = propmat.laplacian.random_walk(image)
    calls = {
        "epsilon": lambda: propmat.closed_form(image, trimap, epsilon=ragged),
        "confidence": lambda: propmat.propagate((np.ones((4, 4)), np.ones((3, 5))), trimap, confidence=ragged),
        "alpha": lambda: propmat.refine(image, ragged, 1.0),
        "prior confidence": lambda: propmat.solve(graph, trimap, prior=(trimap, ragged)),
        "prior value": lambda: propmat.solve(graph, trimap, prior=(ragged, 1.0)),
    }
    for name, call in calls.items():
        with pytest.raises(InputError, match=f"^{name}: takes"):
            call()
    with pytest.raises(InputError, match="^confidence: takes"):
        propmat.adjoint.closed_form(image, trimap, confidence=ragged)


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


@pytest.mark.parametrize("mode", ["P", "LA", "CMYK", "YCbCr", "HSV", "LAB"])
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


def kind(value):
    return type(value).__name__


@pytest.mark.parametrize("solver", ["cg", CG, 3, Plain(), Unfinished(), {"rtol": 1e-7}, [CG()]], ids=kind)
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


@pytest.mark.parametrize("preconditioner", ["jacobi", Jacobi, 3, Plain()], ids=kind)
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


# Label values and scales that occur in practice


@pytest.mark.parametrize(
    "labels",
    [
        np.array([[0, 1, 255]], np.uint8),
        np.array([[0, 3, 2, 255]], np.uint8),
        np.array([[0, 2, 65535]], np.uint16),
    ],
    ids=str,
)
def test_label_maps_with_a_value_to_ignore_are_not_taken_for_greys(labels):
    for read in (propmat.Trimap.parse, propmat.trimap_from_mask):
        with pytest.raises(InputError, match=r"values are 0 to \d, and \d+, which in label maps is what to ignore"):
            read(labels)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 1, 1], [3, 1, 0]], ids=str)
def test_labels_that_became_tensors_are_not_taken_for_greys(labels):
    for dtype in (np.float32, np.float64):
        with pytest.raises(InputError, match=r"trimap: its values are 0 to \d of 255.*labels"):
            propmat.Trimap.parse((np.array([labels]) / 255).astype(dtype))


def test_dark_and_soft_greys_stay_greys():
    for greys in (np.array([[0.0, 0.05, 0.0]]), np.array([[1e-9, 0.0]]), np.array([[0, 20, 255]], np.uint8)):
        assert propmat.Trimap.parse(greys).background[0, 0]


@pytest.mark.parametrize("image", [0.9 / 255, 0.2 / 255, np.linspace(0, 1 / 256, 12).reshape(3, 4)], ids=np.shape)
def test_colours_divided_twice_are_told(image):
    with pytest.warns(propmat.PropmatWarning, match="image: its greatest value is .* divided by 255 twice"):
        _inputs.image(np.full((3, 4), image))


def test_colours_of_other_sizes_are_not_said_to_be_divided_twice():
    for greatest in (0, 1e-200, 1e-6, 1 / 255, 0.5):
        _inputs.image(np.full((3, 4), float(greatest)))
    _inputs.image(np.full((3, 4), 0.9 / 255), bounded=False)


@pytest.mark.parametrize(
    ("shape", "hint"), [((1, 4, 5), r"pass trimap\[0\]"), ((4, 5, 1), r"trimap\[:, :, 0\]"), ((4, 5, 3), "channels")]
)
def test_how_to_make_a_plane_of_a_picture(shape, hint):
    with pytest.raises(InputError, match=rf"trimap: takes shape \(H, W\), got .*{hint}"):
        propmat.Trimap.parse(np.zeros(shape))


# Arguments of other types


class Mute:
    """An object that raises at any access."""

    def __array__(self, *_, **__):
        raise RuntimeError("first line\nsecond line")

    def __repr__(self):
        raise RuntimeError("no representation")


ODD = {"mute": Mute(), "ragged": [[1, 2], [3]], "array": np.zeros((30, 40)), "long": "a\nb" * 1000, "huge": 10**5000}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_messages_of_anything_are_one_line(odd):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    graph = propmat.laplacian.closed_form(sample.image)
    calls = {
        "epsilon": lambda: propmat.closed_form(sample.image, sample.trimap, epsilon=odd),
        "radius": lambda: propmat.laplacian.large_kernel(sample.image, radius=odd),
        "solver": lambda: propmat.solve(graph, sample.trimap, solver=odd),
        "callback": lambda: propmat.solve(graph, sample.trimap, callback=odd),
        "confidence": lambda: propmat.solve(graph, sample.trimap, confidence=odd),
        "values": lambda: propmat.adjoint.solve(graph, sample.trimap, values=odd),
        "preset": lambda: propmat.knn(sample.image, sample.trimap, preset=odd),
        "method": lambda: propmat.foreground(sample.image, sample.alpha, method=odd),
        "linear": lambda: propmat.foreground(sample.image, sample.alpha, linear=odd),
        "known_to_unknown": lambda: propmat.information_flow(sample.image, sample.trimap, known_to_unknown=odd),
        "strict": lambda: CG(strict=odd),
        "width": lambda: propmat.trimap_from_mask(sample.alpha > 0.5, width=odd),
        "shape": lambda: propmat.laplacian.Graph(graph.matrix, odd),
        "foreground": lambda: propmat.Trimap(odd, sample.alpha > 0.5),
        "wanted": lambda: propmat.adjoint.closed_form(sample.image, sample.trimap)[1](1.0, wanted=odd),
        "stack": lambda: list(propmat.prepare(graph, sample.trimap).solve_all(odd)),
    }
    for name, call in calls.items():
        with pytest.raises(InputError) as raised:
            call()
        message = str(raised.value)
        assert "\n" not in message, name
        assert len(message) < 400, name


@pytest.mark.parametrize("answer", ["False", 1, None, np.array([True, False])], ids=str)
def test_what_is_neither_true_nor_false(answer):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    with pytest.raises(InputError, match="strict: takes True or False"):
        CG(strict=answer)
    with pytest.raises(InputError, match="strict: takes True or False"):
        propmat.solvers.Direct(strict=answer)
    with pytest.raises(InputError, match="linear: takes True or False"):
        propmat.foreground(sample.image, sample.alpha, linear=answer)


METHODS_THAT_SAMPLE = ["shared_sampling", "comprehensive_sampling", "information_flow"]


@pytest.mark.parametrize("verb", METHODS_THAT_SAMPLE)
def test_verbs_that_sample_check_solver_and_callback_before(verb, monkeypatch):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    for name in ("shared", "comprehensive", "trimmed"):
        monkeypatch.setattr(propmat.sampling, name, lambda *_: pytest.fail("sampled before it checked"))
    for wrong in ({"solver": "cg"}, {"callback": 3}, {"solver": CG}):
        with pytest.raises(InputError, match="solver: takes|callback: takes"):
            getattr(propmat, verb)(sample.image, sample.trimap, **wrong)


@pytest.mark.parametrize("verb", METHODS_THAT_SAMPLE)
def test_verbs_that_sample_read_the_image_once(verb):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    dark = np.rint(3 * sample.image).astype(np.uint8)
    with pytest.warns(propmat.PropmatWarning, match="image: its values are 0 to") as told:
        getattr(propmat, verb)(dark, sample.trimap)
    assert len(told) == 1


@pytest.mark.parametrize("known", ["all", "one label"])
def test_arguments_are_checked_where_nothing_is_solved(known):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    graph = propmat.laplacian.closed_form(sample.image)
    trimap = sample.alpha > 0.5 if known == "all" else np.where(sample.trimap == 0, 0.5, sample.trimap)
    wrong = {"prior": 3, "confidence": "x"} if known == "all" else {"confidence": np.nan, "prior": (2, 3, 4)}
    for name, value in wrong.items():
        for call in (propmat.solve, propmat.adjoint.solve):
            with pytest.raises(InputError, match=name):
                call(graph, trimap, **{name: value})
    with pytest.raises(InputError, match="x0"):
        propmat.solve(graph, trimap, x0="x")
    with pytest.raises(InputError, match="laplacian: takes"):
        propmat.solve("graph", trimap)


def test_a_prior_may_be_a_whole_number():
    sample = propmat.datasets.synthetic(shape=(24, 32))
    graph = propmat.laplacian.closed_form(sample.image)
    one, same = (propmat.solve(graph, sample.trimap, prior=(value, 0.1)).alpha for value in (1, 1.0))
    np.testing.assert_array_equal(one, same)


def test_sequences_that_are_none():
    sample = propmat.datasets.synthetic(shape=(24, 32))
    with pytest.raises(InputError, match="alphas: takes a sequence of frames, got 3"):
        propmat.metrics.dtssd(3, [sample.alpha])
    with pytest.raises(InputError, match="truths: takes a sequence of frames, got None"):
        propmat.metrics.dtssd([sample.alpha], None)


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**1024])
def test_integers_beyond_double_precision_are_refused_by_name(value):
    sample = propmat.datasets.synthetic(shape=(24, 32))
    graph = propmat.laplacian.closed_form(sample.image)
    calls = {
        "prior value": lambda: propmat.solve(graph, sample.trimap, prior=(value, 1.0)),
        "prior confidence": lambda: propmat.solve(graph, sample.trimap, prior=(0.5, value)),
        "confidence": lambda: propmat.solve(graph, sample.trimap, confidence=value),
        "epsilon": lambda: propmat.closed_form(sample.image, sample.trimap, epsilon=value),
        "max_iterations": lambda: CG(max_iterations=value),
        "width": lambda: propmat.trimap_from_mask(sample.alpha, width=value),
        "gradient": lambda: propmat.adjoint.solve(graph, sample.trimap)[1](value),
    }
    for name, call in calls.items():
        with pytest.raises(InputError, match=f"^{name}: takes"):
            call()
