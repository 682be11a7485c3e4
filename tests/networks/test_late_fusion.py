"""Late Fusion: weights and shapes of the sheet, what alpha is made of, refinement, encoders from files, pictures."""

import re

import numpy as np
import pytest
import torch

import propmat
from propmat import InputError, PropmatWarning, Trimap, datasets, io
from propmat.cli import main
from propmat.networks import LateFusion, late_fusion, load_encoder, load_weights, save_weights
from propmat.networks._last_solve import EPSILON
from propmat.networks._late_fusion._decoder import Branch
from propmat.networks._late_fusion._matte import answered
from propmat.networks._late_fusion._network import Fused, fused
from propmat.networks._trunks._efficientnet import EfficientNetLite0, Padded
from propmat.solvers import CG, Direct

NARROW = {"width": 16}


pytestmark = pytest.mark.usefixtures("on_one_thread")


@pytest.fixture(scope="module")
def scene():
    return datasets.synthetic(3, (44, 61))


@pytest.fixture
def weights(tmp_path):
    return saved(tmp_path / "w.safetensors")


def saved(path, **options):
    save_weights(path, LateFusion.preset("small", **NARROW | options), {})
    return path


def count(*modules):
    return sum(weight.numel() for module in modules for weight in module.parameters())


def tensor_of(image):
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def answer_of(*planes):
    """An answer without side outputs: F, B and the blend, (H, W) each."""
    front, behind, blend = (torch.as_tensor(plane)[None, None] for plane in planes)
    return fused(Branch(front, (front,)), Branch(behind, (behind,)), blend, front.shape[2:])


# Weights and shapes


def test_the_network_has_the_weights_of_the_sheet():
    network = LateFusion.outline({})
    layers = dict(network.encoder.features.named_children())
    taps = (
        ("conv0", "norm0"),
        ("denseblock1",),
        ("transition1", "denseblock2"),
        ("transition2", "denseblock3"),
        ("transition3", "denseblock4", "norm5"),
    )
    found = [count(*(layers[name] for name in names)) for names in taps]
    assert found == [9_536, 335_040, 952_960, 8_203_776, 8_591_616]
    assert count(network.encoder) == 18_092_928
    assert count(network.encoder) + 1000 * network.encoder.channels[-1] + 1000 == 20_013_928
    for decoder in (network.decoders.foreground, network.decoders.background):
        blocks = [count(*pair) for pair in zip(decoder.blocks, decoder.sides, strict=True)]
        assert blocks == [1_541_377, 246_401, 197_249, 49_473, 11_393]
    assert count(network.decoders) == 2 * 2_045_893
    assert count(network.fusion) == 46_897
    assert count(network) == 22_231_611


def test_small_is_at_most_14_megabytes(tmp_path):
    save_weights(tmp_path / "small.safetensors", LateFusion.preset("small").half(), {})
    assert (tmp_path / "small.safetensors").stat().st_size <= 14e6


@pytest.mark.parametrize("preset", ["faithful", "small"])
def test_shapes_and_ranges(preset):
    network = LateFusion.preset(preset, **NARROW).eval()
    with torch.no_grad():
        found = network(torch.rand(2, 3, 128, 160))
    sides = [(8, 10), (16, 20), (32, 40), (64, 80), (128, 160)]
    for branch in (found.foreground_sides, found.background_sides):
        assert [side.shape for side in branch] == [(2, 1, *side) for side in sides]
    for plane in found[:4]:
        assert plane.shape == (2, 1, 128, 160)
    for plane in (*found[:4], *found.foreground_sides, *found.background_sides):
        assert 0 <= plane.min() <= plane.max() <= 1


def test_channels_of_encoders():
    for options, channels in (
        ({}, (64, 256, 512, 1792, 1920)),
        ({"width": 4}, (16, 64, 128, 448, 480)),
        ({"encoder": "efficientnet_lite0"}, (16, 24, 40, 112, 320)),
    ):
        network = LateFusion.outline(options)
        assert network.encoder.channels == channels
        found = network.encoder(torch.empty(1, 3, 64, 96, device="meta"))
        expected = [(1, features, 32 >> k, 48 >> k) for k, features in enumerate(channels)]
        assert [features.shape for features in found] == expected


@pytest.mark.parametrize("size", [(24, 30), (9, 7), (1, 2)])
def test_pictures_of_any_size(size):
    network = LateFusion.preset("small", **NARROW).eval()
    with torch.no_grad():
        assert network(torch.rand(1, 3, *size)).alpha.shape == (1, 1, *size)


def test_zeros_around_a_convolution_are_those_of_tensorflow():
    """Of an even side and a stride of 2 the first window begins at the border, and the last ends beyond it."""
    layer = Padded(1, 1, 3, 2, bias=False)
    torch.nn.init.ones_(layer.weight)
    assert layer(torch.arange(4.0).expand(1, 1, 4, 4))[0, 0].tolist() == [[9.0, 15.0], [6.0, 10.0]]


# Alpha


def test_alpha_and_its_derivatives():
    planes = [torch.rand(5, 6, dtype=torch.float64, requires_grad=True) for _ in range(3)]

    def alpha(*given):
        return answer_of(*given).alpha

    front, behind, blend = planes
    gradients = torch.autograd.grad(alpha(*planes).sum(), planes)
    for found, expected in zip(gradients, (blend, blend - 1, front + behind - 1), strict=True):
        torch.testing.assert_close(found, expected)
    assert torch.autograd.gradcheck(alpha, planes)
    ends = torch.stack([front, 1 - behind])
    found = alpha(*planes)[0, 0]
    assert (found >= ends.amin(0) - 1e-12).all()
    assert (found <= ends.amax(0) + 1e-12).all()


def test_a_network_is_between_its_branches():
    network = LateFusion.preset("small", **NARROW).eval()
    with torch.no_grad():
        found = network(torch.rand(1, 3, 40, 50))
    ends = torch.stack([found.foreground, 1 - found.background])
    assert (found.alpha >= ends.amin(0) - 1e-6).all()
    assert (found.alpha <= ends.amax(0) + 1e-6).all()


def test_pixels_are_known_where_both_branches_and_all_neighbours_are_certain():
    front = torch.full((7, 9), 0.5)
    front[:, :4], front[:, 4:] = 0.99, 0.01
    behind = 1 - front
    behind[3, 0] = 0.3  # a pixel in doubt
    labels = answer_of(front, behind, torch.full((7, 9), 0.5)).labels[0, 0]
    expected = torch.full((7, 9), 0.5)
    expected[:, :3], expected[:, 5:] = 1, 0
    expected[2:5, :2] = 0.5
    assert torch.equal(labels, expected)


# Refinement


@pytest.fixture
def rough(scene):
    """Branches of a blurred matte that are certain away from its edges, in double precision."""
    from scipy.ndimage import gaussian_filter

    blurred = gaussian_filter(scene.alpha, 2)
    front, behind = (np.clip(1.1 * plane - 0.02, 0, 1) for plane in (blurred, 1 - blurred))
    return answer_of(front, behind, np.full_like(front, 0.5))


def solved(scene, answer, **options):
    network = LateFusion.preset("small", **NARROW | options)
    return network.solved(tensor_of(scene.image), answer, CG(rtol=1e-10))[0, 0].numpy()


def test_with_great_confidence_alpha_is_the_networks(scene, rough):
    found = solved(scene, rough, confidence=1e6, exponent=0)
    unknown = rough.labels[0, 0].numpy() == 0.5
    assert 0 < unknown.mean() < 1
    np.testing.assert_allclose(found[unknown], rough.alpha[0, 0].numpy()[unknown], atol=1e-4)


def test_without_confidence_alpha_is_the_closed_forms(scene, rough):
    labels = rough.labels[0, 0].numpy()
    expected = propmat.closed_form(scene.image, labels, epsilon=EPSILON, solver=CG(rtol=1e-10))
    np.testing.assert_allclose(solved(scene, rough, confidence=0), expected, atol=1e-6)


def test_the_confidence_is_that_of_branches_that_agree(rough):
    network = LateFusion.preset("small", **NARROW, confidence=0.3, exponent=2)
    apart = rough.foreground + rough.background - 1
    torch.testing.assert_close(network.prior_confidence(rough), 0.3 * (1 - apart.abs()) ** 2)


def test_gradients_through_the_solve():
    """Against finite differences, in all that the network answers, beside pixels that are known."""
    rng = np.random.default_rng(5)
    image = torch.from_numpy(rng.random((1, 3, 5, 6)))
    front, doubt, blend = (torch.from_numpy(rng.uniform(0.2, 0.8, (5, 4))) for _ in range(3))
    known = torch.tensor([0.99, 0.01, 0.5], dtype=torch.float64)[:, None, None].expand(3, 5, 2)
    network = LateFusion.preset("small", **NARROW)

    def alpha(*given):
        planes = [torch.cat([first, rest], dim=1) for first, rest in zip(known, given, strict=True)]
        return network.solved(image, answer_of(*planes), Direct())

    given = [plane.requires_grad_() for plane in (front, 1.05 - 0.9 * front - 0.1 * doubt, blend)]
    assert torch.autograd.gradcheck(alpha, given, eps=1e-6, atol=1e-5)


# Encoders from files


@pytest.mark.parametrize("dotted", [False, True])
def test_an_encoder_of_torchvision(tmp_path, dotted):
    network, other = (LateFusion(**NARROW) for _ in range(2))
    given = other.encoder.state_dict()
    if dotted:  # as older files have it
        given = {re.sub(r"(norm|conv)([12])\.", r"\1.\2.", name): value for name, value in given.items()}
        assert any("denselayer1.norm.1.weight" in name for name in given)
    given |= {"classifier.weight": torch.rand(10, 120), "classifier.bias": torch.rand(10)}
    torch.save(given, tmp_path / "densenet.pth")
    load_encoder(tmp_path / "densenet.pth", network)
    for name, value in other.encoder.state_dict().items():
        assert torch.equal(network.encoder.state_dict()[name], value)


def public_names(encoder):
    """The state of an EfficientNet-Lite0 by the names of efficientnet-lite-pytorch."""
    parts = {"stem.0": "_conv_stem", "stem.1": "_bn0"}
    inside = ("expand.0", "_expand_conv"), ("expand.1", "_bn0"), ("depthwise.0", "_depthwise_conv")
    inside += ("depthwise.1", "_bn1"), ("project.0", "_project_conv"), ("project.1", "_bn2")
    for number in range(len(encoder.blocks)):
        parts |= {f"blocks.{number}.{own}": f"_blocks.{number}.{public}" for own, public in inside}
    for name, value in encoder.state_dict().items():
        layer, _, what = name.rpartition(".")
        yield f"{parts[layer]}.{what}", value


def test_an_encoder_of_efficientnet(tmp_path):
    network, other = (LateFusion.preset("small", **NARROW) for _ in range(2))
    given = dict(public_names(other.encoder))
    given |= {"_conv_head.weight": torch.rand(1280, 320, 1, 1), "_bn1.weight": torch.rand(1280)}
    given |= {"_fc.weight": torch.rand(10, 1280), "_fc.bias": torch.rand(10)}
    torch.save(given, tmp_path / "lite.pth")
    load_encoder(tmp_path / "lite.pth", network)
    for name, value in other.encoder.state_dict().items():
        assert torch.equal(network.encoder.state_dict()[name], value)
    del given["_blocks.3._bn1.bias"]
    torch.save(given, tmp_path / "lite.pth")
    with pytest.raises(InputError, match=r"does not fit the encoder: missing tensor 'blocks.3.depthwise.1.bias'"):
        load_encoder(tmp_path / "lite.pth", network)
    with pytest.raises(InputError, match="does not fit the encoder: unexpected tensor"):
        load_encoder(tmp_path / "lite.pth", LateFusion(**NARROW))


def test_what_is_public_of_efficientnet():
    assert count(EfficientNetLite0()) + 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000 == 4_652_008


# Whole pictures


def test_a_picture_is_refined_with_what_the_network_knows(scene, weights):
    network, _ = load_weights(weights, LateFusion)
    with torch.no_grad():
        found = network(tensor_of(scene.image).float())
    bare = late_fusion(scene.image, weights=weights, refine=False)
    np.testing.assert_allclose(bare, found.alpha[0, 0].numpy(), atol=1e-6)
    expected = network.solved(tensor_of(scene.image), Fused(*(plane.double() for plane in found[:4]), (), ()))
    alpha = late_fusion(scene.image, weights=weights)
    np.testing.assert_allclose(alpha, expected[0, 0].numpy(), atol=1e-3)
    by_name = propmat.matte("late_fusion", scene.image, weights=weights)
    np.testing.assert_array_equal(by_name.alpha, alpha)


def test_a_trimap_has_the_last_word(scene, weights):
    """A few strokes, of one label too, are exact, and hold for what is near them."""
    strokes = np.full(scene.trimap.shape, 0.5)
    strokes[10:14, 20:30] = 1
    found = late_fusion(scene.image, strokes, weights=weights)
    assert (found[10:14, 20:30] == 1).all()
    assert found.min() < 0.9
    bare = late_fusion(scene.image, strokes, weights=weights, refine=False)
    assert (bare[10:14, 20:30] == 1).all()
    free = late_fusion(scene.image, strokes, weights=weights, refine=False, keep_labels=False)
    np.testing.assert_array_equal(free, late_fusion(scene.image, weights=weights, refine=False))


def test_large_pictures_are_shown_smaller(tmp_path):
    network = LateFusion.preset("small", **NARROW, side=48).eval()
    image = datasets.synthetic(0, (90, 120)).image
    seen = []
    network.register_forward_pre_hook(lambda module, given: seen.append(given[0].shape))
    answer = answered(network, image)
    assert seen == [(1, 3, 36, 48)]
    assert answer.alpha.shape == answer.labels.shape == (90, 120)
    answered(network, image[:30, :40])
    assert seen[1] == (1, 3, 30, 40)


def certain(share, value):
    """A network whose branches say `value` of foreground wherever colours are bright, for a share of what they say."""

    def answer(network, image):
        bright = (image.mean(1, keepdim=True) > 0.5).double()
        front = share * (value * bright + (1 - value) * (1 - bright))
        return Fused(front, front, 1 - front, torch.full_like(front, 0.5), (), ())

    return answer


def test_a_picture_without_an_object(scene, weights, monkeypatch):
    monkeypatch.setattr(LateFusion, "forward", certain(0.0, 1.0))
    with pytest.warns(PropmatWarning, match="^image: the network found nothing that stands out"):
        assert not late_fusion(scene.image, weights=weights).any()


def test_where_the_network_is_certain_alpha_is_exact(weights, monkeypatch):
    image = np.full((40, 50, 3), 0.2)
    image[10:30, 15:40] = 0.9
    monkeypatch.setattr(LateFusion, "forward", certain(1.0, 0.99))
    alpha = late_fusion(image, weights=weights)
    np.testing.assert_allclose(alpha, image[..., 0] > 0.5, atol=1e-3)


def test_wrong_arguments(scene, weights):
    for options, message in (
        ({"refine": 1}, "refine: takes True or False, got 1"),
        ({"keep_labels": "no"}, "keep_labels: takes True or False, got 'no'"),
        ({"trimap": scene.trimap[1:]}, "trimap: shape"),
        ({"weights": "nothing.safetensors"}, "weights: cannot read nothing.safetensors"),
    ):
        with pytest.raises(InputError) as raised:
            late_fusion(scene.image, **{"weights": weights} | options)
        assert message in str(raised.value)
    with pytest.raises(InputError, match="^trimap: the method closed_form takes one, got None; late_fusion does"):
        propmat.matte("closed_form", scene.image)
    for options, message in (
        ({"encoder": "resnet50"}, "encoder: takes 'densenet201' or 'efficientnet_lite0', got 'resnet50'"),
        ({"width": 17}, "width: takes a whole number up to 16, got 17"),
        ({"side": 31}, "side: takes a whole number >= 32, got 31"),
        ({"confidence": -1}, "confidence: takes a finite number from 0 to 1e+06, got -1"),
        ({"exponent": "4"}, "exponent: takes a finite number from 0 to 64, got '4'"),
    ):
        with pytest.raises(InputError) as raised:
            LateFusion(**options)
        assert message in str(raised.value)
    with pytest.raises(InputError, match=r"^image: takes a floating tensor of shape \(B, 3, H, W\)"):
        LateFusion.preset("small", **NARROW)(torch.rand(1, 4, 32, 32))
    with pytest.raises(InputError, match="^network: takes an AlphaGAN, a DiffMatte or a LateFusion, got Identity"):
        load_encoder(weights, torch.nn.Identity())


# The command


def test_a_cutout_without_a_trimap(scene, weights, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    io.write_image("photo.png", scene.image)
    given = ["photo.png", "--weights", str(weights)]
    assert main(["cutout", *given, "-o", "cut.png"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("propmat: warning: trimap: none was given, nor a mask; the method late_fusion looks for")
    assert told.count("\n") == 1
    assert main(["alpha", *given, "-o", "alpha.png", "--method", "late_fusion"]) == 0
    assert capsys.readouterr().err == ""
    expected = late_fusion(io.read_image("photo.png"), weights=weights)
    np.testing.assert_allclose(io.read_matte("alpha.png") / 255, expected, atol=0.5 / 255 + 1e-9)
    np.testing.assert_array_equal(io.read("cut.png").alpha, io.read_matte("alpha.png"))


def test_a_cutout_with_strokes(scene, weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    io.write_image("photo.png", scene.image)
    strokes = np.full(scene.trimap.shape, 0.5)
    strokes[5:9, 5:9] = 0
    io.write_image("strokes.png", strokes)
    command = ["alpha", "photo.png", "strokes.png", "-o", "alpha.png", "--method", "late_fusion"]
    assert main([*command, "--weights", str(weights)]) == 0
    assert not io.read_matte("alpha.png")[5:9, 5:9].any()


def test_labels_of_a_trimap_and_of_the_network(scene, rough):
    """Where both know a pixel, the trimap does."""
    from propmat.networks._late_fusion._matte import Answer, refined

    found = rough.labels[0, 0].numpy()
    soft = [plane[0, 0].numpy() for plane in (rough.alpha, rough.foreground, rough.background, rough.agreement)]
    answer = Answer(*soft, Trimap(found == 1, found == 0))
    against = Trimap(answer.labels.background, np.zeros_like(answer.labels.background))
    alpha = refined(scene.image, answer, against)
    assert (alpha[answer.labels.known] == 1).all()
