"""Labels, their history and their journal; messages of the page."""

import json
from pathlib import Path

import numpy as np
import pytest

from propmat import InputError
from propmat.studio import _painting
from propmat.studio._history import History
from propmat.studio._journal import Journal
from propmat.studio._layers import Layers, Source, packed, unpacked
from propmat.studio._messages import Band, Fill, Order, Settings, Stroke, parsed
from propmat.studio._painting import Painting

SHAPE = (30, 40)
UNDO, REDO, CLEAR = Order("undo"), Order("redo"), Order("clear")


def stroke(name, label, *points, radius=3.0, end=True):
    return Stroke(name, label, radius, points, end)


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal.jsonl"


@pytest.fixture
def opened(journal):
    """Opens the picture; all of them are closed only in the end, as if the process had been killed."""
    paintings = []

    def one():
        paintings.append(Painting(SHAPE, journal))
        return paintings[-1]

    yield one
    for painting in paintings:
        painting.close()


@pytest.fixture
def painting(opened):
    return opened()


def random_step(painting, rng, k):
    points = [tuple(point) for point in rng.uniform(-5, 45, (rng.integers(1, 6), 2))]
    label = rng.choice([0, 128, 255, None])
    kind = rng.integers(8)
    if kind < 5:
        painting.stroke(stroke(f"s{k}", label, *points, radius=float(rng.uniform(0.5, 9))))
    elif kind == 5:
        painting.fill(Fill(label, (float(rng.uniform(0, 40)), float(rng.uniform(0, 30)))))
    elif kind == 6:
        base = rng.choice(np.array([0, 128, 255], np.uint8), SHAPE)
        painting.import_base(base, Source(f"file{k}", "mask", "1%"))
    else:
        painting.order(CLEAR)


def test_undo_and_redo_go_to_the_start_and_back(painting, rng):
    states = [painting.layers.labels.copy()]
    for k in range(60):
        before = len(painting.history.done)
        random_step(painting, rng, k)
        if len(painting.history.done) > before:
            states.append(painting.layers.labels.copy())
    for labels in reversed(states[:-1]):
        painting.order(UNDO)
        np.testing.assert_array_equal(painting.layers.labels, labels)
    assert painting.order(UNDO) is None
    for labels in states[1:]:
        painting.order(REDO)
        np.testing.assert_array_equal(painting.layers.labels, labels)
    assert painting.order(REDO) is None


@pytest.mark.parametrize("longest", [10**9, 4000])
def test_a_journal_has_it_all_again(opened, rng, monkeypatch, longest):
    """Also if it was shortened on the way, which leaves the history as it was."""
    monkeypatch.setattr(_painting, "LONGEST_JOURNAL", longest)
    painting = opened()
    painting.set(Settings("knn"))
    for k in range(40):
        random_step(painting, rng, k)
        if k % 7 == 0:
            painting.order(UNDO)
        if k % 14 == 0:
            painting.order(REDO)
    again = opened()
    np.testing.assert_array_equal(again.layers.labels, painting.layers.labels)
    assert again.settings == Settings("knn")
    assert again.layers.source == painting.layers.source
    for _ in range(50):
        painting.order(UNDO)
        again.order(UNDO)
        np.testing.assert_array_equal(again.layers.labels, painting.layers.labels)


def test_a_line_cut_short_is_passed_over(journal, opened, painting):
    painting.stroke(stroke("a", 255, (10.0, 10.0)))
    labels = painting.layers.labels.copy()
    with journal.open("ab") as file:
        file.write(b'{"change": {"layer": "painted", "box": [0, 1')
    again = opened()
    np.testing.assert_array_equal(again.layers.labels, labels)
    again.stroke(stroke("b", 0, (20.0, 20.0)))
    third = opened()
    np.testing.assert_array_equal(third.layers.labels, again.layers.labels)


@pytest.mark.parametrize(
    "line",
    [
        {"change": {"layer": "other", "box": [0, 1, 0, 1], "before": "", "after": "", "sources": []}},
        {"change": {"layer": "base", "box": [0, 99, 0, 1], "before": "", "after": "", "sources": [{}, {}]}},
        {"change": {"layer": "base", "box": [0, 1, 0, 1], "before": "", "after": "eJw=", "sources": [{}, {}]}},
        {"change": {}},
        {"settings": {"method": "none"}},
        {"undo": True},
        [1, 2],
    ],
)
def test_damaged_lines_change_nothing(journal, opened, line):
    journal.write_text(json.dumps(line) + "\n")
    painting = opened()
    assert (painting.layers.labels == 128).all()
    assert painting.settings == Settings()


def test_erasing_shows_what_was_imported(painting):
    base = np.zeros(SHAPE, np.uint8)
    painting.import_base(base, Source("m", "mask", "1%"))
    painting.stroke(stroke("a", 255, (10.0, 10.0)))
    assert painting.layers.labels[10, 10] == 255
    painting.stroke(stroke("b", None, (10.0, 10.0), radius=9.0))
    np.testing.assert_array_equal(painting.layers.labels, base)


def test_other_bands_of_a_mask_are_one_step(painting):
    for value in (0, 128, 255):
        painting.import_base(np.full(SHAPE, value, np.uint8), Source("m", "mask", f"{value}%"))
    assert (painting.layers.labels == 255).all()
    assert painting.band_of(Band("7%")) == Source("m", "mask", "7%")
    painting.order(UNDO)
    assert (painting.layers.labels == 128).all()
    assert painting.layers.source == Source()
    with pytest.raises(InputError, match="import one first"):
        painting.band_of(Band("7%"))
    painting.order(REDO)
    assert (painting.layers.labels == 255).all()


def test_a_stroke_is_one_step_however_many_parts_it_has(painting):
    for k in range(5):
        painting.stroke(stroke("a", 255, (5.0 * k, 10.0), (5.0 * k + 5, 10.0), end=k == 4))
    assert len(painting.history.done) == 1
    painting.order(UNDO)
    assert (painting.layers.labels == 128).all()


def test_a_stroke_that_is_sent_again_is_passed_over(painting):
    painting.stroke(stroke("a", 255, (10.0, 10.0)))
    assert painting.stroke(stroke("a", 255, (20.0, 20.0))) is None
    assert painting.ended_strokes == ["a"]


def test_strokes_of_two_pages_at_once_lose_nothing(painting):
    painting.stroke(stroke("a", 255, (5.0, 5.0), end=False))
    painting.stroke(stroke("b", 0, (30.0, 20.0), end=False))
    painting.stroke(stroke("a", 255, (5.0, 25.0)))
    painting.stroke(stroke("b", 0, (35.0, 5.0)))
    labels = painting.layers.labels
    assert [int(labels[y, x]) for y, x in ((5, 5), (25, 5), (20, 30), (5, 35))] == [255, 255, 0, 0]
    for _ in range(4):
        painting.order(UNDO)
    assert (painting.layers.labels == 128).all()


def test_the_history_is_bounded(rng):
    layers, history = Layers(SHAPE), History(most=20_000)
    for _ in range(100):
        before = layers.painted.copy()
        layers.painted[:] = rng.integers(0, 256, SHAPE)
        history.push(layers.change("painted", _painting.whole(SHAPE), before))
    assert 1 < len(history.done) < 20
    assert sum(change.size for change in history.done) <= 20_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_told_and_what_was_painted_is_kept_as_soon_as_there_is_room(opened, painting, monkeypatch):
    painting.stroke(stroke("a", 255, (10.0, 10.0)))
    with monkeypatch.context() as full, Path("/dev/full").open("ab", buffering=0) as refusing:
        full.setattr(painting._journal, "_file", refusing)
        full.setattr(painting._journal, "rewrite", lambda _: refusing.write(b"x"))
        painting.stroke(stroke("b", 0, (30.0, 20.0)))
    assert painting.unkept == "folder: what is painted cannot be kept: No space left on device"
    assert len(painting.history.done) == 2
    painting.order(UNDO)
    painting.stroke(stroke("c", 0, (30.0, 5.0)))
    assert painting.unkept == ""
    again = opened()
    np.testing.assert_array_equal(again.layers.labels, painting.layers.labels)
    assert len(again.history.done) == 2
    assert again.stroke(stroke("b", 0, (1.0, 1.0))) is None  # it has come


def test_a_long_history_is_not_written_with_every_change(opened, rng, monkeypatch):
    monkeypatch.setattr(_painting, "LONGEST_JOURNAL", 4000)
    painting, written = opened(), []
    rewrite = painting._journal.rewrite
    monkeypatch.setattr(painting._journal, "rewrite", lambda records: written.append(rewrite(records)))
    for k in range(200):
        random_step(painting, rng, k)
    assert 1 < len(written) < 10


def test_packed_labels_cannot_grow():
    bomb = packed(np.zeros(10**7, np.uint8))
    assert unpacked(bomb, (2, 3)).shape == (2, 3)


def test_a_journal_keeps_unusual_records(tmp_path):
    journal = Journal(tmp_path / "j")
    journal.write({"a": "é\n"})
    journal.rewrite([{"b": 1}, {"c": 2}])
    journal.write({"d": 3})
    assert list(journal.read()) == [{"b": 1}, {"c": 2}, {"d": 3}]
    journal.close()


# Messages


def test_messages_of_the_page():
    given = {"type": "stroke", "id": "x", "label": "erase", "radius": 2, "points": [[1, 2.5]], "end": True}
    assert parsed(json.dumps(given)) == Stroke("x", None, 2.0, ((1.0, 2.5),), True)
    assert parsed('{"type": "order", "name": "undo"}') == Order("undo")
    assert parsed('{"type": "settings", "method": "knn"}') == Settings("knn")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ("[]", "message"),
        ("{", "message"),
        ("[" * 10_000, "message"),
        ('"' + "x" * 70_000 + '"', "message"),
        ("{}", "type"),
        ('{"type": ["stroke"]}', "type"),
        ('{"type": "order", "name": "format"}', "name"),
        ('{"type": "stroke", "id": "x", "label": "fg", "radius": 1, "points": [[1, 1]]}', "label"),
        ('{"type": "stroke", "id": "x", "label": "erase", "radius": 1e999, "points": [[1, 1]]}', "radius"),
        ('{"type": "stroke", "id": "x", "label": "erase", "radius": -1, "points": [[1, 1]]}', "radius"),
        ('{"type": "stroke", "id": "x", "label": "erase", "radius": 1, "points": []}', "points"),
        ('{"type": "stroke", "id": "x", "label": "erase", "radius": 1, "points": [[1, NaN]]}', "points"),
        ('{"type": "stroke", "id": "x", "label": "erase", "radius": 1, "points": [[1, 1, 1]]}', "points"),
        ('{"type": "stroke", "id": "x", "label": "erase", "radius": 1, "points": [[true, "1"]]}', "points"),
        ('{"type": "stroke", "id": 5, "label": "erase", "radius": 1, "points": [[1, 1]]}', "id"),
        ('{"type": "view", "level": 99}', "level"),
        ('{"type": "view", "level": 0, "top": -1}', "top"),
        ('{"type": "settings", "method": "dcnn"}', "method"),
        ('{"type": "settings", "method": "__class__"}', "method"),
        ('{"type": "band", "width": 12}', "width"),
    ],
)
def test_other_messages_are_refused(fields, named):
    with pytest.raises(InputError, match=rf"^{named}: "):
        parsed(fields)
