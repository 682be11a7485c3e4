"""What holds of every call, whatever it is given."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from propmat import PropmatError, PropmatWarning, Trimap
from tests.fuzz.target import Broken, require

# The floating-point state that NumPy starts with.
ERRORS: dict[str, Any] = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


class Outcome(NamedTuple):
    """What came of a call: a value or a refusal, and the warnings before it."""

    value: Any
    refusal: PropmatError | None
    told: tuple[str, ...]


def attempt(call: Callable[[], Any], errors: Mapping[str, Any] = ERRORS) -> Outcome:
    """Call; refusals and warnings may be propmat's only, in one line. `errors` is the caller's `numpy.seterr`."""
    value, refusal = None, None
    with warnings.catch_warnings(record=True) as caught, np.errstate(**errors):
        warnings.simplefilter("always")
        try:
            value = call()
        except PropmatError as error:
            refusal = error
    if refusal is not None:
        require_line(str(refusal), "error")
    for warning in caught:
        require_line(str(warning.message), "warning")
        foreign = f"{warning.filename}:{warning.lineno} {warning.category.__name__}: {warning.message}"
        require(issubclass(warning.category, PropmatWarning), "warnings are propmat's", foreign)
    return Outcome(value, refusal, tuple(str(warning.message) for warning in caught))


def require_line(message: str, what: str) -> None:
    """A message is one line that says something."""
    require(message.strip() and len(message.splitlines()) == 1, f"an {what} is one line", repr(message[:500]))


def fingerprint(value: Any) -> str:
    """The same for the same bits, dtypes and shapes."""
    return hashlib.blake2b(_bits(value), digest_size=16).hexdigest()


def _bits(value: Any) -> bytes:
    if isinstance(value, Trimap):
        return _bits((value.foreground, value.background))
    if isinstance(value, np.ndarray) and value.dtype.char == "g":  # which has bits that mean nothing
        return b"extended" + _bits(value.astype(np.float64))
    if isinstance(value, np.ndarray) and value.dtype != object:
        return f"{value.dtype.str}{value.shape}".encode() + value.tobytes()
    if isinstance(value, (tuple, list)):
        return b"(" + b",".join(map(_bits, value)) + b")"
    if isinstance(value, dict):
        return _bits(list(value.items()))
    try:
        return repr(value).encode(errors="replace") if isinstance(value, (int, float, str)) else pickle.dumps(value)
    except Exception:  # what cannot be pickled is told apart by its name only
        return type(value).__name__.encode()


def require_matte(alpha: Any, shape: tuple[int, ...] | None) -> None:
    """Float64, in [0, 1], finite, of the right shape."""
    require(isinstance(alpha, np.ndarray), "alpha is an array", type(alpha))
    require(alpha.dtype == np.float64, "alpha is float64", alpha.dtype)
    require(shape is None or alpha.shape == shape, "alpha has the shape of the image", f"{alpha.shape} for {shape}")
    require(np.isfinite(alpha).all(), "alpha is finite", alpha)
    require(((alpha >= 0) & (alpha <= 1)).all(), "alpha is in [0, 1]", alpha)


def require_known(alpha: np.ndarray, trimap: Any) -> None:
    """Known pixels have their labels, exactly."""
    labels = Trimap.parse(trimap)
    wrong = labels.known & (alpha != labels.labels)
    require(not wrong.any(), "known pixels are exact", f"{np.count_nonzero(wrong)} are not")


def require_equal(one: Outcome, other: Outcome, law: str, tolerance: float = 0.0) -> None:
    """Two ways to the same thing: the same refusal, or the same warnings and the same arrays."""
    if (one.refusal is None) != (other.refusal is None):
        raise Broken(f"{law}: what is refused", f"{one.refusal!r} against {other.refusal!r}")
    blamed = [str(outcome.refusal).partition(":")[0] for outcome in (one, other)]
    require(blamed[0] == blamed[1], f"{law}: what is blamed", f"{one.refusal} against {other.refusal}")
    require(sorted(one.told) == sorted(other.told), f"{law}: warnings", f"{one.told} against {other.told}")
    if one.refusal is None:
        require_near(one.value, other.value, law, tolerance)


def require_near(one: Any, other: Any, law: str, tolerance: float = 0.0) -> None:
    """The same bits, or arrays that differ by no more than `tolerance`."""
    if tolerance == 0.0:
        require(fingerprint(one) == fingerprint(other), law, f"{one} against {other}")
        return
    off = np.abs(np.asarray(one, np.float64) - np.asarray(other, np.float64))
    require(off.size == 0 or off.max() <= tolerance, law, f"off by {off.max(initial=0.0):.3g}")
