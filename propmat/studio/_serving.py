"""The server as a command starts it."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from propmat.errors import InputError, one_line, warn
from propmat.studio._guard import LOOPBACK, Guard
from propmat.studio._imports import BAND
from propmat.studio._messages import LONGEST_MESSAGE
from propmat.studio._server import application
from propmat.studio._workspace import Workspace

# Seconds for which a thread may keep the interpreter while others wait; 0.005 by default.
_TURN = 0.0005

# Seconds that open pages have to end when the server is stopped.
_GRACE = 2


def run(
    workspace: Workspace, opened: str, host: str, port: int, browser: bool, tell: Callable[[str], object] | None
) -> None:
    """Serve the pages of a working folder at a new address until the process is interrupted."""
    with listening(host, port) as listener:
        token = secrets.token_urlsafe(24)
        address = address_of(listener, token) + (f"#{opened}" if opened else "")
        if tell is not None:
            tell(address)
        if browser:
            webbrowser.open(address)
        with suppress(KeyboardInterrupt), _turns_taken_often():
            server(workspace, token, listener).run(sockets=[listener])


@contextmanager
def _turns_taken_often() -> Iterator[None]:
    """Let threads wait less for the interpreter: a preview needs it for a moment at each of a few hundred kernels."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def server(workspace: Workspace, token: str, listener: socket.socket) -> uvicorn.Server:
    """The server of a working folder, to be run with a socket that listens."""
    listening_at = listener.getsockname()[0]
    names = LOOPBACK | {listening_at} if is_own(listening_at) else None
    guarded = Guard(application(workspace), token, names)
    config = uvicorn.Config(
        guarded,
        log_level="warning",
        ws="websockets-sansio",
        ws_max_size=LONGEST_MESSAGE,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_GRACE,
        server_header=False,
    )
    return uvicorn.Server(config)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; a warning if other computers reach it."""
    if not host:
        raise InputError("host: is empty; takes an address or a name, 127.0.0.1 by default")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(f"port: cannot listen at {host}, port {port}: {one_line(error)}") from error
    if not is_own(listener.getsockname()[0]):
        warn(f"host: {host} is reached from other computers; whoever knows the address may see and paint all pictures")
    return listener


def is_own(address: str) -> bool:
    """Whether only this computer reaches an address."""
    return address.startswith("127.") or address == "::1"


def address_of(listener: socket.socket, token: str) -> str:
    """The address of the page."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={token}"


def usual_folder() -> Path:
    """Where pictures are kept: among the data of the user's programs."""
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "propmat" / "studio"


def opened(workspace: Workspace, image: Path, trimap: Path | None, mask: Path | None) -> str:
    """The identifier of a picture that is added, or found, with its labels."""
    identifier = workspace.add(image.name, _content(image))
    for kind, path in (("trimap", trimap), ("mask", mask)):
        if path is not None:
            workspace.import_file(identifier, kind, _content(path), BAND)
    workspace.session(identifier)  # refused here if another process has it open
    return identifier


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {one_line(error)}") from error
