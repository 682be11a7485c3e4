"""DiffMatte: weights and shapes of the paper, noise and samplers, encoders, files of the authors, whole pictures."""

import re
import sys
from functools import cache, partialmethod

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tqdm import tqdm

import propmat
from propmat import InputError, Trimap, datasets, io
from propmat.cli import main
from propmat.matting._mattes import matte
from propmat.networks import DiffMatte, diffmatte, load_encoder, load_published, load_weights, save_weights
from propmat.networks._diffmatte._decoder import Decoder, embedded
from propmat.networks._diffmatte._diffusion import Sampler, noisy, scaled
from propmat.networks._diffmatte._matte import Projection, Sampling, whole
from propmat.networks._diffmatte._published import LAYOUT
from propmat.networks._last_solve import EPSILON
from propmat.networks._trunks._efficientnet import EfficientNetLite0
from propmat.networks._trunks._layers import coloured, normalised
from propmat.networks._trunks._swin import Block as SwinBlock
from propmat.networks._trunks._vit import Attention, ViT
from propmat.networks._trunks._vit import Block as ViTBlock
from propmat.networks._trunks._windows import joined, windows

pytestmark = pytest.mark.usefixtures("on_one_thread")


@pytest.fixture(scope="module")
def scene():
    return datasets.synthetic(3, (44, 61))


@pytest.fixture
def weights(tmp_path):
    return saved(tmp_path / "w.safetensors")


def saved(path, **options):
    """A file of a network whose last layer, and statistics, are not the first ones."""
    save_weights(path, moved(DiffMatte.preset("small", **options)), {})
    return path


def moved(network):
    with torch.no_grad():
        network.decoder.head[-1].weight.normal_(std=0.3)
        network.decoder.mid_blk.bn1.running_mean += 0.1
    return network.eval()


@cache
def outline(preset):
    """The network of a preset without values; spectral normalisation takes seconds to be made."""
    return DiffMatte.outline(DiffMatte.presets[preset]).eval()


def count(module):
    return sum(weight.numel() for weight in module.parameters())


def planes(sample):
    """Image, trimap: (1, C, H, W) tensors."""
    given = (sample.image.transpose(2, 0, 1), sample.trimap[None])
    return [torch.from_numpy(np.ascontiguousarray(plane))[None].float() for plane in given]


# Weights and shapes


@pytest.mark.parametrize(
    ("preset", "encoder", "decoder"),
    [
        ("faithful", 23_745_792, 5_268_481),
        ("vit_b", 93_732_864, 7_726_081),
        ("resnet34", 14_222_784, 9_591_681),
        ("swin_t", 27_523_479, 11_230_081),
    ],
)
def test_networks_have_the_weights_of_the_paper(preset, encoder, decoder):
    network = outline(preset)
    assert [count(network.encoder), count(network.decoder), count(network)] == [encoder, decoder, encoder + decoder]
    vectors = [value.numel() for name, value in network.named_buffers() if re.search(r"\._[uv]$", name)]
    assert sum(vectors) == (53_110 if preset == "resnet34" else 0)


def test_the_decoder_for_tests_has_the_weights_of_the_sheet():
    assert count(DiffMatte.preset("small").decoder) == 170_689
    with torch.device("meta"):
        assert count(Decoder((7, 16, 32), (64, 32, 32, 16), 16)) == 170_689


def test_small_is_at_most_6_megabytes_in_half_precision(tmp_path):
    save_weights(tmp_path / "w", DiffMatte.preset("small", mattes=["closed_form", "knn"]).half(), {})
    assert (tmp_path / "w").stat().st_size <= 6e6


@pytest.mark.parametrize(
    ("encoder", "features"),
    [
        ("vit_s", (384, 6, 8)),
        ("vit_b", (768, 6, 8)),
        ("resnet34", (512, 3, 4)),
        ("swin_t", (768, 3, 4)),
        ("compact", (64, 12, 16)),
        ("efficientnet_lite0", (320, 3, 4)),
        ("densenet201", (1920, 3, 4)),
        ("resnet50", (2048, 12, 16)),
    ],
)
def test_shapes_at_96_times_128(encoder, features):
    """On the device "meta", which computes no values."""
    names = {"vit_s": "faithful"} | {name: name for name in ("vit_b", "resnet34", "swin_t")}
    network = outline(names[encoder]) if encoder in names else DiffMatte.outline({"encoder": encoder}).eval()
    with torch.device("meta"):
        given = torch.empty(2, 3, 96, 128), torch.empty(2, 1, 96, 128)
        seen = network.seen(network.planes(*given))
        assert seen.features.shape == (2, *features)
        assert network.answer(seen, given[1], torch.empty(2)).shape == (2, 1, 96, 128)


@pytest.mark.parametrize("size", [(64, 96), (33, 70), (1, 2)])
def test_pictures_of_any_size(size):
    network = moved(DiffMatte.preset("small"))
    with torch.no_grad():
        x = network(torch.rand(2, 3, *size), torch.rand(2, 1, *size), torch.randn(2, 1, *size), torch.rand(2))
    assert x.shape == (2, 1, *size)
    assert -1 < x.min() <= x.max() < 1


def test_zeros_lie_beyond_the_picture():
    """Of all that the encoder and the decoder see; they do not see that the picture ends there otherwise."""
    network, seen = DiffMatte.preset("small").eval(), []
    network.encoder.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    network.decoder.register_forward_pre_hook(lambda module, given: seen.append(given[1]))
    network(torch.rand(1, 3, 40, 64), torch.rand(1, 1, 40, 64), torch.randn(1, 1, 40, 64), torch.rand(1))
    assert [tuple(x.shape) for x in seen] == [(1, 6, 64, 64), (1, 7, 64, 64)]
    assert not any(x[:, :, 40:].any() for x in seen)
    assert all(x[:, :, :40].flatten(2).any(2).all() for x in seen)


def test_what_does_not_fit_a_network():
    network, image, one = DiffMatte.preset("small"), torch.rand(2, 3, 32, 32), torch.rand(2, 1, 32, 32)
    for wrong in (one[:, 0], one[:1], one > 0.5, None):
        with pytest.raises(InputError, match=r"^x: takes a floating tensor of shape \(2, 1, 32, 32\), got"):
            network(image, one, wrong, torch.rand(2))
    for wrong in (torch.rand(1), torch.rand(2, 1), torch.ones(2, dtype=torch.int64), 0.5):
        with pytest.raises(InputError, match=r"^time: takes a floating tensor of shape \(2,\), got"):
            network(image, one, one, wrong)


def test_planes_are_normalised_colours_and_labels():
    network = DiffMatte.preset("small")
    image, labels = torch.rand(1, 3, 2, 3), torch.tensor([[0, 0.5, 1], [1, 1, 0.5]])[None, None]
    found = network.planes(image, labels)
    torch.testing.assert_close(coloured(found[:, :3]), image)
    torch.testing.assert_close(found[:, :3], normalised(image))
    assert found[0, 3:].argmax(0).tolist() == [[0, 1, 2], [2, 2, 1]]
    assert (found[:, 3:].sum(1) == 1).all()


def test_times_are_told_by_cosines_and_sines():
    found = embedded(torch.tensor([0, 0.3, 1]), 8)
    rates = 10_000.0 ** (-np.arange(4) / 4)
    for row, time in zip(found.numpy(), (0, 0.3, 1), strict=True):
        np.testing.assert_allclose(row, [*np.cos(time * rates), *np.sin(time * rates)], rtol=1e-5, atol=1e-7)
    slow, fast = (
        DiffMatte.preset("small", t_scale=factor, up=(4, 4, 4), down=(4, 4)).decoder.eval() for factor in (1, 1000)
    )
    fast.load_state_dict(slow.state_dict())
    given = torch.rand(1, 64, 4, 4), torch.rand(1, 7, 32, 32)
    torch.testing.assert_close(fast(*given, torch.tensor([0.0005])), slow(*given, torch.tensor([0.5])))


# Noise and samplers


def test_noise_at_both_ends():
    truth, noise = torch.rand(2, 1, 120, 90, dtype=torch.float64) * 2 - 1, torch.randn(2, 1, 120, 90).double()
    torch.testing.assert_close(noisy(truth, noise, torch.zeros(2).double(), 0.2), 0.2 * truth, rtol=0, atol=0)
    late = noisy(truth, noise, torch.ones(2).double(), 0.2)
    torch.testing.assert_close(late.std((1, 2, 3)), torch.ones(2).double(), rtol=0, atol=1e-2)
    between = noisy(truth, noise, torch.tensor([0.3, 0.6], dtype=torch.float64), 0.2)
    expected = 0.2 * np.sqrt([0.7, 0.4])[:, None, None, None] * truth.numpy()
    expected += np.sqrt([0.3, 0.6])[:, None, None, None] * noise.numpy()
    np.testing.assert_allclose(between, expected, rtol=1e-12)
    for x in (late, between, 0.2 * truth):
        torch.testing.assert_close(scaled(x).std((1, 2, 3), correction=0), torch.ones(2).double())
    assert not scaled(torch.zeros(1, 1, 4, 4)).any()


@pytest.mark.parametrize("kind", ["ddim", "ddpm"])
@pytest.mark.parametrize("steps", [1, 2, 7, 10])
def test_a_network_that_knows_the_matte_gives_it(kind, steps):
    truth = torch.rand(2, 1, 20, 30, dtype=torch.float64) * 2 - 1
    times = []

    def predict(x, time):
        times.append(float(time[0]))
        torch.testing.assert_close(x.std((1, 2, 3), correction=0), torch.ones(2).double())
        return truth

    found = Sampler(0.2, steps, kind)(predict, lambda: torch.randn(truth.shape, dtype=torch.float64))
    assert (found - truth).abs().max() <= 2.3e-16
    assert times == pytest.approx([1 - k / steps for k in range(steps)])


@pytest.mark.parametrize("kind", ["ddim", "ddpm"])
def test_noise_between_steps_has_the_variance_of_its_time(kind):
    """Where the network knows the matte; 40,000 numbers tell a variance to 1 %."""
    truth, seen = torch.zeros(1, 1, 200, 200, dtype=torch.float64), []
    sampler = Sampler(0.2, 4, kind)
    x = torch.randn(truth.shape, dtype=torch.float64)
    times = [torch.tensor([time], dtype=torch.float64) for time in sampler.times]
    for time, following in zip(times[:-1], times[1:], strict=True):
        x = sampler._step(x, truth, time, following, lambda: torch.randn(truth.shape, dtype=torch.float64))
        seen.append(float(x.var()))
    assert seen == pytest.approx([0.75, 0.5, 0.25, 0], rel=0.03, abs=1e-12)


def test_steps_of_ddim_are_those_of_the_formula():
    x, found = torch.randn(2, 1, 1, 5, 6, dtype=torch.float64)
    time, following = (torch.tensor([value], dtype=torch.float64) for value in (0.6, 0.2))
    noise = (x - 0.2 * np.sqrt(0.4) * found) / np.sqrt(0.6)
    expected = 0.2 * np.sqrt(0.8) * found + np.sqrt(0.2) * noise
    torch.testing.assert_close(Sampler(0.2, 1)._step(x, found, time, following, None), expected)


def test_steps_that_begin_at_a_matte_and_end_early():
    truth, first, seen = torch.ones(1, 1, 4, 5), -torch.ones(1, 1, 4, 5), []

    def predict(x, time):
        seen.append((x, float(time)))
        return truth

    sampler = Sampler(0.5, 3, start=0.3)
    noise = torch.randn(truth.shape)
    sampler(predict, lambda: noise, first, lambda step, x: step == 2)
    assert [time for _, time in seen] == pytest.approx([0.3, 0.2])
    torch.testing.assert_close(seen[0][0], scaled(noisy(first, noise, torch.tensor([0.3]), 0.5)))
    assert torch.equal(sampler(predict, lambda: noise, first, lambda step, x: True), truth)


# Encoders


def test_windows_are_joined_again():
    x = torch.rand(2, 10, 9, 3)
    for shift in (0, 3):
        parts, shape = windows(x, 7, shift)
        assert (parts.shape, shape) == ((8, 7, 7, 3), (14, 14))
        torch.testing.assert_close(joined(parts, shape, shift)[:, :10, :9], x)
    torch.testing.assert_close(
        parts[0],
        x[0, 3:10, 3:10][:, :6].new_zeros(7, 7, 3) + torch.nn.functional.pad(x, (0, 0, 0, 5, 0, 4))[0, 3:10, 3:10],
    )


def test_attention_with_relative_positions(monkeypatch):
    """Beside loops over all pairs of places; of another extent than that of the tables too."""
    layer = Attention(12, 2, 3).double()
    with torch.no_grad():
        for table in (layer.rel_pos_h, layer.rel_pos_w):
            table.normal_()
    x = torch.randn(1, 3, 3, 12, dtype=torch.float64)
    q, k, v = layer.qkv(x)[0].flatten(0, 1).unflatten(1, (3, 2, 6)).permute(1, 2, 0, 3)
    expected = torch.zeros(9, 2, 6, dtype=torch.float64)
    for head in range(2):
        for a in range(9):
            logits = torch.stack(
                [
                    q[head, a] @ k[head, b] / 6**0.5
                    + q[head, a] @ layer.rel_pos_h[a // 3 - b // 3 + 2]
                    + q[head, a] @ layer.rel_pos_w[a % 3 - b % 3 + 2]
                    for b in range(9)
                ]
            )
            expected[a, head] = logits.softmax(0) @ v[head]
    torch.testing.assert_close(layer(x), layer.proj(expected.flatten(1)).unflatten(0, (3, 3))[None])
    other = torch.randn(2, 5, 4, 12, dtype=torch.float64)
    at_once = layer(other)
    monkeypatch.setattr("propmat.networks._trunks._vit.LARGEST", 2 * 2 * 20 * 4 * 2)
    torch.testing.assert_close(layer(other), at_once)  # two rows at a time


def test_blocks_of_a_transformer_see_a_window_or_all():
    x = torch.zeros(1, 20, 17, 12, requires_grad=True)
    for whole_picture, reach in ((False, 14), (True, 20)):
        block = ViTBlock(12, 2, 20, whole_picture)
        (gradient,) = torch.autograd.grad(block(x + torch.randn(x.shape))[0, 3, 4].sum(), x)
        seen = gradient[0].abs().sum(2).nonzero()
        assert seen.max(0).values.tolist() == [reach - 1, min(reach, 17) - 1]


def test_positions_are_resized():
    encoder = ViT(12, 2, 32)
    assert encoder(torch.rand(1, 6, 48, 32)).shape == (1, 12, 3, 2)
    torch.testing.assert_close(encoder._positions(14, 14)[0, 3, 5], encoder.pos_embed[0, 1 + 3 * 14 + 5])


def test_shifted_windows_see_neighbours_and_priors():
    """Beside loops over the places of each window that were neighbours, and the priors."""
    block = SwinBlock(12, 2, 2, 3, 0.0).double().eval()
    attention = block.attn
    with torch.no_grad():
        attention.relative_position_bias_table.normal_()
    x, priors = torch.randn(2, 10, 9, 12, dtype=torch.float64), torch.randn(2, 6, 12, dtype=torch.float64)
    found, of_priors = block(x, priors)
    padded = torch.nn.functional.pad(block.norm1(x), (0, 0, 0, 5, 0, 4))
    tokens, means = (attention.qkv(values).unflatten(-1, (3, 2, 6)) for values in (padded, block.norm1(priors)))
    inside = torch.zeros(2, 10, 9, 2, 6, dtype=torch.float64)
    table = attention.relative_position_bias_table
    group = [(0 if place < 3 else 1 if place < 10 else 2) for place in range(14)]  # before, in and after the windows
    with torch.no_grad():
        for picture, row, column in np.ndindex(2, 10, 9):
            near = [
                (r, c) for r in range(14) for c in range(14) if group[r] == group[row] and group[c] == group[column]
            ]
            for head in range(2):
                q = tokens[picture, row, column, 0, head] / 6**0.5
                logits = [
                    q @ tokens[picture, r, c, 1, head] + table[(row - r + 6) * 13 + column - c + 6, head]
                    for r, c in near
                ]
                logits += [q @ means[picture, k, 1, head] + table[169 + k, head] for k in range(6)]
                values = [tokens[picture, r, c, 2, head] for r, c in near] + [
                    means[picture, k, 2, head] for k in range(6)
                ]
                inside[picture, row, column, head] = torch.stack(logits).softmax(0) @ torch.stack(values)
        attended = x + attention.proj(inside.flatten(3))
        torch.testing.assert_close(found, attended + block.mlp(block.norm2(attended)))
        later = priors + attention.proj(means[:, :, 2].flatten(2))
        torch.testing.assert_close(of_priors, later + block.mlp(block.norm2(later)))


def test_any_encoder():
    class Quarter(torch.nn.Module):
        channels, stride = 5, 4

        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Conv2d(6, 5, 4, 4)

        def forward(self, x):
            return self.layer(x)

    network = DiffMatte(Quarter(), down=[3], up=[4, 3], embedding=4).eval()
    given = torch.rand(1, 3, 24, 30), torch.rand(1, 1, 24, 30), torch.randn(1, 1, 24, 30), torch.rand(1)
    assert network(*given).shape == (1, 1, 24, 30)
    assert network.options["encoder"] == "Quarter"
    for channels, stride in ((None, 8), (5, 2), (5.0, 8), (5, None), (0, 8), (-5, 8), (True, 8), (5, 8.0), (5, [8, 8])):
        wrong = torch.nn.Identity()
        wrong.channels, wrong.stride = channels, stride
        with pytest.raises(
            InputError, match="^encoder: takes a module with a whole number of channels and a stride of"
        ):
            DiffMatte(wrong)
    network.encoder.channels, network.encoder.stride = np.int64(5), np.int64(4)
    assert network(*given).shape == (1, 1, 24, 30)
    with pytest.raises(InputError, match=r"^encoder: takes 'vit_s' or .* or a module, got <class "):
        DiffMatte(Quarter)


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (lambda x: x[..., ::4, ::4], r"one of shape \(1, 6, 8, 8\)"),
        (lambda x: x[:, :5, ::8, ::8], r"one of shape \(1, 5, 4, 4\)"),
        (lambda x: [x[:, :5, ::4, ::4]], r"\[tensor"),
        (lambda x: None, "None"),
    ],
)
def test_an_encoder_answers_what_it_tells(answer, got):
    encoder = torch.nn.Identity()
    encoder.channels, encoder.stride, encoder.forward = 5, 4, answer
    network = DiffMatte(encoder, down=[3], up=[4, 3], embedding=4).eval()
    given = torch.rand(1, 3, 24, 30), torch.rand(1, 1, 24, 30), torch.randn(1, 1, 24, 30), torch.rand(1)
    with pytest.raises(
        InputError, match=r"^encoder: Identity has to answer a tensor of shape \(1, 5, 8, 8\), got " + got
    ):
        network(*given)


def test_options_of_numpy_can_be_saved(tmp_path):
    options = {"side": np.int64(64), "embedding": np.int64(4), "down": [np.int64(4), 4], "scale": np.float32(0.5)}
    save_weights(tmp_path / "w", DiffMatte.preset("small", **options), {})
    assert load_weights(tmp_path / "w", DiffMatte)[0].options["side"] == 64


def test_an_encoder_of_a_file(tmp_path):
    state = {name: torch.full_like(value, 2) for name, value in EfficientNetLite0().state_dict().items()}
    torch.save(state, tmp_path / "encoder.pth")
    network = DiffMatte("efficientnet_lite0", down=[4] * 4, up=[4] * 5)
    load_encoder(tmp_path / "encoder.pth", network)
    assert all((value == 2).all() for value in network.encoder.parameters())
    with pytest.raises(InputError, match="^network: its encoder is a Compact, for which no public layout is known"):
        load_encoder(tmp_path / "encoder.pth", DiffMatte.preset("small"))


# Files of the authors


def published(network):
    """The state of a network by the authors' names, as theirs are within what their training wraps."""
    renamed = (
        (r"\.parametrizations\.weight\.original$", ".module.weight_bar"),
        (r"\.parametrizations\.weight\.0\._([uv])$", r".module.weight_\1"),
        (r"^encoder\.", "model.backbone."),
        (r"^decoder\.down_blks\.(\d)\.shortcut\.", r"decoder.down_blks.\1.downsample.op."),
        (r"\.shortcut\.", ".upsample.conv."),
        (r"^decoder\.head\.", "decoder.matting_head.matting_convs."),
        (r"^decoder\.", "model.decoder."),
    )
    state = {}
    for name, value in network.state_dict().items():
        for pattern, other in renamed:
            name = re.sub(pattern, other, name)
        state[name] = value
    return state


NAMES = {
    "faithful": {
        "model.backbone.pos_embed": (1, 197, 384),
        "model.backbone.patch_embed.proj.weight": (384, 4, 16, 16),
        "model.backbone.blocks.0.attn.rel_pos_h": (27, 64),
        "model.backbone.blocks.2.attn.rel_pos_w": (63, 64),
        "model.backbone.blocks.11.residual.norm3.bias": (384,),
        "model.backbone.blocks.5.mlp.fc2.weight": (384, 1536),
        "model.decoder.time_embed.2.weight": (32, 32),
        "model.decoder.down_blks.1.downsample.op.weight": (64, 32, 3, 3),
        "model.decoder.mid_blk.conv1.weight": (384, 256, 4, 4),
        "model.decoder.mid_blk.emb_layers.0.bias": (256,),
        "model.decoder.up_blks.0.upsample.conv.weight": (128, 384, 3, 3),
        "model.decoder.matting_head.matting_convs.3.weight": (1, 16, 1, 1),
    },
    "resnet34": {
        "model.backbone.conv1.module.weight_bar": (32, 6, 3, 3),
        "model.backbone.conv1.module.weight_u": (32,),
        "model.backbone.conv1.module.weight_v": (54,),
        "model.backbone.layer2.0.downsample.1.module.weight_bar": (128, 64, 1, 1),
        "model.backbone.layer2.0.downsample.2.running_var": (128,),
        "model.backbone.layer_bottleneck.1.bn2.weight": (512,),
    },
    "swin_t": {
        "model.backbone.patch_embed.norm.weight": (96,),
        "model.backbone.layers.2.blocks.5.attn.relative_position_bias_table": (187, 12),
        "model.backbone.layers.0.downsample.reduction.weight": (192, 384),
        "model.backbone.layers.3.blocks.1.mlp.fc1.bias": (3072,),
    },
}


@pytest.mark.parametrize("preset", NAMES)
def test_names_and_shapes_of_the_authors_layout(preset):
    network = outline(preset)
    state = published(network)
    assert {name: tuple(state[name].shape) for name in NAMES[preset]} == NAMES[preset]
    assert LAYOUT.named(state | {"model.backbone.layers.0.blocks.0.attn.relative_position_index": None}).keys() == (
        network.state_dict().keys()
    )


def test_weights_of_the_authors(tmp_path):
    """In half precision, from a checkpoint of training."""
    torch.manual_seed(1)
    given = DiffMatte.preset("resnet34").half()
    torch.save({"model": published(given), "iteration": 3}, tmp_path / "published.pth")
    network = load_published(tmp_path / "published.pth")
    assert (network.options["encoder"], network.training) == ("resnet34", False)
    for name, value in given.state_dict().items():
        assert torch.equal(network.state_dict()[name], value.to(network.state_dict()[name].dtype)), name


WRONG = {
    "missing": (lambda s: None, "does not fit DiffMatte: missing tensor 'encoder.patc"),
    "more": (
        lambda s: s.update({"decoder.more": torch.ones(2)}),
        "does not fit DiffMatte: unexpected tensor 'decoder.m",
    ),
    "shape": (
        lambda s: s.update({"backbone.pos_embed": torch.ones(1, 196, 384)}),
        "size mismatch for encoder.pos_embed, it is (1, 196, 384) in the file and (1, 197, 384) here",
    ),
    "NaN": (
        lambda s: s["backbone.pos_embed"].fill_(torch.nan),
        "the tensor encoder.pos_embed has 75648 values that are",
    ),
    "kind": (lambda s: s.update({"backbone.pos_embed": torch.ones(1, 197, 384).int()}), "is of torch.int32, takes"),
    "number": (
        lambda s: s.update({"backbone.pos_embed": torch.tensor(1.0)}),
        "size mismatch for encoder.pos_embed, it is () in the file",
    ),
    "table": (
        lambda s: s.update({"backbone.blocks.2.attn.rel_pos_h": torch.tensor(1.0)}),
        "does not fit DiffMatte: missing tensor 'encoder.patc",
    ),
    "large table": (
        lambda s: s.update({"backbone.blocks.2.attn.rel_pos_h": torch.ones(2000, 2)}),
        "does not fit DiffMatte: side: takes a whole number up to 8192, got 16000",
    ),
    "twice": (
        lambda s: s.update({"model.backbone.pos_embed": torch.ones(1, 197, 384)}),
        "has two tensors 'encoder.pos_embed', one of them as ",
    ),
    "other": (
        lambda s: s.pop("backbone.pos_embed"),
        "is not of DiffMatte's layout: it has none of encoder.pos_embed, ",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_weights_that_are_not_of_the_authors_layout(case, tmp_path):
    """The first tensor of a transformer is enough to tell, all of them would be large."""
    change, message = WRONG[case]
    state = {"backbone.pos_embed": torch.zeros(1, 197, 384)}
    change(state)
    save_file(state, tmp_path / "published.safetensors")
    with pytest.raises(InputError) as raised:
        load_published(tmp_path / "published.safetensors")
    assert str(raised.value).startswith(f"weights: {tmp_path}/published.safetensors")
    assert message in str(raised.value)


class Code:
    def __reduce__(self):
        return print, ("this was run",)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            {"backbone.pos_embed": torch.zeros(1, 197, 384), "more": Code()},
            "it is damaged, or holds code or other thing",
        ),
        ({"backbone.pos_embed": torch.empty(1, 197, 384, device="meta")}, "takes names with dense tensors, got 'backb"),
        ({"backbone.pos_embed": torch.eye(3).to_sparse()}, "takes names with dense tensors, got 'backb"),
    ],
)
def test_files_of_more_than_numbers(state, message, tmp_path, capsys):
    torch.save(state, tmp_path / "published.pth")
    with pytest.raises(InputError) as raised:
        load_published(tmp_path / "published.pth")
    assert message in str(raised.value)
    assert "weights_only" not in str(raised.value)  # which would tell how to run the code
    assert "this was run" not in capsys.readouterr().out


# Departures


def test_with_mattes_the_answer_starts_at_their_mean(scene):
    network = DiffMatte.preset("small", mattes=["closed_form", "knn"]).eval()
    image, trimap = planes(scene)
    mattes, x = torch.rand(1, 2, *image.shape[2:]), torch.randn(trimap.shape)
    with torch.no_grad():
        found = network(image, trimap, x, torch.ones(1), mattes)
        torch.testing.assert_close(found, 2 * mattes.mean(1, keepdim=True) - 1)
        network.decoder.head[-1].weight.normal_(std=10)
        assert network.train()(image, trimap, x, torch.ones(1), mattes).abs().max() > 1
        assert network.eval()(image, trimap, x, torch.ones(1), mattes).abs().max() <= 1
    with pytest.raises(InputError, match="^mattes: takes a floating tensor"):
        network(image, trimap, x, torch.ones(1))


def test_projection_is_refine_with_one_set_up(scene, weights, monkeypatch):
    network, _ = load_weights(weights, DiffMatte)
    labels = Trimap.parse(scene.trimap)
    plain, answers, made = Sampling(1), [], []
    answer = whole(network, scene.image, labels, [], plain, lambda step, x: answers.append(x))
    expected = propmat.refine(
        scene.image, 0.5 * answers[0][0, 0].double().numpy() + 0.5, 0.3, trimap=scene.trimap, epsilon=EPSILON
    )
    found = whole(network, scene.image, labels, [], Sampling(1, projection=0.3))
    np.testing.assert_allclose(found, expected, atol=2e-3)  # of either solve, to its tolerance
    np.testing.assert_array_equal(found[labels.known], labels.labels[labels.known])
    assert np.abs(found - answer).max() > 0.01
    first = Projection.__init__
    monkeypatch.setattr(Projection, "__init__", lambda self, *given: made.append(1) or first(self, *given))
    solves = []
    call = Projection.__call__
    monkeypatch.setattr(Projection, "__call__", lambda self, x: solves.append(1) or call(self, x))
    whole(network, scene.image, labels, [], Sampling(4, projection=0.3))
    assert (len(made), len(solves)) == (1, 4)


def test_the_last_solve_is_refine(scene, tmp_path):
    path = saved(tmp_path / "w", confidence=0.2)
    found = diffmatte(scene.image, scene.trimap, steps=2, weights=path)
    network, _ = load_weights(path, DiffMatte)
    network.confidence = None
    answer = whole(network, scene.image, Trimap.parse(scene.trimap), [], Sampling(2))
    expected = propmat.refine(scene.image, answer, 0.2, trimap=scene.trimap, epsilon=EPSILON)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_start_from_a_classical_matte(scene, tmp_path):
    """With hardly any noise the network is shown that matte, in units of its deviation."""
    path, seen = saved(tmp_path / "w"), []
    network, _ = load_weights(path, DiffMatte)
    network.decoder.register_forward_pre_hook(lambda module, given: seen.append(given[1][0, -1]))
    labels = Trimap.parse(scene.trimap)
    whole(network, scene.image, labels, [], Sampling(1, start=1e-3))
    x = 2 * matte("closed_form", scene.image, labels) - 1
    shown = seen[0].numpy()[: x.shape[0], : x.shape[1]]
    assert np.corrcoef(shown.ravel(), x.ravel())[0, 1] > 0.95  # √0.001 of noise beside 0.2 x
    seen.clear()
    whole(network, scene.image, labels, [], Sampling(1))
    assert abs(np.corrcoef(seen[0].numpy()[: x.shape[0], : x.shape[1]].ravel(), x.ravel())[0, 1]) < 0.1


# Whole pictures


def test_pictures_for_which_there_is_no_memory(scene, weights, monkeypatch):
    monkeypatch.setattr("propmat.networks._inference.available", lambda: 1000)
    with pytest.raises(InputError, match="^image: 61 x 44 pixels would take about .* of memory, .* may be taken"):
        diffmatte(scene.image, scene.trimap, weights=weights)


def test_known_pixels_are_exact_and_the_encoder_is_asked_once(scene, weights):
    labels = Trimap.parse(scene.trimap)
    found = diffmatte(scene.image, scene.trimap, steps=3, weights=weights)
    free = diffmatte(scene.image, scene.trimap, steps=3, weights=weights, keep_labels=False)
    for known in (labels.foreground, labels.background):
        np.testing.assert_array_equal(found[known], labels.labels[known])
        assert (free[known] != found[known]).any()
    np.testing.assert_array_equal(found[labels.unknown], free[labels.unknown])
    assert np.isfinite(found).all()
    network, _ = load_weights(weights, DiffMatte)
    asked = {"encoder": 0, "decoder": 0}

    def counting(name):
        def count(*given):
            asked[name] += 1

        return count

    for name in asked:
        getattr(network, name).register_forward_hook(counting(name))
    np.testing.assert_array_equal(whole(network, scene.image, labels, [], Sampling(10)).shape, scene.trimap.shape)
    assert asked == {"encoder": 1, "decoder": 10}


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_seed_tells_the_matte(scene, weights, sampler):
    settings = {"weights": weights, "sampler": sampler}
    first = [diffmatte(scene.image, scene.trimap, steps=steps, **settings) for steps in (1, 4)]
    again = [diffmatte(scene.image, scene.trimap, steps=steps, **settings) for steps in (1, 4)]
    np.testing.assert_array_equal(first, again)
    other = diffmatte(scene.image, scene.trimap, steps=4, seed=1, **settings)
    assert (other != first[1]).any()
    assert (first[0] != first[1]).any()


def test_noise_does_not_depend_on_what_tensors_are_by_default(scene, weights):
    """Nor on the kind of integer of the seed."""
    expected = diffmatte(scene.image, scene.trimap, steps=2, seed=3, weights=weights)
    np.testing.assert_array_equal(
        diffmatte(scene.image, scene.trimap, steps=np.int32(2), seed=np.int64(3), weights=weights), expected
    )
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        found = diffmatte(scene.image, scene.trimap, steps=2, seed=3, weights=weights)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    np.testing.assert_allclose(found, expected, atol=1e-5)  # of the network in double precision


def test_mattes_of_a_picture(scene, tmp_path):
    path = saved(tmp_path / "w", mattes=["closed_form"])
    found = diffmatte(scene.image, scene.trimap, steps=1, weights=path, keep_labels=False)
    network, _ = load_weights(path, DiffMatte)
    given = torch.from_numpy(matte("closed_form", scene.image, Trimap.parse(scene.trimap)))[None, None].float()
    noise = torch.randn(1, 1, *scene.trimap.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network(*planes(scene), scaled(noise), torch.ones(1), given)[0, 0].numpy()
    np.testing.assert_allclose(2 * found - 1, expected, atol=1e-4)


def test_steps_are_told(scene, weights):
    told = []
    by_name = propmat.matte(
        "diffmatte", scene.image, scene.trimap, steps=4, weights=weights, callback=lambda *step: told.append(step)
    )
    assert told == [(1, 0.75), (2, 0.5), (3, 0.25), (4, 0)]
    np.testing.assert_array_equal(by_name.alpha, diffmatte(scene.image, scene.trimap, steps=4, weights=weights))
    for answer, steps in ((True, 1), (np.True_, 1), (1, 4), ("stop", 4), (np.zeros(2), 4)):  # as of solvers
        ended = []
        diffmatte(
            scene.image,
            scene.trimap,
            steps=4,
            weights=weights,
            callback=lambda *step, answer=answer, ended=ended: ended.append(step) or answer,
        )
        assert len(ended) == steps


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps: takes a whole number >= 1, got 0"),
        ({"steps": 1001}, "steps: takes a whole number up to 1000, got 1001"),
        ({"steps": 2.0}, "steps: takes a whole number >= 1, got 2.0"),
        ({"steps": True}, "steps: takes a whole number >= 1, got True"),
        ({"seed": -1}, "seed: takes a whole number >= 0, got -1"),
        ({"seed": 2**63}, "seed: takes a whole number up to"),
        ({"seed": None}, "seed: takes a whole number >= 0, got None"),
        ({"sampler": "euler"}, "sampler: takes 'ddim' or 'ddpm', got 'euler'"),
        ({"start": 0}, "start: takes a finite number from 0.001 to 1, got 0"),
        ({"start": 1.5}, "start: takes a finite number from 0.001 to 1, got 1.5"),
        ({"projection": 0}, "projection: takes a finite number >= 1e-06, got 0"),
        ({"callback": 5}, "callback: takes a function of (step, share of the steps that are left), got 5"),
    ],
)
def test_wrong_arguments_are_told_before_any_work(settings, message):
    with pytest.raises(InputError) as raised:
        diffmatte(None, None, **settings)
    assert message in str(raised.value)


def test_wrong_options():
    for options, message in (
        ({"encoder": "vit"}, "encoder: takes 'vit_s' or 'vit_b' or "),
        ({"side": 24}, "side: takes a multiple of 16, got 24"),
        ({"down": [4]}, "down: takes a list of 2 whole numbers with this encoder, got [4]"),
        ({"up": [4, 4, 0]}, "up: takes a whole number >= 1, got 0"),
        ({"embedding": 5}, "embedding: takes a multiple of 2, got 5"),
        ({"t_scale": 0}, "t_scale: takes a finite number from 0.001"),
        ({"scale": 1.5}, "scale: takes a finite number from 0.001 to 1, got 1.5"),
        ({"mattes": ["poisson"]}, "mattes: takes names out of"),
        ({"confidence": 0}, "confidence: takes a finite number >= 1e-06, got 0"),
    ):
        with pytest.raises(InputError) as raised:
            DiffMatte.preset("small", **options)
        assert message in str(raised.value)


def test_the_command(scene, weights, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    io.write_image("image.png", scene.image)
    io.write_image("trimap.png", scene.trimap)
    command = [
        "alpha",
        "image.png",
        "trimap.png",
        "-o",
        "alpha.png",
        "--method",
        "diffmatte",
        "--weights",
        str(weights),
    ]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(tqdm, "__init__", partialmethod(tqdm.__init__, mininterval=0, miniters=0))
    assert main([*command, "--steps", "4", "--seed", "2"]) == 0
    told = capsys.readouterr().err
    assert "step 3" in told
    assert "75%" in told
    assert "residual" not in told
    given = io.read_image("image.png"), io.read_trimap("trimap.png")
    expected = diffmatte(*given, steps=4, seed=2, weights=weights)
    np.testing.assert_allclose(io.read_matte("alpha.png") / 255, expected, atol=0.5 / 255 + 1e-9)
    assert main([*command, "--steps", "0"]) == 1
    assert "steps: takes a whole number >= 1, got 0" in capsys.readouterr().err
    assert main([*command[:-4], "--steps", "3"]) == 1
    assert "steps: the method closed_form has no such setting" in capsys.readouterr().err
