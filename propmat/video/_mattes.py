"""Mattes of the frames of a sequence, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from propmat import _inputs
from propmat._arithmetic import each_in_usual_arithmetic, usual_arithmetic
from propmat._solve._matte import Matte
from propmat._trimap import Trimap
from propmat._typing import ArrayLike
from propmat.errors import InputError, about
from propmat.matting._methods import NETWORKS, POSED, check_values, named
from propmat.solvers._base import Solver
from propmat.video._both_sides import CONFIDENCE, CONFIDENCES, BothSides
from propmat.video._flow import check_same_size
from propmat.video._joint import check_settings
from propmat.video._jointly import REACH, Joint
from propmat.video._steadiness import Frame, FrameByFrame, Steadiness
from propmat.video._steps import steadied

STEADY = ("none", "prior", "joint")


@usual_arithmetic
def mattes(
    frames: Iterable[ArrayLike],
    trimaps: Iterable[ArrayLike | Trimap],
    *,
    method: str = "closed_form",
    steady: str = "prior",
    solver: Solver | None = None,
    **settings: Any,
) -> Iterator[Matte]:
    """Mattes of the frames of a sequence, one after another, in constant memory.

    Parameters
    ----------
    frames : iterable of (H, W), (H, W, 3) or (H, W, d) arrays
        In the order of time, of one size, at least 16 pixels high and wide.
    trimaps : iterable of (H, W) arrays or Trimaps
        One for each frame, such as those of `carry`.
    method : str, default "closed_form"
        One of `propmat.methods` that solves a linear system: all but networks. With ``steady="joint"`` closed_form,
        learning_based or knn.
    steady : {"none", "prior", "joint"}
        How a matte follows those around it. ``"none"``: each frame has its own, and only the iteration starts at the
        matte before, carried by optical flow. ``"prior"``: the mattes of the two frames before and the two after, each
        alone, are carried along the flow, and are a prior with a confidence where the flow is consistent and they
        agree; each frame is solved for twice. ``"joint"``: each frame is solved together with the ones before and after
        it, with edges along the flow (`joint`) and these priors for all three.
    solver : propmat.solvers.CG or Direct, optional
        Chosen for each matrix if not given.
    **settings
        Of the method.

    Returns
    -------
    iterator of Matte
        As of `propmat.solve`; with ``"joint"`` x and the figures of the solve are those of all frames together.

    Raises
    ------
    InputError
        If an argument is not as above; that of a frame when its matte is asked for.
    ConvergenceError
        If a solver with ``strict=True`` did not converge.
    MissingDependencyError
        If OpenCV is not installed.

    Warns
    -----
    PropmatWarning, ConvergenceWarning
        As in `propmat.solve`.

    Examples
    --------
    >>> import propmat
    >>> import propmat.video
    >>> scene = propmat.datasets.moving(seed=0, frames=3, shape=(48, 64))
    >>> images, trimaps = zip(*((sample.image, sample.trimap) for sample in scene))
    >>> alphas = [matte.alpha for matte in propmat.video.mattes(images, trimaps)]
    >>> len(alphas), alphas[0].shape
    (3, (48, 64))
    """
    _inputs.solving(solver)
    how = steadiness(method, steady, solver, settings)
    images = _inputs.several(frames, "frames", "a sequence of frames")
    checked = _checked(images, _inputs.several(trimaps, "trimaps", "a sequence of trimaps"))
    return (matte for _, matte, _ in each_in_usual_arithmetic(steadied(checked, how)))


def steadiness(
    method: str,
    steady: str,
    solver: Solver | None,
    settings: Mapping[str, Any],
    shape: tuple[int, int] | None = None,
) -> Steadiness:
    """How frames, of this height and width if they are known, are solved for, by name."""
    _inputs.choice(steady, "steady", STEADY)
    named(method, settings)
    if method in NETWORKS:
        raise InputError(f"method: {method} is a network, which takes one picture; takes {', '.join(POSED)}")
    if steady == "joint":
        check_settings(method, settings)
    check_values(method, settings, shape)
    alone = FrameByFrame(POSED[method].pose, solver, settings)
    if steady == "none":
        return alone
    confidence = CONFIDENCES.get(method, CONFIDENCE)
    if steady == "prior":
        return BothSides(alone, confidence)
    return Joint(method, BothSides(alone, confidence, REACH))


def _checked(images: Iterator[ArrayLike], trimaps: Iterator[ArrayLike | Trimap]) -> Iterator[Frame]:
    shape, count = None, 0
    for number, given in enumerate(images):
        image = _inputs.image(given, f"frames: frame {number}")
        shape = image.shape if shape is None else shape
        check_same_size(image.shape, shape, f"frames: frame {number}")
        trimap = next(trimaps, None)
        if trimap is None:
            raise InputError(f"trimaps: end after {number}, and there is another frame")
        with about(f"trimaps: frame {number}"):
            labels = Trimap.parse(trimap, image.shape)
        yield Frame(number, image, labels)
        count += 1
    if next(trimaps, None) is not None:
        raise InputError(f"trimaps: go on after {count}, and there is no other frame")
