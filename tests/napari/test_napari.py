"""The plug-in of napari: layers from arrays, its manifest; and within napari, offscreen, where it is installed."""

import configparser
import importlib
import os
import re
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import propmat
from propmat import InputError
from propmat.napari import _layers, _widgets, flower

ROOT = Path(propmat.__file__).parents[1]
MANIFEST = Path(propmat.__file__).parent / "napari" / "napari.yaml"
PLACE = {"scale": (2.0, 2.0), "translate": (0.0, 1.0)}


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=4, shape=(48, 64))


@pytest.fixture(scope="module")
def labels(sample):
    return _layers.labels_of(propmat.Trimap.parse(sample.trimap))


def test_labels_are_a_trimap(sample, labels):
    assert set(np.unique(labels)) == {0, 1, 2}
    assert np.array_equal(_layers.trimap_of(labels).labels, sample.trimap)


@pytest.mark.parametrize("channels", [None, 3, 4])
def test_alpha_is_a_layer(sample, labels, channels):
    image = sample.image.mean(axis=2) if channels is None else np.dstack([sample.image, sample.alpha])[:, :, :channels]
    alpha, settings, kind = _layers.alpha_layer(image, labels, "closed_form", PLACE)
    assert np.array_equal(alpha, propmat.closed_form(image if channels is None else sample.image, sample.trimap))
    assert settings == {"name": "alpha (closed_form)", "contrast_limits": (0, 1), **PLACE}
    assert kind == "image"


def test_trimap_is_a_layer(sample):
    mask = np.int32(7) * (sample.alpha > 0.5)
    made, settings, kind = _layers.trimap_layer(mask, (3, 2), PLACE)
    expected = propmat.trimap_from_mask(sample.alpha > 0.5, width=(3, 2))
    assert np.array_equal(_layers.trimap_of(made).labels, expected.labels)
    assert (settings["name"], kind) == ("trimap", "labels")


@pytest.mark.parametrize("grey", [False, True])
def test_cutout_is_a_layer(sample, grey):
    image = sample.image.mean(axis=2) if grey else sample.image
    cutout, settings, kind = _layers.cutout_layer(image, sample.alpha, PLACE)
    expected = propmat.foreground(image, sample.alpha)[0].clip(0, 1)
    assert np.array_equal(cutout[:, :, :3], np.dstack([expected] * 3) if grey else expected)
    assert np.array_equal(cutout[:, :, 3], sample.alpha)
    assert settings["rgb"]
    assert kind == "image"
    assert _layers.cutout_layer(image, 1.1 * sample.alpha, PLACE)[0].max() == 1
    with pytest.raises(propmat.InputError, match="image: floating values are in"):
        _layers.cutout_layer(255 * image, sample.alpha, PLACE)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (np.full((48, 64), 3), "labels: takes 0"),
        (np.full((48, 64), 0.5), "labels: takes integers"),
        (np.ones((48, 64, 2), int), "labels: takes integers"),
        (np.zeros((48, 64), int), "trimap: no pixel is known|trimap"),
        (np.ones((10, 10), int), "shape"),
    ],
)
def test_wrong_labels_are_named(sample, labels, told):
    with pytest.raises(InputError, match=told):
        _layers.alpha_layer(sample.image, labels, "closed_form", PLACE)


def test_results_lie_where_the_layer_lies():
    place = {"scale": (2, 1), "translate": (3, 0), "rotate": np.eye(2), "shear": (0.5,), "affine": np.eye(3)}
    assert _widgets._place(SimpleNamespace(data=None, **place)) == place


def test_the_finest_resolution_of_a_layer_is_taken(sample):
    levels = [sample.image, sample.image[::2, ::2]]
    assert _widgets._data(SimpleNamespace(data=levels, multiscale=True)) is levels[0]
    assert _widgets._data(SimpleNamespace(data=levels[1], multiscale=False)) is levels[1]


def test_flower_is_sample_data():
    (image, _, _), (labels, _, _) = flower()
    assert image.shape[:2] == labels.shape


def test_manifest_names_what_there_is():
    text = MANIFEST.read_text(encoding="utf-8")
    commands = dict(re.findall(r"- id: (\S+)\n.*\n +python_name: (\S+)", text))
    assert len(commands) == 4
    for identifier, path in commands.items():
        module, _, name = path.partition(":")
        assert identifier.startswith("propmat.")
        assert callable(getattr(importlib.import_module(module), name))
    assert set(re.findall(r"- command: (\S+)", text)) == set(commands)


def test_manifest_is_an_entry_point():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    assert config["options.entry_points"]["napari.manifest"].strip() == "propmat = propmat.napari:napari.yaml"
    assert config["options.package_data"]["propmat.napari"] == "napari.yaml"


@pytest.fixture
def viewer():
    """A viewer, on a screen with OpenGL, which may be a virtual one: run under `xvfb-run`."""
    if not os.environ.get("DISPLAY"):
        pytest.skip("no screen")
    napari = pytest.importorskip("napari", exc_type=ImportError)
    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


def wait(viewer, count):
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + 300
    while len(viewer.layers) < count and time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)
    assert len(viewer.layers) == count


@pytest.mark.filterwarnings("default")
def test_widgets_add_layers(viewer, sample, labels):
    """From a mask to a trimap, alpha and a cut-out, by the buttons of the forms."""
    viewer.add_image(sample.image, name="image", scale=(2, 2))
    viewer.add_labels((sample.alpha > 0.5).astype(int), name="mask", scale=(2, 2))
    forms = {}
    for title in ("Trimap from a mask", "Matte from painted labels", "Foreground colours"):
        _, forms[title] = viewer.window.add_plugin_dock_widget("propmat", title)
    trimap, matte, colours = forms.values()
    trimap(mask=viewer.layers["mask"], inside=3, outside=3)
    wait(viewer, 3)
    matte(image=viewer.layers["image"], labels=viewer.layers["trimap"], method="closed_form")
    wait(viewer, 4)
    alpha = viewer.layers["alpha (closed_form)"]
    assert np.array_equal(alpha.scale, (2, 2))
    colours(image=viewer.layers["image"], alpha=alpha)
    wait(viewer, 5)
    assert viewer.layers["cut-out"].rgb
    viewer.open_sample("propmat", "flower")
    wait(viewer, 7)


def test_manifest_is_valid():
    npe2 = pytest.importorskip("npe2", exc_type=ImportError)
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert manifest.name == "propmat"
