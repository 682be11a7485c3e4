"""The verbs as layers, and the layer before them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from propmat import _batches, _inputs
from propmat.errors import InputError
from propmat.torch._operation import Solver
from propmat.torch._verbs import check_normalisation, closed_form, knn, propagate, refine

# Checked when a layer is made; tensors and arrays when it is called.
NUMBERS: dict[str, Callable[[Any, str], float]] = {"confidence": _inputs.tolerance, "epsilon": _inputs.positive}


class _Verb(torch.nn.Module):
    """A verb whose options are fixed when it is made; tensors among them are parameters or buffers of the layer."""

    verb: ClassVar[Callable[..., Tensor]]

    def __init__(self, **options: Any) -> None:
        super().__init__()
        parameters = inspect.signature(self.verb).parameters.values()
        known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "trimap"]
        for name in options:
            if name not in known:
                raise InputError(f"{type(self).__name__}: has no option {name!r}; takes {', '.join(known)}")
        _batches.checked(**{name: options[name] for name in ("radius", "preset", "solver") if name in options})
        check_normalisation(options.get("normalisation"))
        tensors = {name: value for name, value in options.items() if isinstance(value, Tensor)}
        self.options = {name: value for name, value in options.items() if name not in tensors}
        for name, check in NUMBERS.items():
            if self.options.get(name) is not None and _inputs.is_number(self.options[name]):
                check(self.options[name], name)
        self.tensors = tuple(tensors)
        for name, value in tensors.items():
            self._own(name, value)
        self.solver = Solver(options.get("solver"))  # looked up here, for torch.compile cannot

    def _own(self, name: str, value: Tensor) -> None:
        """Have a tensor trained, moved, saved and loaded with the layer."""
        if isinstance(value, torch.nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    def given(self) -> dict[str, Any]:
        solver = self.options.get("solver")
        tensors = {name: getattr(self, name) for name in self.tensors}
        return {**self.options, **tensors, "solver": self.solver if solver is self.solver.solver else solver}

    def extra_repr(self) -> str:
        tensors = {name: f"tensor of shape {tuple(getattr(self, name).shape)}" for name in self.tensors}
        options = {name: repr(value) for name, value in self.options.items()}
        return ", ".join(f"{name}={text}" for name, text in (options | tensors).items())


class ClosedForm(_Verb):
    """`closed_form` as a layer: (image, trimap) → alpha."""

    verb = staticmethod(closed_form)

    def forward(self, image: Tensor, trimap: Any) -> Tensor:
        return closed_form(image, trimap, **self.given())


class Knn(_Verb):
    """`knn` as a layer: (image, trimap) → alpha."""

    verb = staticmethod(knn)

    def forward(self, image: Tensor, trimap: Any) -> Tensor:
        return knn(image, trimap, **self.given())


class Refine(_Verb):
    """`refine` as a layer: (image, alpha, confidence[, trimap]) → alpha."""

    verb = staticmethod(refine)

    def forward(self, image: Tensor, alpha: Tensor, confidence: Any, trimap: Any = None) -> Tensor:
        return refine(image, alpha, confidence, trimap=trimap, **self.given())


class Propagate(_Verb):
    """`propagate` as a layer: (affinities, trimap) → alpha; ``Propagate(confidence=0.8)`` is DeepMattePropNet's."""

    verb = staticmethod(propagate)

    def forward(self, affinities: tuple[Tensor, Tensor], trimap: Any) -> Tensor:
        return propagate(affinities, trimap, **self.given())


class Affinities(torch.nn.Module):
    """From features to affinities of neighbours, w = exp(z).

    "concatenated" is the published form, z = a · f_i + b · f_j + c, with i the left or upper pixel of a pair: features
    have to say by themselves where an edge is. "differences", z = c - softplus(d) · |f_i - f_j|, compares them, as in
    convolutional random walks. "both" adds the two, z = a · f_i + b · f_j - softplus(d) · |f_i - f_j| + c. z is bounded
    smoothly, z ← bound tanh(z / bound), so that no weight and no gradient leaves what a solver can take.

    Parameters
    ----------
    features : int
        Channels of the features (..., features, H, W).
    pair : {"concatenated", "differences", "both"}
    tie : bool, default False
        a = b, so that mirrored features have mirrored affinities, as those of differences always have.
    bound : float, default 8
        Weights lie between exp(-bound) and exp(bound).

    Raises
    ------
    InputError
        If an argument is not as above, or features have another number of channels.

    References
    ----------
    Y. Wang et al., "Deep Propagation Based Image Matting", IJCAI 2018, equation 1. The bound is ours.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> horizontal, vertical = propmat.torch.Affinities(16)(torch.rand(2, 16, 10, 12))
    >>> horizontal.shape, vertical.shape
    (torch.Size([2, 10, 11]), torch.Size([2, 9, 12]))
    """

    pairs: ClassVar[tuple[str, ...]] = ("concatenated", "differences", "both")

    def __init__(self, features: int, *, pair: str = "concatenated", tie: bool = False, bound: float = 8.0) -> None:
        super().__init__()
        self.pair = _inputs.choice(pair, "pair", self.pairs)
        self.tie = _inputs.flag(tie, "tie")
        self.bound = _inputs.positive(bound, "bound")
        self.features = _inputs.whole_number(features, "features")
        concatenated, differences = pair != "differences", pair != "concatenated"
        self.first = self._small() if concatenated else None  # a
        self.second = self._small() if concatenated and not tie else None  # b
        self.contrast = self._small() if differences else None  # d
        self.bias = torch.nn.Parameter(torch.zeros(()))  # c

    def _small(self) -> torch.nn.Parameter:
        return torch.nn.Parameter(0.01 * torch.randn(self.features))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        if not isinstance(features, Tensor) or features.ndim < 3 or features.shape[-3] != self.features:
            got = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise InputError(f"features: takes a tensor of shape (..., {self.features}, H, W), got {got}")
        return (
            self.weights(features[..., :, :-1], features[..., :, 1:]),
            self.weights(features[..., :-1, :], features[..., 1:, :]),
        )

    def extra_repr(self) -> str:
        tied = ", tie=True" if self.tie else ""
        return f"{self.features}, pair={self.pair!r}{tied}, bound={self.bound:g}"

    def weights(self, one: Tensor, other: Tensor) -> Tensor:
        """Affinities of pixels with features (..., features, h, w) on either side."""
        z: Tensor = self.bias
        if self.first is not None:
            second = self.first if self.second is None else self.second
            z = z + along(self.first, one) + along(second, other)
        if self.contrast is not None:
            z = z - along(torch.nn.functional.softplus(self.contrast), (one - other).abs())
        return positive(z, self.bound)


def positive(z: Tensor, bound: float = 8.0) -> Tensor:
    """exp(z), bounded smoothly."""
    return torch.exp(bound * torch.tanh(z / bound))


def along(weights: Tensor, features: Tensor) -> Tensor:
    """The sum over the channels of features (..., features, h, w), each times its weight."""
    return torch.einsum("f,...fhw->...hw", weights, features)
