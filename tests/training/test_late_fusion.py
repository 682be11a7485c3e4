"""Training of Late Fusion: its losses, its three steps, what they move, and resuming."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch.nn import functional

from propmat import InputError, datasets, io
from propmat.networks import LateFusion, load_weights, save_weights
from propmat.networks._late_fusion._matte import answered
from propmat.training import prepare, train
from propmat.training._config import parse_config
from propmat.training._late_fusion import LateFusionTask
from propmat.training._late_fusion_losses import blend_loss, branch_loss, pixel_loss, slope_loss
from propmat.training._late_fusion_views import Squares, relit
from propmat.training._problem import Problem
from propmat.training._problems import load

CPU = torch.device("cpu")
SIDE = 64
LEARNED = 200  # iterations, a third of those of the sheet


pytestmark = pytest.mark.usefixtures("on_one_thread")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def configured(cache, output, options=(), **training):
    sizes = {"batch": 2, "crop": SIDE, "log_every": 2, "validate_every": 3, "checkpoint_every": 3}
    parts = {"segmentation": 0.4, "fusion": 0.3}
    return parse_config(
        {
            "network": "late_fusion",
            "preset": "small",
            "options": {"width": 16} | dict(options),
            "cache": str(cache),
            "output": str(output),
            "held_out": ["synthetic-1"],
            "data": [{"source": "synthetic", "count": 3, "shape": [64, 80]}],
            "training": {"iterations": 10} | sizes | parts | training,
        }
    )


@pytest.fixture
def config(cache, tmp_path):
    found = configured(cache, tmp_path / "run")
    prepare(found)
    return found


@pytest.fixture
def problems(config):
    return load(config)[0]


def task_of(config, **changes):
    torch.manual_seed(0)
    schedule = replace(config.schedule, **changes)
    return LateFusionTask(config.build().train(), load(config)[0], schedule, config.seed, CPU)


def state_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(module, before):
    return all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


# Losses


def test_where_nothing_is_fractional_errors_are_squared():
    alpha = torch.randint(2, (1, 1, 6, 8)).double()
    found = torch.rand(1, 1, 6, 8, dtype=torch.float64)
    expected = (found - alpha).square() + functional.binary_cross_entropy(found, alpha, reduction="none")
    for reading in ("ceil", "soft"):
        torch.testing.assert_close(pixel_loss(found, alpha, reading), expected)
    torch.testing.assert_close(blend_loss(found, alpha), 0.1 * (found - alpha).abs().mean())


def test_where_alpha_is_fractional():
    alpha, found = (torch.full((1, 1, 1, 1), value) for value in (0.3, 0.6))
    entropy = -0.5 * torch.tensor(0.6).log()
    torch.testing.assert_close(pixel_loss(found, alpha)[0, 0, 0, 0], 0.3 + entropy)
    soft = -0.5 * (0.3 * torch.tensor(0.6).log() + 0.7 * torch.tensor(0.4).log())
    torch.testing.assert_close(pixel_loss(found, alpha, "soft")[0, 0, 0, 0], 0.3 + soft)
    torch.testing.assert_close(blend_loss(found, alpha), torch.tensor(0.3))


@pytest.mark.parametrize(("alpha", "balance"), [(0.2, 0.5), (0.7, 0.7)])
def test_a_pixel_of_a_branch_settles_at_alpha_or_a_half(alpha, balance):
    """-log(F) / 2 + abs(F - alpha) is least at the greater of both."""
    logit = torch.zeros(1, 1, 1, 1, dtype=torch.float64, requires_grad=True)
    truth = torch.full_like(logit, alpha, requires_grad=False)
    optimiser = torch.optim.SGD([logit], 0.5)
    for step in range(400):
        optimiser.param_groups[0]["lr"] = 0.5 * (1 - step / 400)
        optimiser.zero_grad()
        pixel_loss(logit.sigmoid(), truth).sum().backward()
        optimiser.step()
    assert float(logit.detach().sigmoid()) == pytest.approx(balance, abs=0.01)


def test_slopes_are_differences_of_neighbours():
    found, alpha = torch.rand(2, 1, 4, 5), torch.rand(2, 1, 4, 5)
    difference = found - alpha
    down = (difference[:, :, 1:] - difference[:, :, :-1]).abs().sum()
    across = (difference[..., 1:] - difference[..., :-1]).abs().sum()
    torch.testing.assert_close(slope_loss(found, alpha), (down + across) / 40)
    assert slope_loss(alpha + 0.1, alpha) < 1e-6


def test_answers_of_all_sizes_are_compared_with_pooled_alpha():
    alpha = torch.zeros(1, 1, 32, 32)
    alpha[..., :20] = 1
    alpha[..., 20, :] = 0.5
    sides = [torch.rand(1, 1, side, side) for side in (2, 8, 32)]
    expected = 0
    for side, shrunk in zip(sides, (16, 4, 1), strict=True):
        truth = functional.avg_pool2d(alpha, shrunk)
        expected = expected + pixel_loss(side, truth).mean() + slope_loss(side, truth)
    torch.testing.assert_close(branch_loss(sides, alpha), expected)
    exact = [functional.avg_pool2d(alpha, shrunk) for shrunk in (16, 4, 1)]
    assert 0 < branch_loss(exact, alpha) < branch_loss(sides, alpha)


def test_readings_of_what_is_foreground():
    """With "ceil" both branches are drawn above alpha, so that a blend can reach it; with "soft" to it."""
    alpha = torch.full((1, 1, 1, 1), 0.3, dtype=torch.float64)
    places = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    for reading, front, behind in (("ceil", 0.5, 0.7), ("soft", 0.3, 0.7)):
        for truth, least in ((alpha, front), (1 - alpha, behind)):
            losses = [float(pixel_loss(torch.full_like(alpha, float(place)), truth, reading)) for place in places]
            assert float(places[int(np.argmin(losses))]) == pytest.approx(least, abs=0.011)


# Squares


def squares(problems, **changes):
    usual = {"batch": 4, "crop": SIDE, "least": 1.0, "rotation": 0.0, "light": 0.0}
    return Squares(problems, 0, CPU, **usual | changes)


def test_squares_show_pictures_or_their_mirror_images(problems):
    drawn = squares(problems).batch(3)
    assert drawn.shape == (4, 4, SIDE, SIDE)
    for square in drawn:
        errors = []
        for problem in problems:
            planes = np.dstack([problem.image / 255, problem.whole(problem.alpha)]).transpose(2, 0, 1)
            for left in range(planes.shape[2] - SIDE + 1):
                part = torch.from_numpy(planes[:, :, left : left + SIDE]).float()
                errors += [float((square - one).abs().mean()) for one in (part, part.flip(2))]
        assert min(errors) < 0.03  # squares begin between pixels
    assert torch.equal(squares(problems).batch(3), drawn)
    assert not torch.equal(squares(problems).batch(4), drawn)


def test_alpha_of_a_square_is_exact_where_it_is_known(problems):
    drawn = squares(problems, least=0.5, rotation=15.0, batch=8).batch(0)
    for end in (0, 1):
        assert (drawn[:, 3] == end).float().mean() > 0.05
    assert 0 <= drawn.min() <= drawn.max() <= 1


def test_other_light():
    image = torch.rand(3, 8, 9)
    assert torch.equal(relit(image, 0.0, np.random.default_rng(0)), image)
    found = relit(image, 0.3, np.random.default_rng(0))
    assert 0 <= found.min() <= found.max() <= 1
    assert 0.01 < (found - image).abs().mean() < 0.3
    dark, bright = image[0].flatten().argmin(), image[0].flatten().argmax()
    assert found[0].flatten()[dark] <= found[0].flatten()[bright]


def test_sizes_of_squares(problems):
    with pytest.raises(InputError, match="^crop: takes a multiple of 32 pixels, got 50"):
        squares(problems, crop=50)


# The three steps


def test_iterations_of_each_step_and_their_rates(config):
    schedule = replace(config.schedule, iterations=20, segmentation=0.5, fusion=0.25, rate=1e-2, joint_rate=1e-3)
    names = [schedule.part(iteration)[0] for iteration in range(20)]
    assert names == 10 * ["segmentation"] + 5 * ["fusion"] + 5 * ["joint"]
    rates = [schedule.part(iteration)[1] for iteration in range(20)]
    assert (rates[0], rates[10], rates[15]) == pytest.approx((1e-2, 1e-2, 1e-3))
    assert rates[9] < 0.03 * rates[0]
    alone = replace(schedule, segmentation=0, fusion=0, decay="constant")
    assert {alone.part(iteration) for iteration in range(20)} == {("joint", 1e-3)}
    with pytest.raises(InputError, match="^fusion: takes at most 0.3, what segmentation leaves, got 0.5"):
        replace(schedule, segmentation=0.7, fusion=0.5)


def test_each_step_moves_its_own_weights_and_statistics(config):
    """The second one leaves encoder and decoders as they were to the last bit, statistics included."""
    task = task_of(config, moved="all")
    optimisers, network = task.optimisers(), task.network
    parts = {"encoder": network.encoder, "decoders": network.decoders, "fusion": network.fusion}
    moved = {0: {"encoder", "decoders"}, 5: {"fusion"}, 8: {"encoder", "decoders", "fusion"}}
    for iteration, expected in moved.items():
        before = {name: state_of(module) for name, module in parts.items()}
        losses = task.step(optimisers, iteration)
        assert list(losses) == ["foreground", "background", "alpha"]
        assert all(loss.ndim == 0 and loss.isfinite() for loss in losses.values())
        assert {name for name, module in parts.items() if not same(module, before[name])} == expected
    statistics = {name: value.clone() for name, value in network.named_buffers()}
    task.step(optimisers, 9)
    assert all(torch.equal(value, statistics[name]) for name, value in network.named_buffers())


def test_an_encoder_may_stay_as_it_was_loaded(config):
    task = task_of(config, moved="decoders")
    before = state_of(task.network.encoder)
    task.step(task.optimisers(), 0)
    assert same(task.network.encoder, before)


def test_a_step_descends_the_losses_of_the_sheet(config):
    """Both branches at all sizes, the background's against 1 - alpha."""
    task = task_of(config, moved="decoders")
    image, alpha = task.squares.batch(0).split((3, 1), dim=1)
    task.network.decoders.train()
    task.network.encoder.eval()
    with torch.no_grad():
        front, behind = task.network.decoders(task.network.encoder(image))
        expected = [branch_loss(front.sides, alpha), branch_loss(behind.sides, 1 - alpha)]
    losses = task.step(task.optimisers(), 0)
    torch.testing.assert_close([losses["foreground"], losses["background"]], expected)
    assert losses["alpha"] == 0


def soft_disc(number):
    """A textured disc with a soft edge before another texture, 128 x 128 pixels."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:128, :128]
    distance = np.hypot(rows - rng.uniform(50, 78), columns - rng.uniform(50, 78))
    alpha = np.clip((rng.uniform(30, 40) - distance) / 10 + 0.5, 0, 1)
    colours = rng.uniform(0.1, 0.9, (2, 3)) + 0.1 * rng.standard_normal((128, 128, 2, 1))
    image = alpha[..., None] * colours[:, :, 0] + (1 - alpha[..., None]) * colours[:, :, 1]
    labels = np.where(alpha == 1, 2, np.where(alpha == 0, 0, 1)).astype(np.uint8)
    unknown, half = labels == 1, np.float16
    contrast = (colours[:, :, 0] - colours[:, :, 1])[unknown].astype(half)
    levels = np.rint(255 * image.clip(0, 1)).astype(np.uint8)
    none = np.empty((0, np.count_nonzero(unknown)), half)
    return Problem(f"disc-{number}", ("disc",), True, levels, labels, alpha[unknown].astype(half), contrast, none)


@pytest.mark.slow
def test_two_pictures_are_learned_by_heart(config):
    """The mean error is small, and in the transition region the blend is better than either branch."""
    problems = [soft_disc(number) for number in range(2)]
    changes = {"least": 1.0, "rotation": 0.0, "light": 0.0, "moved": "all", "crop": 128, "precision": "single"}
    rates = {"rate": 3e-3, "joint_rate": 1e-3, "segmentation": 0.4, "fusion": 0.1}
    schedule = replace(config.schedule, iterations=LEARNED, **changes, **rates)
    torch.manual_seed(0)
    network = LateFusion.preset("faithful", width=8).train()
    task = LateFusionTask(network, problems, schedule, 0, CPU)
    optimisers = task.optimisers()
    for iteration in range(LEARNED):
        task.step(optimisers, iteration)
    assert task.validate(problems)["late_fusion"]["mean"] < 0.03
    answers = [answered(network.eval(), problem.image / 255) for problem in problems]
    errors = []
    for answer, problem in zip(answers, problems, strict=True):
        truth = problem.whole(problem.alpha)[problem.unknown]
        planes = (answer.alpha, answer.foreground, 1 - answer.background)
        errors.append([np.abs(plane[problem.unknown] - truth).mean() for plane in planes])
    alpha, front, behind = np.mean(errors, axis=0)
    assert alpha < min(front, behind)


@pytest.mark.parametrize("stop", [5, 8])
def test_a_training_that_was_stopped_ends_in_the_same_weights(cache, tmp_path, stop):
    whole, again = (configured(cache, tmp_path / name, checkpoint_every=1) for name in ("whole", "again"))
    prepare(whole)
    expected = train(whole, "cpu")

    def until(iterations):
        for iteration in iterations:
            if iteration == stop:
                return
            yield iteration

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("propmat.training._loop.Run.finish", lambda run: None)
        train(again, "cpu", until)
    found = train(again, "cpu")
    with safe_open(expected, "pt") as one, safe_open(found, "pt") as other:
        assert all(torch.equal(one.get_tensor(name), other.get_tensor(name)) for name in one.keys())


def test_what_a_training_leaves(config):
    network, facts = load_weights(train(config, "cpu"), LateFusion)
    assert network.options["encoder"] == "efficientnet_lite0"
    assert list(facts["metrics"]) == ["late_fusion", "foreground", "background"]
    assert list(facts["metrics"]["late_fusion"]) == ["sad", "mean", "mse"]


def test_bfloat16(config):
    single, half = (task_of(config, precision=precision) for precision in ("single", "bfloat16"))
    for iteration in (0, 5, 8):
        losses = [task.step(task.optimisers(), iteration) for task in (single, half)]
        for name in single.losses:
            assert float(losses[1][name]) == pytest.approx(float(losses[0][name]), rel=0.05)


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"moved": "encoder"}, "moved: takes 'all' or 'decoders', got 'encoder'"),
        ({"reading": "floor"}, "reading: takes 'ceil' or 'soft', got 'floor'"),
        ({"least": 0}, "least: takes a finite number from 0.05 to 1, got 0"),
        ({"segmentation": 1.5}, "segmentation: takes a finite number from 0 to 1, got 1.5"),
    ],
)
def test_wrong_settings(cache, tmp_path, training, message):
    with pytest.raises(InputError) as raised:
        configured(cache, tmp_path, **training)
    assert message in str(raised.value)


def test_what_stands_out(tmp_path):
    """A source of composites in larger pictures, none of the split for tests."""
    scene = datasets.synthetic(0, (48, 48))
    for folder in ("foreground", "alpha", "backgrounds"):
        (tmp_path / folder).mkdir()
    for name in ("a", "b"):
        io.write_image(tmp_path / "foreground" / f"{name}.jpg", scene.foreground)
        io.write_image(tmp_path / "alpha" / f"{name}.png", scene.alpha)
    io.write_image(tmp_path / "backgrounds" / "sky.png", scene.background)
    (tmp_path / "index.csv").write_text("name,kind,split\na,hair,train\nb,hair,test\n")
    (tmp_path / "backgrounds" / "credits.csv").write_text("file,split\nsky.png,train\n")
    places = {"root": str(tmp_path), "backgrounds": str(tmp_path / "backgrounds")}
    data = {"source": "salient", "count": 3, "shape": [60, 80], "scale": [0.6, 0.9], "reach": [1, 2], **places}
    given = {"network": "late_fusion", "cache": str(tmp_path / "cache"), "output": str(tmp_path / "run")}
    config = parse_config(given | {"data": [data]})
    prepare(config)
    problems = load(config)[0]
    assert [problem.name for problem in problems] == ["a-0", "a-1", "a-2"]
    assert {tuple(sorted(problem.labels.shape)) for problem in problems} == {(60, 80)}
    assert len({problem.image.tobytes() for problem in problems}) == 3


def test_a_training_goes_on_from_weights(config, tmp_path):
    first = config.build()
    with torch.no_grad():
        first.fusion.layers[-1].bias += 1
    save_weights(tmp_path / "first.safetensors", first, {})
    task = task_of(config, start=str(tmp_path / "first.safetensors"))
    assert same(task.network, first.state_dict())
    save_weights(tmp_path / "wide.safetensors", LateFusion.preset("small", width=8), {})
    with pytest.raises(InputError, match="^start: .*wide.safetensors has width = 8, takes 16"):
        task_of(config, start=str(tmp_path / "wide.safetensors"))


def test_a_training_starts_from_an_encoder(config, tmp_path):
    network = config.build()
    with torch.no_grad():
        network.encoder.stem[1].running_mean += 1
    torch.save(network.encoder.state_dict(), tmp_path / "encoder.pth")
    task = task_of(config, encoder=str(tmp_path / "encoder.pth"))
    assert same(task.network.encoder, network.encoder.state_dict())
