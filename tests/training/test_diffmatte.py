"""Training of DiffMatte: times and noise, aligned answers, losses, rates by layers, averages, views, and resuming."""

import json
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from propmat import InputError
from propmat.networks import DiffMatte, load_weights, save_weights
from propmat.networks._diffmatte._diffusion import noisy, scaled
from propmat.networks._diffmatte._matte import Sampling
from propmat.training import prepare, train
from propmat.training._alphagan_views import Views
from propmat.training._config import parse_config
from propmat.training._diffmatte import DiffMatteSchedule, DiffMatteTask, layer_groups
from propmat.training._diffmatte_losses import denoising_losses, slopes
from propmat.training._diffmatte_views import augmented, eroded, hsv, joined, rgb
from propmat.training._problems import load

CPU = torch.device("cpu")
SIDE = 32
TINY = {"down": [4, 4], "up": [4, 4, 4], "embedding": 4}

pytestmark = pytest.mark.usefixtures("on_one_thread")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def configured(cache, output, options=(), **training):
    sizes = {"batch": 4, "crop": SIDE, "warm_up": 2, "log_every": 2, "validate_every": 3, "checkpoint_every": 2}
    return parse_config(
        {
            "network": "diffmatte",
            "preset": "small",
            "options": TINY | dict(options),
            "cache": str(cache),
            "output": str(output),
            "held_out": ["synthetic-1"],
            "data": [{"source": "synthetic", "count": 4, "shape": [64, 80]}],
            "training": {"iterations": 6, "steps": 2} | sizes | training,
        }
    )


@pytest.fixture
def config(cache, tmp_path):
    found = configured(cache, tmp_path / "run")
    prepare(found)
    return found


def task_of(config, **changes):
    torch.manual_seed(0)
    schedule = replace(config.schedule, **changes)
    return DiffMatteTask(config.build().train(), load(config)[0], schedule, config.seed, CPU)


# What is drawn


def test_times_of_both_answers(config):
    """Intervals are uniform, and times in what they leave; all by the number of the iteration alone."""
    task = task_of(config, batch=1000, crop=SIDE, aligned_from=0.5)
    early, late = task.drawn(2), task.drawn(3)
    interval = late.ahead - late.time
    for value, expected in ((early.time, 0.5), (interval, 0.5), (late.time, 0.25)):
        assert float(value.mean()) == pytest.approx(expected, abs=0.04)
    assert 0 <= late.time.min() <= late.ahead.max() <= 1
    assert float(interval.std()) == pytest.approx(12**-0.5, abs=0.02)
    assert float((late.time / (1 - interval)).std()) == pytest.approx(12**-0.5, abs=0.02)
    assert torch.equal(task.drawn(3).noise, late.noise)
    assert not torch.equal(early.noise, late.noise)
    assert float(late.noise.std()) == pytest.approx(1, abs=0.01)
    by_noise = task_of(config, batch=1000, aligned_from=0.0, aligned_by="noise").drawn(0)
    assert (by_noise.ahead == 1).all()
    assert float(by_noise.time.mean()) == pytest.approx(0.5, abs=0.04)
    fixed = task_of(config, aligned_from=0.0, interval=0.1).drawn(0)
    torch.testing.assert_close(fixed.ahead - fixed.time, torch.full((4,), 0.1))


def test_aligned_answers_have_the_noise_of_what_was_answered_first(config):
    """A perfect network is shown what plain training shows it; no gradient goes through its first answer."""
    task = task_of(config)
    views, shown = Views.of(task.drawing.batch(0)), []
    drawn = task_of(config, aligned_from=0.0).drawn(0)
    truth = 2 * views.alpha - 1
    task.decoded = lambda features, planes, time: (
        shown.append(planes[:, -1:]) or task.network.decoder(features, planes, time)
    )
    task.answer(views, drawn, False)
    task.first_answer = lambda seen, start, given: start
    task.answer(views, drawn, True)
    torch.testing.assert_close(shown[1], shown[0], rtol=0, atol=0)
    torch.testing.assert_close(shown[0], scaled(noisy(truth, drawn.noise, drawn.time, 0.2)), rtol=0, atol=0)
    other = torch.rand_like(truth)
    task.first_answer = lambda seen, start, given: other
    task.answer(views, drawn, True)
    torch.testing.assert_close(shown[2], scaled(noisy(other, drawn.noise, drawn.time, 0.2)), rtol=0, atol=0)


def test_no_gradient_goes_through_the_first_answer(config):
    task, calls = task_of(config), []
    views, drawn = Views.of(task.drawing.batch(0)), task_of(config, aligned_from=0.0).drawn(0)
    task.network.decoder.register_forward_hook(lambda module, given, found: calls.append(found.requires_grad))
    encoded = []
    task.network.encoder.register_forward_hook(lambda *given: encoded.append(1))
    task.answer(views, drawn, True).sum().backward()
    assert (calls, encoded) == ([False, True], [1])
    assert all(weight.grad is not None for weight in task.network.parameters())


def test_equal_times_add_noise_to_the_answer(config):
    task = task_of(config)
    views, drawn = Views.of(task.drawing.batch(0)), task.drawn(0)
    drawn = drawn._replace(ahead=drawn.time)
    task.network.eval()
    seen = task.network.seen(task.network.planes(views.image, views.trimap))
    truth = 2 * views.alpha - 1
    x = scaled(noisy(truth, drawn.noise, drawn.time, 0.2))
    torch.testing.assert_close(task.first_answer(seen, truth, drawn), task.network.answer(seen, x, drawn.time))


# Losses


def test_losses_of_the_truth_are_those_of_its_slopes():
    truth, unknown = torch.rand(2, 1, 32, 40) * 2 - 1, torch.rand(2, 1, 32, 40) < 0.4
    found = denoising_losses(truth, truth, unknown, unknown)
    expected = 0.01 * (slopes(truth) * unknown).sum() / unknown.sum()
    assert {name: float(loss) for name, loss in found.items()} == pytest.approx(
        {"squared": 0, "unknown": 0, "known": 0, "gradient": float(expected), "laplacian": 0}
    )


def test_losses_are_means_over_masks():
    x, truth = torch.rand(2, 2, 1, 32, 40)
    unknown = torch.rand(2, 1, 32, 40) < 0.4
    found = denoising_losses(x, truth, unknown, unknown)
    error = x - truth
    assert float(found["squared"]) == pytest.approx(float(error.square().mean()))
    assert float(found["unknown"]) == pytest.approx(float(error[unknown].abs().mean()))
    assert float(found["known"]) == pytest.approx(float(error[~unknown].abs().mean()))
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    total = 0
    for kernel in (sobel, sobel.T):
        both = [torch.nn.functional.conv2d(plane, kernel[None, None], padding=1) for plane in (x, truth)]
        total += (both[0] - both[1])[unknown].abs().mean() + 0.01 * both[0][unknown].abs().mean()
    assert float(found["gradient"]) == pytest.approx(float(total), rel=1e-5)
    everywhere = torch.ones_like(unknown)
    assert denoising_losses(x, truth, everywhere, everywhere)["known"] == 0


def test_masked_losses_do_not_depend_on_the_size_of_crops():
    """Of pictures that repeat, unknown away from the borders."""
    x, truth = torch.rand(2, 1, 1, 32, 32)
    unknown = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    unknown[..., 4:20, 5:25] = True
    one = denoising_losses(x, truth, unknown, unknown)
    many = denoising_losses(*(plane.repeat(1, 1, 2, 3) for plane in (x, truth, unknown, unknown)))
    for name in ("squared", "unknown", "known", "gradient"):
        torch.testing.assert_close(one[name], many[name])
    error = torch.zeros(1, 1, 64, 64)
    error[..., 30:34, 30:34] = 1
    single = denoising_losses(error, 0 * error, error > 0, error > 0)["laplacian"]
    assert float(
        denoising_losses(*(p.repeat(1, 1, 2, 2) for p in (error, 0 * error, error > 0, error > 0)))["laplacian"]
    ) == pytest.approx(float(single), rel=0.1)


def test_parts_of_a_batch_have_the_losses_of_the_whole():
    x, truth = torch.rand(2, 4, 1, 32, 32)
    unknown = torch.rand(4, 1, 32, 32) < torch.tensor([0.1, 0.3, 0.5, 0.7])[:, None, None, None]
    whole = denoising_losses(x, truth, unknown, unknown)
    parts = [denoising_losses(*(p[k : k + 2] for p in (x, truth, unknown)), unknown, parts=2) for k in (0, 2)]
    for name, loss in whole.items():
        torch.testing.assert_close((parts[0][name] + parts[1][name]) / 2, loss)


# Rates and averages


def test_rates_fall_from_block_to_block():
    network = DiffMatte.outline({})
    groups = layer_groups(network, 0.65)
    names = {id(weight): name for name, weight in network.named_parameters()}
    shares = {names[id(weight)]: group["share"] for group in groups for weight in group["params"]}
    assert len(shares) == len(names)
    expected = {
        "encoder.pos_embed": 13,
        "encoder.patch_embed.proj.weight": 13,
        "encoder.blocks.0.attn.qkv.weight": 12,
        "encoder.blocks.11.mlp.fc1.bias": 1,
        "encoder.blocks.11.residual.conv1.weight": 0,
        "decoder.head.0.weight": 0,
    }
    assert {name: shares[name] for name in expected} == {name: 0.65**depth for name, depth in expected.items()}
    assert groups[0]["share"] == 1
    assert len(layer_groups(DiffMatte.outline({"encoder": "swin_t"}), 0.65)) == 1


def test_rates_of_groups_and_of_iterations(config):
    task = task_of(config)
    (optimiser,) = task.optimisers().values()
    optimiser.param_groups[0]["share"] = 0.5
    task.step({"network": optimiser}, 1)
    assert optimiser.param_groups[0]["lr"] == pytest.approx(0.5 * config.schedule.rate_at(1))
    steps = DiffMatteSchedule(iterations=1500, batch=1, rate=2.0, decay="steps", warm_up=0)
    assert [steps.rate_at(k) for k in (0, 299, 300, 900, 1400)] == pytest.approx([2, 2, 0.2, 0.1, 0.02])
    warm = replace(steps, decay="constant", warm_up=250)
    assert [warm.rate_at(k) for k in (0, 125, 250, 1000)] == pytest.approx([2e-3, 1.001, 2, 2])


def test_the_average_follows_the_weights(config):
    task = task_of(config, average=0.75)
    first = deepcopy(task.network.state_dict())
    task.step(task.optimisers(), 0)
    once = deepcopy(task.network.state_dict())
    for name, value in task.trained.state_dict().items():  # the first one is taken as it is
        torch.testing.assert_close(value, once[name])
    task.step(task.optimisers(), 1)
    for name, value in task.trained.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, 0.75 * once[name] + 0.25 * task.network.state_dict()[name])
    assert any(not torch.equal(first[name], value) for name, value in once.items())
    assert task_of(config).trained is not None


# Views


def test_augmented_views_keep_their_laws(config):
    task = task_of(config, batch=16)
    planes = task.drawing.batch(0)
    found = Views.of(augmented(planes, np.random.default_rng(0)))
    assert set(found.trimap.unique().tolist()) <= {0, 0.5, 1}
    assert torch.equal(found.alpha[~found.unknown], found.trimap[~found.unknown])
    assert 0 <= found.alpha.min() <= found.alpha.max() <= 1
    behind = planes[:, :3] - planes[:, 4:5] * planes[:, 5:8]
    torch.testing.assert_close(found.image - found.alpha * found.contrast, behind, rtol=0, atol=1e-5)
    assert -1e-4 <= found.foreground.min() <= found.foreground.max() <= 1 + 1e-4
    assert torch.equal(augmented(planes, np.random.default_rng(0)), augmented(planes, np.random.default_rng(0)))
    losses = task_of(config, augmentation="paper").step(task.optimisers(), 0)
    assert all(loss.isfinite() for loss in losses.values())


def test_two_foregrounds_in_one():
    front, alpha = torch.rand(2, 3, 4, 5), torch.rand(2, 1, 4, 5)
    other = torch.tensor([True, False])[:, None, None, None]
    both, together = joined(front, alpha, other)
    torch.testing.assert_close(together[0], 1 - (1 - alpha[0]) * (1 - alpha[1]))
    torch.testing.assert_close(together[0] * both[0], alpha[0] * front[0] + (1 - alpha[0]) * alpha[1] * front[1])
    torch.testing.assert_close((both[1], together[1]), (front[1], alpha[1]))


def test_colours_by_hue_and_back():
    colours = torch.rand(3, 20, 30)
    hue, saturation, value = hsv(colours)
    torch.testing.assert_close(rgb(hue, saturation, value), colours, rtol=0, atol=1e-5)
    assert 0 <= hue.min() <= hue.max() <= 1
    known = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0.5, 0.5, 0.5], [0, 0, 0]]).T[:, None]
    hue, saturation, value = hsv(known)
    torch.testing.assert_close(hue[0, :4], torch.tensor([0, 1 / 3, 2 / 3, 1 / 6]))
    assert saturation[0].tolist() == [1, 1, 1, 1, 0, 0]
    assert value[0].tolist() == [1, 1, 1, 1, 0.5, 0]


def test_masks_are_eroded_by_ellipses():
    mask = torch.ones(1, 15, 15, dtype=torch.bool)
    mask[0, 7, 7] = False
    assert torch.equal(eroded(mask, np.array([1, 1])), mask.float())
    hole = 1 - eroded(mask, np.array([3, 7]))[0]
    rows, columns = hole.nonzero().unbind(1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (6, 8, 4, 10)
    assert hole.sum() < 21  # not a rectangle
    assert eroded(torch.ones(1, 5, 5, dtype=torch.bool), np.array([29, 28])).all()


# The loop

LEARNED = 500  # iterations, a fifth of those of the sheet, on a quarter of the pixels


@pytest.mark.slow
def test_a_picture_is_learned_by_heart(tmp_path):
    """400 plain steps and 100 aligned ones on 64 x 64 pixels; ten steps are no worse than one."""
    source = {"source": "synthetic", "count": 1, "shape": [64, 64]}
    training = {"iterations": LEARNED, "aligned_from": 0.8, "batch": 1, "crop": 64, "scale": 1.0, "rotation": 0.0}
    training |= {"rate": 2e-3, "decay": "cosine", "warm_up": 20}
    places = {"cache": str(tmp_path), "output": str(tmp_path)}
    config = parse_config({"network": "diffmatte", "preset": "small", "data": [source], "training": training} | places)
    prepare(config)
    task = task_of(config)
    problem = load(config)[0][0]
    planes = task.drawing.planes[0][None].float()
    planes = torch.cat([planes[:, :8], planes[:, :3]], 1)  # the picture for a second background
    task.drawing.batch = lambda iteration: planes
    optimisers = task.optimisers()
    for k in range(LEARNED):
        task.step(optimisers, k)
    task.eval()
    unknown, truth = problem.unknown, problem.whole(problem.alpha)
    one, ten = (np.abs(task.sampled(problem, Sampling(steps)) - truth)[unknown] for steps in (1, 10))
    assert ten.sum() <= one.sum()
    assert ten.mean() < 0.03


def test_a_training_that_was_stopped_ends_in_the_same_weights(cache, tmp_path):
    """In both kinds of training; with mattes, through the last solve, and averaged."""
    options = {"mattes": ["closed_form"], "confidence": 0.1}
    ended = []
    for name, stops in (("whole", ()), ("stopped", (2, 5))):
        config = configured(cache, tmp_path / name, options, batch=2, average=0.5, aligned_from=0.5, validate_every=6)
        prepare(config)
        for last in stops:
            with pytest.raises(KeyboardInterrupt):
                train(config, "cpu", partial(stopping, last=last))
        ended.append(load_weights(train(config, "cpu"), DiffMatte)[0].state_dict())
    torch.testing.assert_close(ended[0], ended[1], rtol=0, atol=0)
    lines = [json.loads(line) for line in (tmp_path / "stopped" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["validation"].keys() == {"diffmatte", "one step", "closed_form"}
    assert lines[0]["losses"].keys() == set(DiffMatteTask.losses)
    assert lines[0]["losses"]["known"] < 1e-6  # after the last solve known pixels are exact


def stopping(iterations, last):
    for k in iterations:
        if k == last:
            raise KeyboardInterrupt
        yield k


def test_a_training_that_goes_on_from_weights(cache, tmp_path, config):
    task = task_of(config)
    save_weights(tmp_path / "w", task.network, {})
    task = task_of(configured(cache, tmp_path, {"confidence": 0.1}, start=str(tmp_path / "w")))
    given, _ = load_weights(tmp_path / "w", DiffMatte)
    torch.testing.assert_close(task.network.state_dict(), given.state_dict(), rtol=0, atol=0)
    with pytest.raises(InputError, match=r"^start: .* has embedding = 4, takes 6"):
        task_of(configured(cache, tmp_path, {"embedding": 6}, start=str(tmp_path / "w")))
    with pytest.raises(InputError, match=r"^start: .* has t_scale = 1.0, takes 1000.0"):
        task_of(configured(cache, tmp_path, {"t_scale": 1000}, start=str(tmp_path / "w")))


def test_pictures_with_mattes_are_not_augmented(cache, tmp_path):
    config = configured(cache, tmp_path, {"mattes": ["closed_form"]}, augmentation="paper")
    prepare(config)
    with pytest.raises(InputError, match="^augmentation: takes 'none' for a network with mattes, which are of"):
        task_of(config)


def test_matte_of_a_problem(config):
    task = task_of(config)
    problem = load(config)[1][0]
    task.eval()
    for steps in (1, 2):
        found = task.sampled(problem, Sampling(steps))
        assert found.shape == problem.labels.shape
    np.testing.assert_array_equal(task.matte(problem), found)


def test_single_precision_and_bfloat16(config):
    losses = []
    for precision in ("single", "bfloat16"):
        task = task_of(config, precision=precision)
        losses.append(task.step(task.optimisers(), 5))
    for name in task.losses:
        assert losses[1][name] == pytest.approx(float(losses[0][name]), rel=0.1)
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"crop": 31}, "crop: takes a whole number >= 32, got 31"),
        ({"aligned_from": 1.1}, "aligned_from: takes a finite number from 0 to 1, got 1.1"),
        ({"aligned_by": "time"}, "aligned_by: takes 'intervals' or 'noise', got 'time'"),
        ({"decay": "linear"}, "decay: takes 'constant' or 'cosine' or 'steps', got 'linear'"),
        ({"layer_decay": 0}, "layer_decay: takes a finite number from 0.01 to 1, got 0"),
        ({"average": 2}, "average: takes a finite number from 0 to 1, got 2"),
        ({"average": 1}, "average: takes less than 1, with which the weights would stay the first ones; got 1"),
        ({"steps": 0}, "steps: takes a whole number >= 1, got 0"),
        ({"augmentation": "all"}, "augmentation: takes 'none' or 'paper', got 'all'"),
    ],
)
def test_wrong_settings(cache, tmp_path, training, message):
    with pytest.raises(InputError) as raised:
        configured(cache, tmp_path, **training)
    assert message in str(raised.value)
