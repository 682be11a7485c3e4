"""The verbs that random problems are tried on, with the arguments that each takes and what holds of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

import propmat
from propmat import Trimap, _inputs, flows, laplacian, losses, metrics, pictures, preconditioners, sampling, solvers
from propmat.matting._enlarged import enlarged, open_cells
from propmat.matting._methods import POSED
from tests.fuzz import arrays
from tests.fuzz.choices import Choices
from tests.fuzz.laws import require_known, require_matte
from tests.fuzz.target import require

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Verb:
    """A function, how its arguments are drawn, and what holds of what it returns.

    Attributes
    ----------
    call : callable (**arguments)
    draw : callable (Choices) -> dict
    check : callable (arguments, result)
        For arguments that were not spoiled.
    fixed : names of arguments that are never spoiled
    """

    call: Callable[..., Any]
    draw: Callable[[Choices], Arguments]
    check: Callable[[Arguments, Any], None]
    fixed: tuple[str, ...] = ()


PRECONDITIONERS = (
    preconditioners.Identity(),
    preconditioners.Jacobi(),
    preconditioners.IncompleteCholesky(),
    preconditioners.IncompleteCholesky(drop_tolerance=1e-2),
    preconditioners.Multigrid(),
    preconditioners.SmoothedAggregation(),
)
SOLVERS = (
    *(None, None, None, solvers.Direct(), solvers.CG(), solvers.CG(rtol=1e-12), solvers.CG(max_iterations=2)),
    *(solvers.CG(max_iterations=3, strict=True), solvers.CG(rtol=0)),
    *(solvers.CG(preconditioner=preconditioner) for preconditioner in PRECONDITIONERS),
)


def watching(iteration: int, residual: float) -> None:
    """A callback that lets the solver go on."""


def stopping(iteration: int, residual: float) -> bool:
    """A callback that stops it at once."""
    return True


def stopping_by_numpy(iteration: int, residual: float) -> Any:
    """As what comparisons of NumPy numbers return."""
    return np.True_


CALLBACKS = (None, None, None, None, watching, stopping, stopping_by_numpy)
EPSILONS = (1e-7, 1e-7, 1e-4, 1e-2, 1.0, 1e-12, 1e6)
OPTIONS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "closed_form": {"epsilon": EPSILONS, "radius": (1, 1, 2, 3)},
    "knn": {"preset": ("rgb", "hsv", "two")},
    "learning_based": {"epsilon": EPSILONS, "radius": (1, 1, 2, 3)},
    "large_kernel": {"epsilon": EPSILONS, "radius": (1, 2, 3, 10)},
    "random_walk": {"sigma": (0.033, 1.0, 1e-3, 1e3)},
}


def solving(choices: Choices) -> Arguments:
    """A solver and a callback, each only if it is not the default."""
    given = {"solver": choices.pick("solver", SOLVERS), "callback": choices.pick("callback", CALLBACKS)}
    return {name: value for name, value in given.items() if value is not None}


def options(choices: Choices, method: str) -> Arguments:
    """Some of the options of a method."""
    taken = OPTIONS.get(method, {})
    return {name: choices.pick(name, values) for name, values in taken.items() if choices.one_in(2)}


def of_method(name: str) -> Verb:
    """A method that goes from image and trimap to alpha."""

    def draw(choices: Choices) -> Arguments:
        image, trimap, _ = arrays.problem(choices)
        return {"image": image, "trimap": trimap, **options(choices, name), **solving(choices)}

    return Verb(getattr(propmat, name), draw, check_matte)


def check_matte(arguments: Arguments, alpha: Any) -> None:
    require_matte(alpha, np.shape(arguments["image"])[:2])
    require_known(alpha, arguments["trimap"])


def draw_refine(choices: Choices) -> Arguments:
    image, trimap, shape = arrays.problem(choices)
    given = {"image": image, "alpha": arrays.plane(choices, shape), "confidence": arrays.weights(choices, shape)}
    known = {"trimap": trimap} if choices.one_in(2) else {}
    return given | known | options(choices, "refine") | solving(choices)


def check_refined(arguments: Arguments, alpha: Any) -> None:
    require_matte(alpha, np.shape(arguments["image"])[:2])
    if "trimap" in arguments:
        require_known(alpha, arguments["trimap"])


def draw_upsample(choices: Choices) -> Arguments:
    image, trimap, (height, width) = arrays.problem(choices)
    factor = choices.pick("factor", (2, 3, 4, 1, 8))
    small = -(-height // factor), -(-width // factor)
    small = choices.pick("matte", (small, small, (min(small), min(small)), (height, width), arrays.size(choices)))
    given = {"image": image, "alpha": arrays.plane(choices, small)} | ({"trimap": trimap} if choices.one_in(2) else {})
    values = {"confidence": (0.3, 1e-6, 1e-2, 100.0, 1e6), "epsilon": EPSILONS}
    return (
        given
        | {name: choices.pick(name, some) for name, some in values.items() if choices.one_in(2)}
        | solving(choices)
    )


def check_upsampled(arguments: Arguments, alpha: Any) -> None:
    check_refined(arguments, alpha)
    matte = arguments["alpha"]
    held = enlarged(~open_cells(matte), alpha.shape)
    held &= Trimap.parse(arguments["trimap"]).unknown if "trimap" in arguments else True
    require(np.array_equal(alpha[held], enlarged(matte, alpha.shape)[held]), "certain cells keep their value")


def draw_propagate(choices: Choices) -> Arguments:
    shape = arrays.size(choices)
    given = {"affinities": arrays.edges(choices, shape), "trimap": arrays.trimap(choices, shape)}
    soft = {"confidence": arrays.weights(choices, shape)} if choices.one_in(3) else {}
    return given | soft | solving(choices)


def check_propagated(arguments: Arguments, alpha: Any) -> None:
    require_matte(alpha, Trimap.parse(arguments["trimap"]).shape)
    if "confidence" not in arguments:
        require_known(alpha, arguments["trimap"])


# Laplacians

GRAPHS: Mapping[str, Callable[[Any], Any]] = {
    "closed_form": laplacian.closed_form,
    "knn": laplacian.knn,
    "learning_based": laplacian.learning_based,
    "large_kernel": lambda image: laplacian.large_kernel(image, radius=1),
    "random_walk": laplacian.random_walk,
    "sum": lambda image: laplacian.closed_form(image) + 0.1 * laplacian.knn(image),
    "matrix": lambda image: laplacian.random_walk(image).matrix,
}


def draw_solve(choices: Choices) -> Arguments:
    image, trimap, shape = arrays.problem(choices)
    given = {"graph": choices.pick("graph", tuple(GRAPHS)), "image": image, "trimap": trimap}
    if choices.one_in(3):
        given["confidence"] = arrays.weights(choices, shape)
    if choices.one_in(3):
        value = choices.pick("prior", (0.5, 0, 1)) if choices.one_in(2) else arrays.plane(choices, shape)
        given["prior"] = (value, arrays.weights(choices, shape))
    if choices.one_in(4):
        given["x0"] = arrays.plane(choices, shape)
    return given | solving(choices)


def solve(graph: str, image: Any, trimap: Any, **rest: Any) -> tuple[Any, ...]:
    solution = propmat.solve(GRAPHS[graph](image), trimap, **rest)
    require(np.isfinite(solution.residual), "a residual is finite", solution)
    require(solution.seconds >= 0, "seconds are counted", solution)
    return solution.alpha, solution.x, solution.iterations, solution.residual, solution.status.name


def prepare(graph: str, image: Any, trimap: Any, **rest: Any) -> tuple[Any, ...]:
    """`prepare` and two solves, of which the second must not see the first."""
    begin = {name: rest.pop(name) for name in ("x0", "callback") if name in rest}
    prepared = propmat.prepare(GRAPHS[graph](image), trimap, **rest)
    one = prepared.solve(**begin).alpha
    stack = list(prepared.solve_all([prepared.trimap.labels, 1 - prepared.trimap.labels]))
    again = prepared.solve(**begin).alpha
    require(np.array_equal(one, again), "a prepared solve does not see the one before")
    return one, stack[0].alpha, stack[1].alpha


def check_solution(arguments: Arguments, found: tuple[Any, ...]) -> None:
    require_matte(found[0], np.shape(arguments["image"])[:2])
    if "confidence" not in arguments:
        require_known(found[0], arguments["trimap"])


def draw_graph(choices: Choices) -> Arguments:
    image, _, _ = arrays.problem(choices)
    return {"graph": choices.pick("graph", tuple(GRAPHS)), "image": image}


def matrix(graph: str, image: Any) -> Any:
    made = GRAPHS[graph](image)
    whole = made if sp.issparse(made) else made.matrix
    return whole.data, whole.indices, whole.indptr


def check_matrix(arguments: Arguments, found: tuple[Any, ...]) -> None:
    data, indices, indptr = found
    whole = sp.csr_array((data, indices, indptr), shape=2 * (indptr.size - 1,))
    require(np.isfinite(data).all(), "a Laplacian is finite")
    require(not (whole - whole.T).data.any(), "a Laplacian is symmetric")
    off = np.abs(whole.sum(axis=1)).max(initial=0.0)
    require(off <= 1e-6 * max(1.0, np.abs(data).max(initial=0.0)), "rows of a Laplacian sum to 0", off)


# Samples and flows

SAMPLERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "shared": lambda image, trimap: tuple(vars(sampling.shared(image, trimap)).values()),
    "comprehensive": lambda image, trimap: tuple(vars(sampling.comprehensive(image, trimap)).values()),
    "trimmed": sampling.trimmed,
    "colour_mixture": lambda image, trimap: flows.colour_mixture(image, trimap).matrix.toarray(),
    "intra_unknown": lambda image, trimap: flows.intra_unknown(image, trimap).matrix.toarray(),
    "known_to_unknown": flows.known_to_unknown,
}


def draw_samples(choices: Choices) -> Arguments:
    image, trimap, _ = arrays.problem(choices)
    return {"sampler": choices.pick("sampler", tuple(SAMPLERS)), "image": image, "trimap": trimap}


def sample(sampler: str, image: Any, trimap: Any) -> Any:
    return SAMPLERS[sampler](image, trimap)


def check_samples(arguments: Arguments, found: Any) -> None:
    if isinstance(found, Trimap):
        labels = Trimap.parse(arguments["trimap"])
        kept = (found.foreground >= labels.foreground).all() and (found.background >= labels.background).all()
        require(kept, "trimming keeps labels")
        return
    for part in found if isinstance(found, tuple) else (found,):
        require(np.isfinite(part).all(), "samples are finite", part)
    if arguments["sampler"] in ("shared", "comprehensive"):
        require_matte(found[0], Trimap.parse(arguments["trimap"]).shape)
        require_known(found[0], arguments["trimap"])


# Foreground


def draw_foreground(choices: Choices) -> Arguments:
    image, trimap, shape = arrays.problem(choices, bounded=False)
    alpha = Trimap.parse(arrays.mixed(choices.generator(), shape)).labels if choices.one_in(2) else None
    given = {"image": image, "alpha": arrays.plane(choices, shape) if alpha is None else alpha}
    values = {
        "method": ("multilevel", "closed_form"),
        "linear": (True, False),
        "regularization": (1e-5, 1e-10, 1.0, 1e10),
        "gradient_weight": (1.0, 0.1, 1e-10, 1e10),
    }
    return given | {name: choices.pick(name, some) for name, some in values.items() if choices.one_in(2)}


def check_foreground(arguments: Arguments, found: Any) -> None:
    image, alpha = arguments["image"], arguments["alpha"]
    pixels = _inputs.image(image, bounded=False).reshape(np.shape(image))
    for layer, shown in zip(found, (alpha == 1, alpha == 0), strict=True):
        require(layer.dtype == np.float64, "colours are float64", layer.dtype)
        require(layer.shape == pixels.shape, "colours have the shape of the image", layer.shape)
        require(np.isfinite(layer).all(), "colours are finite", layer)
        require(np.array_equal(layer[shown], pixels[shown]), "a colour that alone shows is the image's")


# Trimaps


def draw_mask(choices: Choices) -> Arguments:
    shape = arrays.size(choices)
    widths = ("1%", 0, 1, 2.5, "50%", (1, 0), ("1%", 3), "1e3", [2, 2], 1e9, "100%")
    given = {"mask": arrays.trimap(choices, shape) if choices.one_in(2) else arrays.plane(choices, shape)}
    given["mask"] = given["mask"].labels if isinstance(given["mask"], Trimap) else given["mask"]
    return given | ({"width": choices.pick("width", widths)} if choices.one_in(2) else {})


def check_band(arguments: Arguments, found: Any) -> None:
    labels = Trimap.parse(arguments["mask"])
    require(found.foreground.any() and found.background.any(), "a trimap from a mask has both labels")
    require((found.foreground <= labels.foreground).all(), "a band only takes labels away", "foreground")
    require((found.background <= labels.background).all(), "a band only takes labels away", "background")


def draw_scribbles(choices: Choices) -> Arguments:
    image, trimap, shape = arrays.problem(choices)
    labels = Trimap.parse(arrays.mixed(choices.generator(), shape)).labels
    paint = labels if np.ndim(image) == 2 else labels[:, :, np.newaxis]
    if not isinstance(image, np.ndarray) or image.dtype.kind not in "fu":
        return {"image": image, "scribbled": image}
    top = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
    return {"image": image, "scribbled": np.where(paint == 0.5, image, paint * top).astype(image.dtype)}


def check_trimap(arguments: Arguments, found: Any) -> None:
    require(isinstance(found, Trimap), "a trimap comes out", type(found))


def draw_labels(choices: Choices) -> Arguments:
    return {"trimap": arrays.trimap(choices, arrays.size(choices))}


def parse(trimap: Any) -> Any:
    parsed = Trimap.parse(trimap)
    require(all(isinstance(sentence, str) for sentence in parsed.check()), "what is odd is told in sentences")
    require("Trimap" in repr(parsed), "a trimap has a representation")
    return parsed


# Metrics and losses


def draw_metric(choices: Choices) -> Arguments:
    shape = arrays.size(choices)
    alpha, truth = arrays.plane(choices, shape), arrays.plane(choices, shape)
    given = {"metric": choices.pick("metric", ("sad", "mse", "gradient", "connectivity", "evaluate", "dtssd"))}
    return given | {"alpha": alpha, "truth": truth, "trimap": arrays.trimap(choices, shape)}


def measure(metric: str, alpha: Any, truth: Any, trimap: Any) -> Any:
    if metric == "dtssd":
        return metrics.dtssd([alpha, truth], [truth, truth], [trimap, trimap])
    if metric == "evaluate":
        return tuple(metrics.evaluate(alpha, truth, trimap).values())
    number = getattr(metrics, metric)(alpha, truth, trimap)
    picture = metrics.per_pixel(alpha, truth, trimap, metric)
    total = picture[Trimap.parse(trimap).unknown].mean() if metric == "mse" else picture.sum() / 1000
    require(abs(total - number) <= 1e-9 * max(1.0, number), "pixels add up to the metric", f"{total} for {number}")
    return number


def check_measure(arguments: Arguments, found: Any) -> None:
    for number in found if isinstance(found, tuple) else (found,):
        require(isinstance(number, float) and np.isfinite(number) and number >= 0, "a metric is a number >= 0", number)


def draw_loss(choices: Choices) -> Arguments:
    shape = arrays.size(choices)
    given = {"alpha": arrays.plane(choices, shape), "truth": arrays.plane(choices, shape)}
    given["unknown"] = arrays.mixed(choices.generator(), shape) == 0.5
    if choices.one_in(2):
        rng = choices.generator()
        given |= {"foreground": rng.random((*shape, 3)), "background": rng.random((*shape, 3))}
    return given


def loss(alpha: Any, truth: Any, unknown: Any, **colours: Any) -> Any:
    if colours:
        return losses.composition_loss(alpha, truth, colours["foreground"], colours["background"], unknown)
    return losses.alpha_loss(alpha, truth, unknown)


def check_loss(arguments: Arguments, found: Any) -> None:
    require(np.shape(found) == () and np.isfinite(found) and found >= 0, "a loss is a number >= 0", found)
    require(found <= 1 + 1e-6, "a loss of mattes and colours in [0, 1] is at most 1", found)


# Pictures


def draw_composite(choices: Choices) -> Arguments:
    shape = arrays.size(choices)
    pictures_in = [_coloured(choices, shape) for _ in range(2)]
    return {"foreground": pictures_in[0], "alpha": arrays.plane(choices, shape), "background": pictures_in[1]}


def _coloured(choices: Choices, shape: tuple[int, int]) -> Any:
    values = choices.pick("picture", (arrays.smooth, arrays.noise, arrays.white))(choices.generator(), (*shape, 3))
    return arrays.arranged(choices, arrays.converted(choices, values))


def check_composite(arguments: Arguments, found: Any) -> None:
    require(np.asarray(found).dtype == np.float64, "a composite is float64", np.asarray(found).dtype)
    inside = np.isfinite(found).all() and found.min() >= -1e-9 and found.max() <= 1 + 1e-9
    require(inside, "a composite of colours in [0, 1] is in [0, 1]", np.max(found))


def draw_helper(choices: Choices) -> Arguments:
    shape = arrays.size(choices)
    given = {"helper": choices.pick("helper", ("checkerboard", "colours", "flat", "fitted", "contact_sheet"))}
    if given["helper"] == "flat":
        names = ("white", "#20a0ff", "rgb(10, 20, 30)", "#123", "hsl(120, 50%, 50%)", "none", "", "#12345", "\0")
        return given | {"colour": choices.pick("colour", names), "shape": shape}
    if given["helper"] == "checkerboard":
        return given | {"shape": shape, "side": choices.pick("side", (16, 1, 3))}
    given |= {"pixels": _coloured(choices, shape)}
    return given | {"shape": arrays.size(choices)} if given["helper"] == "fitted" else given


def helper(helper: str, **given: Any) -> Any:
    if helper == "contact_sheet":
        return pictures.contact_sheet({"one": given["pixels"], "two": given["pixels"]})
    return getattr(pictures, helper)(**given)


def check_picture(arguments: Arguments, found: Any) -> None:
    require(np.ndim(found) == 3 and np.shape(found)[2] == 3, "a picture is (H, W, 3)", np.shape(found))
    top = 255 if arguments["helper"] == "contact_sheet" else 1
    require(np.isfinite(found).all() and np.min(found) >= 0, "a picture is in range", np.min(found))
    require(np.max(found) <= top, "a picture is in range", np.max(found))


VERBS: Mapping[str, Verb] = {
    **{name: of_method(name) for name in POSED},
    "refine": Verb(propmat.refine, draw_refine, check_refined),
    "upsample": Verb(propmat.upsample, draw_upsample, check_upsampled),
    "propagate": Verb(propmat.propagate, draw_propagate, check_propagated),
    "solve": Verb(solve, draw_solve, check_solution, ("graph",)),
    "prepare": Verb(prepare, draw_solve, check_solution, ("graph",)),
    "laplacian": Verb(matrix, draw_graph, check_matrix, ("graph",)),
    "samples": Verb(sample, draw_samples, check_samples, ("sampler",)),
    "foreground": Verb(propmat.foreground, draw_foreground, check_foreground),
    "trimap_from_mask": Verb(propmat.trimap_from_mask, draw_mask, check_band),
    "trimap_from_scribbles": Verb(propmat.trimap_from_scribbles, draw_scribbles, check_trimap),
    "Trimap.parse": Verb(parse, draw_labels, check_trimap),
    "metrics": Verb(measure, draw_metric, check_measure, ("metric",)),
    "losses": Verb(loss, draw_loss, check_loss),
    "pictures.over": Verb(pictures.over, draw_composite, check_composite),
    "pictures": Verb(helper, draw_helper, check_picture, ("helper",)),
}
