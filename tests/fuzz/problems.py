"""Random problems over all verbs: known pixels, ranges, repetition, symmetries, and only errors of propmat's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any, NamedTuple

import numpy as np

from propmat import ConvergenceError, Trimap
from tests.fuzz import arrays
from tests.fuzz.choices import Choices
from tests.fuzz.conditioning import error_bound
from tests.fuzz.laws import ERRORS, Outcome, attempt, fingerprint, require_equal, require_matte, require_near
from tests.fuzz.target import Broken, Target, require
from tests.fuzz.verbs import VERBS, Arguments, Verb, stopping, stopping_by_numpy

LENGTH = 96  # bytes; more than any problem reads


class Symmetry(NamedTuple):
    """By how much alpha may differ from 1 - alpha of swapped labels, and from the mirrored alpha of a mirrored picture.

    None where the law is not asked for; neither is it of alpha that may be off by more than half of that.
    """

    swap: float | None
    mirror: float | None


STRICT = Symmetry(1e-3, 1e-3)
SYMMETRIES: Mapping[str, Symmetry] = {
    "closed_form": STRICT,
    "learning_based": STRICT,
    "large_kernel": STRICT,
    "random_walk": STRICT,
    "refine": STRICT,
    "upsample": Symmetry(None, None),  # its solver stops at a residual of 1e-4, which bounds no error
    "propagate": STRICT,
    "knn": STRICT,
    "information_flow": STRICT,
    "shared_sampling": Symmetry(None, 1e-2),  # its costs treat the two labels differently
    "comprehensive_sampling": STRICT,
}


class Case(NamedTuple):
    """A call."""

    name: str
    verb: Verb
    arguments: Arguments
    spoiled: bool
    errors: Mapping[str, str]  # the caller's floating-point state
    choices: Choices


def decode(data: bytes) -> Case:
    """The call that bytes stand for."""
    choices = Choices(data)
    name = choices.pick("verb", tuple(VERBS))
    verb, spoil, errors = VERBS[name], choices.one_in(6), {"all": "raise"} if choices.one_in(4) else ERRORS
    arguments = verb.draw(choices)
    if spoil:
        free = arrays.spoiled(choices, {key: value for key, value in arguments.items() if key not in verb.fixed})
        arguments = arguments | free
    return Case(name, verb, arguments, spoil, errors, choices)


def run(data: bytes) -> bool:
    case = decode(data)
    try:
        return _judged(case)
    except Broken as broken:
        raise Broken(f"{case.name}: {broken.law}", broken.told, broken.kind) from None


def _judged(case: Case) -> bool:
    found = _called(case, case.arguments)
    again = attempt(lambda: case.verb.call(**case.arguments))
    require_equal(found, again, "the same call gives the same result, whatever numpy.seterr says")
    if found.refusal is not None:
        return False
    if case.spoiled:
        if case.name in SYMMETRIES:
            require_matte(found.value, None)
        return True
    case.verb.check(case.arguments, found.value)
    _require_stop(case)
    if case.name in SYMMETRIES and not _stops(case):
        _require_layout_does_not_matter(case, found)
        _require_symmetries(case, found, SYMMETRIES[case.name])
    return True


def _called(case: Case, arguments: Arguments) -> Outcome:
    """The result, after seeing that no argument was written to."""
    before = fingerprint(arguments)
    found = attempt(lambda: case.verb.call(**arguments), case.errors)
    require(fingerprint(arguments) == before, "arguments are never written to")
    return found


def _stops(case: Case) -> bool:
    return case.arguments.get("callback") in (stopping, stopping_by_numpy)


def _require_stop(case: Case) -> None:
    """A callback that says true is not asked again."""
    if not _stops(case):
        return
    calls = []

    def counting(iteration: int, residual: float) -> Any:
        calls.append(iteration)
        return case.arguments["callback"](iteration, residual)

    attempt(lambda: case.verb.call(**case.arguments | {"callback": counting}))
    most = 2 if case.name == "prepare" else 1  # which solves twice with it
    require(len(calls) <= most, "a callback that returns true stops the solver", f"called {len(calls)} times")


def _require_layout_does_not_matter(case: Case, found: Outcome) -> None:
    image = case.arguments.get("image")
    if isinstance(image, np.ndarray):
        scale = np.float64(np.iinfo(image.dtype).max) if image.dtype.kind == "u" else np.float64(1)
        plain = case.arguments | {"image": np.ascontiguousarray(image, dtype=np.float64) / scale}
        other = attempt(lambda: case.verb.call(**plain))
        # How dark pictures are told depends on whether they are integers.
        one, two = (each._replace(told=_but_for_darkness(each.told)) for each in (found, other))
        require_equal(one, two, "dtype and layout do not matter")


def _but_for_darkness(told: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line for line in told if "nearly black" not in line)


def _require_symmetries(case: Case, found: Outcome, symmetry: Symmetry) -> None:
    if found.told or symmetry == Symmetry(None, None):  # not converged, or undetermined
        return
    bound = error_bound(case.verb.call, case.arguments)
    if symmetry.swap is not None and bound <= symmetry.swap / 2:
        other = attempt(lambda: case.verb.call(**swapped(case.arguments)))
        _require_law(other, lambda alpha: 1 - alpha, found.value, "swapped labels give 1 - alpha", symmetry.swap)
    if symmetry.mirror is not None and bound <= symmetry.mirror / 2:
        axis = case.choices.below(2)
        other = attempt(lambda: case.verb.call(**mirrored(case.arguments, axis)))
        back = partial(np.flip, axis=axis)
        _require_law(other, back, found.value, "mirrors give a mirrored alpha", symmetry.mirror)


def _require_law(other: Outcome, back: Callable[[Any], Any], alpha: Any, law: str, tolerance: float) -> None:
    """The other problem is taken too, and its alpha carried back is near, unless it did not converge."""
    if other.told or isinstance(other.refusal, ConvergenceError):
        return
    require(other.refusal is None, f"{law}: the other is taken too", other.refusal)
    require_near(alpha, back(other.value), law, tolerance)


def swapped(arguments: Arguments) -> Arguments:
    """Background for foreground."""
    other = dict(arguments)
    if "trimap" in arguments:
        labels = Trimap.parse(arguments["trimap"])
        other["trimap"] = Trimap(labels.background, labels.foreground)
    if "alpha" in arguments:
        other["alpha"] = 1 - np.asarray(arguments["alpha"])
    return other


def mirrored(value: Any, axis: int) -> Any:
    """All maps and pictures among arguments, mirrored."""
    if isinstance(value, dict):
        return {name: mirrored(item, axis) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(mirrored(item, axis) for item in value)
    if isinstance(value, Trimap):
        return Trimap(np.flip(value.foreground, axis), np.flip(value.background, axis))
    return np.flip(value, axis) if isinstance(value, np.ndarray) and value.ndim >= 2 else value


def describe(data: bytes) -> str:
    case = decode(data)
    given = "\n".join(f"  {name} = {arrays.told(value)}" for name, value in case.arguments.items())
    return f"{case.name}, numpy.seterr(**{case.errors})\n{given}\n  ({'; '.join(case.choices.made)})"


def draw(random: Random) -> bytes:
    return random.randbytes(LENGTH)


def of_verb(position: int) -> bytes:
    """The simplest problem of a verb: everything is the first choice."""
    return bytes([position])


def seeds() -> list[bytes]:
    simple = [of_verb(position) for position in range(len(VERBS))]
    return simple + [Random(position).randbytes(LENGTH) for position in range(20)]


TARGETS = {"problems": Target("problems", run, seeds, draw, describe)}
