"""Random problems over the verbs with gradients: the same alpha as the verb, and the laws of a pullback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

import propmat
from propmat import ConvergenceError, UnsupportedError, adjoint
from tests.fuzz import arrays, verbs
from tests.fuzz.choices import Choices
from tests.fuzz.laws import attempt, fingerprint, require_equal, require_matte, require_near
from tests.fuzz.target import Broken, Target, require

LENGTH = 96
SAME = 1e-9  # a verb and its adjoint
LINEAR = 1e-5  # of the greatest gradient: two solves to 1e-7
TRANSLATION = 1e-4  # of the sum of sizes

Arguments = dict[str, Any]


class Way(NamedTuple):
    """A verb with a way back, and the verb without one."""

    call: Callable[..., Any]
    draw: Callable[[Choices], Arguments]
    verb: Callable[..., Any] | None
    fixed: tuple[str, ...] = ()


def _draw_method(method: str) -> Callable[[Choices], Arguments]:
    def draw(choices: Choices) -> Arguments:
        image, trimap, shape = arrays.problem(choices)
        given = {"image": image, "trimap": trimap, **verbs.options(choices, method), **verbs.solving(choices)}
        return given | _constraints(choices, shape)

    return draw


def _draw_solve(choices: Choices) -> Arguments:
    given = verbs.draw_solve(choices)
    given.pop("x0", None)
    return given


def _draw_directed(choices: Choices) -> Arguments:
    shape = arrays.size(choices)
    (right, down), (left, up) = arrays.edges(choices, shape), arrays.edges(choices, shape)
    given = {"affinities": (right, left, down, up), "trimap": arrays.trimap(choices, shape)}
    return given | _constraints(choices, shape)


def _constraints(choices: Choices, shape: tuple[int, int]) -> Arguments:
    given: Arguments = {}
    if choices.one_in(4):
        given["confidence"] = arrays.weights(choices, shape)
    if choices.one_in(4):
        given["values"] = arrays.plane(choices, shape)
    return given


def _solve(graph: str, image: Any, trimap: Any, **rest: Any) -> Any:
    return adjoint.solve(verbs.GRAPHS[graph](image), trimap, **rest)


def _solved(graph: str, image: Any, trimap: Any, **rest: Any) -> Any:
    return propmat.solve(verbs.GRAPHS[graph](image), trimap, **rest).alpha


WAYS: Mapping[str, Way] = {
    "closed_form": Way(adjoint.closed_form, _draw_method("closed_form"), propmat.closed_form),
    "knn": Way(adjoint.knn, _draw_method("knn"), propmat.knn),
    "propagate": Way(adjoint.propagate, verbs.draw_propagate, propmat.propagate),
    "refine": Way(adjoint.refine, verbs.draw_refine, propmat.refine),
    "solve": Way(_solve, _draw_solve, _solved, ("graph",)),
    "propagate_directed": Way(adjoint.propagate_directed, _draw_directed, None),
}

UPSTREAM: Mapping[str, Callable[[np.random.Generator, tuple[int, ...]], Any]] = {
    "noise": lambda rng, shape: rng.standard_normal(shape),
    "one": lambda rng, shape: 1.0,
    "zero": lambda rng, shape: np.zeros(shape),
    "one pixel": lambda rng, shape: np.eye(1, int(np.prod(shape)), int(rng.integers(np.prod(shape)))).reshape(shape),
    "large": lambda rng, shape: 1e12 * rng.standard_normal(shape),
    "single": lambda rng, shape: rng.standard_normal(shape).astype(np.float32),
    "reversed": lambda rng, shape: rng.standard_normal(shape)[::-1],
    "not a number": lambda rng, shape: np.full(shape, np.nan),
    "another shape": lambda rng, shape: np.zeros((*shape, 1)),
    "text": lambda rng, shape: "x",
}


class Case(NamedTuple):
    """A call and what is pulled back."""

    name: str
    way: Way
    arguments: Arguments
    spoiled: bool
    upstream: str
    choices: Choices


def decode(data: bytes) -> Case:
    choices = Choices(data)
    name = choices.pick("verb", tuple(WAYS))
    spoil, upstream = choices.one_in(6), choices.pick("gradient", tuple(UPSTREAM))
    arguments = WAYS[name].draw(choices)
    if spoil:
        free = {key: value for key, value in arguments.items() if key not in WAYS[name].fixed}
        arguments = arguments | arrays.spoiled(choices, free)
    return Case(name, WAYS[name], arguments, spoil, upstream, choices)


def run(data: bytes) -> bool:
    case = decode(data)
    try:
        return _judged(case)
    except Broken as broken:
        raise Broken(f"adjoint.{case.name}: {broken.law}", broken.told, broken.kind) from None


def _judged(case: Case) -> bool:
    before = fingerprint(case.arguments)
    found = attempt(lambda: case.way.call(**case.arguments))
    require(fingerprint(case.arguments) == before, "arguments are never written to")
    verb = case.way.verb
    if verb is not None and not _unknown_to(verb, case.arguments):
        plain = attempt(lambda: verb(**case.arguments))
        alone = found._replace(value=None if found.refusal else found.value[0])
        require_equal(alone, plain, "the verb and its adjoint agree", SAME)
    if found.refusal is not None:
        return False
    alpha, pullback = found.value
    require_matte(alpha, None)
    if not case.spoiled:
        _require_pullback(case, alpha, pullback, quiet=not found.told)
    return True


def _unknown_to(verb: Callable[..., Any], arguments: Arguments) -> set[str]:
    """Which of the arguments the verb without a way back does not have."""
    takes_confidence = verb in (_solved, propmat.propagate, propmat.refine)
    return arguments.keys() & ({"values"} if takes_confidence else {"values", "confidence"})


def _require_pullback(case: Case, alpha: np.ndarray, pullback: Any, quiet: bool) -> None:
    upstream = UPSTREAM[case.upstream](case.choices.generator(), alpha.shape)
    bits = fingerprint(upstream), fingerprint(alpha)
    found = attempt(lambda: vars(pullback(upstream)))
    require((fingerprint(upstream), fingerprint(alpha)) == bits, "a pullback writes to nothing that it is given")
    again = attempt(lambda: vars(pullback(upstream)))
    require(set(again.told) <= set(found.told), "the same pullback warns of the same", again.told)  # once of its set-up
    require_equal(found._replace(told=again.told), again, "the same pullback gives the same bits")
    # Where alpha needed no solve the system is set up for the gradient alone, and may prove unsuitable then.
    unsuitable = any(words in str(found.refusal) for words in ("singular", "tied to no known pixel"))
    if isinstance(found.refusal, ConvergenceError | UnsupportedError) or unsuitable:
        return
    unusable = case.upstream in ("not a number", "another shape", "text")
    require((found.refusal is not None) == unusable, "a gradient is refused if it is none", found.refusal)
    if found.refusal is not None:
        return
    require(set(found.value) == set(pullback.parameters), "there is a gradient of every parameter")
    gradients = _dense(found.value)
    for name, gradient in gradients.items():
        _require_gradient(name, gradient, case.arguments)
    if quiet and not found.told:
        _require_linear(pullback, upstream, gradients)
        _require_translation(case, gradients, upstream)


def _dense(gradients: Arguments) -> Arguments:
    """Gradients as arrays: of stored entries they are sparse, of a sum's terms they are gradients of their own."""
    return {
        name: gradient.data if sp.issparse(gradient) else gradient
        for name, gradient in gradients.items()
        if name != "terms"
    }


def _require_gradient(name: str, gradient: Any, arguments: Arguments) -> None:
    dtype = np.asarray(gradient).dtype
    require(dtype == np.float64, "gradients are float64", f"{name}: {dtype}")
    require(np.isfinite(gradient).all(), "gradients are finite", name)
    if name in (given := _parts(arguments)):
        shapes = f"{name}: {np.shape(gradient)} for {np.shape(given[name])}"
        require(np.shape(gradient) == np.shape(given[name]), "a gradient has the shape of its argument", shapes)


def _parts(arguments: Arguments) -> Arguments:
    """The arguments that there are gradients of; the image of a graph that is given ready-made is none."""
    parts = {name: value for name, value in arguments.items() if name != "prior"}
    if "graph" in parts:
        del parts["image"]
    if "prior" in arguments:
        parts["prior"], parts["prior_confidence"] = arguments["prior"]
    return parts


def _require_linear(pullback: Any, upstream: Any, found: Arguments) -> None:
    twice = attempt(lambda: _dense(vars(pullback(2 * np.asarray(upstream)))))
    if twice.told:
        return
    for name, gradient in found.items():
        reach = float(np.abs(gradient).max(initial=0.0))
        require_near(twice.value[name], 2 * np.asarray(gradient), "pullbacks are linear", LINEAR * reach + 1e-300)


def _require_translation(case: Case, found: Arguments, upstream: np.ndarray) -> None:
    """A constant added to all colours changes nothing, so that gradients sum to 0 over the pixels."""
    regular = case.arguments.get("epsilon", 0) >= 1e-4
    if case.name in ("closed_form", "refine") and regular and np.ndim(found["image"]) == 3:
        gradient = found["image"]
        off, reach = np.abs(gradient.sum(axis=(0, 1))).max(), np.abs(gradient).sum()
        rounding = np.finfo(np.float64).eps * np.abs(upstream).max()  # where alpha is constant, all that is left
        require(
            off <= TRANSLATION * reach + rounding + TRANSLATION**3,
            "gradients of colours sum to 0",
            f"{off:.3g} of {reach:.3g}",
        )


def describe(data: bytes) -> str:
    case = decode(data)
    given = "\n".join(f"  {name} = {arrays.told(value)}" for name, value in case.arguments.items())
    return f"adjoint.{case.name}\n{given}\n  gradient: {case.upstream}\n  ({'; '.join(case.choices.made)})"


def draw(random: Random) -> bytes:
    return random.randbytes(LENGTH)


def seeds() -> list[bytes]:
    simple = [bytes([position]) for position in range(len(WAYS))]
    return simple + [Random(position).randbytes(LENGTH) for position in range(20)]


TARGETS = {"adjoints": Target("adjoints", run, seeds, draw, describe)}
