"""PyMatting's names: its own bounds (those of its tests), and agreement with it where it is installed."""

import importlib
import inspect
import sys
import types

import numpy as np
import pytest
import scipy.sparse.linalg

import propmat
import propmat.pymatting as ours
from propmat import MissingDependencyError, PropmatWarning
from propmat.io import read_matte
from propmat.pymatting import _settings

SCALE = 0.1
ALPHAS = ["cf", "knn", "lbdm", "lkm", "rw", "sm"]
OWN = {"install", "installed", "uninstall"}


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=3, shape=(48, 64))


@pytest.fixture
def theirs():
    return pytest.importorskip("pymatting", exc_type=ImportError)


@pytest.fixture
def untold(monkeypatch):
    """As in a new process: no argument has been warned about."""
    monkeypatch.setattr(_settings, "_told", set())


def loaded(folder, name, scale=SCALE):
    """Image, trimap and true alpha, reduced as in PyMatting's tests."""
    image = ours.load_image(folder / "image" / f"{name}.png", "rgb", scale, "bilinear")
    kind = "trimap1" if (folder / "trimap1").is_dir() else "trimap"
    trimap = ours.load_image(folder / kind / f"{name}.png", "gray", scale, "nearest")
    return image, trimap, ours.load_image(folder / "alpha" / f"{name}.png", "gray", scale, "nearest")


@pytest.mark.parametrize(
    ("estimate", "bound"),
    [
        (ours.estimate_alpha, 4.4),
        (ours.estimate_alpha_cf, 4.4),
        (ours.estimate_alpha_lbdm, 4.4),
        (ours.estimate_alpha_rw, 6.2),
        (ours.estimate_alpha_knn, 3.6),
        (lambda *given: ours.estimate_alpha_lkm(*given, laplacian_kwargs={"radius": 1}), 4.4),
        (ours.estimate_alpha_sm, 5.1),
    ],
    ids=["default", "cf", "lbdm", "rw", "knn", "lkm", "sm"],
)
def test_alpha_is_within_their_bounds(photographs, estimate, bound):
    image, trimap, truth = loaded(photographs / "alphamatting" / "training", "GT01")
    assert np.linalg.norm(estimate(image, trimap) - truth) < bound


@pytest.mark.parametrize("estimate", [ours.estimate_foreground_ml, ours.estimate_foreground_cf])
def test_foreground_is_within_their_bound(photographs, estimate):
    folder = photographs / "lemur"
    image, alpha, expected = (
        ours.load_image(folder / kind / "lemur.png", mode, SCALE, "box")
        for kind, mode in (("image", "RGB"), ("alpha", "GRAY"), ("foreground", "RGB"))
    )
    trimap = ours.load_image(folder / "trimap" / "lemur.png", "GRAY", SCALE, "nearest")
    foreground, _ = estimate(image, alpha, return_background=True)
    unknown = ours.trimap_split(trimap, flatten=False)[3]
    difference = alpha[:, :, np.newaxis] * np.abs(foreground - expected)
    assert difference[unknown].mean() <= 0.022


# Errors of PyMatting 1.1 against the lemur's alpha, of which its tests allow 1 % more. Those are with another alpha, of
# a network, that is not at hand.
@pytest.mark.parametrize(
    "name", ["cf_laplacian", "knn_laplacian", "lbdm_laplacian", "rw_laplacian", "uniform_laplacian"]
)
def test_laplacian_is_within_their_bound(photographs, theirs, name):
    image, trimap, truth = loaded(photographs / "lemur", "lemur")
    unknown = ours.trimap_split(trimap)[3]

    def error(module):
        matrix, rhs = module.make_linear_system(getattr(module, name)(image), trimap)
        alpha = np.clip(scipy.sparse.linalg.spsolve(matrix.tocsc(), rhs), 0, 1)
        return np.linalg.norm((alpha - truth.ravel())[unknown])

    assert error(ours) < 1.01 * error(theirs)


def test_large_kernel_is_the_closed_form_of_that_radius(photographs):
    folder = photographs / "alphamatting" / "training"
    image = ours.load_image(folder / "image" / "GT01.png", "rgb", 0.2, "bilinear")
    trimap = ours.load_image(folder / "trimap1" / "GT01.png", "gray", 0.2, "bilinear")
    product, diagonal = ours.lkm_laplacian(image, epsilon=1e-7, radius=2)
    matrix, rhs, c = ours.make_linear_system(ours.cf_laplacian(image, 1e-7, 2), trimap, return_c=True)
    counters = ours.CounterCallback(), ours.CounterCallback()
    of_product = ours.cg(lambda x: product(x) + c * x, rhs, M=lambda r: r / (diagonal + c), callback=counters[0])
    of_matrix = ours.cg(matrix, rhs, M=ours.jacobi(matrix), callback=counters[1])
    assert np.linalg.norm(of_product - of_matrix) < 1e-5
    assert abs(counters[0].n - counters[1].n) <= 2


def test_cutout_is_within_their_bounds(photographs, tmp_path):
    folder = photographs / "lemur"
    target = tmp_path / "made" / "cutout.png"
    ours.cutout(folder / "image" / "lemur.png", folder / "trimap" / "lemur.png", target)
    cutout = ours.load_image(target)
    truth = ours.load_image(folder / "alpha" / "lemur.png", "GRAY")
    expected = ours.load_image(folder / "foreground" / "lemur.png", "RGB")
    pixels = truth.size / 44000  # theirs are bounds of norms, on a picture of about that many pixels
    assert np.linalg.norm(cutout[:, :, 3] - truth) < 3.1 * np.sqrt(pixels)
    weighted = cutout[:, :, 3:] * np.abs(cutout[:, :, :3] - expected)
    assert np.linalg.norm(weighted) < 4 * np.sqrt(pixels)


@pytest.mark.parametrize("name", ours.__all__)
def test_signature_is_theirs(theirs, name):
    if name in OWN:
        pytest.skip("not one of PyMatting's")
    one, other = (inspect.signature(getattr(module, name)).parameters for module in (ours, theirs))
    assert list(one) == list(other)
    for parameter, reference in zip(one.values(), other.values(), strict=True):
        default = reference.default
        assert parameter.default == (_as_tuples(default) if isinstance(default, list) else default)


def _as_tuples(values):
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


@pytest.mark.parametrize(
    ("name", "settings", "tolerance"),
    [
        ("cf_laplacian", {}, 1e-6),
        ("cf_laplacian", {"epsilon": 1e-4, "radius": 2}, 1e-9),
        ("lbdm_laplacian", {"epsilon": 1e-6}, 1e-5),  # theirs penalises the constant of the fit
        ("rw_laplacian", {"sigma": 1 / 30}, 1e-12),
        ("rw_laplacian", {"sigma": 1 / 30, "radius": 2, "regularization": 0.1}, 1e-12),
        ("uniform_laplacian", {"radius": 2}, 1e-12),
        ("knn_laplacian", {}, 1e-12),
        ("knn_laplacian", {"n_neighbors": [6, 4], "distance_weights": [1.0, 0.1], "kernel": "soft"}, 1e-6),
    ],
)
def test_laplacian_is_theirs(theirs, rng, name, settings, tolerance):
    image = rng.random((20, 24, 3))
    given = dict(settings)
    if name == "rw_laplacian":
        given.pop("sigma")  # theirs is 1 / 30 for any
    one = getattr(ours, name)(image, **settings)
    other = getattr(theirs, name)(image, **given)
    assert one.format == "csr"
    assert isinstance(one, scipy.sparse.spmatrix)
    assert abs(one - other).max() < tolerance


@pytest.mark.parametrize("method", ALPHAS)
def test_alpha_is_theirs(theirs, sample, method):
    name = f"estimate_alpha_{method}"
    settings = {"laplacian_kwargs": {"radius": 3}} if method == "lkm" else {}
    one, other = (getattr(module, name)(sample.image, sample.trimap, **settings) for module in (ours, theirs))
    assert one.shape == other.shape
    # Known pixels are exact here, and held by a weight of 100 there; shared matting is refined here.
    bound = {"cf": 1e-4, "sm": 0.1, "lkm": 0.02}.get(method, 1e-2)
    assert np.abs(one - other).mean() < bound


@pytest.mark.parametrize("method", ["ml", "cf"])
def test_foreground_is_theirs(theirs, sample, method):
    name = f"estimate_foreground_{method}"
    alpha = np.clip(sample.alpha, 0.02, 0.98)
    one, other = (getattr(module, name)(sample.image, alpha, return_background=True) for module in (ours, theirs))
    for mine, reference, share in zip(one, other, (alpha, 1 - alpha), strict=True):
        assert mine.shape == reference.shape
        assert (share[:, :, np.newaxis] * np.abs(mine - reference)).mean() < 0.02


@pytest.mark.parametrize("method", ["ml", "cf"])
def test_colours_of_values_up_to_255_are_refused(sample, method):
    estimate = getattr(ours, f"estimate_foreground_{method}")
    with pytest.raises(ValueError, match="image: floating values are in"):
        estimate(255 * sample.image, sample.alpha)
    grey = np.uint8(255 * sample.image[:, :, 0])
    colours = estimate(grey, sample.alpha)
    assert colours.shape == grey.shape
    assert np.allclose(colours, estimate(grey / 255, sample.alpha), atol=1e-6)


def test_system_and_trimap_are_theirs(theirs, sample):
    laplacian = ours.cf_laplacian(sample.image)
    for one, other in zip(
        ours.make_linear_system(laplacian, sample.trimap, 7.0, True),
        theirs.make_linear_system(laplacian, sample.trimap, 7.0, True),
        strict=True,
    ):
        assert abs(one - other).max() == 0
    for flatten in (True, False):
        masks = zip(ours.trimap_split(sample.trimap, flatten), theirs.trimap_split(sample.trimap, flatten), strict=True)
        assert all(np.array_equal(one, other) for one, other in masks)
    assert np.array_equal(ours.fix_trimap(sample.trimap, 0.3, 0.6), theirs.fix_trimap(sample.trimap, 0.3, 0.6))
    grid = [sample.image, None, sample.trimap]
    assert np.array_equal(ours.make_grid(list(grid)), theirs.make_grid(list(grid)))


@pytest.mark.parametrize("preconditioner", ["ichol", "jacobi", "vcycle", None])
def test_cg_solves(sample, preconditioner):
    matrix, rhs = ours.make_linear_system(ours.cf_laplacian(sample.image, 1e-4), sample.trimap)
    shape = (sample.trimap.shape,) if preconditioner == "vcycle" else ()
    apply = None if preconditioner is None else getattr(ours, preconditioner)(matrix, *shape)
    x = ours.cg(matrix, rhs, M=apply, rtol=1e-10)
    assert np.linalg.norm(matrix @ x - rhs) <= 1.01e-10 * np.linalg.norm(rhs)


def test_cg_solves_their_unsymmetric_system(theirs, sample):
    matrix, rhs = ours.make_linear_system(ours.knn_laplacian(sample.image), sample.trimap)
    one, other = (module.cg(matrix, rhs, M=module.jacobi(matrix)) for module in (ours, theirs))
    assert np.abs(one - other).max() < 1e-4


def test_what_cannot_be_solved_is_a_value_error(sample):
    matrix, rhs = ours.make_linear_system(ours.cf_laplacian(sample.image), sample.trimap)
    with pytest.raises(ValueError, match="did not converge within 3 iterations"):
        ours.cg(matrix, rhs, maxiter=3)
    with pytest.raises(ValueError, match="not positive definite"):
        ours.cg(-matrix, rhs)
    with pytest.warns(propmat.ConvergenceWarning), pytest.raises(ValueError, match="iteration limit"):
        ours.estimate_alpha_cf(sample.image, sample.trimap, cg_kwargs={"maxiter": 1})
    with pytest.raises(TypeError, match="cg_kwargs: there is no key 'tolerance'.* takes x0, atol, rtol"):
        ours.estimate_alpha_cf(sample.image, sample.trimap, cg_kwargs={"tolerance": 1})
    with pytest.raises(TypeError, match="laplacian_kwargs: there is no key 'eps', .* takes epsilon, radius, is_known"):
        ours.estimate_alpha_cf(sample.image, sample.trimap, laplacian_kwargs={"eps": 1e-7})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"maxiter": 0}, "maxiter: takes a whole number"),
        ({"x0": "zeros"}, "x0: takes floating"),
        ({"x0": np.zeros(3, complex)}, "x0: takes floating"),
    ],
)
def test_wrong_settings_of_the_solver_are_named(sample, settings, told):
    with pytest.raises(propmat.InputError, match=f"^{told}"):
        ours.estimate_alpha_cf(sample.image, sample.trimap, cg_kwargs=settings)


@pytest.mark.parametrize("b", [np.ones((2, 1)), np.ones(2, complex)])
def test_right_hand_sides_are_real_vectors(b):
    with pytest.raises(propmat.InputError, match="^b: takes"):
        ours.cg(np.eye(2), b)


@pytest.mark.parametrize("matrix", [np.eye(3), [[1.0]], (abs, np.ones(4)), abs])
def test_matrices_that_do_not_fit_the_trimap_are_named(matrix):
    with pytest.raises(propmat.InputError, match="^L: takes a matrix of a row for each of 4 pixels, got"):
        ours.make_linear_system(matrix, np.array([[0.0, 1.0], [0.5, 0.5]]))


@pytest.mark.parametrize("count", [1, 2, 130, 300, 383, 384, 500])
def test_any_number_of_neighbours(rng, count):
    """More than a node of the search's tree holds, and more than there are pixels."""
    image = rng.random((16, 24, 3))
    y, x = np.indices(image.shape[:2])
    features = np.column_stack([image.reshape(-1, 3), np.ravel(y / 15), np.ravel(x / 23)])
    distances = np.square(features[:, np.newaxis] - features).sum(axis=2)
    found = np.zeros_like(distances)
    np.put_along_axis(found, np.argsort(distances, axis=1)[:, :count], 1.0, axis=1)
    weights = found + found.T
    expected = np.eye(len(weights)) - weights / weights.sum(axis=1, keepdims=True)
    laplacian = ours.knn_laplacian(image, [count], [1.0]).toarray()
    assert np.abs(laplacian - expected).max() < 1e-12


def test_random_walk_ties_pixels_whose_weights_vanish():
    """exp(-900 * 3) is 0 in floating point: a white pixel on black is tied by the least weights alone."""
    image, trimap = np.zeros((5, 7, 3)), np.full((5, 7), 0.5)
    image[2, 3], trimap[:, 0], trimap[:, -1] = 1.0, 0, 1
    alpha = ours.estimate_alpha_rw(image, trimap)
    assert alpha[2, 3] == pytest.approx(alpha[1:4, 2:5].mean(), abs=1e-6)
    assert np.abs(alpha + alpha[:, ::-1] - 1).max() < 1e-6


@pytest.mark.parametrize("method", ALPHAS)
@pytest.mark.parametrize("level", [0.0, 1.0, 0.5])
def test_trimap_without_a_label_is_a_value_error(sample, method, level):
    with pytest.raises(ValueError, match="trimap: has no (back|fore)ground"):
        getattr(ours, f"estimate_alpha_{method}")(sample.image, np.full(sample.trimap.shape, level))


def test_settings_of_the_solver_are_passed_on(sample):
    exact = ours.estimate_alpha_cf(sample.image, sample.trimap, cg_kwargs={"rtol": 1e-10, "atol": 0, "maxiter": 5000})
    counter = ours.CounterCallback()
    ours.estimate_alpha_cf(sample.image, sample.trimap, cg_kwargs={"callback": counter})
    unknown = ours.trimap_split(sample.trimap)[3]
    for start in (exact, exact.ravel()[unknown]):
        again = ours.CounterCallback()
        ours.estimate_alpha_cf(sample.image, sample.trimap, cg_kwargs={"callback": again, "x0": start})
        assert again.n < counter.n
    with pytest.raises(ValueError, match="x0: takes a value for each unknown pixel"):
        ours.estimate_alpha_cf(sample.image, sample.trimap, cg_kwargs={"x0": np.zeros(3)})


def test_what_has_no_effect_is_told_once(untold, sample, recwarn):
    for _ in range(2):
        ours.estimate_alpha_cf(sample.image, sample.trimap, preconditioner=ours.jacobi)
        ours.estimate_alpha_sm(sample.image, sample.trimap, sample_gathering_angles=8)
        ours.estimate_foreground_ml(sample.image, sample.alpha, n_big_iterations=4)
    assert [str(one.message).partition(":")[0] for one in recwarn] == [
        "preconditioner",
        "sample_gathering_angles",
        "n_big_iterations",
    ]


def test_trimap_may_have_a_channel_and_be_of_8_bits(sample):
    alpha = ours.estimate_alpha_cf(sample.image, sample.trimap)
    levels = np.round(255 * sample.trimap).astype(np.uint8)
    assert np.array_equal(ours.estimate_alpha_cf(sample.image, levels[:, :, np.newaxis])[:, :, 0], alpha)


def test_images_are_checked(sample):
    for image, told in [
        (sample.image[:, :, 0], "shape"),
        (np.round(255 * sample.image).astype(np.uint8), "dtype"),
        (sample.image + 0.2, "values"),
    ]:
        with pytest.warns(PropmatWarning, match=f"image: {told}"):
            ours.sanity_check_image(image)


@pytest.mark.parametrize("method", ALPHAS)
@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 1), (48, 64, 2), (48, 64, 4)])
def test_pictures_without_three_channels_are_value_errors(sample, method, shape):
    """As by PyMatting: rembg passes the numbers of a palette as a picture (H, W)."""
    with pytest.raises(ValueError, match=r"image: takes shape \(H, W, 3\), got"):
        getattr(ours, f"estimate_alpha_{method}")(np.zeros(shape), sample.trimap)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_])
def test_grids_take_floating_images(dtype):
    """Of another dtype, white is not 1, and the images after it would be truncated to it."""
    images = [np.ones((2, 3), dtype), np.full((2, 3), 0.5)]
    for given in (images, images[::-1]):
        with pytest.raises(propmat.InputError, match="images: takes floating arrays"):
            ours.show_images(given)


@pytest.mark.parametrize(
    ("mode", "shape"), [(None, (6, 8, 4)), ("rgb", (6, 8, 3)), ("GRAY", (6, 8)), ("RGBA", (6, 8, 4))]
)
def test_files_are_read_as_theirs(theirs, rng, tmp_path, mode, shape):
    pixels = np.round(255 * rng.random((6, 8, 4))) / 255
    ours.save_image(tmp_path / "image.png", pixels)
    one, other = (module.load_image(str(tmp_path / "image.png"), mode) for module in (ours, theirs))
    assert one.shape == other.shape == shape
    assert np.abs(one - other).max() <= (0.5 / 255 + 1e-6 if mode == "GRAY" else 1e-12)


@pytest.mark.parametrize("resample", ["box", "bicubic", "bilinear", "hamming", "lanczos", "nearest", "none"])
@pytest.mark.parametrize("size", [0.5, (5, 3), 2])
def test_files_are_resampled_as_theirs(theirs, rng, tmp_path, size, resample):
    ours.save_image(tmp_path / "image.png", rng.random((12, 15, 3)))
    one, other = (module.load_image(str(tmp_path / "image.png"), "RGB", size, resample) for module in (ours, theirs))
    assert one.shape == other.shape
    assert np.array_equal(one, other)


def test_sizes_of_files(tmp_path):
    ours.save_image(tmp_path / "image.png", np.zeros((6, 8)))
    assert ours.load_image(tmp_path / "image.png", size=np.array([4, 3])).shape == (3, 4)
    for size, told in [((5,), r"a pair \(width, height\)"), (1e9, "a whole number up to"), (0.01, "a factor that")]:
        with pytest.raises(propmat.InputError, match=f"^size: takes {told}"):
            ours.load_image(tmp_path / "image.png", size=size)
    with pytest.raises(propmat.InputError, match="^path: takes a path"):
        ours.save_image(b"image.png", np.zeros((6, 8)))


def test_images_are_shown(monkeypatch):
    from PIL import Image

    shown = []
    monkeypatch.setattr(Image.Image, "show", lambda image: shown.append(image.size))
    ours.show_images([np.zeros((4, 6)), np.ones((4, 6, 3))])
    assert shown == [(12, 4)]


@pytest.fixture
def program(theirs, monkeypatch):
    """A program that imported functions of PyMatting by name, as rembg does."""
    module = types.ModuleType("rembg.bg")
    module.estimate_alpha_cf = importlib.import_module("pymatting.alpha.estimate_alpha_cf").estimate_alpha_cf
    module.stack = theirs.stack_images  # under another name
    monkeypatch.setitem(sys.modules, "rembg.bg", module)
    return module


def test_functions_are_installed_and_taken_out(theirs, program):
    before = {name: getattr(theirs, name) for name in ours.__all__ if name not in OWN}
    inner = sys.modules["pymatting.cutout.cutout"]
    for _ in range(2):
        ours.install()
        assert theirs.estimate_alpha is theirs.estimate_alpha_cf is ours.estimate_alpha_cf
        assert program.estimate_alpha_cf is inner.estimate_alpha_cf is ours.estimate_alpha_cf
        assert program.stack is ours.stack_images
    with ours.installed():
        pass
    assert program.stack is ours.stack_images  # it was installed before the block
    ours.uninstall()
    ours.uninstall()
    assert {name: getattr(theirs, name) for name in before} == before
    assert program.estimate_alpha_cf is inner.estimate_alpha_cf is before["estimate_alpha_cf"]


def test_functions_are_installed_for_a_block(theirs, program):
    original = program.estimate_alpha_cf
    with ours.installed():
        with pytest.raises(ValueError, match="has no"), ours.installed():
            program.estimate_alpha_cf(np.zeros((4, 4, 3)), np.zeros((4, 4)))
        assert program.estimate_alpha_cf is ours.estimate_alpha_cf
    assert program.estimate_alpha_cf is theirs.estimate_alpha_cf is original


def test_blocks_of_several_threads_leave_nothing_behind(theirs):
    """The first of two blocks ends before the second."""
    original = theirs.estimate_alpha_cf
    first, second = ours.installed(), ours.installed()
    with first:
        second.__enter__()
    assert theirs.estimate_alpha_cf is ours.estimate_alpha_cf
    second.__exit__(None, None, None)
    assert theirs.estimate_alpha_cf is original
    with ours.installed():
        ours.uninstall()
        ours.install()
    assert theirs.estimate_alpha_cf is ours.estimate_alpha_cf  # by the later one
    ours.uninstall()


def test_programs_imported_within_the_block_are_restored(theirs, monkeypatch):
    original = theirs.estimate_alpha_cf
    with ours.installed():
        module = types.ModuleType("backgroundremover.bg")
        module.estimate_alpha_cf = theirs.estimate_alpha_cf
        monkeypatch.setitem(sys.modules, "backgroundremover.bg", module)
    assert module.estimate_alpha_cf is original


def test_without_pymatting_there_is_nothing_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "pymatting"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [])
    importlib.invalidate_caches()
    with pytest.raises(MissingDependencyError, match="install: PyMatting is not installed"):
        ours.install()


def test_dandelion_has_the_matte_of_the_authors(photographs):
    """Their matte has known pixels held by a weight of 100, as PyMatting's system has."""
    folder = photographs / "levin_dandelion"
    image = ours.load_image(folder / "image" / "dandelion.png", "RGB")
    trimap = ours.load_image(folder / "trimap" / "dandelion.png", "GRAY")
    matrix, rhs = ours.make_linear_system(ours.cf_laplacian(image), trimap)
    x = ours.cg(matrix, rhs, M=ours.ichol(matrix))
    reference = read_matte(folder / "matlab_alpha" / "dandelion.png") / 255
    assert np.abs(np.clip(x, 0, 1).reshape(trimap.shape) - reference).mean() < 1e-2


@pytest.mark.parametrize("image", [np.full((4, 5), 200.0), np.full((4, 5, 3), -0.5), np.full((4, 5), np.float32(1.5))])
def test_saved_values_that_are_clipped_are_told(tmp_path, image):
    with pytest.warns(propmat.PropmatWarning, match=r"^image: values from .* are clipped to \[0, 1\]"):
        ours.save_image(tmp_path / "image.png", image)


def test_overshoot_of_resampling_is_clipped_without_a_warning(tmp_path):
    ours.save_image(tmp_path / "image.png", np.array([[-0.1, 1.1]]))
    np.testing.assert_array_equal(ours.load_image(tmp_path / "image.png"), [[0, 1]])
