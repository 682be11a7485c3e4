"""The tool that renders foregrounds: what a set holds, its files, straight colours; with Blender, two equal renders."""

import csv
import itertools
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import render_foregrounds
from rendering import geometry, growth, plan, sampling, store, straight
from rendering.draws import stream

TOOLS = Path(render_foregrounds.__file__).parent
BLENDER = TOOLS / ".venv" / "bin" / "python"  # as tools/README.md makes it
KINDS, RANGES = tuple(plan.KINDS), plan.Ranges()


def first(count, seed=0, kinds=KINDS):
    return list(itertools.islice(plan.items(seed, kinds, RANGES), count))


# Plan


def test_a_longer_set_begins_with_the_shorter():
    assert first(400)[:50] == first(50)
    assert first(50) != first(50, seed=1)


def test_items_do_not_depend_on_the_kinds_that_are_chosen():
    everything = {item.name: item for item in first(600)}
    for item in first(60, kinds=("net", "hair")):
        assert item == everything[item.name]


def test_items_have_seeds_of_their_own():
    seeds = [item.seed for item in first(1000)]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("count", [50, 300])
def test_every_beginning_has_the_mix(count):
    kinds = [item.kind for item in first(count)]
    total = sum(share.weight for share in plan.KINDS.values())
    for kind, share in plan.KINDS.items():
        assert abs(kinds.count(kind) - count * share.weight / total) <= 1.5


@pytest.mark.parametrize("seed", range(3))
def test_every_kind_has_its_share_of_tests(seed):
    for kind, share in plan.KINDS.items():
        splits = [item.split for item in first(10 * share.test_every, seed, (kind,))]
        assert splits.count("test") == 10


def test_splits_begin_at_different_places():
    starts = {
        (seed, kind): [plan.split(seed, kind, n) for n in range(8)].index("test") for seed in range(9) for kind in KINDS
    }
    assert len(set(starts.values())) == 8


def test_sizes_and_blur_are_in_their_ranges():
    items = first(500)
    assert {item.modifier for item in items} == {"none", "motion", "defocus"}
    assert all(RANGES.sizes[0] <= item.size <= RANGES.sizes[1] and item.size % 2 == 0 for item in items)
    assert all(item.modifier == "none" for item in items if item.kind == "smoke")


# Files


def test_an_item_is_complete_when_its_facts_are_there(tmp_path):
    rng = np.random.default_rng(0)
    store.save(tmp_path, "net_0003", rng.random((8, 8, 3)), rng.random((8, 8)), {"name": "net_0003", "kind": "net"})
    assert store.done(tmp_path, "net_0003")
    assert not store.done(tmp_path, "net_0004")
    assert store.index(tmp_path) == 1
    with (tmp_path / "index.csv").open() as file:
        assert [row["name"] for row in csv.DictReader(file)] == ["net_0003"]


def test_a_write_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        store.save(tmp_path, "net_0003", np.zeros((8, 8, 3)), np.zeros((8, 8)), {"name": object()})
    assert not store.done(tmp_path, "net_0003")
    assert not list((tmp_path / "facts").iterdir())
    assert store.index(tmp_path) == 0


def test_a_set_keeps_its_settings(tmp_path):
    store.claim(tmp_path, {"seed": 0})
    store.claim(tmp_path, {"seed": 0})
    with pytest.raises(store.SettingsError, match="other settings"):
        store.claim(tmp_path, {"seed": 1})


def test_facts_of_unknown_columns_are_not_lost(tmp_path):
    store.save(tmp_path, "a", np.zeros((8, 8, 3)), np.zeros((8, 8)), {"name": "a", "colours": 3})
    with pytest.raises(ValueError, match="colours"):
        store.index(tmp_path)


# Options


def test_only_missing_items_are_rendered(tmp_path):
    options = render_foregrounds.parser().parse_args(["--out", str(tmp_path), "--count", "4"])
    before = [item.name for item in render_foregrounds.missing(options, RANGES)]
    store.save(tmp_path, before[1], np.zeros((8, 8, 3)), np.zeros((8, 8)), {"name": before[1]})
    assert [item.name for item in render_foregrounds.missing(options, RANGES)] == before[:1] + before[2:]


def test_parts_make_up_the_set(tmp_path):
    parse = render_foregrounds.parser().parse_args
    whole, *parts = (
        [
            item.name
            for item in render_foregrounds.missing(parse(["--out", str(tmp_path), "--count", "7", *part]), RANGES)
        ]
        for part in ([], ["--part", "0/2"], ["--part", "1/2"])
    )
    assert sorted(parts[0] + parts[1]) == sorted(whole)
    assert len(whole) == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--alpha-samples", "9"], "takes an even number"),
        (["--part", "2/2"], "takes K/N"),
        (["--cut", "2"], "takes numbers of 0 to 1"),
        (["--kinds", "cloud"], "invalid choice: 'cloud'"),
        (["--count", "0"], "takes integers of at least 1"),
    ],
)
def test_mistakes(arguments, message, capsys):
    with pytest.raises(SystemExit):
        render_foregrounds.main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [("0.9", "0.5"), ("0.5", "inf"), ("0", "1")])
def test_ranges_that_are_none(tmp_path, capsys, wrong):
    assert render_foregrounds.main(["--out", str(tmp_path), "--fill", *wrong]) == 2
    assert "--fill: takes two finite numbers above 0, least first" in capsys.readouterr().err


def test_folders_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "notes").touch()
    for place in (tmp_path / "notes", tmp_path / "notes" / "set"):
        assert render_foregrounds.main(["--out", str(place)]) == 2
        assert f"--out: cannot write into {place}: " in capsys.readouterr().err


# Pictures


def test_straight_colours_are_those_before_premultiplication(rng):
    y, x = np.mgrid[:64, :64]
    alpha = np.clip((24 - np.hypot(y - 32, x - 32)) / 6 + 0.5, 0, 1)
    light = np.array([0.3, 0.2, 0.1])
    colours = straight.straight(alpha[:, :, np.newaxis] * light, alpha, alpha, brightness=0.3)
    # The colour is one everywhere, so that all means of it are.
    np.testing.assert_allclose(colours, np.broadcast_to(straight.srgb(light), colours.shape), atol=1e-9)


def test_colours_are_extended_to_where_nothing_is_known():
    known = np.zeros((17, 23))
    known[8, 5] = known[3, 20] = 1
    colour = np.zeros((17, 23, 3))
    colour[8, 5], colour[3, 20] = 0.2, 0.8
    extended = straight.extended(colour, known)
    np.testing.assert_allclose(extended[8, 5], 0.2)
    assert 0.2 - 1e-12 <= extended.min() <= extended.max() <= 0.8 + 1e-12
    assert extended[8, 0, 0] < extended[3, 22, 0]


def test_the_error_of_two_halves_is_that_of_their_mean(rng):
    truth, samples = rng.uniform(0.1, 0.9, (400, 400)), 64
    halves = [rng.binomial(samples // 2, truth) / (samples // 2) for _ in range(2)]
    error = np.sqrt(np.mean(((halves[0] + halves[1]) / 2 - truth) ** 2))
    # Each is the root of a mean of 160,000 squares: exact to about 1 / sqrt(2 * 160,000) = 0.2 %; five of these.
    assert abs(sampling.error_of_mean(*halves) / error - 1) < 0.01
    assert sampling.error_of_mean(np.ones((4, 4)), np.ones((4, 4))) == 0


# Shapes


def test_rotations_are_rotations():
    turn = geometry.rotation(0.3, -1.2, 2.5)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-15)
    np.testing.assert_allclose(geometry.rotation(z=np.pi / 2) @ (1, 0, 0), (0, 1, 0), atol=1e-15)


def test_strands_begin_at_their_roots_and_have_their_length(rng):
    roots, up = rng.normal(size=(50, 3)), np.tile((0.0, 0.0, 1.0), (50, 1))
    how = growth.Growth(20, gravity=1, wave=2, frizz=0.1, clump=0.0, clumps=5)
    strands = growth.grow(roots, up, 2.0, how, rng)
    np.testing.assert_array_equal(strands[:, 0], roots)
    length = np.linalg.norm(np.diff(strands, axis=1), axis=2).sum(axis=1)
    assert 0.65 * 2 - 1e-9 <= length.min() <= length.max() <= 1.15 * 2 + 1e-9


def test_full_clumps_end_where_their_guide_ends(rng):
    roots = rng.normal(size=(60, 3))
    strands = growth.grow(roots, roots, 1.0, growth.Growth(6, clump=1.0, clumps=4), rng)
    assert len(np.unique(np.round(strands[:, -1], 9), axis=0)) <= 4


def test_nothing_stays_inside_of_what_pushes(rng):
    centre, radii = np.array([1.0, 0, 0]), np.array([1.0, 2.0, 0.5])
    points = growth.outside(centre, radii)(rng.normal(size=(200, 3)))
    assert np.linalg.norm((points - centre) / radii, axis=1).min() >= 1 - 1e-9


def test_streams_of_different_purposes_differ():
    draws = {stream(3, *names).random() for names in (("a",), ("b",), ("a", 1), ("a", 2))}
    assert len(draws) == 4
    assert stream(3, "a").random() == stream(3, "a").random()


# With Blender


def render(root, *options, kinds=("twigs", "net"), **limits):
    small = ["--sizes", "32", "32", "--samples", "2", "--alpha-samples", "4", "--kinds", *kinds]
    command = [BLENDER, TOOLS / "render_foregrounds.py", "--out", root, *small, *options]
    return subprocess.run(command, check=True, capture_output=True, text=True, **limits)


needs_blender = pytest.mark.skipif(not BLENDER.exists(), reason="needs Blender in tools/.venv, see tools/README.md")


@needs_blender
@pytest.mark.slow
def test_two_renders_are_equal_and_a_stopped_one_goes_on(tmp_path):
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    render(whole, "--count", "3")
    render(pieces, "--count", "1")
    render(pieces, "--count", "3")
    for kind in ("foreground", "alpha"):
        for path in sorted((whole / kind).iterdir()):
            assert path.read_bytes() == (pieces / kind / path.name).read_bytes(), path.name
    facts = [json.loads(path.read_text()) for path in sorted((pieces / "facts").iterdir())]
    assert len(facts) == 3
    assert all(fact["alpha_error"] > 0 and fact["size"] == 32 for fact in facts)


@needs_blender
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_shows_something(tmp_path, kind):
    render(tmp_path, "--count", "1", kinds=[kind])
    (facts,) = (json.loads(path.read_text()) for path in (tmp_path / "facts").iterdir())
    assert facts["kind"] == kind
    assert 0.01 < facts["coverage"] < 0.92
    assert {path.name for path in tmp_path.iterdir()} == {"alpha", "facts", "foreground", "index.csv", "settings.json"}


@needs_blender
@pytest.mark.slow
def test_a_killed_render_goes_on(tmp_path):
    with pytest.raises(subprocess.TimeoutExpired):  # which kills it
        render(tmp_path, "--count", "40", timeout=8)
    complete = len(list((tmp_path / "facts").glob("*.json"))) if (tmp_path / "facts").is_dir() else 0
    assert complete < 40
    render(tmp_path, "--count", str(complete + 1))
    with (tmp_path / "index.csv").open() as file:
        assert len(list(csv.DictReader(file))) == complete + 1
