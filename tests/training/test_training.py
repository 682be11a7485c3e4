"""Training: configurations, problems and their cache, balanced batches, and resuming from checkpoints."""

import json
import os
import signal
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image, ImageColor
from safetensors import safe_open
from safetensors.torch import save_file

from benchmarks.networks import gain
from benchmarks.networks import main as cross_validate
from propmat import InputError, Trimap, datasets, io
from propmat.errors import shown
from propmat.io._locking import locked
from propmat.matting._mattes import matte
from propmat.networks import DCNN, DeepMattePropNet, deep_matte_prop_net, load_weights
from propmat.networks._dcnn._matte import stacked
from propmat.networks._dcnn._network import MARGIN
from propmat.training import prepare, read_config, train
from propmat.training.__main__ import main
from propmat.training._config import parse_config
from propmat.training._curves import COLOURS, draw_curves
from propmat.training._dcnn import DcnnTask, Patches, absolute_loss, euclidean_loss, exchanged, grouped, windows
from propmat.training._deep_matte_prop_net import Crops, exchanged_crop, matting_loss
from propmat.training._optimisers import descend, optimiser_of
from propmat.training._problems import load
from propmat.training._soap import Soap
from propmat.training._tasks import TASKS, task_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def settings(cache, output, network="dcnn", **training):
    sizes = {"batch": 8, "log_every": 2, "validate_every": 3, "checkpoint_every": 3}
    sizes |= {"patches": 500} if network == "dcnn" else {"crop": 48}
    options = {"filters": 4, "mattes": ["closed_form"]} if network == "dcnn" else {"width": 16}
    return {
        "network": network,
        "preset": "small",
        "options": options,
        "cache": str(cache),
        "output": str(output),
        "held_out": ["synthetic-1"],
        "data": [
            {"source": "synthetic", "count": 3, "shape": [64, 80], "composites": 1, "scale": [0.9, 1], "reach": [1, 2]}
        ],
        "training": {"iterations": 6} | sizes | training,
    }


@pytest.fixture
def config(cache, tmp_path):
    found = parse_config(settings(cache, tmp_path / "run"))
    prepare(found)
    return found


# Problems


def test_problems_are_their_samples(config):
    train_on, kept = load(config)
    scene = datasets.synthetic(1, (64, 80))
    (problem,) = kept
    labels = Trimap.parse(scene.trimap)
    np.testing.assert_array_equal(problem.unknown, labels.unknown)
    np.testing.assert_array_equal(problem.trimap, labels.labels)
    np.testing.assert_allclose(problem.image / 255, scene.image, atol=0.5 / 255 + 1e-9)
    np.testing.assert_allclose(problem.whole(problem.alpha), scene.alpha, atol=1e-3)
    contrast = (scene.foreground - scene.background)[labels.unknown]
    np.testing.assert_allclose(problem.contrast, contrast, atol=1e-3)
    expected = matte("closed_form", problem.image / 255, labels)
    np.testing.assert_allclose(problem.whole(problem.mattes[0]), expected, atol=1e-3)
    assert problem.scores(problem.whole(problem.alpha))["sad"] == 0


def test_what_is_held_out_shows_in_no_problem(config):
    everything, _ = load(replace(config, held_out=()))
    train_on, kept = load(config)
    assert len(everything) == 6
    assert all("synthetic-1" not in problem.uses for problem in train_on)
    assert [problem.name for problem in kept] == ["synthetic-1"]
    assert [len(problem.uses) for problem in everything] == [1, 1, 1, 2, 2, 2]


def test_problems_of_one_label_are_left_out(config):
    everything, _ = load(config)
    assert all(problem.two_labels for problem in everything)
    one = replace(everything[0], labels=np.minimum(everything[0].labels, 1))
    assert not one.two_labels
    (path,) = (path for path in config.cache.glob("synthetic-0-*.npz") if "composite" not in path.name)
    kept = path.read_bytes()
    with np.load(path) as file:
        given = dict(file)
    try:
        np.savez(path, **given | {"labels": one.labels})
        assert len(load(config)[0]) == len(everything) - 1
    finally:
        path.write_bytes(kept)


def test_composites_show_one_picture_before_another(config):
    everything, _ = load(replace(config, held_out=()))
    composite = everything[3]
    front = datasets.synthetic(0, (64, 80))
    assert composite.uses[0] == "synthetic-0"
    assert 0.89 < composite.labels.shape[0] / 64 <= 1
    shown = (composite.labels == 2).mean(), (composite.labels == 0).mean()
    assert shown[0] <= (front.alpha == 1).mean() + 0.02
    assert 0 < shown[1] <= (front.alpha == 0).mean() + 0.02


def test_a_cache_is_all_that_training_needs(config, monkeypatch):
    def refuse(*_):
        raise AssertionError("the source was asked")

    monkeypatch.setattr("propmat.training._problems.recipes", refuse)
    prepare(config)
    train(config)


@pytest.fixture
def copy(tmp_path):
    """What looks like a copy of the photographs."""
    scene = datasets.synthetic(0, (48, 64))
    kinds = {"image": scene.image, "trimap1": scene.trimap, "trimap2": scene.trimap, "alpha": scene.alpha}
    for kind, pixels in kinds.items():
        (tmp_path / "training" / kind).mkdir(parents=True)
        for name in ("a", "b"):
            io.write_image(tmp_path / "training" / kind / f"{name}.png", pixels)
    return tmp_path


def test_photographs_and_folders(copy, tmp_path):
    patterns = {kind: f"training/{kind}/{{name}}.png" for kind in ("image", "alpha")}
    patterns["trimap"] = "training/trimap1/{name}.png"
    files = {"foregrounds": "training/image/*", "alphas": "training/alpha/*", "backgrounds": "training/image/*"}
    given = settings(tmp_path / "cache", tmp_path / "run", "deep_matte_prop_net") | {
        "held_out": [],
        "data": [
            {"source": "alphamatting", "root": str(tmp_path), "trimaps": [1], "composites": 1, "reach": [1, 2]},
            {"source": "folder", "root": str(tmp_path), "patterns": patterns},
            {"source": "composites", "root": str(tmp_path), "count": 1, "reach": [1, 2], **files},
        ],
    }
    config = parse_config(given)
    prepare(config)
    names = [problem.name for problem in load(config)[0]]
    assert names[:4] == ["a-trimap1", "b-trimap1", "a-composite0", "b-composite0"]
    assert names[4:] == ["a", "b", "composite-00000", "composite-00001"]


def test_rendered_foregrounds_of_the_split_for_tests_are_left_out(tmp_path):
    scene = datasets.synthetic(0, (48, 64))
    rows = {"a": "train", "b": "test", "c": "train"}
    for folder in ("foreground", "alpha", "backgrounds"):
        (tmp_path / folder).mkdir()
    for name, split in rows.items():
        io.write_image(tmp_path / "foreground" / f"{name}.jpg", scene.foreground)
        io.write_image(tmp_path / "alpha" / f"{name}.png", scene.alpha)
        io.write_image(tmp_path / "backgrounds" / f"{split}.png", scene.background)
    lines = "".join(f"{name},hair,{split}\n" for name, split in rows.items())
    (tmp_path / "index.csv").write_text("name,kind,split\n" + lines)
    (tmp_path / "backgrounds" / "credits.csv").write_text("file,split\ntrain.png,train\ntest.png,test\n")
    ranges = {"noise": [0, 0.01], "jpeg": []}
    places = {"root": str(tmp_path), "backgrounds": str(tmp_path / "backgrounds")}
    data = {"source": "rendered", "count": 2, "kinds": ["hair"], "reach": [1, 2], "augmentation": ranges, **places}
    config = parse_config(settings(tmp_path / "cache", tmp_path / "run") | {"data": [data], "held_out": ["c"]})
    prepare(config)
    train, kept = load(config)
    assert [problem.name for problem in train] == ["a-0", "a-1"]
    assert [problem.name for problem in kept] == ["c-0", "c-1"]
    assert (train[0].image != train[1].image).any()
    elsewhere = settings(tmp_path / "cache", tmp_path / "run") | {
        "data": [data | {"backgrounds": str(tmp_path / "none")}]
    }
    with pytest.raises(InputError, match="^backgrounds: .*there is no folder"):
        prepare(parse_config(elsewhere))


# Batches


def test_groups_are_drawn_alike(config):
    """Patches are recognised by their middle pixels, which stay in place however a patch is turned."""
    patches = Patches(load(config)[0], replace(config.schedule, symmetries="turns"), config.seed, CPU)
    first, width = patches.corners.T
    groups = np.arange(len(patches.sizes)).repeat(patches.sizes)
    group_of = dict(zip((first + 13 * width + 13).tolist(), groups, strict=True))
    patches.seen = torch.arange(len(patches.seen), dtype=torch.float64)[:, None]
    middles = [patches.batch(k)[0][:, 0, 13, 13] for k in range(len(patches.sizes))]
    drawn = [group_of[int(middle)] for middle in torch.cat(middles)]
    assert len(patches.sizes) > 8
    np.testing.assert_array_equal(np.bincount(drawn), 8)


def test_groups_are_quantiles():
    counts = np.stack([np.arange(400), np.tile(np.arange(20), 20)], axis=1)
    np.testing.assert_allclose(np.bincount(grouped(counts)), 20, atol=1)
    assert set(grouped(np.zeros((5, 2), int))) == {0}


def test_windows_lie_around_unknown_pixels(config, rng):
    problem = load(config)[0][0]
    rows, columns, counts = windows(problem, 300, rng)
    height, width = problem.labels.shape
    alpha = problem.whole(problem.alpha)
    assert len(rows) == 300
    for row, column, count in zip(rows, columns, counts, strict=True):
        inner = 0 < row < height - 15 and 0 < column < width - 15
        unknown = problem.unknown[row : row + 15, column : column + 15]
        assert unknown[7, 7] if inner else unknown.any()
        target = alpha[row : row + 15, column : column + 15]
        assert target.shape == (15, 15)
        assert count[0] == (target > 0).sum()


def test_patches_are_cut_from_the_pictures(config):
    """Each patch, up to rotation and reflection, is a window of a picture, with the true alpha of this window."""
    problems = load(config)[0]
    patches = Patches(problems, replace(config.schedule, symmetries="turns"), config.seed, CPU)
    x, truth = patches.batch(5)
    assert x.shape == (8, 4, 27, 27)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert truth.shape == (8, 1, 15, 15)
    layers = [stacked(p.image / 255, [p.whole(values) for values in (*p.mattes, p.alpha)]) for p in problems]
    padded = [torch.nn.functional.pad(planes.half().float(), (MARGIN,) * 4) for planes in layers]
    for patch, target in zip(x, truth, strict=True):
        assert any(
            torch.equal(window[:4], patch) and torch.equal(window[4:, 6:-6, 6:-6], target)
            for planes in padded
            for window in windows_with_middle(planes, patch[:, 13, 13])
        )
    torch.testing.assert_close(patches.batch(5), (x, truth), rtol=0, atol=0)
    assert not torch.equal(patches.batch(6)[0], x)


def windows_with_middle(planes, middle):
    """All windows of 27 x 27 pixels whose middle begins with some values, in their eight positions."""
    places = (planes[: len(middle), 13:-13, 13:-13] == middle[:, None, None]).all(0).nonzero()
    for row, column in places.tolist():
        window = planes[:, row : row + 27, column : column + 27]
        for turns in range(4):
            yield from (torch.rot90(one, turns, (1, 2)) for one in (window, window.flip(2)))


def test_patches_are_turned_all_ways(config):
    grids = Patches(load(config)[0], config.schedule, config.seed, CPU).grids
    assert len({grid.numpy().tobytes() for grid in grids}) == 8
    assert all(torch.equal((27 * grid[0] + grid[1]).flatten().sort().values, torch.arange(729)) for grid in grids)


def test_exchanged_patches_are_those_of_an_exchanged_picture(config, rng):
    """The mattes of a picture with other colours and labels are what the patches were given."""
    scene = datasets.synthetic(0, (32, 48))
    labels, other = Trimap.parse(scene.trimap), Trimap.parse(1 - scene.trimap)
    x = stacked(scene.image, [matte("closed_form", scene.image, labels)]).expand(40, -1, -1, -1)
    truth = torch.from_numpy(scene.alpha).expand(40, 1, -1, -1)
    found, truth = exchanged(x, truth, rng)
    swapped = truth[:, 0, 0, 0] != scene.alpha[0, 0]
    assert 10 < swapped.sum() < 30
    assert len({patch[:3].numpy().tobytes() for patch in found}) == 6
    for k in (int(swapped.float().argmax()), int((~swapped).float().argmax())):
        order = [next(c for c in range(3) if torch.equal(x[0, c], found[k, place])) for place in range(3)]
        shown, known = scene.image[..., order], other if swapped[k] else labels
        expected = stacked(shown, [matte("closed_form", shown, known)])
        torch.testing.assert_close(found[k], expected, rtol=0, atol=1e-3)
        torch.testing.assert_close(truth[k, 0].numpy(), 1 - scene.alpha if swapped[k] else scene.alpha)


def test_exchanged_crops(rng):
    crop = torch.rand(10, 6, 7, dtype=torch.float64)
    crop[:3] = crop[3:4] * crop[5:8] + (1 - crop[3:4])  # over white
    orders, swaps = set(), set()
    for _ in range(60):
        other = exchanged_crop(crop, rng)
        swapped = not torch.equal(other[3:5], crop[3:5])
        maps = 1 - other[3:5] if swapped else other[3:5]
        torch.testing.assert_close(maps, crop[3:5])
        torch.testing.assert_close(1 - other[8:] if swapped else other[8:], crop[8:])
        torch.testing.assert_close(other[:3], maps[0] * other[5:8] + (1 - maps[0]))
        orders.add(other[:3].numpy().tobytes())
        swaps.add(swapped)
    assert (len(orders), len(swaps)) == (6, 2)


def test_crops(cache, tmp_path):
    config = parse_config(settings(cache, tmp_path, "deep_matte_prop_net"))
    prepare(config)
    problems, _ = load(config)
    crops = Crops(problems, config.schedule, config.seed, CPU)
    batch = crops.batch(0)
    image, trimap, alpha, contrast = batch.split((3, 1, 1, 3), dim=1)
    assert batch.shape == (8, 8, 48, 48)
    assert set(trimap.unique().tolist()) == {0, 0.5, 1}
    assert (trimap == 0.5).flatten(1).any(1).all()
    assert torch.equal(alpha[trimap != 0.5], trimap[trimap != 0.5])
    torch.testing.assert_close(crops.batch(0), batch, rtol=0, atol=0)
    with pytest.raises(InputError, match="crop: synthetic-0 is smaller than 65 pixels"):
        Crops(problems, replace(config.schedule, crop=65), config.seed, CPU)


def test_crops_that_show_too_little_are_refused(cache, tmp_path):
    """Of one pixel all are unknown, and another would be drawn without end."""
    with pytest.raises(InputError, match="crop: takes a whole number >= 16, got 1"):
        parse_config(settings(cache, tmp_path, "deep_matte_prop_net", crop=1))


def test_the_least_crop_is_trained_on(cache, tmp_path):
    given = settings(cache, tmp_path / "run", "deep_matte_prop_net", iterations=1, batch=1, crop=16)
    options = {"width": 16, "closed_form": True, "branches": "surrounded", "mattes": ["closed_form"]}
    config = parse_config(given | {"options": options})
    prepare(config)
    assert train(config).exists()


def test_crops_with_mattes(cache, tmp_path):
    given = settings(cache, tmp_path / "run", "deep_matte_prop_net", iterations=2, batch=2, precision="bfloat16")
    options = {"width": 16, "closed_form": True, "branches": "dilated", "mattes": ["closed_form"], "epsilon": 1e-6}
    config = parse_config(given | {"options": options})
    prepare(config)
    problems, kept = load(config)
    batch = Crops(problems, config.schedule, config.seed, CPU).batch(0)
    assert batch.shape == (2, 9, 48, 48)
    known = batch[:, 3:4] != 0.5
    assert torch.equal(batch[:, 8:][known], batch[:, 3:4][known])
    network, facts = load_weights(train(config), DeepMattePropNet)
    assert network.options["mattes"] == ["closed_form"]
    assert list(facts["metrics"]) == ["deep_matte_prop_net", "closed_form"]
    alpha = deep_matte_prop_net(
        kept[0].image, Trimap.parse(kept[0].trimap), weights=tmp_path / "run/weights.safetensors"
    )
    told = kept[0].scores(alpha)["sad"]
    assert told == pytest.approx(facts["metrics"]["deep_matte_prop_net"]["sad"], rel=1e-2)


def test_all_unknown_pixels_are_drawn_equally_often(cache, tmp_path):
    config = parse_config(settings(cache, tmp_path, "deep_matte_prop_net") | {"held_out": []})
    prepare(config)
    one, other = load(config)[0][:2]
    narrow = np.where(np.cumsum(one.unknown).reshape(one.labels.shape) % 5, 0, one.labels)  # a fifth stays unknown
    kept = narrow[one.unknown] == 1
    dark = replace(
        one,
        image=0 * one.image,
        labels=narrow,
        alpha=one.alpha[kept],
        contrast=one.contrast[kept],
        mattes=one.mattes[:, kept],
    )
    crops = Crops([dark, replace(other, image=0 * other.image + 255)], config.schedule, config.seed, CPU)
    bright = np.mean([float(crops.batch(k)[:, 0].mean()) for k in range(50)])
    expected = other.unknown.sum() / (other.unknown.sum() + dark.unknown.sum())
    assert bright == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 400))


# Losses


def test_caffes_loss_is_a_multiple_of_the_mean_squared_error():
    """Steps are the same too, with the learning rate scaled accordingly."""
    x, truth = torch.rand(4, 5, 27, 27), torch.rand(4, 1, 15, 15)
    first = DCNN()
    second = DCNN()
    second.load_state_dict(first.state_dict())
    losses = euclidean_loss(first(x), truth), torch.nn.functional.mse_loss(second(x), truth)
    torch.testing.assert_close(losses[0], 112.5 * losses[1])
    for network, loss, rate in ((first, losses[0], 1e-5), (second, losses[1], 1.125e-3)):
        loss.backward()
        torch.optim.SGD(network.parameters(), rate).step()
    torch.testing.assert_close(first.state_dict(), second.state_dict())


def test_loss_of_composites():
    """The simplified formula of the composition loss equals the definition with both composites."""
    foreground, background = torch.rand(2, 1, 3, 12, 16, dtype=torch.float64)
    found, alpha = torch.rand(2, 1, 1, 12, 16, dtype=torch.float64)
    unknown = torch.rand(1, 1, 12, 16) < 0.5
    shown = [a * foreground + (1 - a) * background for a in (found, alpha)]
    expected = 0.5 * (found - alpha).abs() + 0.5 * (shown[0] - shown[1]).abs().mean(1, keepdim=True)
    loss = matting_loss(found, alpha, foreground - background, unknown)
    torch.testing.assert_close(loss, expected[unknown].mean(), rtol=1e-5, atol=0)


# The loop


@pytest.mark.parametrize(
    ("network", "kind", "optimiser"),
    [("dcnn", DCNN, "adam"), ("dcnn", DCNN, "sgd"), ("deep_matte_prop_net", DeepMattePropNet, "soap")],
)
def test_a_training_that_was_stopped_ends_in_the_same_weights(cache, tmp_path, network, kind, optimiser):
    whole, stopped = (
        parse_config(settings(cache, tmp_path / name, network, optimiser=optimiser, rate=1e-4, batch=2))
        for name in ("whole", "stopped")
    )
    prepare(whole)
    train(whole, "cpu")

    with pytest.raises(KeyboardInterrupt):
        train(stopped, "cpu", partial(stopping, last=4))  # one step after the checkpoint
    assert not (stopped.output / "weights.safetensors").exists()
    train(stopped, "cpu")
    ours, expected = (
        load_weights(run.output / "weights.safetensors", kind)[0].state_dict() for run in (stopped, whole)
    )
    torch.testing.assert_close(ours, expected, rtol=0, atol=0)
    texts = [(run.output / "log.jsonl").read_text() for run in (stopped, whole)]
    logs = [[json.loads(line) for line in text.splitlines()] for text in texts]
    for record in (*logs[0], *logs[1]):
        record.pop("seconds_per_iteration", None)
    assert logs[0] == logs[1]
    assert [record["iteration"] for record in logs[0]] == [2, 3, 4, 6, 6]


class Game(DcnnTask):
    """Two optimisers, of which the second begins later; a part that is frozen; weights that are averaged."""

    losses = ("alpha", "game")

    def __init__(self, network, problems, schedule, seed, device):
        super().__init__(network, problems, schedule, seed, device)
        self.network.layers[0].requires_grad_(False)
        self.average = deepcopy(self.network)
        self.opponent = torch.nn.Conv2d(1, 1, 3)
        self.register_buffer("steps_of_opponent", torch.tensor(0))

    def optimisers(self):
        parts = {"network": self.network, "opponent": self.opponent}
        return {name: optimiser_of(part.parameters(), self.schedule) for name, part in parts.items()}

    def step(self, optimisers, iteration):
        x, truth = self.patches.batch(iteration)
        alpha, started = self.network(x), iteration >= 3
        loss = absolute_loss(alpha, truth) - started * self.opponent(alpha).mean()
        descend(optimisers["network"], loss, 1e-2)
        game = self.opponent(alpha.detach()).mean() - self.opponent(truth).mean()
        if started:
            descend(optimisers["opponent"], game, 1e-3)
            self.steps_of_opponent += 1
        for kept, own in zip(self.average.parameters(), self.network.parameters(), strict=True):
            kept.data.lerp_(own.data, 0.5)
        return {"alpha": loss.detach(), "game": started * game.detach()}

    @property
    def trained(self):
        return self.average


def test_a_task_may_have_more_of_everything(cache, tmp_path, monkeypatch):
    """A training interrupted before and after its second optimiser starts ends with the same weights as without."""
    monkeypatch.setitem(TASKS, "dcnn", f"{__name__}:Game")
    ended = []
    for name, stops in (("whole", ()), ("stopped", (3, 7))):
        config = parse_config(settings(cache, tmp_path / name, iterations=9, optimiser="adam"))
        prepare(config)
        for last in stops:
            with pytest.raises(KeyboardInterrupt):
                train(config, "cpu", partial(stopping, last=last))
        train(config, "cpu")
        ended.append(load_weights(config.output / "weights.safetensors", DCNN)[0].state_dict())
        with safe_open(config.output / "checkpoint.safetensors", "pt") as file:
            assert file.get_tensor("task.steps_of_opponent") == 6
            assert not any(
                torch.equal(file.get_tensor(f"task.network.{k}"), kept) for k, kept in list(ended[-1].items())[1:]
            )
            assert "optimiser.opponent.0.exp_avg" in file.keys()
            assert "optimiser.network.0.exp_avg" not in file.keys()
    torch.testing.assert_close(ended[0], ended[1], rtol=0, atol=0)
    log = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    noted = [record for record in log if "losses" in record]
    assert [(record["losses"].keys(), record["rates"]) for record in noted][-1] == (
        {"alpha", "game"},
        {"network": 1e-2, "opponent": 1e-3},
    )
    assert noted[0]["losses"]["game"] == 0


def stopping(iterations, last):
    for k in iterations:
        if k == last:
            raise KeyboardInterrupt
        yield k


def test_bfloat16_is_of_convolutions_alone(config):
    """A step in it differs by its roundings, 2^-8 each; weights, loss and gradients are those of single precision."""
    losses, slopes = [], []
    for precision in ("single", "bfloat16"):
        torch.manual_seed(0)
        network = config.build()
        schedule = replace(config.schedule, precision=precision)
        loss = config.task(network, load(config)[0], schedule, config.seed, CPU).loss(0)
        loss.backward()
        assert {tensor.dtype for weight in network.parameters() for tensor in (loss, weight.grad)} == {torch.float32}
        losses.append(loss.item())
        slopes.append(torch.cat([weight.grad.flatten() for weight in network.parameters()]))
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert torch.cosine_similarity(*slopes, dim=0) > 0.99


def test_soap_is_adam_where_there_is_nothing_to_turn():
    """For parameters of one element SOAP has no basis to transform to, and equals Adam from the second step on."""
    weights = [torch.nn.Parameter(torch.full((1, 1), float(k))) for k in range(1, 4)]
    others = [torch.nn.Parameter(weight.detach().clone()) for weight in weights]
    ours, adam = Soap(weights, 0.1), torch.optim.Adam(others, 0.1, betas=(0.95, 0.95))
    for step in range(6):
        for group, optimiser in ((weights, ours), (others, adam)):
            optimiser.zero_grad()
            sum((k + 1) * weight.square().sum() for k, weight in enumerate(group)).backward()
            if step or optimiser is ours:
                optimiser.step()
    torch.testing.assert_close(weights, others)


def test_soap_does_not_mind_how_a_problem_is_turned(rng):
    """Steps follow a rotation of the unknowns, which those of Adam do not."""
    left, right = (torch.from_numpy(np.linalg.qr(rng.standard_normal((5, 5)))[0]) for _ in "ab")
    target = torch.from_numpy(rng.standard_normal((5, 5)))
    scales = torch.logspace(-1, 1, 5, dtype=torch.float64)

    def solved(kind, turn):
        weight = torch.nn.Parameter(torch.zeros(5, 5, dtype=torch.float64))
        optimiser = kind([weight], 0.05)
        for _ in range(60):
            optimiser.zero_grad()
            here = left.T @ weight @ right if turn else weight
            (((here - target) * scales).square().sum()).backward()
            optimiser.step()
        return (left.T @ weight @ right if turn else weight).detach()

    differences = [(solved(kind, True) - solved(kind, False)).abs().max() for kind in (Soap, torch.optim.Adam)]
    assert differences[0] < 1e-3
    assert differences[1] > 0.1


def test_what_a_training_leaves(config):
    path = train(config)
    network, facts = load_weights(path, DCNN)
    assert network.options["filters"] == 4
    assert facts["data"] == ["synthetic-0", "synthetic-2"]
    assert (facts["preset"], facts["seed"], facts["iterations"]) == ("small", 0, 6)
    assert set(facts["metrics"]) == {"dcnn", "closed_form"}
    assert set(facts["metrics"]["dcnn"]) == {"sad", "mse"}
    with Image.open(config.output / "curves.png") as picture:
        assert picture.size == (900, 640)
    with pytest.raises(InputError, match="output: .* holds another training"):
        train(replace(config, schedule=replace(config.schedule, rate=0.1)))


def test_curves_of_little(tmp_path):
    """Nothing logged yet; nothing held out; losses that have no logarithm, of which there is no curve."""
    losses = [{"alpha": 1.0, "game": 0.0}, {"alpha": 0.1, "game": -1.0}]
    for log in ([], [{"iteration": 5 + k, "losses": both} for k, both in enumerate(losses)]):
        draw_curves(log, tmp_path / "curves.png")
        with Image.open(tmp_path / "curves.png") as picture:
            assert picture.size == (900, 320)
            colours = {colour for _, colour in picture.getcolors(1 << 20)}
        assert (ImageColor.getrgb(COLOURS[0]) in colours) == bool(log)
        assert ImageColor.getrgb(COLOURS[1]) not in colours


def test_files_are_replaced_as_pictures_are(config, tmp_path):
    """Mode and links stay, and what runs that were killed left is removed."""
    train(config)
    names = ("weights.safetensors", "checkpoint.safetensors", "curves.png")
    for name in names:
        (config.output / name).chmod(0o600)
        (config.output / name).rename(tmp_path / name)
        (config.output / name).symlink_to(tmp_path / name)
    (config.output / f".propmat-1-{'0' * 16}.png").write_bytes(b"left")
    longer = replace(config.schedule, checkpoint_every=1)
    (config.output / "log.jsonl").unlink()
    (config.output / "checkpoint.safetensors").unlink()
    train(replace(config, schedule=longer))
    for name in ("weights.safetensors", "curves.png"):
        assert (config.output / name).is_symlink()
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert not list(config.output.glob(".propmat-*"))


def test_the_rate_falls_to_nothing():
    schedules = task_of("dcnn").schedules
    rates = [schedules["fast"].rate_at(k) for k in (0, 2_500, 5_000)]
    np.testing.assert_allclose(rates, [3e-3, 1.5e-3, 0], atol=1e-12)
    assert schedules["faithful"].rate_at(999_999) == 1e-5


def test_the_command(cache, tmp_path, monkeypatch, capsys):
    path = tmp_path / "config.toml"
    path.write_text(
        f"""
        network = "dcnn"
        cache = "{cache}"
        output = "{tmp_path}/run"
        [options]
        filters = 4
        mattes = ["closed_form"]
        [[data]]
        source = "synthetic"
        count = 1
        shape = [64, 80]
        [training]
        iterations = 2
        batch = 4
        """
    )
    monkeypatch.setattr("sys.argv", ["training", str(path), "--device", "cpu", "--prepare"])
    main()
    assert not (tmp_path / "run").exists()
    monkeypatch.setattr("sys.argv", ["training", str(path), "--device", "cpu"])
    main()
    assert capsys.readouterr().out.strip() == str(tmp_path / "run" / "weights.safetensors")
    load_weights(tmp_path / "run" / "weights.safetensors", DCNN)
    assert read_config(path).schedule.iterations == 2
    monkeypatch.setattr("sys.argv", ["training", str(tmp_path / "nothing.toml")])
    with pytest.raises(SystemExit, match="propmat: error: config: cannot read"):
        main()


def test_the_command_of_the_old_name_says_the_new_one():
    command = [sys.executable, "-m", "propmat.networks.training", "dcnn.toml"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "python -m propmat.networks.training is now python -m propmat.training" in ended.stderr


@pytest.mark.parametrize("module", ["propmat.networks.training", "propmat.training"])
def test_commands_say_in_a_line_that_pytorch_is_missing(module, tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", module, "dcnn.toml"]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 1
    assert "needs PyTorch" in ended.stderr
    assert ended.stderr.startswith("propmat: error: ")
    assert ended.stderr.count("\n") == 1


def test_cross_validation(copy, tmp_path, monkeypatch, capsys):
    (tmp_path / "config.toml").write_text(
        f"""
        network = "dcnn"
        cache = "{tmp_path}/cache"
        output = "{tmp_path}/run"
        options = {{filters = 4, mattes = ["closed_form"]}}
        data = [{{source = "alphamatting", root = "{tmp_path}"}}]
        """
    )
    results = tmp_path / "results"
    command = ["validate", str(tmp_path / "config.toml"), "--data", str(tmp_path), "--output", str(results)]
    options = ["--folds", "2", "--iterations", "2", "--device", "cpu", "--beside", "closed_form"]
    monkeypatch.setattr("sys.argv", ["networks", *command, *options])
    cross_validate()
    assert "| dcnn |" in capsys.readouterr().out
    lines = [json.loads(line) for line in (results / "results.jsonl").read_text().splitlines()]
    assert len(lines) == 2 * 2 * 2
    assert {line["method"] for line in lines if line["sad"] is not None} == {"dcnn", "closed_form"}
    _, facts = load_weights(results / "fold0" / "weights.safetensors", DCNN)
    assert facts["data"] == ["b"]
    monkeypatch.setattr("benchmarks.networks.train", None)  # all is there
    cross_validate()
    drawing = ["--data", str(tmp_path), "--results", str(results), "--output", str(tmp_path / "cases")]
    monkeypatch.setattr("sys.argv", ["networks", "cases", *drawing, "--against", "closed_form", "--count", "1"])
    cross_validate()
    assert "of 2 photographs" in capsys.readouterr().out
    drawn = sorted(path.name.partition("-")[0] for path in (tmp_path / "cases").iterdir())
    assert drawn == ["best1", "worst1"]


def test_gain():
    scores = {"a": [1.0, 2.0, 3.0], "b": [3.0, 6.0, 2.0], "c": [2.0, 4.0, 4.0]}
    assert gain("x", scores, "photographs") == "x: mean SAD 2.00, 0.67 of the next; best on 2 of 3 photographs"


WRONG_TABLES = {
    "network": (
        {"network": "unet"},
        "network: takes 'alphagan' or 'dcnn' or 'deep_matte_prop_net' or 'diffmatte' or 'late_fusion', got 'unet'",
    ),
    "setting": ({"colour": 1}, "config: there is no setting 'colour'; takes network, cache"),
    "no data": ({"data": []}, "data: takes at least one table"),
    "source": (
        {"data": [{"source": "web"}]},
        "source: takes 'alphamatting' or 'folder' or 'synthetic' or 'composites' or 'rendered' or 'salient', got 'web'",
    ),
    "setting of training": ({"training": {"speed": 1}}, "training: there is no setting of 'dcnn' 'speed'; takes"),
    "setting of another network": (
        {"training": {"crop": 160}},
        "training: there is no setting of 'dcnn' 'crop'; takes schedule, iterations, batch, rate, optimiser, momentum, "
        "weight_decay, decay, clip, log_every, validate_every, checkpoint_every, loss, precision, symmetries, patches",
    ),
    "setting of the first network": (
        {"network": "deep_matte_prop_net", "options": {}, "training": {"loss": "squared"}},
        "training: there is no setting of 'deep_matte_prop_net' 'loss'",
    ),
    "schedule": ({"training": {"schedule": "slow"}}, "schedule: takes 'faithful' or 'fast', got 'slow'"),
    "optimiser": ({"training": {"optimiser": "newton"}}, "optimiser: takes 'sgd' or 'adam' or 'soap', got 'newton'"),
    "precision": ({"training": {"precision": "half"}}, "precision: takes 'single' or 'bfloat16', got 'half'"),
    "decay": ({"training": {"decay": "linear"}}, "decay: takes 'constant' or 'cosine', got 'linear'"),
    "batch": ({"training": {"batch": 0}}, "batch: takes a whole number >= 1, got 0"),
}


@pytest.mark.parametrize("case", WRONG_TABLES)
def test_wrong_configurations(cache, tmp_path, case):
    changes, message = WRONG_TABLES[case]
    with pytest.raises(InputError) as raised:
        parse_config(settings(cache, tmp_path) | changes)
    assert message in str(raised.value)


def test_configurations_that_lack_something(cache, tmp_path):
    given = settings(cache, tmp_path)
    with pytest.raises(InputError, match="config: cannot read .*nothing.toml"):
        read_config(tmp_path / "nothing.toml")
    with pytest.raises(InputError, match="config: missing .*'output'"):
        parse_config({name: value for name, value in given.items() if name != "output"})
    with pytest.raises(InputError, match="composites: takes a source of at least two pictures"):
        prepare(parse_config(given | {"data": [{"source": "synthetic", "count": 1, "composites": 1}]}))
    fresh = parse_config(given | {"cache": str(tmp_path / "fresh")})
    with pytest.raises(InputError, match="lacks the problems of this configuration"):
        load(fresh)
    with pytest.raises(InputError, match="schedule: takes DcnnSchedule, got"):
        replace(fresh, schedule=task_of("deep_matte_prop_net").schedules["fast"])


WRONG_FILES = {
    "misspelt": (b'network = "dcnn"\npresets = "small"', "there is no setting 'presets', did you mean 'preset'?"),
    "misspelt in training": (b'network = "dcnn"\n[training]\nitterations = 5', "did you mean 'iterations'?"),
    "misspelt schedule": (b'network = "dcnn"\n[training]\nshedule = "fast"', "did you mean 'schedule'?"),
    "not UTF-8": ('network = "dcnn" # \u00e9'.encode("latin-1"), "codec can't decode"),
    "UTF-16": ('network = "dcnn"'.encode("utf-16"), "codec can't decode"),
    "empty": (
        b"",
        "network: takes 'alphagan' or 'dcnn' or 'deep_matte_prop_net' or 'diffmatte' or 'late_fusion', got None",
    ),
    "network = []": (
        b"network = []",
        "network: takes 'alphagan' or 'dcnn' or 'deep_matte_prop_net' or 'diffmatte' or 'late_fusion', got []",
    ),
    "network = {}": (b"network = {a = 1}", "network: takes 'alphagan' or 'dcnn'"),
    "data = 5": (b'network = "dcnn"\ndata = 5', "data: takes at least one table [[data]], got 5"),
    "data = [5]": (b'network = "dcnn"\ndata = [5]', "data: takes a table of settings, got 5"),
    "one table": (b'network = "dcnn"\n[data]\nsource = "synthetic"', "data: takes at least one table [[data]], got {"),
    "no source": (b'network = "dcnn"\n[[data]]\ncount = 5', "source: takes 'alphamatting' or"),
    "source = []": (b'network = "dcnn"\n[[data]]\nsource = []', "source: takes 'alphamatting' or"),
    "training = 5": (b'network = "dcnn"\ntraining = 5', "training: takes a table of settings, got 5"),
    "schedule = []": (b'network = "dcnn"\n[training]\nschedule = []', "schedule: takes 'faithful' or 'fast', got []"),
    "nested lists": (b"network = " + b"[" * 50_000, "cannot read"),
    "nested tables": (b"network = " + b"{a=" * 50_000, "cannot read"),
    "digits": (b"seed = " + b"9" * 5000, "cannot read"),
    "not TOML": (b"\0\1\2", "cannot read"),
    "long": (b"#" * 2_000_000, "has more than 1048576 bytes"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_files_that_are_no_configuration(tmp_path, case):
    content, message = WRONG_FILES[case]
    (tmp_path / "config.toml").write_bytes(content)
    with pytest.raises(InputError) as raised:
        read_config(tmp_path / "config.toml")
    assert message in str(raised.value)
    assert str(raised.value).isprintable()


WRONG_SETTINGS = [
    ({"preset": ["small"]}, "preset: takes text, got ['small']"),
    ({"preset": "tiny"}, "preset: takes 'faithful' or"),
    ({"options": 5}, "options: takes a table of settings, got 5"),
    ({"options": {"filters": "x"}}, "filters: takes a whole number >= 1, got 'x'"),
    ({"options": {"filters": 20_000}}, "filters: takes a whole number up to 1024, got 20000"),
    ({"options": {"filter": 4}}, "there is no option 'filter', did you mean 'filters'"),
    ({"options": {"mattes": 5}}, "mattes: takes a list of 1 to 16 names, got 5"),
    ({"cache": 5}, "cache: takes text, got 5"),
    ({"cache": "a\0b"}, "cache: takes text"),
    ({"output": ["run"]}, "output: takes text, got ['run']"),
    ({"held_out": "GT02"}, "held_out: takes a list of values, got 'GT02'"),
    ({"held_out": [2]}, "held_out: takes text, got 2"),
    ({"seed": -1}, "seed: takes a whole number >= 0, got -1"),
    ({"seed": "0"}, "seed: takes a whole number >= 0, got '0'"),
    ({"seed": 10**30}, "seed: takes a whole number up to"),
]
WRONG_SCHEDULES = [
    ({"iterations": 2.5}, "iterations: takes a whole number >= 1, got 2.5"),
    ({"iterations": "6"}, "iterations: takes a whole number >= 1, got '6'"),
    ({"batch": True}, "batch: takes a whole number >= 1, got True"),
    ({"batch": 10**12}, "batch: takes a whole number up to 65536"),
    ({"patches": -48}, "patches: takes a whole number >= 1, got -48"),
    ({"log_every": []}, "log_every: takes a whole number >= 1, got []"),
    ({"rate": float("nan")}, "rate: takes a finite number from 0 to 1e+06, got nan"),
    ({"rate": -1e-3}, "rate: takes a finite number from 0 to 1e+06, got -0.001"),
    ({"rate": 0}, "rate: takes a finite number > 0, got 0"),
    ({"rate": float("inf")}, "rate: takes a finite number"),
    ({"momentum": 1.5}, "momentum: takes a finite number from 0 to 1, got 1.5"),
    ({"weight_decay": -1}, "weight_decay: takes a finite number"),
    ({"clip": "1"}, "clip: takes a finite number"),
    ({"optimiser": ["adam"]}, "optimiser: takes text, got ['adam']"),
]
WRONG_SOURCES = [
    ({"count": 0}, "a source 'synthetic' takes count, which is missing or empty"),
    ({"count": -1}, "count: takes a whole number >= 0, got -1"),
    ({"count": 2.0}, "count: takes a whole number >= 0, got 2.0"),
    ({"shape": [64]}, "shape: takes a list of 2 values, got [64]"),
    ({"shape": [64, "80"]}, "shape: takes a whole number >= 16, got '80'"),
    ({"shape": [10**6, 10**6]}, "shape: takes a whole number up to 4096"),
    ({"scale": [1, 0.5]}, "scale: takes (least, most), got (1, 0.5)"),
    ({"scale": [0, 1]}, "scale: takes a finite number from 0.01 to 1, got 0"),
    ({"scale": 0.5}, "scale: takes a list of 2 values, got 0.5"),
    ({"reach": [2, 1]}, "reach: takes (least, most), got (2, 1)"),
    ({"reach": [1, float("nan")]}, "reach: takes a whole number >= 1, got nan"),
    ({"composites": "1"}, "composites: takes a whole number >= 0, got '1'"),
    ({"trimaps": [1]}, "data: there is no setting of 'synthetic' 'trimaps'"),
    ({"source": "alphamatting", "trimaps": [4]}, "trimaps: takes a whole number up to 3, got 4"),
    ({"source": "alphamatting", "trimaps": [[1]]}, "trimaps: takes a whole number >= 1, got [1]"),
    ({"source": "alphamatting", "trimaps": []}, "trimaps: takes different numbers out of 1, 2, 3, got ()"),
    ({"source": "alphamatting", "trimaps": [1, 1]}, "trimaps: takes different numbers out of 1, 2, 3, got (1, 1)"),
    ({"source": "alphamatting", "root": 5}, "root: takes text, got 5"),
    ({"source": "folder", "patterns": {"trimaps": "{name}.png"}}, "no pattern 'trimaps', did you mean 'trimap'?"),
    ({"source": "folder", "patterns": {"trimap": 5}}, "trimap: takes text, got 5"),
    ({"source": "folder", "patterns": "{name}"}, "patterns: takes a table of settings"),
    ({"source": "composites", "count": 1}, "a source 'composites' takes foregrounds, which is missing or empty"),
    ({"source": "rendered", "count": 1}, "a source 'rendered' takes backgrounds, which is missing or empty"),
    (
        {"source": "rendered", "count": 1, "backgrounds": "b", "augmentation": {"noise": 1}},
        "noise: takes a pair (least, most), got int",
    ),
    (
        {"source": "rendered", "count": 1, "backgrounds": "b", "augmentation": {"nose": [0, 1]}},
        "augmentation: there is no range 'nose', did you mean 'noise'?",
    ),
]


@pytest.mark.parametrize(
    ("where", "changes", "message"),
    [("config", *case) for case in WRONG_SETTINGS]
    + [("training", *case) for case in WRONG_SCHEDULES]
    + [("data", *case) for case in WRONG_SOURCES],
    ids=str,
)
def test_settings_of_wrong_kinds(tmp_path, where, changes, message):
    given = settings(tmp_path / "cache", tmp_path / "run")
    if where == "config":
        given |= changes
    elif where == "training":
        given["training"] |= changes
    elif "source" in changes:
        given["data"] = [changes]
    else:
        given["data"][0] |= changes
    with pytest.raises(InputError) as raised:
        parse_config(given)
    assert message in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("pattern", ["/etc/*", "../*", "a**/*", "a\nb", "{name}"], ids=ascii)
def test_patterns_of_composites(tmp_path, pattern):
    data = {
        "source": "composites",
        "root": str(tmp_path),
        "count": 1,
        "foregrounds": pattern,
        "alphas": "*",
        "backgrounds": "*",
    }
    with pytest.raises(InputError, match="foregrounds: takes a pattern"):
        prepare(parse_config(settings(tmp_path / "cache", tmp_path / "run") | {"data": [data]}))


def test_stray_files_shift_no_composites(copy, tmp_path):
    """Foregrounds go with mattes by their order."""
    for kind in ("image", "alpha"):
        (tmp_path / "training" / kind / ".DS_Store").write_text("no picture")
    (tmp_path / "training" / "image" / "._a.png").write_text("no picture")
    (tmp_path / "training" / "alpha" / "a.txt").write_text("no picture")
    files = {"foregrounds": "training/image/*", "alphas": "training/alpha/*.*", "backgrounds": "training/image/*.*"}
    data = {"source": "composites", "root": str(tmp_path), "count": 1, "reach": [1, 2], **files}
    config = parse_config(settings(tmp_path / "cache", tmp_path / "run") | {"data": [data], "held_out": []})
    prepare(config)
    assert [problem.uses for problem in load(config)[0]] == [("a",), ("b",)]


def test_places_of_configurations(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.toml", tmp_path / "a\0b", 5, None):
        with pytest.raises(InputError, match="config: ") as raised:
            read_config(path)
        assert str(raised.value).isprintable()
    text = (
        "\ufeff"
        + 'network = "dcnn"\r\ncache = "c"\r\noutput = "o"\r\n[[data]]\r\nsource = "synthetic"\r\ncount = 1\r\n'
    )
    (tmp_path / "notepad.toml").write_bytes(text.encode())
    assert read_config(tmp_path / "notepad.toml").network == "dcnn"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders here")
def test_pipes_as_configurations(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="network: takes"):  # nobody writes to it
        read_config(tmp_path / "pipe")
    reading, writing = os.pipe()
    os.write(writing, b'network = "dcnn"\nspeed = 1')
    os.close(writing)
    with pytest.raises(InputError, match="there is no setting 'speed'"):
        read_config(f"/dev/fd/{reading}")
    os.close(reading)
    with pytest.raises(InputError, match="has more than 1048576 bytes"):
        read_config("/dev/zero")


@pytest.mark.parametrize("wrong", ["dcnn.toml", None, {"network": "dcnn"}])
def test_what_is_no_configuration(wrong):
    for function in (prepare, train):
        with pytest.raises(InputError, match="^config: takes what read_config returns, got"):
            function(wrong)


def test_devices(config, tmp_path, monkeypatch):
    for device in ("gpu", "cuda:99", "cpu:x", ""):
        with pytest.raises(InputError, match="device: takes 'cpu', 'cuda' or 'cuda:0', got"):
            train(config, device)
    assert not config.output.exists()


# Other processes


HOLDER = """
import sys
from pathlib import Path
from propmat.io._locking import locked
with locked(Path(sys.argv[1]), "output"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(config):
    """Another process that holds the output of `config`."""
    command = [sys.executable, "-c", HOLDER, str(config.output)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_folder_is_of_one_training(config, holder):
    with pytest.raises(InputError, match=r"output: another training is at work in .*run; wait for its end"):
        train(config, "cpu")
    assert [path.name for path in config.output.iterdir()] == [".lock"]
    holder.kill()
    holder.wait()
    train(config, "cpu")
    assert (config.output / "weights.safetensors").exists()


def test_the_command_looks_at_the_output_before_it_prepares(config, holder, tmp_path, monkeypatch):
    data = '[[data]]\nsource = "synthetic"\ncount = 1\n'
    text = f'network = "dcnn"\ncache = "{tmp_path}/new"\noutput = "{config.output}"\n{data}'
    (tmp_path / "config.toml").write_text(text)
    monkeypatch.setattr("sys.argv", ["training", str(tmp_path / "config.toml"), "--device", "cpu"])
    with pytest.raises(SystemExit, match="propmat: error: output: another training is at work"):
        main()
    assert not (tmp_path / "new").exists()


def test_a_folder_is_of_one_run_in_a_process_too(config, tmp_path):
    with locked(config.output, "output"), pytest.raises(InputError, match="output: another training is at work"):
        train(config, "cpu")
    fresh = replace(config, cache=tmp_path / "fresh")
    with locked(fresh.cache, "cache"), pytest.raises(InputError, match="cache: another training is at work"):
        prepare(fresh)
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(InputError, match="output: cannot write to .*file"):
            train(replace(config, output=place), "cpu")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
def test_a_training_that_was_killed_goes_on(config):
    code = f"""
import os, signal
from pathlib import Path
from propmat.training import train
from tests.training.test_training import parse_config
def stop(iterations):
    for k in iterations:
        if k == 4:
            os.kill(os.getpid(), signal.SIGKILL)
        yield k
train(parse_config({settings(config.cache, config.output)!r}), "cpu", stop)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGKILL
    assert not (config.output / "weights.safetensors").exists()
    train(config, "cpu")
    lines = [json.loads(line) for line in (config.output / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [2, 3, 4, 6, 6]


# Checkpoints from untrusted sources


@pytest.fixture(params=["adam", "sgd", "soap"])
def stopped(cache, tmp_path, request):
    """A training that has a checkpoint after its third step, and the tensors in it."""
    config = parse_config(settings(cache, tmp_path / "run", optimiser=request.param))
    prepare(config)

    with pytest.raises(KeyboardInterrupt):
        train(config, "cpu", partial(stopping, last=3))
    with safe_open(config.output / "checkpoint.safetensors", "pt") as file:
        tensors, block = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()["propmat"]
    return config, tensors, json.loads(block)


def rewritten(stopped, tensors=None, **about):
    config, own, block = stopped
    path = config.output / "checkpoint.safetensors"
    save_file(own if tensors is None else tensors, path, {"propmat": json.dumps(block | about)})
    with pytest.raises(InputError) as raised:
        train(config, "cpu")
    assert str(raised.value).isprintable()
    return str(raised.value)


def test_checkpoints_that_are_damaged(stopped):
    config, tensors, _ = stopped
    for name in (names := [name for name in tensors if ".0." in name or name == "total.alpha"]):
        spoilt = tensors[name].clone()
        spoilt.view(-1)[-1] = float("nan")
        assert f"the tensor {name} has 1 values that are NaN" in rewritten(stopped, tensors | {name: spoilt})
    for name in names:
        other = torch.zeros(*tensors[name].shape, 2)
        assert f"size mismatch for {name}" in rewritten(stopped, tensors | {name: other})
        rest = {key: tensor for key, tensor in tensors.items() if key != name}
        assert f"missing tensor {shown(name)}" in rewritten(stopped, rest)
    for name in ("optimiser.network.0.other", "optimiser.network.99.step", "optimiser", "task.network.other", "more"):
        assert f"unexpected tensor {shown(name)}" in rewritten(stopped, tensors | {name: torch.zeros(())})


def test_checkpoints_that_claim_wrong_places(stopped):
    config = stopped[0]
    for iteration in (-1, 7, 2.5, "3", None, [3], 10**30):
        assert "iteration: takes a whole number" in rewritten(stopped, iteration=iteration)
    of_network = [{"network": numbers} for numbers in (0, [-1], [99], ["0"], [True])]
    for begun in (None, [], {}, {"other": [0]}, *of_network):
        assert "checkpoint.safetensors takes" in rewritten(stopped, begun=begun)
    for lines in (-1, None, "2"):
        assert "lines: takes a whole number" in rewritten(stopped, lines=lines)
    assert "log.jsonl has 2 lines, at the checkpoint it had 50" in rewritten(stopped, lines=50)
    assert "holds another training" in rewritten(stopped, training=[])
    for content in (b"{", b"5\n5\n", b"\xff", b"[" * 50_000):
        (config.output / "log.jsonl").write_bytes(content)
        assert "which goes with checkpoint.safetensors" in rewritten(stopped)


def test_problems_of_which_nothing_can_be_learned(tmp_path):
    given = settings(tmp_path / "cache", tmp_path / "run")
    given["data"][0]["reach"] = [90, 90]
    with pytest.raises(InputError, match=r"data: synthetic-\d-composite0 has no known pixel; change reach"):
        prepare(parse_config(given))


def test_wrong_caches(tmp_path):
    config = parse_config(settings(tmp_path / "cache", tmp_path / "run"))
    prepare(config)
    with pytest.raises(InputError, match="held_out: there is no picture 'cat'"):
        load(replace(config, held_out=("cat",)))
    with pytest.raises(InputError, match="held_out: leaves no problem"):
        load(replace(config, held_out=("synthetic-0", "synthetic-1", "synthetic-2")))
    index = next(config.cache.glob("*.json"))
    whole = index.read_text()
    for text in ("5", "[5]", "{", "[" * 50_000, '[{"file": "a"}]'):
        index.write_text(text)
        with pytest.raises(InputError, match=r"cache: cannot read .*json, remove it and prepare again: "):
            load(config)
    index.write_text(whole)
    for path in config.cache.glob("*.npz"):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"cache: cannot read .*npz, remove it and prepare again: "):
        load(config)


@pytest.mark.parametrize("name", ["Config", "prepare", "read_config", "train"])
def test_without_pytorch_python_says_so_in_a_line(name):
    code = f"import sys\nsys.modules['torch'] = None\nimport propmat.training\npropmat.training.{name}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "MissingDependencyError: propmat.networks needs PyTorch" in run.stderr.splitlines()[-1]
