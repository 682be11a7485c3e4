"""AlphaGAN: weights and shapes of the paper, its layers, encoders from files, whole pictures and tiles."""

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import propmat
from propmat import InputError, PropmatWarning, Trimap, datasets, io
from propmat.cli import main
from propmat.matting._mattes import matte
from propmat.networks import AlphaGAN, PatchGAN, alphagan, load_encoder, save_weights
from propmat.networks._alphagan._decoder import unpooled
from propmat.networks._alphagan._matte import whole
from propmat.networks._alphagan._tiles import tiled
from propmat.networks._last_solve import EPSILON
from propmat.networks._trunks._layers import merged, reflected
from propmat.networks._trunks._resnet import ResNet50
from propmat.solvers import Direct

pytestmark = pytest.mark.usefixtures("on_one_thread")


@pytest.fixture(scope="module")
def scene():
    return datasets.synthetic(3, (44, 61))


@pytest.fixture
def weights(tmp_path):
    """A narrow network whose statistics are not the first ones, in a file."""
    return saved(tmp_path / "w.safetensors")


def saved(path, **options):
    network = AlphaGAN.preset("small", width=16, **options)
    network.encoder.bn1.running_mean += 0.1
    save_weights(path, network, {})
    return path


def count(module):
    return sum(weight.numel() for weight in module.parameters())


def planes(sample):
    """Image, trimap: (1, C, H, W) tensors."""
    given = (sample.image.transpose(2, 0, 1), sample.trimap[None])
    return [torch.from_numpy(np.ascontiguousarray(plane))[None].float() for plane in given]


# Weights and shapes


def test_the_generator_has_the_weights_of_the_paper():
    network = AlphaGAN.outline({})
    parts = network.encoder, network.pooling, network.decoder
    assert [count(part) for part in parts] == [23_511_168, 15_535_104, 1_256_064]
    assert count(network) == 40_302_336
    assert count(AlphaGAN.outline({"mattes": ["knn"]}).encoder) - count(network.encoder) == 3_136


@pytest.mark.parametrize(
    ("options", "weights"),
    [({}, 2_766_657), ({"strided": 2}, 664_385), ({"features": 12}, 99_421), ({"channels": 6}, 2_768_705)],
)
def test_discriminators_have_the_weights_of_the_sheet(options, weights):
    assert count(PatchGAN.outline(options)) == weights


def test_small_is_at_most_6_megabytes_in_half_precision(tmp_path):
    save_weights(tmp_path / "small.safetensors", AlphaGAN.preset("small").half(), {})
    assert (tmp_path / "small.safetensors").stat().st_size <= 6e6


def test_shapes_at_320_pixels():
    """On the device "meta", which computes no values."""
    network, x = AlphaGAN.outline({}), torch.empty(1, 4, 320, 320, device="meta")
    half, quarter, deepest, places = network.encoder(x)
    assert half.shape == (1, 64, 160, 160)
    assert quarter.shape == (1, 256, 80, 80)
    assert deepest.shape == (1, 2048, 40, 40)
    assert places.shape == (1, 64, 80, 80)
    assert network.answer(x).shape == (1, 1, 320, 320)
    judged = [PatchGAN.outline({})(torch.empty(1, 4, side, side, device="meta")).shape for side in (320, 256)]
    assert judged == [(1, 1, 38, 38), (1, 1, 30, 30)]


@pytest.mark.parametrize("size", [(72, 104), (24, 30), (9, 7), (1, 2)])
def test_pictures_of_any_size(size):
    network = AlphaGAN.preset("small", width=16).eval()
    with torch.no_grad():
        alpha = network(torch.rand(2, 3, *size), torch.rand(2, 1, *size))
    assert alpha.shape == (2, 1, *size)
    assert 0 < alpha.min() <= alpha.max() < 1


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_a_batch_of_one_can_be_trained(norm):
    network = AlphaGAN.preset("small", width=32, norm=norm).train()
    network(torch.rand(1, 3, 8, 8), torch.full((1, 1, 8, 8), 0.5)).sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_sides_are_reflected():
    x = torch.arange(5.0).expand(1, 1, 3, 5)
    assert reflected(x, 8)[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 3, 2, 1]
    assert reflected(torch.ones(1, 1, 1, 1), 8, 16).shape == (1, 1, 16, 16)
    assert torch.equal(reflected(x, 1), x)


# Layers


@pytest.mark.parametrize(("stage", "stride", "dilation"), [("layer2", 8, 1), ("layer3", 8, 2), ("layer4", 8, 4)])
def test_the_last_stages_are_dilated(stage, stride, dilation):
    """All of their 3 x 3 convolutions: an impulse reaches as far as the dilation, and the size stays."""
    trunk = ResNet50(4, 16)
    sizes = {}
    getattr(trunk, stage).register_forward_hook(lambda module, given, found: sizes.update({stage: found.shape[2:]}))
    trunk(torch.rand(1, 4, 64, 48))
    assert sizes[stage] == (64 // stride, 48 // stride)
    for block in list(getattr(trunk, stage))[stage == "layer2" :]:  # the first of layer2 has a stride
        impulse = torch.zeros(1, block.conv2.in_channels, 11, 11)
        impulse[:, :, 5, 5] = 1
        reached = block.conv2(impulse).abs().sum(1)[0].nonzero()
        assert sorted({abs(int(row) - 5) for row, _ in reached}) == [0, dilation]


def test_unpooling_keeps_the_greatest():
    """Windows of 3 x 3 overlap, so that places occur several times."""
    x = torch.rand(2, 3, 12, 8)
    pooled, places = torch.nn.functional.max_pool2d(x, 3, 2, 1, return_indices=True)
    assert len(places[0, 0].unique()) < places[0, 0].numel()
    values = torch.randn(pooled.shape)
    expected = torch.zeros(2, 3, 96)
    for index in np.ndindex(2, 3):
        flat, at = values[index].flatten(), places[index].flatten()
        for place in at.unique():
            expected[(*index, place)] = flat[at == place].max()
    found = unpooled(values, places)
    assert torch.equal(found, expected.unflatten(2, (12, 8)))
    assert torch.equal(unpooled(pooled, places)[x == unpooled(pooled, places)], x[x == unpooled(pooled, places)])
    torch.autograd.gradcheck(lambda v: unpooled(v, places), values.double().requires_grad_())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that PyTorch can use")
def test_unpooling_on_a_gpu_is_that_of_the_host():
    x = torch.rand(2, 3, 120, 80)
    _, places = torch.nn.functional.max_pool2d(x, 3, 2, 1, return_indices=True)
    values = torch.randn(2, 3, 60, 40)
    expected = unpooled(values, places)
    for _ in range(3):
        assert torch.equal(unpooled(values.cuda(), places.cuda()).cpu(), expected)


# Departures


def test_with_mattes_the_answer_starts_at_their_mean(scene):
    network = AlphaGAN.preset("small", width=8, mattes=["closed_form", "knn"]).eval()
    image, trimap = planes(scene)
    mattes = torch.rand(1, 2, *image.shape[2:])
    with torch.no_grad():
        torch.testing.assert_close(network(image, trimap, mattes), mattes.mean(1, keepdim=True))
    for wrong, told in ((None, "takes a floating tensor of shape"), (mattes[:, :1], "takes a floating tensor")):
        with pytest.raises(InputError, match=f"^mattes: {told}"):
            network(image, trimap, wrong)
    with pytest.raises(InputError, match="^mattes: this network was made with none, takes None"):
        AlphaGAN.preset("small", width=16)(image, trimap, mattes)


def test_the_answer_can_be_any_matte_or_constant():
    mattes, given = torch.rand(1, 2, 3, 4), torch.zeros(1, 3, 3, 4)
    given[:, 0], given[:, 1] = 0.5, -0.5
    torch.testing.assert_close(merged(given, mattes), mattes[:, :1])
    given[:, :2], given[:, 2] = -0.5, 0.7
    torch.testing.assert_close(merged(given, mattes), torch.full((1, 1, 3, 4), 0.7))


def test_only_training_goes_beyond_0_and_1(scene):
    """Where a clipped answer would have no gradient."""
    network = AlphaGAN.preset("small", width=16, mattes=["knn"])
    image, trimap = planes(scene)
    matte = torch.full_like(trimap, 0.9)
    with torch.no_grad():
        network.decoder.deconv4.weight.normal_(std=10)
        assert network.train()(image, trimap, matte).abs().max() > 1
        found = network.eval()(image, trimap, matte)
    assert 0 <= found.min() <= found.max() <= 1


def test_the_last_solve_is_refine(scene):
    network = AlphaGAN.preset("small", width=16, confidence=0.1).eval()
    image, trimap = planes(scene)
    with torch.no_grad():
        found = network(image, trimap, solver=Direct())[0, 0].numpy()
        network.confidence = None
        answer = network(image, trimap)[0, 0].double().numpy()
    expected = propmat.refine(scene.image, answer, 0.1, trimap=scene.trimap, epsilon=EPSILON, solver=Direct())
    np.testing.assert_allclose(found, expected, atol=1e-5)
    known = scene.trimap != 0.5
    np.testing.assert_array_equal(found[known], scene.trimap[known])


def test_gradients_through_the_last_solve():
    """Against a central difference along a direction of the last layer's weights."""
    small = datasets.synthetic(1, (16, 24))
    network = AlphaGAN.preset("small", width=16, confidence=0.1).double().eval()
    image, trimap = (plane.double() for plane in planes(small))
    weight, slope = network.decoder.deconv4.weight, torch.randn(1, 1, 16, 24, dtype=torch.float64)

    def loss():
        return (network(image, trimap, solver=Direct()) * slope).sum()

    loss().backward()
    direction = torch.randn_like(weight)
    along = (weight.grad * direction).sum()
    ends = []
    with torch.no_grad():
        for step in (1e-4, -2e-4):
            weight.add_(step * direction)
            ends.append(loss())
    torch.testing.assert_close(along, (ends[0] - ends[1]) / 2e-4, rtol=1e-3, atol=1e-6)


# Encoders from files


def of_public_layout(width=16):
    """A state dict with the names that torchvision gives to ResNet-50, narrower."""
    state = {
        name: torch.rand_like(t) if t.is_floating_point() else t for name, t in ResNet50(3, width).state_dict().items()
    }
    return state | {"fc.weight": torch.rand(1000, 8), "fc.bias": torch.rand(1000)}


def test_names_and_shapes_of_the_public_layout():
    """As torchvision has them, of which `resnet50().state_dict()` has 320 with the classifier."""
    state = AlphaGAN.outline({}).encoder.state_dict()
    assert len(state) == 318
    expected = {
        "conv1.weight": (64, 4, 7, 7),
        "bn1.running_var": (64,),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.2.conv3.weight": (256, 64, 1, 1),
        "layer2.0.conv2.weight": (128, 128, 3, 3),
        "layer3.5.bn2.num_batches_tracked": (),
        "layer4.0.downsample.1.bias": (2048,),
    }
    assert {name: tuple(state[name].shape) for name in expected} == expected
    assert "layer1.1.downsample.0.weight" not in state


@pytest.mark.parametrize("write", [torch.save, save_file], ids=["pickle", "safetensors"])
def test_an_encoder_of_a_file(write, tmp_path):
    state, network = of_public_layout(), AlphaGAN.preset("small", width=16, mattes=["knn"])
    old = {name: t.half() if t.is_floating_point() else t for name, t in state.items() if "num_batches" not in name}
    for given, dtype in ((state, torch.float32), (old, torch.float16)):
        write(given, tmp_path / "encoder")
        load_encoder(tmp_path / "encoder", network)
        for name, tensor in network.encoder.state_dict().items():
            if name == "conv1.weight":
                assert torch.equal(tensor[:, :3], state[name].to(dtype).float())
                assert not tensor[:, 3:].any()
            elif tensor.is_floating_point():
                assert torch.equal(tensor, state[name].to(dtype).float())


WRONG = {
    "missing": (lambda s: s.pop("layer2.1.bn1.bias"), "missing tensor 'layer2.1.bn1.bias'"),
    "more": (lambda s: s.update({"layer5.0.conv1.weight": torch.rand(2)}), "unexpected tensor 'layer5.0.conv1.weight'"),
    "shape": (
        lambda s: s.update({"layer1.0.conv2.weight": torch.rand(4, 4, 3, 1)}),
        "size mismatch for layer1.0.conv2.weight, it is (4, 4, 3, 1) in the file and (4, 4, 3, 3) here",
    ),
    "four channels": (
        lambda s: s.update({"conv1.weight": torch.rand(4, 4, 7, 7)}),
        "size mismatch for conv1.weight, it is (4, 4, 7, 7) in the file and (4, 3, 7, 7) here",
    ),
    "NaN": (lambda s: s["bn1.bias"].fill_(torch.nan), "the tensor bn1.bias has 4 values that are NaN or infinite"),
    "variance": (lambda s: s["bn1.running_var"].fill_(-1), "the tensor bn1.running_var has variances below 0"),
    "integers": (lambda s: s.update({"bn1.bias": torch.ones(4, dtype=torch.int32)}), "is of torch.int32, takes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_encoders_that_do_not_fit(case, tmp_path):
    change, message = WRONG[case]
    state, network = of_public_layout(), AlphaGAN.preset("small", width=16)
    change(state)
    torch.save(state, tmp_path / "encoder.pth")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(InputError) as raised:
        load_encoder(tmp_path / "encoder.pth", network)
    assert str(raised.value).startswith(f"weights: {tmp_path}/encoder.pth")
    assert message in str(raised.value)
    torch.testing.assert_close(network.state_dict(), before, rtol=0, atol=0)


class Runs:
    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return open, (str(self.place), "w")


def test_files_of_encoders_that_are_none(tmp_path):
    network, path = AlphaGAN.preset("small", width=16), tmp_path / "encoder.pth"
    torch.save({"conv1.weight": Runs(tmp_path / "made")}, path)
    contents = [
        path.read_bytes(),
        pickle.dumps(Runs(tmp_path / "made")),
        pickle.dumps({"conv1.weight": 5}),
        b"",
        b"PK\x03\x04",
        b"\x80",
        b"no tensors at all",
        (1 << 40).to_bytes(8, "little"),
    ]
    torch.save([1, 2], path)
    contents.append(path.read_bytes())
    torch.save({"conv1.weight": torch.rand(2, 2).to_sparse()}, path)
    contents.append(path.read_bytes())
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"^weights: .*encoder.pth") as raised:
            load_encoder(path, network)
        assert str(raised.value).isprintable()
    assert not (tmp_path / "made").exists()
    for place in (tmp_path, tmp_path / "nothing", 5, "a\0b"):
        with pytest.raises(InputError, match="^weights: "):
            load_encoder(place, network)
    with pytest.raises(InputError, match="^network: takes an AlphaGAN, a DiffMatte or a LateFusion, got ResNet50"):
        load_encoder(path, network.encoder)


# Whole pictures


def test_known_pixels_are_exact_and_the_rest_is_the_networks(scene, weights):
    found = alphagan(scene.image, scene.trimap, weights=weights)
    free = alphagan(scene.image, scene.trimap, weights=weights, keep_labels=False)
    labels = Trimap.parse(scene.trimap)
    np.testing.assert_array_equal(found[labels.known], labels.labels[labels.known])
    np.testing.assert_array_equal(found[labels.unknown], free[labels.unknown])
    network, _ = propmat.networks.load_weights(weights, AlphaGAN)
    with torch.no_grad():
        expected = network(*planes(scene))[0, 0].numpy()
    np.testing.assert_allclose(free, expected, atol=1e-6)
    assert propmat.matte("alphagan", scene.image, scene.trimap, weights=weights).alpha == pytest.approx(found)


def test_mattes_and_the_last_solve_of_a_picture(scene, tmp_path):
    path = saved(tmp_path / "w.safetensors", mattes=["closed_form"], confidence=0.1)
    found = alphagan(scene.image, scene.trimap, weights=path)
    network, _ = propmat.networks.load_weights(path, AlphaGAN)
    given = torch.from_numpy(matte("closed_form", scene.image, Trimap.parse(scene.trimap)))[None, None].float()
    with torch.no_grad():
        expected = network(*planes(scene), given)[0, 0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-3)  # of either solve, to its tolerance


def test_the_command(scene, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    io.write_image("image.png", scene.image)
    io.write_image("trimap.png", scene.trimap)
    command = ["alpha", "image.png", "trimap.png", "-o", "alpha.png", "--method", "alphagan"]
    assert main([*command, "--weights", str(weights)]) == 0
    expected = alphagan(io.read_image("image.png"), io.read_trimap("trimap.png"), weights=weights)
    np.testing.assert_allclose(io.read_matte("alpha.png") / 255, expected, atol=0.5 / 255 + 1e-9)


def test_tiles_are_blended():
    """Of what does not depend on its surroundings nothing is seen of tiles; borders of tiles have no weight."""
    x = torch.rand(1, 3, 104, 72, dtype=torch.float64)
    seen = []

    def first(tile):
        seen.append(tuple(tile.shape[2:]))
        return tile[:, :1]

    torch.testing.assert_close(tiled(first, x, 32, 16), x[:, :1])
    assert set(seen) == {(32, 32)}
    torch.testing.assert_close(tiled(first, x, 104, 16), x[:, :1])

    def count_tiles(tile):
        places = torch.zeros_like(tile[:, :1])
        places[..., 0, :] = 1
        return places

    borders = tiled(count_tiles, x, 32, 16)[0, 0, :, 20]
    assert borders[0] == 1
    assert borders[1:].max() < 0.1


def test_tiles_where_memory_is_short(scene, monkeypatch):
    network = AlphaGAN.preset("small", width=16).eval()
    labels = Trimap.parse(scene.trimap)
    expected = whole(network, scene.image, labels, [])
    monkeypatch.setattr("propmat.networks._alphagan._tiles.SIDE", 40)
    monkeypatch.setattr("propmat.networks._alphagan._tiles.OVERLAP", 16)
    monkeypatch.setattr("propmat.networks._inference.available", lambda: 1000)
    with pytest.warns(PropmatWarning, match="^image: 64 x 48 pixels at once would take about .* in tiles of 40 pixels"):
        found = whole(network, scene.image, labels, [])
    assert found.shape == expected.shape
    assert 0 < np.abs(found - expected).mean() < 0.1


def test_wrong_options():
    for rates in ((1, 2), "123", (1, 2, 65), (0, 1, 2), (1, 2, 3.0), 5):
        with pytest.raises(InputError, match="^rates: takes a "):
            AlphaGAN(16, rates=rates)
    for options, message in (
        ({"width": 33}, "width: takes a whole number up to 32, got 33"),
        ({"norm": "layer"}, "norm: takes 'batch' or 'group', got 'layer'"),
        ({"mattes": ["poisson"]}, "mattes: takes names out of"),
        ({"mattes": 5}, "mattes: takes a list of 1 to 16 names, got 5"),
        ({"confidence": 0}, "confidence: takes a finite number >= 1e-06, got 0"),
    ):
        with pytest.raises(InputError) as raised:
            AlphaGAN.preset("small", **options)
        assert message in str(raised.value)
    for options in ({"features": 0}, {"strided": 7}, {"channels": 65}):
        with pytest.raises(InputError, match=f"^{next(iter(options))}: takes a whole number"):
            PatchGAN(**options)
    with pytest.raises(InputError, match="^x: takes at least 24 pixels a side"):
        PatchGAN.preset("small")(torch.rand(1, 4, 23, 30))
    with pytest.raises(InputError, match=r"^x: takes a floating tensor of shape \(B, 4, H, W\)"):
        PatchGAN.preset("small")(torch.rand(1, 3, 32, 32))
