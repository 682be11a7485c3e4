"""A hierarchy taken from constraint to constraint equals one that is set up as a whole, and little is set up for it."""

from __future__ import annotations

import numpy as np
import pytest

from propmat._operators._grid import GridOperator
from propmat.preconditioners import Multigrid, _renewable, _renewal
from propmat.preconditioners._constrained import Constrained
from tests.preconditioners.test_multigrid import colours

SHAPE = (90, 101)
SETTINGS = Multigrid(coarsest=1)  # so that the number of levels follows from that of the blocks


def whole(kind="smooth", seed=0):
    """A matrix in which all pixels but a row are unknown, and its mask."""
    unknown = np.ones(SHAPE, bool)
    unknown[0] = False
    if kind == "edges":
        horizontal, vertical = np.random.default_rng(seed).random((2, *SHAPE)) + 0.01
        return GridOperator.from_edges(horizontal[:, :-1], vertical[:-1], unknown), unknown
    return GridOperator.from_image(colours(kind, SHAPE), unknown, epsilon=1e-5), unknown


def strokes(unknown, count, seed=0):
    """Masks after strokes that label pixels, or make them unknown again."""
    rng = np.random.default_rng(seed)
    mask = unknown
    for k in range(count):
        mask = mask.copy()
        y, x = rng.integers(1, SHAPE[0]), rng.integers(0, SHAPE[1])
        mask[y : y + rng.integers(1, 12), x : x + rng.integers(1, 30)] = k % 3 == 2
        mask &= unknown
        yield mask


def same_bounds(one, other):
    for a, b in zip(one.smoothers, other.smoothers, strict=True):
        a.set_bound(b.bound)


@pytest.mark.parametrize("kind", ["smooth", "posterised", "spots", "edges"])
def test_cycles_are_those_of_a_set_up_as_a_whole(kind):
    matrix, unknown = whole(kind)
    ours = Constrained.of(SETTINGS, matrix)
    residual = np.random.default_rng(1).standard_normal(matrix.support.size)
    for mask in strokes(unknown, 5):
        ours = ours.constrained(matrix.within(mask))
        afresh = Constrained.of(SETTINGS, ours.matrix)
        one, other = (apply.shared.at(ours.matrix) for apply in (ours, afresh))
        assert one.precision is other.precision
        np.testing.assert_allclose(one.amplification, other.amplification, rtol=1e-6)
        same_bounds(one, other)
        given = np.where(one.pixels.live, residual, 0)
        expected = afresh.on_support(given, 1.0).copy()
        np.testing.assert_allclose(ours.on_support(given, 1.0), expected, rtol=0, atol=3e-5 * abs(expected).max())


def test_the_matrix_within_a_layout_is_the_matrix():
    matrix, unknown = whole()
    for mask in strokes(unknown, 3):
        expected = GridOperator.from_image(colours("smooth", SHAPE), mask, epsilon=1e-5)
        within = matrix.within(mask)
        values = np.random.default_rng(2).random(SHAPE)
        assert within.shape == expected.shape
        np.testing.assert_allclose(within.tocsr().toarray(), expected.tocsr().toarray(), rtol=0, atol=1e-13)
        np.testing.assert_allclose(within.times_known(values), expected.times_known(values), rtol=0, atol=1e-12)
        x = np.random.default_rng(3).random(mask.sum())
        np.testing.assert_allclose(within @ x, expected @ x, rtol=0, atol=1e-12)


@pytest.fixture
def counted(monkeypatch):
    """How many blocks of each level were set up anew, and how many hierarchies as a whole."""
    found = {"blocks": [], "whole": 0}
    replace, init = _renewable.RenewableBlocks.replace, _renewal.RenewableCoarsening.__init__

    def replacing(self, blocks, *arguments, **options):
        found["blocks"].append((len(blocks), len(self.counts)))
        return replace(self, blocks, *arguments, **options)

    def beginning(self, *arguments):
        found["whole"] += 1
        init(self, *arguments)

    monkeypatch.setattr(_renewable.RenewableBlocks, "replace", replacing)
    monkeypatch.setattr(_renewal.RenewableCoarsening, "__init__", beginning)
    return found


def test_only_touched_blocks_are_set_up(counted):
    matrix, unknown = whole()
    ours = Constrained.of(SETTINGS, matrix)
    assert counted == {"blocks": [], "whole": 1}
    ours = ours.constrained(matrix.within(unknown))
    assert counted == {"blocks": [], "whole": 1}, "nothing has changed"
    mask = unknown.copy()
    mask[44, 44] = False
    ours = ours.constrained(matrix.within(mask))
    assert counted["blocks"][0] == (1, 12 * 13)  # the windows with this pixel lie in its block
    mask = mask.copy()
    mask[44, 40] = False
    ours.constrained(matrix.within(mask))
    assert all(count <= 2 for count, _ in counted["blocks"])
    assert counted["whole"] == 1


def test_two_matrices_take_turns(counted):
    matrix, unknown = whole()
    first = Constrained.of(SETTINGS, matrix)
    mask = unknown.copy()
    mask[30:40, 30:60] = False
    second = first.constrained(matrix.within(mask))
    given = np.where(unknown, np.random.default_rng(4).random(SHAPE), 0)
    x, y = given[unknown], given[mask]
    before, other = first(x), second(y)
    np.testing.assert_allclose(first(x), before, rtol=0, atol=3e-6 * abs(before).max())
    np.testing.assert_allclose(second(y), other, rtol=0, atol=3e-6 * abs(other).max())
    assert counted["whole"] == 1


def test_much_at_once_is_set_up_as_a_whole(counted):
    matrix, unknown = whole()
    few = unknown.copy()
    few[10:] = False
    ours = Constrained.of(SETTINGS, matrix.within(few))
    ours.constrained(matrix)
    assert counted == {"blocks": [], "whole": 2}


def test_nothing_is_stale_after_a_failure(monkeypatch):
    matrix, unknown = whole()
    ours = Constrained.of(SETTINGS, matrix)
    x = np.random.default_rng(5).random(unknown.sum())
    before = ours(x)
    mask = unknown.copy()
    mask[30:40, 30:60] = False

    def fails(*arguments):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(_renewable.RenewableBlocks, "normalise", fails)
        with pytest.raises(MemoryError):
            ours.constrained(matrix.within(mask))
    np.testing.assert_allclose(ours(x), before, rtol=0, atol=3e-6 * abs(before).max())
    again, afresh = ours.constrained(matrix.within(mask)), Constrained.of(SETTINGS, matrix.within(mask))
    same_bounds(again.shared.at(again.matrix), afresh.shared.at(afresh.matrix))
    np.testing.assert_allclose(again(x[mask[unknown]]), afresh(x[mask[unknown]]), rtol=1e-4, atol=1e-6)


def test_the_precision_follows_the_amplification():
    """A flat picture: without labels far from anything its functions cost next to nothing."""
    unknown = np.ones(SHAPE, bool)
    unknown[::6] = False
    flat = GridOperator.from_image(np.full((*SHAPE, 3), 0.4), np.ones(SHAPE, bool))
    ours = Constrained.of(SETTINGS, flat.within(unknown))
    mask = unknown.copy()
    mask[20:70] = True
    ours = ours.constrained(flat.within(mask))
    afresh = SETTINGS.prepare(flat.within(mask))
    assert ours.shared.at(ours.matrix).precision is afresh.precision


def test_matrices_between_blocks_that_stay_are_kept_wherever_they_lie():
    matrix, unknown = whole()
    ours = Constrained.of(SETTINGS, matrix)
    for mask in strokes(unknown, 4, seed=5):
        before = [
            (level, level.offsets.copy(), level.stencil.copy()) for level in ours.shared.at(ours.matrix).levels[1:]
        ]
        ours = ours.constrained(matrix.within(mask))
        ours.shared.at(ours.matrix)
        for level, offsets, stencil in before:
            for p, s in np.argwhere(level.neighbours[:, 4:] >= 0):
                q = level.neighbours[p, 4 + s]
                if not (level.fresh[p] or level.fresh[q]):
                    length = level.sizes[p] * level.sizes[q]
                    one, other = (
                        entries[start : start + length]
                        for entries, start in ((level.stencil, level.offsets[p, s]), (stencil, offsets[p, s]))
                    )
                    np.testing.assert_array_equal(one, other)
