"""Methods by name: each has one definition, which all bindings use."""

import inspect
import warnings
from unittest import mock

import numpy as np
import pytest

import propmat
from propmat import InputError, PropmatWarning, Trimap, _inputs
from propmat.matting import _refine
from propmat.matting._methods import METHODS, NETWORKS, POSED
from propmat.solvers import CG, Direct

SHAPE = (24, 32)
CALLS = {
    **{name: lambda image, trimap, name=name: propmat.matte(name, image, trimap) for name in POSED},
    **{f"propmat.{name}": getattr(propmat, name) for name in POSED},
    "propmat.refine": lambda image, trimap: propmat.refine(image, np.full(SHAPE, 0.5), 1.0, trimap=trimap),
    "adjoint.closed_form": propmat.adjoint.closed_form,
    "adjoint.knn": propmat.adjoint.knn,
    "adjoint.weighted_windows": lambda image, trimap: propmat.adjoint.weighted_windows(
        image, np.ones((SHAPE[0] - 2, SHAPE[1] - 2)), trimap
    ),
    "adjoint.refine": lambda image, trimap: propmat.adjoint.refine(image, np.full(SHAPE, 0.5), 1.0, trimap=trimap),
}


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(shape=SHAPE)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_image_and_trimap_are_checked_once(call, sample):
    counted = {
        name: mock.patch.object(owner, name, wraps=getattr(owner, name))
        for owner, name in ((_inputs, "image"), (_inputs, "greys"), (Trimap, "parse"))
    }
    with counted["image"] as image, counted["greys"] as greys, counted["parse"] as parse:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PropmatWarning)
            call(sample.image, sample.trimap)
    assert (image.call_count, greys.call_count, parse.call_count) == (1, 1, 1)


@pytest.fixture
def weights(name, tmp_path):
    """A file of first weights for a network that comes without any, None for the others."""
    networks = pytest.importorskip("propmat.networks")
    from propmat.networks._weights import shipped  # here, for it needs PyTorch

    if shipped(name).exists():
        return None
    kind = next(kind for kind in networks.Network.__subclasses__() if kind.name == name)
    networks.save_weights(tmp_path / "w", kind.preset("small"), {})
    return tmp_path / "w"


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_check_image_and_trimap_once(name, sample, weights):
    test_image_and_trimap_are_checked_once(lambda *given: propmat.matte(name, *given, weights=weights), sample)


@pytest.mark.parametrize("name", NETWORKS)
def test_settings_of_networks_are_known_without_importing_them(name):
    networks = pytest.importorskip("propmat.networks")
    assert settings_of(getattr(networks, name)).keys() == set(NETWORKS[name].settings)


@pytest.mark.parametrize("name", POSED)
def test_a_method_by_name_is_the_function_of_that_name(name, sample):
    by_name = propmat.matte(name, sample.image, sample.trimap)
    np.testing.assert_array_equal(by_name.alpha, getattr(propmat, name)(sample.image, sample.trimap))
    assert by_name.converged


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_are_methods(name, sample, weights):
    networks = pytest.importorskip("propmat.networks")
    settings = {"weights": weights, "keep_labels": False}
    found = propmat.matte(name, sample.image, sample.trimap, **settings)
    np.testing.assert_array_equal(found.alpha, getattr(networks, name)(sample.image, sample.trimap, **settings))
    assert found.iterations == 0
    assert np.isnan(found.residual)
    with pytest.raises(InputError, match=f"solver: the method {name} does not take it"):
        propmat.matte(name, sample.image, sample.trimap, solver=CG())


def settings_of(function):
    """Keyword arguments and defaults that are of the method."""
    parameters = inspect.signature(function).parameters.values()
    others = ("solver", "callback", "values", "confidence", "trimap", "alpha")
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in others}


@pytest.mark.parametrize("name", POSED)
def test_settings_have_the_same_defaults_everywhere(name):
    expected = settings_of(POSED[name].pose)
    assert settings_of(getattr(propmat, name)) == expected
    if hasattr(propmat.adjoint, name):
        assert settings_of(getattr(propmat.adjoint, name)) == expected
    if hasattr(propmat.laplacian, name):
        own = inspect.signature(getattr(propmat.laplacian, name)).parameters.values()
        assert {p.name: p.default for p in own if p.name != "image"} == expected


def test_settings_of_bindings_have_the_same_defaults():
    torch = pytest.importorskip("propmat.torch")
    for name in ("closed_form", "knn"):
        assert settings_of(getattr(torch, name)) == settings_of(POSED[name].pose)
    assert settings_of(torch.refine) == settings_of(propmat.refine) == settings_of(_refine.pose)


def test_settings_reach_the_method(sample):
    image, trimap = sample.image, sample.trimap
    expected = propmat.closed_form(image, trimap, epsilon=1e-4, radius=2, solver=Direct())
    found = propmat.matte("closed_form", image, trimap, epsilon=1e-4, radius=2, solver=Direct())
    np.testing.assert_array_equal(found.alpha, expected)
    steps = []
    propmat.matte("closed_form", image, trimap, callback=lambda *step: steps.append(step))
    assert steps


def test_methods_are_listed_with_a_line_each():
    listed = propmat.methods()
    assert list(listed) == list(METHODS)
    assert all(line and "\n" not in line and len(line) < 80 for line in listed.values())


def test_wrong_names_and_settings(sample):
    image, trimap = sample.image, sample.trimap
    for name in ("poisson", 3, None, ["knn"]):
        with pytest.raises(InputError, match="method: takes 'closed_form' or 'knn' or .*, got "):
            propmat.matte(name, image, trimap)
    with pytest.raises(InputError, match="preset: the method closed_form has no such setting; takes epsilon, radius"):
        propmat.matte("closed_form", None, None, preset="rgb")
    with pytest.raises(InputError, match="epsilon: the method shared_sampling has no such setting; takes none"):
        propmat.matte("shared_sampling", None, None, epsilon=1)
    with pytest.raises(InputError, match="solver: takes propmat.solvers.CG"):
        propmat.matte("knn", image, trimap, solver="cg")
