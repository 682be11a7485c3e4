"""The application: the page, pictures and their files over HTTP, painting over a socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from propmat import _inputs
from propmat.errors import InputError, MissingDependencyError, PropmatError, one_line
from propmat.studio import _export
from propmat.studio._announcements import announced_on_pages
from propmat.studio._connection import Connection
from propmat.studio._imports import BAND
from propmat.studio._messages import LEVELS, offered_methods
from propmat.studio._photo import jpeg

if TYPE_CHECKING:
    from propmat.studio._workspace import Workspace

PAGE = Path(__file__).with_name("page")

# An uncompressed photograph of 16 bits and 40 megapixels has as many.
MOST_BYTES = 240 * 2**20

BAD_REQUEST, TOO_LARGE, FAILED, MISSING = 400, 413, 500, 501

# What waits for an exact matte runs by `run_in_threadpool`: the threads of `asyncio.to_thread`, which are few, must be
# free for strokes meanwhile.
Answer = Callable[[Request, "Workspace"], Awaitable[Response]]


def application(workspace: Workspace) -> Starlette:
    """The application over a working folder; it checks no token and no origin, which is for `Guard`."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with announced_on_pages(workspace):
            yield
        await asyncio.to_thread(workspace.close)

    def route(path: str, answer: Answer, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return await answer(request, workspace)
            except PropmatError as error:
                status = MISSING if isinstance(error, MissingDependencyError) else BAD_REQUEST
                return JSONResponse({"message": one_line(error)}, TOO_LARGE if isinstance(error, _TooLarge) else status)
            except OSError as error:  # a full disk, a folder that may not be written into
                return JSONResponse({"message": f"folder: {one_line(error)}"}, FAILED)

        return Route(path, endpoint, methods=list(methods))

    async def socket(socket: WebSocket) -> None:
        await _paint(socket, workspace)

    routes = [
        route("/", _page, "GET"),
        Mount("/static", StaticFiles(directory=PAGE)),
        route("/api/about", _about, "GET"),
        route("/api/pictures", _pictures, "GET"),
        route("/api/pictures", _add, "POST"),
        route("/api/pictures/{id}", _picture, "GET"),
        route("/api/pictures/{id}", _remove, "DELETE"),
        route("/api/pictures/{id}/import", _import, "POST"),
        route("/api/pictures/{id}/photo", _photo, "GET"),
        route("/api/pictures/{id}/export", _file, "GET"),
        route("/api/pictures/{id}/command", _command, "GET"),
        WebSocketRoute("/api/pictures/{id}/socket", socket),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


class _TooLarge(InputError):
    """An upload has too many bytes."""


async def _page(request: Request, workspace: Workspace) -> Response:
    return FileResponse(PAGE / "index.html")


async def _about(request: Request, workspace: Workspace) -> Response:
    return JSONResponse({"methods": offered_methods(), "formats": _formats(), "band": BAND})


def _formats() -> dict[str, str]:
    """What files of formats that need OpenImageIO lack; empty if nothing."""
    found = {}
    for suffix, depth in ((".png", 8), (".png", 16), (".tif", 16), (".exr", 16)):
        try:
            _export.Wanted("cutout", suffix, depth, "").check()
            found[f"{suffix} {depth}"] = ""
        except PropmatError as error:
            found[f"{suffix} {depth}"] = one_line(error)
    return found


async def _pictures(request: Request, workspace: Workspace) -> Response:
    return JSONResponse(await asyncio.to_thread(workspace.pictures))


async def _add(request: Request, workspace: Workspace) -> Response:
    data = await _body(request)
    identifier = await asyncio.to_thread(workspace.add, request.query_params.get("name", ""), data)
    return JSONResponse({"id": identifier, "name": workspace.name(identifier)})


async def _picture(request: Request, workspace: Workspace) -> Response:
    identifier = request.path_params["id"]
    session = await asyncio.to_thread(workspace.session, identifier)
    height, width = session.photo.shape
    return JSONResponse({"id": identifier, "name": workspace.name(identifier), "width": width, "height": height})


async def _remove(request: Request, workspace: Workspace) -> Response:
    await asyncio.to_thread(workspace.remove, request.path_params["id"])
    return JSONResponse({})


async def _import(request: Request, workspace: Workspace) -> Response:
    data, query = await _body(request), request.query_params
    given = request.path_params["id"], query.get("kind", ""), data, query.get("width", BAND)[:64]
    await asyncio.to_thread(workspace.import_file, *given)
    return JSONResponse({})


async def _photo(request: Request, workspace: Workspace) -> Response:
    level = _inputs.integer(_number(request, "level"), "level", 0, LEVELS)
    session = await asyncio.to_thread(workspace.session, request.path_params["id"])
    layer = session.foreground if request.query_params.get("layer") == "foreground" else session.photograph
    data = await run_in_threadpool(lambda: jpeg(layer(), level, session.photo.linear))
    return Response(data, media_type="image/jpeg")


async def _file(request: Request, workspace: Workspace) -> Response:
    wanted = _wanted(request, workspace)
    wanted.check()
    session = await asyncio.to_thread(workspace.session, request.path_params["id"])
    data = await run_in_threadpool(_export.made, session, wanted)
    return Response(data, media_type="application/octet-stream")


async def _command(request: Request, workspace: Workspace) -> Response:
    wanted = _wanted(request, workspace)
    session = await asyncio.to_thread(workspace.session, request.path_params["id"])
    method = str(session.state()["method"])
    return JSONResponse({"file": wanted.file, "command": _export.commands(wanted, method)})


async def _paint(socket: WebSocket, workspace: Workspace) -> None:
    try:
        session = await asyncio.to_thread(workspace.session, socket.path_params["id"])
    except (PropmatError, OSError):  # the request for the picture tells which
        await socket.close()
        return
    await socket.accept()
    await Connection(socket, session).run()


def _wanted(request: Request, workspace: Workspace) -> _export.Wanted:
    query = request.query_params
    name = workspace.name(request.path_params["id"])
    return _export.Wanted(query.get("what", ""), query.get("suffix", ""), _number(request, "depth"), name)


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    if not text.isdecimal() or len(text) > 4:
        raise InputError(f"{name}: takes a whole number, got {text!r:.40}")
    return int(text)


async def _body(request: Request) -> bytes:
    """What was uploaded; refused as soon as it is too large."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            raise _TooLarge(f"image: takes files of up to {MOST_BYTES} bytes")
    return bytes(data)
