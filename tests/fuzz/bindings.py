"""Random problems in tensors: what the verbs give on arrays, by batches, with gradients, in floating point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from random import Random
from typing import Any, NamedTuple

import numpy as np

from propmat import adjoint
from tests.fuzz import arrays, verbs
from tests.fuzz.choices import Choices
from tests.fuzz.laws import Outcome, attempt, require_near
from tests.fuzz.target import Broken, Target, Unavailable, require

LENGTH = 96
VERBS = ("closed_form", "knn", "refine", "propagate", "propagate_directed")
BATCHES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (  # leading axes of the first argument and the trimap
    *(((), ()), ((), ()), ((), ()), ((2,), (2,)), ((2,), ()), ((), (2,)), ((1,), (1,)), ((2,), (1,)), ((1,), (2,))),
    *(((0,), ()), ((0,), (0,)), ((3,), (3, 1)), ((2, 2), (2, 2)), ((3,), (2,)), ((2,), (2, 1))),
)
DTYPES = ("float64", "float64", "float32", "float16", "bfloat16", "uint8", "int64", "bool", "uint16")
SAME = 1e-9


class Case(NamedTuple):
    """One call: arguments as for NumPy with leading axes, and what tensors are made of them."""

    verb: str
    arguments: dict[str, Any]
    dtype: str
    batch: tuple[tuple[int, ...], tuple[int, ...]]
    gradient: bool
    spoiled: bool
    choices: Choices


def decode(data: bytes, batched: bool = True) -> Case:
    choices = Choices(data)
    verb, dtype = choices.pick("verb", VERBS), choices.pick("tensor", DTYPES)
    batch = choices.pick("batch", BATCHES) if batched else ((), ())
    gradient, spoil = choices.one_in(2), choices.one_in(6)
    arguments = _drawn(choices, verb, batch)
    if spoil:
        arguments = arrays.spoiled(choices, arguments)
    return Case(verb, arguments, dtype, batch, gradient, spoil, choices)


def _drawn(choices: Choices, verb: str, batch: tuple[tuple[int, ...], tuple[int, ...]]) -> dict[str, Any]:
    """Arguments; channels come last, as for NumPy."""
    shape = choices.pick("shape", ((3, 4), (5, 5), (1, 6), (6, 1), (8, 7), (12, 9)))
    first, labels = batch
    rng = choices.generator()
    kind, size = choices.pick("trimap", arrays.TRIMAPS), (int(np.prod(labels)) * shape[0], shape[1])
    trimap = kind(rng, size) if size[0] else np.zeros(size)
    given: dict[str, Any] = {}
    if verb.startswith("propagate"):
        across, down = (*first, shape[0], shape[1] - 1), (*first, shape[0] - 1, shape[1])
        sizes = (across, down) if verb == "propagate" else (across, across, down, down)
        given["affinities"] = tuple(10 ** rng.uniform(-2, 2, size) for size in sizes)
    else:
        channels = choices.pick("channels", (3, 1, 2))
        picture = choices.pick("picture", arrays.PICTURES)
        given["image"] = picture(rng, (int(np.prod(first)) * shape[0], shape[1], channels)).reshape(
            *first, *shape, channels
        )
    if verb == "refine":
        given |= {"alpha": rng.random((*first, *shape)), "confidence": arrays.weights(choices, shape)}
    given["trimap"] = trimap.reshape(*labels, *shape)
    if verb not in ("refine",) and choices.one_in(4):
        given["confidence"] = arrays.weights(choices, shape)
    if verb != "propagate_directed" and choices.one_in(3):
        given["solver"] = choices.pick("solver", verbs.SOLVERS[3:])
    return given


def as_tensors(value: Any, name: str, convert: Callable[[Any, str], Any]) -> Any:
    """Arrays as tensors, tuples by parts, the rest as it is."""
    if isinstance(value, tuple):
        return tuple(as_tensors(item, name, convert) for item in value)
    return convert(value, name) if isinstance(value, np.ndarray) and value.dtype.kind in "fuib" else value


# PyTorch


def run_torch(data: bytes) -> bool:
    return _named("torch", decode(data), _judged_torch)


def _named(binding: str, case: Case, judge: Callable[[Case], bool]) -> bool:
    try:
        return judge(case)
    except Broken as broken:
        raise Broken(f"{binding}.{case.verb}: {broken.law}", broken.told, broken.kind) from None


def _judged_torch(case: Case) -> bool:
    import torch

    import propmat.torch

    dtype = getattr(torch, case.dtype)

    def convert(value: np.ndarray, name: str) -> Any:
        if name == "image" and value.ndim >= 3:
            value = np.moveaxis(value, -1, -3)
        tensor = torch.from_numpy(np.array(value))
        if name in ("image", "affinities", "alpha") and not case.spoiled:
            scale = {"uint8": 255, "uint16": 65535}.get(case.dtype, 1)
            tensor = (tensor.clamp(0, 1) * scale).round().to(dtype) if scale > 1 else tensor.to(dtype)
            return tensor.requires_grad_(case.gradient and tensor.is_floating_point())
        return tensor

    given = {name: as_tensors(value, name, convert) for name, value in case.arguments.items()}
    before = [tensor.detach().clone() for tensor in _leaves(given)]
    found = attempt(lambda: getattr(propmat.torch, case.verb)(**given))
    same = all(torch.equal(one, two) for one, two in zip(before, _leaves(given), strict=True))
    require(same or case.spoiled, "tensors are never written to")
    if found.refusal is not None:
        return False
    alpha = found.value
    require(alpha.is_floating_point(), "alpha is floating", alpha.dtype)
    if not case.spoiled:
        expected = (torch.float64,) if dtype == torch.float64 else (torch.float32, torch.float16, torch.bfloat16)
        require(alpha.dtype in expected, "alpha has the precision of its image", f"{alpha.dtype} for {dtype}")
    _require_matte(case, alpha.detach().double().numpy(), [tuple(tensor.shape) for tensor in _leaves(given)])
    _require_backward(alpha, [tensor for tensor in _leaves(given) if tensor.requires_grad])
    return True


def _leaves(given: Mapping[str, Any]) -> list[Any]:
    import torch

    parts = [part for value in given.values() for part in (value if isinstance(value, tuple) else (value,))]
    return [part for part in parts if isinstance(part, torch.Tensor)]


def _require_backward(alpha: Any, leaves: list[Any]) -> None:
    import torch

    if not leaves or not alpha.requires_grad:
        return
    pulled = attempt(lambda: torch.autograd.grad(alpha.sum(), leaves))
    for gradient, leaf in zip(pulled.value or (), leaves, strict=False):
        require(gradient.shape == leaf.shape, "a gradient has the shape of its tensor", gradient.shape)
        require(gradient.dtype == leaf.dtype, "a gradient has the dtype of its tensor", gradient.dtype)
        require(torch.isfinite(gradient).all() or leaf.dtype.itemsize < 4, "gradients are finite", gradient)


def _require_matte(case: Case, alpha: np.ndarray, shapes: list[tuple[int, ...]]) -> None:
    require(np.isfinite(alpha).all(), "alpha is finite", alpha)
    require(((alpha >= 0) & (alpha <= 1)).all(), "alpha is in [0, 1]", alpha)
    if case.spoiled:
        return
    first, labels = case.batch
    most = max(int(np.prod(first)), int(np.prod(labels))) if 0 not in first + labels else 0
    height, width = np.shape(case.arguments["trimap"])[-2:]
    require(alpha.shape[-2:] == (height, width), "alpha has the size of the image", f"{alpha.shape} of {shapes}")
    count = int(np.prod(alpha.shape[:-2]))
    require(count <= most, "batches are matched", f"{alpha.shape} of {shapes}")
    if case.batch == ((), ()):
        _require_as_for_arrays(case, alpha)


def _require_as_for_arrays(case: Case, alpha: np.ndarray) -> None:
    """Of one image in double precision what the verb gives, if it converges."""
    if case.dtype != "float64":
        return
    plain = attempt(lambda: getattr(adjoint, case.verb)(**case.arguments)[0])
    if plain.refusal is None and not plain.told:
        require_near(alpha, plain.value, "tensors give what arrays give", SAME)


# JAX


def run_jax(data: bytes) -> bool:
    return _named("jax", decode(data, batched=False), _judged_jax)


def _judged_jax(case: Case) -> bool:
    import jax
    import jax.numpy as jnp

    import propmat.jax

    jitted = case.choices.one_in(8)
    dtype = "float32" if case.dtype in ("float64", "int64") else case.dtype

    def convert(value: np.ndarray, name: str) -> Any:
        if name in ("image", "affinities", "alpha") and not case.spoiled:
            scale = {"uint8": 255, "uint16": 65535}.get(dtype, 1)
            return jnp.asarray(np.rint(np.clip(value, 0, 1) * scale) if scale > 1 else value).astype(dtype)
        return value if isinstance(value, np.ma.MaskedArray) else jnp.asarray(value)

    given = {name: as_tensors(value, name, convert) for name, value in case.arguments.items() if name != "solver"}
    rest = {"solver": case.arguments["solver"]} if "solver" in case.arguments else {}
    verb = getattr(propmat.jax, case.verb, None)
    if verb is None:
        return False

    def call(given: dict[str, Any]) -> Any:
        return verb(**given, **rest)

    run = jax.jit(call) if jitted and not case.spoiled else call
    try:
        found: Outcome = attempt(lambda: jax.block_until_ready(run(given)))
    except jax.errors.JaxRuntimeError as error:  # of values that only the callback sees
        ours = any(f"{kind}: " in str(error) for kind in ("InputError", "ConvergenceError", "UnsupportedError"))
        require(jitted and ours, "a traced call fails by our error inside JAX's", str(error)[-500:])
        return False
    if found.refusal is not None:
        return False
    require(jnp.issubdtype(found.value.dtype, jnp.floating), "alpha is floating", found.value.dtype)
    shapes = [np.shape(value) for value in case.arguments.values() if isinstance(value, np.ndarray)]
    _require_matte(case._replace(dtype=dtype), np.asarray(found.value, np.float64), shapes)
    if case.gradient and not case.spoiled and "image" in given and jnp.issubdtype(given["image"].dtype, jnp.floating):
        rest_given = {name: value for name, value in given.items() if name != "image"}
        slope = attempt(lambda: jax.grad(lambda image: call({**rest_given, "image": image}).sum())(given["image"]))
        if slope.refusal is None:
            require(slope.value.shape == given["image"].shape, "a gradient has the shape of its array")
            require(jnp.isfinite(slope.value).all() or dtype != "float32", "gradients are finite")
    return True


def describe(data: bytes) -> str:
    return _described(decode(data))


def describe_single(data: bytes) -> str:
    return _described(decode(data, batched=False))


def _described(case: Case) -> str:
    given = "\n".join(f"  {name} = {arrays.told(value)}" for name, value in case.arguments.items())
    return f"{case.verb} of {case.dtype}, batch {case.batch}\n{given}\n  ({'; '.join(case.choices.made)})"


def draw(random: Random) -> bytes:
    return random.randbytes(LENGTH)


def seeds() -> list[bytes]:
    simple = [bytes([verb, dtype, batch]) for verb in range(3) for dtype in range(6) for batch in (0, 3, 9, 11)]
    return simple[:40]


def _with(package: str) -> Callable[[], list[bytes]]:
    """Seeds, if the package is installed."""

    def given() -> list[bytes]:
        if find_spec(package) is None:
            raise Unavailable(f"{package} is not installed")
        return seeds()

    return given


TARGETS = {
    "torch": Target("torch", run_torch, _with("torch"), draw, describe),
    "jax": Target("jax", run_jax, _with("jax"), draw, describe_single),
}
