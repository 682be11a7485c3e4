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
from tests.fuzz.laws import ERRORS, Outcome, attempt, fingerprint, require_equal, require_matte, require_near
from tests.fuzz.target import Broken, Target, require
from tests.fuzz.verbs import VERBS, Arguments, Verb, stopping, stopping_by_numpy

LENGTH = 96  # bytes; more than any problem reads
MOST_SPREAD = 1e4  # of weights in problems that are asked for symmetries


class Symmetry(NamedTuple):
    """By how much alpha may differ from 1 - alpha of swapped labels, and from the mirrored alpha of a mirrored picture.

    None where the law is not asked for.
    """

    swap: float | None
    mirror: float | None


STRICT = Symmetry(1e-3, 1e-3)
SYMMETRIES: Mapping[str, Symmetry] = {
    "closed_form": STRICT,
    # Here and below conditioning has no bound; tests/matting/test_laws.py has the laws.
    "learning_based": Symmetry(None, None),
    "large_kernel": STRICT,
    "random_walk": Symmetry(None, None),
    "refine": STRICT,
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
    return judge(decode(data), SYMMETRIES)


def run_strictly(data: bytes) -> bool:
    """With symmetries for all methods."""
    return judge(decode(data), dict.fromkeys(SYMMETRIES, STRICT))


def judge(case: Case, symmetries: Mapping[str, Symmetry]) -> bool:
    try:
        return _judged(case, symmetries)
    except Broken as broken:
        raise Broken(f"{case.name}: {broken.law}", broken.told, broken.kind) from None


def _judged(case: Case, symmetries: Mapping[str, Symmetry]) -> bool:
    found = _called(case, case.arguments)
    again = attempt(lambda: case.verb.call(**case.arguments))
    require_equal(found, again, "the same call gives the same result, whatever numpy.seterr says")
    if found.refusal is not None:
        return False
    if case.spoiled:
        if case.name in symmetries:
            require_matte(found.value, None)
        return True
    case.verb.check(case.arguments, found.value)
    _require_stop(case)
    if case.name in symmetries and not _stops(case):
        _require_layout_does_not_matter(case, found)
        _require_symmetries(case, found, symmetries[case.name])
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
    if found.told or not _is_well_conditioned(case.arguments):  # not converged, or undetermined
        return
    if symmetry.swap is not None:
        other = attempt(lambda: case.verb.call(**swapped(case.arguments)))
        _require_law(other, lambda alpha: 1 - alpha, found.value, "swapped labels give 1 - alpha", symmetry.swap)
    if symmetry.mirror is not None:
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


def _is_well_conditioned(arguments: Arguments) -> bool:
    """Whether a small residual vouches for alpha: weights over few decades, and the usual regulariser or more."""
    edges = np.concatenate([np.ravel(edge) for edge in arguments.get("affinities", ([1.0],))])
    weights = edges, arguments.get("confidence", 1.0)
    return arguments.get("epsilon", 1e-7) >= 1e-7 and all(_spread_of(value) <= MOST_SPREAD for value in weights)


def _spread_of(weights: Any) -> float:
    positive = np.asarray(weights, np.float64)
    positive = positive[positive > 0]
    return float(positive.max() / positive.min()) if positive.size else 1.0


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


TARGETS = {
    "problems": Target("problems", run, seeds, draw, describe),
    "strict": Target("strict", run_strictly, seeds, draw, describe),
}
