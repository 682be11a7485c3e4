"""The function that starts the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from propmat import _inputs
from propmat._typing import PathLike
from propmat.errors import InputError, MissingDependencyError


def serve(
    image: PathLike | None = None,
    *,
    trimap: PathLike | None = None,
    mask: PathLike | None = None,
    folder: PathLike | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = True,
    tell: Callable[[str], object] | None = None,
) -> None:
    """Serve a page on which trimaps are painted and mattes follow, until the process is interrupted.

    Parameters
    ----------
    image : str or os.PathLike, optional
        A picture to open.
    trimap, mask : str or os.PathLike, optional
        Where its labels begin: a trimap, or a mask whose edge gets an unknown band. One of them.
    folder : str or os.PathLike, optional
        Where pictures and strokes are kept; by default ``propmat/studio`` in the folder of XDG_DATA_HOME, which is
        ``~/.local/share`` if that is not set.
    host : str, default "127.0.0.1"
        The address to listen at. With another one, whoever knows the address of the page may see and paint.
    port : int, default 0
        From 0 to 65535; 0 takes a free one.
    browser : bool, default True
        Whether to open the page in a browser.
    tell : callable (text), optional
        Called with the address of the page, which holds a token.

    Raises
    ------
    InputError
        If an argument is not as above, a file cannot be read, or the address is taken.
    MissingDependencyError
        If Starlette, uvicorn or websockets is not installed.

    Warns
    -----
    PropmatWarning
        If `host` is reached from other computers.

    Examples
    --------
    >>> import propmat.studio
    >>> propmat.studio.serve("photo.jpg")  # doctest: +SKIP
    """
    port = _inputs.integer(port, "port", 0, 65535)
    if trimap is not None and mask is not None:
        raise InputError("mask: takes a trimap or a mask, not both")
    if folder is not None and not str(folder):
        raise InputError("folder: is empty; takes the name of a folder")
    if image is None and not (trimap is None and mask is None):
        raise InputError("image: is missing; a trimap or a mask goes with one")
    try:
        import websockets  # noqa: F401

        from propmat.studio import _serving
        from propmat.studio._workspace import Workspace
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"studio: {error.name} is missing; pip install 'propmat[studio]'") from error
    workspace = Workspace(_serving.usual_folder() if folder is None else Path(folder))
    labels = (None if path is None else Path(path) for path in (trimap, mask))
    opened = "" if image is None else _serving.opened(workspace, Path(image), *labels)
    _serving.run(workspace, opened, host, port, browser, tell)
