"""Nodes of ComfyUI, called as ComfyUI does, by a stand-in for its API."""

import asyncio
import inspect
import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

import propmat
from propmat import InputError, MissingDependencyError
from propmat.comfyui import comfy_entrypoint
from propmat.comfyui._nodes import NODES
from tests.comfyui import comfy_api

EXAMPLE = Path(__file__).parents[2] / "examples" / "comfyui"


@pytest.fixture(scope="module")
def sample():
    return propmat.datasets.synthetic(seed=1, shape=(48, 64))


@pytest.fixture
def nodes(monkeypatch):
    """The classes of the nodes, by their identifiers."""
    for name, module in comfy_api.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    extension = asyncio.run(comfy_entrypoint())
    assert isinstance(extension, comfy_api.ComfyExtension)
    return {node.define_schema().node_id: node for node in asyncio.run(extension.get_node_list())}


def tensor(*arrays):
    return torch.from_numpy(np.stack(arrays).astype(np.float32))


def run(node, *given, **settings):
    """The outputs, from the inputs in the order of the schema and the defaults of the widgets."""
    schema = node.define_schema()
    inputs = {port.id: port.default for port in schema.inputs if isinstance(port, comfy_api.WidgetInput)}
    inputs |= dict(zip([port.id for port in schema.inputs], given, strict=False)) | settings
    results = node.execute(**inputs).result
    assert len(results) == len(schema.outputs)
    for result, output in zip(results, schema.outputs, strict=True):
        assert (result.dtype, result.device.type) == (torch.float32, "cpu")
        assert result.ndim == (4 if isinstance(output, comfy_api.io.Image.Output) else 3)
        assert 0 <= float(result.min()) <= float(result.max()) <= 1
    return results


def test_schemas_fit_the_functions(nodes):
    assert set(nodes) == {node.name for node in NODES}
    for node in NODES:
        schema = nodes[node.name].define_schema()
        assert issubclass(nodes[node.name], comfy_api.ComfyNode)
        assert [port.id for port in schema.inputs] == list(inspect.signature(node.function).parameters)
        assert schema.category == "image/matting"
        for port in schema.inputs:
            if isinstance(port, comfy_api.FloatInput):
                assert port.min <= port.default <= port.max
            if isinstance(port, comfy_api.ComboInput):
                assert port.options == list(propmat.methods())
                assert port.default in port.options


def test_trimap(nodes, sample):
    mask = gaussian_filter(sample.alpha, 1)
    (trimap,) = run(nodes["PropmatTrimap"], tensor(mask, mask), inside=5.0, outside=2.0)
    expected = propmat.trimap_from_mask(np.float32(mask), width=("5%", "2%")).labels
    assert np.array_equal(trimap.numpy(), [expected, expected])


def test_matte(nodes, sample):
    (alpha,) = run(nodes["PropmatMatte"], tensor(sample.image, sample.image[::-1]), tensor(sample.trimap))
    expected = propmat.closed_form(np.float32(sample.image), np.float32(sample.trimap))
    assert np.array_equal(alpha[0].numpy(), np.float32(expected))
    (alpha,) = run(nodes["PropmatMatte"], tensor(sample.image), torch.from_numpy(sample.trimap), method="knn")
    assert alpha.shape == (1, 48, 64)


def test_refine(nodes, sample):
    mask = np.float32(gaussian_filter(sample.alpha, 2))
    (alpha,) = run(nodes["PropmatRefine"], tensor(sample.image), tensor(mask))
    assert np.abs(alpha[0].numpy() - sample.alpha).mean() < np.abs(mask - sample.alpha).mean()


def test_upsample(nodes, sample):
    small = np.float32(sample.alpha.reshape(12, 4, 16, 4).mean(axis=(1, 3)))
    images = tensor(sample.image, sample.image[::-1])
    (alpha,) = run(nodes["PropmatUpsample"], images, tensor(small, small[::-1]))
    assert np.array_equal(alpha[0].numpy(), np.float32(propmat.upsample(np.float32(sample.image), small)))
    (same,) = run(nodes["PropmatUpsample"], images, torch.from_numpy(small), confidence=10.0)
    assert same.shape == (2, 48, 64)


@pytest.mark.parametrize("linear", [False, True])
def test_foreground(nodes, sample, linear):
    foreground, cutout = run(nodes["PropmatForeground"], tensor(sample.image), tensor(sample.alpha), linear=linear)
    expected = propmat.foreground(np.float32(sample.image), np.float32(sample.alpha), linear=linear)[0]
    assert np.array_equal(foreground[0].numpy(), np.float32(expected.clip(0, 1)))
    assert np.array_equal(cutout[0].numpy(), np.dstack([foreground[0], np.float32(sample.alpha)]))


def test_grey_pictures_have_colours_of_three_channels(nodes, sample):
    grey = tensor(sample.image[:, :, :1])
    foreground, cutout = run(nodes["PropmatForeground"], grey, tensor(sample.alpha), linear=False)
    assert foreground.shape == (1, 48, 64, 3)
    assert cutout.shape == (1, 48, 64, 4)
    assert np.array_equal(cutout[0, :, :, 3].numpy(), np.float32(sample.alpha))


def test_half_precision_and_transparency_are_taken(nodes, sample):
    image = tensor(np.dstack([sample.image, sample.alpha])).to(torch.bfloat16)
    (alpha,) = run(nodes["PropmatMatte"], image, tensor(sample.trimap).half())
    assert alpha.shape == (1, 48, 64)


@pytest.mark.parametrize(
    ("image", "mask", "told"),
    [
        ((1, 48, 64, 3), (1, 64, 64), "mask: has 64 x 64 pixels, the image 64 x 48; it is what LoadImage gives"),
        ((1, 48, 64, 3), (1, 24, 32), "mask: has 32 x 24 pixels, the image 64 x 48$"),
        ((3, 48, 64, 3), (2, 48, 64), "mask: has 2 masks for 3 images"),
        ((1, 48, 64, 3), (1, 1, 48, 64), "mask: takes a MASK"),
        ((48, 64, 3), (1, 48, 64), "image: takes an IMAGE"),
        ((0, 48, 64, 3), (1, 48, 64), "image: is an empty batch"),
        ((1, 48, 64, 3), (1, 48, 64), "mask: has no foreground"),
    ],
)
def test_what_does_not_fit_is_named(nodes, image, mask, told):
    with pytest.raises(InputError, match=told):
        run(nodes["PropmatRefine"], torch.zeros(image), torch.zeros(mask))


@pytest.mark.parametrize(
    ("image", "mask", "told"),
    [
        ((1, 48, 64, 3), (1, 60, 80), r"mask: shape \(60, 80\) is larger than the image"),
        ((1, 48, 64, 3), (1, 24, 30), r"mask: shape \(24, 30\) has another aspect ratio"),
        ((1, 48, 64, 3), (2, 24, 32), "mask: has 2 masks for 1 images"),
        ((1, 96, 80, 3), (1, 64, 64), "mask: has 64 x 64 pixels, the image 80 x 96; it is what LoadImage gives"),
    ],
)
def test_small_masks_that_do_not_fit_are_named(nodes, image, mask, told):
    with pytest.raises(InputError, match=told):
        run(nodes["PropmatUpsample"], torch.zeros(image), torch.zeros(mask))


@pytest.mark.parametrize("node", ["PropmatRefine", "PropmatUpsample", "PropmatForeground"])
def test_the_inverted_mask_of_a_picture_without_transparency_is_named(nodes, node):
    """LoadImage gives 64 x 64 zeros for it, and InvertMask makes ones of them."""
    with pytest.raises(InputError, match="mask: has 64 x 64 pixels.*what LoadImage gives, inverted or not"):
        run(nodes[node], torch.zeros(1, 96, 80, 3), torch.ones(1, 64, 64))


@pytest.mark.parametrize("node", ["PropmatTrimap", "PropmatRefine"])
def test_a_frame_without_an_edge_leaves_a_batch_as_it_is(nodes, sample, node):
    image = () if node == "PropmatTrimap" else (tensor(*[sample.image] * 4),)
    alpha = sample.alpha
    with pytest.warns(propmat.PropmatWarning, match="mask: 2 of 4 have no edge, the first is number 2"):
        (mattes,) = run(nodes[node], *image, tensor(alpha, 0 * alpha, 1 + 0 * alpha, alpha))
    assert (mattes[1] == 0).all()
    assert (mattes[2] == 1).all()
    assert torch.equal(mattes[0], mattes[3])


def test_the_item_of_a_batch_that_fails_is_named(nodes, sample):
    image, alpha = tensor(sample.image, sample.image), tensor(sample.alpha, np.full_like(sample.alpha, 0.5))
    with pytest.raises(InputError, match=r"mask: has no foreground.* \(number 2 of 2\)"):
        run(nodes["PropmatRefine"], image, alpha)


def test_overshoot_of_a_mask_is_clipped(nodes, sample):
    _, cutout = run(nodes["PropmatForeground"], tensor(sample.image), tensor(1.1 * sample.alpha - 0.05))
    assert (float(cutout[..., 3].min()), float(cutout[..., 3].max())) == (0, 1)


def test_the_folder_to_copy_has_the_nodes(nodes):
    entry = runpy.run_path(str(EXAMPLE / "__init__.py"))["comfy_entrypoint"]
    assert len(asyncio.run(asyncio.run(entry()).get_node_list())) == len(nodes)


def test_the_example_workflow_fits_the_nodes(nodes):
    """Its prompt, in the format of ComfyUI's API, names nodes and inputs that there are."""
    prompt = json.loads((EXAMPLE / "workflow_api.json").read_text(encoding="utf-8"))
    ours = [step for step in prompt.values() if step["class_type"] in nodes]
    assert {step["class_type"] for step in ours} == {"PropmatRefine", "PropmatForeground"}
    for step in ours:
        schema = nodes[step["class_type"]].define_schema()
        assert set(step["inputs"]) == {port.id for port in schema.inputs}
        for value in step["inputs"].values():
            if isinstance(value, list):
                source, index = value
                made = nodes.get(prompt[source]["class_type"])
                assert made is None or index < len(made.define_schema().outputs)


def test_outside_comfyui_it_says_so():
    with pytest.raises(MissingDependencyError, match="comfy_entrypoint: is called by ComfyUI"):
        asyncio.run(comfy_entrypoint())


def test_import_brings_no_pytorch():
    code = "import sys, propmat.comfyui; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
