"""Methods as layers, and a layer that makes affinities of features."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from propmat import _inputs
from propmat._batching._verb import Verb
from propmat._batching._verbs import CLOSED_FORM, KNN, PROPAGATE, REFINE
from propmat.errors import InputError, shown
from propmat.torch._arguments import Labels, Weights
from propmat.torch._operation import NamedSolver
from propmat.torch._verbs import check_normalisation, closed_form, knn, propagate, refine

# Checked when a layer is made; tensors and arrays when it is called.
NUMBERS: dict[str, Callable[[Any, str], float]] = {"confidence": _inputs.tolerance, "epsilon": _inputs.positive}


class _Verb(torch.nn.Module):
    """A verb whose options are fixed when it is made; tensors among them are parameters or buffers of the layer."""

    verb: ClassVar[Callable[..., Tensor]]
    _takes: ClassVar[Verb]

    def __init__(self, **options: Any) -> None:
        super().__init__()
        parameters = inspect.signature(self.verb).parameters.values()
        known = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "trimap"]
        for name in options:
            if name not in known:
                raise InputError(f"{type(self).__name__}: has no option {name!r}; takes {', '.join(known)}")
        _inputs.solving(options.get("solver"))
        self._takes.read({name: options[name] for name in self._takes.options if name in options})
        check_normalisation(options.get("normalisation"))
        tensors = {name: value for name, value in options.items() if isinstance(value, Tensor)}
        self.options = {name: value for name, value in options.items() if name not in tensors}
        for name, check in NUMBERS.items():
            if self.options.get(name) is not None and _inputs.is_number(self.options[name]):
                check(self.options[name], name)
        self.tensors = tuple(tensors)
        for name, value in tensors.items():
            self._own(name, value)
        self.solver = NamedSolver(options.get("solver"))  # looked up here, for torch.compile cannot

    def _own(self, name: str, value: Tensor) -> None:
        """Have a tensor trained, moved, saved and loaded with the layer."""
        if isinstance(value, torch.nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    def given(self) -> dict[str, Any]:
        """The options of the layer by name, tensors as they are now.

        Returns
        -------
        dict of str to any
        """
        solver = self.options.get("solver")
        tensors = {name: getattr(self, name) for name in self.tensors}
        return {**self.options, **tensors, "solver": self.solver if solver is self.solver.solver else solver}

    def extra_repr(self) -> str:
        tensors = {name: f"tensor of shape {tuple(getattr(self, name).shape)}" for name in self.tensors}
        options = {name: repr(value) for name, value in self.options.items()}
        return ", ".join(f"{name}={text}" for name, text in (options | tensors).items())


class ClosedForm(_Verb):
    """`closed_form` as a layer: (image, trimap) → alpha.

    Parameters
    ----------
    **options
        Those of `propmat.torch.closed_form` but `trimap`: values, confidence, epsilon, radius, solver.
        Tensors among them become parameters or buffers of the layer.

    Raises
    ------
    InputError
        If an option has another name, or is not as there.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> image = torch.linspace(0, 1, 5).expand(1, 3, 5)
    >>> layer = propmat.torch.ClosedForm(epsilon=1e-5)
    >>> layer(image, torch.tensor([0, 0.5, 0.5, 0.5, 1]).expand(3, 5)).shape
    torch.Size([3, 5])
    """

    verb = staticmethod(closed_form)
    _takes = CLOSED_FORM

    def forward(self, image: Tensor, trimap: Labels) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image, trimap
            As in `propmat.torch.closed_form`.

        Returns
        -------
        (..., H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            As `propmat.torch.closed_form`.
        """
        return closed_form(image, trimap, **self.given())


class Knn(_Verb):
    """`knn` as a layer: (image, trimap) → alpha.

    Parameters
    ----------
    **options
        Those of `propmat.torch.knn` but `trimap`: values, confidence, preset, solver.
        Tensors among them become parameters or buffers of the layer.

    Raises
    ------
    InputError
        If an option has another name, or is not as there.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> image = torch.linspace(0, 1, 5).expand(1, 3, 5)
    >>> propmat.torch.Knn(preset="rgb")(image, torch.tensor([0, 0.5, 0.5, 0.5, 1]).expand(3, 5)).shape
    torch.Size([3, 5])
    """

    verb = staticmethod(knn)
    _takes = KNN

    def forward(self, image: Tensor, trimap: Labels) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image, trimap
            As in `propmat.torch.knn`.

        Returns
        -------
        (..., H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            As `propmat.torch.knn`.
        """
        return knn(image, trimap, **self.given())


class Refine(_Verb):
    """`refine` as a layer: (image, alpha, confidence[, trimap]) → alpha.

    Parameters
    ----------
    **options
        Those of `propmat.torch.refine` but `trimap`: values, epsilon, solver.
        Tensors among them become parameters or buffers of the layer.

    Raises
    ------
    InputError
        If an option has another name, or is not as there.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> image = torch.linspace(0, 1, 5).expand(1, 3, 5)
    >>> propmat.torch.Refine()(image, torch.full((3, 5), 0.5), 1.0)[0]
    tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000])
    """

    verb = staticmethod(refine)
    _takes = REFINE

    def forward(self, image: Tensor, alpha: Tensor, confidence: Weights, trimap: Labels | None = None) -> Tensor:
        """Alpha of images.

        Parameters
        ----------
        image, alpha, confidence, trimap
            As in `propmat.torch.refine`.

        Returns
        -------
        (..., H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            As `propmat.torch.refine`.
        """
        return refine(image, alpha, confidence, trimap=trimap, **self.given())


class Propagate(_Verb):
    """`propagate` as a layer: (affinities, trimap) → alpha; ``Propagate(confidence=0.8)`` is DeepMattePropNet's.

    Parameters
    ----------
    **options
        Those of `propmat.torch.propagate` but `trimap`: values, confidence, normalisation, solver.
        Tensors among them become parameters or buffers of the layer.

    Raises
    ------
    InputError
        If an option has another name, or is not as there.

    Examples
    --------
    >>> import torch
    >>> import propmat.torch
    >>> edges = torch.tensor([[1.0, 3.0]]), torch.ones(0, 3)
    >>> propmat.torch.Propagate()(edges, torch.tensor([[0, 0.5, 1]]))
    tensor([[0.0000, 0.7500, 1.0000]])
    """

    verb = staticmethod(propagate)
    _takes = PROPAGATE

    def forward(self, affinities: tuple[Tensor, Tensor], trimap: Labels) -> Tensor:
        """Alpha of affinities.

        Parameters
        ----------
        affinities, trimap
            As in `propmat.torch.propagate`.

        Returns
        -------
        (..., H, W) tensor
            Alpha in [0, 1].

        Raises
        ------
        InputError
            As `propmat.torch.propagate`.
        """
        return propagate(affinities, trimap, **self.given())


class Affinities(torch.nn.Module):
    """From features to affinities of neighbours, w = exp(z).

    "concatenated" is the published form, z = a · f_i + b · f_j + c, with i the left or upper pixel of a pair: features
    have to say by themselves where an edge is. "differences", z = c - softplus(a) · |f_i - f_j|, compares them. z is
    bounded smoothly, z ← bound tanh(z / bound), so that weights and gradients stay in a range that a solver can handle.

    Parameters
    ----------
    features : int
        Channels of the features (..., features, H, W), >= 1.
    pair : {"concatenated", "differences"}, default "concatenated"
    bound : float, > 0, default 8
        Weights are between exp(-bound) and exp(bound).

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

    def __init__(self, features: int, *, pair: str = "concatenated", bound: float = 8.0) -> None:
        super().__init__()
        if pair not in ("concatenated", "differences"):
            raise InputError(f"pair: takes 'concatenated' or 'differences', got {shown(pair)}")
        self.pair = pair
        self.bound = _inputs.positive(bound, "bound")
        features = _inputs.whole_number(features, "features")
        self.first = torch.nn.Parameter(0.01 * torch.randn(features))
        self.second = torch.nn.Parameter(0.01 * torch.randn(features)) if pair == "concatenated" else None
        self.bias = torch.nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Affinities of neighbouring pixels.

        Parameters
        ----------
        features : (..., features, H, W) tensor
            Floating.

        Returns
        -------
        horizontal, vertical : (..., H, W - 1) and (..., H - 1, W) tensors
            > 0, for `propmat.torch.propagate`.

        Raises
        ------
        InputError
            If the features have another number of channels.
        """
        channels = len(self.first)
        if not isinstance(features, Tensor) or features.ndim < 3 or features.shape[-3] != channels:
            got = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise InputError(f"features: takes a tensor of shape (..., {channels}, H, W), got {got}")
        return (
            self.weights(features[..., :, :-1], features[..., :, 1:]),
            self.weights(features[..., :-1, :], features[..., 1:, :]),
        )

    def extra_repr(self) -> str:
        return f"{len(self.first)}, pair={self.pair!r}, bound={self.bound:g}"

    def weights(self, one: Tensor, other: Tensor) -> Tensor:
        """Affinities of pairs of pixels.

        Parameters
        ----------
        one, other : (..., features, h, w) tensor
            The features of the two pixels of each pair.

        Returns
        -------
        (..., h, w) tensor
        """
        if self.second is None:
            logits = self.bias - _along(torch.nn.functional.softplus(self.first), (one - other).abs())
        else:
            logits = _along(self.first, one) + _along(self.second, other) + self.bias
        return torch.exp(self.bound * torch.tanh(logits / self.bound))


def _along(weights: Tensor, features: Tensor) -> Tensor:
    return torch.einsum("f,...fhw->...hw", weights, features)
